/** What a side says of the Opus that it wants to receive (RFC 7587 §6.1). */
export interface OpusFormat {
  /** Samples a second that it plays, 8000 to 48000. */
  readonly maxPlaybackRate?: number;
  /** Bit/s, 6000 to 510000. */
  readonly maxBitrate?: number;
  readonly fec?: boolean;
  readonly constantRate?: boolean;
  readonly discontinuous?: boolean;
}

/**
 * What we say of ours: wideband, one channel. RFC 7587 §3.1.1 finds 16 to 20 kbit/s right for that; what is beyond is for error
 * correction, of which libopus puts none into 20 before more than 5 % are lost.
 */
export const OWN_OPUS_FORMAT =
  'maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=40000;stereo=0;sprop-stereo=0;useinbandfec=1';

/** Reads the value of an fmtp; what makes no sense, and what is for two channels, is passed over. */
export function readOpusFormat(text: string): OpusFormat {
  const values = new Map<string, string>();
  for (const part of text.split(';', 32)) {
    const [name = '', value = ''] = part.split('=', 2);
    values.set(name.trim().toLowerCase(), value.trim());
  }
  const number = (name: string, low: number, high: number): number | undefined => {
    const value = values.get(name) ?? '';
    return /^[0-9]{1,6}$/.test(value) && Number(value) >= low && Number(value) <= high ? Number(value) : undefined;
  };
  const maxPlaybackRate = number('maxplaybackrate', 8000, 48_000);
  const maxBitrate = number('maxaveragebitrate', 6000, 510_000);
  return {
    ...(maxPlaybackRate === undefined ? {} : { maxPlaybackRate }),
    ...(maxBitrate === undefined ? {} : { maxBitrate }),
    ...(values.get('useinbandfec') === '1' ? { fec: true } : {}),
    ...(values.get('cbr') === '1' ? { constantRate: true } : {}),
    ...(values.get('usedtx') === '1' ? { discontinuous: true } : {}),
  };
}
