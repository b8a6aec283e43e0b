import { type LegParameters, SRTP_SUITES, type SrtpParameters } from '../../media/client.ts';
import { type AudioParameters, telephoneEventOf } from '../../sdp/audio.ts';
import {
  type AudioCodec,
  COMFORT_NOISE_PAYLOAD_TYPE,
  OPUS_EVENT_PAYLOAD_TYPE,
  TELEPHONE_EVENT_PAYLOAD_TYPE,
} from '../../sdp/codec.ts';
import { answerCrypto, type Crypto, makeCryptos, type SrtpSuite } from '../../sdp/crypto.ts';
import {
  makeAnswer,
  makeDirectOffer,
  makeOffer,
  type OfferedAudio,
  ownCrypto,
  readAnswer,
} from '../../sdp/offer-answer.ts';
import { SdpError } from '../../sdp/sdp-error.ts';
import { parse } from '../../sdp/session-description.ts';
import { MEDIA_ABILITIES } from './media-abilities.ts';
import type { MediaSettings } from './media-settings.ts';
import {
  checkFamily,
  legParameters,
  mediaPolicy,
  NO_PAUSES,
  type Pauses,
  type ReceivedOffer,
  type Refusal,
  readOffer,
  refusalOf,
  spokenCodecs,
  takesEvents,
} from './negotiation.ts';

/** What was agreed with a peer, for the media worker and for the next round. */
export interface Agreement {
  readonly audio: AudioParameters;
  readonly parameters: LegParameters;
}

export interface MediaSideOptions {
  /** Unique among the box's legs. */
  readonly sessionId: number;
  /** The address that the peer is to send to, and the one of ours that it is reached from. */
  readonly address: string;
  readonly localAddress: string;
  /** Our RTP port. */
  readonly port: number;
  readonly settings: MediaSettings;
}

/** What we offer; a peer that asks for another gets its own. */
const PTIME_MS = 20;
/**
 * Those that we offer keys for. More of them are taken than offered, since each line is long and phones of the field know
 * these two.
 */
const OFFERED_SUITES: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'];

/** Our side of the media with one peer: the descriptions that we write, the keys in them, and what was agreed. */
export class MediaSide {
  readonly #options: MediaSideOptions;
  #version = 0;
  #offered: OfferedAudio | undefined;
  /** Ours, one for each suite: the stream goes on under it when the peer negotiates anew. */
  readonly #cryptos: Crypto[] = [];
  #agreement: Agreement | undefined;

  constructor(options: MediaSideOptions) {
    this.#options = options;
  }

  /** Undefined until the first answer. */
  get agreement(): Agreement | undefined {
    return this.#agreement;
  }

  get codec(): AudioCodec | undefined {
    return this.#agreement?.parameters.codec;
  }

  /** As agreed. */
  get pauses(): Pauses {
    return this.#agreement === undefined ? NO_PAUSES : pausesOf(this.#agreement);
  }

  /** From the media worker on: what the peer was told is what happens. */
  agree(agreement: Agreement): void {
    this.#agreement = agreement;
  }

