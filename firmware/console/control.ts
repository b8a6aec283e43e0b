import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { RingdownError, UsageError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

/*
 * The runtime's local control socket: one JSON object a line. The console sends a command's words, the runtime runs the
 * command and answers with what it printed. Who may connect is decided by the socket's file mode alone.
 *
 *   → { "words": ["extension", "list"] }                     with "input": "…" where the command reads standard input
 *   ← { "status": 0, "output": "201  Reception\n", "errors": "" }
 *
 * A command that goes on is asked for with "live": true. What it prints comes line by line, the result last; it ends
 * when the connection does.
 *
 *   → { "words": ["trace", "201"], "live": true }
 *   ← { "output": "…" }
 *   ← { "status": 0, "output": "", "errors": "" }
 */

export interface CommandResult {
  /** Exit status: 0 done, 1 failed, 2 wrong use. */
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** Where a command that goes on prints, as long as somebody reads it. */
export interface LiveOutput {
  /** Has room for a moment's worth; `writableNeedDrain` says when the reader is too slow. */
  readonly output: Writable;
  /** Aborted when the reader has gone. */
  readonly stopped: AbortSignal;
}

/** `input` is what the command finds on its standard input. */
export type RunCommand = (words: readonly string[], input: string, live?: LiveOutput) => Promise<CommandResult>;

/** Room for a whole configuration as input, and as output. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
/** What waits for a reader of a live command, in characters. */
const MAX_UNREAD = 1 << 20;
const MAX_CONNECTIONS = 16;
const IDLE_MS = 60_000;
/** A large import takes the box's processor tens of seconds. */
const COMMAND_TIMEOUT_MS = 60_000;
/** What sockaddr_un holds on Linux, less the closing NUL (unix(7)). */
const MAX_PATH_BYTES = 107;
/** Owner and group: the group is how the console's user is let in. */
const SOCKET_MODE = 0o660;

export class ControlServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /**
   * Listens on the Unix socket `path`, replacing what a dead process left there. Throws CONTROL_PATH_TOO_LONG and
   * CONTROL_IN_USE.
   */
  static async open(path: string, run: RunCommand, logger: Logger): Promise<ControlServer> {
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      throw new UsageError(
        'CONTROL_PATH_TOO_LONG',
        `The control socket's path ${path} is longer than ${MAX_PATH_BYTES} bytes`,
        'Give a shorter one with --control.',
      );
    }
    await refuseSecondRuntime(path);
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    const server = createServer();
    const control = new ControlServer(server, path);
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket) => control.#serve(socket, run, logger));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    chmodSync(path, SOCKET_MODE);
    return control;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    rmSync(this.#path, { force: true });
  }

  #serve(socket: Socket, run: RunCommand, logger: Logger): void {
    this.#sockets.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    readLines(socket, MAX_REQUEST_BYTES, async (line) => {
      const request = parseRequest(line);
      if (request === undefined) {
        socket.destroy();
        return;
      }
      const { words, input } = request;
      const live = request.live ? liveOutput(socket) : undefined;
      let result: CommandResult;
      try {
        result = await run(words, input, live);
      } catch (error) {
        logger.error({ err: error, command: words[0] }, 'control command failed');
        result = { status: 1, output: '', errors: 'The command failed; the log says why.\n' };
      }
      if (live !== undefined) await new Promise<void>((resolve) => live.output.end(resolve));
      if (socket.destroyed) return;
      socket.write(`${JSON.stringify(result)}\n`);
      socket.setTimeout(IDLE_MS);
    });
  }
}

/**
 * Runs one command in the runtime that listens on `path`, with `input` on its standard input. Rejects with CONTROL_UNREACHABLE when none does or it does not
 * answer within `timeoutMs`.
 */
export function requestCommand(
  path: string,
  words: readonly string[],
  input = '',
  timeoutMs = COMMAND_TIMEOUT_MS,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const fail = (cause?: unknown) => {
      socket.destroy();
      reject(
        new RingdownError('CONTROL_UNREACHABLE', 'The telephone service does not answer', 'Try again, or reboot.', {
          cause,
        }),
      );
    };
    socket.setTimeout(timeoutMs, fail);
    socket.on('error', fail);
    socket.on('close', () => fail());
    socket.on('connect', () => socket.write(`${JSON.stringify({ words, input })}\n`));
    readLines(socket, MAX_REPLY_BYTES, (line) => {
      const result = parseResult(line);
      if (result === undefined) return fail();
      resolve(result);
      socket.destroy();
    });
  });
}

/**
 * Runs a command that goes on in the runtime that listens on `path`; what it prints goes to `output`, which may take its
 * time. Resolves when it has ended, or when `stop` is aborted. Rejects with CONTROL_UNREACHABLE when the runtime is not
 * there or goes away.
 */
