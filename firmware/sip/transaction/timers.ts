/** RFC 3261 §17.1.1.1: an estimate of the round trip. */
export const T1_MS = 500;
/** The longest interval between retransmissions of all but INVITE. */
export const T2_MS = 4000;
/** How long a message may stay in the network. */
export const T4_MS = 5000;
/** How long a request waits for its answer, and most that is over for what may still come. */
export const LONG_MS = 64 * T1_MS;
/** RFC 3261 §17.2.1: 100 Trying for an INVITE that has no response yet. */
export const TRYING_MS = 200;
/**
 * RFC 4320 §4.1: 100 Trying for any other request comes when timer E of its sender, or the one that it would have over UDP,
 * has grown to T2, and not before.
 */
export const LATE_TRYING_MS = T1_MS + 2 * T1_MS + 4 * T1_MS;

/**
 * The letters of RFC 3261 §17, table 4, with L and M of RFC 6026 §7. `trying` and `late` wait for a first response to
 * INVITE and to other requests; `lapse`: the sender of the latter has given up.
 */
export type TimerName =
  | ('a' | 'b' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm')
  | ('trying' | 'late' | 'lapse');

/**
 * The delay of a timer (RFC 3261, table 4). `firing` counts from 0 for those that repeat.
 * Undefined: over a reliable transport the timer is not started.
 */
export function timerDelayMs(timer: TimerName, reliable: boolean, firing: number): number | undefined {
  switch (timer) {
    case 'a':
      return reliable ? undefined : T1_MS * 2 ** firing;
    case 'e':
    case 'g':
      return reliable ? undefined : Math.min(T1_MS * 2 ** firing, T2_MS);
    case 'b':
    case 'f':
    case 'h':
    case 'l':
    case 'm':
    case 'lapse':
      return LONG_MS;
    case 'd':
    case 'j':
      // RFC 3261 §17.1.1.2 wants at least 32 s for D.
      return reliable ? 0 : LONG_MS;
    case 'i':
    case 'k':
      return reliable ? 0 : T4_MS;
    case 'trying':
      return TRYING_MS;
    case 'late':
      return LATE_TRYING_MS;
  }
}
