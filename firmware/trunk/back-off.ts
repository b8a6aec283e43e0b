/** RFC 5626 §4.5: the first wait where all flows have failed, and the longest. */
const BASE_MS = 30_000;
const LONGEST_MS = 1_800_000;
/** A wrong password does not mend itself, and carriers block who repeats it. */
const REFUSED_BASE_MS = 900_000;
const REFUSED_LONGEST_MS = 4 * 3_600_000;
/** Nothing was sent: a listener or a name server that is not there yet costs the carrier nothing. */
const NO_WAY_MS = 5_000;
const QUICK_TRIES = 6;

/** Why something is tried again later. */
export type Failure = 'no-way' | 'failed' | 'refused';

/**
 * How long to wait before the next try, in milliseconds: doubled with each failure in a row, and between half of that and
 * all of it (RFC 5626 §4.5), so that the boxes of a whole town do not come back at once. `random` is from 0 up to 1.
 */
export function backOffMs(kind: Failure, failures: number, random: number): number {
  if (kind === 'no-way' && failures <= QUICK_TRIES) return NO_WAY_MS;
  const [base, longest] = kind === 'refused' ? [REFUSED_BASE_MS, REFUSED_LONGEST_MS] : [BASE_MS, LONGEST_MS];
  // The exponent is bounded before it is used: 2 ** 1100 is no number.
  const doublings = Math.min(failures - (kind === 'refused' ? 1 : 0), 16);
  const upper = Math.min(longest, base * 2 ** Math.max(0, doublings));
  return Math.round(upper * (0.5 + random / 2));
}
