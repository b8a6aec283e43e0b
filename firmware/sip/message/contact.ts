import { parseDecimal } from './grammar.ts';
import type { Headers } from './headers.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { paramValue } from './params.ts';

/** One value of Contact (RFC 3261 §20.10). */
export interface Contact extends NameAddr {
  /** Preference from 0 to 1; undefined when absent or not a number. */
  readonly q: number | undefined;
  /** Undefined when absent or malformed, which RFC 3261 §10.2.1.1 treats alike. */
  readonly expiresSeconds: number | undefined;
}

/** `'*'` for the wildcard of RFC 3261 §10.2.2; undefined when a value is malformed or the wildcard is not alone. */
export function parseContacts(headers: Headers): '*' | readonly Contact[] | undefined {
  const values = headers.list('Contact');
  if (values === undefined) return undefined;
  if (values.includes('*')) return values.length === 1 ? '*' : undefined;
  const contacts: Contact[] = [];
  for (const value of values) {
    const nameAddr = parseNameAddr(value);
    if (nameAddr === undefined) return undefined;
    const expires = paramValue(nameAddr.params, 'expires');
    const q = paramValue(nameAddr.params, 'q');
    contacts.push({
      ...nameAddr,
      q: q !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : undefined,
      expiresSeconds: expires === undefined ? undefined : parseDecimal(expires, 2 ** 32 - 1),
    });
  }
  return contacts;
}
