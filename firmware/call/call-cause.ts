import { RingdownError } from '../core/errors.ts';
import type { CallCause } from './history/call-event.ts';

/** Why a call that nobody answered came to nothing, by the status that the caller gets. */
export function causeOf(status: number): CallCause {
  if (status === 486 || status === 600) return 'busy';
  if (status === 603) return 'declined';
  if (status === 404 || status === 484 || status === 604) return 'unknown-number';
  if (status === 403 || status === 401) return 'forbidden';
  if (status === 487) return 'cancelled';
  if (status === 408) return 'no-answer';
  if (status === 480) return 'unreachable';
  return 'failed';
}

/** What a call that something went wrong with is refused with. */
export function statusOf(error: unknown): number {
  // No port, or a worker that does not answer: it may work in a moment, and no other device would fare better.
  return error instanceof RingdownError && error.code.startsWith('MEDIA_') ? 503 : 500;
}
