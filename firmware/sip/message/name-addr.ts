import {
  COMMA,
  endOfQuoted,
  isToken,
  isWhitespace,
  QUOTE,
  quote,
  SEMICOLON,
  skipWhitespace,
  unquote,
} from './grammar.ts';
import { formatParams, type Params, parseParams } from './params.ts';
import { uriSchemeAt } from './uri.ts';

/** The shape of From, To, Contact, Route and their like (RFC 3261 §20.10). */
export interface NameAddr {
  /** Without quotes and escapes; undefined when there is none. */
  readonly displayName: string | undefined;
  /** As on the wire: parse it with parseSipUri where its parts matter. */
  readonly uri: string;
  /** Those of the header, not of the URI. */
  readonly params: Params;
}

const LESS_THAN = 0x3c;
const QUESTION = 0x3f;

/** Reads one value; undefined when it does not follow the grammar. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const start = skipWhitespace(text, 0);
  const first = text.charCodeAt(start);
  if (first === QUOTE) {
    const close = endOfQuoted(text, start);
    if (close === undefined) return undefined;
    const open = skipWhitespace(text, close);
    return text.charCodeAt(open) === LESS_THAN ? bracketed(text, open, unquote(text.slice(start, close))) : undefined;
  }
  if (first === LESS_THAN) return bracketed(text, start, undefined);
  const open = text.indexOf('<', start);
  if (open !== -1) {
    const displayName = text.slice(start, open).trim();
    // RFC 3261 §25.1 wants tokens here; bare text in UTF-8 is common and harmless, a stray quote or separator is not.
    if (/[",;:>]/.test(displayName)) return undefined;
    return bracketed(text, open, displayName);
  }
  let end = start;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === SEMICOLON) break;
    // RFC 3261 §20.10: a URI with a comma or question mark stands in angle brackets.
    if (code === COMMA || code === QUESTION) return undefined;
  }
  const params = parseParams(text, end);
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end -= 1;
  if (params === undefined || uriSchemeAt(text, start, end) === undefined) return undefined;
  return { displayName: undefined, uri: text.slice(start, end), params };
}

function bracketed(text: string, open: number, displayName: string | undefined): NameAddr | undefined {
  const close = text.indexOf('>', open);
  if (close === -1 || uriSchemeAt(text, open + 1, close) === undefined) return undefined;
  const params = parseParams(text, close + 1);
  return params === undefined ? undefined : { displayName, uri: text.slice(open + 1, close), params };
}

export function formatNameAddr(value: {
  readonly displayName?: string | undefined;
  readonly uri: string;
  readonly params?: Params;
}): string {
  const { displayName } = value;
  const name = displayName === undefined || displayName.length === 0 ? '' : `${nameText(displayName)} `;
  return `${name}<${value.uri}>${formatParams(value.params ?? [])}`;
}

function nameText(displayName: string): string {
  return isToken(displayName) ? displayName : quote(displayName);
}
