import type { IncomingRequest } from '../transaction/pending-request.ts';

/** What one subscriber knows by now, for packages that tell what changed since; nothing after each SUBSCRIBE, and after a loss. */
export interface SubscriberMemory {
  told: unknown;
}

/** What a kind of event adds to the engine (RFC 6665 §5): who may subscribe to what, and how a state is written down. */
export interface EventPackage {
  /** The name as in Event and Allow-Events: `reg`, `message-summary`. Compared byte by byte (RFC 6665 §8.2.1). */
  readonly event: string;
  /** Of the bodies that `state` makes, in lower case, without parameters. */
  readonly contentType: string;
  /** For a SUBSCRIBE without Expires. */
  readonly defaultExpiresSeconds: number;
  /** Less than this, other than 0, gets 423. */
  readonly minExpiresSeconds: number;
  /** More than this is made this; at most 2,000,000 (what a timer of Node can wait). */
  readonly maxExpiresSeconds: number;
  /** The least time between two NOTIFYs of changes to one subscriber; 0 unless given. */
  readonly minNotifyIntervalMs?: number;
  /**
   * Who may subscribe to what. Called for each SUBSCRIBE that is well formed, refreshes too: the answer may be a challenge
   * (401), so that a subscription which outlives a nonce is challenged again, not refused. The Request-URI names the
   * resource, in a refresh too, since our Contact has its user part. Where this has answered, nothing else happens.
   */
  authorize(request: IncomingRequest): Authorization;
  /**
   * The body for the resource now, the full state, or the changes since what is in `memory`, which is the package's to write;
   * undefined for a NOTIFY without one. `version` counts the NOTIFYs of one subscription from 0 (RFC 3680 §5.1). Not called while
   * a subscription is pending.
   */
  state(resource: string, version: number, memory: SubscriberMemory): string | Buffer | undefined;
}

export type Authorization =
  /** `resource`: that of a refresh must be the one that the subscription began with. */
  | {
      readonly kind: 'accepted';
      readonly resource: string;
      /** Somebody has to allow it yet: see SipStack.approveSubscriptions. */
      readonly pending?: boolean;
    }
  /** The request got its answer, a challenge or a refusal. */
  | { readonly kind: 'answered' };

/** Why the notifier ends a subscription, for Subscription-State (RFC 6665 §4.1.3). */
export type TerminationReason =
  /** The subscriber shall subscribe again at once. */
  | 'deactivated'
  /** It shall subscribe again later. */
  | 'probation'
  /** It may no longer: no other subscription will do better. */
  | 'rejected'
  | 'timeout'
  | 'giveup'
  /** The resource is gone for good. */
  | 'noresource'
  /** The resource will not change any more. */
  | 'invariant';
