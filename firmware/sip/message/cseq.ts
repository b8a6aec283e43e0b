import { isToken, isWhitespace, skipWhitespace } from './grammar.ts';

/** RFC 3261 §8.1.1.5: less than 2**31. */
export const MAX_CSEQ = 2 ** 31 - 1;
/** Leading zeros are legal, and so is refusing a page of them. */
const MAX_DIGITS = 20;

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** Undefined for anything but a number in range, blanks, and a method. */
export function parseCSeq(text: string): CSeq | undefined {
  let number = 0;
  let at = 0;
  for (; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
  }
  if (at === 0 || at > MAX_DIGITS || number > MAX_CSEQ || !isWhitespace(text.charCodeAt(at))) return undefined;
  const method = text.slice(skipWhitespace(text, at));
  return isToken(method) ? { number, method } : undefined;
}

export function formatCSeq(cseq: CSeq): string {
  return `${cseq.number} ${cseq.method}`;
}
