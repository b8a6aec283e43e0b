import type { OutgoingLeg } from '../leg/outgoing-leg.ts';

/** Somebody is being called, on one device or over one line after the other; in the end one leg is up, or none. */
export interface Dialling {
  /** Told through the listener, at once or later. */
  start(): void;
  /** Gives up (CANCEL) whatever has not answered. Idempotent. */
  stop(reason?: string): void;
}

/** What becomes of it; nothing after `answered`, `rejected`, `gone`, `failed` and `stop`. */
export interface DiallingListener {
  /** This leg is tried. */
  calls(leg: OutgoingLeg): void;
  ringing(): void;
  earlyMedia(leg: OutgoingLeg, sdp: string): void;
  /** It is the listener's from now on. */
  answered(leg: OutgoingLeg): void;
  /** The final status; 408 and 503 of our own making too. */
  rejected(status: number, leg: OutgoingLeg | undefined): void;
  /** Its user does not want it to ring there, and lets the caller wait. */
  ignored(leg: OutgoingLeg): void;
  /** What it was closed as it answered. */
  gone(leg: OutgoingLeg): void;
  /** The media worker does not do its part. */
  failed(error: unknown): void;
}
