import { isAscii, isUtf8 } from 'node:buffer';
import { parseContacts } from './contact.ts';
import { parseCSeq } from './cseq.ts';
import { COMMA, parseDecimal, splitOutside } from './grammar.ts';
import { type HeaderFields, MAX_LINE_LENGTH, parseHeaderFields } from './header-fields.ts';
import { headerNameAt, MARK, SINGLE_MARKS } from './header-names.ts';
import { type HeaderField, Headers } from './headers.ts';
import type { ParsedHeaders } from './message.ts';
import { parseNameAddr } from './name-addr.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';
import { parseStartLine, type StartLine } from './start-line.ts';
import { parseVia, type Via } from './via.ts';

/** Head and body together: the largest UDP datagram, and the same for streams. */
export const MAX_MESSAGE_BYTES = 65_535;
/** Max-Forwards begins at 70 (RFC 3261 §8.1.1.6): nothing came through more hops. */
export const MAX_VIA_VALUES = 70;

/** What is wrong with a message, and the request as far as it can be answered (RFC 3261 §8.2.6). */
export interface Malformed {
  readonly kind: 'malformed';
  readonly status: 400 | 414 | 505 | 513;
  readonly reason: string;
  /** Undefined for responses, ACKs, and where a response could not find its way back. */
  readonly request: SipRequest | undefined;
  /** The Content-Length, where a stream can go on behind this message; undefined where it cannot. */
  readonly bodyBytes: number | undefined;
}

export type ParseResult =
  | { readonly kind: 'request'; readonly request: SipRequest }
  | { readonly kind: 'response'; readonly response: SipResponse }
  | Malformed;

