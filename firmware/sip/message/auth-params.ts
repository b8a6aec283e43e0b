import { EQUALS, endOfQuoted, isTokenCode, isWhitespace, QUOTE, quote, skipWhitespace, unquote } from './grammar.ts';
import { lowerCase } from './params.ts';

/** More parameters than any scheme has: beyond it the field is refused. */
export const MAX_AUTH_PARAMS = 24;
const COMMA = 0x2c;

/** Scheme and parameters of an Authorization or WWW-Authenticate field (RFC 7616 §3.3, §3.4; RFC 8760). */
export interface AuthField {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case, values without quotes and escapes. */
  readonly params: readonly (readonly [name: string, value: string])[];
}

/** RFC 7616 §3.4: these stand without quotes, all others with them. */
const BARE = new Set(['algorithm', 'qop', 'nc', 'stale', 'userhash', 'charset']);

/**
 * Reads one field. Quotes are taken where they should not be, and missed where a token stands for itself, since phones
 * mix them up. Undefined when it does not follow the grammar, or a parameter stands twice: it could be read in two ways.
 */
export function parseAuthField(text: string): AuthField | undefined {
  let at = 0;
  while (at < text.length && isTokenCode(text.charCodeAt(at))) at += 1;
  if (at === 0 || (at < text.length && !isWhitespace(text.charCodeAt(at)))) return undefined;
  const scheme = lowerCase(text, 0, at);
  const params: (readonly [string, string])[] = [];
  at = skipWhitespace(text, at);
  while (at < text.length) {
    let end = at;
    while (end < text.length && isTokenCode(text.charCodeAt(end))) end += 1;
    const name = lowerCase(text, at, end);
    const equals = skipWhitespace(text, end);
    if (end === at || text.charCodeAt(equals) !== EQUALS || params.length === MAX_AUTH_PARAMS) return undefined;
    for (const [known] of params) {
      if (known === name) return undefined;
    }
    const start = skipWhitespace(text, equals + 1);
    const valueEnd = text.charCodeAt(start) === QUOTE ? endOfQuoted(text, start) : endOfBare(text, start);
    if (valueEnd === undefined || valueEnd === start) return undefined;
    params.push([name, unquote(text.slice(start, valueEnd))]);
    at = skipWhitespace(text, valueEnd);
    if (at === text.length) break;
    if (text.charCodeAt(at) !== COMMA) return undefined;
    at = skipWhitespace(text, at + 1);
    if (at === text.length) return undefined;
  }
  return { scheme, params };
}

/** Undefined when there is no such parameter. `name` is in lower case. */
export function authParam(field: AuthField, name: string): string | undefined {
  for (const param of field.params) {
    if (param[0] === name) return param[1];
  }
  return undefined;
}

/** Parameters in their order, quoted as RFC 7616 §3.4 has it; `scheme` as it is to be written. */
export function formatAuthField(scheme: string, params: AuthField['params']): string {
  return `${scheme} ${params.map(([name, value]) => `${name}=${BARE.has(name) ? value : quote(value)}`).join(', ')}`;
}

/** Base64 and URIs pass as well as tokens: some phones leave their quotes out. */
function endOfBare(text: string, at: number): number {
  let end = at;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === COMMA || code === QUOTE || code <= 0x20) break;
  }
  return end;
}
