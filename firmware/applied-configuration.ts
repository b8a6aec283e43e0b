import type { ConfigurationChange } from './config/change-feed.ts';
import type { ConfigurationStore } from './config/configuration-store.ts';
import type { Configuration, LanSettings } from './config/schema/configuration.ts';
import { CONFIRM_WITHIN_MS } from './config/unconfirmed-edit.ts';
import type { Clock, Timer } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import { LANS, type NetworkControl, OWN_PREFIX } from './system/network.ts';

export interface AppliedConfigurationOptions {
  readonly store: ConfigurationStore;
  /** Undefined where the addresses of this machine are none of the box's business. */
  readonly network: NetworkControl | undefined;
  readonly useMediaPorts: (ports: { readonly low: number; readonly high: number }) => void;
  /** 0: as many as suit the machine. */
  readonly useMediaThreads: (threads: number) => void;
  /** Called for an extension that has another password: its devices must log in again. */
  readonly forgetDevices: (extension: string) => void;
  /** Called for an extension that is gone, or whose user may no longer use it: whoever followed it follows nothing. */
  readonly endSubscriptions: (extension: string) => void;
  /** Called when there may be devices that are no longer allowed: they are logged out. */
  readonly recheckDevices: () => void;
  /** Who may watch the calls of whom may be configured otherwise. */
  readonly recheckLamps: () => void;
  /** Users may have come, or be otherwise; those that are `gone` are no more. */
  readonly recheckUsers: (gone: readonly string[]) => void;
  /** Of hunt groups that are no more. */
  readonly forgetMailboxes: (gone: readonly string[]) => void;
  /** Where SIP is to be served may be configured otherwise. */
  readonly useSipPorts: () => void;
  /** Whether phones are served on the ports that they prefer, too. */
  readonly usePhonePorts: (isOn: boolean) => void;
  /** Called when the box has another host name. */
  readonly useHostNames: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Say, until there is space on the disk again. */
const RETRY_MS = 5000;

/** What says which devices may be registered. */
const DECIDING: readonly ((configuration: Configuration) => unknown)[] = [
  ({ extensions }) => extensions,
  ({ users }) => users,
  ({ lan1 }) => lan1,
  ({ lan2 }) => lan2,
  ({ system }) => system.licensing,
];

const SELF = { who: 'ringdown', origin: 'system' } as const;

/**
 * Carries every edit into the running box, at once and without a restart. What is read from the store at each use, as the
 * settings files and the codecs of a call are, needs nothing here.
 */
export class AppliedConfiguration {
  readonly #options: AppliedConfigurationOptions;
  #deadline: Timer | undefined;
  /** The revision that the deadline is for. */
  #awaited: number | undefined;

  constructor(options: AppliedConfigurationOptions) {
    this.#options = options;
  }

