import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { atExit } from './cleanup.ts';

const CONNECT_MS = 10_000;

export interface SipRelayOptions {
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
    server.listen({ host: options.box.address, port: 0 });
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
    const { box, authority } = this.#options;
    const where = { host: box.address, port: box.port, timeout: CONNECT_MS };
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
      const program = connect({ host: this.#options.box.address, port: this.#options.listenerPort });
      this.#join(program, box);
    }
    this.#program?.write(data);
  }
}
