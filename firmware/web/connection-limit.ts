import type { Socket } from 'node:net';

/** Open connections, all together and by source: one stranger who opens many must not keep the others out. */
export class ConnectionLimit {
  readonly #total: number;
  readonly #perSource: number;
  readonly #open = new Map<string, number>();
  #count = 0;

  constructor(total: number, perSource: number) {
    this.#total = total;
    this.#perSource = perSource;
  }

  /** Counts the connection until it closes; false, and nothing counted, when there are too many. */
  admit(source: string, socket: Socket): boolean {
    const ofSource = this.#open.get(source) ?? 0;
    if (this.#count >= this.#total || ofSource >= this.#perSource) return false;
    this.#count += 1;
    this.#open.set(source, ofSource + 1);
    socket.once('close', () => {
      this.#count -= 1;
      const left = (this.#open.get(source) ?? 1) - 1;
      if (left === 0) this.#open.delete(source);
      else this.#open.set(source, left);
    });
    return true;
  }
}