export function streamCommand(
  path: string,
  words: readonly string[],
  output: Writable,
  stop: AbortSignal,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const end = (result: CommandResult) => {
      stop.removeEventListener('abort', onStop);
      resolve(result);
      socket.destroy();
    };
    const onStop = () => end({ status: 0, output: '', errors: '' });
    const fail = (cause?: unknown) => {
      stop.removeEventListener('abort', onStop);
      socket.destroy();
      reject(
        new RingdownError('CONTROL_UNREACHABLE', 'The telephone service does not answer', 'Try again, or reboot.', {
          cause,
        }),
      );
    };
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) return onStop();
    socket.on('error', fail);
    socket.on('close', () => fail());
    socket.on('connect', () => socket.write(`${JSON.stringify({ words, live: true })}\n`));
    readLines(socket, MAX_REPLY_BYTES, (line) => {
      const result = parseResult(line);
      if (result !== undefined) return end(result);
      const { output: text } = parseObject(line) ?? {};
      if (typeof text !== 'string') return fail();
      if (output.write(text)) return;
      socket.pause();
      output.once('drain', () => socket.resume());
    });
  });
}

/** What is written here goes to the other end as it comes. */
function liveOutput(socket: Socket): LiveOutput {
  const gone = new AbortController();
  const output = new Writable({
    decodeStrings: false,
    highWaterMark: MAX_UNREAD,
    write: (text: string, _encoding, done) => {
      if (socket.destroyed) done();
      else socket.write(`${JSON.stringify({ output: text })}\n`, () => done());
    },
  });
  socket.once('close', () => gone.abort());
  if (socket.destroyed) gone.abort();
  // A trace may show nothing for hours.
  socket.setTimeout(0);
  return { output, stopped: gone.signal };
}

function readLines(socket: Socket, maxBytes: number, onLine: (line: string) => void): void {
  let pieces: string[] = [];
  let length = 0;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    // Only what is new is searched: a request may come in thousands of pieces.
    const parts = chunk.split('\n');
    for (const [index, part] of parts.entries()) {
      length += part.length;
      if (length > maxBytes) socket.destroy();
      if (socket.destroyed) return;
      pieces.push(part);
      if (index === parts.length - 1) return;
      const line = pieces.join('');
      pieces = [];
      length = 0;
      onLine(line);
    }
  });
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function parseRequest(
  line: string,
): { readonly words: readonly string[]; readonly input: string; readonly live: boolean } | undefined {
  const { words, input = '', live = false } = parseObject(line) ?? {};
  if (!Array.isArray(words) || typeof input !== 'string' || typeof live !== 'boolean') return undefined;
  return words.every((word) => typeof word === 'string') ? { words, input, live } : undefined;
}

function parseResult(line: string): CommandResult | undefined {
  const { status, output, errors } = parseObject(line) ?? {};
  if (typeof status !== 'number' || typeof output !== 'string' || typeof errors !== 'string') return undefined;
  return { status, output, errors };
}

/** Throws RingdownError CONTROL_IN_USE. To be asked before anything of the data directory is touched. */
export async function refuseSecondRuntime(path: string, dataDirectory?: string): Promise<void> {
  const isTaken = dataDirectory !== undefined && (await isServed(dataDirectory));
  if (!isTaken && !(await isControlAlive(path))) return;
  throw new RingdownError(
    'CONTROL_IN_USE',
    isTaken ? `Another runtime serves ${dataDirectory}` : `Another runtime answers on ${path}`,
    'Stop it first, or give this one another data directory.',
  );
}

/** Where a data directory notes on which socket its service answers: the command line cannot know. */
const PATH_FILE_NAME = 'control.path';

/** Notes the socket's path in the data directory; writes nothing where it stands there already. */
export function noteControlPath(dataDirectory: string, path: string): void {
  const file = join(dataDirectory, PATH_FILE_NAME);
  if (notedControlPath(dataDirectory) !== path) writeFileSync(file, `${path}\n`, { mode: 0o600 });
}

/** Undefined where no service was ever started on this data directory. */
export function notedControlPath(dataDirectory: string): string | undefined {
  try {
    return readFileSync(join(dataDirectory, PATH_FILE_NAME), 'utf8').trim();
  } catch (error) {
    // A directory that cannot be one is told by whoever opens what is in it.
    const isNowhere =
      error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (isNowhere) return undefined;
    throw error;
  }
}

/** Whether a service runs on this data directory. */
export async function isServed(dataDirectory: string): Promise<boolean> {
  const path = notedControlPath(dataDirectory);
  return path !== undefined && isControlAlive(path);
}

/** Whether something answers on the socket: only then is its file more than what a dead process left. */
function isControlAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
