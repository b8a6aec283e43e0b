/*
 * A telephone is asked by REFER to make a call (RFC 3515). What counts is the call that it begins; what it says by NOTIFY counts where
 * it begins none. Pure.
 */

export type ReferredState =
  /** The REFER has no answer yet. */
  | { readonly phase: 'asked' }
  /** It has taken it. `isDone`: it has told that the call was answered, which it was not here. */
  | { readonly phase: 'taken'; readonly isDone: boolean }
  | { readonly phase: 'over'; readonly end: ReferredEnd };

export type ReferredEnd =
  /** Its call is here. */
  | { readonly kind: 'begun' }
  /** It does not do this, or not in time. */
  | { readonly kind: 'refused' }
  /** Whoever sits at it does not want the call. */
  | { readonly kind: 'declined'; readonly status: number }
  /** It has called, and not by the box. */
  | { readonly kind: 'elsewhere' }
  /** Whoever asked does not want it any more. */
  | { readonly kind: 'given-up' };

export type ReferredInput =
  /** The final response to the REFER. */
  | { readonly kind: 'response'; readonly status: number }
  /** The status line in a NOTIFY. */
  | { readonly kind: 'notified'; readonly status: number }
  | { readonly kind: 'begun' }
  /** The time of its phase is over. */
  | { readonly kind: 'late' }
  | { readonly kind: 'given-up' };

const REFUSED: ReferredState = { phase: 'over', end: { kind: 'refused' } };

export function nextReferredState(state: ReferredState, input: ReferredInput): ReferredState {
  if (state.phase === 'over') return state;
  const isDone = state.phase === 'taken' && state.isDone;
  switch (input.kind) {
    case 'begun':
    case 'given-up':
      return { phase: 'over', end: { kind: input.kind } };
    case 'late':
      // To ring it as well would make two calls of one.
      return isDone ? { phase: 'over', end: { kind: 'elsewhere' } } : REFUSED;
    case 'response':
      if (input.status >= 300) return REFUSED;
      return state.phase === 'taken' ? state : { phase: 'taken', isDone };
    case 'notified':
      // A cancelled call, and one that was turned down at the telephone, are not to be made in another way.
      if (input.status === 487 || input.status === 603) {
        return { phase: 'over', end: { kind: 'declined', status: input.status } };
      }
      if (input.status >= 300) return REFUSED;
      // Some tell of success at once, and call then.
      return { phase: 'taken', isDone: isDone || input.status >= 200 };
  }
}
