import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type CommandResult, ControlServer, requestCommand } from '../../firmware/console/control.ts';
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
