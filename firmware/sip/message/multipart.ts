import { parseHeaderFields } from './header-fields.ts';
import { Headers } from './headers.ts';
import { parseMediaType } from './media-type.ts';
import { paramValue } from './params.ts';

/** Parts of one body, those inside of parts counted apart: more than any call needs. */
export const MAX_BODY_PARTS = 16;
/** multipart/alternative within multipart/mixed is usual (RFC 5621 §4.2), more is not. */
const MAX_DEPTH = 3;
/** RFC 2046 §5.1.1 */
const MAX_BOUNDARY_LENGTH = 70;

const CRLF = '\r\n';
const DASH = 0x2d;

/** One part of a multipart body (RFC 2046 §5.1, RFC 5621 §3). */
export interface BodyPart {
  readonly headers: Headers;
  /** The bytes as they are, shared with the body of the message. */
  readonly body: Buffer;
}

/** The parts of a body whose Content-Type names `boundary`; undefined when it does not follow the grammar. */
export function parseMultipart(body: Buffer, boundary: string): readonly BodyPart[] | undefined {
  if (boundary.length === 0 || boundary.length > MAX_BOUNDARY_LENGTH) return undefined;
  const delimiter = Buffer.from(`${CRLF}--${boundary}`, 'latin1');
  const parts: BodyPart[] = [];
  // The first delimiter may stand at the very beginning, without the line end that belongs to the others.
  const first = delimiter.subarray(CRLF.length);
  let at = body.subarray(0, first.length).equals(first) ? 0 : body.indexOf(delimiter) + CRLF.length;
  if (at === CRLF.length - 1) return undefined;
  at += first.length;
  for (;;) {
    if (body[at] === DASH && body[at + 1] === DASH) return parts;
    const start = body.indexOf(CRLF, at);
    const end = start === -1 ? -1 : body.indexOf(delimiter, start);
    if (end === -1 || parts.length === MAX_BODY_PARTS) return undefined;
    const part = parsePart(body.subarray(start + CRLF.length, Math.max(start + CRLF.length, end)));
    if (part === undefined) return undefined;
    parts.push(part);
    at = end + delimiter.length;
  }
}

/**
 * The session description of a message with this Content-Type: the body itself, or the first part that is one and is
 * meant for the session (RFC 3261 §20.11).
 */
export function sessionPart(contentType: string, body: Buffer, depth = 0): Buffer | undefined {
  const mediaType = parseMediaType(contentType);
  if (mediaType === undefined) return undefined;
  if (mediaType.type === 'application/sdp') return body;
  if (!mediaType.type.startsWith('multipart/') || depth === MAX_DEPTH) return undefined;
  const parts = parseMultipart(body, paramValue(mediaType.params, 'boundary') ?? '') ?? [];
  for (const part of parts) {
    const disposition = part.headers.get('Content-Disposition') ?? 'session';
    if (!/^session\s*(;|$)/i.test(disposition)) continue;
    const found = sessionPart(part.headers.get('Content-Type') ?? 'text/plain', part.body, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Headers, an empty line, and the body; without headers it begins with the empty line. */
function parsePart(bytes: Buffer): BodyPart | undefined {
  const empty = bytes.indexOf(`${CRLF}${CRLF}`);
  const headless = bytes.subarray(0, CRLF.length).toString('latin1') === CRLF;
  if (!headless && empty === -1) return undefined;
  const head = headless ? '' : bytes.toString('latin1', 0, empty);
  const { fields, problem } = parseHeaderFields(head, 0);
  if (problem !== undefined) return undefined;
  return { headers: new Headers(fields, true), body: bytes.subarray(headless ? CRLF.length : empty + 2 * CRLF.length) };
}
