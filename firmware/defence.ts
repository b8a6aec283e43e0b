import type { ConfigurationStore } from './config/configuration-store.ts';
import type { Clock, Timer } from './core/clock.ts';
import type { Logger, SourceLog } from './core/logger.ts';
import type { LocationService } from './registrar/location.ts';
import { LoginGuard } from './registrar/login-guard.ts';
import { Admission } from './sip/stack.ts';

export interface DefenceOptions {
  readonly store: ConfigurationStore;
  readonly location: Pick<LocationService, 'entries'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

/** How often the defence is told which phones have bindings. */
const BINDINGS_INTERVAL_MS = 60_000;

/** What keeps strangers from harming the telephone service, put together and kept as it is configured. */
export class Defence {
  readonly admission: Admission;
  readonly logins: LoginGuard;
  readonly #location: DefenceOptions['location'];
  readonly #clock: Clock;
  readonly #unwatch: () => void;
  #timer: Timer | undefined;

  constructor({ store, location, clock, logger, sourceLog }: DefenceOptions) {
    this.#location = location;
    this.#clock = clock;
    const limits = store.current.system.sip.defence;
    this.admission = new Admission({ limits, clock, logger, sourceLog });
    let { failedLogins } = limits;
    this.logins = new LoginGuard({ admission: this.admission, failedLogins: () => failedLogins, clock });
    this.#unwatch = store.feed.watch(
      ({ system }) => system.sip.defence,
      (defence) => {
        failedLogins = defence.failedLogins;
        this.admission.useLimits(defence);
      },
    );
    this.#followBindings();
  }

  close(): void {
    this.#timer?.cancel();
    this.#unwatch();
  }

  /** Phones that were registered before the start, too, are known from the first packet on. */
  #followBindings(): void {
    for (const [extension, bindings] of this.#location.entries()) {
      for (const { flow } of bindings) this.admission.know(flow, 'binding', extension);
    }
    this.admission.forgetExpired();
    this.#timer = this.#clock.schedule(BINDINGS_INTERVAL_MS, () => this.#followBindings());
  }
}
