import type { Clock, Timer } from '../core/clock.ts';
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
  #sweep: Timer;

  constructor(repository: BindingRepository, clock: Clock, onChanged: BindingsChanged = () => undefined) {
    this.#repository = repository;
    this.#clock = clock;
    this.#onChanged = onChanged;
    const now = clock.now();
    const loaded = new Map<string, Binding[]>();
    for (const { aor, binding } of repository.load()) {
      if (binding.expiresAtMs <= now) continue;
      const known = loaded.get(aor);
      if (known === undefined) loaded.set(aor, [binding]);
      else known.push(binding);
    }
    this.#bindings = loaded;
    this.#sweep = clock.schedule(SWEEP_INTERVAL_MS, () => this.#removeExpired());
  }

  /** The bindings that have not expired, the newest first. */
  lookup(aor: string): readonly Binding[] {
    const bindings = this.#bindings.get(aor);
    if (bindings === undefined) return NONE;
    const now = this.#clock.now();
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

  /** Stops the sweep. Bindings are kept. */
  close(): void {
    this.#sweep.cancel();
  }

  #removeExpired(): void {
    const now = this.#clock.now();
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
