import {
  type AddressType,
  hasAlternatives,
  isUnicast,
  isUnspecified,
  type MediaAddress,
  mediaAddress,
} from './address-alternatives.ts';
import { type PotentialConfiguration, readPotentialConfiguration } from './capability-negotiation.ts';
import type { AudioCodec } from './codec.ts';
import { type Crypto, type CryptoAbilities, chooseCrypto } from './crypto.ts';
import { type OfferedCodec, readFormats } from './rtp-formats.ts';
import {
  attributeValue,
  type Connection,
  type MediaDescription,
  type SessionDescription,
} from './session-description.ts';

export type { OfferedCodec } from './rtp-formats.ts';

/** As the side that wrote the description sees it (RFC 8866 §6.7). */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** `preferred`: SRTP where the peer can, else plain RTP. */
export type MediaSecurity = 'disabled' | 'preferred' | 'enforced';

/** What of a description may be taken. */
export interface MediaPolicy {
  readonly security: MediaSecurity;
  readonly srtp: CryptoAbilities;
  /** The family that the peer is reached over, where it offers both. */
  readonly addressType?: AddressType;
}

/** Plain RTP alone. */
export const PLAIN_MEDIA: MediaPolicy = { security: 'disabled', srtp: { suites: [], mki: false } };

/** What one audio stream of a peer is, in the terms that the media worker needs. */
export interface AudioParameters {
  /** Which m-line it is, from 0. */
  readonly mediaIndex: number;
  /** As the m-line, or its chosen potential configuration, names it; an answer names the same (RFC 3264 §6). */
  readonly protocol: string;
  /** An IPv4 or IPv6 address, never a name. May be the unspecified one: then `direction` has no receiving part. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
  /** Where the peer wants RTCP: the port of a=rtcp (RFC 3605), else the next one (RFC 3550 §11). */
  readonly remoteRtcpPort: number;
  /** The address of a=rtcp, where it has one of the same family and not the one of RTP. */
  readonly remoteRtcpAddress?: string;
  /** The peer takes RTCP on its RTP port (RFC 5761). */
  readonly rtcpMux: boolean;
  /** The stream was offered over both families, or under several addresses. */
  readonly hasAlternatives: boolean;
  /** Those that the box knows, in the peer's order; perhaps none. */
  readonly codecs: readonly OfferedCodec[];
  /** The number under which the peer wants to receive telephone-event. */
  readonly telephoneEventPayloadType?: number;
  /** The same beside Opus, whose clock those events have. */
  readonly opusEventPayloadType?: number;
  /** The number under which the peer wants to receive comfort noise (RFC 3389). */
  readonly comfortNoisePayloadType?: number;
  /** 10 to 200, 20 where the peer says nothing usable; never beyond its maxptime. */
  readonly ptimeMs: number;
  /** The peer's view, with a c= of 0.0.0.0 counted as "sends only" (RFC 3264 §8.4). */
  readonly direction: Direction;
  /** The peer's key, where the stream is SRTP. */
  readonly crypto?: Crypto;
  /** Where SRTP was chosen from what is offered beside the m-line itself (RFC 5939). */
  readonly potential?: PotentialConfiguration;
}

/** The number of the events that go with a codec, undefined where the peer has none of its clock. */
export function telephoneEventOf(
  audio: Pick<AudioParameters, 'telephoneEventPayloadType' | 'opusEventPayloadType'>,
  codec: AudioCodec,
): number | undefined {
  return codec === 'OPUS' ? audio.opusEventPayloadType : audio.telephoneEventPayloadType;
}

const DEFAULT_PTIME_MS = 20;
const MIN_PTIME_MS = 10;
const MAX_PTIME_MS = 200;

/** Over the feedback profile (RFC 4585) media are the same; what is different, RTCP's timing, a peer may do alone. */
const PLAIN_PROTOCOLS: ReadonlySet<string> = new Set(['RTP/AVP', 'RTP/AVPF']);
const SECURE_PROTOCOLS: ReadonlySet<string> = new Set(['RTP/SAVP', 'RTP/SAVPF']);

/**
 * The audio stream to take: in use, with a unicast address, over a protocol that `policy` allows. Of several the one with
 * a codec of ours, of the family that the peer is reached over, the secure one where that is preferred, the first; in
 * this order. Undefined where there is none.
 */
export function readAudio(
  description: SessionDescription,
  policy: MediaPolicy = PLAIN_MEDIA,
): AudioParameters | undefined {
  let best: AudioParameters | undefined;
  for (const [mediaIndex, media] of description.media.entries()) {
    const audio = readAudioAt(description, media, mediaIndex, policy);
    if (audio !== undefined && (best === undefined || rank(audio, policy) > rank(best, policy))) best = audio;
  }
  return best;
}

/** Why nothing of a description can be taken. */
export type AudioFault = 'no-audio' | 'insecure' | 'protocol' | 'address';

/** What stands in the way of an audio stream, where `readAudio` found none. */
export function audioFault(description: SessionDescription, policy: MediaPolicy = PLAIN_MEDIA): AudioFault {
  const lines = description.media.filter(isAudioInUse);
  if (lines.length === 0) return 'no-audio';
  const usable = lines.filter((media) => chooseSecurity(description, media, policy) !== undefined);
  if (usable.length > 0) return 'address';
  const isPlain = lines.some(({ protocol }) => PLAIN_PROTOCOLS.has(protocol.toUpperCase()));
  return isPlain && policy.security === 'enforced' ? 'insecure' : 'protocol';
}

