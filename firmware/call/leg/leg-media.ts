import type { Logger } from '../../core/logger.ts';
import {
  type LegStatistics,
  type MediaClient,
  MediaError,
  type MediaEvent,
  type MediaSession,
  type Sound,
} from '../../media/client.ts';
import type { AudioCodec } from '../../sdp/codec.ts';
import { Digits, type DigitsOptions } from './digits.ts';
import type { MediaSettings } from './media-settings.ts';
import { type Agreement, MediaSide } from './media-side.ts';
import { NO_PAUSES, type Pauses, pausesBeside, type ReceivedOffer, type Refusal, readOffer } from './negotiation.ts';

/** A session of the media worker with one leg. */
export type LegSession = MediaSession<readonly [string]>;

/** What is known of a leg's media, for the leg that it is to talk to: offered and answered first, so that nothing is transcoded. */
export interface Speech {
  readonly codecs: readonly AudioCodec[];
  readonly pauses: Pauses;
}

const NOTHING_KNOWN: Speech = { codecs: [], pauses: NO_PAUSES };

/** RFC 3261 §13.2.2.4: the ACK to an offer must have the answer. */
const NO_ANSWER: Refusal = { status: 488, why: 'an ACK without the answer' };

export interface LegMediaOptions {
  readonly client: () => Promise<MediaClient>;
  /** The address that the peer is to send to, and the one of ours that it is reached from. */
  readonly address: string;
  readonly localAddress: string;
  readonly settings: MediaSettings;
  /** A party that should send and has not for so long is told as silent, as configured now; 0: never. */
  readonly silenceMs: () => number;
  readonly logger: () => Logger;
  readonly onPressed: DigitsOptions['onPressed'];
  /** `pauses`: it agreed on sending nothing where it has nothing to say. */
  readonly onSilent: (pauses: boolean) => void;
  /** A restart of the media worker left nothing of it. */
  readonly onLost: (why: string) => void;
}

/** Who pauses where nobody speaks may send nothing for longer than others, and not all phones send RTCP meanwhile. */
const PAUSES_TIMES = 10;

let lastSessionId = 0;

/**
 * The media of one leg: its session in the media worker, which is opened when it is needed; the descriptions that go to and
 * fro; and what the party hears: the leg that this one is joined with, or a sound, or nothing. What rejects, rejects as
 * MediaSession does.
 */
export class LegMedia {
  readonly digits: Digits;
  readonly #options: LegMediaOptions;
  #opening: Promise<MediaSide> | undefined;
  #session: LegSession | undefined;
  #side: MediaSide | undefined;
  /** The offer in the INVITE of the peer, and our answer to it: the same in each response (RFC 3264 §4). */
  #offer: ReceivedOffer | undefined;
  #answer: Promise<{ readonly sdp: string } | Refusal> | undefined;
  /** Our offer is in a response, and its answer comes in the ACK. */
  #awaitsAnswer = false;
  #watched = false;
  /** What the media worker was told and has not said that it does; `join` waits for it. */
  #applying: Promise<void> | undefined;
  #sound: Sound | undefined;
  readonly #announcements = new Map<number, (isWhole: boolean) => void>();
  #closed = false;
  #closing: Promise<LegStatistics | undefined> | undefined;

  constructor(options: LegMediaOptions) {
    this.#options = options;
    const { dtmf } = options.settings;
    this.digits = new Digits({
      ...(dtmf === undefined ? {} : { dtmf }),
      press: async (digit, press) => (await this.session()).sendDigits(0, digit, press),
      configure: () => this.#configureAgain(),
      onPressed: options.onPressed,
    });
  }

  get agreement(): Agreement | undefined {
    return this.#side?.agreement;
  }

  get codec(): AudioCodec | undefined {
    return this.#side?.codec;
  }

  /** The SRTP suite in use. */
  get suite(): string {
    return this.agreement?.parameters.srtp?.suite ?? 'none';
  }

  /** The peer does not want to hear: it has put us on hold (RFC 3264 §8.4). */
  get isHolding(): boolean {
    const direction = this.agreement?.audio.direction;
    return direction === 'sendonly' || direction === 'inactive';
  }

  get speech(): Speech {
    const parameters = this.agreement?.parameters;
    if (parameters !== undefined) {
      return { codecs: [parameters.codec], pauses: pausesBeside({ ...parameters, codecs: [parameters] }) };
    }
    const audio = this.#offer?.audio;
    if (audio === undefined) return NOTHING_KNOWN;
    return { codecs: audio.codecs.map(({ codec }) => codec), pauses: pausesBeside(audio) };
  }

  /** Our side of the negotiation; undefined before the session is open. */
  get side(): MediaSide | undefined {
    return this.#side;
  }

