import type { Codec } from '../encode.ts';
import type { SrtpSuite } from '../srtp-peer.ts';
import { uriHost } from './sip-message.ts';

const NUMBER: Readonly<Record<Codec, number>> = { PCMU: 0, PCMA: 8, G729: 18, G722: 9, G726: 97, OPUS: 96 };
/** As an rtpmap names it. */
const RTP_MAP: Readonly<Record<Codec, string>> = {
  PCMU: 'PCMU/8000',
  PCMA: 'PCMA/8000',
  G729: 'G729/8000',
  G722: 'G722/8000',
  G726: 'G726-32/8000',
  OPUS: 'opus/48000/2',
};
const CODECS = Object.keys(RTP_MAP) as readonly Codec[];

/** A master key of SRTP (RFC 4568), with the one suite that the phone knows. */
export interface Crypto {
  readonly tag: number;
  readonly key: string;
}

export const SUITE = 'AES_CM_128_HMAC_SHA1_80' satisfies SrtpSuite;

/** What the phone reads of the other side's description. */
export interface RemoteAudio {
  /** Whether it is to be SRTP and nothing else (RTP/SAVP). */
  readonly isSecret: boolean;
  /** The key by which the other side sends, where it has one of that suite. */
  readonly crypto?: Crypto;
  readonly address: string;
  readonly port: number;
  readonly codecs: readonly { readonly codec: Codec; readonly payloadType: number }[];
  readonly telephoneEvent?: number;
  readonly comfortNoise?: number;
  readonly annexB?: boolean;
}

export interface LocalAudio {
  /** RTP/SAVP; RTP/AVP unless given. */
  readonly isSecret?: boolean;
  readonly crypto?: Crypto | undefined;
  readonly address: string;
  readonly port: number;
  readonly codecs: readonly { readonly codec: Codec; readonly payloadType: number }[];
  readonly telephoneEvent?: number | undefined;
  readonly comfortNoise?: number | undefined;
  /** no unless given. */
  readonly annexB?: boolean;
  /** sendrecv unless given. */
  readonly direction?: MediaDirection;
  /** o= version; 1 unless given. */
  readonly version?: number;
}

export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export function staticCodecs(codecs: readonly Codec[]): LocalAudio['codecs'] {
  return codecs.map((codec) => ({ codec, payloadType: NUMBER[codec] }));
}

export function writeSdp(audio: LocalAudio): string {
  const family = uriHost(audio.address) === audio.address ? 'IP4' : 'IP6';
  const formats = audio.codecs.map(({ payloadType }) => payloadType);
  const lines = audio.codecs.map(({ codec, payloadType }) => `a=rtpmap:${payloadType} ${RTP_MAP[codec]}`);
  for (const { codec, payloadType } of audio.codecs) {
    if (codec === 'G729') lines.push(`a=fmtp:${payloadType} annexb=${audio.annexB === true ? 'yes' : 'no'}`);
  }
  if (audio.comfortNoise !== undefined) {
    formats.push(audio.comfortNoise);
    lines.push(`a=rtpmap:${audio.comfortNoise} CN/8000`);
  }
  if (audio.telephoneEvent !== undefined) {
    formats.push(audio.telephoneEvent);
    lines.push(`a=rtpmap:${audio.telephoneEvent} telephone-event/8000`, `a=fmtp:${audio.telephoneEvent} 0-15`);
  }
  return [
    'v=0',
    `o=- 1000 ${audio.version ?? 1} IN ${family} ${audio.address}`,
    's=-',
    `c=IN ${family} ${audio.address}`,
    't=0 0',
    `m=audio ${audio.port} RTP/${audio.isSecret === true ? 'SAVP' : 'AVP'} ${formats.join(' ')}`,
    ...(audio.crypto === undefined ? [] : [`a=crypto:${audio.crypto.tag} ${SUITE} inline:${audio.crypto.key}`]),
    ...lines,
    'a=ptime:20',
    `a=${audio.direction ?? 'sendrecv'}`,
    '',
  ].join('\r\n');
}

