import type { ConfigurationStore } from '../config/configuration-store.ts';
import { emergencyNumbersOf } from '../config/emergency.ts';
import { isExtensionNumber } from '../config/extension.ts';
import { addExtension } from '../config/extension-edits.ts';
import { formatPath, withValue } from '../config/path.ts';
import { isInLan } from '../config/remote-client.ts';
import type { Configuration } from '../config/schema/configuration.ts';
import type { Profile } from '../config/schema/user.ts';
import type { BoxKey } from '../config/secrets/box-key.ts';
import { checkPassword } from '../config/secrets/rules.ts';
import { type DigestSecrets, digestSecrets, encodeDigestSecrets } from '../config/secrets/sip-password.ts';
import { InvalidConfigurationError } from '../config/validation/issue.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { RingdownError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

export interface AutoCreationOptions {
  readonly store: ConfigurationStore;
  /** The configuration, which may be as old as the turn of the event loop. */
  readonly configuration: () => Configuration;
  /** What the default password is encrypted with. */
  readonly boxKey: () => BoxKey;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type Creation =
  | { readonly kind: 'created' }
  /** Another one was made in this very moment: edits are written to the flash one by one. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly why: string };

/** Seeds: it is for the time in which phones are put up. */
export const AUTO_CREATION_MS = 86_400_000;
const RETRY_MS = 60_000;
const MIN_INTERVAL_MS = 200;
/** Revisions that are looked through for the one that switched it on: an extension each, and what else happens in a day. */
const MAX_REVISIONS = 2000;

const SELF = { who: 'ringdown', origin: 'system' } as const;
const FLAG = ['system', 'sip', 'autoCreateExtensions'];
const PASSWORD = ['system', 'sip', 'defaultExtensionPassword'];
/** What needs no licence. */
const PROFILES: Readonly<Record<Configuration['system']['licensing'], Profile>> = {
  open: 'power',
  perpetual: 'non-licensed',
  subscription: 'telephony',
};

/**
 * Makes extensions and users for phones that nobody has set up yet, while that is switched on: for numbers that are free,
 * from the networks of the LANs, and with the default password, so that no stranger gets in.
 */
export class AutoCreation {
  readonly #options: AutoCreationOptions;
  readonly #unwatch: () => void;
  #end: Timer | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** What was opened last. */
  #opened: { readonly sealed: string; readonly plain: string | undefined } | undefined;