  readOffer(sdp: string): ReceivedOffer | Refusal {
    return readOffer(sdp, this.#options.localAddress, this.#options.settings);
  }

  /** An offer with `first` (what the other leg speaks) before the rest, so that nothing is transcoded without need. */
  offer(first: readonly AudioCodec[], telephoneEvent: boolean, pauses = NO_PAUSES): string {
    const spoken = spokenCodecs(this.#options.settings);
    const codecs = [...new Set([...first.filter((codec) => spoken.includes(codec)), ...spoken])];
    const offered: OfferedAudio = {
      codecs,
      telephoneEvent: telephoneEvent && takesEvents(this.#options.settings),
      ...pauses,
      ...this.#offeredSecurity(),
    };
    this.#offered = offered;
    return makeOffer({ ...this.#next(), ...offered, rtcpMux: MEDIA_ABILITIES.rtcpMux });
  }

  /** Reads the answer to what `offer` made last. */
  readAnswer(sdp: string): Agreement | Refusal {
    const { localAddress, settings } = this.#options;
    if (this.#offered === undefined) return { status: 488, why: 'an answer without an offer' };
    const description = parse(sdp);
    if (description instanceof SdpError) return refusalOf(description);
    const audio = readAnswer(description, this.#offered, mediaPolicy(settings, localAddress));
    if (audio instanceof SdpError) return refusalOf(audio);
    const refusal = checkFamily(audio, localAddress);
    if (refusal !== undefined) return refusal;
    const own = audio.crypto === undefined ? undefined : ownCrypto(this.#offered, audio.crypto);
    const { comfortNoise = false, annexB = false } = this.#offered;
    // Nobody has another number for it at this clock rate; the media worker has one for both ways.
    const hasOurNoise = comfortNoise && audio.comfortNoisePayloadType === COMFORT_NOISE_PAYLOAD_TYPE;
    const agreement = this.#agreeOn(audio, [], { comfortNoise: hasOurNoise, annexB }, own);
    if (agreement === undefined) return { status: 488, why: 'no codec' };
    const { codec, telephoneEventPayloadType } = agreement.parameters;
    if (telephoneEventPayloadType === undefined) return agreement;
    // RFC 3264 §5.1: who answers with another number still sends under the one of our offer.
    const telephoneEventReceivedType = codec === 'OPUS' ? OPUS_EVENT_PAYLOAD_TYPE : TELEPHONE_EVENT_PAYLOAD_TYPE;
    return { ...agreement, parameters: { ...agreement.parameters, telephoneEventReceivedType } };
  }

  /** The answer to `offer`, with one of the `wanted` codecs where the peer has it. */
  answer(
    { description, audio }: ReceivedOffer,
    wanted: readonly AudioCodec[],
    pauses = NO_PAUSES,
  ): (Agreement & { readonly sdp: string }) | Refusal {
    const crypto = audio.crypto === undefined ? undefined : this.#answerCrypto(audio.crypto);
    const agreement = this.#agreeOn(audio, wanted, pauses, crypto);
    if (agreement === undefined) return { status: 488, why: 'no codec' };
    const { codec, payloadType, ptimeMs, annexB } = agreement.parameters;
    const sdp = makeAnswer(description, {
      ...this.#next(),
      ptimeMs,
      audio,
      codec: { codec, payloadType, annexB: annexB === true },
      crypto,
      telephoneEvent: true,
      ...pausesOf(agreement),
      rtcpMux: MEDIA_ABILITIES.rtcpMux,
    });
    return { ...agreement, sdp };
  }

  /** An offer to send to the `other` party without the box. */
  offerDirect(other: Agreement): string {
    const { audio, parameters } = other;
    const { codec, payloadType, telephoneEventPayloadType, comfortNoisePayloadType, ptimeMs } = parameters;
    const pauses = pausesOf(other);
    this.#offered = { codecs: [codec], telephoneEvent: telephoneEventPayloadType !== undefined, ...pauses };
    return makeDirectOffer({
      ...this.#next(),
      ...addressOf(audio),
      ptimeMs,
      codec: { codec, payloadType, annexB: pauses.annexB },
      telephoneEventPayloadType,
      comfortNoisePayloadType,
    });
  }

  /** Whether the peer offers what was agreed with it: a refresh of the session (RFC 4028 §7.4). */
  isAsAgreed({ audio }: ReceivedOffer): boolean {
    const known = this.#agreement;
    const { comfortNoise, annexB } = this.pauses;
    return (
      known !== undefined &&
      audio.remoteAddress === known.audio.remoteAddress &&
      audio.remotePort === known.audio.remotePort &&
      audio.direction === known.audio.direction &&
      audio.ptimeMs === known.audio.ptimeMs &&
      audio.crypto === undefined &&
      telephoneEventOf(audio, known.parameters.codec) === telephoneEventOf(known.audio, known.parameters.codec) &&
      (!comfortNoise || audio.comfortNoisePayloadType === known.audio.comfortNoisePayloadType) &&
      audio.codecs.some((offered) => {
        const { codec, payloadType } = known.parameters;
        return codec === offered.codec && payloadType === offered.payloadType && (!annexB || offered.annexB === true);
      })
    );
  }

  /** The answer to an offer that is as agreed, with the media of the `other` party. */
  answerDirect({ description, audio }: ReceivedOffer, other: Agreement): string {
    const { codec, payloadType, ptimeMs, comfortNoisePayloadType } = other.parameters;
    const telephoneEvent = telephoneEventOf(other.audio, codec);
    const pauses = pausesOf(other);
    return makeAnswer(description, {
      ...this.#next(),
      ...addressOf(other.audio),
      ptimeMs,
      // RFC 3264 §6.1: each side says under which numbers it receives.
      audio: {
        ...audio,
        ...(telephoneEvent === undefined
          ? {}
          : { telephoneEventPayloadType: telephoneEvent, opusEventPayloadType: telephoneEvent }),
        ...(comfortNoisePayloadType === undefined ? {} : { comfortNoisePayloadType }),
      },
      codec: { codec, payloadType, annexB: pauses.annexB },
      telephoneEvent: telephoneEvent !== undefined,
      ...pauses,
    });
  }

  /** `own`: our key, where the peer has one. */
  #agreeOn(
    audio: AudioParameters,
    wanted: readonly AudioCodec[],
    pauses: Pauses,
    own: Crypto | undefined,
  ): Agreement | undefined {
    const agreed = legParameters(audio, wanted, pauses);
    const parameters = agreed === undefined ? undefined : { ...agreed, dscp: this.#options.settings.dscp };
    if (parameters === undefined || audio.crypto === undefined) {
      return parameters === undefined ? undefined : { audio, parameters };
    }
    const srtp = own === undefined ? undefined : srtpParameters(own, audio.crypto);
    return srtp === undefined ? undefined : { audio, parameters: { ...parameters, srtp } };
  }

  #offeredSecurity(): Pick<OfferedAudio, 'security' | 'cryptos'> {
    const { security, encryptSrtcp } = this.#options.settings;
    const suites = OFFERED_SUITES.filter((suite) => MEDIA_ABILITIES.srtp.suites.includes(suite));
    if (security === 'disabled' || suites.length === 0) return { security: 'disabled' };
    // Phones that are told to leave SRTCP in the clear want that said, and others know nothing of it.
    const lines = encryptSrtcp ? [false] : [true, false];
    const wanted = suites.flatMap((suite) => lines.map((unencryptedSrtcp) => ({ suite, unencryptedSrtcp })));
    return {
      security,
      cryptos: wanted.map(({ suite, unencryptedSrtcp }, index) => ({
        ...this.#ownCrypto(suite, unencryptedSrtcp),
        tag: index + 1,
      })),
    };
  }

  #answerCrypto(theirs: Crypto): Crypto {
    return { ...answerCrypto(theirs), key: this.#ownCrypto(theirs.suite, theirs.unencryptedSrtcp).key };
  }

  #ownCrypto(suite: SrtpSuite, unencryptedSrtcp: boolean): Crypto {
    const known = this.#cryptos.find((each) => each.suite === suite && each.unencryptedSrtcp === unencryptedSrtcp);
    if (known !== undefined) return known;
    const [fresh] = makeCryptos([{ suite, unencryptedSrtcp }]) as [Crypto];
    this.#cryptos.push(fresh);
    return fresh;
  }

  #next() {
    const { address, port, sessionId } = this.#options;
    this.#version += 1;
    return { address, port, sessionId, version: this.#version, ptimeMs: PTIME_MS };
  }
}

function pausesOf({ parameters }: Agreement): Pauses {
  return { comfortNoise: parameters.comfortNoisePayloadType !== undefined, annexB: parameters.annexB === true };
}

/** Undefined for a suite that the media worker does not have. */
function srtpParameters(ours: Crypto, theirs: Crypto): SrtpParameters | undefined {
  const suite = SRTP_SUITES.find((known) => known === theirs.suite);
  if (suite === undefined || ours.suite !== theirs.suite) return undefined;
  return {
    suite,
    sendKey: ours.key.reveal(),
    receiveKey: theirs.key.reveal(),
    // RFC 4568 §6.3.2: what one of the two encrypts, both do; a phone that was offered both ways says in its answer.
    unencryptedSrtcp: theirs.unencryptedSrtcp,
  };
}

function addressOf({ remoteAddress, remotePort, remoteRtcpPort }: AudioParameters) {
  return { address: remoteAddress, port: remotePort, rtcpPort: remoteRtcpPort };
}
