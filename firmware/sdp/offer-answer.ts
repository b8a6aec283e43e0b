import { isIPv6 } from 'node:net';
import { anatGroup, mediaIdentification } from './address-alternatives.ts';
import {
  type AudioParameters,
  audioFault,
  type Direction,
  type MediaPolicy,
  type MediaSecurity,
  type OfferedCodec,
  PLAIN_MEDIA,
  readAudio,
  telephoneEventOf,
} from './audio.ts';
import { actualConfigurationLine, potentialConfigurationLines } from './capability-negotiation.ts';
import {
  type AudioCodec,
  CLOCK_RATE,
  COMFORT_NOISE_PAYLOAD_TYPE,
  ENCODING_NAME,
  OPUS_CHANNELS,
  OPUS_CLOCK_RATE,
  OPUS_EVENT_PAYLOAD_TYPE,
  PAYLOAD_TYPE,
  TELEPHONE_EVENT_PAYLOAD_TYPE,
} from './codec.ts';
import { type Crypto, formatCrypto } from './crypto.ts';
import { OWN_OPUS_FORMAT } from './opus-format.ts';
import { SdpError, type SdpErrorCode } from './sdp-error.ts';
import {
  type Attribute,
  type Connection,
  type MediaDescription,
  type SessionDescription,
  serialize,
} from './session-description.ts';

/** What every description of ours says, offer or answer. */
export interface LocalSession {
  /** Our media address, IPv4 or IPv6. */
  readonly address: string;
  /** Our RTP port, 1 to 65535. */
  readonly port: number;
  /** Where RTCP goes, where that is not the next port (RFC 3605). */
  readonly rtcpPort?: number;
  /** o= id: the same for the life of one leg. A whole number. */
  readonly sessionId: number;
  /** o= version: one more whenever the text changes (RFC 3264 §8). A whole number. */
  readonly version: number;
  /** 10 to 200; 20 where left out. */
  readonly ptimeMs?: number;
  /** Our own view; sendrecv where left out. In an answer it is narrowed to what the offer allows. */
  readonly direction?: Direction;
  /** RTCP is welcome on the RTP port (RFC 5761). In an answer only where the offer has it. */
  readonly rtcpMux?: boolean;
}

/** What an offer of ours has, as far as its answer is held against it. */
export interface OfferedAudio {
  /** In our order of preference, at least one. */
  readonly codecs: readonly AudioCodec[];
  /** Whether to offer RFC 4733 events, as payload type 101, and 102 beside Opus. */
  readonly telephoneEvent: boolean;
  /** Whether to offer RFC 3389 comfort noise, as payload type 13. */
  readonly comfortNoise?: boolean;
  /** Whether our G.729 has Annex B (RFC 7261). */
  readonly annexB?: boolean;
  /** `disabled` where left out. */
  readonly security?: MediaSecurity;
  /** Our keys, unless security is disabled; at least one. */
  readonly cryptos?: readonly Crypto[];
}

export interface OfferOptions extends LocalSession, OfferedAudio {}

export interface AnswerOptions extends LocalSession {
  /** The m-line that we take, as readAudio returned it. The others are refused with port 0. */
  readonly audio: AudioParameters;
  /** The one codec of the call, with the offer's payload type (RFC 3264 §6.1). */
  readonly codec: OfferedCodec;
  /** Whether events are used, where the offer has them. */
  readonly telephoneEvent: boolean;
  /** Whether comfort noise is used, where the offer has it. */
  readonly comfortNoise?: boolean;
  /** Whether our G.729 has Annex B: then it is used where the offer has it too. */
  readonly annexB?: boolean;
  /** Ours, where `audio` has one: see answerCrypto. */
  readonly crypto?: Crypto | undefined;
}

/** An offer of the very stream that another party wants to receive, so that media go there and not through the box. */
export interface DirectOfferOptions extends LocalSession {
  readonly codec: OfferedCodec;
  readonly telephoneEventPayloadType?: number | undefined;
  readonly comfortNoisePayloadType?: number | undefined;
}

