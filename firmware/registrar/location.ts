import type { Clock, Timer } from '../core/clock.ts';
import type { Flow } from '../sip/stack.ts';
import type { Binding, EndedBinding } from './binding.ts';

export type { Binding } from './binding.ts';

/** Where bindings outlive the process. `save` must not block: it is called for each REGISTER. */
export interface BindingRepository {
  load(): readonly { readonly aor: string; readonly binding: Binding }[];
  save(aor: string, bindings: readonly Binding[]): void;
}

/** Called after bindings came or went; not when they were merely refreshed. */
export type BindingsChanged = (aor: string, ended: readonly EndedBinding[]) => void;

/** How often expired bindings are swept; a look-up never returns an expired one anyway. */
const SWEEP_INTERVAL_MS = 10_000;
/** The time of day moved by more than this within a moment: somebody set it. */
const MIN_JUMP_MS = 10_000;
const NONE: readonly Binding[] = [];

/**
 * Where the devices of an address of record are. Knows no rule of registration: those are the registrar's.
 * Its size is bounded by the registrar, which saves only for extensions that exist and a few contacts for each.
 */
export class LocationService {
  readonly #bindings = new Map<string, readonly Binding[]>();
  readonly #repository: BindingRepository;
  readonly #clock: Clock;
  readonly #onChanged: BindingsChanged;
  /** Those of before the start: they expire by the time of day that was right then. */
  readonly #stored = new WeakSet<Binding>();
  /** The time of day, less that by which nobody can move. */
  #offsetMs: number;
  #sweep: Timer;

  constructor(repository: BindingRepository, clock: Clock, onChanged: BindingsChanged = () => undefined) {
    this.#repository = repository;
    this.#clock = clock;
    this.#onChanged = onChanged;
    const now = clock.now();
    this.#offsetMs = now - clock.elapsed();
    const loaded = new Map<string, Binding[]>();
    for (const { aor, binding } of repository.load()) {
      if (binding.expiresAtMs <= now) continue;
      this.#stored.add(binding);
      const known = loaded.get(aor);
      if (known === undefined) loaded.set(aor, [binding]);
      else known.push(binding);
    }
    this.#bindings = loaded;
    this.#sweep = clock.schedule(SWEEP_INTERVAL_MS, () => this.#removeExpired());
  }

  /** The bindings that have not expired, the newest first. */
  lookup(aor: string): readonly Binding[] {
    const now = this.#followClock();
    const bindings = this.#bindings.get(aor);
    if (bindings === undefined) return NONE;
    return bindings.every(({ expiresAtMs }) => expiresAtMs > now)
      ? bindings
      : bindings.filter(({ expiresAtMs }) => expiresAtMs > now);
  }

  /** Replaces all bindings of `aor` at once. `change`: those that ended with it, or none; undefined for a mere refresh. */
  replace(aor: string, bindings: readonly Binding[], change?: readonly EndedBinding[]): void {
    if (bindings.length === 0) this.#bindings.delete(aor);
    else this.#bindings.set(aor, bindings);
    this.#repository.save(aor, bindings);
    if (change !== undefined) this.#onChanged(aor, change);
  }

  /** Every address of record that has a binding now, with its bindings. */
  *entries(): Generator<readonly [string, readonly Binding[]]> {
    for (const aor of this.#bindings.keys()) {
      const bindings = this.lookup(aor);
      if (bindings.length > 0) yield [aor, bindings];
    }
  }

  /** Whether a device has registered by this way. Looks at every binding: for rare questions. */
  isReachedBy({ protocol, remoteAddress, remotePort }: Flow): boolean {
    for (const [, bindings] of this.entries()) {
      for (const { flow } of bindings) {
        if (flow.remoteAddress !== remoteAddress || flow.remotePort !== remotePort) continue;
        if (flow.protocol === protocol) return true;
      }
    }
    return false;
  }

  /** Stops the sweep. Bindings are kept. */
  close(): void {
    this.#sweep.cancel();
  }

  /**
   * The time of day. A box without a battery for its clock hears it when phones have registered already, and then it jumps by
   * years: they are to last as long as they were told, neither be gone at once nor stay for ever.
   */
  #followClock(): number {
    const now = this.#clock.now();
    const offsetMs = now - this.#clock.elapsed();
    const jumpMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(jumpMs) < MIN_JUMP_MS) return now;
    for (const [aor, bindings] of this.#bindings) {
      const moved = bindings.map((binding) =>
        this.#stored.has(binding) ? binding : { ...binding, expiresAtMs: binding.expiresAtMs + jumpMs },
      );
      this.replace(aor, moved);
    }
    return now;
  }

  #removeExpired(): void {
    const now = this.#followClock();
    for (const [aor, bindings] of this.#bindings) {
      if (bindings.every(({ expiresAtMs }) => expiresAtMs > now)) continue;
      const ended = bindings.filter(({ expiresAtMs }) => expiresAtMs <= now);
      const alive = bindings.filter((binding) => !ended.includes(binding));
      this.replace(
        aor,
        alive,
        ended.map((binding) => ({ binding, event: 'expired' })),
      );
    }
    this.#sweep = this.#clock.schedule(SWEEP_INTERVAL_MS, () => this.#removeExpired());
  }
}
