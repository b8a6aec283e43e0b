import type { LegIndex, LegParameters, MediaEvent, MediaSession } from '../../media/client.ts';
import type { Headers, IncomingRequest, SipResponse } from '../../sip/stack.ts';
import { parseMediaType } from '../../sip/stack.ts';
import { DIGIT_TYPES, DTMF_RELAY, type PressedDigit, readInfoDigit, writeInfoDigit } from './info-digits.ts';

/** How a device is sent an INFO in its dialog. */
type SendInfo = (body: string, contentType: string) => Promise<SipResponse>;

/** One side of the call, as far as digits go. */
interface DigitSide {
  send: SendInfo | undefined;
  /** INFO is among the methods that it allows. */
  allowsInfo: boolean;
  /** It named dtmf-relay among what it accepts, or sent a digit by INFO. */
  speaksInfo: boolean;
  /** It does not take digits by INFO after all. */
  refusesInfo: boolean;
  /** It pressed a key by RFC 4733: what comes by INFO too is the same key once more. */
  sendsEvents: boolean;
  parameters: LegParameters | undefined;
  /** INFOs on their way: one at a time, since the order of digits matters. */
  pending: number;
  sent: Promise<void>;
}

/** More is nobody typing. */
const MAX_PENDING_INFOS = 32;
/** Our own number of telephone-event in every offer, under which some devices send though they named another. */
const OFFERED_EVENT_TYPE = 101;
const DEFAULT_PRESS_MS = 100;
const MIN_PRESS_MS = 40;
const MAX_PRESS_MS = 20_000;

/**
 * Digits between a device that has them in INFO and one that has them in its media, and how the worker is to treat each leg:
 *
 *   it negotiated telephone-event                        events, relayed or made by the worker
 *   it did not, allows INFO, and speaks it (see above)   INFO
 *   it did not, allows INFO, and has G.729               INFO, since that codec does not carry tones
 *   otherwise                                            tones in its audio
 */
export class DigitRelay {
  readonly #session: MediaSession;
  readonly #onInfo: () => void;
  readonly #sides: readonly [DigitSide, DigitSide] = [newSide(), newSide()];