  /** An edit of addresses that nobody confirmed before the box went down is undone; then everything is applied. */
  start(): void {
    const { store, logger } = this.#options;
    // Who could not reach the box any more may have switched it off and on.
    this.#undoUnconfirmed();
    for (const lan of LANS) this.#applyLan(lan, store.current[lan]);
    this.#applyMediaPorts(store.current.system.media);
    for (const lan of LANS)
      store.feed.watch(
        (configuration) => configuration[lan],
        (settings) => this.#applyLan(lan, settings),
      );
    store.feed.watch(
      ({ system }) => system.media,
      (media) => this.#applyMediaPorts(media),
    );
    store.feed.watch(
      ({ system }) => system.media.threads,
      (threads) => this.#options.useMediaThreads(threads),
    );
    store.feed.watch(
      ({ system }) => system.sip,
      () => this.#options.useSipPorts(),
    );
    store.feed.watch(
      ({ system }) => system.http.preferredPhonePorts,
      (isOn) => this.#options.usePhonePorts(isOn),
    );
    for (const lan of LANS)
      store.feed.watch(
        (configuration) => configuration[lan].registrarFqdn,
        () => this.#options.useHostNames(),
      );
    store.feed.watch(
      ({ extensions }) => extensions,
      (after, before) => this.#forgetDevices(before, after),
    );
    store.feed.subscribe(({ before, after }) => {
      if (DECIDING.some((part) => part(before) !== part(after))) this.#options.recheckDevices();
      for (const number of lostExtensions(before, after)) this.#options.endSubscriptions(number);
    });
    store.feed.watch(
      ({ system }) => system.lamps,
      () => this.#options.recheckLamps(),
    );
    store.feed.watch(
      ({ users }) => users,
      (after, before) => {
        const gone = Object.keys(before).filter((user) => after[user] === undefined);
        this.#options.recheckUsers(gone);
      },
    );
    store.feed.watch(
      ({ huntGroups }) => huntGroups,
      (after, before) => {
        const gone = Object.keys(before).filter((group) => after[group] === undefined);
        if (gone.length > 0) this.#options.forgetMailboxes(gone);
      },
    );
    store.feed.subscribe((change) => this.#log(change));
    store.feed.subscribe(() => this.#awaitConfirmation());
    // The command line may edit the file while the box runs.
    store.followOthers();
    logger.debug({ revision: store.revision }, 'configuration applied');
  }

  close(): void {
    this.#deadline?.cancel();
  }

  #applyMediaPorts({ portLow, portHigh }: Configuration['system']['media']): void {
    this.#options.useMediaPorts({ low: portLow, high: portHigh });
  }

  #applyLan(lan: 'lan1' | 'lan2', settings: LanSettings): void {
    const { network, logger } = this.#options;
    if (network === undefined) return;
    const addresses = addressesOf(settings);
    try {
      network.apply(lan, addresses);
    } catch (error) {
      logger.error({ err: error, lan, addresses }, 'the addresses of a LAN could not be set');
    }
  }

  #forgetDevices(before: Configuration['extensions'], after: Configuration['extensions']): void {
    for (const [number, extension] of Object.entries(before)) {
      const { password } = after[number] ?? extension;
      if (password !== extension.password) this.#options.forgetDevices(number);
    }
  }

  #log({ revision, changes }: ConfigurationChange): void {
    this.#options.logger.info({ revision, changes: changes.length }, 'the configuration was edited');
  }

  #awaitConfirmation(): void {
    const { store, clock } = this.#options;
    const revision = store.unconfirmed?.revision;
    if (revision === this.#awaited) return;
    this.#awaited = revision;
    this.#deadline?.cancel();
    if (revision === undefined) return;
    // From now on and not up to the deadline: the clock of a box may jump by years when it hears the time.
    this.#deadline = clock.schedule(CONFIRM_WITHIN_MS, () => {
      // Whether it was confirmed meanwhile, the file says.
      if (store.unconfirmed?.revision === revision) this.#undoUnconfirmed();
    });
  }

  #undoUnconfirmed(): void {
    const { store, clock, logger } = this.#options;
    try {
      const undone = store.undoUnconfirmed(SELF);
      if (undone !== undefined) logger.warn({ revision: undone.revision }, 'LAN addresses were not confirmed: undone');
    } catch (error) {
      logger.error({ err: error }, 'unconfirmed LAN addresses could not be undone: it is tried again');
      this.#deadline = clock.schedule(RETRY_MS, () => this.#undoUnconfirmed());
    }
  }
}

/** What a LAN is to have, as the board takes it. */
export function addressesOf({ ipv4, ipv6 }: LanSettings): readonly string[] {
  const own = `${ipv4.address}/${ipv4.prefixLength}`;
  switch (ipv6.mode) {
    case 'disabled':
      return [own];
    case 'own':
      return [own, OWN_PREFIX];
    case 'static':
      return [own, ...ipv6.addresses];
  }
}

/** Extensions that could be used before an edit, and can no longer be. */
function lostExtensions(before: Configuration, after: Configuration): readonly string[] {
  if (before.extensions === after.extensions && before.users === after.users) return [];
  return Object.keys(before.extensions).filter((number) => isUsable(before, number) && !isUsable(after, number));
}

function isUsable({ extensions, users }: Configuration, number: string): boolean {
  const extension = extensions[number];
  return extension !== undefined && (extension.user === undefined || users[extension.user]?.enabled !== false);
}
