import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { SentBy } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import type { CredentialsFor } from '../digest-client.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipRequest } from '../message/request.ts';
import type { Notifier } from '../subscription/notifier.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { SipHandlers } from './handlers.ts';
import type { SessionTimerOptions } from './session-interval.ts';
import type { Connector } from './way.ts';

/** What a session needs of the user agent that it belongs to. */
export interface Context {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly transactions: TransactionLayer;
  readonly connector: Connector;
  /** Allow, Supported and our name. */
  readonly capabilities: Capabilities;
  readonly sentBy: SentBy;
  readonly notifier: Notifier;
  readonly handlers: SipHandlers;
  readonly sessionTimer: SessionTimerOptions;
  /** For challenges where the layer above gives no others. */
  readonly credentials: CredentialsFor | undefined;
  /** From now on requests with this Call-ID and To tag go to `session`. */
  addSession(session: RequestTaker): void;
  /** Idempotent. */
  removeSession(session: RequestTaker): void;
  /** A BYE of a session that has ended waits for its answer: closing waits with it. Must not reject. */
  addFarewell(answered: Promise<void>): void;
  /** Answers a request that the session of `dialog` has no use for. */
  offerToHandlers(transaction: ServerTransaction, dialog: Dialog): void;
}

/** Who takes the requests of a dialog. */
export interface RequestTaker {
  readonly dialog: { readonly callId: string; readonly localTag: string; readonly remoteTag: string };
  receive(transaction: ServerTransaction): void;
  receiveAck(ack: SipRequest): void;
  /** The INVITE with this transaction was cancelled. `reason`: that of the CANCEL. */
  receiveCancel(transaction: ServerTransaction, reason: string | undefined): void;
  /** Whether the peer with this tag is the one, or one of several that were rung. */
  isWith(remoteTag: string | undefined): boolean;
  /** Ends with BYE, CANCEL or a rejection; resolves when that is answered. */
  bye(): Promise<void>;
  /** Ends without a word. */
  drop(): void;
}

export interface Capabilities {
  readonly userAgent: string;
  readonly allow: string;
  /** Empty when there is nothing to name. */
  readonly supported: string;
  /** Event packages that a peer may subscribe to; empty when there are none. */
  readonly allowEvents: string;
}

/** Allow, Supported and Allow-Events (RFC 6665 §4.4.4), for what opens a dialog or answers OPTIONS. */
export function capabilityHeaders(capabilities: Capabilities): readonly HeaderField[] {
  const headers: HeaderField[] = [['Allow', capabilities.allow]];
  if (capabilities.supported.length > 0) headers.push(['Supported', capabilities.supported]);
  if (capabilities.allowEvents.length > 0) headers.push(['Allow-Events', capabilities.allowEvents]);
  return headers;
}
