import type { Clock, Timer } from '../core/clock.ts';
import type { Places, Resumption } from './protocol.ts';

const SNAPSHOT_INTERVAL_MS = 1000;
/** An older place is not worth going on from (PLACE_MAX_AGE_US in native/session/place.h). */
const MAX_AGE_MS = 60_000;
/** Each worker that dies without a snapshot moves numbers on by a reserve; receivers follow only so far. */
const MAX_RESUMPTIONS = 2;

/**
 * Where the streams of every session were a moment ago, for the worker that has to go on with them: asked for once a second, in
 * one request for all.
 */
export class Continuity {
  readonly #clock: Clock;
  readonly #take: () => Promise<Places>;
  readonly #hasSessions: () => boolean;
  #places = new Map<number, { readonly place: string; readonly takenMs: number; resumptions: number }>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: { clock: Clock; take: () => Promise<Places>; hasSessions: () => boolean }) {
    this.#clock = options.clock;
    this.#take = options.take;
    this.#hasSessions = options.hasSessions;
  }

  /** Call when a session was opened. It stops by itself with the last one. */
  watch(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = this.#clock.schedule(SNAPSHOT_INTERVAL_MS, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const takenMs = this.#clock.elapsed();
    if (this.#hasSessions()) {
      try {
        const places = await this.#take();
        this.#places = new Map(places.map(([session, place]) => [session, { place, takenMs, resumptions: 0 }]));
      } catch {
        // The worker is gone or busy: what was taken before holds until the next one.
      }
    } else {
      this.#places.clear();
    }
    this.#timer = undefined;
    if (this.#hasSessions()) this.watch();
  }

  /** For the worker that opens the session again; undefined: its streams begin anew. */
  resume(session: number): Resumption | undefined {
    const known = this.#places.get(session);
    if (known === undefined) return undefined;
    const ageMs = Math.round(this.#clock.elapsed() - known.takenMs);
    known.resumptions += 1;
    if (ageMs > MAX_AGE_MS || known.resumptions > MAX_RESUMPTIONS) return undefined;
    return { place: known.place, ageMs, resumptions: known.resumptions };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#places.clear();
  }
}
