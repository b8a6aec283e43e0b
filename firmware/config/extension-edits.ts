import { UsageError } from '../core/errors.ts';
import { isExtensionNumber } from './extension.ts';
import { withValue } from './path.ts';
import type { Configuration } from './schema/configuration.ts';
import { NUMBER_KEY } from './schema/kinds.ts';
import type { SipPassword } from './secrets/make-secret.ts';

/*
 * Edits of an extension together with its user, as the short commands of the console make them. Each returns the
 * configuration as it shall be; the store checks it.
 */

/**
 * A new extension and the user of the same number. `secrets` as makeSipPassword made them. Throws UsageError
 * CONFIG_EXTENSION_NUMBER_INVALID, CONFIG_EXTENSION_EXISTS.
 */
export function addExtension(
  configuration: Configuration,
  number: string,
  name: string,
  secrets: SipPassword,
): unknown {
  if (!isExtensionNumber(number)) {
    throw new UsageError(
      'CONFIG_EXTENSION_NUMBER_INVALID',
      `${JSON.stringify(number.slice(0, 40))} is not an extension number`,
      `Use ${NUMBER_KEY.rule}.`,
    );
  }
  if (Object.hasOwn(configuration.extensions, number)) {
    throw new UsageError(
      'CONFIG_EXTENSION_EXISTS',
      `extension ${number} exists already`,
      'Choose another number, or remove that extension first.',
    );
  }
  const known: unknown = configuration.users[number];
  const withUser: unknown = withValue<unknown>(configuration, ['users', number], { ...Object(known), name });
  return withValue(withUser, ['extensions', number], { user: number, ...secrets });
}

/** Removes the extension, its user, and that user from every group. Throws UsageError CONFIG_EXTENSION_NOT_FOUND. */
export function removeExtension(configuration: Configuration, number: string): unknown {
  const extension = configuration.extensions[number];
  if (extension === undefined || !Object.hasOwn(configuration.extensions, number)) throw extensionNotFound(number);
  const { user } = extension;
  const without = withValue<Configuration>(configuration, ['extensions', number], undefined);
  const shared = Object.values(without.extensions).some((other) => other.user === user);
  if (user === undefined || shared) return without;
  const withoutUser = withValue<Configuration>(without, ['users', user], undefined);
  return Object.entries(withoutUser.huntGroups).reduce((whole, [group, { members }]) => {
    const rest = members.filter((member) => member.user !== user);
    return rest.length === members.length ? whole : withValue(whole, ['huntGroups', group, 'members'], rest);
  }, withoutUser);
}

export function extensionNotFound(number: string): UsageError {
  return new UsageError(
    'CONFIG_EXTENSION_NOT_FOUND',
    `there is no extension ${/^\d{1,15}$/.test(number) ? number : 'of that number'}`,
    'See which there are with `ringdown extension list`.',
  );
}
