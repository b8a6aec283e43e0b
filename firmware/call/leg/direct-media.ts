import type { Clock, Timer } from '../../core/clock.ts';
import type { LegIndex } from '../../media/client.ts';
import { telephoneEventOf } from '../../sdp/audio.ts';
import type { Flow, RenegotiationResult } from '../../sip/stack.ts';
import type { Agreement, MediaSide } from './media-side.ts';
import type { Refusal } from './negotiation.ts';

/** One side of a call that is connected. */
export interface ConnectedSide {
  readonly side: MediaSide;
  readonly flow: Flow;
  /** Sends an offer by re-INVITE. */
  readonly reinvite: (sdp: string) => Promise<RenegotiationResult>;
}

/** Why media go through the box. */
export type Obstacle =
  /** Switched off, or one of the sides is outside of the office. */
  | 'not allowed'
  /** On hold, or not yet agreed. */
  | 'direction'
  | 'codec'
  | 'packet time'
  /** One side alone takes RFC 4733 events: the box has to hear them in the other's audio. */
  | 'telephone events'
  /** SRTP, on one side or both: its keys could be handed over, the place in its stream could not. */
  | 'security'
  /** Different families, or offered over both (ANAT, ALTC). */
  | 'addresses'
  /** Not the same LAN of ours. */
  | 'network'
  /** Media go elsewhere than the signalling comes from: a NAT, or a proxy. */
  | 'NAT';

/** What stands between the two sides and direct media; undefined: nothing. */
export function directObstacle(left: ConnectedSide, right: ConnectedSide): Obstacle | undefined {
  const [one, other] = [left.side.agreement, right.side.agreement];
  if (one === undefined || other === undefined) return 'direction';
  if (one.audio.direction !== 'sendrecv' || other.audio.direction !== 'sendrecv') return 'direction';
  if (one.audio.crypto !== undefined || other.audio.crypto !== undefined) return 'security';
  if (one.parameters.codec !== other.parameters.codec) return 'codec';
  if (one.parameters.annexB !== other.parameters.annexB) return 'codec';
  if (left.side.pauses.comfortNoise !== right.side.pauses.comfortNoise) return 'codec';
  if (one.parameters.ptimeMs !== other.parameters.ptimeMs) return 'packet time';
  if (takesEvents(one) !== takesEvents(other)) return 'telephone events';
  if (one.audio.hasAlternatives || other.audio.hasAlternatives) return 'addresses';
  if (one.audio.remoteAddress.includes(':') !== other.audio.remoteAddress.includes(':')) return 'addresses';
  if (left.flow.localAddress !== right.flow.localAddress) return 'network';
  if (isElsewhere(left.flow, one) || isElsewhere(right.flow, other)) return 'NAT';
  return undefined;
}

function takesEvents({ audio, parameters }: Agreement): boolean {
  return telephoneEventOf(audio, parameters.codec) !== undefined;
}

function isElsewhere({ remoteAddress }: Flow, { audio }: Agreement): boolean {
  return remoteAddress !== audio.remoteAddress;
}

/** Phones that have just been connected get time to begin. */
const BEGIN_MS = 500;
/** After a collision with an offer of a peer (RFC 3261 §14.1), growing. */
const RETRY_MS = 2500;
const MAX_ATTEMPTS = 4;
/** A phone that changes its media with every re-INVITE that it gets would go to and fro for ever. */
const MAX_SWITCHES = 16;

type State = 'relayed' | 'switching' | 'direct' | 'returning' | 'closed';

export interface DirectMediaOptions {
  readonly clock: Clock;
  /** Both sides of the call, the caller's first; undefined until they are connected and when they are no more. */
  readonly sides: () => readonly [ConnectedSide, ConnectedSide] | undefined;
  /** Configuration allows it, and neither side is outside of the office. Asked anew each time. */
  readonly isAllowed: () => boolean;
  /** Has the media worker relay for this side as it just agreed. Never rejects. */
  readonly relay: (leg: LegIndex, agreement: Agreement) => Promise<void>;
  /** Media go between the phones, or through the box again. */
  readonly onChanged: (isDirect: boolean) => void;
}

/**
 * Lets media go between the two phones, by re-INVITEs with each other's address, and brings them back when somebody needs
 * the box. The session in the media worker stays open meanwhile with its ports, so that the way back needs nothing that
 * could fail, and packets of a phone that switches later than the other are relayed as before.
 */
export class DirectMedia {
  readonly #options: DirectMediaOptions;
  readonly #needed = new Set<object>();
  #state: State = 'relayed';
  #timer: Timer | undefined;
  #attempts = 0;
  #switches = 0;
  /** A peer said that it does not want to, or cannot. */
  #refused = false;
  /** One more with each change of a peer's own: what was begun before it is undone. */
  #changes = 0;

  constructor(options: DirectMediaOptions) {
    this.#options = options;
  }

