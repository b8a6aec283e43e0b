import { IllegalTransitionError } from '../core/errors.ts';
import { backOffMs, type Failure } from './back-off.ts';
import { MAX_EXPIRY_SECONDS, type RegistrationOutcome } from './registration-answer.ts';

/*
 * The registration of one line with its registrar, as a pure machine: whoever runs it sends what the effects say and tells
 * what came of it. There is never more than one REGISTER on its way.
 */

export type RegistrationState =
  | { readonly phase: 'idle' }
  | {
      readonly phase: 'registering';
      /** In a row before this one. */
      readonly failures: number;
      readonly askedSeconds: number;
      /** 423 and 3xx that this try has followed. */
      readonly turns: number;
      /** Whether the registrar knows us still, from before. */
      readonly isRefresh: boolean;
      /** It is not wanted any more: what the answer makes of it is to be taken back. */
      readonly isUnwanted: boolean;
    }
  | { readonly phase: 'registered'; readonly atMs: number; readonly untilMs: number; readonly askedSeconds: number }
  | {
      readonly phase: 'waiting';
      readonly failures: number;
      readonly askedSeconds: number;
      readonly cause: Failure;
      readonly reason: string;
      readonly nextAtMs: number;
    }
  | { readonly phase: 'unregistering' }
  | { readonly phase: 'ended' };

export type RegistrationInput =
  | { readonly kind: 'start'; readonly askedSeconds: number }
  | { readonly kind: 'timer' }
  /** `random` is from 0 up to 1. */
  | { readonly kind: 'answered'; readonly outcome: RegistrationOutcome; readonly atMs: number; readonly random: number }
  /** The way to the registrar is gone, or calls over it fail. */
  | { readonly kind: 'flow-failed'; readonly atMs: number }
  | { readonly kind: 'stop' };

export type RegistrationEffect =
  /** `targets`: where a redirection led, to be tried before the servers of the line. */
  | { readonly kind: 'register'; readonly expirySeconds: number; readonly targets: readonly string[] }
  | { readonly kind: 'unregister' }
  /** Instead of the timer that runs, if one does. */
  | { readonly kind: 'schedule'; readonly delayMs: number }
  | { readonly kind: 'cancel-timer' }
  /** People must know: no further try will mend it. */
  | { readonly kind: 'tell'; readonly reason: string }
  | { readonly kind: 'ended' };

export interface RegistrationStep {
  readonly state: RegistrationState;
  readonly effects: readonly RegistrationEffect[];
}

/** 423 and 3xx that one try follows: a registrar that leads in circles is none. */
const MAX_TURNS = 4;
/** A registrar that grants a second is not asked each second. */
const MIN_REFRESH_MS = 15_000;
/** Before the expiry, so that a REGISTER that must be sent again is still in time (64*T1, and some more). */
const MARGIN_MS = 40_000;

const NOTHING: readonly RegistrationEffect[] = [];

/** Throws IllegalTransitionError for an input that the state cannot have. */
export function nextRegistration(state: RegistrationState, input: RegistrationInput): RegistrationStep {
  switch (input.kind) {
    case 'start':
      if (state.phase !== 'idle') throw new IllegalTransitionError('registration', state.phase, input.kind);
      return register({ failures: 0, askedSeconds: input.askedSeconds, isRefresh: false });
    case 'timer':
      if (state.phase === 'registered') return register({ failures: 0, ...state, isRefresh: true });
      if (state.phase === 'waiting') return register({ ...state, isRefresh: false });
      // It fired while what cancelled it was on its way.
      return { state, effects: NOTHING };
    case 'answered':
      return answered(state, input);
    case 'flow-failed':
      return flowFailed(state, input);
    case 'stop':
      return stop(state);
  }
}

/** How long after a grant the next REGISTER goes out, in milliseconds: late, and never so late that it cannot be repeated. */
export function refreshDelayMs(expiresSeconds: number, random: number): number {
  const lifetimeMs = expiresSeconds * 1000;
  const late = lifetimeMs * (0.8 + 0.1 * random);
  const inTime = lifetimeMs > 3 * MARGIN_MS ? lifetimeMs - MARGIN_MS : lifetimeMs / 2;
  return Math.round(Math.max(MIN_REFRESH_MS, Math.min(late, inTime)));
}

