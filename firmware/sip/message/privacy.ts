import { isToken } from './grammar.ts';

/** RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1; a value of later documents stays as it is. */
export type PrivacyValue = 'header' | 'session' | 'user' | 'none' | 'critical' | 'id' | 'history' | (string & {});

/** The values of a Privacy field in lower case; commas between them pass too. Undefined when one is no token. */
export function parsePrivacy(text: string): readonly PrivacyValue[] | undefined {
  const values = text.split(/[;,]/).map((value) => value.trim().toLowerCase());
  return values.every(isToken) ? values : undefined;
}

export function formatPrivacy(values: readonly PrivacyValue[]): string {
  return values.join(';');
}

/**
 * Whether the caller's identity is to be kept from whom it is not meant for (RFC 3325 §7: `id`; RFC 3323 §4.2: `user`
 * and `header` ask for more still). What cannot be read is taken for yes.
 */
export function wantsPrivacy(text: string | undefined): boolean {
  if (text === undefined) return false;
  const values = parsePrivacy(text);
  return values === undefined || values.some((value) => value === 'id' || value === 'user' || value === 'header');
}
