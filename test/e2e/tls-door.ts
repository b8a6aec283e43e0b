import { connect, type Server } from 'node:net';
import { createServer } from 'node:tls';
import { testIdentity } from '../sip/support/stacks.ts';

/** TLS in front of something that speaks TCP, as sipp does: the certificate is for 127.0.0.1 and ::1. */
export class TlsDoor {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(address: string, toPort: number): Promise<TlsDoor> {
    const { key, cert } = testIdentity;
    const server = createServer({ key, cert }, (socket) => {
      const inner = connect(toPort, address);
      socket.pipe(inner).pipe(socket);
      for (const each of [socket, inner]) each.on('error', () => [socket, inner].map((one) => one.destroy()));
    });
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return new TlsDoor(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
  }
}
