import type { Command, Party } from './protocol.ts';

/** Who is joined with whom, so that a new worker can be told. By the ids of sessions, each of which has one leg. */
export class Joins {
  readonly #request: (command: Command) => Promise<unknown>;
  readonly #peers = new Map<number, number>();

  /** `request`: gives a command to the worker, and rejects as those of the client do. */
  constructor(request: (command: Command) => Promise<unknown>) {
    this.#request = request;
  }

  /** Whoever was joined with either is alone. When the request is rejected, so are both. */
  async join(one: number, other: number): Promise<void> {
    this.forget(one);
    this.forget(other);
    this.#peers.set(one, other);
    this.#peers.set(other, one);
    try {
      await this.#request(joining(one, other));
    } catch (error) {
      if (this.#peers.get(one) === other) this.forget(one);
      // Nobody knows what the worker did of it.
      for (const session of [one, other])
        if (!this.#peers.has(session)) this.#request(parting(session)).catch(() => {});
      throw error;
    }
  }

  async part(session: number): Promise<void> {
    this.forget(session);
    await this.#request(parting(session));
  }

  peerOf(session: number): number | undefined {
    return this.#peers.get(session);
  }

  /** It is closed, and so alone. */
  forget(session: number): void {
    const peer = this.#peers.get(session);
    this.#peers.delete(session);
    if (peer !== undefined) this.#peers.delete(peer);
  }

  /** What joins them all in a new worker. */
  restoration(): readonly Command[] {
    return [...this.#peers].flatMap(([one, other]) => (one < other ? [joining(one, other)] : []));
  }
}

function joining(one: number, other: number): Command {
  return { method: 'join', parties: [partyOf(one), partyOf(other)] };
}

function parting(session: number): Command {
  return { method: 'part', ...partyOf(session) };
}

function partyOf(session: number): Party {
  return { session, leg: 0 };
}
