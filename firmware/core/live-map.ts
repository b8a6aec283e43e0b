interface Slot<Value> {
  value: Value | undefined;
}

/**
 * A Map for what comes and goes by the hundreds a second, each with a lot behind it. A table that a Map has grown out of points to the
 * next one for iterators that are on their way, and keeps what it held. Once one such table is in V8's old generation, so is each
 * later one, with all that stood in it, removed long ago or not, until the next mark-compact: every call would be copied twice and
 * marked for that. Here a table holds but slots, and what is removed leaves an empty one.
 */
export class LiveMap<Key, Value extends object> {
  readonly #slots = new Map<Key, Slot<Value>>();

  get size(): number {
    return this.#slots.size;
  }

  get(key: Key): Value | undefined {
    return this.#slots.get(key)?.value;
  }

  has(key: Key): boolean {
    return this.#slots.has(key);
  }

  set(key: Key, value: Value): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) this.#slots.set(key, { value });
    else slot.value = value;
  }

  /** Whether it was there. */
  delete(key: Key): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    slot.value = undefined;
    return this.#slots.delete(key);
  }

  clear(): void {
    for (const slot of this.#slots.values()) slot.value = undefined;
    this.#slots.clear();
  }

  keys(): IterableIterator<Key> {
    return this.#slots.keys();
  }

  /** In the order in which they came; those that are removed meanwhile are left out. */
  *values(): Generator<Value, void, undefined> {
    for (const { value } of this.#slots.values()) if (value !== undefined) yield value;
  }
}
