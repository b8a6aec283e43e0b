import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Flow } from '../../sip/stack.ts';
import type { Conversation } from './conversation.ts';
import { type ConnectedSide, DirectMedia } from './direct-media.ts';
import type { PressedDigit } from './info-digits.ts';
import type { Leg } from './leg.ts';
import { isStillThere } from './still-there.ts';

export interface BridgeOptions {
  /** Whether media may go past the box between two peers, as configured now. */
  readonly mayBeDirect: (flows: readonly [Flow, Flow]) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often it is looked whether phones whose media go past the box are still connected. */
const LOOK_MS = 5000;

/**
 * Two legs in conversation: their media are joined, digits pass in whichever way each takes them, one hears music while the other
 * holds, and media go past the box where nothing stands in the way. It comes apart without ending either.
 */
export class Bridge implements Conversation {
  readonly legs: readonly [Leg, Leg];
  readonly #direct: DirectMedia;
  readonly #hearsMusic = new Set<Leg>();
  /** Whom the box has put on hold in the name of, with the way back to media past the box. */
  readonly #held = new Map<Leg, () => void>();
  #releaseMedia: (() => void) | undefined;
  readonly #clock: Clock;
  #nextLook: Timer | undefined;
  #nextQuestion: Timer | undefined;
  #apart = false;