/** What a stream of ours is made of. */
interface StreamOptions extends LocalSession {
  readonly protocol: string;
  readonly codecs: readonly OfferedCodec[];
  /** Beside a codec that is not Opus, and beside that. */
  readonly telephoneEvent?: number | undefined;
  readonly opusEvent?: number | undefined;
  readonly comfortNoise?: number | undefined;
  readonly attributes?: readonly Attribute[];
}

/**
 * An offer of one audio stream, with our payload types. Where SRTP is preferred it is plain RTP with the keys beside
 * it: as a=crypto, which many phones take for that, and as a potential configuration (RFC 5939), which says so.
 */
export function makeOffer(options: OfferOptions): string {
  const { security = 'disabled', cryptos = [], annexB = false } = options;
  const keys = cryptos.map(formatCrypto);
  const attributes = keys.map((value): Attribute => ({ name: 'crypto', value }));
  if (security === 'preferred') attributes.push(...potentialConfigurationLines(keys));
  return serialize({
    ...sessionPart(options),
    timing: { start: '0', stop: '0' },
    media: [
      audioMedia({
        ...options,
        protocol: security === 'enforced' ? 'RTP/SAVP' : 'RTP/AVP',
        codecs: options.codecs.map((codec) => ({ codec, payloadType: PAYLOAD_TYPE[codec], annexB })),
        telephoneEvent:
          options.telephoneEvent && options.codecs.some((codec) => codec !== 'OPUS')
            ? TELEPHONE_EVENT_PAYLOAD_TYPE
            : undefined,
        opusEvent: options.telephoneEvent && options.codecs.includes('OPUS') ? OPUS_EVENT_PAYLOAD_TYPE : undefined,
        comfortNoise: options.comfortNoise === true ? COMFORT_NOISE_PAYLOAD_TYPE : undefined,
        attributes: security === 'disabled' ? [] : attributes,
      }),
    ],
  });
}

/** See DirectOfferOptions. Plain RTP, since keys are agreed with each party apart. */
export function makeDirectOffer(options: DirectOfferOptions): string {
  return serialize({
    ...sessionPart(options),
    timing: { start: '0', stop: '0' },
    media: [
      audioMedia({
        ...options,
        protocol: 'RTP/AVP',
        codecs: [options.codec],
        ...eventsBeside(options.codec.codec, options.telephoneEventPayloadType),
        comfortNoise: options.comfortNoisePayloadType,
      }),
    ],
  });
}

/**
 * The answer to `offer` (RFC 3264 §6): as many m-lines, in its order, all but the one that is taken refused. Of its
 * groups only ANAT is answered, with what is left of it (RFC 5888). Without BUNDLE in the answer each line stands alone
 * (RFC 9143), and without candidates there is no ICE, and no ice-mismatch either: that is for who does ICE (RFC 8839).
 */
export function makeAnswer(offer: SessionDescription, options: AnswerOptions): string {
  const { audio, codec, crypto } = options;
  const group = groupOf(offer, audio);
  const attributes: Attribute[] = [];
  if (crypto !== undefined) attributes.push({ name: 'crypto', value: formatCrypto(crypto) });
  if (audio.potential !== undefined) attributes.push(actualConfigurationLine(audio.potential));
  const { rtcpMux, ...local } = options;
  const accepted = audioMedia({
    ...local,
    ...(rtcpMux === true && audio.rtcpMux ? { rtcpMux } : {}),
    direction: answerDirection(audio.direction, options.direction ?? 'sendrecv'),
    protocol: audio.protocol,
    codecs: [{ ...codec, annexB: options.annexB === true && codec.annexB === true }],
    ...eventsBeside(codec.codec, options.telephoneEvent ? telephoneEventOf(audio, codec.codec) : undefined),
    comfortNoise: options.comfortNoise === true ? audio.comfortNoisePayloadType : undefined,
    attributes,
  });
  return serialize({
    ...sessionPart(options),
    attributes: group === undefined ? [] : [{ name: 'group', value: `ANAT ${group.taken}` }],
    // RFC 3264 §6: t= is the offer's.
    timing: offer.timing,
    media: offer.media.map((media, index) => {
      const line = index === audio.mediaIndex ? accepted : refused(media);
      const mid = mediaIdentification(media);
      const isGrouped = mid !== undefined && group?.mids.includes(mid) === true;
      return isGrouped ? { ...line, attributes: [{ name: 'mid', value: mid }, ...line.attributes] } : line;
    }),
  });
}

