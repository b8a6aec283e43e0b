import { isUtf8 } from 'node:buffer';
import { parseContacts } from './contact.ts';
import { parseCSeq } from './cseq.ts';
import { COMMA, isToken, parseDecimal, splitOutside, trimBlanks } from './grammar.ts';
import { canonicalName, type HeaderField, Headers } from './headers.ts';
import type { ParsedHeaders } from './message.ts';
import { parseNameAddr } from './name-addr.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';
import { parseSipUri, uriScheme } from './uri.ts';
import { parseVia } from './via.ts';

/** Head and body together: the largest UDP datagram, and the same for streams. */
export const MAX_MESSAGE_BYTES = 65_535;
/** One header field, folded lines together; the start line too. */
export const MAX_LINE_LENGTH = 8192;
export const MAX_HEADERS = 100;

/** What is wrong with a message, and the request as far as it can be answered (RFC 3261 §8.2.6). */
export interface Malformed {
  readonly kind: 'malformed';
  readonly status: 400 | 413 | 505 | 513;
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
  /** Undefined when the header is absent. */
  readonly contentLength: number | undefined;
}

type StartLine =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

const HEAD_END = Buffer.from('\r\n\r\n');
/** RFC 3261 §7.3.1: what is no comma-separated list may stand once only; these are the ones that matter here. */
const SINGLE = new Set(['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Content-Length', 'Content-Type', 'Expires']);
/** RFC 3261 §25.1: a quoted pair may hold a NUL, nothing else may. */
const CONTROL = /[\r\n]|(?<!\\)\0/;
/** The same for the whole head, so that the usual message is looked through once. */
const STRAY_CONTROL = /\0|\r(?!\n)|(?<!\r)\n/;

/** Reads one datagram (RFC 3261 §18.3): bytes beyond Content-Length are cut, too few are an error. */
export function parseMessage(bytes: Buffer): ParseResult {
  let start = 0;
  // RFC 3261 §7.5: empty lines before the start line are ignored.
  while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2;
  const end = bytes.indexOf(HEAD_END, start);
  if (end === -1) return unanswerable('the header ends without an empty line');
  const head = parseHead(bytes.subarray(start, end));
  if (head.kind === 'malformed') return head;
  const bodyStart = end + HEAD_END.length;
  const bodyBytes = head.contentLength ?? bytes.length - bodyStart;
  if (bodyBytes > bytes.length - bodyStart) {
    return malformedMessage(head.start, head.headers, 400, 'Content-Length Beyond Datagram');
  }
  return finishMessage(head, bytes.subarray(bodyStart, bodyStart + bodyBytes));
}

/** Reads start line and headers: `bytes` ends before the empty line. */
export function parseHead(bytes: Buffer): Head | Malformed {
  // Old phones send names in ISO 8859-1; read so, they come out right, and go out as UTF-8.
  const text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
  const firstEnd = text.indexOf('\r\n');
  const startText = firstEnd === -1 ? text : text.slice(0, firstEnd);
  const start = parseStartLine(startText);
  if (start === undefined) return unanswerable('the first line is neither a request nor a response');
  if (start.kind === 'malformed') {
    const fields = parseFields(text, firstEnd);
    return malformedMessage(start.start, new Headers(fields.fields), start.status, start.reason);
  }
  const { fields, problem } = parseFields(text, firstEnd);
  const headers = new Headers(fields);
  if (problem !== undefined) return malformedMessage(start, headers, 400, problem);
  const lengthText = headers.get('Content-Length');
  const contentLength = lengthText === undefined ? undefined : parseDecimal(lengthText, 2 ** 31);
  if (lengthText !== undefined && contentLength === undefined) {
    return malformedMessage(start, headers, 400, 'Malformed Content-Length');
  }
  return { kind: 'head', start, headers, contentLength };
}

/** Joins head and body, and checks the headers that every message needs (RFC 3261 §8.1.1). */
export function finishMessage(head: Head, body: Buffer): ParseResult {
  const { start, headers } = head;
  const parsed = parseMandatory(start, headers);
  const problem = typeof parsed === 'string' ? parsed : requestProblem(start, headers);
  if (typeof parsed === 'string' || problem !== undefined) {
    return malformedMessage(start, headers, 400, problem ?? 'Bad Request');
  }
  if (start.kind === 'response') {
    return { kind: 'response', response: new SipResponse(start.status, start.reason, headers, body, parsed) };
  }
  return { kind: 'request', request: new SipRequest(start.method, start.uri, headers, body, parsed) };
}

interface BadStart {
  readonly kind: 'malformed';
  readonly start: StartLine;
  readonly status: 400 | 505;
  readonly reason: string;
}

