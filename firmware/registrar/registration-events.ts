import type { Clock } from '../core/clock.ts';
import type { Authorization, EventPackage, IncomingRequest } from '../sip/stack.ts';
import type { Binding, EndedBinding } from './binding.ts';
import { registrationDocument } from './registration-document.ts';

export interface RegistrationEventsOptions {
  readonly authorize: (request: IncomingRequest) => Authorization;
  readonly bindings: (aor: string) => readonly Binding[];
  /** The host of an address of record, as a URI has it. */
  readonly domain: () => string;
  readonly clock: Clock;
}

/** How long a document tells of a binding that ended: a subscriber that was not reached at once hears of it all the same. */
const TELL_FOR_MS = 60_000;
/** Of one extension. */
const MAX_ENDED = 8;

interface Ended extends EndedBinding {
  readonly atMs: number;
}

/** The event package `reg` (RFC 3680): who follows the registration of its own extension. */
export class RegistrationEvents implements EventPackage {
  readonly event = 'reg';
  readonly contentType = 'application/reginfo+xml';
  /** RFC 3680 §4.4: a little longer than an hour, so that it is refreshed after the registration. */
  readonly defaultExpiresSeconds = 3761;
  readonly minExpiresSeconds = 60;
  readonly maxExpiresSeconds = 86_400;
  /** RFC 3680 §4.10. */
  readonly minNotifyIntervalMs = 5000;
  readonly #options: RegistrationEventsOptions;
  /** By address of record: no more of them than extensions. */
  readonly #ended = new Map<string, readonly Ended[]>();

  constructor(options: RegistrationEventsOptions) {
    this.#options = options;
  }

  /** Keeps what a document has to tell of bindings that ended. */
  take(aor: string, ended: readonly EndedBinding[]): void {
    const atMs = this.#options.clock.now();
    const all = [...ended.map((each) => ({ ...each, atMs })), ...this.#recent(aor)];
    if (all.length === 0) this.#ended.delete(aor);
    else this.#ended.set(aor, all.slice(0, MAX_ENDED));
  }

  authorize(request: IncomingRequest): Authorization {
    return this.#options.authorize(request);
  }

  state(aor: string, version: number): string {
    const { bindings, domain, clock } = this.#options;
    return registrationDocument({
      aor: `sip:${aor}@${domain()}`,
      version,
      bindings: bindings(aor),
      ended: this.#recent(aor),
      nowMs: clock.now(),
    });
  }

  #recent(aor: string): readonly Ended[] {
    const now = this.#options.clock.now();
    return (this.#ended.get(aor) ?? []).filter(({ atMs }) => now - atMs < TELL_FOR_MS);
  }
}
