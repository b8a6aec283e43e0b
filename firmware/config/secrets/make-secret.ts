import { UsageError } from '../../core/errors.ts';
import { formatPath, type Path, valueAt } from '../path.ts';
import type { Configuration } from '../schema/configuration.ts';
import type { SecretKind } from '../schema/kinds.ts';
import type { BoxKey } from './box-key.ts';
import { checkPassword, checkPin, type Owner } from './rules.ts';
import { hashPassword } from './scrypt.ts';
import { digestSecrets, encodeDigestSecrets } from './sip-password.ts';

export interface SecretContext {
  readonly configuration: Configuration;
  readonly realm: string;
  /** Asked for only where the secret must be encrypted. */
  readonly boxKey: () => BoxKey;
}

/** It becomes the password of extensions, and must do for them before a phone needs it. */
const DEFAULT_EXTENSION_PASSWORD = 'system.sip.defaultExtensionPassword';

/** What an extension keeps of its SIP password. */
export interface SipPassword {
  readonly password: string;
  /** Encrypted, where settings files must carry it. Undefined takes an older copy away. */
  readonly passwordCopy: string | undefined;
}

/** As makeSecret for the password of extension `number`, with the copy that the extension asks for. `name`: of a user to be. */
export function makeSipPassword(number: string, plain: string, context: SecretContext, name?: string): SipPassword {
  const { configuration, realm, boxKey } = context;
  const path = ['extensions', number, 'password'];
  checkPassword(plain, { ...ownerOf(configuration, path), ...(name === undefined ? {} : { name }) });
  const copied = configuration.extensions[number]?.passwordForSettingsFiles === true;
  return {
    password: encodeDigestSecrets(digestSecrets(number, realm, plain)),
    passwordCopy: copied ? boxKey().seal(formatPath(['extensions', number, 'passwordCopy']), plain) : undefined,
  };
}

/**
 * What the configuration keeps at `path` of a secret that a person gave. Throws UsageError CONFIG_PASSWORD_INVALID,
 * CONFIG_PASSWORD_WEAK, CONFIG_PIN_INVALID, CONFIG_PIN_WEAK, none of which holds the secret.
 */
export async function makeSecret(
  kind: SecretKind,
  path: Path,
  plain: string,
  { configuration, realm, boxKey }: SecretContext,
): Promise<string> {
  const owner = ownerOf(configuration, path);
  switch (kind) {
    case 'sip-password':
      checkPassword(plain, owner);
      return encodeDigestSecrets(digestSecrets(path[1] ?? '', realm, plain));
    case 'password':
      checkPassword(plain, owner, false);
      return hashPassword(plain);
    case 'pin':
      checkPin(plain, owner);
      return hashPassword(plain);
    case 'recoverable':
      if (formatPath(path) === DEFAULT_EXTENSION_PASSWORD) checkPassword(plain);
      if (!/^[\x20-\x7e]{1,128}$/.test(plain)) {
        throw new UsageError(
          'CONFIG_PASSWORD_INVALID',
          'the password cannot be used',
          'Use 1 to 128 printable ASCII characters.',
        );
      }
      return boxKey().seal(formatPath(path), plain);
  }
}

function ownerOf(configuration: Configuration, [collection, key = '']: Path): Owner {
  switch (collection) {
    case 'users':
      return { number: key, name: configuration.users[key]?.name };
    case 'extensions': {
      const user = valueAt(configuration, ['extensions', key, 'user']);
      return { number: key, name: typeof user === 'string' ? configuration.users[user]?.name : undefined };
    }
    default:
      return { name: key };
  }
}
