import type { Clock } from '../../core/clock.ts';
import { RingdownError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { SentBy } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import { newCallId, newTag } from '../message/identifier.ts';
import { acceptsType } from '../message/media-type.ts';
import { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import { uriScheme } from '../message/uri.ts';
import type { Notifier } from '../subscription/notifier.ts';
import { PendingRequest } from '../transaction/pending-request.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import { type Capabilities, type Context, capabilityHeaders, type RequestTaker } from './context.ts';
import type { InviteOptions, OutgoingInvite, RequestOptions, SipHandlers } from './handlers.ts';
import { IncomingSession } from './incoming-session.ts';
import { OutgoingSession } from './outgoing-session.ts';
import { requestHeaders } from './request-headers.ts';
import { type Connector, wayToUri } from './way.ts';

/** Both sides of every call that the box can hold, with room. Beyond it: 503. */
export const MAX_SESSIONS = 4096;
/** What the stack takes by itself; the rest is for the layer above to name. */
const SESSION_METHODS = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO'] as const;
/** Known and perhaps refused (405); any other method is not implemented (501). */
const KNOWN_METHODS = new Set<string>([
  ...SESSION_METHODS,
  'REGISTER',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'REFER',
  'MESSAGE',
  'UPDATE',
  'PRACK',
]);
/** These mean nothing outside a session: with a To tag that we do not know they get 481 without asking anybody. */
const SESSION_ONLY = new Set(['INVITE', 'BYE', 'INFO', 'UPDATE', 'PRACK']);
const SCHEMES = new Set(['sip', 'sips', 'tel']);
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
  readonly handlers: SipHandlers;
}

/** Sessions, and the one place that answers what nobody took (RFC 3261 §8). */
export class UserAgent {
  readonly #options: UserAgentOptions;
  readonly #capabilities: Capabilities;
  readonly #context: Context;
  /** By Call-ID and our tag. */
  readonly #sessions = new Map<string, RequestTaker>();
  /** As long as their transactions last, 32 s at the most. */
  readonly #farewells = new Set<Promise<void>>();
  readonly #supported: ReadonlySet<string>;
  #closing = false;

  constructor(options: UserAgentOptions) {
    this.#options = options;
    this.#supported = new Set([...options.supported, ...options.understood]);
    const takesSubscribe = options.notifier.allowEvents.length > 0;
    this.#capabilities = {
      userAgent: options.userAgent,
      allow: [...SESSION_METHODS, ...(takesSubscribe ? ['SUBSCRIBE'] : []), ...options.methods].join(', '),
      supported: options.supported.join(', '),
      allowEvents: options.notifier.allowEvents,
    };
    this.#context = {
      clock: options.clock,
      logger: options.logger,
      transactions: options.transactions,
      connector: options.connector,
      capabilities: this.#capabilities,
      sentBy: options.sentBy,
      addSession: (session) => this.#sessions.set(keyOf(session), session),
      removeSession: (session) => this.#sessions.delete(keyOf(session)),
      addFarewell: (answered) => {
        this.#farewells.add(answered);
        void answered.finally(() => this.#farewells.delete(answered));
      },
      offerToHandlers: (transaction, dialog) => this.#offer(transaction, dialog),
    };
  }

  invite(options: InviteOptions): OutgoingInvite {
    const session = new OutgoingSession(options, this.#context);
    void session.begin();
    return session;
  }

  async request(options: RequestOptions): Promise<SipResponse> {
    const body = options.body === undefined ? undefined : Buffer.from(options.body, 'utf8');
    const { method, requestUri } = options;
    const headers = [
      ...requestHeaders(options, method, newTag(), options.callId ?? newCallId()),
      ['User-Agent', this.#capabilities.userAgent] as const,
      ...(options.headers ?? []),
      ...(options.contentType === undefined ? [] : [['Content-Type', options.contentType] as const]),
    ];
    const request = new SipRequest(method, requestUri, headers, body);
    try {
      const flow = options.flow ?? (await wayToUri(options.target ?? requestUri, this.#options.connector));
      return await new Promise<SipResponse>((resolve) => {
        this.#options.transactions.request(request, flow, {
          onResponse: (response) => {
            if (response.status >= 200) resolve(response);
          },
          onFailed: (cause) => resolve(createResponse(request, cause === 'timeout' ? 408 : 503, newTag())),
        });
      });
    } catch (error) {
      const reason = error instanceof RingdownError ? error.message : 'No Route';
      return createResponse(request, 503, newTag(), { reason });
    }
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

  #dispatch(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (request.method === 'CANCEL') {
      this.#cancel(transaction);
      return;
    }
    if (this.#refused(transaction)) return;
    if (request.toTag !== undefined) {
      const session = this.#sessionOf(request);
      if (session !== undefined) session.receive(transaction);
      else if (SESSION_ONLY.has(request.method)) transaction.respond(481);
      else this.#offer(transaction);
      return;
    }
    if (request.method === 'INVITE') this.#invite(transaction);
    else if (request.method === 'BYE') transaction.respond(481);
    else this.#offer(transaction);
  }

  /** RFC 3261 §8.2.2 and §8.2.3: what no handler needs to see. */
  #refused(transaction: ServerTransaction): boolean {
    const { request } = transaction;
    if (!SCHEMES.has(uriScheme(request.uri) ?? '')) return transaction.respond(416);
    const required = request.headers.list('Require');
    if (required === undefined) return transaction.respond(400, { reason: 'Malformed Require' });
    const unknown = required.filter((tag) => !this.#supported.has(tag.toLowerCase()));
    if (unknown.length > 0) return transaction.respond(420, { headers: [['Unsupported', unknown.join(', ')]] });
    const encoding = request.headers.get('Content-Encoding');
    if (request.body.length > 0 && encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      return transaction.respond(415, { headers: [['Accept-Encoding', 'identity']] });
    }
    return false;
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
    if (session !== undefined) session.receiveCancel(invite);
    else invite.respond(487);
  }

  #invite(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (this.#closing || this.#sessions.size >= MAX_SESSIONS) {
      transaction.respond(503, { headers: [['Retry-After', '10']] });
    } else if (request.maxForwards === 0) {
      // A B2BUA sends it on, as a proxy does: RFC 7332 §4.
      transaction.respond(483);
    } else if (request.fromTag === undefined || !request.headers.has('Contact')) {
      // RFC 3261 §8.1.1.3 and §8.1.1.8: without both there is no dialog.
      transaction.respond(400, { reason: 'Missing From Tag Or Contact' });
    } else if (request.body.length > 0 && request.sdp === undefined) {
      transaction.respond(415, { headers: [['Accept', 'application/sdp']] });
    } else if (!acceptsSdp(request)) {
      transaction.respond(406);
    } else {
      const session = new IncomingSession(transaction, this.#context);
      let taken = false;
      try {
        taken = this.#options.handlers.onInvite(session);
      } catch (error) {
        this.#options.logger.error({ err: error, callId: request.callId }, 'INVITE handler failed');
        session.reject(500);
        return;
      }
      if (!taken) session.reject(404);
    }
  }

  /** `dialog`: that of the session which the request came in. */
  #offer(transaction: ServerTransaction, dialog?: Dialog): void {
    if (transaction.request.method === 'SUBSCRIBE' && this.#options.notifier.allowEvents.length > 0) {
      this.#options.notifier.receive(transaction, dialog);
      return;
    }
    if (this.#options.handlers.onRequest(new PendingRequest(transaction))) return;
    const { method, toTag } = transaction.request;
    const allow = [['Allow', this.#capabilities.allow]] as const;
    if (toTag !== undefined && this.#sessionOf(transaction.request) === undefined) transaction.respond(481);
    else if (method === 'OPTIONS') {
      const accept = ['Accept', 'application/sdp'] as const;
      transaction.respond(200, { headers: [...capabilityHeaders(this.#capabilities), accept] });
    } else transaction.respond(KNOWN_METHODS.has(method) ? 405 : 501, { headers: allow });
  }

  #sessionOf(request: SipRequest): RequestTaker | undefined {
    const session = this.#sessions.get(`${request.callId}|${request.toTag ?? ''}`);
    return session?.dialog.remoteTag === request.fromTag ? session : undefined;
  }
}

/** RFC 3261 §20.1: without the header the caller takes SDP, with it only where it says so (RFC 4475 §3.3.15). */
function acceptsSdp({ headers }: SipRequest): boolean {
  return !headers.has('Accept') || acceptsType(headers.list('Accept') ?? [], 'application/sdp');
}

function keyOf(session: RequestTaker): string {
  return `${session.dialog.callId}|${session.dialog.localTag}`;
}