  /** Media go past the box, so that its silence means nothing. */
  get isDirect(): boolean {
    return this.#state === 'direct';
  }

  /** Call it when the sides have agreed on something: if nothing stands in the way, media are direct soon. */
  consider(): void {
    this.#attempts = 0;
    this.#schedule(BEGIN_MS);
  }

  /**
   * The box is needed: for music on hold, a recording, a tone. Media come back, and stay until the returned function is
   * called. Idempotent, that one.
   */
  need(): () => void {
    const reason = {};
    this.#needed.add(reason);
    void this.returnToBox();
    return () => {
      if (this.#needed.delete(reason) && this.#needed.size === 0) this.consider();
    };
  }

  /**
   * `leg` has offered something else and gets the box's own address in the answer: the other side is brought back too.
   * True where media were direct.
   */
  peerChanged(leg: LegIndex): boolean {
    this.#changes += 1;
    this.#timer?.cancel();
    if (this.#state !== 'direct') return this.#state === 'switching' || this.#state === 'returning';
    void this.#return([leg === 0 ? 1 : 0]);
    return true;
  }

  /** Brings both sides back, or one where the other is about to end. Resolves when they are, or cannot be. */
  async returnToBox(legs: readonly LegIndex[] = [0, 1]): Promise<void> {
    this.#changes += 1;
    this.#timer?.cancel();
    if (this.#state === 'direct') await this.#return(legs);
  }

  /** Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#state === 'closed' || this.#refused) return;
    if (this.#attempts >= MAX_ATTEMPTS || this.#switches >= MAX_SWITCHES) return;
    this.#timer = this.#options.clock.schedule(delayMs, () => void this.#begin());
  }

  async #begin(): Promise<void> {
    const sides = this.#options.sides();
    if (this.#state !== 'relayed' || sides === undefined || this.#needed.size > 0) return;
    const [left, right] = sides;
    if (!this.#options.isAllowed() || directObstacle(left, right) !== undefined) return;
    this.#attempts += 1;
    this.#state = 'switching';
    const began = this.#changes;
    const changed = (): boolean => began !== this.#changes || this.#options.sides() === undefined;
    const first = await this.#offerDirect(left, right);
    if (first === 'taken' && !changed()) {
      const second = await this.#offerDirect(right, left);
      if (second === 'taken' && !changed()) {
        this.#switches += 1;
        this.#become('direct');
        this.#options.onChanged(true);
        return;
      }
      await this.#finish(second, second === 'taken' ? [0, 1] : [0]);
    } else {
      await this.#finish(first, first === 'taken' ? [0] : []);
    }
  }

  /** It came to nothing: whoever was switched already comes back. */
  async #finish(outcome: 'taken' | 'refused' | 'busy', legs: readonly LegIndex[]): Promise<void> {
    if (outcome === 'refused') this.#refused = true;
    if (legs.length > 0) await this.#return(legs);
    else this.#become('relayed');
    if (outcome !== 'refused') this.#schedule(RETRY_MS * this.#attempts);
  }

  /** Offers `to` the media of `from`, which must not have changed. */
  async #offerDirect(to: ConnectedSide, from: ConnectedSide): Promise<'taken' | 'refused' | 'busy'> {
    const agreement = from.side.agreement;
    if (agreement === undefined) return 'busy';
    const { status, sdp } = await to.reinvite(to.side.offerDirect(agreement));
    if (status === 491 || status === 500) return 'busy';
    if (status >= 300 || sdp === undefined) return 'refused';
    const answer = to.side.readAnswer(sdp);
    if (isRefusal(answer)) return 'refused';
    to.side.agree(answer);
    return 'taken';
  }

  async #return(legs: readonly LegIndex[]): Promise<void> {
    this.#become('returning');
    // Neither waits for the other, which may not answer at all.
    await Promise.all(legs.map((leg) => this.#bringBack(leg)));
    if (this.#state !== 'returning') return;
    this.#become('relayed');
    this.#options.onChanged(false);
    this.#schedule(BEGIN_MS);
  }

  /** A collision means that the peer offers something itself, and is answered with the box's own address. */
  async #bringBack(leg: LegIndex): Promise<void> {
    const sides = this.#options.sides();
    if (sides === undefined) return;
    const { side, reinvite } = sides[leg];
    if (side.agreement === undefined) return;
    const { parameters } = side.agreement;
    const offer = side.offer([parameters.codec], takesEvents(side.agreement), side.pauses);
    const { status, sdp } = await reinvite(offer);
    const answer = sdp === undefined || status >= 300 ? undefined : side.readAnswer(sdp);
    if (answer !== undefined && !isRefusal(answer)) await this.#options.relay(leg, answer);
  }

  #become(state: State): void {
    if (this.#state !== 'closed') this.#state = state;
  }
}

function isRefusal(answer: Agreement | Refusal): answer is Refusal {
  return 'status' in answer;
}
