import type { Clock, Timer } from '../core/clock.ts';
import type { Flow } from '../sip/stack.ts';

/** What ties an address of record to one contact (RFC 3261 §10), and the way by which it registered. */
export interface Binding {
  /** The Contact URI exactly as the device wrote it: it must get it back as Request-URI. */
  readonly contact: string;
  readonly callId: string;
  readonly cSeq: number;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  /** The way to the device. It outranks the host in the Contact URI, which is wrong behind every port forward. */
  readonly flow: Flow;
  readonly userAgent?: string;
  /** `+sip.instance` (RFC 5626 §4.1): the same device after a restart, whatever its address is now. */
  readonly instance?: string;
}

/** Where bindings outlive the process. `save` must not block: it is called for each REGISTER. */
export interface BindingRepository {
  load(): readonly { readonly aor: string; readonly binding: Binding }[];
  save(aor: string, bindings: readonly Binding[]): void;
}

/** How often expired bindings are swept; a look-up never returns an expired one anyway. */
const SWEEP_INTERVAL_MS = 10_000;

/**
 * Where the devices of an address of record are. Knows no rule of registration: those are the registrar's.
 * Its size is bounded by the registrar, which saves only for extensions that exist and a few contacts for each.
 */
export class LocationService {
  readonly #bindings = new Map<string, readonly Binding[]>();
  readonly #repository: BindingRepository;
  readonly #clock: Clock;
  #sweep: Timer;

  constructor(repository: BindingRepository, clock: Clock) {
    this.#repository = repository;
    this.#clock = clock;
    const now = clock.now();
    for (const { aor, binding } of repository.load()) {
      if (binding.expiresAtMs > now) this.#bindings.set(aor, [...(this.#bindings.get(aor) ?? []), binding]);
    }
    this.#sweep = clock.schedule(SWEEP_INTERVAL_MS, () => this.#removeExpired());
  }

  /** The bindings that have not expired, the newest first. */
  lookup(aor: string): readonly Binding[] {
    const now = this.#clock.now();
    return (this.#bindings.get(aor) ?? []).filter((binding) => binding.expiresAtMs > now);
  }

  /** Replaces all bindings of `aor` at once. */
  replace(aor: string, bindings: readonly Binding[]): void {
    if (bindings.length === 0) this.#bindings.delete(aor);
    else this.#bindings.set(aor, bindings);
    this.#repository.save(aor, bindings);
  }

  /** Every address of record that has a binding now, with its bindings. */
  *entries(): Generator<readonly [string, readonly Binding[]]> {
    for (const aor of this.#bindings.keys()) {
      const bindings = this.lookup(aor);
      if (bindings.length > 0) yield [aor, bindings];
    }
  }

  /** Stops the sweep. Bindings are kept. */
  close(): void {
    this.#sweep.cancel();
  }

  #removeExpired(): void {
    const now = this.#clock.now();
    for (const [aor, bindings] of this.#bindings) {
      const alive = bindings.filter((binding) => binding.expiresAtMs > now);
      if (alive.length < bindings.length) this.replace(aor, alive);
    }
    this.#sweep = this.#clock.schedule(SWEEP_INTERVAL_MS, () => this.#removeExpired());
  }
}
