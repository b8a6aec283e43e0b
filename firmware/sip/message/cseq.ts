import { isToken, parseDecimal } from './grammar.ts';

/** RFC 3261 §8.1.1.5: less than 2**31. */
export const MAX_CSEQ = 2 ** 31 - 1;

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

export function parseCSeq(text: string): CSeq | undefined {
  const match = /^(\d{1,20})[ \t]+(\S+)$/.exec(text);
  if (match === null) return undefined;
  const [, digits = '', method = ''] = match;
  const number = parseDecimal(digits.replace(/^0+(?=\d)/, ''), MAX_CSEQ);
  return number === undefined || !isToken(method) ? undefined : { number, method };
}

export function formatCSeq(cseq: CSeq): string {
  return `${cseq.number} ${cseq.method}`;
}
