import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { atExit } from './cleanup.ts';

const CONNECT_MS = 10_000;
/** A process that starts beside others on a busy machine. */
const START_MS = 30_000;

export interface SipRelayOptions {
  /** Its own, where programs connect to it and wait for it. */
  readonly address: string;
  /** Where the box listens. */
  readonly box: { readonly address: string; readonly port: number };
  /** The authority that vouches for the box: with it the relay speaks TLS. */
  readonly authority?: string;
  /** Where a program waits for what the box sends while no program is connected to the relay. */
  readonly listenerPort: number;
}

/**
 * Stands between programs that speak SIP over TCP without TLS, one after the other, and the box. To the box all of them
 * are one device: the connection stays while programs come and go, so that one of them registers and another is called.
 */
export class SipRelay {
  readonly port: number;
  readonly #options: SipRelayOptions;
  readonly #server: Server;
  #box: Socket | undefined;
  #program: Socket | undefined;
  readonly #close: () => void;

  private constructor(options: SipRelayOptions, server: Server, port: number) {
    this.#options = options;
    this.#server = server;
    this.port = port;
    server.on('connection', (socket) => {
      void this.#take(socket);
    });
    this.#close = atExit(() => {
      this.#server.close();
      this.#program?.destroy();
      this.#box?.destroy();
    });
  }

  static async open(options: SipRelayOptions): Promise<SipRelay> {
    const server = createServer({ pauseOnConnect: true });
    server.listen({ host: options.address, port: 0 });
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('the relay has no port');
    return new SipRelay(options, server, bound.port);
  }

  /** Cuts the connection to the box without a word. The next program that connects makes a new one. */
  cut(): void {
    this.#box?.destroy();
    this.#box = undefined;
  }

  close(): void {
    this.#close();
  }

  async #take(program: Socket): Promise<void> {
    try {
      const box = await this.#boxSocket();
      this.#join(program, box);
    } catch {
      // What the program wanted to say is lost with the box, and it sees its connection end.
      program.destroy();
    }
  }

  #join(program: Socket, box: Socket): void {
    this.#program = program;
    program.on('error', () => undefined);
    program.on('close', () => {
      if (this.#program === program) this.#program = undefined;
    });
    program.on('data', (data) => {
      if (!box.destroyed) box.write(data);
    });
    program.resume();
  }

  async #boxSocket(): Promise<Socket> {
    const present = this.#box;
    if (present !== undefined && !present.destroyed) return present;
    const { address, box, authority } = this.#options;
    const where = { host: box.address, port: box.port, localAddress: address, timeout: CONNECT_MS };
    const socket = authority === undefined ? connect(where) : connectTls({ ...where, ca: authority });
    socket.on('error', () => undefined);
    await once(socket, authority === undefined ? 'connect' : 'secureConnect');
    socket.setTimeout(0);
    socket.on('data', (data: Buffer) => this.#toProgram(data, socket));
    socket.on('close', () => {
      if (this.#box !== socket) return;
      this.#box = undefined;
      this.#program?.destroy();
    });
    this.#box = socket;
    return socket;
  }

  #toProgram(data: Buffer, box: Socket): void {
    if (this.#program === undefined) {
      const program = connect({ host: this.#options.address, port: this.#options.listenerPort });
      this.#join(program, box);
    }
    this.#program?.write(data);
  }
}

/** A SipRelay in a process of its own, so that it can live in a network namespace. */
export class RemoteSipRelay {
  readonly port: number;
  readonly #child: ChildProcessWithoutNullStreams;

  private constructor(child: ChildProcessWithoutNullStreams, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** `prefix` is put before its command line, such as `['ip', 'netns', 'exec', 'NAME']`. */
  static async start(options: SipRelayOptions, prefix: readonly string[]): Promise<RemoteSipRelay> {
    const main = fileURLToPath(new URL('./sip-relay-main.ts', import.meta.url));
    const [file = process.execPath, ...args] = [...prefix, process.execPath, main, JSON.stringify(options)];
    const child = spawn(file, args, { stdio: 'pipe' });
    child.stdin.on('error', () => undefined);
    child.stderr.pipe(process.stderr);
    const [line] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(START_MS) });
    return new RemoteSipRelay(child, Number(line));
  }

  /** Ends its process. */
  close(): void {
    this.#child.stdin.end();
  }
}
