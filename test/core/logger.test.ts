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
});