  constructor(options: AutoCreationOptions) {
    this.#options = options;
    const { store, clock } = options;
    this.#unwatch = store.feed.watch(
      ({ system }) => system.sip.autoCreateExtensions,
      (isOn) => (isOn ? this.#endAfter(AUTO_CREATION_MS) : this.#end?.cancel()),
    );
    if (!store.current.system.sip.autoCreateExtensions) return;
    const elapsedMs = clock.now() - (this.#switchedOnAtMs() ?? Number.NEGATIVE_INFINITY);
    // A clock that went back says nothing of how long it was on: to end it too soon does no harm.
    this.#endAfter(elapsedMs < 0 ? 0 : Math.max(0, AUTO_CREATION_MS - elapsedMs));
  }

  /** What a phone proves that may make this extension; undefined where none may. Safe with anything that a stranger sends. */
  digest(number: string, remoteAddress: string): DigestSecrets | undefined {
    const { store, configuration } = this.#options;
    const current = configuration();
    if (!current.system.sip.autoCreateExtensions || !isExtensionNumber(number)) return undefined;
    if (current.extensions[number] !== undefined || !isInLan(remoteAddress.replace(/%.*$/, ''), current)) {
      return undefined;
    }
    const password = this.#password(current);
    return password === undefined ? undefined : digestSecrets(number, store.realm, password);
  }

  /** Makes the extension of a phone that has proved the default password. */
  create(number: string, remoteAddress: string): Creation {
    const { store, clock, logger } = this.#options;
    const current = store.current;
    const why = refusalOf(current, number);
    if (why !== undefined) return { kind: 'refused', why };
    const password = this.#password(current);
    if (password === undefined) return { kind: 'refused', why: 'there is no default extension password' };
    const now = clock.now();
    if (now >= this.#lastMs && now - this.#lastMs < MIN_INTERVAL_MS) return { kind: 'busy' };
    this.#lastMs = now;
    try {
      const name = `Extn${number}`;
      checkPassword(password, { number, name });
      const secrets = {
        password: encodeDigestSecrets(digestSecrets(number, store.realm, password)),
        passwordCopy: undefined,
      };
      const profile = PROFILES[current.system.licensing];
      store.edit({
        author: SELF,
        comment: `extension ${number} auto-created for ${remoteAddress}`,
        change: (before) =>
          withValue(addExtension(before, number, name, secrets), ['users', number, 'profile'], profile),
      });
    } catch (error) {
      if (!(error instanceof RingdownError)) throw error;
      return { kind: 'refused', why: `it cannot be made: ${reasonOf(error)}` };
    }
    logger.warn({ extension: number, from: remoteAddress }, 'an extension was auto-created');
    this.#notice(number);
    return { kind: 'created' };
  }

  /** Idempotent. */
  close(): void {
    this.#unwatch();
    this.#end?.cancel();
  }

  /** One notice for all of them: others must not be pushed out. */
  #notice(number: string): void {
    const { notices } = this.#options.store;
    if (notices.list().some(({ code }) => code === 'EXTENSION_AUTO_CREATED')) return;
    notices.add(
      'EXTENSION_AUTO_CREATED',
      `Extensions are being made for phones that register, ${number} first: ringdown config log tells which.`,
    );
  }

  /** By the timer and not by the time of day, which may jump by years when the box hears it. */
  #endAfter(delayMs: number): void {
    const { clock, store, logger } = this.#options;
    this.#end?.cancel();
    this.#end = clock.schedule(delayMs, () => {
      try {
        store.edit({
          author: SELF,
          comment: 'auto-creation ends by itself after 24 hours',
          change: (configuration) => withValue(configuration, FLAG, false),
        });
        logger.info('auto-creation of extensions has ended by itself');
      } catch (error) {
        logger.error({ err: error }, 'auto-creation of extensions could not be ended: it is tried again');
        this.#endAfter(RETRY_MS);
      }
    });
  }

  /** When the edit was made that it is on by; undefined where that is no longer known. */
  #switchedOnAtMs(): number | undefined {
    const flag = formatPath(FLAG);
    const revision = this.#options.store.log
      .list(MAX_REVISIONS)
      .find(({ changes }) => changes.some(({ path, after }) => formatPath(path) === flag && after === true));
    return revision?.atMs;
  }

  #password({ system }: Configuration): string | undefined {
    const sealed = system.sip.defaultExtensionPassword;
    if (sealed === undefined) return undefined;
    if (this.#opened?.sealed !== sealed) this.#opened = { sealed, plain: this.#open(sealed) };
    return this.#opened.plain;
  }

  /** Tried once: each stranger who asks would cause another look at the disk and another line. */
  #open(sealed: string): string | undefined {
    const { boxKey, logger } = this.#options;
    let cause: unknown;
    try {
      const plain = boxKey().open(formatPath(PASSWORD), sealed);
      if (plain !== undefined) return plain;
    } catch (error) {
      cause = error;
    }
    const cure = `set ${formatPath(PASSWORD)} anew`;
    logger.error({ err: cause, cure }, 'the default extension password cannot be read: no extension is auto-created');
    return undefined;
  }
}

/** Why this number is not for a phone to take. */
function refusalOf(configuration: Configuration, number: string): string | undefined {
  if (!isExtensionNumber(number)) return 'it is no extension number';
  if (emergencyNumbersOf(configuration).has(number)) return `${number} is an emergency number`;
  if (configuration.huntGroups[number] !== undefined) return `${number} is a hunt group`;
  if (configuration.users[number] !== undefined)
    return `user ${number} has no extension of that number: add it by hand`;
  const code = Object.keys(configuration.shortCodes).find((each) => isDialledAs(number, each));
  return code === undefined ? undefined : `${number} is dialled as the short code ${code}`;
}

/** Of short codes those of digits, X for one digit and N for any: an extension would stand before them. */
function isDialledAs(number: string, code: string): boolean {
  return /^[0-9XN]+$/.test(code) && /\d/.test(code) && patternOf(code).test(number);
}

function patternOf(code: string): RegExp {
  return new RegExp(`^${code.replaceAll('X', '\\d').replace(/N+/g, '\\d+')}$`);
}

function reasonOf(error: RingdownError): string {
  const issues = error instanceof InvalidConfigurationError ? error.issues : [];
  const issue = issues.find(({ severity }) => severity === 'error');
  return issue === undefined ? error.message : `${formatPath(issue.path)} ${issue.problem}`;
}
