import type { Clock } from '../../core/clock.ts';
import { RingdownError } from '../../core/errors.ts';
import { LiveMap } from '../../core/live-map.ts';
import type { Logger } from '../../core/logger.ts';
import type { SentBy } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import { parseReplaces } from '../dialog/replaces.ts';
import { ChallengeAnswers, type CredentialsFor } from '../digest-client.ts';
import type { HeaderField } from '../message/headers.ts';
import { newCallId, newTag } from '../message/identifier.ts';
import { reasonOf } from '../message/reason.ts';
import { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import type { Notifier } from '../subscription/notifier.ts';
import { PendingRequest } from '../transaction/pending-request.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import { type Capabilities, type Context, capabilityHeaders, type RequestTaker } from './context.ts';
import type { InviteOptions, OutgoingInvite, RequestOptions, SipHandlers } from './handlers.ts';
import { IncomingSession } from './incoming-session.ts';
import { type OutgoingReferral, OutgoingReferrals, type ReferralOptions } from './outgoing-referral.ts';
import { OutgoingSession } from './outgoing-session.ts';
import { IncomingReferral } from './refer.ts';
import { type Refusal, refusalOf, refusalOfInvite } from './request-checks.ts';
import { requestHeaders } from './request-headers.ts';
import type { SessionTimerOptions } from './session-interval.ts';
import { type Connector, waysToUri } from './way.ts';

/** Both sides of every call that the box can hold, with room. Beyond it: 503. */
export const MAX_SESSIONS = 4096;
/** What the stack takes by itself; the rest is for the layer above to name. */
const SESSION_METHODS = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'PRACK', 'UPDATE'] as const;
/** What it supports by itself: RFC 3262, RFC 4028. */
const SESSION_OPTIONS = ['100rel', 'timer'] as const;
/** Known and perhaps refused (405); any other method is not implemented (501). */
const KNOWN_METHODS = new Set<string>([
  ...SESSION_METHODS,
  'REGISTER',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'REFER',
  'MESSAGE',
]);
/** These mean nothing outside a session: with a To tag that we do not know they get 481 without asking anybody. */
const SESSION_ONLY = new Set(['INVITE', 'BYE', 'INFO', 'UPDATE', 'PRACK']);
const CLOSE_GRACE_MS = 2000;

export interface UserAgentOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly userAgent: string;
  readonly methods: readonly string[];
  readonly supported: readonly string[];
  readonly understood: readonly string[];
  readonly transactions: TransactionLayer;
  readonly connector: Connector;
  readonly sentBy: SentBy;
  readonly notifier: Notifier;
  readonly sessionTimer: SessionTimerOptions;
  readonly credentials: CredentialsFor | undefined;
  readonly handlers: SipHandlers;
}

/** Sessions, and the one place that answers what nobody took (RFC 3261 §8). */
export class UserAgent {
  readonly #options: UserAgentOptions;
  readonly #capabilities: Capabilities;
  readonly #context: Context;
  /** By Call-ID and our tag. */
  readonly #sessions = new LiveMap<string, IncomingSession | OutgoingSession>();
  /** As long as their transactions last, 32 s at the most. */
  readonly #farewells = new Set<Promise<void>>();
  readonly #referrals: OutgoingReferrals;
  readonly #supported: ReadonlySet<string>;
  #closing = false;

