import type { ConfigurationStore } from '../../config/configuration-store.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { IncomingRefer } from '../../sip/stack.ts';
import type { CallServer } from '../call-server.ts';
import { Conferences } from './conference.ts';
import { Parking } from './park.ts';
import { PickUp } from './pick-up.ts';
import { Steal } from './steal.ts';
import { Transfers } from './transfer.ts';
import { UserSettings } from './user-settings.ts';

export interface FeatureOptions {
  readonly calls: CallServer;
  readonly store: Pick<ConfigurationStore, 'edit'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What users do with their calls, beyond making and taking them. */
export interface Features {
  /** Takes a REFER; false where it is none of a call. */
  refer(refer: IncomingRefer): boolean;
  /** Idempotent. */
  close(): void;
}

/** Has the features run the short codes that are theirs. */
export function registerFeatures({ calls, store, configuration, clock, logger }: FeatureOptions): Features {
  new UserSettings({ store, clock, logger }).register(calls.runners);
  new PickUp({ calls, configuration, logger }).register();
  new Steal({ calls, configuration, logger }).register();
  new Parking({ calls, configuration, clock, logger }).register();
  new Conferences({ calls, configuration, logger }).register();
  const transfers = new Transfers({ calls, configuration, clock, logger });
  return { refer: (refer) => transfers.refer(refer), close: () => undefined };
}
