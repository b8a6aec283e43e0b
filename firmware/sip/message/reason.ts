import { isToken, parseDecimal, quote } from './grammar.ts';
import type { SipMessage } from './message.ts';
import { formatParams, type Param, paramValue, parseParams } from './params.ts';

/** One value of Reason (RFC 3326 §2). */
export interface Reason {
  /** `SIP` (cause is a status), `Q.850` (cause of ISDN), or another. */
  readonly protocol: string;
  readonly cause: number | undefined;
  readonly text: string | undefined;
}

/** RFC 3326 §3.1: what the other devices hear when one has answered, so that they show no missed call. */
export const CALL_COMPLETED_ELSEWHERE: Reason = { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' };
const MAX_CAUSE = 999;

/** Reads one value; undefined when it does not follow the grammar. */
export function parseReason(text: string): Reason | undefined {
  const semicolon = text.indexOf(';');
  const protocol = (semicolon === -1 ? text : text.slice(0, semicolon)).trim();
  const params = semicolon === -1 ? [] : parseParams(text, semicolon);
  if (!isToken(protocol) || params === undefined) return undefined;
  const cause = paramValue(params, 'cause');
  const number = cause === undefined ? undefined : parseDecimal(cause, MAX_CAUSE);
  if (cause !== undefined && number === undefined) return undefined;
  return { protocol, cause: number, text: paramValue(params, 'text') };
}

export function formatReason(reason: Reason): string {
  const params: Param[] = [];
  if (reason.cause !== undefined) params.push(['cause', String(reason.cause)]);
  if (reason.text !== undefined) params.push(['text', quote(reason.text)]);
  return reason.protocol + formatParams(params);
}

/** Reason as it came, several values too, to be passed on as it is; undefined where there is none. */
export function reasonOf(message: SipMessage): string | undefined {
  const values = message.headers.all('Reason');
  return values.length === 0 ? undefined : values.join(', ');
}
