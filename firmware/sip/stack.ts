import type { Clock } from '../core/clock.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import type { CredentialsFor } from './digest-client.ts';
import type { SipResponse } from './message/response.ts';
import { parseSipUri } from './message/uri.ts';
import type { EventPackage, TerminationReason } from './subscription/event-package.ts';
import { Notifier, type NotifierLimits } from './subscription/notifier.ts';
import { TransactionLayer } from './transaction/transaction-layer.ts';
import type { Admission } from './transport/admission.ts';
import type { ConnectionLimits } from './transport/connection-slots.ts';
import type { Flow, ListenPoint, TlsIdentity, TransportProtocol } from './transport/flow.ts';
import type { MessageTrace } from './transport/trace.ts';
import { Transport } from './transport/transport.ts';
import type { InviteOptions, OutgoingInvite, RequestOptions, SipHandlers } from './user-agent/handlers.ts';
import type { OutgoingReferral, ReferralOptions } from './user-agent/outgoing-referral.ts';
import { DEFAULT_SESSION_TIMER, type SessionTimerOptions } from './user-agent/session-interval.ts';
import { UserAgent } from './user-agent/user-agent.ts';
import { wayInDialog, waysToUri } from './user-agent/way.ts';

export type { LocalContact } from './dialog/contact-header.ts';
export { parseReplaces, type Replaces } from './dialog/replaces.ts';
export {
  type ChallengeOptions,
  type DigestAlgorithm,
  DigestAuthenticator,
  type DigestOptions,
  type DigestResult,
  type StoredDigest,
} from './digest.ts';
export type { Credentials, CredentialsFor } from './digest-client.ts';
export { type DigestCredentials, formatDigestCredentials } from './message/authorization.ts';
export { type DigestChallenge, parseDigestChallenge } from './message/challenge.ts';
export { type Contact, type Contacts, parseContacts } from './message/contact.ts';
export { type Diversion, diversionCount, formatDiversion, parseDiversion } from './message/diversion.ts';
export { type Glance, glance } from './message/glance.ts';
export { type HeaderField, Headers } from './message/headers.ts';
export { formatHistoryEntry, type HistoryEntry, parseHistoryEntry } from './message/history-info.ts';
export { formatIdentities, parseIdentities } from './message/identity.ts';
export { maskCredentials } from './message/mask.ts';
export { acceptsType, type MediaType, parseMediaType } from './message/media-type.ts';
export { formatNameAddr, type NameAddr, parseNameAddr } from './message/name-addr.ts';
export { formatParams, hasParam, type Params, paramValue } from './message/params.ts';
export { formatPrivacy, type PrivacyValue, parsePrivacy, wantsPrivacy } from './message/privacy.ts';
export { CALL_COMPLETED_ELSEWHERE, formatReason, parseReason, type Reason, reasonOf } from './message/reason.ts';
export { SipRequest } from './message/request.ts';
export { type ResponseOptions, SipResponse } from './message/response.ts';
export { parseRoutes, type Route } from './message/route.ts';
export { formatTelUri, parseTelUri, sameTelUri, type TelUri } from './message/tel-uri.ts';
export { formatSipUri, parseSipUri, type SipUri, uriScheme } from './message/uri.ts';
export { sameSipUri } from './message/uri-comparison.ts';
export { formatUriHeaders, parseUriHeaders } from './message/uri-headers.ts';
export { formatWarning, parseWarning, type Warning } from './message/warning.ts';
export type { Authorization, EventPackage, SubscriberMemory, TerminationReason } from './subscription/event-package.ts';
export type { IncomingRequest } from './transaction/pending-request.ts';
export { Admission, type AdmissionLimits, type AdmissionState, type Block } from './transport/admission.ts';
export type { Flow, ListenPoint, TlsIdentity, TransportProtocol } from './transport/flow.ts';
export { sourceOf } from './transport/source.ts';
export { MessageTrace, type TracedMessage } from './transport/trace.ts';
export type {
  DialogInfo,
  EndCause,
  IncomingInvite,
  IncomingInviteHandlers,
  IncomingRefer,
  InviteOptions,
  InviteSession,
  OutgoingInvite,
  OutgoingInviteHandlers,
  Party,
  ProvisionalOptions,
  ReferOptions,
  ReferProgress,
  ReinviteAnswer,
  RenegotiationResult,
  RequestOptions,
  SessionHandlers,
  SipHandlers,
} from './user-agent/handlers.ts';
export type { OutgoingReferral, ReferralOptions } from './user-agent/outgoing-referral.ts';

