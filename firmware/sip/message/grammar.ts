/** Character classes and scanners of RFC 3261 §25 that every header parser shares. All are linear in their input. */

const TOKEN_MARKS = "-.!%*_+`'~";
const TOKEN_CODES = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z0-9]/.test(char) || TOKEN_MARKS.includes(char)) TOKEN_CODES[code] = 1;
}

export const COMMA = 0x2c;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;

export function isTokenCode(code: number): boolean {
  return code < 128 && TOKEN_CODES[code] === 1;
}

/** Whether there is a letter from A to Z in `text` from `start` to `end`. */
export function hasUpperCase(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) return true;
  }
  return false;
}

/** True for a non-empty text of token characters only. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let at = 0; at < text.length; at += 1) {
    if (!isTokenCode(text.charCodeAt(at))) return false;
  }
  return true;
}

export function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The first index at or after `at` that is no blank. */
export function skipWhitespace(text: string, at: number): number {
  let index = at;
  while (index < text.length && isWhitespace(text.charCodeAt(index))) index += 1;
  return index;
}

/** Takes blanks and tabs off both ends, and nothing else: String.trim would take a byte order mark too. */
export function trimBlanks(text: string, start = 0, end = text.length): string {
  let from = start;
  let to = end;
  while (from < to && isWhitespace(text.charCodeAt(from))) from += 1;
  while (to > from && isWhitespace(text.charCodeAt(to - 1))) to -= 1;
  return from === 0 && to === text.length ? text : text.slice(from, to);
}

/** The index after the quote that closes the one at `at`; undefined when none does. */
export function endOfQuoted(text: string, at: number): number | undefined {
  for (let index = at + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index += 1;
    else if (code === QUOTE) return index + 1;
  }
  return undefined;
}

/**
 * Splits at `separator` where it stands outside quotes and angle brackets, and trims the parts.
 * Undefined when a quote or bracket stays open.
 */
export function splitOutside(text: string, separator: number): string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  let inBrackets = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === separator && !inBrackets) {
      parts.push(text.slice(start, index).trim());
      start = index + 1;
    } else if (code === QUOTE && !inBrackets) {
      const end = endOfQuoted(text, index);
      if (end === undefined) return undefined;
      index = end - 1;
    } else if (code === LESS_THAN) {
      inBrackets = true;
    } else if (code === GREATER_THAN) {
      inBrackets = false;
    }
  }
  if (inBrackets) return undefined;
  parts.push(text.slice(start).trim());
  return parts;
}

/** Takes quotes and escapes off; a text that is not quoted comes back as it is. */
export function unquote(text: string): string {
  if (text.charCodeAt(0) !== QUOTE || text.length < 2) return text;
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner;
}

export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A decimal number of at most `maximum`; undefined for anything else, a sign or a blank included. */
export function parseDecimal(text: string, maximum: number): number | undefined {
  if (text.length === 0 || text.length > 10) return undefined;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= maximum ? value : undefined;
}

/** Takes `%xx` escapes off (RFC 3261 §19.1.2); undefined where one is incomplete or the bytes are no UTF-8. */
export function percentDecode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
