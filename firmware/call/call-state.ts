import { IllegalTransitionError } from '../core/errors.ts';

/** The call as a whole; which devices ring meanwhile is ring-state.ts's. */
export type CallState =
  /** A step of the plan runs, and nobody rings. */
  | { readonly phase: 'starting' }
  /** A step of the plan runs. */
  | { readonly phase: 'ringing' }
  /** Somebody answered and the media are being joined; who waits does not know yet. `gone`: nor that he hung up since. */
  | { readonly phase: 'answering'; readonly gone: boolean }
  /** Two legs in conversation. */
  | { readonly phase: 'established' }
  /** Who waited was up already, and hears that it leads nowhere. */
  | { readonly phase: 'refused' }
  | { readonly phase: 'ended' };

export type CallInput =
  | { readonly kind: 'ringing' }
  /** Somebody is there for who waits: a device, or one who picked the call up. */
  | { readonly kind: 'answered' }
  /** The plan is at its end. `isUp`: who waits is up already. */
  | { readonly kind: 'refused'; readonly status: number; readonly isUp: boolean }
  /** Media are joined, and who waited has the answer. */
  | { readonly kind: 'connected' }
  /** It cannot go on: no port, no common codec, no worker. */
  | { readonly kind: 'failed'; readonly status: number }
  /** CANCEL, BYE or silence from who waits, or waited. */
  | { readonly kind: 'waiting-ended' }
  /** BYE or silence from the other one. */
  | { readonly kind: 'other-ended' }
  /** Whoever was in it goes on elsewhere. */
  | { readonly kind: 'dissolved' }
  /** The busy tone is over. */
  | { readonly kind: 'over' }
  /** The box stops. */
  | { readonly kind: 'shut-down' };

export type CallEffect =
  | { readonly kind: 'ring-waiting' }
  /** What the step has begun is over. `elsewhere`: no device may show a missed call (RFC 3326). */
  | { readonly kind: 'stop-step'; readonly elsewhere: boolean }
  /** Join the media, answer who waits. */
  | { readonly kind: 'connect' }
  | { readonly kind: 'reject-waiting'; readonly status: number }
  | { readonly kind: 'end-waiting' }
  | { readonly kind: 'end-other' }
  | { readonly kind: 'clean-up' };

export interface CallTransition {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
}

const ENDED: CallState = { phase: 'ended' };
const CLEAN_UP: CallEffect = { kind: 'clean-up' };
const STOP: CallEffect = { kind: 'stop-step', elsewhere: false };

/**
 * What happens to a call: pure, so that every order of events can be tried. Events of whoever is out of the call already change
 * nothing. Throws IllegalTransitionError for an input that the code around it must never give.
 */
export function nextCallState(state: CallState, input: CallInput): CallTransition {
  switch (state.phase) {
    case 'starting':
    case 'ringing':
      return waiting(state, input);
    case 'answering':
    case 'established':
      return joined(state, input);
    case 'refused':
      return refused(state, input);
    case 'ended':
      return { state, effects: [] };
  }
}

function waiting(state: CallState, input: CallInput): CallTransition {
  switch (input.kind) {
    case 'ringing':
      return { state: { phase: 'ringing' }, effects: [{ kind: 'ring-waiting' }] };
    case 'answered':
      return {
        state: { phase: 'answering', gone: false },
        effects: [{ kind: 'stop-step', elsewhere: true }, { kind: 'connect' }],
      };
    case 'refused': {
      const reject: CallEffect = { kind: 'reject-waiting', status: input.status };
      if (input.isUp) return { state: { phase: 'refused' }, effects: [STOP, reject] };
      return { state: ENDED, effects: [STOP, reject, CLEAN_UP] };
    }
    case 'failed':
      return { state: ENDED, effects: [STOP, { kind: 'reject-waiting', status: input.status }, CLEAN_UP] };
    case 'waiting-ended':
    case 'dissolved':
      return { state: ENDED, effects: [STOP, CLEAN_UP] };
    case 'shut-down':
      return { state: ENDED, effects: [STOP, { kind: 'reject-waiting', status: 503 }, CLEAN_UP] };
    case 'other-ended':
      return { state, effects: [] };
    default:
      throw new IllegalTransitionError('call', state.phase, input.kind);
  }
}

function joined(state: CallState & { readonly phase: 'answering' | 'established' }, input: CallInput): CallTransition {
  const answering = state.phase === 'answering';
  const isGone = answering && state.gone;
  const endOther: readonly CallEffect[] = isGone ? [] : [{ kind: 'end-other' }];
  const endWaiting = (status: number): CallEffect =>
    answering ? { kind: 'reject-waiting', status } : { kind: 'end-waiting' };
  switch (input.kind) {
    case 'connected':
      if (!answering) throw new IllegalTransitionError('call', state.phase, input.kind);
      if (isGone) return { state: ENDED, effects: [{ kind: 'end-waiting' }, CLEAN_UP] };
      return { state: { phase: 'established' }, effects: [] };
    case 'failed':
      return { state: ENDED, effects: [...endOther, endWaiting(input.status), CLEAN_UP] };
    case 'waiting-ended':
      return { state: ENDED, effects: [...endOther, CLEAN_UP] };
    case 'dissolved':
      return { state: ENDED, effects: [CLEAN_UP] };
    case 'other-ended':
      // The user did answer: without the box between them the caller would have the 200 before the BYE.
      if (answering) return { state: { phase: 'answering', gone: true }, effects: [] };
      return { state: ENDED, effects: [{ kind: 'end-waiting' }, CLEAN_UP] };
    case 'shut-down':
      return { state: ENDED, effects: [...endOther, endWaiting(503), CLEAN_UP] };
    case 'ringing':
    case 'answered':
    case 'refused':
      // A step that was told to stop had its say on the way.
      return { state, effects: [] };
    default:
      throw new IllegalTransitionError('call', state.phase, input.kind);
  }
}

function refused(state: CallState, input: CallInput): CallTransition {
  switch (input.kind) {
    case 'over':
    case 'waiting-ended':
    case 'dissolved':
      return { state: ENDED, effects: [CLEAN_UP] };
    case 'shut-down':
    case 'failed':
      return { state: ENDED, effects: [{ kind: 'end-waiting' }, CLEAN_UP] };
    default:
      return { state, effects: [] };
  }
}