  constructor(first: Leg, second: Leg, { clock, logger, mayBeDirect }: BridgeOptions) {
    this.legs = [first, second];
    this.#clock = clock;
    this.#direct = new DirectMedia({
      clock,
      sides: () => this.#sides(),
      isAllowed: () => this.#mayBeDirect() && mayBeDirect([first.flow, second.flow]),
      relay: (leg, agreement) => this.legs[leg].relay(agreement),
      onChanged: (isDirect) => {
        logger.info({ isDirect }, 'media');
        // Nothing of what they say passes the box, whose silence means nothing then.
        for (const leg of this.legs) leg.media.watch(!isDirect);
        this.#look(isDirect);
      },
    });
  }

  get isDirect(): boolean {
    return this.#direct.isDirect;
  }

  has(leg: Leg): boolean {
    return this.legs.includes(leg);
  }

  other(leg: Leg): Leg {
    const [first, second] = this.legs;
    return leg === first ? second : first;
  }

  /** Joins their media, before the last of them is answered. Rejects as MediaSession does. */
  async join(): Promise<void> {
    const [first, second] = this.legs;
    await first.media.join(second.media);
    for (const leg of this.legs) leg.media.stop();
  }

  /** Both are up: what they do concerns the other one from now on. */
  start(): void {
    if (this.#apart) return;
    for (const leg of this.legs) leg.conversation = this;
    this.#noteHold();
    if (!this.legs.some(({ awaitsAck }) => awaitsAck)) this.#direct.consider();
  }

  /** Has media go through the box until the returned function is called: for music, a recording, a tone. */
  need(): () => void {
    return this.#direct.need();
  }

  /**
   * The box holds in the name of `leg`, whose phone knows nothing of it: the other one hears music, and `leg` nothing, though its
   * packets go on. False where it is so already.
   */
  hold(leg: Leg, isOn: boolean): boolean {
    const release = this.#held.get(leg);
    if (this.#apart || isOn === (release !== undefined)) return false;
    if (isOn) {
      this.#held.set(leg, this.need());
      leg.hear({ kind: 'silence' });
    } else {
      this.#held.delete(leg);
      leg.media.stop();
      release?.();
    }
    this.#noteHold();
    return true;
  }

  /** Whether the box holds in its name. */
  isHeldFor(leg: Leg): boolean {
    return this.#held.has(leg);
  }

  /**
   * Neither hears the other any more, and the media of those who are `staying` come back to the box. Both legs are as they were
   * otherwise. Idempotent.
   */
  async part(staying: readonly Leg[] = this.legs): Promise<void> {
    if (this.#apart) return;
    this.#leave();
    await this.#direct.returnToBox(([0, 1] as const).filter((index) => staying.includes(this.legs[index])));
    this.#direct.close();
    // Where they were on their way back already, nobody tells of it any more.
    for (const leg of staying) if (leg.isUp) leg.media.watch(true);
    const [first] = this.legs;
    await first.media.part();
  }

  /** A leg has ended, or is about to: nothing is said to anybody any more. Idempotent. */
  close(): void {
    this.#leave();
    this.#direct.close();
  }

  changed(_leg: Leg): void {
    this.#noteHold();
    this.#direct.consider();
  }

  brokeOut(leg: Leg): void {
    this.#direct.peerChanged(leg === this.legs[0] ? 0 : 1);
  }

  consider(): void {
    this.#direct.consider();
  }

  returnToBox(): void {
    void this.#direct.returnToBox();
  }

  pressed(leg: Leg, digit: PressedDigit, how: 'media' | 'info'): void {
    // The worker presses keys: not past the box.
    if (how === 'info') this.#releaseMedia ??= this.need();
    this.other(leg).media.digits.send(digit, how === 'media');
  }

  /** Nothing of phones whose media go past the box is heard: one that is gone would be missed for as long as its session lasts. */
  #look(isDirect: boolean): void {
    this.#nextLook?.cancel();
    this.#nextQuestion?.cancel();
    if (!isDirect || this.#apart) return;
    if (this.legs.some(({ flow }) => flow.protocol !== 'udp')) this.#lookAtConnections();
    this.#ask();
  }

  #lookAtConnections(): void {
    this.#nextLook = this.#clock.schedule(LOOK_MS, () => {
      if (this.legs.every(({ hasWay }) => hasWay)) this.#lookAtConnections();
      // For good: it is heard from now on whether it has gone, or has connected anew.
      else this.need();
    });
  }

  /** By OPTIONS in the dialog, as often as one that is heard through the box may be silent. */
  #ask(): void {
    const everyMs = Math.max(...this.legs.map(({ silenceMs }) => silenceMs));
    if (everyMs === 0) return;
    const question = this.#clock.schedule(everyMs, async () => {
      const areThere = await Promise.all(this.legs.map((leg) => isStillThere(leg)));
      if (this.#apart || this.#nextQuestion !== question || !this.isDirect) return;
      const gone = this.legs.find((_, index) => areThere[index] === false);
      if (gone === undefined) this.#ask();
      else gone.vanish();
    });
    this.#nextQuestion = question;
  }

  #leave(): void {
    if (this.#apart) return;
    this.#apart = true;
    this.#nextLook?.cancel();
    this.#nextQuestion?.cancel();
    for (const leg of this.legs) if (leg.conversation === this) leg.conversation = undefined;
    for (const leg of [...this.#hearsMusic, ...this.#held.keys()]) leg.media.stop();
    this.#hearsMusic.clear();
    this.#held.clear();
  }

  /** Whoever is held hears music, unless it holds as well. */
  #noteHold(): void {
    const isHolding = (leg: Leg): boolean => leg.media.isHolding || this.#held.has(leg);
    for (const leg of this.legs) {
      const isHeld = isHolding(this.other(leg)) && !isHolding(leg);
      if (isHeld === this.#hearsMusic.has(leg)) continue;
      if (isHeld) {
        this.#hearsMusic.add(leg);
        leg.hearMusic();
      } else {
        this.#hearsMusic.delete(leg);
        if (this.#held.has(leg)) leg.hear({ kind: 'silence' });
        else leg.media.stop();
      }
    }
  }

  #mayBeDirect(): boolean {
    // Carriers see the box alone, and what a line sends is watched for digits and silence here.
    return this.legs.every(({ isUp, party }) => isUp && party.line === undefined);
  }

  #sides(): readonly [ConnectedSide, ConnectedSide] | undefined {
    const [first, second] = this.legs.map((leg): ConnectedSide | undefined => {
      const { side } = leg.media;
      if (side === undefined || leg.awaitsAck) return undefined;
      return {
        side,
        flow: leg.flow,
        reinvite: async (sdp) => (leg.isUp ? leg.reinvite(sdp) : { status: 481, sdp: undefined }),
      };
    });
    return first === undefined || second === undefined ? undefined : [first, second];
  }
}
