import { isIPv6 } from 'node:net';
import { isToken, parseDecimal, percentDecode, SEMICOLON } from './grammar.ts';
import { formatParams, lowerCase, NO_PARAMS, type Param, type Params } from './params.ts';

/** A SIP or SIPS URI (RFC 3261 §19.1). */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** Unescaped; undefined when the URI names a host only. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Lower case; an IPv6 address stands without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** Values as on the wire, names in lower case. */
  readonly params: Params;
  /** What stands after `?`, as on the wire. */
  readonly headers: string | undefined;
}

export interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

const COLON = 0x3a;
const QUESTION = 0x3f;
const BRACKET = 0x5b;
const ESCAPED_IN_USER = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu;
const ESCAPED_IN_PASSWORD = /[^A-Za-z0-9\-_.!~*'()&=+$,]/gu;
const UNICODE_BLANK = /\s/u;
const MAX_HOST_LENGTH = 255;

/** What no URI holds: controls, blanks and a few marks (RFC 3261 §25.1); all up to U+00FF by table. */
const URI_CODES = new Uint8Array(256).fill(1);
for (let code = 0; code < 256; code += 1) {
  if (/[\s"<>\\^`{|}\p{Cc}]/u.test(String.fromCharCode(code))) URI_CODES[code] = 0;
}

const SCHEME_CODE = 1;
const HOST_CODE = 2;
const HOST_EDGE_CODE = 4;
const HOST_CODES = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  const char = String.fromCharCode(code);
  let kinds = 0;
  if (/[A-Za-z0-9+.-]/.test(char)) kinds |= SCHEME_CODE;
  if (/[A-Za-z0-9._-]/.test(char)) kinds |= HOST_CODE;
  if (/[A-Za-z0-9_.]/.test(char)) kinds |= HOST_EDGE_CODE;
  HOST_CODES[code] = kinds;
}

function isUriCode(code: number): boolean {
  return code < 256 ? URI_CODES[code] === 1 : !UNICODE_BLANK.test(String.fromCharCode(code));
}

function isKind(code: number, kind: number): boolean {
  return code < 128 && ((HOST_CODES[code] ?? 0) & kind) !== 0;
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function isAlphanumeric(code: number): boolean {
  return isLetter(code) || (code >= 0x30 && code <= 0x39);
}

/** The scheme in lower case; undefined for a text that cannot be a URI. */
export function uriScheme(text: string): string | undefined {
  return uriSchemeAt(text, 0, text.length);
}

/** The same for the URI that stands in `text` from `start` to `end`. */
export function uriSchemeAt(text: string, start: number, end: number): string | undefined {
  let colon = start;
  while (colon < end && isKind(text.charCodeAt(colon), SCHEME_CODE)) colon += 1;
  if (text.charCodeAt(colon) !== COLON || colon >= end - 1 || !isLetter(text.charCodeAt(start))) return undefined;
  for (let at = colon + 1; at < end; at += 1) {
    if (!isUriCode(text.charCodeAt(at))) return undefined;
  }
  if (colon === start + 3 && text.startsWith('sip', start)) return 'sip';
  return lowerCase(text, start, colon);
}

/** Undefined for other schemes and for what does not follow the grammar. */
export function parseSipUri(text: string): SipUri | undefined {
  const scheme = uriScheme(text);
  if (scheme !== 'sip' && scheme !== 'sips') return undefined;
  const start = scheme.length + 1;
  const at = text.indexOf('@', start);
  let user: string | undefined;
  let password: string | undefined;
  if (at !== -1) {
    if (text.indexOf('@', at + 1) !== -1) return undefined;
    let colon = start;
    while (colon < at && text.charCodeAt(colon) !== COLON) colon += 1;
    user = percentDecode(text.slice(start, colon));
    if (user === undefined || user.length === 0) return undefined;
    if (colon < at) {
      password = percentDecode(text.slice(colon + 1, at));
      if (password === undefined) return undefined;
    }
  }

  const hostStart = at === -1 ? start : at + 1;
  let hostEnd = hostStart;
  for (; hostEnd < text.length; hostEnd += 1) {
    const code = text.charCodeAt(hostEnd);
    if (code === SEMICOLON || code === QUESTION) break;
  }
  const hostPort = parseHostPortAt(text, hostStart, hostEnd);
  if (hostPort === undefined) return undefined;
  if (hostEnd === text.length) {
    return { scheme, user, password, host: hostPort.host, port: hostPort.port, params: NO_PARAMS, headers: undefined };
  }
  const question = text.indexOf('?', hostEnd);
  const uriEnd = question === -1 ? text.length : question;
  const params = hostEnd === uriEnd ? NO_PARAMS : parseUriParams(text.slice(hostEnd + 1, uriEnd));
  if (params === undefined) return undefined;
  const headers = question === -1 ? undefined : text.slice(question + 1);
  return { scheme, user, password, host: hostPort.host, port: hostPort.port, params, headers };
}

/** Reads `host[:port]`, the host a name, an IPv4 address or an IPv6 reference in brackets. */
export function parseHostPort(text: string): HostPort | undefined {
  return parseHostPortAt(text, 0, text.length);
}

/** The same for what stands in `text` from `start` to `end`. */
export function parseHostPortAt(text: string, start: number, end: number): HostPort | undefined {
  let hostEnd = start;
  let host: string;
  if (text.charCodeAt(start) === BRACKET) {
    const close = text.indexOf(']', start);
    if (close === -1 || close >= end) return undefined;
    // RFC 5118 §4.10: the grammar of RFC 3261 led some to write a third colon before an embedded IPv4 address.
    host = text.slice(start + 1, close).replace(/:::(?=\d+\.)/, '::');
    if (!isIPv6(host) || host.includes('%')) return undefined;
    host = host.toLowerCase();
    hostEnd = close + 1;
  } else {
    while (hostEnd < end && isKind(text.charCodeAt(hostEnd), HOST_CODE)) hostEnd += 1;
    if (hostEnd === start || hostEnd - start > MAX_HOST_LENGTH) return undefined;
    if (!isAlphanumeric(text.charCodeAt(start)) || !isKind(text.charCodeAt(hostEnd - 1), HOST_EDGE_CODE)) {
      return undefined;
    }
    host = lowerCase(text, start, hostEnd);
  }
  if (hostEnd === end) return { host, port: undefined };
  if (text.charCodeAt(hostEnd) !== COLON) return undefined;
  const port = parseDecimal(text.slice(hostEnd + 1, end), 65535);
  return port === undefined || port === 0 ? undefined : { host, port };
}

/** `host[:port]` with brackets around an IPv6 address; a zone (`%eth0`) is left out, since it means nothing to a peer. */
export function formatHostPort(host: string, port?: number): string {
  const text = host.includes(':') ? `[${host.replace(/%.*$/, '')}]` : host;
  return port === undefined ? text : `${text}:${port}`;
}

export function formatSipUri(uri: SipUri): string {
  let text = `${uri.scheme}:`;
  if (uri.user !== undefined) {
    text += escapePart(uri.user, ESCAPED_IN_USER);
    if (uri.password !== undefined) text += `:${escapePart(uri.password, ESCAPED_IN_PASSWORD)}`;
    text += '@';
  }
  text += formatHostPort(uri.host, uri.port) + formatParams(uri.params);
  return uri.headers === undefined ? text : `${text}?${uri.headers}`;
}

function parseUriParams(text: string): Params | undefined {
  const params: Param[] = [];
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    // RFC 3261 §25.1 paramchar: a token, and a few more marks that real URIs use in names never.
    if (!isToken(name)) return undefined;
    params.push([name.toLowerCase(), equals === -1 ? undefined : part.slice(equals + 1)]);
  }
  return params;
}

function escapePart(text: string, escaped: RegExp): string {
  return text.replace(escaped, (char) => encodeURIComponent(char.isWellFormed() ? char : '\ufffd'));
}