  /** Opens the session, and its port, where it is not open yet. */
  async session(): Promise<LegSession> {
    await this.open();
    if (this.#session === undefined || this.#closed) throw closedError();
    return this.#session;
  }

  open(): Promise<MediaSide> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Reads an offer as the settings of the peer allow. */
  readOffer(sdp: string): ReceivedOffer | Refusal {
    const { localAddress, settings } = this.#options;
    return readOffer(sdp, localAddress, settings);
  }

  /** Keeps the offer of the peer's INVITE, for `answerInvite`. */
  receiveInvite(sdp: string): Refusal | undefined {
    const offer = this.readOffer(sdp);
    if ('status' in offer) return offer;
    this.#offer = offer;
    return undefined;
  }

  /** An offer for an INVITE of ours. */
  async offer({ codecs, pauses }: Speech = NOTHING_KNOWN): Promise<string> {
    return (await this.open()).offer(codecs, true, pauses);
  }

  /**
   * Our answer to the offer in the INVITE, and the media worker does what it says; or our offer, where it has none
   * (RFC 3264 §5, RFC 3261 §13.3.1.4). `isJoined` as for `relay`.
   */
  answerInvite(beside?: Speech, isJoined = false): Promise<{ readonly sdp: string } | Refusal> {
    const offer = this.#offer;
    this.#answer ??=
      offer === undefined
        ? this.offerInResponse(beside).then((sdp) => ({ sdp }))
        : this.answer(offer, beside, isJoined);
    return this.#answer;
  }

  /** Whether the INVITE had an offer. */
  get hasOffer(): boolean {
    return this.#offer !== undefined;
  }

  /** An offer of ours whose answer will come in an ACK, with what the other leg speaks first. */
  async offerInResponse({ codecs, pauses }: Speech = NOTHING_KNOWN): Promise<string> {
    const side = await this.open();
    this.#awaitsAnswer = true;
    return side.offer([...(side.codec === undefined ? [] : [side.codec]), ...codecs], true, pauses);
  }

  /** The ACK, with the answer where the offer was ours. `not-awaited`: it was not. Else as `takeAnswer`. */
  async acknowledged(sdp: string | undefined): Promise<'not-awaited' | Refusal | undefined> {
    if (!this.#awaitsAnswer) return 'not-awaited';
    this.#awaitsAnswer = false;
    return sdp === undefined ? NO_ANSWER : this.takeAnswer(sdp);
  }

  /** Has the media worker do what the peer answered to our offer. `isJoined` as for `relay`. */
  async takeAnswer(sdp: string, isJoined = false): Promise<Refusal | undefined> {
    const answer = (await this.open()).readAnswer(sdp);
    if ('status' in answer) return answer;
    await this.relay(answer, isJoined);
    return undefined;
  }

  /** Our answer to an offer, with the codec in use where it has that; the media worker does what it says. */
  async answer(
    offer: ReceivedOffer,
    beside: Speech = NOTHING_KNOWN,
    isJoined = false,
  ): Promise<{ readonly sdp: string } | Refusal> {
    const side = await this.open();
    const wanted = [...(side.codec === undefined ? [] : [side.codec]), ...beside.codecs];
    const answer = side.answer(offer, wanted, beside.pauses);
    if ('status' in answer) return answer;
    await this.relay(answer, isJoined);
    return { sdp: answer.sdp };
  }

  /**
   * The media worker does as agreed. `isJoined`: it is told so, and `join`, which is to follow at once, waits for it: what both
   * legs agreed on and that they hear each other goes to the worker in one message.
   */
  async relay(agreement: Agreement, isJoined = false): Promise<void> {
    const side = await this.open();
    const session = await this.session();
    const applying = session.configure(0, this.#parameters(agreement));
    if (!isJoined) {
      await applying;
      side.agree(agreement);
      return;
    }
    side.agree(agreement);
    applying.catch(() => undefined);
    this.#applying = applying;
  }

  /** Resolves when the media worker does what it was told last, or does not; never rejects. */
  async applied(): Promise<void> {
    await this.#applying?.catch(() => undefined);
  }

  /** Whether silence of the party is told: from the moment that it should speak, and not while media go past the box. */
  watch(watched: boolean): void {
    if (this.#watched === watched) return;
    this.#watched = watched;
    void this.#configureAgain();
  }

  /** The time of silence is configured otherwise. Never rejects. */
  watchAnew(): void {
    if (this.#watched) void this.#configureAgain();
  }

  /** The party is there, and has nothing to say: its time begins anew. Never rejects. */
  excuse(): void {
    if (!this.#watched) return;
    // The worker tells of silence once for as long as it watches.
    this.watch(false);
    this.watch(true);
  }

  /** Both parties hear each other, and not what either was joined with before. */
  async join(other: LegMedia): Promise<void> {
    const [own, others] = await Promise.all([this.session(), other.session()]);
    const applying = [this.#applying, other.#applying];
    this.#applying = undefined;
    other.#applying = undefined;
    await Promise.all([own.join(others), ...applying]);
  }

  /** Neither hears the other any more. One that is not joined succeeds, and one that is closed. */
  async part(): Promise<void> {
    if (!this.#closed) await this.#session?.part();
  }

  /** The party hears this from now on, until `stop`; a sound that cannot be played costs a line in the log. */
  hear(sound: Sound): void {
    this.#sound = sound;
    this.#play(sound).catch((error: unknown) => this.#soundFailed(error));
  }

  /** Plays a sound that ends. True when it was heard to its end, false when something else was played, or it could not be. */
  async announce(sound: Sound): Promise<boolean> {
    this.#sound = sound;
    try {
      const playback = await this.#play(sound);
      if (playback === undefined || this.#sound !== sound || this.#closed) return false;
      return await new Promise((resolve) => this.#announcements.set(playback, resolve));
    } catch (error) {
      this.#soundFailed(error);
      return false;
    }
  }

  /** No sound any more: the party hears whom it is joined with. */
  stop(): void {
    if (this.#sound === undefined) return;
    this.#sound = undefined;
    this.#endAnnouncements();
    if (this.#closed) return;
    this.#session?.stopPlaying(0).catch((error: unknown) => this.#soundFailed(error));
  }

  /** Idempotent; never rejects. How the party was heard in the end; undefined where nothing of it came here. */
  close(): Promise<LegStatistics | undefined> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<LegStatistics | undefined> {
    this.#closed = true;
    this.#endAnnouncements();
    return (await this.#session?.close())?.[0];
  }

  async #open(): Promise<MediaSide> {
    const { client, address, localAddress, settings } = this.#options;
    const session = await (await client()).openSession([localAddress]);
    if (this.#closed) {
      await session.close();
      throw closedError();
    }
    this.#session = session;
    session.onEvent((event) => this.#take(event));
    const [port] = session.ports;
    this.#side = new MediaSide({ sessionId: ++lastSessionId, address, localAddress, port, settings });
    return this.#side;
  }

  #parameters({ parameters }: Agreement) {
    const { direction } = parameters;
    const silenceMs = this.#options.silenceMs() * (pausesWith(parameters) ? PAUSES_TIMES : 1);
    // Who was told not to send is silent.
    const receives = direction === 'sendrecv' || direction === 'recvonly';
    const isWatched = this.#watched && silenceMs > 0 && receives;
    return { ...this.digits.parametersOf(parameters), ...(isWatched ? { silenceMs } : {}) };
  }

  get #pauses(): boolean {
    return this.agreement !== undefined && pausesWith(this.agreement.parameters);
  }

  async #configureAgain(): Promise<void> {
    const agreement = this.agreement;
    if (agreement === undefined || this.#closed) return;
    // Where it is closed meanwhile, or the worker is lost, the call hears of that elsewhere.
    await this.#session?.configure(0, this.#parameters(agreement)).catch(() => undefined);
  }

  /** Undefined where something else, or nothing, is to be heard by the time that the session is open. */
  async #play(sound: Sound): Promise<number | undefined> {
    const session = await this.session();
    if (this.#sound !== sound) return undefined;
    this.#endAnnouncements();
    return session.play(0, sound);
  }

  #take(event: MediaEvent): void {
    if (this.#closed) return;
    switch (event.kind) {
      case 'digit':
        this.digits.take(event);
        break;
      case 'playbackEnded':
        this.#announcements.get(event.playback)?.(true);
        this.#announcements.delete(event.playback);
        break;
      case 'silent':
        if (this.#watched) this.#options.onSilent(this.#pauses);
        break;
      case 'lost':
        this.#options.onLost(event.reason);
        break;
      default:
        break;
    }
  }

  #endAnnouncements(): void {
    for (const resolve of this.#announcements.values()) resolve(false);
    this.#announcements.clear();
  }

  #soundFailed(error: unknown): void {
    if (!this.#closed) this.#options.logger().warn({ err: error }, 'sound not played');
  }
}

function pausesWith({ comfortNoisePayloadType, annexB }: Agreement['parameters']): boolean {
  return comfortNoisePayloadType !== undefined || annexB === true;
}

function closedError(): MediaError {
  return new MediaError('MEDIA_UNKNOWN_SESSION', 'the media of the leg are closed');
}