  constructor(options: UserAgentOptions) {
    this.#options = options;
    const supported = [
      ...SESSION_OPTIONS,
      ...(options.handlers.onRefer === undefined ? [] : ['norefersub']),
      ...options.supported,
    ];
    this.#supported = new Set([...supported, ...options.understood]);
    const takesSubscribe = options.notifier.allowEvents.length > 0;
    this.#capabilities = {
      userAgent: options.userAgent,
      allow: [
        ...SESSION_METHODS,
        ...(takesSubscribe ? ['SUBSCRIBE'] : []),
        ...(options.handlers.onRefer === undefined ? [] : ['REFER']),
        ...options.methods,
      ].join(', '),
      supported: supported.join(', '),
      allowEvents: options.notifier.allowEvents,
    };
    this.#context = {
      clock: options.clock,
      logger: options.logger,
      transactions: options.transactions,
      connector: options.connector,
      capabilities: this.#capabilities,
      sentBy: options.sentBy,
      notifier: options.notifier,
      handlers: options.handlers,
      sessionTimer: options.sessionTimer,
      credentials: options.credentials,
      addSession: (session) => this.#sessions.set(keyOf(session), session as IncomingSession | OutgoingSession),
      removeSession: (session) => this.#sessions.delete(keyOf(session)),
      addFarewell: (answered) => {
        this.#farewells.add(answered);
        void answered.finally(() => this.#farewells.delete(answered));
      },
      offerToHandlers: (transaction, dialog) => this.#offer(transaction, dialog),
    };
    this.#referrals = new OutgoingReferrals(this.#context);
  }

  invite(options: InviteOptions): OutgoingInvite {
    const session = new OutgoingSession(options, this.#context);
    void session.begin();
    return session;
  }

  async request(options: RequestOptions): Promise<SipResponse> {
    const callId = options.callId ?? newCallId();
    const localTag = newTag();
    const challenges = new ChallengeAnswers(options.credentials ?? this.#options.credentials ?? (() => undefined));
    let more: readonly HeaderField[] = [];
    for (let cseq = options.firstCseq ?? 1; ; cseq += 1) {
      const request = this.#requestOf(options, localTag, callId, cseq, more);
      const response = await this.#exchange(request, options);
      const again = challenges.answer(request, response);
      if (again === undefined) return response;
      more = again;
    }
  }

  refer(options: ReferralOptions): OutgoingReferral {
    return this.#referrals.send(options);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** A new request, other than ACK. */
  receive(transaction: ServerTransaction): void {
    try {
      this.#dispatch(transaction);
    } catch (error) {
      this.#options.logger.error({ err: error, method: transaction.request.method }, 'SIP request handler failed');
      transaction.respond(500);
    }
  }

  /** An ACK to a 2xx; one that belongs to no session is dropped: nothing answers an ACK. */
  receiveAck(ack: SipRequest): void {
    this.#sessionOf(ack)?.receiveAck(ack);
  }

  /** Ends all sessions as their state demands, and waits for the answers, 2 s at the most. Idempotent. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#referrals.close();
    const ending = [
      ...[...this.#sessions.values()].map((session) => session.bye()),
      ...this.#farewells,
      this.#options.notifier.close(),
    ];
    await new Promise<void>((resolve) => {
      const grace = this.#options.clock.schedule(CLOSE_GRACE_MS, resolve);
      void Promise.allSettled(ending).then(() => {
        grace.cancel();
        resolve();
      });
    });
    for (const session of [...this.#sessions.values()]) session.drop();
    this.#options.notifier.drop();
  }

  #requestOf(
    options: RequestOptions,
    localTag: string,
    callId: string,
    cseq: number,
    more: readonly HeaderField[],
  ): SipRequest {
    const body = options.body === undefined ? undefined : Buffer.from(options.body, 'utf8');
    const { method, requestUri } = options;
    const headers: readonly HeaderField[] = [
      ...requestHeaders(options, method, localTag, callId, cseq),
      ['User-Agent', this.#capabilities.userAgent],
      ...(options.headers ?? []),
      ...more,
      ...(options.contentType === undefined ? [] : [['Content-Type', options.contentType] as const]),
    ];
    return new SipRequest(method, requestUri, headers, body);
  }

  /** Server after server, until one answers (RFC 3263 §4.3). */
  async #exchange(request: SipRequest, options: RequestOptions): Promise<SipResponse> {
    const { flow, target, requestUri } = options;
    let response: SipResponse | undefined;
    try {
      const ways = flow === undefined ? waysToUri(target ?? requestUri, this.#options.connector, request) : [flow];
      for await (const way of ways) {
        const answer = await this.#exchangeBy(way, request);
        response = answer.response;
        if (!answer.isFailure) break;
      }
    } catch (error) {
      const reason = error instanceof RingdownError ? error.message : 'No Route';
      return createResponse(request, 503, newTag(), { reason });
    }
    return response ?? createResponse(request, 503, newTag());
  }

  #exchangeBy(flow: Flow, request: SipRequest): Promise<{ response: SipResponse; isFailure: boolean }> {
    return new Promise((resolve) => {
      this.#options.transactions.request(request, flow, {
        onResponse: (response) => {
          if (response.status >= 200) resolve({ response, isFailure: response.status === 503 });
        },
        onFailed: (cause) => {
          const response = createResponse(request, cause === 'timeout' ? 408 : 503, newTag());
          resolve({ response, isFailure: true });
        },
      });
    });
  }

  #dispatch(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (request.method === 'CANCEL') {
      this.#cancel(transaction);
      return;
    }
    const refusal = refusalOf(request, this.#supported);
    if (refusal !== undefined) {
      transaction.refuse(refusal.status, refusal);
      return;
    }
    if (request.toTag !== undefined) {
      const session = this.#sessionOf(request);
      if (session !== undefined) session.receive(transaction);
      else if (SESSION_ONLY.has(request.method)) transaction.refuse(481);
      else if (request.method !== 'NOTIFY' || !this.#referrals.receive(transaction)) this.#offer(transaction);
      return;
    }
    if (request.method === 'INVITE') this.#invite(transaction);
    else if (request.method === 'BYE') transaction.respond(481);
    else this.#offer(transaction);
  }

  /** RFC 3261 §9.2. */
  #cancel(transaction: ServerTransaction): void {
    const invite = this.#options.transactions.inviteOf(transaction.request);
    if (invite === undefined) {
      transaction.respond(481);
      return;
    }
    transaction.localTag = invite.localTag;
    transaction.respond(200);
    const session = this.#sessions.get(`${invite.request.callId}|${invite.localTag}`);
    if (session !== undefined) session.receiveCancel(invite, reasonOf(transaction.request));
    else invite.respond(487);
  }

  #invite(transaction: ServerTransaction): void {
    const { request } = transaction;
    const { transactions } = this.#options;
    if (this.#closing || this.#sessions.size >= MAX_SESSIONS) {
      transaction.refuse(503, { headers: [['Retry-After', '10']] });
      return;
    }
    const refusal = refusalOfInvite(request, this.#context.sessionTimer, () => transactions.isLoop(request));
    if (refusal !== undefined) {
      transaction.refuse(refusal.status, refusal);
      return;
    }
    const replaces = this.#replacedBy(request);
    if (replaces !== undefined && 'status' in replaces) transaction.refuse(replaces.status, replaces);
    else this.#open(new IncomingSession(transaction, this.#context, replaces));
  }

  #open(session: IncomingSession): void {
    let taken = false;
    try {
      taken = this.#options.handlers.onInvite(session);
    } catch (error) {
      this.#options.logger.error({ err: error, callId: session.dialog.callId }, 'INVITE handler failed');
      session.reject(500);
      session.begin();
      return;
    }
    if (!taken) session.refuse(404);
    session.begin();
  }

  /** RFC 3891 §3: the session that the INVITE names; undefined where it names none. */
  #replacedBy(request: SipRequest): IncomingSession | OutgoingSession | Refusal | undefined {
    // RFC 3261 §8.2.2: whoever does not know the extension does not know the header.
    if (!this.#supported.has('replaces')) return undefined;
    const values = request.headers.all('Replaces');
    if (values.length === 0) return undefined;
    const named = values.length === 1 ? parseReplaces(values[0] ?? '') : undefined;
    if (named === undefined) return { status: 400, reason: 'Malformed Replaces' };
    const session = this.#sessions.get(`${named.callId}|${named.localTag}`);
    if (session === undefined || !session.isWith(named.remoteTag)) return { status: 481 };
    if (session.ended) return { status: 603 };
    if (session.established) return named.earlyOnly ? { status: 486 } : session;
    // An early dialog can only be replaced by whom is being called.
    return session instanceof OutgoingSession ? session : { status: 481 };
  }

  /** `dialog`: that of the session which the request came in. */
  #offer(transaction: ServerTransaction, dialog?: Dialog): void {
    if (transaction.request.method === 'REFER' && dialog === undefined && transaction.request.toTag === undefined) {
      IncomingReferral.offer(transaction, this.#context);
      return;
    }
    if (transaction.request.method === 'SUBSCRIBE' && this.#options.notifier.allowEvents.length > 0) {
      this.#options.notifier.receive(transaction, dialog);
      return;
    }
    if (this.#options.handlers.onRequest(new PendingRequest(transaction))) return;
    const { method, toTag } = transaction.request;
    const allow = [['Allow', this.#capabilities.allow]] as const;
    if (toTag !== undefined && this.#sessionOf(transaction.request) === undefined) transaction.refuse(481);
    else if (method === 'OPTIONS') {
      const accept = ['Accept', 'application/sdp'] as const;
      transaction.respond(200, { headers: [...capabilityHeaders(this.#capabilities), accept] });
    } else transaction.respond(KNOWN_METHODS.has(method) ? 405 : 501, { headers: allow });
  }

  #sessionOf(request: SipRequest): IncomingSession | OutgoingSession | undefined {
    const session = this.#sessions.get(`${request.callId}|${request.toTag ?? ''}`);
    return session?.isWith(request.fromTag) === true ? session : undefined;
  }
}

function keyOf(session: RequestTaker): string {
  return `${session.dialog.callId}|${session.dialog.localTag}`;
}