function register(
  from: { readonly failures: number; readonly askedSeconds: number; readonly isRefresh: boolean },
  turns = 0,
  targets: readonly string[] = [],
): RegistrationStep {
  const { failures, askedSeconds, isRefresh } = from;
  return {
    state: { phase: 'registering', failures, askedSeconds, turns, isRefresh, isUnwanted: false },
    effects: [{ kind: 'cancel-timer' }, { kind: 'register', expirySeconds: askedSeconds, targets }],
  };
}

function answered(
  state: RegistrationState,
  { outcome, atMs, random }: RegistrationInput & { readonly kind: 'answered' },
): RegistrationStep {
  if (state.phase === 'unregistering') return ended();
  if (state.phase !== 'registering') throw new IllegalTransitionError('registration', state.phase, 'answered');
  if (state.isUnwanted) {
    // Who is not sure to be unknown says good-bye all the same: a binding of before would ring a box that is not there.
    return outcome.kind === 'registered' || state.isRefresh ? unregister() : ended();
  }
  const wait = (cause: Failure, reason: string, leastMs = 0): RegistrationStep => {
    const failures = state.failures + 1;
    const delayMs = Math.max(leastMs, backOffMs(cause, failures, random));
    const isNews = cause === 'refused' && state.failures === 0;
    return {
      state: {
        phase: 'waiting',
        failures,
        askedSeconds: state.askedSeconds,
        cause,
        reason,
        nextAtMs: atMs + delayMs,
      },
      effects: [{ kind: 'schedule', delayMs }, ...(isNews ? [{ kind: 'tell', reason } as const] : [])],
    };
  };
  switch (outcome.kind) {
    case 'registered': {
      const { expiresSeconds } = outcome;
      return {
        state: {
          phase: 'registered',
          atMs,
          untilMs: atMs + expiresSeconds * 1000,
          askedSeconds: state.askedSeconds,
        },
        effects: [{ kind: 'schedule', delayMs: refreshDelayMs(expiresSeconds, random) }],
      };
    }
    case 'too-brief': {
      // RFC 3261 §10.2.8: once more with at least that, if it is more than was asked and no more than a day.
      const { minExpirySeconds } = outcome;
      const isSane = minExpirySeconds > state.askedSeconds && minExpirySeconds <= MAX_EXPIRY_SECONDS;
      if (!isSane || state.turns >= MAX_TURNS) return wait('failed', `423 with Min-Expires ${minExpirySeconds}`);
      return register({ ...state, askedSeconds: minExpirySeconds }, state.turns + 1);
    }
    case 'redirected':
      if (state.turns >= MAX_TURNS) return wait('failed', `${outcome.reason}: redirected too often`);
      return register(state, state.turns + 1, outcome.targets);
    case 'credentials':
      return wait('refused', outcome.reason);
    case 'failed':
      return wait('failed', outcome.reason, (outcome.retryAfterSeconds ?? 0) * 1000);
    case 'no-way':
      return wait('no-way', outcome.reason);
  }
}

/** RFC 5626 §4.2.1 makes a new flow at once; one that fails as soon as it stands is not made at that pace. */
function flowFailed(
  state: RegistrationState,
  { atMs }: RegistrationInput & { readonly kind: 'flow-failed' },
): RegistrationStep {
  if (state.phase !== 'registered') return { state, effects: NOTHING };
  const ageMs = atMs - state.atMs;
  if (ageMs >= MIN_REFRESH_MS || ageMs < 0) return register({ failures: 0, ...state, isRefresh: true });
  return { state, effects: [{ kind: 'schedule', delayMs: MIN_REFRESH_MS - ageMs }] };
}

function stop(state: RegistrationState): RegistrationStep {
  switch (state.phase) {
    case 'registered':
      return unregister();
    case 'registering':
      // RFC 3261 §10.2: no other REGISTER before that one is answered.
      return { state: { ...state, isUnwanted: true }, effects: NOTHING };
    case 'idle':
    case 'waiting':
      return ended();
    case 'unregistering':
    case 'ended':
      return { state, effects: NOTHING };
  }
}

function unregister(): RegistrationStep {
  return { state: { phase: 'unregistering' }, effects: [{ kind: 'cancel-timer' }, { kind: 'unregister' }] };
}

function ended(): RegistrationStep {
  return { state: { phase: 'ended' }, effects: [{ kind: 'cancel-timer' }, { kind: 'ended' }] };
}
