import { isIPv6 } from 'node:net';
import { type AudioParameters, type Direction, type OfferedCodec, readAudio } from './audio.ts';
import { type AudioCodec, CLOCK_RATE, STATIC_PAYLOAD_TYPE, TELEPHONE_EVENT_PAYLOAD_TYPE } from './codec.ts';
import { SdpError } from './sdp-error.ts';
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
  /** o= id: the same for the life of one leg. A whole number. */
  readonly sessionId: number;
  /** o= version: one more whenever the text changes (RFC 3264 §8). A whole number. */
  readonly version: number;
  /** 10 to 200; 20 where left out. */
  readonly ptimeMs?: number;
  /** Our own view; sendrecv where left out. In an answer it is narrowed to what the offer allows. */
  readonly direction?: Direction;
}

export interface OfferOptions extends LocalSession {
  /** In our order of preference, at least one. */
  readonly codecs: readonly AudioCodec[];
  /** Whether to offer RFC 4733 events, as payload type 101. */
  readonly telephoneEvent: boolean;
}

export interface AnswerOptions extends LocalSession {
  /** The m-line that we take: `mediaIndex` of what readAudio returned. The others are refused with port 0. */
  readonly mediaIndex: number;
  /** The one codec of the call, with the offer's payload type (RFC 3264 §6.1). */
  readonly codec: OfferedCodec;
  /** The offer's number for telephone-event; left out, events are not used. */
  readonly telephoneEventPayloadType?: number | undefined;
}

/** An offer of one audio stream, with static payload types. */
export function makeOffer(options: OfferOptions): string {
  const codecs = options.codecs.map((codec) => ({ codec, payloadType: STATIC_PAYLOAD_TYPE[codec] }));
  return serialize({
    ...sessionPart(options),
    timing: { start: '0', stop: '0' },
    media: [audioMedia(options, codecs, options.telephoneEvent ? TELEPHONE_EVENT_PAYLOAD_TYPE : undefined)],
  });
}

/** The answer to `offer` (RFC 3264 §6): as many m-lines, in its order, all but the one at `mediaIndex` refused. */
export function makeAnswer(offer: SessionDescription, options: AnswerOptions): string {
  const offered = readAudio(offer)?.direction ?? 'sendrecv';
  const direction = answerDirection(offered, options.direction ?? 'sendrecv');
  const accepted = audioMedia({ ...options, direction }, [options.codec], options.telephoneEventPayloadType);
  return serialize({
    ...sessionPart(options),
    // RFC 3264 §6: t= is the offer's.
    timing: offer.timing,
    media: offer.media.map((media, index) => (index === options.mediaIndex ? accepted : refused(media))),
  });
}

/**
 * What a peer answered to our offer, fit to be used: one audio stream that is not refused, with at least one codec
 * that we offered. Otherwise an SdpError of kind not-acceptable.
 */
export function readAnswer(
  answer: SessionDescription,
  offer: Pick<OfferOptions, 'codecs' | 'telephoneEvent'>,
): AudioParameters | SdpError {
  // RFC 3264 §6: one m-line in the answer for each in the offer, and ours has one.
  if (answer.media.length !== 1) {
    return new SdpError('SDP_ANSWER_MISFIT', `the answer has ${answer.media.length} m-lines and the offer has one`);
  }
  const audio = readAudio(answer);
  if (audio === undefined) return new SdpError('SDP_NO_AUDIO', 'the answer takes no audio over RTP/AVP');
  const codecs = audio.codecs.filter(({ codec }) => offer.codecs.includes(codec));
  if (codecs.length === 0) return new SdpError('SDP_NO_COMMON_CODEC', 'the answer has no codec of the offer');
  const { telephoneEventPayloadType, ...rest } = audio;
  return {
    ...rest,
    codecs,
    ...(offer.telephoneEvent && telephoneEventPayloadType !== undefined ? { telephoneEventPayloadType } : {}),
  };
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

function audioMedia(
  options: LocalSession,
  codecs: readonly Pick<OfferedCodec, 'codec' | 'payloadType'>[],
  telephoneEvent: number | undefined,
): MediaDescription {
  const attributes: Attribute[] = [];
  for (const { codec, payloadType } of codecs) {
    attributes.push({ name: 'rtpmap', value: `${payloadType} ${codec}/${CLOCK_RATE}` });
    // RFC 7261 §3.2: our G.729 has no Annex B, and with annexb=no on one side neither uses it.
    if (codec === 'G729') attributes.push({ name: 'fmtp', value: `${payloadType} annexb=no` });
  }
  if (telephoneEvent !== undefined) {
    attributes.push({ name: 'rtpmap', value: `${telephoneEvent} telephone-event/${CLOCK_RATE}` });
    attributes.push({ name: 'fmtp', value: `${telephoneEvent} 0-15` });
  }
  attributes.push({ name: 'ptime', value: String(options.ptimeMs ?? 20) }, { name: options.direction ?? 'sendrecv' });
  const payloadTypes = codecs.map(({ payloadType }) => payloadType);
  if (telephoneEvent !== undefined) payloadTypes.push(telephoneEvent);
  return { media: 'audio', port: options.port, protocol: 'RTP/AVP', formats: payloadTypes.map(String), attributes };
}

function refused(media: MediaDescription): MediaDescription {
  return { media: media.media, port: 0, protocol: media.protocol, formats: media.formats, attributes: [] };
}