function parseStartLine(line: string): StartLine | BadStart | undefined {
  if (line.length > MAX_LINE_LENGTH || CONTROL.test(line)) return undefined;
  const first = line.indexOf(' ');
  if (first === -1) return undefined;
  const word = line.slice(0, first);
  if (word.toUpperCase() === 'SIP/2.0') {
    const match = /^([1-6]\d\d)(?: (.*))?$/.exec(line.slice(first + 1));
    if (match === null) return undefined;
    return { kind: 'response', status: Number(match[1]), reason: match[2] ?? '' };
  }
  // RFC 4475 §3.1.2.11: blanks behind the version harm nobody.
  const request = line.trimEnd();
  const last = request.lastIndexOf(' ');
  const version = request.slice(last + 1).toUpperCase();
  if (!isToken(word) || !version.startsWith('SIP/')) return undefined;
  const uri = line.slice(first + 1, Math.max(first + 1, last));
  const start: StartLine = { kind: 'request', method: word, uri };
  if (version !== 'SIP/2.0') return { kind: 'malformed', start, status: 505, reason: 'Version Not Supported' };
  const scheme = uriScheme(uri);
  const sip = scheme === 'sip' || scheme === 'sips';
  // RFC 3261 §7.1: the Request-URI stands without blanks and angle brackets, and (§19.1.1, table 1) without headers.
  const parsed = sip ? parseSipUri(uri) : undefined;
  if (scheme === undefined || (sip && (parsed === undefined || parsed.headers !== undefined))) {
    return { kind: 'malformed', start, status: 400, reason: 'Malformed Request-URI' };
  }
  return start;
}

/** As many fields as could be read, and the first problem, which ends the reading only where a limit is passed. */
function parseFields(text: string, firstEnd: number): { fields: HeaderField[]; problem: string | undefined } {
  const fields: HeaderField[] = [];
  let problem: string | undefined;
  const hasControl = STRAY_CONTROL.test(text);
  let at = firstEnd === -1 ? text.length : firstEnd + 2;
  while (at < text.length) {
    let end = lineEnd(text, at);
    let line = text.slice(at, end);
    // RFC 3261 §7.3.1: a line that begins with a blank goes on the one before.
    if (isBlank(text.charCodeAt(end + 2))) {
      const lines = [line];
      while (isBlank(text.charCodeAt(end + 2))) {
        at = end + 2;
        end = lineEnd(text, at);
        lines.push(text.slice(at, end).trim());
      }
      line = lines.join(' ');
    }
    at = end + 2;
    if (fields.length === MAX_HEADERS) return { fields, problem: 'Too Many Header Fields' };
    if (line.length > MAX_LINE_LENGTH) return { fields, problem: 'Header Field Too Long' };
    const colon = line.indexOf(':');
    const name = colon === -1 ? '' : line.slice(0, colon).trimEnd();
    if (!isToken(name)) problem ??= 'Malformed Header Name';
    else if (hasControl && CONTROL.test(line)) problem ??= 'Control Character in Header Field';
    else fields.push([canonicalName(name), trimBlanks(line, colon + 1)]);
  }
  return { fields, problem };
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\r\n', at);
  return end === -1 ? text.length : end;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The headers that every message has, or what is wrong with them. */
function parseMandatory(start: StartLine, headers: Headers): ParsedHeaders | string {
  const seen = new Set<string>();
  for (const [name] of headers.fields) {
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) return `More Than One ${name}`;
    seen.add(name);
  }
  const vias = headers.list('Via')?.map(parseVia);
  const via = vias?.[0];
  if (via === undefined || vias?.includes(undefined) === true) return 'Missing or Malformed Via';
  const from = parseNameAddr(headers.get('From') ?? '');
  if (from === undefined) return 'Missing or Malformed From';
  const to = parseNameAddr(headers.get('To') ?? '');
  if (to === undefined) return 'Missing or Malformed To';
  const callId = headers.get('Call-ID') ?? '';
  if (callId.length === 0 || callId.includes(' ') || callId.includes('\t')) return 'Missing or Malformed Call-ID';
  const cseq = parseCSeq(headers.get('CSeq') ?? '');
  if (cseq === undefined) return 'Missing or Malformed CSeq';
  if (start.kind === 'request' && cseq.method !== start.method) return 'CSeq Method Differs';
  return { via, from, to, cseq };
}

function requestProblem(start: StartLine, headers: Headers): string | undefined {
  if (start.kind === 'response') return undefined;
  const maxForwards = headers.get('Max-Forwards');
  if (maxForwards !== undefined && parseDecimal(maxForwards, 255) === undefined) return 'Malformed Max-Forwards';
  for (const name of ['Route', 'Record-Route'] as const) {
    const values = headers.list(name);
    if (values === undefined || values.some((value) => parseNameAddr(value) === undefined)) return `Malformed ${name}`;
  }
  return parseContacts(headers) === undefined ? 'Malformed Contact' : undefined;
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
    if (!SINGLE.has(name)) return true;
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
