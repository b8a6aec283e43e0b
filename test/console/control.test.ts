import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import t, { type Test } from 'tap';
import {
  type CommandResult,
  ControlServer,
  type RunCommand,
  requestCommand,
  streamCommand,
} from '../../firmware/console/control.ts';
import { createLogger } from '../../firmware/core/logger.ts';

/** A short path: a socket's may have 107 bytes, which a test folder's name alone can pass. */
function socketPath(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'rd-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  return join(directory, 'control.sock');
}

const silent = createLogger('silent');
const echo = async (words: readonly string[]): Promise<CommandResult> => ({
  status: 0,
  output: `${words.join('|')}\n`,
  errors: '',
});

t.test('a command runs in the runtime and its output comes back', async (t) => {
  const path = socketPath(t);
  const server = await ControlServer.open(path, echo, silent);
  t.teardown(() => server.close());
  t.equal(statSync(path).mode & 0o777, 0o660);
  const result = await requestCommand(path, ['extension', 'list', 'Bücher "x"\n']);
  t.same(result, { status: 0, output: 'extension|list|Bücher "x"\n\n', errors: '' });
});

t.test('what a command reads goes with it', async (t) => {
  const path = socketPath(t);
  const server = await ControlServer.open(
    path,
    async (_words, input) => ({ status: 0, output: input, errors: '' }),
    silent,
  );
  t.teardown(() => server.close());
  const input = `${'Zeile für Zeile\n'.repeat(100_000)}`;
  t.equal((await requestCommand(path, ['config', 'import', '-'], input)).output, input);
});

t.test('a command that throws is answered, and the next one runs', async (t) => {
  const path = socketPath(t);
  const run = async (words: readonly string[]) => {
    if (words[0] === 'bad') throw new Error('secret detail');
    return echo(words);
  };
  const server = await ControlServer.open(path, run, silent);
  t.teardown(() => server.close());
  const failed = await requestCommand(path, ['bad']);
  t.equal(failed.status, 1);
  t.notMatch(failed.errors, /secret detail/);
  t.equal((await requestCommand(path, ['good'])).output, 'good\n');
});

t.test('hostile bytes end their own connection only', async (t) => {
  const path = socketPath(t);
  const server = await ControlServer.open(path, echo, silent);
  t.teardown(() => server.close());
  for (const bytes of [
    '\n',
    'null\n',
    '{"words":[1]}\n',
    '{"words":"status"}\n',
    '\u0000\u0001\n',
    'x'.repeat(17_000_000),
    '{"words":["status"],"input":7}\n',
  ]) {
    const socket = createConnection(path);
    socket.on('error', () => {});
    socket.write(bytes);
    await new Promise((resolve) => socket.on('close', resolve));
    t.equal((await requestCommand(path, ['status'])).output, 'status\n');
  }
});

t.test('nobody there: a clear error; a file left by a dead process is replaced; a living one is not', async (t) => {
  const path = socketPath(t);
  await t.rejects(requestCommand(path, ['status']), { code: 'CONTROL_UNREACHABLE' });
  writeFileSync(path, '');
  const server = await ControlServer.open(path, echo, silent);
  await t.rejects(ControlServer.open(path, echo, silent), { code: 'CONTROL_IN_USE' });
  t.equal((await requestCommand(path, ['status'])).output, 'status\n');
  await server.close();
  await server.close();
  await t.rejects(requestCommand(path, ['status']), { code: 'CONTROL_UNREACHABLE' });
});

t.test('a server that never answers: the request times out', async (t) => {
  const path = socketPath(t);
  const server = createServer((socket) => socket.resume());
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  await t.rejects(requestCommand(path, ['status'], '', 50), { code: 'CONTROL_UNREACHABLE' });
});

t.test('a path that no socket can have is refused with the cure', async (t) => {
  const path = join(tmpdir(), 'x'.repeat(120), 'control.sock');
  await t.rejects(ControlServer.open(path, echo, silent), { code: 'CONTROL_PATH_TOO_LONG' });
});

/** Collects what a live command prints; `take` lets it have more, where it is slow. */
class Reader extends Writable {
  text = '';
  readonly #isSlow: boolean;
  #takeMore: () => void = () => undefined;

  constructor(isSlow = false) {
    super({ decodeStrings: false, highWaterMark: 1 });
    this.#isSlow = isSlow;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    this.text += text;
    if (this.#isSlow) this.#takeMore = done;
    else done();
  }

  take(): void {
    this.#takeMore();
  }
}

t.test('what a command prints that goes on comes at once, and its result last', async (t) => {
  const path = socketPath(t);
  let finish: () => void = () => undefined;
  const run: RunCommand = async (words, _input, live) => {
    live?.output.write(`first of ${words.join(' ')}\n`);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    live?.output.write('last\n');
    return { status: 3, output: '', errors: 'why\n' };
  };
  const server = await ControlServer.open(path, run, silent);
  t.teardown(() => server.close());
  const reader = new Reader();
  const result = streamCommand(path, ['trace', '201'], reader, new AbortController().signal);
  while (reader.text === '') await new Promise((resolve) => setImmediate(resolve));
  t.equal(reader.text, 'first of trace 201\n');
  finish();
  t.same(await result, { status: 3, output: '', errors: 'why\n' });
  t.equal(reader.text, 'first of trace 201\nlast\n');
});

t.test('a command that goes on hears when its reader goes, and its reader when the service goes', async (t) => {
  const path = socketPath(t);
  let stopped: AbortSignal | undefined;
  const run: RunCommand = async (_words, _input, live) => {
    stopped = live?.stopped;
    live?.output.write('x');
    await new Promise((resolve) => live?.stopped.addEventListener('abort', resolve));
    return { status: 0, output: '', errors: '' };
  };
  const server = await ControlServer.open(path, run, silent);
  const stop = new AbortController();
  const reader = new Reader();
  const ended = streamCommand(path, ['trace'], reader, stop.signal);
  while (reader.text === '') await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  t.same(await ended, { status: 0, output: '', errors: '' });
  while (stopped?.aborted !== true) await new Promise((resolve) => setImmediate(resolve));

  const other = new Reader();
  const cut = streamCommand(path, ['trace'], other, new AbortController().signal);
  while (other.text === '') await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([t.rejects(cut, { code: 'CONTROL_UNREACHABLE' }), server.close()]);
});

t.test('a slow reader makes a command that goes on wait, and holds no more than a little', async (t) => {
  const path = socketPath(t);
  const piece = 'x'.repeat(10_000);
  let written = 0;
  let isFull = false;
  const run: RunCommand = async (_words, _input, live) => {
    while (live !== undefined && !live.stopped.aborted && !live.output.writableNeedDrain && written < 20_000) {
      live.output.write(piece);
      written += 1;
      // What the kernel holds fills first.
      if (written % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    isFull = live?.output.writableNeedDrain === true;
    return { status: 0, output: '', errors: '' };
  };
  const server = await ControlServer.open(path, run, silent);
  t.teardown(() => server.close());
  const reader = new Reader(true);
  const stop = new AbortController();
  const streaming = streamCommand(path, ['trace'], reader, stop.signal);
  while (!isFull) await new Promise((resolve) => setImmediate(resolve));
  t.ok(written < 20_000, `${written} pieces were taken`);
  stop.abort();
  await streaming;
});
