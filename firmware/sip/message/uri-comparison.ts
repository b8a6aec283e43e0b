import { parseSipUri, type SipUri } from './uri.ts';
import { parseUriHeaders } from './uri-headers.ts';

/** RFC 3261 §19.1.4: in one of the URIs alone they make a difference, even with their default value. */
const DISTINGUISHING = ['transport', 'user', 'ttl', 'method', 'maddr'];
/** RFC 3261 §25.1 reserved: escaped they are something else. */
const RESERVED = ';/?:@&=+$,';

/**
 * Whether two SIP or SIPS URIs mean the same (RFC 3261 §19.1.4, RFC 5954 §4.2). Two texts of another scheme, and texts
 * that are no URI, are the same where they are equal. Like the rule itself it is not transitive.
 */
export function sameSipUri(first: string, second: string): boolean {
  if (first === second) return true;
  const a = parseSipUri(first);
  const b = parseSipUri(second);
  if (a === undefined || b === undefined) return false;
  return (
    a.scheme === b.scheme &&
    a.port === b.port &&
    userInfo(first, a) === userInfo(second, b) &&
    sameHost(a.host, b.host) &&
    sameParams(a, b) &&
    sameHeaders(a.headers ?? '', b.headers ?? '')
  );
}

/** User and password as on the wire, since `a%3Bb` is not `a;b`; undefined where there is none. */
function userInfo(text: string, uri: SipUri): string | undefined {
  if (uri.user === undefined) return undefined;
  return comparable(text.slice(uri.scheme.length + 1, text.indexOf('@')));
}

function sameHost(first: string, second: string): boolean {
  if (first === second) return true;
  // RFC 5954 §4.2: an IPv6 address has many spellings.
  return first.includes(':') && second.includes(':') && canonicalIPv6(first) === canonicalIPv6(second);
}

function canonicalIPv6(address: string): string {
  return new URL(`http://[${address}]`).hostname;
}

function sameParams(a: SipUri, b: SipUri): boolean {
  const first = paramMap(a);
  const second = paramMap(b);
  for (const [name, value] of first) {
    const other = second.get(name);
    if (other !== undefined && other !== value) return false;
  }
  return DISTINGUISHING.every((name) => first.has(name) === second.has(name));
}

function paramMap(uri: SipUri): ReadonlyMap<string, string> {
  return new Map(
    uri.params.map(([name, value = '']) => [comparable(name).toLowerCase(), comparable(value).toLowerCase()]),
  );
}

/** Headers are never ignored. */
function sameHeaders(first: string, second: string): boolean {
  if (first === second) return true;
  const a = comparableHeaders(first);
  const b = comparableHeaders(second);
  return a !== undefined && b !== undefined && a === b;
}

function comparableHeaders(text: string): string | undefined {
  return parseUriHeaders(text)
    ?.map(([name, value]) => `${name}\n${value}`.toLowerCase())
    .sort()
    .join('\n\n');
}

/** Escapes of what needs none taken off, the others in one spelling. */
function comparable(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (escaped, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return char >= '!' && char <= '~' && char !== '%' && !RESERVED.includes(char) ? char : escaped.toUpperCase();
  });
}
