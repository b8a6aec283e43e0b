import type { MediaDirection } from './phone-sdp.ts';

/** What a TestPhone does wrong, or at a bad moment. */
export interface PhoneFaults {
  /** It answers with this description, whatever was offered. */
  readonly answer?: string;
  /** The ACK to a 2xx of the other side is not sent before `acknowledge()`. */
  readonly holdsAck?: boolean;
  /** It answers the call as the CANCEL comes: both have crossed. */
  readonly answersCancel?: boolean;
  /** It offers this as an offer of the other side comes, which gets 491 then: both have crossed. */
  readonly collides?: MediaDirection;
  /** It answers a second time, as another phone behind a proxy that forks: with another tag (RFC 3261 §13.2.2.4). */
  readonly answersTwice?: boolean;
}
