import { IllegalTransitionError } from '../core/errors.ts';

/** A device that is being rung, by its place in the plan. */
export type Fork = number;

export type CallState =
  /** Ports are being opened. */
  | { readonly phase: 'starting' }
  /** `refusal`: the best final response so far (RFC 3261 §16.7 step 6), should nobody answer. */
  | { readonly phase: 'ringing'; readonly pending: readonly Fork[]; readonly refusal: number }
  /** A device answered and the media are being joined; the caller does not know yet. `gone`: nor that it hung up since. */
  | { readonly phase: 'answering'; readonly fork: Fork; readonly gone: boolean }
  | { readonly phase: 'established'; readonly fork: Fork }
  | { readonly phase: 'ended' };

export type CallInput =
  | { readonly kind: 'forked'; readonly forks: readonly Fork[] }
  /** The call cannot be set up: no device, no port, no common codec. */
  | { readonly kind: 'failed'; readonly status: number; readonly warning?: Warning }
  | { readonly kind: 'ringing' }
  /** A device sends media before it answers. */
  | { readonly kind: 'early-media'; readonly fork: Fork }
  | { readonly kind: 'answered'; readonly fork: Fork }
  | { readonly kind: 'rejected'; readonly fork: Fork; readonly status: number }
  /** Media are joined and the caller has the answer. */
  | { readonly kind: 'connected' }
  /** CANCEL, BYE or silence from the caller. */
  | { readonly kind: 'caller-ended' }
  /** BYE or silence from the device that answered. */
  | { readonly kind: 'callee-ended'; readonly fork: Fork }
  /** The box stops. */
  | { readonly kind: 'shut-down' };

/** What is wrong with the media that were offered (RFC 3261 §20.43). */
export interface Warning {
  readonly code: number;
  readonly text: string;
}

export type CallEffect =
  | { readonly kind: 'ring-caller' }
  /** Let the caller hear what the device sends already. */
  | { readonly kind: 'open-early-media'; readonly fork: Fork }
  | { readonly kind: 'reject-caller'; readonly status: number; readonly warning?: Warning }
  | { readonly kind: 'end-caller' }
  /** `elsewhere`: another device answered, so this one must not show a missed call (RFC 3326). */
  | { readonly kind: 'end-fork'; readonly fork: Fork; readonly elsewhere: boolean }
  /** Join the media, answer the caller. */
  | { readonly kind: 'connect'; readonly fork: Fork }
  | { readonly kind: 'clean-up' };

