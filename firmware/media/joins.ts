import type { Command, Party } from './protocol.ts';

/** Who is joined with whom, as the client keeps it: it outlives a worker. By the id of the session, which has one leg. */
export class Joins {
  readonly #peers = new Map<number, number>();

  peerOf(session: number): number | undefined {
    return this.#peers.get(session);
  }

  /** Whoever was joined with either is alone. */
  join(one: number, other: number): void {
    this.part(one);
    this.part(other);
    this.#peers.set(one, other);
    this.#peers.set(other, one);
  }

  part(session: number): void {
    const peer = this.#peers.get(session);
    this.#peers.delete(session);
    if (peer !== undefined) this.#peers.delete(peer);
  }

  /** What joins them all in a new worker. */
  restoration(): readonly Command[] {
    return [...this.#peers].flatMap(([one, other]) => (one < other ? [joining(one, other)] : []));
  }

  clear(): void {
    this.#peers.clear();
  }
}

export function joining(one: number, other: number): Command {
  return { method: 'join', parties: [partyOf(one), partyOf(other)] };
}

function partyOf(session: number): Party {
  return { session, leg: 0 };
}
