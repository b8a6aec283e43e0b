import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { HeaderField } from '../message/headers.ts';
import { parseNameAddr } from '../message/name-addr.ts';
import type { SipRequest } from '../message/request.ts';
import { formatSipUri, parseSipUri } from '../message/uri.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import type { Connector } from './way.ts';

/** What a session needs of the user agent that it belongs to. */
export interface Context {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly transactions: TransactionLayer;
  readonly connector: Connector;
  /** Allow, Supported and our name. */
  readonly capabilities: Capabilities;
  sentBy(flow: Flow): { readonly host: string; readonly port: number };
  /** From now on requests with this Call-ID and To tag go to `session`. */
  addSession(session: RequestTaker): void;
  /** Idempotent. */
  removeSession(session: RequestTaker): void;
  /** A BYE of a session that has ended waits for its answer: closing waits with it. Must not reject. */
  addFarewell(answered: Promise<void>): void;
  /** Answers a request of a dialog that the session has no use for. */
  offerToHandlers(transaction: ServerTransaction): void;
}

/** Who takes the requests of a dialog. */
export interface RequestTaker {
  readonly dialog: { readonly callId: string; readonly localTag: string; readonly remoteTag: string };
  receive(transaction: ServerTransaction): void;
  receiveAck(ack: SipRequest): void;
  /** The INVITE with this transaction was cancelled. */
  receiveCancel(transaction: ServerTransaction): void;
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
}

/** Allow and Supported, for what opens a dialog or answers OPTIONS. */
export function capabilityHeaders(capabilities: Capabilities): readonly HeaderField[] {
  const headers: HeaderField[] = [['Allow', capabilities.allow]];
  if (capabilities.supported.length > 0) headers.push(['Supported', capabilities.supported]);
  return headers;
}

/**
 * Our Contact on `flow` (RFC 3261 §8.1.1.8), with the user part of `party` so that a peer's display shows it.
 * `secure`: the request is for a SIPS URI, and so the Contact is one (§12.1.1).
 */
export function contactHeader(context: Context, flow: Flow, party: string, secure: boolean): HeaderField {
  const { host, port } = context.sentBy(flow);
  const transport = flow.protocol === 'udp' || secure ? [] : [['transport', flow.protocol] as const];
  const uri = formatSipUri({
    scheme: secure ? 'sips' : 'sip',
    user: parseSipUri(parseNameAddr(party)?.uri ?? party)?.user,
    password: undefined,
    host,
    port,
    params: transport,
    headers: undefined,
  });
  return ['Contact', `<${uri}>`];
}
