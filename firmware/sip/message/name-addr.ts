import { endOfQuoted, isToken, quote, skipWhitespace, unquote } from './grammar.ts';
import { formatParams, type Params, parseParams } from './params.ts';
import { uriScheme } from './uri.ts';

/** The shape of From, To, Contact, Route and their like (RFC 3261 §20.10). */
export interface NameAddr {
  /** Without quotes and escapes; undefined when there is none. */
  readonly displayName: string | undefined;
  /** As on the wire: parse it with parseSipUri where its parts matter. */
  readonly uri: string;
  /** Those of the header, not of the URI. */
  readonly params: Params;
}

/** Reads one value; undefined when it does not follow the grammar. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const start = skipWhitespace(text, 0);
  if (text[start] === '"') {
    const close = endOfQuoted(text, start);
    if (close === undefined) return undefined;
    const open = skipWhitespace(text, close);
    return text[open] === '<' ? bracketed(text, open, unquote(text.slice(start, close))) : undefined;
  }
  const open = text.indexOf('<', start);
  if (open !== -1) {
    const displayName = text.slice(start, open).trim();
    // RFC 3261 §25.1 wants tokens here; bare text in UTF-8 is common and harmless, a stray quote or separator is not.
    if (/[",;:>]/.test(displayName)) return undefined;
    return bracketed(text, open, displayName.length === 0 ? undefined : displayName);
  }
  const semicolon = text.indexOf(';', start);
  const uri = text.slice(start, semicolon === -1 ? text.length : semicolon).trim();
  // RFC 3261 §20.10: a URI with a comma or question mark stands in angle brackets.
  if (/[?,]/.test(uri) || uriScheme(uri) === undefined) return undefined;
  const params = semicolon === -1 ? [] : parseParams(text, semicolon);
  return params === undefined ? undefined : { displayName: undefined, uri, params };
}

function bracketed(text: string, open: number, displayName: string | undefined): NameAddr | undefined {
  const close = text.indexOf('>', open);
  if (close === -1) return undefined;
  const uri = text.slice(open + 1, close);
  if (uriScheme(uri) === undefined) return undefined;
  const params = parseParams(text, close + 1);
  return params === undefined ? undefined : { displayName, uri, params };
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
