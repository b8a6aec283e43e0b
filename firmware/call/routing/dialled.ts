/** More than anybody dials; what is longer leads nowhere, and costs nothing to find out. */
export const MAX_DIALLED_CHARACTERS = 63;

/** Digits, * # +, and the letters of codes that applications dial. */
const DIALLABLE = /^[0-9A-Za-z*#+?]+$/;
/** What people write between digits (RFC 3966 §5.1.1). */
const SEPARATORS = /[\s().-]/g;

export interface Dialled {
  /** Without separators and without the mark of the end. */
  readonly number: string;
  /** As `number`, with a # at its end where there was one: codes may end so. */
  readonly whole: string;
  /** Nothing will follow: it ended with # or ;. */
  readonly isComplete: boolean;
}

/** What was dialled, as the rest of routing reads it; undefined for what is no number. Bounded for any text. */
export function readDialled(text: string): Dialled | undefined {
  if (text.length > MAX_DIALLED_CHARACTERS) return undefined;
  const isEnded = text.endsWith(';');
  const whole = (isEnded ? text.slice(0, -1) : text).replace(SEPARATORS, '');
  if (!DIALLABLE.test(whole)) return undefined;
  const hasHash = whole.length > 1 && whole.endsWith('#');
  return { number: hasHash ? whole.slice(0, -1) : whole, whole, isComplete: isEnded || hasHash };
}