const NOBODY = { IP4: '127.0.0.1', IP6: '::1' } as const;
const NOBODYS_PORT = 9;

/** What writeSdp wrote, with an address of the other family before its own that is preferred to it. */
export function withAlternative(sdp: string, how: 'ANAT' | 'ALTC'): string {
  const [session = '', media = ''] = sdp.split(/(?=m=audio )/);
  const [, family = '', address = ''] = /\r\nc=IN (IP[46]) (\S+)/.exec(session) ?? [];
  const [, port = ''] = /^m=audio ([0-9]+)/.exec(media) ?? [];
  const other = family === 'IP4' ? 'IP6' : 'IP4';
  const nobodys = media.replace(/^m=audio [0-9]+/, `m=audio ${NOBODYS_PORT}`);
  if (how === 'ALTC') {
    const alternatives = [`1 ${other} ${NOBODY[other]} ${NOBODYS_PORT}`, `2 ${family} ${address} ${port}`];
    return [
      session.replace(`c=IN ${family} ${address}`, `c=IN ${other} ${NOBODY[other]}`),
      nobodys,
      ...alternatives.map((value) => `a=altc:${value}\r\n`),
    ].join('');
  }
  const at = (lines: string, connection: string, mid: number): string =>
    `${lines.replace('\r\n', `\r\nc=IN ${connection}\r\n`)}a=mid:${mid}\r\n`;
  return [
    `${session}a=group:ANAT 1 2\r\n`,
    at(nobodys, `${other} ${NOBODY[other]}`, 1),
    at(media, `${family} ${address}`, 2),
  ].join('');
}

/** Reads the first audio line that is in use, strictly: what the box writes should need no tolerance. */
export function readSdp(text: string): RemoteAudio {
  const lines = [...text.matchAll(/(?:^|\r\n)(m=audio [\s\S]*?)(?=\r\nm=|$)/g)].map(([, line = '']) => line);
  const media = lines.find((line) => !line.startsWith('m=audio 0 ')) ?? lines[0] ?? '';
  const [, port = '', profile, list = ''] = /^m=audio ([0-9]+) RTP\/(S?AVP) ([0-9 ]+)/.exec(media) ?? [];
  const formats = list.split(' ');
  const address = /\r\nc=IN IP[46] ([0-9a-fA-F.:]+)/.exec(media)?.[1] ?? /\r\nc=IN IP[46] (\S+)/.exec(text)?.[1];
  if (port === '' || address === undefined) throw new Error(`no usable audio in\n${text}`);
  const codecs: { codec: Codec; payloadType: number }[] = [];
  let telephoneEvent: number | undefined;
  let comfortNoise: number | undefined;
  let annexB: boolean | undefined;
  for (const format of formats) {
    const payloadType = Number(format);
    const map = new RegExp(`\r\na=rtpmap:${format} ([^\r]+)`).exec(media)?.[1];
    const codec = CODECS.find((known) =>
      map === undefined ? NUMBER[known] === payloadType && payloadType < 96 : RTP_MAP[known] === map,
    );
    if (codec !== undefined) codecs.push({ codec, payloadType });
    if (map === 'telephone-event/8000') telephoneEvent ??= payloadType;
    if (map === 'CN/8000') comfortNoise ??= payloadType;
    if (codec === 'G729') annexB = !new RegExp(`\r\na=fmtp:${format} [^\r]*annexb=no`).test(media);
  }
  const [, tag, key] =
    new RegExp(`\r\na=crypto:([0-9]+) ${SUITE} inline:([A-Za-z0-9+/=]+)(?=\r\n|$)`).exec(media) ?? [];
  return {
    isSecret: profile === 'SAVP',
    ...(key === undefined ? {} : { crypto: { tag: Number(tag), key } }),
    address,
    port: Number(port),
    codecs,
    ...(telephoneEvent === undefined ? {} : { telephoneEvent }),
    ...(comfortNoise === undefined ? {} : { comfortNoise }),
    ...(annexB === undefined ? {} : { annexB }),
  };
}
