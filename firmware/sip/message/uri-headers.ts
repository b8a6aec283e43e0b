import { percentDecode } from './grammar.ts';
import { canonicalName } from './header-names.ts';
import type { HeaderField } from './headers.ts';

/** Headers of one URI: more than a Refer-To needs. */
export const MAX_URI_HEADERS = 20;
/** What an hvalue may hold as it is (RFC 3261 §25.1: hnv-unreserved and unreserved). */
const ESCAPED = /[^A-Za-z0-9\-_.!~*'()[\]/?:+$]/gu;

/**
 * Reads what stands behind `?` in a SIP URI (RFC 3261 §19.1.1), escapes taken off; `body` is one of them. Undefined when
 * it does not follow the grammar. Who puts them into a message decides which (§19.1.5): Replaces and Accept-Contact of a
 * Refer-To are asked for, a From or Via would be an attack.
 */
export function parseUriHeaders(text: string): readonly HeaderField[] | undefined {
  if (text.length === 0) return [];
  const parts = text.split('&', MAX_URI_HEADERS + 1);
  if (parts.length > MAX_URI_HEADERS) return undefined;
  const headers: HeaderField[] = [];
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals < 1) return undefined;
    const name = percentDecode(part.slice(0, equals));
    const value = percentDecode(part.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    headers.push([name.toLowerCase() === 'body' ? 'body' : canonicalName(name), value]);
  }
  return headers;
}

/** The text for behind the `?`. */
export function formatUriHeaders(headers: readonly HeaderField[]): string {
  return headers.map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`).join('&');
}

function percentEncode(text: string): string {
  return text
    .toWellFormed()
    .replace(ESCAPED, (char) =>
      [...Buffer.from(char, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    );
}