export interface SipStackOptions {
  /** Each names one address: a wildcard is refused unless `advertise` says what stands for it. */
  readonly listen: readonly ListenPoint[];
  /** From a local address to the one that peers beyond a port forward see; used in Via and Contact. */
  readonly advertise?: ReadonlyMap<string, string>;
  readonly userAgent: string;
  /** Methods besides those of a session and OPTIONS that onRequest takes, for Allow: `REGISTER` … */
  readonly methods?: readonly string[];
  /** Option tags that the layer above supports, for Supported and Require. */
  readonly supported?: readonly string[];
  /** Option tags that are taken in Require too, though no session names them: those of a registrar. */
  readonly understood?: readonly string[];
  /** What peers may subscribe to. Without any, SUBSCRIBE goes to onRequest as other methods do. */
  readonly eventPackages?: readonly EventPackage[];
  /** How long a session lives without a refresh (RFC 4028): half an hour, and no less than 90 s, unless given. */
  readonly sessionTimer?: SessionTimerOptions;
  /** Who we are to those who ask, where a request gives no others; by realm. */
  readonly credentials?: CredentialsFor;
  /** How many subscriptions there may be; the defaults are for tests to lower. */
  readonly subscriptionLimits?: NotifierLimits;
  /** Name servers, such as `127.0.0.1:53`, that URIs with host names are looked up with; default: the system's. */
  readonly nameServers?: readonly string[];
  /** Of the connections of all listeners; default 2048, and 512 of one address. */
  readonly limits?: ConnectionLimits;
  readonly logger: Logger;
  /** Where it is shared, a source gets one line a second in all. */
  readonly sourceLog?: SourceLog;
  /** Who may talk to us; everybody unless given. */
  readonly admission?: Admission;
  /** Where every message is shown. */
  readonly trace?: MessageTrace;
  readonly clock: Clock;
  readonly handlers: SipHandlers;
}

/** The one door to SIP. */
export class SipStack {
  readonly #transport: Transport;
  readonly #transactions: TransactionLayer;
  readonly #notifier: Notifier;
  readonly #userAgent: UserAgent;

  private constructor(transport: Transport, transactions: TransactionLayer, notifier: Notifier, userAgent: UserAgent) {
    this.#transport = transport;
    this.#transactions = transactions;
    this.#notifier = notifier;
    this.#userAgent = userAgent;
  }

  /** Throws a UsageError (SIP_PORT_IN_USE, SIP_ADDRESS_NOT_HERE …) when a listener cannot be opened; then none is. */
  static async open(options: SipStackOptions): Promise<SipStack> {
    const { clock, logger, handlers } = options;
    // The layers know each other by these callbacks only, and none runs before `listen`.
    const transport: Transport = new Transport({
      advertise: options.advertise ?? new Map(),
      logger,
      sourceLog: options.sourceLog,
      clock,
      admission: options.admission,
      trace: options.trace,
      nameServers: options.nameServers,
      limits: options.limits,
      onRequest: (request, flow) => transactions.receiveRequest(request, flow),
      onResponse: (response) => transactions.receiveResponse(response),
    });
    const transactions: TransactionLayer = new TransactionLayer({
      clock,
      transport,
      onRequest: (transaction) => userAgent.receive(transaction),
      onAck: (ack) => userAgent.receiveAck(ack),
    });
    const notifier = new Notifier({
      clock,
      logger,
      packages: options.eventPackages ?? [],
      ...(options.subscriptionLimits === undefined ? {} : { limits: options.subscriptionLimits }),
      userAgent: options.userAgent,
      transactions,
      sentBy: (flow) => transport.sentBy(flow),
      credentials: options.credentials,
      way: (flow, nextHop, staysOnFlow) => wayInDialog(flow, nextHop, staysOnFlow, transport),
    });
    const userAgent: UserAgent = new UserAgent({
      clock,
      logger,
      userAgent: options.userAgent,
      methods: options.methods ?? [],
      supported: options.supported ?? [],
      understood: options.understood ?? [],
      transactions,
      connector: transport,
      sentBy: (flow) => transport.sentBy(flow),
      notifier,
      sessionTimer: options.sessionTimer ?? DEFAULT_SESSION_TIMER,
      credentials: options.credentials,
      handlers,
    });
    await transport.listen(options.listen);
    return new SipStack(transport, transactions, notifier, userAgent);
  }

  /**
   * More listeners, such as those of TLS once there is a certificate, or of an address that the machine has got. Throws
   * a UsageError when one cannot be opened; then none of these is, and those that were there before stay.
   */
  async listen(points: readonly ListenPoint[]): Promise<void> {
    await this.#transport.listen(points);
  }