/** The ANAT group of the line that is taken. */
function groupOf(
  offer: SessionDescription,
  { mediaIndex }: AudioParameters,
): { readonly mids: readonly string[]; readonly taken: string } | undefined {
  const media = offer.media[mediaIndex];
  const mids = media === undefined ? undefined : anatGroup(offer, media);
  const taken = media === undefined ? undefined : mediaIdentification(media);
  return mids === undefined || taken === undefined ? undefined : { mids, taken };
}

/**
 * What a peer answered to our offer, fit to be used: one audio stream that is not refused, with at least one codec
 * that we offered, secured as we offered it. Otherwise an SdpError of kind not-acceptable.
 */
export function readAnswer(
  answer: SessionDescription,
  offer: OfferedAudio,
  policy: MediaPolicy = PLAIN_MEDIA,
): AudioParameters | SdpError {
  // RFC 3264 §6: one m-line in the answer for each in the offer, and ours has one.
  if (answer.media.length !== 1) {
    return new SdpError('SDP_ANSWER_MISFIT', `the answer has ${answer.media.length} m-lines and the offer has one`);
  }
  const audio = readAudio(answer, { ...policy, security: offer.security ?? 'disabled' });
  if (audio === undefined) return noAudio(answer, { ...policy, security: offer.security ?? 'disabled' });
  if (audio.crypto !== undefined && ownCrypto(offer, audio.crypto) === undefined) {
    return new SdpError('SDP_SECURITY', 'the answer has a key for nothing that was offered');
  }
  const codecs = audio.codecs.filter(({ codec }) => offer.codecs.includes(codec));
  if (codecs.length === 0) return new SdpError('SDP_NO_COMMON_CODEC', 'the answer has no codec of the offer');
  const { telephoneEventPayloadType, opusEventPayloadType, comfortNoisePayloadType, ...rest } = audio;
  return {
    ...rest,
    codecs,
    ...(offer.telephoneEvent && telephoneEventPayloadType !== undefined ? { telephoneEventPayloadType } : {}),
    ...(offer.telephoneEvent && opusEventPayloadType !== undefined ? { opusEventPayloadType } : {}),
    ...(offer.comfortNoise === true && comfortNoisePayloadType !== undefined ? { comfortNoisePayloadType } : {}),
  };
}

/** The line of our offer that the peer's answer follows: of the same tag and suite (RFC 4568 §5.1.3), or of the suite. */
export function ownCrypto({ cryptos = [] }: OfferedAudio, theirs: Crypto): Crypto | undefined {
  const fitting = cryptos.filter(({ suite }) => suite === theirs.suite);
  return fitting.find(({ tag }) => tag === theirs.tag) ?? fitting[0];
}

const FAULTS: Readonly<Record<ReturnType<typeof audioFault>, readonly [SdpErrorCode, string]>> = {
  'no-audio': ['SDP_NO_AUDIO', 'no audio that is in use'],
  insecure: ['SDP_SECURITY', 'audio without SRTP, which is enforced'],
  protocol: ['SDP_PROTOCOL', 'audio over a protocol, or with keys, that is not taken here'],
  address: ['SDP_NO_AUDIO', 'audio without a unicast address'],
};

