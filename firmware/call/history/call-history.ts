import { LiveMap } from '../../core/live-map.ts';
import type { CallEvent } from './call-event.ts';
import type { CallStore } from './call-store.ts';
import { type LiveCall, nextLiveCall } from './live-call.ts';

/** Keeps the account of every call: from its answer on, so that a power cut in the middle of it leaves a record. */
export class CallHistory {
  readonly #store: CallStore;
  readonly #calls = new LiveMap<string, LiveCall>();

  constructor(store: CallStore) {
    this.#store = store;
  }

  /** The number of calls that have not ended. */
  get size(): number {
    return this.#calls.size;
  }

  take(event: CallEvent): void {
    if (event.kind === 'measured') {
      this.#store.measured(event);
      return;
    }
    const before = this.#calls.get(event.call);
    const call = nextLiveCall(before, event);
    if (call === undefined) return;
    if (call.ended !== undefined) {
      this.#calls.delete(event.call);
      this.#store.save(call);
      return;
    }
    this.#calls.set(event.call, call);
    const isNews = event.kind === 'answered' || event.kind === 'joined' || event.kind === 'recorded';
    if (isNews && call.answeredAtMs !== undefined) this.#store.save(call);
  }
}
