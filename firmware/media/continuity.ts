import type { Clock, Timer } from '../core/clock.ts';
import { type Result, type Resumption, SNAPSHOT_SESSIONS } from './protocol.ts';

/** Each session's place is taken so often. */
const SNAPSHOT_INTERVAL_MS = 1000;
/** An older place is not worth going on from (PLACE_MAX_AGE_US in native/session/place.h). */
const MAX_AGE_MS = 60_000;
/** Each worker that dies without a snapshot moves numbers on by a reserve; receivers follow only so far. */
const MAX_RESUMPTIONS = 2;
/** Of what stands before each place in a snapshot: the session, the bytes of the place, and 32 bits unused. */
const HEADER_BYTES = 16;
const LENGTH_OFFSET = 8;

interface Place {
  readonly bytes: Buffer;
  readonly takenMs: number;
  resumptions: number;
}

/**
 * Where the streams of every session were a moment ago, for the worker that has to go on with them: asked for once a second, in as
 * many parts as it takes, so that neither process has to see to all sessions in one go. They are kept as they come, and read when a
 * worker is lost.
 */
export class Continuity {
  readonly #clock: Clock;
  readonly #take: (from: number) => Promise<Result>;
  readonly #sessionCount: () => number;
  readonly #isOpen: (session: number) => boolean;
  readonly #places = new Map<number, Place>();
  /** Where the next part begins. */
  #from = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: {
    clock: Clock;
    /** Has the worker take a snapshot. */
    take: (from: number) => Promise<Result>;
    sessionCount: () => number;
    isOpen: (session: number) => boolean;
  }) {
    this.#clock = options.clock;
    this.#take = options.take;
    this.#sessionCount = options.sessionCount;
    this.#isOpen = options.isOpen;
  }

  /** Call when a session was opened. It stops by itself with the last one. */
  watch(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const parts = Math.ceil(this.#sessionCount() / SNAPSHOT_SESSIONS) || 1;
    this.#timer = this.#clock.schedule(SNAPSHOT_INTERVAL_MS / parts, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const takenMs = this.#clock.elapsed();
    if (this.#sessionCount() > 0) {
      try {
        const result = await this.#take(this.#from);
        const isSnapshot = result !== null && 'places' in result;
        if (isSnapshot) this.#note(Buffer.from(result.places, 'base64'), takenMs);
        this.#from = isSnapshot ? result.next : 0;
      } catch {
        // The worker is gone or busy: what was taken before holds until the next one.
        this.#from = 0;
      }
    }
    this.#timer = undefined;
    if (this.#sessionCount() > 0) this.watch();
    else this.#from = 0;
  }

  /**
   * What does not reach to its end is left out, and so is a session that was closed while its place was on its way: nobody forgets
   * it again.
   */
  #note(places: Buffer, takenMs: number): void {
    let at = 0;
    while (at + HEADER_BYTES <= places.length) {
      const begin = at + HEADER_BYTES;
      const end = begin + places.readUInt32LE(at + LENGTH_OFFSET);
      if (end > places.length) return;
      const session = places.readDoubleLE(at);
      if (this.#isOpen(session)) {
        this.#places.set(session, { bytes: places.subarray(begin, end), takenMs, resumptions: 0 });
      }
      at = end;
    }
  }

  /** For the worker that opens the session again; undefined: its streams begin anew. */
  resume(session: number): Resumption | undefined {
    const known = this.#places.get(session);
    if (known === undefined) return undefined;
    const ageMs = Math.round(this.#clock.elapsed() - known.takenMs);
    known.resumptions += 1;
    if (ageMs > MAX_AGE_MS || known.resumptions > MAX_RESUMPTIONS) return undefined;
    return { place: known.bytes.toString('base64'), ageMs, resumptions: known.resumptions };
  }

  /** Call when a session was closed. */
  forget(session: number): void {
    this.#places.delete(session);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#places.clear();
  }
}
