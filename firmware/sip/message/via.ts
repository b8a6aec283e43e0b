import { isTokenCode, isWhitespace, SEMICOLON, skipWhitespace } from './grammar.ts';
import { formatParams, type Params, paramValue, parseParams } from './params.ts';
import { formatHostPort, type HostPort, parseHostPort, parseHostPortAt } from './uri.ts';

/** RFC 3261 §8.1.1.7: a branch that begins like this is unique to its transaction. */
export const MAGIC_COOKIE = 'z9hG4bK';

/** One Via value (RFC 3261 §20.42). */
export interface Via {
  /** `2.0` unless the request is of another version, which is answered with 505. */
  readonly version?: string;
  /** Upper case: UDP, TCP, TLS, WS, WSS … */
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly branch: string | undefined;
  readonly params: Params;
}

const TRANSPORTS = ['UDP', 'TCP', 'TLS', 'WSS', 'WS'];

/** Reads one value, blanks around `/` and `:` included; undefined when it does not follow the grammar. */
export function parseVia(text: string): Via | undefined {
  let version = '2.0';
  let at = 8;
  if (!text.startsWith('SIP/2.0/')) {
    const second = text.indexOf('/', text.indexOf('/') + 1);
    const protocol = second === -1 ? null : /^[ \t]*SIP[ \t]*\/[ \t]*(\d\.\d)[ \t]*$/i.exec(text.slice(0, second));
    if (protocol === null) return undefined;
    // That of another element's Via is its own business: what counts stands in the start line (RFC 3261 §7.1).
    version = protocol[1] ?? version;
    at = second + 1;
  }
  const transportStart = skipWhitespace(text, at);
  let transportEnd = transportStart;
  while (transportEnd < text.length && isTokenCode(text.charCodeAt(transportEnd))) transportEnd += 1;
  if (transportEnd === transportStart || !isWhitespace(text.charCodeAt(transportEnd))) return undefined;
  const transport = transportAt(text, transportStart, transportEnd);

  const hostStart = skipWhitespace(text, transportEnd);
  let sentByEnd = hostStart;
  while (sentByEnd < text.length && text.charCodeAt(sentByEnd) !== SEMICOLON) sentByEnd += 1;
  const params = parseParams(text, sentByEnd);
  if (params === undefined) return undefined;
  while (sentByEnd > hostStart && isWhitespace(text.charCodeAt(sentByEnd - 1))) sentByEnd -= 1;
  const hostPort = parseHostPortAt(text, hostStart, sentByEnd) ?? parseSpacedHostPort(text.slice(hostStart, sentByEnd));
  if (hostPort === undefined) return undefined;
  const branch = paramValue(params, 'branch');
  return { version, transport, host: hostPort.host, port: hostPort.port, branch, params };
}

function transportAt(text: string, start: number, end: number): string {
  for (const transport of TRANSPORTS) {
    if (transport.length === end - start && text.startsWith(transport, start)) return transport;
  }
  return text.slice(start, end).toUpperCase();
}

/** RFC 3261 §25.1 lets blanks stand around the colon. */
function parseSpacedHostPort(sentBy: string): HostPort | undefined {
  const colon = sentBy.lastIndexOf(':');
  if (colon === -1) return undefined;
  return parseHostPort(`${sentBy.slice(0, colon).trimEnd()}:${sentBy.slice(colon + 1).trimStart()}`);
}

export function formatVia(via: Omit<Via, 'branch'>): string {
  return `SIP/${via.version ?? '2.0'}/${via.transport} ${formatHostPort(via.host, via.port)}${formatParams(via.params)}`;
}
