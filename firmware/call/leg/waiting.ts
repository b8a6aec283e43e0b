import type { Sound } from '../../media/client.ts';
import type { HeaderField } from '../../sip/stack.ts';
import type { Leg } from './leg.ts';
import type { LegParty } from './leg-party.ts';
import type { Refusal } from './negotiation.ts';

/** Why nobody is there for a party that waits. */
export interface RefusedParty {
  /** 300 to 699. */
  readonly status: number;
  /** Of a description, with its Warning. */
  readonly refusal?: Refusal;
  /** Why, in words for a caller here (RFC 3261 §20.43). */
  readonly warning?: string;
  /** A value of Reason (RFC 3326). */
  readonly reason?: string;
}

/**
 * A party that waits for somebody: a caller who has no answer yet, or one that is up already (transferred, parked, in a queue).
 * Whatever runs a plan sees this, and not which of the two it is.
 */
export interface Waiting {
  /** Answered already. */
  readonly isUp: boolean;
  readonly isEnded: boolean;
  /** Somebody rings: 180 (RFC 3261 §21.1.2), or the ring-back tone. */
  ring(headers?: readonly HeaderField[]): void;
  /** Plays it to one that is up; one that is not hears what its phone makes of 180. Answer it first (`prepare`, `accept`). */
  hear(sound: Sound): void;
  hearMusic(): void;
  /** It may hear what `from` sends before it answers: 183, or no tone any more. False where it cannot. */
  progress(from: Leg): Promise<boolean>;
  /**
   * Agrees on media, for a conversation with `other`, or with the box itself. Nothing is answered yet. A refusal is what is wrong
   * with what the party offered. Rejects as MediaSession does. `isJoined`: their media are joined at once (Bridge.join), which waits
   * for the media worker to do as agreed.
   */
  prepare(other?: Leg, isJoined?: boolean): Promise<Refusal | undefined>;
  /** After `prepare`: answers, and says that it is `other` who does; the box itself where left out. False when the party is gone. */
  accept(other?: LegParty): boolean;
  /** Nobody is there: the final response, or busy or congestion tone for a bounded time, then BYE. Resolves when it is over. */
  reject(refused: RefusedParty): Promise<void>;
}
