import { detachedText } from '../../core/detached-text.ts';

/** A source, or one user name of a source, that gets no answer for a while. */
export interface Block {
  /** As `sourceOf` writes it. */
  readonly source: string;
  /** Where the source has phones that are logged in, it is only this name that is not heard from there. */
  readonly user: string | undefined;
  readonly reason: string;
  /** As the clock of who asks has them: here by `Clock.elapsed`, in `Admission.blocks` since the Unix epoch. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Messages and connections that got no answer. */
  refused: number;
}

/** One more pushes the oldest out: who comes back from there is blocked again soon enough. */
export const MAX_BLOCKS = 4096;
/** Of a name that a stranger chose. */
const MAX_USER_LENGTH = 64;

/** Who is blocked, why and until when. */
export class BlockedSources {
  /** The oldest first. */
  readonly #blocks = new Map<string, Block>();
  #withUser = 0;

  get size(): number {
    return this.#blocks.size;
  }

  add(source: string, user: string | undefined, reason: string, nowMs: number, seconds: number): Block {
    const name = user === undefined ? undefined : detachedText(user, MAX_USER_LENGTH);
    const key = keyOf(source, name);
    const refused = this.#blocks.get(key)?.refused ?? 0;
    this.#delete(key);
    if (this.#blocks.size >= MAX_BLOCKS) {
      const [oldest] = this.#blocks.keys();
      if (oldest !== undefined) this.#delete(oldest);
    }
    const block = { source, user: name, reason, sinceMs: nowMs, untilMs: nowMs + seconds * 1000, refused };
    this.#blocks.set(key, block);
    if (name !== undefined) this.#withUser += 1;
    return block;
  }

  /** The block of the whole source that holds now. */
  find(source: string, nowMs: number): Block | undefined {
    return this.#blocks.size === 0 ? undefined : this.#current(source, nowMs);
  }

  /** The block of that name at that source. */
  findUser(source: string, user: () => string | undefined, nowMs: number): Block | undefined {
    if (this.#withUser === 0) return undefined;
    const name = user();
    return name === undefined ? undefined : this.#current(keyOf(source, name.slice(0, MAX_USER_LENGTH)), nowMs);
  }

  /** Those that hold now, the newest first. */
  list(nowMs: number): readonly Block[] {
    for (const key of [...this.#blocks.keys()]) this.#current(key, nowMs);
    return [...this.#blocks.values()].reverse();
  }

  /** Ends the blocks that `ends` names; how many those were. */
  release(ends: (block: Block) => boolean): number {
    let count = 0;
    for (const [key, block] of [...this.#blocks]) {
      if (!ends(block)) continue;
      this.#delete(key);
      count += 1;
    }
    return count;
  }

  #current(key: string, nowMs: number): Block | undefined {
    const block = this.#blocks.get(key);
    if (block === undefined || nowMs < block.untilMs) return block;
    this.#delete(key);
    return undefined;
  }

  #delete(key: string): void {
    if (this.#blocks.get(key)?.user !== undefined) this.#withUser -= 1;
    this.#blocks.delete(key);
  }
}

function keyOf(source: string, user: string | undefined): string {
  return user === undefined ? source : `${source} ${user}`;
}
