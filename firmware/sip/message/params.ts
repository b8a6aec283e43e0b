import { endOfQuoted, isToken, SEMICOLON, skipWhitespace, unquote } from './grammar.ts';

/** A parameter as it stands on the wire: the name in lower case, the value with its quotes, undefined without `=`. */
export type Param = readonly [name: string, value: string | undefined];
export type Params = readonly Param[];

const NO_PARAMS: Params = [];
const FORBIDDEN_IN_VALUE = /[\s"<>,]/;

/** Reads `;name[=value]` repeated, from `at` to the end of the text; undefined when it is anything else. */
export function parseParams(text: string, at: number): Params | undefined {
  let index = skipWhitespace(text, at);
  if (index === text.length) return NO_PARAMS;
  const params: Param[] = [];
  while (index < text.length) {
    if (text.charCodeAt(index) !== SEMICOLON) return undefined;
    index = skipWhitespace(text, index + 1);
    let end = index;
    while (end < text.length && text.charCodeAt(end) !== SEMICOLON && text[end] !== '=') end += 1;
    const name = text.slice(index, end).trim();
    if (!isToken(name)) return undefined;
    if (text[end] !== '=') {
      params.push([name.toLowerCase(), undefined]);
      index = end;
      continue;
    }
    index = skipWhitespace(text, end + 1);
    if (text[index] === '"') {
      const close = endOfQuoted(text, index);
      if (close === undefined) return undefined;
      params.push([name.toLowerCase(), text.slice(index, close)]);
      index = skipWhitespace(text, close);
    } else {
      const semicolon = text.indexOf(';', index);
      end = semicolon === -1 ? text.length : semicolon;
      const value = text.slice(index, end).trim();
      if (value.length === 0 || FORBIDDEN_IN_VALUE.test(value)) return undefined;
      params.push([name.toLowerCase(), value]);
      index = end;
    }
  }
  return params;
}

export function hasParam(params: Params, name: string): boolean {
  return params.some((param) => param[0] === name);
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