/** What is wrong with a description in which readAudio finds nothing. */
export function noAudio(description: SessionDescription, policy: MediaPolicy = PLAIN_MEDIA): SdpError {
  const [code, message] = FAULTS[audioFault(description, policy)];
  return new SdpError(code, message);
}

/** The first of our preferences that the peer speaks too. */
export function chooseCodec(
  offered: readonly OfferedCodec[],
  preferred: readonly AudioCodec[],
): OfferedCodec | undefined {
  for (const codec of preferred) {
    const found = offered.find((candidate) => candidate.codec === codec);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The direction of an answer: what we want, as far as the offer allows it (RFC 3264 §6.1). Both in their own view. */
export function answerDirection(offered: Direction, wanted: Direction): Direction {
  const send = (offered === 'sendrecv' || offered === 'recvonly') && (wanted === 'sendrecv' || wanted === 'sendonly');
  const receive =
    (offered === 'sendrecv' || offered === 'sendonly') && (wanted === 'sendrecv' || wanted === 'recvonly');
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

function sessionPart(options: LocalSession): Omit<SessionDescription, 'timing' | 'media'> {
  const connection: Connection = { addressType: isIPv6(options.address) ? 'IP6' : 'IP4', address: options.address };
  return {
    origin: { username: '-', sessionId: String(options.sessionId), version: String(options.version), connection },
    name: '-',
    connection,
    attributes: [],
  };
}

function audioMedia(options: StreamOptions): MediaDescription {
  const { codecs, telephoneEvent, opusEvent, comfortNoise, port, rtcpPort, protocol } = options;
  const attributes: Attribute[] = [];
  const formats: number[] = [];
  const describe = (payloadType: number, name: string, clock: string | number = CLOCK_RATE): void => {
    formats.push(payloadType);
    attributes.push({ name: 'rtpmap', value: `${payloadType} ${name}/${clock}` });
  };
  for (const { codec, payloadType, annexB } of codecs) {
    describe(payloadType, ENCODING_NAME[codec], codec === 'OPUS' ? `${OPUS_CLOCK_RATE}/${OPUS_CHANNELS}` : CLOCK_RATE);
    if (codec === 'OPUS') attributes.push({ name: 'fmtp', value: `${payloadType} ${OWN_OPUS_FORMAT}` });
    // RFC 7261 §3.1: with annexb=no on one side neither uses it, and what is left out means yes.
    if (codec === 'G729')
      attributes.push({ name: 'fmtp', value: `${payloadType} annexb=${annexB === true ? 'yes' : 'no'}` });
  }
  if (comfortNoise !== undefined) describe(comfortNoise, 'CN');
  for (const [payloadType, clock] of [
    [telephoneEvent, CLOCK_RATE],
    [opusEvent, OPUS_CLOCK_RATE],
  ] as const) {
    if (payloadType === undefined) continue;
    describe(payloadType, 'telephone-event', clock);
    attributes.push({ name: 'fmtp', value: `${payloadType} 0-15` });
  }
  attributes.push({ name: 'ptime', value: String(options.ptimeMs ?? 20) });
  if (rtcpPort !== undefined && rtcpPort !== port + 1) attributes.push({ name: 'rtcp', value: String(rtcpPort) });
  if (options.rtcpMux === true) attributes.push({ name: 'rtcp-mux' });
  attributes.push(...(options.attributes ?? []), { name: options.direction ?? 'sendrecv' });
  return { media: 'audio', port, protocol, formats: formats.map(String), attributes };
}

function eventsBeside(
  codec: AudioCodec,
  payloadType: number | undefined,
): Required<Pick<StreamOptions, 'telephoneEvent' | 'opusEvent'>> {
  const isOpus = codec === 'OPUS';
  return { telephoneEvent: isOpus ? undefined : payloadType, opusEvent: isOpus ? payloadType : undefined };
}

function refused(media: MediaDescription): MediaDescription {
  return { media: media.media, port: 0, protocol: media.protocol, formats: media.formats, attributes: [] };
}
