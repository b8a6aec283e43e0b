/*
 * Whether the peer of a line answers OPTIONS, as a pure machine. A packet lost is no outage and an answer in the middle of
 * one no recovery: it takes several of either to change what is believed.
 */

export interface MonitorState {
  /** `unknown` until the first answer or enough silence. */
  readonly belief: 'unknown' | 'up' | 'down';
  /** In a row, against what is believed. */
  readonly against: number;
  /** What was heard last, in words; empty before anything was. */
  readonly lastAnswer: string;
}

export type MonitorInput =
  /** The final response to an OPTIONS, from the peer. */
  | { readonly kind: 'answered'; readonly status: number; readonly reason: string }
  /** No answer in time, or no way there. */
  | { readonly kind: 'silent'; readonly reason: string };

export const FIRST_MONITOR_STATE: MonitorState = { belief: 'unknown', against: 0, lastAnswer: '' };

/** Unanswered in a row until the peer counts as gone, and answered ones until it counts as back. */
const MISSES = 3;
const HITS = 2;
/** While it is not sure, it is asked this often at least. */
const SUSPICIOUS_SECONDS = 10;
/** A peer that is gone is not asked more often than this, however short the interval is. */
const GONE_SECONDS = 30;

export function nextMonitor(state: MonitorState, input: MonitorInput): MonitorState {
  const isGood = input.kind === 'answered' && isAlive(input.status);
  const lastAnswer = input.kind === 'answered' ? `${input.status} ${input.reason}`.trim().slice(0, 80) : input.reason;
  const confirms = state.belief === 'unknown' ? undefined : (state.belief === 'up') === isGood;
  if (confirms === true) return { belief: state.belief, against: 0, lastAnswer };
  // The first answer of all is believed at once: nobody waits a minute for the first call.
  if (state.belief === 'unknown' && isGood) return { belief: 'up', against: 0, lastAnswer };
  const against = state.against + 1;
  const enough = isGood ? HITS : MISSES;
  if (against < enough) return { belief: state.belief, against, lastAnswer };
  return { belief: isGood ? 'up' : 'down', against: 0, lastAnswer };
}

/** Seconds until the next OPTIONS, from 1 up. */
export function nextOptionsSeconds({ belief, against }: MonitorState, intervalSeconds: number): number {
  if (against > 0 || belief === 'unknown') return Math.min(intervalSeconds, SUSPICIOUS_SECONDS);
  return belief === 'down' ? Math.max(GONE_SECONDS, Math.min(intervalSeconds, 60)) : intervalSeconds;
}

/** Any answer shows that the peer is there (RFC 3261 §11), but for those that say it is of no use now. */
function isAlive(status: number): boolean {
  return status !== 408 && status !== 503 && status !== 502 && status !== 504;
}
