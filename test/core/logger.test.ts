import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { createLogger, SourceLog } from '../../firmware/core/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';

function capture() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { lines, logger };
}

t.test('a source is logged once a second, and then with the count of lines left out', async (t) => {
  const { lines, logger } = capture();
  const clock = new FakeClock();
  const log = new SourceLog(logger, clock);
  for (let i = 0; i < 100; i++) log.warn('192.0.2.1', {}, 'bad datagram');
  log.warn('192.0.2.2', {}, 'bad datagram');
  t.equal(lines.length, 2);
  clock.advance(1000);
  log.warn('192.0.2.1', {}, 'bad datagram');
  t.equal(lines.length, 3);
  t.equal(lines[2]?.suppressed, 99);
});

t.test('a source is logged on when the time of day is put back', async (t) => {
  const { lines, logger } = capture();
  const clock = new FakeClock();
  const log = new SourceLog(logger, clock);
  log.warn('192.0.2.1', {}, 'bad datagram');
  clock.jump(-86_400_000);
  clock.advance(1000);
  log.warn('192.0.2.1', {}, 'bad datagram');
  t.equal(lines.length, 2);
});

t.test('more sources than the table holds neither grow it nor hide what comes a second later', async (t) => {
  const { lines, logger } = capture();
  const clock = new FakeClock();
  const log = new SourceLog(logger, clock);
  for (let i = 0; i < 5000; i++) log.warn(`source ${i}`, {}, 'bad datagram');
  t.equal(lines.length, 100);
  clock.advance(1001);
  log.warn('192.0.2.9', {}, 'bad datagram');
  t.equal(lines.length, 101);
});

t.test('secrets never reach the log', async (t) => {
  const { lines, logger } = capture();
  logger.info({ password: 'hunter2', user: { ha1: 'abc', name: '201' } }, 'hello');
  t.match(lines[0], { password: '[secret]', user: { ha1: '[secret]', name: '201' } });
  const fields = { secret: 'hunter2', user: { privateKey: 'abc' } };
  logger.child({ authorization: 'Digest', from: '201', to: fields }).warn(fields, 'hello');
  t.match(lines[1], { authorization: '[secret]', from: '201', to: { secret: '[secret]' } });
  t.match(lines[1], { secret: '[secret]', user: { privateKey: '[secret]' } });
  t.same(fields, { secret: 'hunter2', user: { privateKey: 'abc' } }, 'what is logged stays as it is');
  logger.error({ err: Object.assign(new Error('refused'), { password: 'hunter2' }) }, 'hello');
  t.match(lines[2], { err: { message: 'refused', password: '[secret]' } });
  t.notMatch(JSON.stringify(lines), 'hunter2');
});

/** Logs `turns` lines on standard output, each in a turn of its own but for the last, which is followed by the end at once. */
function program(turns: number): string {
  return `import { createLogger } from ${JSON.stringify(new URL('../../firmware/core/logger.ts', import.meta.url).href)};
    const logger = createLogger();
    for (let at = 1; at < ${turns}; at += 1) {
      logger.info({ at }, 'a line');
      await new Promise((resolve) => setImmediate(resolve));
    }
    logger.info({ at: ${turns} }, 'a line');
    process.exit(0);`;
}

function run(turns: number) {
  return spawn(process.execPath, ['--input-type=module', '--eval', program(turns)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
    killSignal: 'SIGKILL',
  });
}

t.test('lines on standard output come in their order, the last before the end too', async (t) => {
  const child = run(200);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await once(child, 'close');
  t.same(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).at),
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
});

t.test('a program whose lines nobody reads any more goes on, and ends', async (t) => {
  const child = run(2000);
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  t.same(await ended, [0, null]);
});
