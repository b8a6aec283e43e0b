import { isIPv4, isIPv6 } from 'node:net';
import { type AudioCodec, audioCodec, CLOCK_RATE, STATIC_ENCODING_NAMES } from './codec.ts';
import {
  attributeValue,
  type Connection,
  type MediaDescription,
  type SessionDescription,
} from './session-description.ts';

/** As the side that wrote the description sees it (RFC 8866 §6.7). */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** A codec as a peer names it. */
export interface OfferedCodec {
  readonly codec: AudioCodec;
  /** 0 to 127, the number under which the peer wants to receive it. */
  readonly payloadType: number;
  /** G729 alone: whether the peer may send and takes Annex B frames. Missing in the text means yes (RFC 7261 §3.1). */
  readonly annexB?: boolean;
}

/** What one audio stream of a peer is, in the terms that the media worker needs. */
export interface AudioParameters {
  /** Which m-line it is, from 0. */
  readonly mediaIndex: number;
  /** An IPv4 or IPv6 address, never a name. May be the unspecified one: then `direction` has no receiving part. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
  /** Where the peer wants RTCP: the port of a=rtcp, else the next one (RFC 3550 §11). */
  readonly remoteRtcpPort: number;
  /** Those that the box speaks, in the peer's order; perhaps none. */
  readonly codecs: readonly OfferedCodec[];
  /** The number under which the peer wants to receive telephone-event. */
  readonly telephoneEventPayloadType?: number;
  /** 10 to 200, 20 where the peer says nothing usable. */
  readonly ptimeMs: number;
  /** The peer's view, with a c= of 0.0.0.0 counted as "sends only" (RFC 3264 §8.4). */
  readonly direction: Direction;
}

const DEFAULT_PTIME_MS = 20;
const MIN_PTIME_MS = 10;
const MAX_PTIME_MS = 200;

/**
 * The first audio stream over plain RTP that is in use and has a unicast address, or undefined where there is none:
 * only video, only SRTP, all ports 0, a host name or a multicast group for an address.
 */
export function readAudio(description: SessionDescription): AudioParameters | undefined {
  for (const [mediaIndex, media] of description.media.entries()) {
    const audio = readAudioAt(description, media, mediaIndex);
    if (audio !== undefined) return audio;
  }
  return undefined;
}

function readAudioAt(
  description: SessionDescription,
  media: MediaDescription,
  mediaIndex: number,
): AudioParameters | undefined {
  if (media.media !== 'audio' || media.protocol.toUpperCase() !== 'RTP/AVP' || media.port === 0) return undefined;
  const connection = media.connection ?? description.connection;
  if (connection === undefined || !isUnicast(connection)) return undefined;
  const formats = readFormats(media);
  return {
    mediaIndex,
    remoteAddress: connection.address,
    remotePort: media.port,
    remoteRtcpPort: readRtcpPort(media),
    codecs: formats.codecs,
    ...(formats.telephoneEvent === undefined ? {} : { telephoneEventPayloadType: formats.telephoneEvent }),
    ptimeMs: readPtime(media),
    direction: readDirection(description, media, connection),
  };
}

function isUnicast({ address }: Connection): boolean {
  if (isIPv4(address)) return isUnspecified(address) || !/^(?:0|22[4-9]|23[0-9]|24[0-9]|25[0-5])\./.test(address);
  return isIPv6(address) && !/^ff/i.test(address);
}

/** 0.0.0.0 or :: in any spelling. */
function isUnspecified(address: string): boolean {
  return isIPv4(address) ? address === '0.0.0.0' : /^[0:]+(?:0\.0\.0\.0)?$/.test(address);
}

interface Formats {
  readonly codecs: readonly OfferedCodec[];
  readonly telephoneEvent: number | undefined;
}

interface RtpMap {
  readonly encodingName: string;
  readonly clockRate: number;
  readonly channels: number;
}

function readFormats(media: MediaDescription): Formats {
  const maps = readRtpMaps(media);
  const codecs: OfferedCodec[] = [];
  let telephoneEvent: number | undefined;
  const seen = new Set<number>();
  for (const format of media.formats) {
    const payloadType = readPayloadType(format);
    if (payloadType === undefined || seen.has(payloadType)) continue;
    seen.add(payloadType);
    const map = maps.get(payloadType) ?? staticMap(payloadType);
    if (map === undefined || map.clockRate !== CLOCK_RATE || map.channels !== 1) continue;
    if (map.encodingName.toLowerCase() === 'telephone-event') {
      telephoneEvent ??= payloadType;
      continue;
    }
    const codec = audioCodec(map.encodingName);
    if (codec === 'G729') codecs.push({ codec, payloadType, annexB: readAnnexB(media, payloadType) });
    else if (codec !== undefined) codecs.push({ codec, payloadType });
  }
  return { codecs, telephoneEvent };
}

function readPayloadType(text: string): number | undefined {
  const payloadType = /^[0-9]{1,3}$/.test(text) ? Number(text) : 128;
  return payloadType <= 127 ? payloadType : undefined;
}

function readRtpMaps(media: MediaDescription): ReadonlyMap<number, RtpMap> {
  const maps = new Map<number, RtpMap>();
  for (const { name, value = '' } of media.attributes) {
    if (name !== 'rtpmap') continue;
    const match = /^([0-9]{1,3}) +([^/ ]{1,64})\/([0-9]{1,7})(?:\/([0-9]{1,3}))?$/.exec(value);
    const payloadType = readPayloadType(match?.[1] ?? '');
    if (match === null || payloadType === undefined || maps.has(payloadType)) continue;
    maps.set(payloadType, {
      encodingName: match[2] ?? '',
      clockRate: Number(match[3]),
      channels: Number(match[4] ?? '1'),
    });
  }
  return maps;
}

function staticMap(payloadType: number): RtpMap | undefined {
  const encodingName = STATIC_ENCODING_NAMES.get(payloadType);
  return encodingName === undefined ? undefined : { encodingName, clockRate: CLOCK_RATE, channels: 1 };
}

function readAnnexB(media: MediaDescription, payloadType: number): boolean {
  for (const { name, value = '' } of media.attributes) {
    if (name !== 'fmtp' || !value.startsWith(`${payloadType} `)) continue;
    const match = /(?:^|[;\s])annexb\s*=\s*"?(yes|no)\b/i.exec(value.slice(`${payloadType} `.length));
    if (match !== null) return match[1]?.toLowerCase() === 'yes';
  }
  return true;
}

function readRtcpPort(media: MediaDescription): number {
  const text = /^([0-9]{1,5})(?: |$)/.exec(attributeValue(media.attributes, 'rtcp') ?? '')?.[1];
  const port = Number(text ?? 0);
  return port >= 1 && port <= 65_535 ? port : Math.min(media.port + 1, 65_535);
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
