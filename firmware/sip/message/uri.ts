import { isIPv6 } from 'node:net';
import { isToken, parseDecimal } from './grammar.ts';
import type { Param, Params } from './params.ts';
import { formatParams } from './params.ts';

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

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$/;
const FORBIDDEN_IN_URI = /[\s"<>\\^`{|}\p{Cc}]/u;
const ESCAPED_IN_USER = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/gu;
const ESCAPED_IN_PASSWORD = /[^A-Za-z0-9\-_.!~*'()&=+$,]/gu;

/** The scheme in lower case; undefined for a text that cannot be a URI. */
export function uriScheme(text: string): string | undefined {
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1 || FORBIDDEN_IN_URI.test(text)) return undefined;
  const scheme = text.slice(0, colon);
  return SCHEME.test(scheme) ? scheme.toLowerCase() : undefined;
}

/** Undefined for other schemes and for what does not follow the grammar. */
export function parseSipUri(text: string): SipUri | undefined {
  const scheme = uriScheme(text);
  if (scheme !== 'sip' && scheme !== 'sips') return undefined;
  const start = scheme.length + 1;
  const at = text.indexOf('@', start);
  if (at !== -1 && text.indexOf('@', at + 1) !== -1) return undefined;

  let user: string | undefined;
  let password: string | undefined;
  if (at !== -1) {
    const colon = text.indexOf(':', start);
    const hasPassword = colon !== -1 && colon < at;
    user = unescapePart(text.slice(start, hasPassword ? colon : at));
    if (user === undefined || user.length === 0) return undefined;
    if (hasPassword) {
      password = unescapePart(text.slice(colon + 1, at));
      if (password === undefined) return undefined;
    }
  }

  const hostStart = at === -1 ? start : at + 1;
  const question = text.indexOf('?', hostStart);
  const uriEnd = question === -1 ? text.length : question;
  const semicolon = text.indexOf(';', hostStart);
  const hostEnd = semicolon === -1 || semicolon > uriEnd ? uriEnd : semicolon;
  const hostPort = parseHostPort(text.slice(hostStart, hostEnd));
  if (hostPort === undefined) return undefined;
  const params = hostEnd === uriEnd ? [] : parseUriParams(text.slice(hostEnd + 1, uriEnd));
  if (params === undefined) return undefined;
  const headers = question === -1 ? undefined : text.slice(question + 1);
  return { scheme, user, password, host: hostPort.host, port: hostPort.port, params, headers };
}

/** Reads `host[:port]`, the host a name, an IPv4 address or an IPv6 reference in brackets. */
export function parseHostPort(text: string): HostPort | undefined {
  let host: string;
  let rest: string;
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close === -1) return undefined;
    // RFC 5118 §4.10: the grammar of RFC 3261 led some to write a third colon before an embedded IPv4 address.
    host = text.slice(1, close).replace(/:::(?=\d+\.)/, '::');
    if (!isIPv6(host) || host.includes('%')) return undefined;
    rest = text.slice(close + 1);
  } else {
    const colon = text.indexOf(':');
    host = colon === -1 ? text : text.slice(0, colon);
    if (host.length > 255 || !HOST_NAME.test(host)) return undefined;
    rest = colon === -1 ? '' : text.slice(colon);
  }
  host = host.toLowerCase();
  if (rest.length === 0) return { host, port: undefined };
  if (!rest.startsWith(':')) return undefined;
  const port = parseDecimal(rest.slice(1), 65535);
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

function unescapePart(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function escapePart(text: string, escaped: RegExp): string {
  return text.replace(escaped, (char) => encodeURIComponent(char.isWellFormed() ? char : '\ufffd'));
}