  /**
   * Closes the listeners of these addresses, given as they were to `listen`, or of one protocol on them, and the connections
   * from and to them. What
   * is left of a session whose way went with them ends when its next request finds none.
   */
  async unlisten(addresses: readonly string[], protocol?: TransportProtocol): Promise<void> {
    await this.#transport.unlisten(addresses, protocol);
  }

  /** New TLS connections get this certificate, those that stand keep theirs. Throws a UsageError (SIP_CERTIFICATE). */
  useCertificate(tls: TlsIdentity): void {
    this.#transport.useCertificate(tls);
  }

  /** TLS connections that we open trust these authorities (PEM) besides those of the system; those that stand stay. */
  trust(authorities: readonly string[]): void {
    this.#transport.trust(authorities);
  }

  /** What there is at this moment of sessions, an INVITE that is not answered yet among them, and of transactions. */
  get held(): { readonly sessions: number; readonly transactions: number } {
    return { sessions: this.#userAgent.sessionCount, transactions: this.#transactions.size };
  }

  /** Where the stack listens, with the ports that were taken for 0. */
  get listening(): readonly ListenPoint[] {
    return this.#transport.listening;
  }

  /** Sends an INVITE. Never throws: what goes wrong comes through onRejected and onEnded, later. */
  invite(options: InviteOptions): OutgoingInvite {
    return this.#userAgent.invite(options);
  }

  /** The final response; 408 and 503 of our own making for no answer (32 s) and no way. */
  request(options: RequestOptions): Promise<SipResponse> {
    return this.#userAgent.request(options);
  }

  /** Sends REFER outside of any session. Never throws: what goes wrong is its response. */
  refer(options: ReferralOptions): OutgoingReferral {
    return this.#userAgent.refer(options);
  }

  /**
   * The state of `resource` is another one: those who have subscribed to it are told, each as soon as its last NOTIFY is
   * answered, and only the newest state. Cheap where nobody has. Never throws.
   */
  notify(event: string, resource: string): void {
    this.#notifier.notify(event, resource);
  }

  /** Subscriptions to `resource` that were accepted as pending become active. */
  approveSubscriptions(event: string, resource: string): void {
    this.#notifier.approve(event, resource);
  }

  /** Ends the subscriptions to `resource`. `retryAfterSeconds` tells when to try again, with `probation` and `giveup`. */
  endSubscriptions(event: string, resource: string, reason: TerminationReason, retryAfterSeconds?: number): void {
    this.#notifier.end(event, resource, reason, retryAfterSeconds);
  }

  /** The address to write where a peer on `localAddress` shall send (SDP, Contact). */
  advertisedAddress(localAddress: string): string {
    return this.#transport.advertisedAddress(localAddress);
  }

  /**
   * The flows to where a URI leads, server after server (RFC 3263 §4), each opened when it is asked for. Throws
   * SIP_NO_ROUTE where there is none.
   */
  ways(uri: string): AsyncGenerator<Flow, void, undefined> {
    return waysToUri(uri, this.#transport);
  }

  /** Every address that a URI leads to now; empty where it leads nowhere. Never rejects; takes 5 s at the most. */
  async addressesOf(uri: string): Promise<readonly { readonly address: string; readonly port: number }[]> {
    const parsed = parseSipUri(uri);
    const targets = parsed === undefined ? [] : await this.#transport.locate(parsed);
    return targets.flatMap(({ addresses, port }) => addresses.map((address) => ({ address, port })));
  }

  /** What stands for us in Via and Contact on a flow. */
  sentBy(flow: Flow): { readonly host: string; readonly port: number } {
    return this.#transport.sentBy(flow);
  }

  /** Over TLS, where we opened the connection: the name that the peer's certificate was checked against. */
  provenName(flow: Flow): string | undefined {
    return this.#transport.provenName(flow);
  }

  /**
   * Keeps the way through a NAT open: CRLF, or with `wantsAnswer` as RFC 5626 §4.4 has it, which must be agreed with the
   * peer. False where the flow is gone or the answer does not come within 10 s. Never rejects.
   */
  keepAlive(flow: Flow, wantsAnswer: boolean): Promise<boolean> {
    return this.#transport.keepAlive(flow, wantsAnswer);
  }

  /** Whether a request on the flow could still go out: always for udp, for the others while connected. */
  isOpen(flow: Flow): boolean {
    return this.#transport.isOpen(flow);
  }

  /** Ends sessions (BYE, CANCEL), subscriptions, transactions and listeners, in that order. Idempotent. */
  async close(): Promise<void> {
    await this.#userAgent.close();
    this.#transactions.close();
    await this.#transport.close();
  }
}
