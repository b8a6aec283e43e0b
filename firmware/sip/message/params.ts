import {
  EQUALS,
  endOfQuoted,
  hasUpperCase,
  isTokenCode,
  QUOTE,
  SEMICOLON,
  skipWhitespace,
  unquote,
} from './grammar.ts';

/** A parameter as it stands on the wire: the name in lower case, the value with its quotes, undefined without `=`. */
export type Param = readonly [name: string, value: string | undefined];
export type Params = readonly Param[];

export const NO_PARAMS: Params = [];

/** Reads `;name[=value]` repeated, from `at` to the end of the text; undefined when it is anything else. */
export function parseParams(text: string, at: number): Params | undefined {
  let index = skipWhitespace(text, at);
  if (index === text.length) return NO_PARAMS;
  const params: Param[] = [];
  while (index < text.length) {
    if (text.charCodeAt(index) !== SEMICOLON) return undefined;
    const start = skipWhitespace(text, index + 1);
    let end = start;
    while (end < text.length && isTokenCode(text.charCodeAt(end))) end += 1;
    if (end === start) return undefined;
    const name = lowerCase(text, start, end);
    index = skipWhitespace(text, end);
    if (text.charCodeAt(index) !== EQUALS) {
      params.push([name, undefined]);
      continue;
    }
    index = skipWhitespace(text, index + 1);
    const valueEnd = text.charCodeAt(index) === QUOTE ? endOfQuoted(text, index) : endOfValue(text, index);
    if (valueEnd === undefined || valueEnd === index) return undefined;
    params.push([name, text.slice(index, valueEnd)]);
    index = skipWhitespace(text, valueEnd);
  }
  return params;
}

/** Of a value that is not quoted: the next semicolon, blank, or character that it may not have. */
function endOfValue(text: string, at: number): number {
  let index = at;
  while (index < text.length && isValueCode(text.charCodeAt(index))) index += 1;
  return index;
}

/** RFC 3261 §25.1 wants a token or a host here; real values have more (`+sip.instance`, paths), but none of these. */
function isValueCode(code: number): boolean {
  if (code === SEMICOLON || code === QUOTE || code === 0x2c || code === 0x3c || code === 0x3e) return false;
  return code > 0x20 && code !== 0xa0;
}

/** Names are in lower case nearly always, and a slice costs less than a conversion. */
export function lowerCase(text: string, start: number, end: number): string {
  const part = text.slice(start, end);
  return hasUpperCase(text, start, end) ? part.toLowerCase() : part;
}

export function hasParam(params: Params, name: string): boolean {
  for (const param of params) {
    if (param[0] === name) return true;
  }
  return false;
}

/** The value without quotes; undefined when the parameter is absent or has none. `name` is in lower case. */
export function paramValue(params: Params, name: string): string | undefined {
  for (const param of params) {
    if (param[0] === name) return param[1] === undefined ? undefined : unquote(param[1]);
  }
  return undefined;
}

/** The list with `name` set to `value`, in its old place or at the end. */
export function withParam(params: Params, name: string, value: string | undefined): Params {
  const changed: Param = [name, value];
  return hasParam(params, name) ? params.map((param) => (param[0] === name ? changed : param)) : [...params, changed];
}

export function formatParams(params: Params): string {
  let text = '';
  for (const [name, value] of params) text += value === undefined ? `;${name}` : `;${name}=${value}`;
  return text;
}
