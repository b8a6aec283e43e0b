import type { Codec } from '../encode.ts';
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

/** What the phone reads of the other side's description. */
export interface RemoteAudio {
  readonly address: string;
  readonly port: number;
  readonly codecs: readonly { readonly codec: Codec; readonly payloadType: number }[];
  readonly telephoneEvent?: number;
  readonly comfortNoise?: number;
  readonly annexB?: boolean;
}

export interface LocalAudio {
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
    `m=audio ${audio.port} RTP/AVP ${formats.join(' ')}`,
    ...lines,
    'a=ptime:20',
    `a=${audio.direction ?? 'sendrecv'}`,
    '',
  ].join('\r\n');
}

/** Reads the first audio line, strictly: what the box writes should need no tolerance. */
export function readSdp(text: string): RemoteAudio {
  const [, media = ''] = /(?:^|\r\n)(m=audio [\s\S]*?)(?=\r\nm=|$)/.exec(text) ?? [];
  const [port, ...formats] = (/^m=audio ([0-9]+) RTP\/AVP ([0-9 ]+)/.exec(media)?.slice(1).join(' ') ?? '').split(' ');
  const address = /\r\nc=IN IP[46] ([0-9a-fA-F.:]+)/.exec(media)?.[1] ?? /\r\nc=IN IP[46] (\S+)/.exec(text)?.[1];
  if (port === undefined || port === '' || address === undefined) throw new Error(`no usable audio in\n${text}`);
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
  return {
    address,
    port: Number(port),
    codecs,
    ...(telephoneEvent === undefined ? {} : { telephoneEvent }),
    ...(comfortNoise === undefined ? {} : { comfortNoise }),
    ...(annexB === undefined ? {} : { annexB }),
  };
}
