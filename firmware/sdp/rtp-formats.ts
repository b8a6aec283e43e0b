import {
  type AudioCodec,
  audioCodec,
  CLOCK_RATE,
  OPUS_CHANNELS,
  OPUS_CLOCK_RATE,
  STATIC_ENCODING_NAMES,
} from './codec.ts';
import { type OpusFormat, readOpusFormat } from './opus-format.ts';
import type { MediaDescription } from './session-description.ts';

/** A codec as a peer names it. */
export interface OfferedCodec {
  readonly codec: AudioCodec;
  /** 0 to 127, the number under which the peer wants to receive it. */
  readonly payloadType: number;
  /** G729 alone: whether the peer may send and takes Annex B frames. Missing in the text means yes (RFC 7261 §3.1). */
  readonly annexB?: boolean;
  /** OPUS alone. */
  readonly opus?: OpusFormat;
}

/** What the formats of one m-line stand for. */
export interface RtpFormats {
  /** Those that the box knows, in the peer's order. */
  readonly codecs: readonly OfferedCodec[];
  /** RFC 4733 at 8 kHz: events at another clock rate belong to another codec (RFC 4733 §2.1). */
  readonly telephoneEvent: number | undefined;
  /** Those that go with Opus. */
  readonly opusEvent: number | undefined;
  /** RFC 3389 at 8 kHz. */
  readonly comfortNoise: number | undefined;
}

interface RtpMap {
  readonly encodingName: string;
  readonly clockRate: number;
  readonly channels: number;
}

/** Reads formats, rtpmap and fmtp of an m-line over RTP; what makes no sense is passed over. */
export function readFormats(media: MediaDescription): RtpFormats {
  const maps = readRtpMaps(media);
  const codecs: OfferedCodec[] = [];
  let telephoneEvent: number | undefined;
  let opusEvent: number | undefined;
  let comfortNoise: number | undefined;
  const seen = new Set<number>();
  for (const format of media.formats) {
    const payloadType = readPayloadType(format);
    if (payloadType === undefined || seen.has(payloadType)) continue;
    seen.add(payloadType);
    const map = maps.get(payloadType) ?? staticMap(payloadType);
    if (map === undefined) continue;
    const encodingName = map.encodingName.toUpperCase();
    if (map.clockRate === OPUS_CLOCK_RATE) {
      if (encodingName === 'TELEPHONE-EVENT' && map.channels === 1) opusEvent ??= payloadType;
      if (encodingName !== 'OPUS' || map.channels !== OPUS_CHANNELS) continue;
      codecs.push({ codec: 'OPUS', payloadType, opus: readOpusFormat(fmtp(media, payloadType)) });
      continue;
    }
    if (map.channels !== 1 || !hasOurClock(map)) continue;
    if (encodingName === 'TELEPHONE-EVENT') {
      telephoneEvent ??= payloadType;
    } else if (encodingName === 'CN') {
      comfortNoise ??= payloadType;
    } else {
      const codec = audioCodec(encodingName);
      if (codec === 'G729') codecs.push({ codec, payloadType, annexB: readAnnexB(media, payloadType) });
      else if (codec !== undefined && codec !== 'OPUS') codecs.push({ codec, payloadType });
    }
  }
  return { codecs, telephoneEvent, opusEvent, comfortNoise };
}

function hasOurClock({ encodingName, clockRate }: RtpMap): boolean {
  // Some phones write what G.722 samples instead of the clock that RFC 3551 §4.5.2 keeps for it.
  return clockRate === CLOCK_RATE || (clockRate === 2 * CLOCK_RATE && encodingName.toUpperCase() === 'G722');
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
  const match = /(?:^|[;\s])annexb\s*=\s*"?(yes|no)\b/i.exec(fmtp(media, payloadType));
  return match === null || match[1]?.toLowerCase() === 'yes';
}

/** What all fmtp lines of a format say. */
function fmtp(media: MediaDescription, payloadType: number): string {
  const start = `${payloadType} `;
  const values = media.attributes.flatMap(({ name, value = '' }) =>
    name === 'fmtp' && value.startsWith(start) ? [value.slice(start.length)] : [],
  );
  return values.join(';');
}
