import type { CallCause } from '../history/call-event.ts';

/** How a leg ended, and what the other party hears of it. */
export interface LegEnd {
  readonly cause: CallCause;
  /** A value of Reason (RFC 3326): what the peer said, or what is said of it. */
  readonly reason?: string;
  /** What a caller gets who has no answer yet; 480 unless given. */
  readonly status?: number;
}

/** RFC 3326: the other devices must not show a missed call. */
export const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"';

/** The peer does not answer any more, or its connection is gone (Q.850: destination out of order). */
export const VANISHED: LegEnd = { cause: 'device-lost', reason: 'Q.850;cause=27;text="Destination out of order"' };

/** Nothing is heard of the peer any more (Q.850: recovery on timer expiry). */
export const FELL_SILENT: LegEnd = { cause: 'device-lost', reason: 'Q.850;cause=102;text="Recovery on timer expiry"' };

/** A restart of the media worker left nothing of the media. */
export const MEDIA_LOST: LegEnd = { cause: 'failed', reason: 'SIP;cause=503;text="Media lost"', status: 503 };

/** Nobody acknowledged our answer (RFC 3261 §13.3.1.4). */
export const NOT_ACKNOWLEDGED: LegEnd = { cause: 'device-lost', reason: 'SIP;cause=408;text="Request Timeout"' };
