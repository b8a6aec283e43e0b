import type { LegIndex, MediaSession } from '../../media/client.ts';
import type { AudioCodec } from '../../sdp/codec.ts';
import { DigitRelay } from './digit-relay.ts';
import type { Agreement, MediaSide } from './media-side.ts';
import { type Pauses, pausesBeside, type ReceivedOffer, type Refusal } from './negotiation.ts';

export const CALLER_LEG = 0;
export const CALLEE_LEG = 1;

/** The media of the caller and of one device, which meet in one session of the media worker. */
export class JoinedMedia {
  readonly #session: MediaSession;
  readonly #sides: readonly [MediaSide, MediaSide];
  /** Legs whose answer to an offer of ours comes in an ACK. */
  readonly #awaited = new Set<LegIndex>();
  /** Ours to the offer in the caller's INVITE: the same in each response (RFC 3264 §4). */
  #callerAnswer: Promise<{ readonly sdp: string } | Refusal> | undefined;

  readonly digits: DigitRelay;

  /** `onInfo`: see DigitRelay. */
  constructor(session: MediaSession, caller: MediaSide, callee: MediaSide, onInfo: () => void) {
    this.#session = session;
    this.digits = new DigitRelay(session, onInfo);
    this.#sides = [caller, callee];
  }

  /** `listener` is called once when a restart of the media worker leaves nothing of the media, with why. */
  onLost(listener: (reason: string) => void): void {
    this.#session.onEvent((event) => {
      if (event.kind === 'lost') listener(event.reason);
    });
  }

  side(leg: LegIndex): MediaSide {
    return this.#sides[leg];
  }

  /** In use, the caller's first; none twice. */
  get codecs(): readonly AudioCodec[] {
    return [...new Set(this.#sides.flatMap(({ codec }) => codec ?? []))];
  }

  /** The SRTP suite of each side, the caller's first. */
  get suites(): readonly string[] {
    return this.#sides.map(({ agreement }) => agreement?.parameters.srtp?.suite ?? 'none');
  }

  /** An offer of ours whose answer will come in an ACK, with what the other leg speaks first. */
  offerInResponse(leg: LegIndex): string {
    this.#awaited.add(leg);
    const { agreement } = this.#other(leg);
    const first = [this.side(leg).codec, agreement?.parameters.codec].flatMap((codec) => codec ?? []);
    // What the other leg has not is made of what it has.
    return this.side(leg).offer(first, true, this.#pauses(leg));
  }

  /** Whether the ACK of this leg has to bring the answer to an offer of ours; asked once. */
  awaitsAnswer(leg: LegIndex): boolean {
    return this.#awaited.delete(leg);
  }

  /** Has the media worker do what the leg answered to our offer. Rejects as MediaSession.configure does. */
  async takeAnswer(leg: LegIndex, sdp: string): Promise<Refusal | undefined> {
    const answer = this.side(leg).readAnswer(sdp);
    if ('status' in answer) return answer;
    await this.relay(leg, answer);
    return undefined;
  }

  /** Our answer to the caller's offer; the media worker does what it says. */
  answerCaller(offer: ReceivedOffer): Promise<{ readonly sdp: string } | Refusal> {
    this.#callerAnswer ??= this.answer(CALLER_LEG, offer);
    return this.#callerAnswer;
  }

  /** Our answer to an offer of the leg, with the codec in use where it has that; the media worker does what it says. */
  async answer(leg: LegIndex, offer: ReceivedOffer): Promise<{ readonly sdp: string } | Refusal> {
    const wanted = [this.side(leg).codec, this.#other(leg).codec].flatMap((codec) => codec ?? []);
    const answer = this.side(leg).answer(offer, wanted, this.#pauses(leg));
    if ('status' in answer) return answer;
    await this.relay(leg, answer);
    return { sdp: answer.sdp };
  }

  /** The media worker relays for this leg as agreed. */
  async relay(leg: LegIndex, agreement: Agreement): Promise<void> {
    await this.#session.configure(leg, this.digits.parametersOf(leg, agreement.parameters));
    this.side(leg).agree(agreement);
  }

  /** Idempotent; never rejects. */
  close(): Promise<void> {
    return this.#session.close();
  }

  #pauses(leg: LegIndex): Pauses {
    const parameters = this.#other(leg).agreement?.parameters;
    return pausesBeside(parameters === undefined ? undefined : { ...parameters, codecs: [parameters] });
  }

  #other(leg: LegIndex): MediaSide {
    return this.#sides[leg === CALLER_LEG ? CALLEE_LEG : CALLER_LEG];
  }
}
