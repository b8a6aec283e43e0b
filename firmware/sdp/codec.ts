/** The audio codecs that the box speaks, by their encoding names (RFC 3551 §6). */
export type AudioCodec = 'PCMU' | 'PCMA' | 'G729';

/** Our own payload type for each codec: the static one of RFC 3551 table 4. */
export const STATIC_PAYLOAD_TYPE: Readonly<Record<AudioCodec, number>> = { PCMU: 0, PCMA: 8, G729: 18 };

/** Our own payload type for telephone-event (RFC 4733), the number that offices' phones expect. */
export const TELEPHONE_EVENT_PAYLOAD_TYPE = 101;

/** Samples a second of every codec in `AudioCodec`, and of the telephone-event that goes with it. */
export const CLOCK_RATE = 8000;

/** Encoding names of static payload types that may stand in an m-line without an rtpmap (RFC 3551 table 4). */
export const STATIC_ENCODING_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
  [9, 'G722'],
  [18, 'G729'],
]);

/** The codec of an encoding name in any case, or undefined where the box does not speak it. */
export function audioCodec(encodingName: string): AudioCodec | undefined {
  switch (encodingName.toUpperCase()) {
    case 'PCMU':
      return 'PCMU';
    case 'PCMA':
      return 'PCMA';
    // Annex A changes the encoder only; some phones name it, although RFC 3551 §4.5.6 knows G729 alone.
    case 'G729':
    case 'G729A':
      return 'G729';
    default:
      return undefined;
  }
}
