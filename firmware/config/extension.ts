import type { Configuration } from './schema/configuration.ts';
import { type DigestSecrets, decodeDigestSecrets } from './secrets/sip-password.ts';

declare const brand: unique symbol;

/** 2 to 15 decimal digits, checked. */
export type ExtensionNumber = string & { readonly [brand]: 'ExtensionNumber' };

/** An extension as callers see it. */
export interface ExtensionIdentity {
  readonly number: ExtensionNumber;
  /** The name of its user, as other people see it; the number itself where it is nobody's. */
  readonly name: string;
}

/** Safe with anything that a stranger sends. */
export function isExtensionNumber(text: string): text is ExtensionNumber {
  return text.length <= 15 && /^[0-9]{2,15}$/.test(text);
}

/** Any text may be asked for: one that is no extension number has no extension. */
export function findExtension(configuration: Configuration, number: string): ExtensionIdentity | undefined {
  if (!isExtensionNumber(number)) return undefined;
  const extension = configuration.extensions[number];
  if (extension === undefined) return undefined;
  const user = extension.user === undefined ? undefined : configuration.users[extension.user];
  return { number, name: user === undefined ? number : user.fullName || user.name };
}

/** The secrets to check a REGISTER against; undefined for a number that has none, whatever its text. */
export function digestOf(configuration: Configuration, number: string): DigestSecrets | undefined {
  if (!isExtensionNumber(number)) return undefined;
  const extension = configuration.extensions[number];
  if (extension?.password === undefined) return undefined;
  // Items keep their identity over edits that do not touch them.
  const known = decoded.get(extension);
  if (known !== undefined) return known;
  const digest = decodeDigestSecrets(extension.password);
  if (digest !== undefined) decoded.set(extension, digest);
  return digest;
}

const decoded = new WeakMap<Configuration['extensions'][string], DigestSecrets>();