  /** `onInfo` is called with each digit that came by INFO, before it is passed on. */
  constructor(session: MediaSession, onInfo: () => void) {
    this.#session = session;
    this.#onInfo = onInfo;
    session.onEvent((event) => this.#take(event));
  }

  /** The device of a leg, with the headers of its INVITE or its answer. */
  meet(leg: LegIndex, headers: Headers, send: SendInfo): void {
    const side = this.#sides[leg];
    side.send = send;
    side.allowsInfo = (headers.list('Allow') ?? []).some((method) => method.toUpperCase() === 'INFO');
    // A range such as */* says nothing of digits.
    side.speaksInfo = (headers.list('Accept') ?? []).some((range) => parseMediaType(range)?.type === DTMF_RELAY);
  }

  /** What the worker is to do on a leg that agreed on these. */
  parametersOf(leg: LegIndex, agreed: LegParameters): LegParameters {
    const side = this.#sides[leg];
    side.parameters = agreed;
    const { telephoneEventPayloadType, payloadType, codec } = agreed;
    if (telephoneEventPayloadType !== undefined) {
      const isOurs = telephoneEventPayloadType === OFFERED_EVENT_TYPE || payloadType === OFFERED_EVENT_TYPE;
      return isOurs ? agreed : { ...agreed, telephoneEventReceivedType: OFFERED_EVENT_TYPE };
    }
    const bySignalling = takesInfo(side);
    return {
      ...agreed,
      ...(codec === 'G729' ? {} : { detectDigits: true }),
      ...(bySignalling ? { digitsBySignalling: true } : {}),
    };
  }

  /** An INFO of the device of a leg. False: not for here, and the stack answers 469. */
  receiveInfo(leg: LegIndex, request: IncomingRequest): boolean {
    const { headers, body } = request.message;
    // RFC 6086 §4.2.2: digits are of the usage without a package.
    if (headers.has('Info-Package')) return false;
    if (body.length === 0) {
      request.respond(200);
      return true;
    }
    const type = parseMediaType(headers.get('Content-Type') ?? '')?.type ?? '';
    const digit = readInfoDigit(type, Buffer.from(body).toString('latin1'));
    if (digit === 'unsupported') request.respond(415, { headers: [['Accept', DIGIT_TYPES.join(', ')]] });
    else if (digit === 'malformed') request.respond(400, { reason: 'No Digit' });
    else {
      request.respond(200);
      this.#pressed(leg, digit);
    }
    return true;
  }

  #pressed(leg: LegIndex, digit: PressedDigit): void {
    const side = this.#sides[leg];
    if (side.sendsEvents) return;
    const didSpeak = takesInfo(side);
    side.speaksInfo = true;
    // From now on it is answered as it speaks.
    if (!didSpeak && takesInfo(side)) this.#configure(leg);
    this.#onInfo();
    const other = otherLeg(leg);
    if (takesInfo(this.#sides[other])) this.#sendInfo(other, digit);
    else this.#press(other, digit);
  }

  #take(event: MediaEvent): void {
    if (event.kind !== 'digit') return;
    const { leg, digit, durationMs, how } = event;
    if (how === 'event') this.#sides[leg].sendsEvents = true;
    const other = otherLeg(leg);
    if (takesInfo(this.#sides[other])) this.#sendInfo(other, { digit, durationMs });
  }

  #sendInfo(leg: LegIndex, digit: PressedDigit): void {
    const side = this.#sides[leg];
    if (side.send === undefined || side.pending >= MAX_PENDING_INFOS) return;
    side.pending += 1;
    side.sent = side.sent
      .then(() => this.#exchange(leg, digit))
      .catch(() => undefined)
      .finally(() => {
        side.pending -= 1;
      });
  }

  async #exchange(leg: LegIndex, digit: PressedDigit): Promise<void> {
    const side = this.#sides[leg];
    if (side.refusesInfo || side.send === undefined) return this.#press(leg, digit);
    const { status } = await side.send(writeInfoDigit(digit), DTMF_RELAY);
    // RFC 3261 §21.4.6, §21.4.13, §21.5.2, RFC 6086 §4.2.2: not this way.
    if (status !== 405 && status !== 415 && status !== 501 && status !== 469) return;
    side.refusesInfo = true;
    await this.#configure(leg);
    this.#press(leg, digit);
  }

  #press(leg: LegIndex, { digit, durationMs = DEFAULT_PRESS_MS }: PressedDigit): void {
    const lasts = Math.min(Math.max(durationMs, MIN_PRESS_MS), MAX_PRESS_MS);
    // A leg on hold gets none, and one that was closed meanwhile needs none.
    this.#session.sendDigits(leg, digit, { durationMs: lasts, pauseMs: MIN_PRESS_MS }).catch(() => undefined);
  }

  async #configure(leg: LegIndex): Promise<void> {
    const { parameters } = this.#sides[leg];
    if (parameters === undefined) return;
    await this.#session.configure(leg, this.parametersOf(leg, parameters)).catch(() => undefined);
  }
}

function newSide(): DigitSide {
  return {
    send: undefined,
    allowsInfo: false,
    speaksInfo: false,
    refusesInfo: false,
    sendsEvents: false,
    parameters: undefined,
    pending: 0,
    sent: Promise.resolve(),
  };
}

function otherLeg(leg: LegIndex): LegIndex {
  return leg === 0 ? 1 : 0;
}

/** Whether a side is told of digits by INFO. */
function takesInfo({ send, allowsInfo, speaksInfo, refusesInfo, parameters }: DigitSide): boolean {
  if (send === undefined || !allowsInfo || refusesInfo || parameters === undefined) return false;
  return parameters.telephoneEventPayloadType === undefined && (speaksInfo || parameters.codec === 'G729');
}
