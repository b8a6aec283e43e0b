/**
 * G.711 encoders of the test phones, written from ITU-T G.711 by segment search, apart from the box's own tables;
 * decoding is left to ffmpeg.
 */

/** One s16 sample as an A-law byte. */
export function encodeAlaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  let magnitude = (sample >= 0 ? sample : -sample - 1) >> 3;
  if (magnitude > 4095) magnitude = 4095;
  let segment = 0;
  for (let limit = 32; segment < 7 && magnitude >= limit; limit *= 2) segment += 1;
  const mantissa = segment < 2 ? (magnitude >> 1) & 15 : (magnitude >> segment) & 15;
  return (sign | (segment << 4) | mantissa) ^ 0x55;
}

/** One s16 sample as a mu-law byte. */
export function encodeUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(sample < 0 ? -sample : sample, 32_635) + 132;
  let segment = 0;
  for (let limit = 256; segment < 7 && magnitude >= limit; limit *= 2) segment += 1;
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 15)) & 0xff;
}
