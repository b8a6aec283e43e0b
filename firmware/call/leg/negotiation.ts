import { isIPv6 } from 'node:net';
import type { LegParameters } from '../../media/client.ts';
import { type AudioParameters, type MediaPolicy, readAudio, telephoneEventOf } from '../../sdp/audio.ts';
import type { AudioCodec } from '../../sdp/codec.ts';
import { answerDirection, chooseCodec, noAudio } from '../../sdp/offer-answer.ts';
import { SdpError } from '../../sdp/sdp-error.ts';
import { parse, type SessionDescription } from '../../sdp/session-description.ts';
import { isSpoken, MEDIA_ABILITIES } from './media-abilities.ts';
import type { MediaSettings } from './media-settings.ts';

/** The worker sends packets of 10 to 120 ms in steps of 10. */
const MAX_PTIME_MS = 120;

/** A peer's offer that the box can answer. */
export interface ReceivedOffer {
  readonly description: SessionDescription;
  readonly audio: AudioParameters;
}

/** The SIP status that says why not (RFC 3261 §21.4.26 for 488). */
export interface Refusal {
  readonly status: 400 | 488;
  readonly why: string;
  /** What a Warning says beside 488 (RFC 3261 §20.43). */
  readonly warningCode?: number;
}

/** Which codecs the box speaks with an extension, in order of preference. */
export function spokenCodecs({ codecs }: MediaSettings): readonly AudioCodec[] {
  return codecs.filter((codec) => isSpoken(codec));
}

/** Whether RFC 4733 events are spoken with a peer: not where its digits are to go another way. */
export function takesEvents({ dtmf }: MediaSettings): boolean {
  return dtmf !== 'info' && dtmf !== 'in-band';
}

/** What of a description may be taken from a peer that the box reaches from `localAddress`. */
export function mediaPolicy({ security }: MediaSettings, localAddress: string): MediaPolicy {
  const { srtp } = MEDIA_ABILITIES;
  return { security, srtp, addressType: isIPv6(localAddress) ? 'IP6' : 'IP4' };
}

/** Reads an offer of a peer that the box reaches from `localAddress`, as its settings allow. Never throws. */
export function readOffer(sdp: string, localAddress: string, settings: MediaSettings): ReceivedOffer | Refusal {
  const description = parse(sdp);
  if (description instanceof SdpError) return refusalOf(description);
  const policy = mediaPolicy(settings, localAddress);
  const offered = readAudio(description, policy);
  if (offered === undefined) return refusalOf(noAudio(description, policy));
  const enabled = spokenCodecs(settings);
  const { telephoneEventPayloadType, opusEventPayloadType, ...others } = offered;
  const events = {
    ...(telephoneEventPayloadType === undefined ? {} : { telephoneEventPayloadType }),
    ...(opusEventPayloadType === undefined ? {} : { opusEventPayloadType }),
  };
  const codecs = offered.codecs.filter(({ codec }) => enabled.includes(codec));
  const audio = { ...others, codecs, ...(takesEvents(settings) ? events : {}) };
  if (audio.codecs.length === 0) {
    return refusalOf(new SdpError('SDP_NO_COMMON_CODEC', 'no codec of the offer is one of ours'));
  }
  return checkFamily(audio, localAddress) ?? { description, audio };
}

/** RFC 3261 §20.43: 302 is for the transport protocol, 304 for the kind of media, 305 for their formats. */
const WARNING_CODES: Readonly<Record<string, number>> = {
  SDP_PROTOCOL: 302,
  SDP_SECURITY: 302,
  SDP_NO_AUDIO: 304,
  SDP_NO_COMMON_CODEC: 305,
};

export function refusalOf(error: SdpError): Refusal {
  if (error.kind === 'malformed') return { status: 400, why: error.message };
  return { status: 488, why: error.message, warningCode: WARNING_CODES[error.code] ?? 399 };
}

/** What stands for silence on a leg, so that nothing is sent meanwhile: comfort noise, silence descriptors of G.729. */
export interface Pauses {
  readonly comfortNoise: boolean;
  readonly annexB: boolean;
}

export const NO_PAUSES: Pauses = { comfortNoise: false, annexB: false };

/**
 * What a leg may have whose other one is `other`, unknown where undefined. Not what the other one lacks of the same codec:
 * packets that could pass as they are would have to be decoded.
 */
export function pausesBeside(other: Pick<AudioParameters, 'codecs' | 'comfortNoisePayloadType'> | undefined): Pauses {
  if (other === undefined) return NO_PAUSES;
  return {
    comfortNoise: MEDIA_ABILITIES.comfortNoise && other.comfortNoisePayloadType !== undefined,
    annexB: MEDIA_ABILITIES.annexB && !other.codecs.some(({ codec, annexB }) => codec === 'G729' && annexB !== true),
  };
}

/**
 * What the media worker is to do on the leg of a peer with `audio`, apart from keys. `wanted`: the codecs to prefer, such
 * as the other leg's; else the peer's own order decides (RFC 3264 §6.1).
 */
export function legParameters(
  audio: AudioParameters,
  wanted: readonly AudioCodec[],
  pauses: Pauses,
): LegParameters | undefined {
  const codec = chooseCodec(audio.codecs, [...wanted, ...audio.codecs.map(({ codec }) => codec)]);
  if (codec === undefined || !isSpoken(codec.codec)) return undefined;
  const { comfortNoisePayloadType } = audio;
  const telephoneEventPayloadType = telephoneEventOf(audio, codec.codec);
  // Comfort noise at 8 kHz is none of Opus, which has its own.
  const hasNoise = pauses.comfortNoise && codec.codec !== 'OPUS';
  return {
    remoteAddress: audio.remoteAddress,
    remotePort: audio.remotePort,
    codec: codec.codec,
    payloadType: codec.payloadType,
    ...(telephoneEventPayloadType === undefined ? {} : { telephoneEventPayloadType }),
    ptimeMs: Math.min(Math.floor(audio.ptimeMs / 10) * 10, MAX_PTIME_MS),
    direction: answerDirection(audio.direction, 'sendrecv'),
    ...rtcpParameters(audio),
    ...(pauses.annexB && codec.annexB === true ? { annexB: true } : {}),
    ...(codec.opus === undefined ? {} : { opus: codec.opus }),
    ...(hasNoise && comfortNoisePayloadType !== undefined ? { comfortNoisePayloadType } : {}),
  };
}

/** Where RTCP goes: on the port of RTP where both want that (RFC 5761), else where the peer says (RFC 3605). */
function rtcpParameters(audio: AudioParameters): Pick<LegParameters, 'rtcpMux' | 'rtcpAddress' | 'rtcpPort'> {
  if (MEDIA_ABILITIES.rtcpMux && audio.rtcpMux) return { rtcpMux: true };
  const { remotePort, remoteRtcpPort: rtcpPort, remoteRtcpAddress: rtcpAddress } = audio;
  if (rtcpAddress !== undefined) return { rtcpAddress, rtcpPort };
  return rtcpPort === remotePort + 1 ? {} : { rtcpPort };
}

/** A leg's socket has one address family. */
export function checkFamily(audio: AudioParameters, localAddress: string): Refusal | undefined {
  if (isIPv6(audio.remoteAddress) === isIPv6(localAddress)) return undefined;
  const why = `media at ${audio.remoteAddress} cannot be reached from ${localAddress}`;
  return { status: 488, why, warningCode: 300 };
}
