import type { HeaderField } from '../message/headers.ts';
import { formatNameAddr } from '../message/name-addr.ts';
import type { Party } from './handlers.ts';

/** The headers that every request outside a dialog begins with (RFC 3261 §8.1.1); Via comes with its transaction. */
export function requestHeaders(
  options: { readonly from: Party; readonly to: Party; readonly maxForwards?: number },
  method: string,
  localTag: string,
  callId: string,
): HeaderField[] {
  return [
    ['Max-Forwards', String(options.maxForwards ?? 70)],
    ['From', formatNameAddr({ ...options.from, params: [['tag', localTag]] })],
    ['To', formatNameAddr(options.to)],
    ['Call-ID', callId],
    ['CSeq', `1 ${method}`],
  ];
}
