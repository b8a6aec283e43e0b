import type { Socket } from 'node:net';

/** Open connections, all together and by source: one stranger who opens many must not keep the others out. */
export class ConnectionLimit {
  readonly #total: number;
  readonly #perSource: number;
  readonly #open = new Map<string, number>();
  /** By both ends: TLS has a socket of its own over that of the connection. */
  readonly #leave = new Map<string, () => void>();
  #count = 0;

  constructor(total: number, perSource: number) {
    this.#total = total;
    this.#perSource = perSource;
  }

  /** Counts the connection until it closes, or is released; false, and nothing counted, when there are too many. */
  admit(source: string, socket: Socket): boolean {
    const ofSource = this.#open.get(source) ?? 0;
    if (this.#count >= this.#total || ofSource >= this.#perSource) return false;
    this.#count += 1;
    this.#open.set(source, ofSource + 1);
    const ends = endsOf(socket);
    let isCounted = true;
    const leave = (): void => {
      if (!isCounted) return;
      isCounted = false;
      if (this.#leave.get(ends) === leave) this.#leave.delete(ends);
      this.#count -= 1;
      const left = (this.#open.get(source) ?? 1) - 1;
      if (left === 0) this.#open.delete(source);
      else this.#open.set(source, left);
    };
    this.#leave.set(ends, leave);
    socket.once('close', leave);
    return true;
  }

  /** The connection goes on, and is counted here no more. `socket`: its own, or that of TLS over it. Idempotent. */
  release(socket: Socket): void {
    this.#leave.get(endsOf(socket))?.();
  }
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(' ');
}
