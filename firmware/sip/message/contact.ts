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

/** The wildcard of RFC 3261 §10.2.2, or the values in their order. */
export type Contacts = '*' | readonly Contact[];

/** Undefined when a value is malformed or the wildcard is not alone. */
export function parseContacts(headers: Headers): Contacts | undefined {
  const values = headers.list('Contact');
  if (values === undefined) return undefined;
  if (values.includes('*')) return values.length === 1 ? '*' : undefined;
  const contacts: Contact[] = [];
  for (const value of values) {
    const contact = parseContact(value);
    if (contact === undefined) return undefined;
    contacts.push(contact);
  }
  return contacts;
}

/** Reads one value that is not the wildcard. */
export function parseContact(text: string): Contact | undefined {
  const nameAddr = parseNameAddr(text);
  if (nameAddr === undefined) return undefined;
  const { displayName, uri, params } = nameAddr;
  const q = paramValue(params, 'q');
  const expires = paramValue(params, 'expires');
  return {
    displayName,
    uri,
    params,
    q: q === undefined ? undefined : parseQ(q),
    expiresSeconds: expires === undefined ? undefined : parseDecimal(expires, 2 ** 32 - 1),
  };
}

/** RFC 3261 §25.1 qvalue: 0 to 1 with at most three decimals. */
export function parseQ(text: string): number | undefined {
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : undefined;
}