/** A message without its body, as a stream framer needs it first. */
export interface Head {
  readonly kind: 'head';
  readonly start: StartLine;
  readonly headers: Headers;
  readonly read: HeaderFields;
  /** Undefined when the header is absent. */
  readonly contentLength: number | undefined;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const NO_BODY = Buffer.alloc(0);
const NO_CONTACTS: readonly never[] = [];

/** Reads one datagram (RFC 3261 §18.3): bytes beyond Content-Length are cut, too few are an error. */
export function parseMessage(bytes: Buffer): ParseResult {
  let start = 0;
  // RFC 3261 §7.5: empty lines before the start line are ignored.
  while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
  const end = bytes.indexOf(HEAD_END, start);
  if (end === -1) return unanswerable('the header ends without an empty line');
  const head = readHead(bytes, start, end);
  if (head.kind === 'malformed') return head;
  const bodyStart = end + HEAD_END.length;
  const bodyBytes = head.contentLength ?? bytes.length - bodyStart;
  if (bodyBytes > bytes.length - bodyStart) {
    return malformedMessage(head.start, head.headers, 400, 'Content-Length Beyond Datagram');
  }
  return finishMessage(head, bodyBytes === 0 ? NO_BODY : bytes.subarray(bodyStart, bodyStart + bodyBytes));
}

/** Reads start line and headers: `bytes` ends before the empty line. */
export function parseHead(bytes: Buffer): Head | Malformed {
  return readHead(bytes, 0, bytes.length);
}

function readHead(bytes: Buffer, from: number, to: number): Head | Malformed {
  const text = textOf(bytes, from, to);
  const firstEnd = text.indexOf('\r\n');
  const start =
    firstEnd > MAX_LINE_LENGTH ? undefined : parseStartLine(firstEnd === -1 ? text : text.slice(0, firstEnd));
  if (start === undefined) return unanswerable('the first line is neither a request nor a response');
  const read = parseHeaderFields(text, firstEnd === -1 ? text.length : firstEnd + 2);
  const headers = new Headers(read.fields, true);
  if (start.kind === 'malformed') return malformedMessage(start.start, headers, start.status, start.reason);
  if (read.problem !== undefined) return malformedMessage(start, headers, 400, read.problem);
  if ((read.seen & MARK.contentLength) === 0) return { kind: 'head', start, headers, read, contentLength: undefined };
  const contentLength = parseDecimal(read.contentLength, 2 ** 31);
  if (contentLength === undefined) return malformedMessage(start, headers, 400, 'Malformed Content-Length');
  return { kind: 'head', start, headers, read, contentLength };
}

/** Old phones send names in ISO 8859-1; read so, they come out right, and go out as UTF-8. */
function textOf(bytes: Buffer, from: number, to: number): string {
  if (isAscii(bytes)) return bytes.toString('latin1', from, to);
  return isUtf8(bytes.subarray(from, to)) ? bytes.toString('utf8', from, to) : bytes.toString('latin1', from, to);
}

/** Joins head and body, and checks the headers that every message needs (RFC 3261 §8.1.1). */
export function finishMessage(head: Head, body: Buffer): ParseResult {
  const { start, headers } = head;
  const parsed = parseMandatory(head);
  if (typeof parsed === 'string') return malformedMessage(start, headers, 400, parsed);
  if (start.kind === 'response') {
    return { kind: 'response', response: new SipResponse(start.status, start.reason, headers, body, parsed) };
  }
  return { kind: 'request', request: new SipRequest(start.method, start.uri, headers, body, parsed) };
}

/** The headers that every message has, and those that a request must not have wrong; or what is wrong with them. */
function parseMandatory({ start, headers, read }: Head): ParsedHeaders | string {
  const via = parseVias(headers, read);
  if (typeof via === 'string') return via;
  const from = parseNameAddr(read.from);
  if (from === undefined) return 'Missing or Malformed From';
  const to = parseNameAddr(read.to);
  if (to === undefined) return 'Missing or Malformed To';
  const { callId } = read;
  if (callId.length === 0 || callId.includes(' ') || callId.includes('\t')) return 'Missing or Malformed Call-ID';
  const cseq = parseCSeq(read.cseq);
  if (cseq === undefined) return 'Missing or Malformed CSeq';
  if (start.kind === 'response') return { via, from, to, cseq, callId };
  if (cseq.method !== start.method) return 'CSeq Method Differs';
  const hasMaxForwards = (read.seen & MARK.maxForwards) !== 0;
  if (hasMaxForwards && parseDecimal(read.maxForwards, 255) === undefined) return 'Malformed Max-Forwards';
  if ((read.seen & MARK.route) !== 0 && !areRoutes(headers.list('Route'))) return 'Malformed Route';
  if ((read.seen & MARK.recordRoute) !== 0 && !areRoutes(headers.list('Record-Route'))) return 'Malformed Record-Route';
  const contacts = (read.seen & MARK.contact) === 0 ? NO_CONTACTS : parseContacts(headers);
  if (contacts === undefined) return 'Malformed Contact';
  return { via, from, to, cseq, callId, contacts, sipUri: start.sipUri };
}

/** The topmost one; all of them must be right. */
function parseVias(headers: Headers, read: HeaderFields): Via | string {
  // One field with one value is what phones send.
  if ((read.seen & MARK.via) !== 0 && !read.via.includes(',') && !read.hasMoreVias) {
    return parseVia(read.via) ?? 'Missing or Malformed Via';
  }
  const values = headers.list('Via') ?? [];
  if (values.length > MAX_VIA_VALUES) return 'Too Many Via Values';
  const vias = values.map(parseVia);
  const [via] = vias;
  return via === undefined || vias.includes(undefined) ? 'Missing or Malformed Via' : via;
}

function areRoutes(values: readonly string[] | undefined): boolean {
  return values?.every((value) => parseNameAddr(value) !== undefined) === true;
}

function unanswerable(reason: string): Malformed {
  return { kind: 'malformed', status: 400, reason, request: undefined, bodyBytes: undefined };
}

/** Keeps the request where a response can find its way, which is that of the top Via (RFC 3261 §18.2.2). */
export function malformedMessage(
  start: StartLine,
  headers: Headers,
  status: Malformed['status'],
  reason: string,
): Malformed {
  // The first value of the first field, empty or not: that is the one which the answer would go by.
  const topVia = splitOutside(headers.get('Via') ?? '', COMMA)?.[0];
  const via = topVia === undefined ? undefined : (parseVia(topVia) ?? parseVia(withoutEmptyParams(topVia)));
  const answerable = start.kind === 'request' && start.method !== 'ACK' && via !== undefined;
  const request = answerable
    ? new SipRequest(start.method, start.uri, firstOfEach(headers), undefined, { via })
    : undefined;
  const lengths = headers.all('Content-Length');
  const bodyBytes = lengths.length === 1 ? parseDecimal(lengths[0] ?? '', MAX_MESSAGE_BYTES) : undefined;
  return { kind: 'malformed', status, reason, request, bodyBytes };
}

/**
 * Of a header that may stand once, its first: RFC 4475 §3.3.8 wants a 400, and the answer must not repeat the mistake.
 * What is missing stays missing (§3.3.1).
 */
function firstOfEach(headers: Headers): readonly HeaderField[] {
  const seen = new Set<string>();
  return headers.fields.filter(([name]) => {
    if ((headerNameAt(name, 0, name.length).mark & SINGLE_MARKS) === 0) return true;
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

/** RFC 4475 §3.1.2.1: such a Via is wrong, and yet says where the 400 is to go. */
function withoutEmptyParams(via: string): string {
  return via
    .split(';')
    .filter((part) => part.trim().length > 0)
    .join(';');
}
