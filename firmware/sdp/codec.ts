/** The audio codecs that the box knows. Which of them are in use, its callers say. */
export type AudioCodec = 'PCMU' | 'PCMA' | 'G729' | 'G722' | 'G726' | 'OPUS';

/** Their encoding names (RFC 3551 §6). */
export const ENCODING_NAME: Readonly<Record<AudioCodec, string>> = {
  PCMU: 'PCMU',
  PCMA: 'PCMA',
  G729: 'G729',
  G722: 'G722',
  G726: 'G726-32',
  OPUS: 'opus',
};

/** Our own payload type for each codec: the static one of RFC 3551 table 4, where it has one. */
export const PAYLOAD_TYPE: Readonly<Record<AudioCodec, number>> = {
  PCMU: 0,
  PCMA: 8,
  G729: 18,
  G722: 9,
  G726: 97,
  OPUS: 96,
};

/** Our own payload type for telephone-event (RFC 4733), the number that offices' phones expect. */
export const TELEPHONE_EVENT_PAYLOAD_TYPE = 101;

/** The same for events beside Opus, whose clock they have (RFC 4733 §2.1). */
export const OPUS_EVENT_PAYLOAD_TYPE = 102;

/** Comfort noise at 8 kHz (RFC 3389 §4): static. */
export const COMFORT_NOISE_PAYLOAD_TYPE = 13;

/**
 * RTP timestamps a second of every codec but Opus, and of the telephone-event that goes with it. G.722 too, though it
 * samples twice as often (RFC 3551 §4.5.2).
 */
export const CLOCK_RATE = 8000;
/** Of Opus, whatever it samples, and for two channels, whatever it has (RFC 7587 §7). */
export const OPUS_CLOCK_RATE = 48_000;
export const OPUS_CHANNELS = 2;

/** Encoding names of static payload types that may stand in an m-line without an rtpmap (RFC 3551 table 4). */
export const STATIC_ENCODING_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
  [9, 'G722'],
  [13, 'CN'],
  [18, 'G729'],
]);

/** The codec of an encoding name in any case, or undefined where the box does not know it. */
export function audioCodec(encodingName: string): AudioCodec | undefined {
  switch (encodingName.toUpperCase()) {
    case 'PCMU':
      return 'PCMU';
    case 'PCMA':
      return 'PCMA';
    case 'G722':
      return 'G722';
    case 'G726-32':
      return 'G726';
    case 'OPUS':
      return 'OPUS';
    // Annex A changes the encoder only; some phones name it, although RFC 3551 §4.5.6 knows G729 alone.
    case 'G729':
    case 'G729A':
      return 'G729';
    default:
      return undefined;
  }
}