function rank(audio: AudioParameters, { security, addressType }: MediaPolicy): number {
  const isOfFamily = addressType === undefined || (addressType === 'IP6') === audio.remoteAddress.includes(':');
  const isSecure = security === 'preferred' && audio.crypto !== undefined;
  return (audio.codecs.length > 0 ? 4 : 0) + (isOfFamily ? 2 : 0) + (isSecure ? 1 : 0);
}

function isAudioInUse({ media, port }: MediaDescription): boolean {
  return media === 'audio' && port !== 0;
}

function readAudioAt(
  description: SessionDescription,
  media: MediaDescription,
  mediaIndex: number,
  policy: MediaPolicy,
): AudioParameters | undefined {
  if (!isAudioInUse(media)) return undefined;
  const security = chooseSecurity(description, media, policy);
  const address = mediaAddress(description, media, policy.addressType);
  if (security === undefined || address === undefined) return undefined;
  const { codecs, telephoneEvent, opusEvent, comfortNoise } = readFormats(media);
  return {
    mediaIndex,
    ...security,
    remoteAddress: address.connection.address,
    remotePort: address.port,
    ...readRtcp(media, address),
    rtcpMux: attributeValue(media.attributes, 'rtcp-mux') !== undefined,
    hasAlternatives: hasAlternatives(description, media),
    codecs,
    ...(telephoneEvent === undefined ? {} : { telephoneEventPayloadType: telephoneEvent }),
    ...(opusEvent === undefined ? {} : { opusEventPayloadType: opusEvent }),
    ...(comfortNoise === undefined ? {} : { comfortNoisePayloadType: comfortNoise }),
    ptimeMs: readPtime(media),
    direction: readDirection(description, media, address.connection),
  };
}

/** With SRTP or without, and by which line of the peer; undefined where neither may be. */
function chooseSecurity(
  description: SessionDescription,
  media: MediaDescription,
  { security, srtp }: MediaPolicy,
): Pick<AudioParameters, 'protocol' | 'crypto' | 'potential'> | undefined {
  const protocol = media.protocol.toUpperCase();
  const isPlain = PLAIN_PROTOCOLS.has(protocol);
  if (!isPlain && !SECURE_PROTOCOLS.has(protocol)) return undefined;
  if (security !== 'disabled') {
    const potential = isPlain ? readPotentialConfiguration(description, media, srtp) : undefined;
    if (potential !== undefined) return { protocol: potential.protocol, crypto: potential.crypto, potential };
    // Not in the RFC, but the way of many phones: a=crypto over plain RTP is an offer to secure it, and no condition.
    const values = media.attributes.flatMap(({ name, value }) => (name === 'crypto' ? [value ?? ''] : []));
    const crypto = chooseCrypto(values, srtp);
    if (crypto !== undefined) return { protocol, crypto };
  }
  return isPlain && security !== 'enforced' ? { protocol } : undefined;
}

function readRtcp(
  media: MediaDescription,
  { connection, port, rtcpPort }: MediaAddress,
): Pick<AudioParameters, 'remoteRtcpPort' | 'remoteRtcpAddress'> {
  if (rtcpPort !== undefined) return { remoteRtcpPort: rtcpPort };
  const value = attributeValue(media.attributes, 'rtcp') ?? '';
  const [, text, addressType, address] = /^([0-9]{1,5})(?: +IN +(IP4|IP6) +(\S{1,64}))?(?: |$)/.exec(value) ?? [];
  const told = Number(text ?? 0);
  // What a=rtcp says belongs to the port of the m-line, and to no alternative of it.
  if (port !== media.port || told < 1 || told > 65_535) return { remoteRtcpPort: Math.min(port + 1, 65_535) };
  const isOther =
    address !== undefined &&
    addressType === connection.addressType &&
    address !== connection.address &&
    !isUnspecified(connection.address) &&
    isUnicast({ addressType, address }) &&
    !isUnspecified(address);
  return { remoteRtcpPort: told, ...(isOther ? { remoteRtcpAddress: address } : {}) };
}

function readPtime(media: MediaDescription): number {
  const ptimeMs = readMilliseconds(media, 'ptime') ?? DEFAULT_PTIME_MS;
  return Math.min(ptimeMs, readMilliseconds(media, 'maxptime') ?? MAX_PTIME_MS);
}

function readMilliseconds(media: MediaDescription, name: string): number | undefined {
  const text = attributeValue(media.attributes, name) ?? '';
  const value = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  return value >= MIN_PTIME_MS && value <= MAX_PTIME_MS ? value : undefined;
}

const DIRECTIONS: ReadonlySet<string> = new Set<Direction>(['sendrecv', 'sendonly', 'recvonly', 'inactive']);

function isDirection(name: string): name is Direction {
  return DIRECTIONS.has(name);
}

function readDirection(description: SessionDescription, media: MediaDescription, connection: Connection): Direction {
  const names = [...media.attributes, ...description.attributes].map(({ name }) => name);
  const direction = names.find(isDirection) ?? 'sendrecv';
  if (!isUnspecified(connection.address)) return direction;
  // RFC 3264 §8.4: the older way to put a call on hold.
  return direction === 'sendrecv' || direction === 'sendonly' ? 'sendonly' : 'inactive';
}
