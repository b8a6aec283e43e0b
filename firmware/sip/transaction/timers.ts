/** RFC 3261 §17.1.1.1: an estimate of the round trip. */
export const T1_MS = 500;
/** The longest interval between retransmissions of all but INVITE. */
export const T2_MS = 4000;
/** How long a message may stay in the network. */
export const T4_MS = 5000;

/** The letters of RFC 3261 §17, table 4, with L and M of RFC 6026 §7. */
export type TimerName = 'a' | 'b' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm';

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
      return 64 * T1_MS;
    case 'd':
      return reliable ? 0 : 32_000;
    case 'j':
      return reliable ? 0 : 64 * T1_MS;
    case 'i':
    case 'k':
      return reliable ? 0 : T4_MS;
  }
}
