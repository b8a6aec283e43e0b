import { isToken, skipWhitespace } from './grammar.ts';
import { formatParams, type Params, paramValue, parseParams } from './params.ts';
import { formatHostPort, parseHostPort } from './uri.ts';

/** RFC 3261 §8.1.1.7: a branch that begins like this is unique to its transaction. */
export const MAGIC_COOKIE = 'z9hG4bK';

/** The version of another element's Via is its own business: what counts is that of the start line (RFC 3261 §7.1). */
const VERSION = /^\d\.\d$/;

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

/** Reads one value, blanks around `/` and `:` included; undefined when it does not follow the grammar. */
export function parseVia(text: string): Via | undefined {
  const first = text.indexOf('/');
  const second = text.indexOf('/', first + 1);
  if (first === -1 || second === -1) return undefined;
  if (text.slice(0, first).trim().toUpperCase() !== 'SIP') return undefined;
  const version = text.slice(first + 1, second).trim();
  if (!VERSION.test(version)) return undefined;
  const transportStart = skipWhitespace(text, second + 1);
  let transportEnd = transportStart;
  while (transportEnd < text.length && text[transportEnd] !== ' ' && text[transportEnd] !== '\t') transportEnd += 1;
  const transport = text.slice(transportStart, transportEnd).toUpperCase();
  if (!isToken(transport)) return undefined;

  const semicolon = text.indexOf(';', transportEnd);
  const sentByEnd = semicolon === -1 ? text.length : semicolon;
  let sentBy = text.slice(transportEnd, sentByEnd).trim();
  if (sentBy.includes(' ') || sentBy.includes('\t')) sentBy = sentBy.replace(/[ \t]*:[ \t]*/g, ':');
  const hostPort = parseHostPort(sentBy);
  if (hostPort === undefined) return undefined;
  const params = parseParams(text, sentByEnd);
  if (params === undefined) return undefined;
  const branch = paramValue(params, 'branch');
  return { version, transport, host: hostPort.host, port: hostPort.port, branch, params };
}

export function formatVia(via: Omit<Via, 'branch'>): string {
  return `SIP/${via.version ?? '2.0'}/${via.transport} ${formatHostPort(via.host, via.port)}${formatParams(via.params)}`;
}
