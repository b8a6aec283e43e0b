/** What is to be done about a call that a line did not connect. */
export interface Verdict {
  /** `again`: another server of the line, where there is one; `next`: another line; `final`: the caller gets the status. */
  readonly go: 'again' | 'next' | 'final';
  /** The line takes no calls for so long, in seconds; 0: it does. */
  readonly holdSeconds: number;
  /** The way or the peer may be gone: whoever watches it looks now. */
  readonly isDoubtful: boolean;
}

/**
 * `status` is that of the final response or, where `isOwn`, 408 or 503 for no answer and no way. A busy callee is as busy
 * over every other line; a carrier that cannot is another matter (RFC 3261 §21.5.4, RFC 3263 §4.3).
 */
export function verdictOn(status: number, isOwn: boolean, retryAfterSeconds: number | undefined): Verdict {
  if (isOwn) return { go: 'again', holdSeconds: 0, isDoubtful: true };
  switch (status) {
    case 503:
      if (retryAfterSeconds !== undefined) return { go: 'next', holdSeconds: retryAfterSeconds, isDoubtful: false };
      return { go: 'again', holdSeconds: 0, isDoubtful: true };
    // RFC 5626 §11.5: the edge proxy lost the flow.
    case 430:
      return { go: 'again', holdSeconds: 0, isDoubtful: true };
    // Credentials that the carrier refuses, and a detour that it wants, are no word on the callee.
    case 401:
    case 402:
    case 407:
    case 408:
      return { go: 'next', holdSeconds: 0, isDoubtful: status !== 402 };
    default:
      if (status >= 300 && status < 400) return { go: 'next', holdSeconds: 0, isDoubtful: false };
      if (status >= 500 && status < 600) return { go: 'next', holdSeconds: 0, isDoubtful: false };
      return { go: 'final', holdSeconds: 0, isDoubtful: false };
  }
}
