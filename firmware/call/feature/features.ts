import type { ConfigurationStore } from '../../config/configuration-store.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { EventPackage, IncomingRefer, IncomingRequest } from '../../sip/stack.ts';
import type { CallServer } from '../call-server.ts';
import { ClearCall } from './clear-call.ts';
import { Conferences } from './conference.ts';
import { ConferenceCalls } from './conference-calls.ts';
import { ConferenceEvents } from './conference-events.ts';
import { ConferenceReferrals } from './conference-refer.ts';
import { EmergencyAlarm } from './emergency-alarm.ts';
import { ExtensionLogin } from './extension-login.ts';
import { Paging } from './paging.ts';
import { Parking } from './park.ts';
import { PickUp } from './pick-up.ts';
import { Steal } from './steal.ts';
import { ToggleCalls } from './toggle.ts';
import { Transfers } from './transfer.ts';
import { UserSettings } from './user-settings.ts';

export interface FeatureOptions {
  readonly calls: CallServer;
  readonly store: Pick<ConfigurationStore, 'edit'>;
  readonly onNotice: (code: string, message: string) => void;
  readonly configuration: () => Configuration;
  /** The extension whose device sends a request outside of any call; undefined where the request got its answer. */
  readonly authenticate: (request: IncomingRequest) => string | undefined;
  /** The host of an address of record, as a URI has it. */
  readonly domain: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What users do with their calls, beyond making and taking them. */
export interface Features {
  /** What peers may subscribe to by them. */
  readonly eventPackages: readonly EventPackage[];
  /** For those who direct a telephone without being one. */
  readonly transfers: Transfers;
  readonly conferences: Conferences;
  /** Takes a REFER; false where it is none of a call, and of no conference. */
  refer(refer: IncomingRefer): boolean;
  /** Idempotent. */
  close(): void;
}

/** Has the features run the short codes that are theirs. */
export function registerFeatures(options: FeatureOptions): Features {
  const { calls, store, onNotice, configuration, authenticate, domain, clock, logger } = options;
  new UserSettings({ store, clock, logger }).register(calls.runners);
  new PickUp({ calls, configuration, logger }).register();
  new Steal({ calls, configuration, logger }).register();
  new ToggleCalls({ calls, configuration, logger }).register();
  new ClearCall({ calls, clock, logger }).register();
  new ExtensionLogin({ calls, store, configuration, clock, logger }).register();
  new Parking({ calls, configuration, clock, logger }).register();
  const conferences = new Conferences({ calls, configuration, clock, logger });
  conferences.register();
  const outgoing = new ConferenceCalls({ calls, logger });
  new Paging({ calls, conferences, outgoing, configuration, clock, logger }).register();
  const conferenceReferrals = new ConferenceReferrals({ calls, conferences, outgoing, authenticate, logger });
  const transfers = new Transfers({ calls, configuration, clock, logger });
  const alarm = new EmergencyAlarm({ calls, configuration, onNotice, clock, logger });
  calls.whenEmergency = (call) => alarm.raise(call);
  const conferenceEvents = new ConferenceEvents({ calls, conferences, authenticate, domain });
  return {
    eventPackages: [conferenceEvents],
    transfers,
    conferences,
    refer: (refer) => conferenceReferrals.refer(refer) || transfers.refer(refer),
    close: () => alarm.close(),
  };
}
