import { isTokenCode, isWhitespace, skipWhitespace, trimBlanks } from './grammar.ts';
import { headerNameAt, MARK, SINGLE_MARKS } from './header-names.ts';
import type { HeaderField } from './headers.ts';

/** One header field, folded lines together, as it comes and as it would be written; the start line too. */
export const MAX_LINE_LENGTH = 8192;
/** Without Content-Length, which is written into every message: what was taken can go on. */
export const MAX_HEADERS = 100;

const COLON = 0x3a;
const NO_MORE = -1;
/** RFC 3261 §25.1: a quoted pair may hold a NUL, nothing else may; line ends stand between the lines alone. */
const CONTROL = /[\r\n]|(?<!\\)\0/;

/** As many fields as could be read, and those of them that every message needs. */
export interface HeaderFields {
  readonly fields: HeaderField[];
  /** The first one; it ends the reading only where a limit is passed. */
  problem: string | undefined;
  /** MARK of the headers that are there. */
  seen: number;
  /** The values of the first field of each; empty where there is none. */
  via: string;
  hasMoreVias: boolean;
  from: string;
  to: string;
  callId: string;
  cseq: string;
  maxForwards: string;
  contentLength: string;
}

/** Reads the header fields in `text` from `start` to its end; the last line has no line end. */
export function parseHeaderFields(text: string, start: number): HeaderFields {
  const read: HeaderFields = {
    fields: [],
    problem: undefined,
    seen: 0,
    via: '',
    hasMoreVias: false,
    from: '',
    to: '',
    callId: '',
    cseq: '',
    maxForwards: '',
    contentLength: '',
  };
  const hasNul = text.includes('\0');
  let at = start;
  while (at < text.length && at !== NO_MORE) {
    let end = text.indexOf('\r', at);
    const isRegular = text.indexOf('\n', at) === (end === -1 ? -1 : end + 1);
    if (!isRegular) end = text.indexOf('\r\n', at);
    if (end === -1) end = text.length;
    if (isWhitespace(text.charCodeAt(end + 2))) at = takeFolded(read, text, at, end);
    else at = takeLine(read, text, at, end, hasNul || !isRegular) ? end + 2 : NO_MORE;
  }
  return read;
}

/** RFC 3261 §7.3.1: a line that begins with a blank goes on the one before. Returns where the next one begins. */
function takeFolded(read: HeaderFields, text: string, start: number, firstEnd: number): number {
  let end = firstEnd;
  const lines = [text.slice(start, end)];
  while (isWhitespace(text.charCodeAt(end + 2))) {
    const at = end + 2;
    const next = text.indexOf('\r\n', at);
    end = next === -1 ? text.length : next;
    lines.push(trimBlanks(text, at, end));
  }
  const line = lines.join(' ');
  return takeLine(read, line, 0, line.length, true) ? end + 2 : NO_MORE;
}

/** Takes the field in `text` from `start` to `end`; false where a limit is passed. */
function takeLine(read: HeaderFields, text: string, start: number, end: number, mayHaveControl: boolean): boolean {
  if (end - start > MAX_LINE_LENGTH) return passesLimit(read, 'Header Field Too Long');
  let nameEnd = start;
  while (nameEnd < end && isTokenCode(text.charCodeAt(nameEnd))) nameEnd += 1;
  const colon = skipWhitespace(text, nameEnd);
  if (nameEnd === start || colon >= end || text.charCodeAt(colon) !== COLON) {
    read.problem ??= 'Malformed Header Name';
    return true;
  }
  const value = trimBlanks(text, colon + 1, end);
  if (mayHaveControl && CONTROL.test(value)) {
    read.problem ??= 'Control Character in Header Field';
    return true;
  }
  const { name, mark } = headerNameAt(text, start, nameEnd);
  // A compact name is written in full, and a blank behind the colon.
  if (name.length + ': '.length + value.length > MAX_LINE_LENGTH) return passesLimit(read, 'Header Field Too Long');
  const most = ((read.seen | mark) & MARK.contentLength) === 0 ? MAX_HEADERS : MAX_HEADERS + 1;
  if (read.fields.length >= most) return passesLimit(read, 'Too Many Header Fields');
  read.fields.push([name, value]);
  if (mark !== 0) note(read, name, mark, value);
  return true;
}

function passesLimit(read: HeaderFields, problem: string): false {
  read.problem = problem;
  return false;
}

function note(read: HeaderFields, name: string, mark: number, value: string): void {
  if ((read.seen & mark) !== 0) {
    if ((mark & SINGLE_MARKS) !== 0) read.problem ??= `More Than One ${name}`;
    else if (mark === MARK.via) read.hasMoreVias = true;
    return;
  }
  read.seen |= mark;
  switch (mark) {
    case MARK.via:
      read.via = value;
      break;
    case MARK.from:
      read.from = value;
      break;
    case MARK.to:
      read.to = value;
      break;
    case MARK.callId:
      read.callId = value;
      break;
    case MARK.cseq:
      read.cseq = value;
      break;
    case MARK.maxForwards:
      read.maxForwards = value;
      break;
    case MARK.contentLength:
      read.contentLength = value;
      break;
  }
}
