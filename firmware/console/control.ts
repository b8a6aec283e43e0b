import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { RingdownError, UsageError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

/*
 * The runtime's local control socket: one JSON object a line. The console sends a command's words, the runtime runs the
 * command and answers with what it printed. Who may connect is decided by the socket's file mode alone.
 *
 *   → { "words": ["extension", "list"] }
 *   ← { "status": 0, "output": "201  Reception\n", "errors": "" }
 */

export interface CommandResult {
  /** Exit status: 0 done, 1 failed, 2 wrong use. */
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

export type RunCommand = (words: readonly string[]) => Promise<CommandResult>;

const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_REPLY_BYTES = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 8;
const IDLE_MS = 60_000;
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
    if (await isControlAlive(path)) {
      throw new RingdownError(
        'CONTROL_IN_USE',
        `Another runtime answers on ${path}`,
        'Stop it first, or give this one another data directory.',
      );
    }
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
      const words = parseWords(line);
      if (words === undefined) {
        socket.destroy();
        return;
      }
      let result: CommandResult;
      try {
        result = await run(words);
      } catch (error) {
        logger.error({ err: error, command: words[0] }, 'control command failed');
        result = { status: 1, output: '', errors: 'The command failed; the log says why.\n' };
      }
      if (!socket.destroyed) socket.write(`${JSON.stringify(result)}\n`);
    });
  }
}

/**
 * Runs one command in the runtime that listens on `path`. Rejects with CONTROL_UNREACHABLE when none does or it does not
 * answer within `timeoutMs`.
 */
export function requestCommand(path: string, words: readonly string[], timeoutMs = 10_000): Promise<CommandResult> {
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
    socket.on('connect', () => socket.write(`${JSON.stringify({ words })}\n`));
    readLines(socket, MAX_REPLY_BYTES, (line) => {
      const result = parseResult(line);
      if (result === undefined) return fail();
      resolve(result);
      socket.destroy();
    });
  });
}

function readLines(socket: Socket, maxBytes: number, onLine: (line: string) => void): void {
  let buffered = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    buffered += chunk;
    if (buffered.length > maxBytes) {
      socket.destroy();
      return;
    }
    for (let end = buffered.indexOf('\n'); end >= 0 && !socket.destroyed; end = buffered.indexOf('\n')) {
      const line = buffered.slice(0, end);
      buffered = buffered.slice(end + 1);
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

function parseWords(line: string): readonly string[] | undefined {
  const words = parseObject(line)?.words;
  return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : undefined;
}

function parseResult(line: string): CommandResult | undefined {
  const { status, output, errors } = parseObject(line) ?? {};
  if (typeof status !== 'number' || typeof output !== 'string' || typeof errors !== 'string') return undefined;
  return { status, output, errors };
}

/** Whether something answers on the socket: only then is its file more than what a dead process left. */
export function isControlAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
