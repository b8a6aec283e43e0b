import { IllegalTransitionError } from '../../core/errors.ts';

/** One subscription as its notifier sees it (RFC 6665 §4.2). */
export interface SubscriptionState {
  readonly phase: 'pending' | 'active' | 'terminated' | 'gone';
  /** `sending`: a NOTIFY waits for its answer, and there is never another beside it. `pausing`: a timer runs before the next. */
  readonly notifier: 'idle' | 'sending' | 'pausing';
  /** What to tell when the present NOTIFY or pause is over: only the newest state is ever told. `now`: without a pause. */
  readonly due: 'nothing' | 'changes' | 'now';
  /** NOTIFYs that were lost one after the other. */
  readonly failures: number;
}

export type SubscriptionInput =
  /** A SUBSCRIBE was accepted for longer than 0 s. */
  | { readonly kind: 'subscribed' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'approved' }
  /** The subscriber, the expiry or the layer above ends it. */
  | { readonly kind: 'ended' }
  /** The NOTIFY has a final response that leaves the subscription as it is. */
  | { readonly kind: 'answered' }
  /** The NOTIFY may not have arrived. `retryAfterMs`: what the peer asks for. */
  | { readonly kind: 'lost'; readonly retryAfterMs: number | undefined }
  /** The answer says that there is no subscription any more. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'pause-over' };

export type SubscriptionEffect =
  | { readonly kind: 'start-expiry' }
  | { readonly kind: 'stop-expiry' }
  | { readonly kind: 'start-pause'; readonly delayMs: number }
  | { readonly kind: 'stop-pause' }
  | { readonly kind: 'notify' }
  /** No SUBSCRIBE finds it from here on. */
  | { readonly kind: 'unlist' }
  /** Nothing is left to do. */
  | { readonly kind: 'forget' };

export interface SubscriptionStep {
  readonly state: SubscriptionState;
  readonly effects: readonly SubscriptionEffect[];
}

/** A lost NOTIFY is sent again after this, and after twice as long each time that it is lost again. */
export const FIRST_RETRY_MS = 4000;
export const MAX_RETRY_MS = 300_000;

const NOTIFY: SubscriptionEffect = { kind: 'notify' };
const FORGET: SubscriptionEffect = { kind: 'forget' };

export const newSubscription = (pending: boolean): SubscriptionState => ({
  phase: pending ? 'pending' : 'active',
  notifier: 'idle',
  due: 'nothing',
  failures: 0,
});

/**
 * What happens to a subscription. Pure; throws IllegalTransitionError for what only our own mistake can bring about.
 * `intervalMs`: the least time between two NOTIFYs of changes.
 */
export function nextSubscription(
  state: SubscriptionState,
  input: SubscriptionInput,
  intervalMs: number,
): SubscriptionStep {
  if (state.phase === 'gone') return { state, effects: [] };
  switch (input.kind) {
    case 'subscribed':
      // RFC 6665 §4.2.1.2: each accepted SUBSCRIBE is followed by a NOTIFY at once, and shows that the peer is there.
      if (state.phase === 'terminated') throw new IllegalTransitionError('subscription', state.phase, input.kind);
      return tellNow({ ...state, failures: 0 }, [{ kind: 'start-expiry' }]);
    case 'approved':
      return state.phase === 'pending' ? tellNow({ ...state, phase: 'active' }, []) : { state, effects: [] };
    case 'ended':
      if (state.phase === 'terminated') return { state, effects: [] };
      return tellNow({ ...state, phase: 'terminated' }, [{ kind: 'stop-expiry' }, { kind: 'unlist' }]);
    case 'changed':
      // RFC 6665 §4.2.1.3: a pending subscription tells nothing of the state, and the last NOTIFY has told all.
      if (state.phase !== 'active') return { state, effects: [] };
      return state.notifier === 'idle' ? tellNow(state, []) : { state: withDue(state, 'changes'), effects: [] };
    case 'answered':
      return answered(state, intervalMs);
    case 'lost':
      return lost(state, input.retryAfterMs);
    case 'refused':
      return end(state);
    case 'pause-over':
      if (state.notifier !== 'pausing') throw new IllegalTransitionError('subscription', state.notifier, input.kind);
      return goOn({ ...state, notifier: 'idle' });
  }
}

/** Sends the newest state, or leaves it to the end of the NOTIFY that is on its way. */
function tellNow(state: SubscriptionState, effects: readonly SubscriptionEffect[]): SubscriptionStep {
  if (state.notifier === 'sending') return { state: withDue(state, 'now'), effects };
  const stop: readonly SubscriptionEffect[] = state.notifier === 'pausing' ? [{ kind: 'stop-pause' }] : [];
  return { state: { ...state, notifier: 'sending', due: 'nothing' }, effects: [...effects, ...stop, NOTIFY] };
}

function goOn(state: SubscriptionState): SubscriptionStep {
  return state.due === 'nothing' ? { state, effects: [] } : tellNow(state, []);
}

function withDue(state: SubscriptionState, due: 'changes' | 'now'): SubscriptionState {
  return state.due === 'now' ? state : { ...state, due };
}

function answered(state: SubscriptionState, intervalMs: number): SubscriptionStep {
  const heard: SubscriptionState = { ...state, notifier: 'idle', failures: 0 };
  if (state.phase === 'terminated') return state.due === 'nothing' ? end(heard) : tellNow(heard, []);
  if (intervalMs === 0 || state.due === 'now') return goOn(heard);
  return { state: { ...heard, notifier: 'pausing' }, effects: [{ kind: 'start-pause', delayMs: intervalMs }] };
}

function lost(state: SubscriptionState, retryAfterMs: number | undefined): SubscriptionStep {
  if (state.phase === 'terminated') {
    // The one that tells the end is not repeated: nobody may be there to hear it.
    return state.due === 'nothing' ? end(state) : tellNow({ ...state, notifier: 'idle' }, []);
  }
  const own = Math.min(FIRST_RETRY_MS * 2 ** Math.min(state.failures, 16), MAX_RETRY_MS);
  const delayMs = Math.max(own, Math.min(retryAfterMs ?? 0, MAX_RETRY_MS));
  return {
    state: { ...state, notifier: 'pausing', due: 'changes', failures: state.failures + 1 },
    effects: [{ kind: 'start-pause', delayMs }],
  };
}

function end(state: SubscriptionState): SubscriptionStep {
  const listed: readonly SubscriptionEffect[] =
    state.phase === 'terminated' ? [] : [{ kind: 'stop-expiry' }, { kind: 'unlist' }];
  return { state: { ...state, phase: 'gone', notifier: 'idle', due: 'nothing' }, effects: [...listed, FORGET] };
}
