import type { LegParameters, MediaEvent } from '../../media/client.ts';
import type { Headers, IncomingRequest, SipResponse } from '../../sip/stack.ts';
import { parseMediaType } from '../../sip/stack.ts';
import { DIGIT_TYPES, DTMF_RELAY, type PressedDigit, readInfoDigit, writeInfoDigit } from './info-digits.ts';
import type { MediaSettings } from './media-settings.ts';

/** How a device is sent an INFO in its dialog. */
export type SendInfo = (body: string, contentType: string) => Promise<SipResponse>;

export interface DigitsOptions {
  /** As it is configured for a line; as the device has it unless given. */
  readonly dtmf?: MediaSettings['dtmf'];
  /** Has the media worker press keys for the device. */
  readonly press: (digit: string, press: { readonly durationMs: number; readonly pauseMs: number }) => Promise<void>;
  /** What `parametersOf` says of what was agreed is another thing now. */
  readonly configure: () => Promise<void>;
  /** The device has pressed a key. `media`: the worker heard it, and has relayed it to whom the leg is joined with. */
  readonly onPressed: (digit: PressedDigit, how: 'media' | 'info') => void;
}

/** More is nobody typing. */
const MAX_PENDING_INFOS = 32;
/** Our own number of telephone-event in every offer, under which some devices send though they named another. */
const OFFERED_EVENT_TYPE = 101;
/** And beside Opus, whose clock those have. */
const OFFERED_OPUS_EVENT_TYPE = 102;
const DEFAULT_PRESS_MS = 100;
const MIN_PRESS_MS = 40;
const MAX_PRESS_MS = 20_000;

/**
 * The digits of one device, which has them in INFO or in its media, and how the worker is to treat its leg:
 *
 *   it negotiated telephone-event                        events, relayed or made by the worker
 *   it did not, allows INFO, and speaks it (see below)   INFO
 *   it did not, allows INFO, and has G.729               INFO, since that codec carries short tones badly
 *   otherwise                                            tones in its audio
 */
export class Digits {
  readonly #options: DigitsOptions;
  #send: SendInfo | undefined;
  /** INFO is among the methods that it allows. */
  #allowsInfo = false;
  /** It named dtmf-relay among what it accepts, or sent a digit by INFO. */
  #speaksInfo = false;
  /** It does not take digits by INFO after all. */
  #refusesInfo = false;
  /** It pressed a key by RFC 4733: what comes by INFO too is the same key once more. */
  #sendsEvents = false;
  #parameters: LegParameters | undefined;
  /** INFOs on their way: one at a time, since the order of digits matters. */
  #pending = 0;
  #sent: Promise<void> = Promise.resolve();

  constructor(options: DigitsOptions) {
    this.#options = options;
  }

  /** The device, with the headers of its INVITE or its answer. */
  meet(headers: Headers, send: SendInfo): void {
    this.#send = send;
    this.#allowsInfo = (headers.list('Allow') ?? []).some((method) => method.toUpperCase() === 'INFO');
    // A range such as */* says nothing of digits.
    this.#speaksInfo = (headers.list('Accept') ?? []).some((range) => parseMediaType(range)?.type === DTMF_RELAY);
  }

  /** What the worker is to do on a leg that agreed on these. */
  parametersOf(agreed: LegParameters): LegParameters {
    this.#parameters = agreed;
    const { telephoneEventPayloadType, payloadType, codec } = agreed;
    if (telephoneEventPayloadType !== undefined) {
      const offered = codec === 'OPUS' ? OFFERED_OPUS_EVENT_TYPE : OFFERED_EVENT_TYPE;
      const isOurs = telephoneEventPayloadType === offered || payloadType === offered;
      return isOurs ? agreed : { ...agreed, telephoneEventReceivedType: offered };
    }
    return {
      ...agreed,
      detectDigits: true,
      ...(this.#takesInfo() ? { digitsBySignalling: true } : {}),
    };
  }

  /** An INFO of the device. False: not for here, and the stack answers 469. */
  receiveInfo(request: IncomingRequest): boolean {
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
      this.#pressed(digit);
    }
    return true;
  }

  /** What the worker told of the leg. */
  take(event: MediaEvent): void {
    if (event.kind !== 'digit') return;
    const { digit, durationMs, how } = event;
    if (how === 'event') this.#sendsEvents = true;
    this.#options.onPressed({ digit, durationMs }, 'media');
  }

  /** Presses a key for the device. `isRelayed`: the worker has relayed it in the media, where the device takes it so. */
  send(digit: PressedDigit, isRelayed = false): void {
    if (this.#takesInfo()) this.#sendInfo(digit);
    else if (!isRelayed) this.#press(digit);
  }

  #pressed(digit: PressedDigit): void {
    if (this.#sendsEvents) return;
    const didSpeak = this.#takesInfo();
    this.#speaksInfo = true;
    // From now on it is answered as it speaks.
    if (!didSpeak && this.#takesInfo()) void this.#options.configure();
    this.#options.onPressed(digit, 'info');
  }

  #sendInfo(digit: PressedDigit): void {
    if (this.#pending >= MAX_PENDING_INFOS) return;
    this.#pending += 1;
    this.#sent = this.#sent
      .then(() => this.#exchange(digit))
      .catch(() => undefined)
      .finally(() => {
        this.#pending -= 1;
      });
  }

  async #exchange(digit: PressedDigit): Promise<void> {
    if (this.#refusesInfo || this.#send === undefined) return this.#press(digit);
    const { status } = await this.#send(writeInfoDigit(digit), DTMF_RELAY);
    // RFC 3261 §21.4.6, §21.4.13, §21.5.2, RFC 6086 §4.2.2: not this way.
    if (status !== 405 && status !== 415 && status !== 501 && status !== 469) return;
    this.#refusesInfo = true;
    await this.#options.configure();
    this.#press(digit);
  }

  #press({ digit, durationMs = DEFAULT_PRESS_MS }: PressedDigit): void {
    const lasts = Math.min(Math.max(durationMs, MIN_PRESS_MS), MAX_PRESS_MS);
    // A leg on hold gets none, and one that was closed meanwhile needs none.
    this.#options.press(digit, { durationMs: lasts, pauseMs: MIN_PRESS_MS }).catch(() => undefined);
  }

  /** Whether the device is told of digits by INFO. */
  #takesInfo(): boolean {
    const parameters = this.#parameters;
    const { dtmf = 'automatic' } = this.#options;
    if (this.#send === undefined || this.#refusesInfo || parameters === undefined) return false;
    if (dtmf !== 'automatic') return dtmf === 'info';
    if (!this.#allowsInfo) return false;
    return parameters.telephoneEventPayloadType === undefined && (this.#speaksInfo || parameters.codec === 'G729');
  }
}
