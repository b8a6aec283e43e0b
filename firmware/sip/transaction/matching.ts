import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { formatHostPort } from '../message/uri.ts';
import { MAGIC_COOKIE, type Via } from '../message/via.ts';

/**
 * The server transaction that a request belongs to (RFC 3261 §17.2.3): branch, sent-by and method, where an ACK
 * belongs to its INVITE. `method` looks for the transaction of another method with the same branch (CANCEL, §9.2).
 */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const { via } = request;
  const name = method === 'ACK' ? 'INVITE' : method;
  // RFC 4475 §3.2.1: a cookie with nothing behind it tells no transactions apart.
  if (via.branch !== undefined && via.branch.length > MAGIC_COOKIE.length && via.branch.startsWith(MAGIC_COOKIE)) {
    return `${via.branch}|${via.host}|${via.port ?? 5060}|${name}`;
  }
  // RFC 2543 peers: no To tag, since the ACK has one that its INVITE had not.
  return ['', request.uri, request.fromTag, request.callId, request.cseq.number, request.headers.get('Via'), name].join(
    '|',
  );
}

/** The client transaction that a response belongs to (RFC 3261 §17.1.3); §18.1.2 adds our own sent-by. */
export function clientKey(message: SipRequest | SipResponse): string {
  return keyOfVia(message.via, message.cseq.method);
}

export function keyOfVia(via: Via, method: string): string {
  return `${via.branch ?? ''}|${formatHostPort(via.host, via.port ?? 5060)}|${method}`;
}

/**
 * RFC 3261 §8.2.2.2: whether a request without To tag, which is no retransmission, is the same as another one of that
 * Call-ID. It came by a different way then.
 */
export function isMerged(request: SipRequest, other: Pick<SipRequest, 'cseq' | 'method' | 'fromTag'>): boolean {
  return (
    request.cseq.number === other.cseq.number && request.method === other.method && request.fromTag === other.fromTag
  );
}
