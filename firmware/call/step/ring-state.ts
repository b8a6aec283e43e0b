import type { RingOutcome } from '../routing/plan.ts';

/** One that is to be rung, by its place in the step. */
export type Target = number;

export type RingState =
  /** `refusal`: the best final response so far (RFC 3261 §16.7 step 6), should nobody answer. */
  | {
      readonly phase: 'ringing';
      /** Whose delay is not over. */
      readonly delayed: readonly Target[];
      readonly pending: readonly Target[];
      readonly refusal: number;
    }
  | { readonly phase: 'over' };

export type RingInput =
  /** Its delay is over. */
  | { readonly kind: 'due'; readonly target: Target }
  | { readonly kind: 'ringing'; readonly target: Target }
  /** It sends media before it answers. */
  | { readonly kind: 'early-media'; readonly target: Target }
  | { readonly kind: 'answered'; readonly target: Target }
  | { readonly kind: 'rejected'; readonly target: Target; readonly status: number }
  /** It rings no more, and the caller waits all the same. */
  | { readonly kind: 'ignored'; readonly target: Target }
  /** Gone without a final response. */
  | { readonly kind: 'gone'; readonly target: Target }
  /** The no-answer time is over. */
  | { readonly kind: 'no-answer' }
  /** Whoever waits is gone, or has somebody else. */
  | { readonly kind: 'stopped'; readonly elsewhere: boolean };

export type RingEffect =
  | { readonly kind: 'start'; readonly target: Target }
  | { readonly kind: 'ring' }
  /** Let whoever waits hear what the target sends already. */
  | { readonly kind: 'open-early-media'; readonly target: Target }
  /** `elsewhere`: another one answered, so this one must not show a missed call (RFC 3326). */
  | { readonly kind: 'end'; readonly target: Target; readonly elsewhere: boolean }
  | { readonly kind: 'answered'; readonly target: Target }
  | { readonly kind: 'finish'; readonly outcome: RingOutcome; readonly status: number };

export interface RingTransition {
  readonly state: RingState;
  readonly effects: readonly RingEffect[];
}

const OVER: RingState = { phase: 'over' };

/** `delaysSeconds` of each target, at least one. Those without a delay are started at once. */
export function beginRinging(delaysSeconds: readonly number[]): RingTransition {
  const targets = delaysSeconds.map((_, target) => target);
  const delayed = targets.filter((target) => (delaysSeconds[target] ?? 0) > 0);
  const pending = targets.filter((target) => !delayed.includes(target));
  const state: RingState = { phase: 'ringing', delayed, pending, refusal: 480 };
  return pending.length === 0 ? startDelayed(state) : { state, effects: pending.map(startOf) };
}

/** What happens while targets ring: pure. Events of targets that are out already change nothing. */
export function nextRingState(state: RingState, input: RingInput): RingTransition {
  if (state.phase === 'over') return { state, effects: [] };
  const endAll = (targets: readonly Target[], elsewhere: boolean): RingEffect[] =>
    targets.map((target) => ({ kind: 'end', target, elsewhere }));
  const { delayed, pending } = state;
  switch (input.kind) {
    case 'due':
      if (!delayed.includes(input.target)) return { state, effects: [] };
      return {
        state: {
          ...state,
          delayed: delayed.filter((target) => target !== input.target),
          pending: [...pending, input.target],
        },
        effects: [startOf(input.target)],
      };
    case 'ringing':
      return { state, effects: pending.includes(input.target) ? [{ kind: 'ring' }] : [] };
    case 'early-media': {
      if (!pending.includes(input.target)) return { state, effects: [] };
      // Of several one may answer whose media nobody was told of, so none are heard before the answer.
      const isAlone = pending.length === 1 && delayed.length === 0;
      return { state, effects: [isAlone ? { kind: 'open-early-media', target: input.target } : { kind: 'ring' }] };
    }
    case 'answered': {
      if (!pending.includes(input.target)) return { state, effects: [] };
      const others = pending.filter((target) => target !== input.target);
      return { state: OVER, effects: [...endAll(others, true), { kind: 'answered', target: input.target }] };
    }
    case 'rejected':
    case 'gone':
      return out(state, input.target, input.kind === 'gone' ? 480 : input.status);
    case 'ignored':
      return { state: { ...state, pending: pending.filter((target) => target !== input.target) }, effects: [] };
    case 'no-answer':
      return {
        state: OVER,
        effects: [...endAll(pending, false), { kind: 'finish', outcome: 'noAnswer', status: 480 }],
      };
    case 'stopped':
      return { state: OVER, effects: endAll(pending, input.elsewhere) };
  }
}

function out(state: RingState & { readonly phase: 'ringing' }, target: Target, status: number): RingTransition {
  if (!state.pending.includes(target)) return { state, effects: [] };
  const pending = state.pending.filter((each) => each !== target);
  const refusal = betterRefusal(state.refusal, status);
  // RFC 3261 §16.7 step 5: a 6xx speaks for the user, so no other device rings on.
  if (status >= 600) {
    const ends = pending.map((each): RingEffect => ({ kind: 'end', target: each, elsewhere: false }));
    return { state: OVER, effects: [...ends, finish(refusal)] };
  }
  const next = { ...state, pending, refusal };
  if (pending.length > 0) return { state: next, effects: [] };
  // Nobody rings: what was to come later comes now.
  if (state.delayed.length > 0) return startDelayed(next);
  return { state: OVER, effects: [finish(refusal)] };
}

function startDelayed(state: RingState & { readonly phase: 'ringing' }): RingTransition {
  return { state: { ...state, delayed: [], pending: state.delayed }, effects: state.delayed.map(startOf) };
}

function startOf(target: Target): RingEffect {
  return { kind: 'start', target };
}

function finish(status: number): RingEffect {
  return { kind: 'finish', outcome: outcomeOf(status), status };
}

/** How a ring ended, by the best final response of its targets. */
export function outcomeOf(status: number): RingOutcome {
  // RFC 3261 §21.6.1: busy everywhere is busy.
  if (status === 486 || status === 600) return 'busy';
  return status > 600 ? 'declined' : 'unreachable';
}

/**
 * RFC 3261 §16.7 step 6: a 6xx first, then the lowest class. Within 4xx those that tell the caller something about the
 * user (busy, declined media) come before those that only say that a device was not there.
 */
export function betterRefusal(present: number, received: number): number {
  return rank(received) < rank(present) ? received : present;
}

function rank(status: number): number {
  if (status >= 600) return 0;
  if (status === 486) return 1;
  if (status === 488 || status === 415) return 2;
  // 480 is where the search begins; a device that timed out or could not be reached says no more than that, nor does one
  // that rang until the box cancelled it.
  if (status === 480 || status === 408 || status === 487 || status === 503) return 5;
  // A device that asks us for credentials, or redirects, is of no use to the caller as it stands.
  if (status === 401 || status === 407 || status < 400) return 6;
  return status < 500 ? 3 : 4;
}