export interface CallStep {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

const ENDED: CallState = { phase: 'ended' };
const CLEAN_UP: CallEffect = { kind: 'clean-up' };

/**
 * What happens to a call: pure, so that every order of events can be tried. Events of devices that are out of the call
 * already (an answer that crossed the CANCEL) change nothing. Throws IllegalTransitionError for an input that the code
 * around it must never give.
 */
export function nextCallState(state: CallState, input: CallInput): CallStep {
  switch (state.phase) {
    case 'starting':
      return starting(state, input);
    case 'ringing':
      return ringing(state, input);
    case 'answering':
    case 'established':
      return joined(state, input);
    case 'ended':
      return { state, effects: [] };
  }
}

function starting(state: CallState, input: CallInput): CallStep {
  switch (input.kind) {
    case 'forked':
      return { state: { phase: 'ringing', pending: input.forks, refusal: 480 }, effects: [] };
    case 'failed':
      return { state: ENDED, effects: [rejectCaller(input), CLEAN_UP] };
    case 'caller-ended':
      return { state: ENDED, effects: [CLEAN_UP] };
    case 'shut-down':
      return { state: ENDED, effects: [{ kind: 'reject-caller', status: 503 }, CLEAN_UP] };
    default:
      throw new IllegalTransitionError('call', state.phase, input.kind);
  }
}

function ringing(state: CallState & { readonly phase: 'ringing' }, input: CallInput): CallStep {
  const endAll = (forks: readonly Fork[], elsewhere: boolean): CallEffect[] =>
    forks.map((fork) => ({ kind: 'end-fork', fork, elsewhere }));
  switch (input.kind) {
    case 'ringing':
      return { state, effects: [{ kind: 'ring-caller' }] };
    case 'early-media': {
      if (!state.pending.includes(input.fork)) return { state, effects: [] };
      // Of several devices one may answer whose media the caller was not told of, so it hears none before the answer.
      const isAlone = state.pending.length === 1;
      return { state, effects: [isAlone ? { kind: 'open-early-media', fork: input.fork } : { kind: 'ring-caller' }] };
    }
    case 'answered': {
      if (!state.pending.includes(input.fork)) return { state, effects: [] };
      const others = state.pending.filter((fork) => fork !== input.fork);
      return {
        state: { phase: 'answering', fork: input.fork, gone: false },
        effects: [...endAll(others, true), { kind: 'connect', fork: input.fork }],
      };
    }
    case 'rejected':
    case 'callee-ended': {
      if (!state.pending.includes(input.fork)) return { state, effects: [] };
      const pending = state.pending.filter((fork) => fork !== input.fork);
      // A device may hang up before its answer was heard of: that says no more than that it is gone.
      const status = input.kind === 'rejected' ? input.status : 480;
      const refusal = betterRefusal(state.refusal, status);
      // RFC 3261 §16.7 step 5: a 6xx speaks for the user, so no other device rings on.
      if (status >= 600 || pending.length === 0) {
        return {
          state: ENDED,
          effects: [...endAll(pending, false), { kind: 'reject-caller', status: refusal }, CLEAN_UP],
        };
      }
      return { state: { ...state, pending, refusal }, effects: [] };
    }
    case 'failed':
      return {
        state: ENDED,
        effects: [...endAll(state.pending, false), rejectCaller(input), CLEAN_UP],
      };
    case 'caller-ended':
      return { state: ENDED, effects: [...endAll(state.pending, false), CLEAN_UP] };
    case 'shut-down':
      return {
        state: ENDED,
        effects: [...endAll(state.pending, false), { kind: 'reject-caller', status: 503 }, CLEAN_UP],
      };
    default:
      throw new IllegalTransitionError('call', state.phase, input.kind);
  }
}

function joined(state: CallState & { readonly phase: 'answering' | 'established' }, input: CallInput): CallStep {
  const answering = state.phase === 'answering';
  const isGone = answering && state.gone;
  const endCallee: readonly CallEffect[] = isGone ? [] : [{ kind: 'end-fork', fork: state.fork, elsewhere: false }];
  const endCaller = (status: number): CallEffect =>
    answering ? { kind: 'reject-caller', status } : { kind: 'end-caller' };
  switch (input.kind) {
    case 'connected':
      if (!answering) throw new IllegalTransitionError('call', state.phase, input.kind);
      if (isGone) return { state: ENDED, effects: [{ kind: 'end-caller' }, CLEAN_UP] };
      return { state: { phase: 'established', fork: state.fork }, effects: [] };
    case 'failed':
      return {
        state: ENDED,
        effects: [...endCallee, answering ? rejectCaller(input) : endCaller(input.status), CLEAN_UP],
      };
    case 'caller-ended':
      return { state: ENDED, effects: [...endCallee, CLEAN_UP] };
    case 'callee-ended':
      if (input.fork !== state.fork) return { state, effects: [] };
      // The user did answer: without the box between them the caller would have the 200 before the BYE.
      if (answering) return { state: { ...state, gone: true }, effects: [] };
      return { state: ENDED, effects: [{ kind: 'end-caller' }, CLEAN_UP] };
    case 'shut-down':
      return { state: ENDED, effects: [...endCallee, endCaller(503), CLEAN_UP] };
    case 'ringing':
    case 'early-media':
    case 'answered':
    case 'rejected':
      // A device that was told to stop had its say on the way.
      return { state, effects: [] };
    default:
      throw new IllegalTransitionError('call', state.phase, input.kind);
  }
}

function rejectCaller({ status, warning }: CallInput & { readonly kind: 'failed' }): CallEffect {
  return { kind: 'reject-caller', status, ...(warning === undefined ? {} : { warning }) };
}

/**
 * RFC 3261 §16.7 step 6: a 6xx first, then the lowest class. Within 4xx those that tell the caller something about the
 * user (busy, declined media) come before those that only say that a device was not there.
 */
function betterRefusal(present: number, received: number): number {
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
