import { contactHeader } from '../dialog/contact-header.ts';
import { Dialog } from '../dialog/dialog.ts';
import { isToken, parseDecimal } from '../message/grammar.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions } from '../message/response.ts';
import { PendingRequest } from '../transaction/pending-request.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { cameThroughNat } from '../transport/received.ts';
import { type EventHeader, formatEvent, parseEvent } from './event-header.ts';
import type { EventPackage, TerminationReason } from './event-package.ts';
import { type DialogWay, Subscription, type SubscriptionContext, type SubscriptionOptions } from './subscription.ts';

/** Every lamp of every phone that a box of this class can have, with room. Beyond it: 503. */
export const MAX_SUBSCRIPTIONS = 16_384;
/** Of one address: an office behind one NAT must fit. */
export const MAX_SUBSCRIPTIONS_PER_SOURCE = 8192;
/** Of one resource and event: each change of it is told so many. */
export const MAX_SUBSCRIPTIONS_PER_RESOURCE = 1024;
const RETRY_AFTER: HeaderField = ['Retry-After', '60'];

export interface NotifierLimits {
  readonly total: number;
  readonly perSource: number;
  readonly perResource: number;
}

export interface NotifierOptions extends Omit<SubscriptionContext, 'allowEvents'> {
  readonly packages: readonly EventPackage[];
  /** Tests set lower ones. */
  readonly limits?: NotifierLimits;
}

/** A SUBSCRIBE that is as it should be. */
interface Wanted {
  readonly header: EventHeader;
  readonly eventPackage: EventPackage;
  readonly expiresSeconds: number;
}

/** The subscriptions that peers have with us (RFC 6665 §4.2): the notifier's side, for every event package. */
export class Notifier {
  /** For Allow-Events; empty when there is no package. */
  readonly allowEvents: string;
  readonly #options: NotifierOptions;
  readonly #limits: NotifierLimits;
  readonly #context: SubscriptionContext;
  readonly #packages: ReadonlyMap<string, EventPackage>;
  /** By Call-ID, our tag, event and id: those that a SUBSCRIBE can find. */
  readonly #byDialog = new Map<string, Subscription>();
  /** By Call-ID and our tag: dialogs that a SUBSCRIBE has made. */
  readonly #ways = new Map<string, { readonly way: DialogWay; count: number }>();
  /** By event, then resource. */
  readonly #byResource = new Map<string, Map<string, Set<Subscription>>>();
  readonly #perSource = new Map<string, number>();
  /** All, those too whose last NOTIFY waits for its answer. */
  readonly #all = new Set<Subscription>();
  #closed = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#limits = options.limits ?? {
      total: MAX_SUBSCRIPTIONS,
      perSource: MAX_SUBSCRIPTIONS_PER_SOURCE,
      perResource: MAX_SUBSCRIPTIONS_PER_RESOURCE,
    };
    this.#packages = new Map(options.packages.map((eventPackage) => [eventPackage.event, eventPackage]));
    for (const { event } of options.packages) this.#byResource.set(event, new Map());
    this.allowEvents = [...this.#packages.keys()].join(', ');
    this.#context = { ...options, allowEvents: this.allowEvents };
  }

  /** The number of subscriptions. */
  get size(): number {
    return this.#all.size;
  }

  /** The state of a resource is another one: its subscribers are told. Cheap where there are none. */
  notify(event: string, resource: string): void {
    for (const subscription of this.#of(event, resource)) subscription.change();
  }

  /** Pending subscriptions to a resource become active. */
  approve(event: string, resource: string): void {
    for (const subscription of this.#of(event, resource)) subscription.approve();
  }

  /** Ends the subscriptions to a resource. `retryAfterSeconds` goes with `probation` and `giveup`. */
  end(event: string, resource: string, reason: TerminationReason, retryAfterSeconds?: number): void {
    for (const subscription of this.#of(event, resource)) void subscription.end(reason, retryAfterSeconds);
  }

  /**
   * Takes a SUBSCRIBE. `session`: the dialog of a session that it came in, its CSeq taken already; without it the To tag
   * tells whether it belongs to a dialog that a SUBSCRIBE made.
   */
  receive(transaction: ServerTransaction, session?: Dialog): void {
    const { request } = transaction;
    const wanted = this.#read(request);
    if ('status' in wanted) {
      transaction.respond(wanted.status, wanted);
      return;
    }
    const tag = request.toTag;
    const known = tag === undefined ? undefined : this.#byDialog.get(keyOf(request.callId, tag, wanted.header));
    const way = session === undefined ? this.#wayOf(request, transaction) : this.#wayIn(session, transaction);
    if (way === undefined) {
      transaction.respond(481);
      return;
    }
    if (session === undefined && tag !== undefined && !way.dialog.takeCseq(request)) {
      transaction.respond(500, { reason: 'CSeq Too Low' });
      return;
    }
    const authorization = wanted.eventPackage.authorize(new PendingRequest(transaction));
    if (authorization.kind === 'answered') return;
    if (known !== undefined) {
      this.#refresh(transaction, known, wanted, authorization.resource);
      return;
    }
    this.#open(transaction, way, wanted, authorization.resource, authorization.pending === true);
  }

  /** A subscription that another request than SUBSCRIBE has made (REFER); undefined where there are too many. */
  openImplicit(eventPackage: EventPackage, header: EventHeader, way: DialogWay): Subscription | undefined {
    if (this.#closed || this.#all.size >= this.#limits.total) return undefined;
    const source = way.flow.remoteAddress;
    if ((this.#perSource.get(source) ?? 0) >= this.#limits.perSource) return undefined;
    return this.#add({ eventPackage, header, resource: '', way, pending: false, source, onUnlisted: () => undefined });
  }

  /** Tells all subscribers that they may subscribe anew, and waits for the answers; call `drop` after some patience. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map((subscription) => subscription.end('deactivated')));
  }

  /** Forgets what is left. Idempotent. */
  drop(): void {
    this.#closed = true;
    for (const subscription of [...this.#all]) subscription.drop();
  }

  /** RFC 6665 §4.2.1.1: what can be said without knowing who asks. */
  #read(request: SipRequest): Wanted | (ResponseOptions & { readonly status: number }) {
    const header = parseEvent(request.headers.get('Event') ?? '');
    const eventPackage = header === undefined ? undefined : this.#packages.get(header.event);
    if (header === undefined || eventPackage === undefined) {
      return { status: 489, headers: [['Allow-Events', this.allowEvents]] };
    }
    if (request.fromTag === undefined || !request.headers.has('Contact')) {
      return { status: 400, reason: 'Missing From Tag Or Contact' };
    }
    if (!accepts(request, eventPackage.contentType)) {
      return { status: 406, headers: [['Accept', eventPackage.contentType]] };
    }
    const text = request.headers.get('Expires');
    const asked = text === undefined ? eventPackage.defaultExpiresSeconds : parseDecimal(text, 2 ** 32 - 1);
    if (asked === undefined) return { status: 400, reason: 'Malformed Expires' };
    if (asked > 0 && asked < eventPackage.minExpiresSeconds) {
      return { status: 423, headers: [['Min-Expires', String(eventPackage.minExpiresSeconds)]] };
    }
    return { header, eventPackage, expiresSeconds: Math.min(asked, eventPackage.maxExpiresSeconds) };
  }

  /** The dialog of a SUBSCRIBE outside a session: a new one, or one that a SUBSCRIBE has made before. */
  #wayOf(request: SipRequest, transaction: ServerTransaction): DialogWay | undefined {
    if (request.toTag !== undefined) {
      const way = this.#ways.get(`${request.callId}|${request.toTag}`)?.way;
      return way?.dialog.remoteTag === request.fromTag ? way : undefined;
    }
    return this.#wayIn(Dialog.ofCallee(request, transaction.localTag), transaction);
  }

  #wayIn(dialog: Dialog, { request, flow }: ServerTransaction): DialogWay {
    return {
      dialog,
      flow,
      staysOnFlow: cameThroughNat(request, flow),
      secure: request.uri.toLowerCase().startsWith('sips:'),
      party: request.uri,
    };
  }

  #refresh(transaction: ServerTransaction, known: Subscription, wanted: Wanted, resource: string): void {
    if (known.resource !== resource) {
      transaction.respond(403);
      return;
    }
    // RFC 6665 §4.4.1: SUBSCRIBE moves the remote target; and a phone that has connected again is reached by the new way.
    known.way.dialog.refreshTarget(transaction.request);
    known.way.flow = transaction.flow;
    this.#accept(transaction, known, known.way, wanted);
  }

  #open(transaction: ServerTransaction, way: DialogWay, wanted: Wanted, resource: string, pending: boolean): void {
    const { header, eventPackage } = wanted;
    const source = transaction.flow.remoteAddress;
    const ofResource = this.#byResource.get(eventPackage.event)?.get(resource);
    const full =
      this.#all.size >= this.#limits.total ||
      (this.#perSource.get(source) ?? 0) >= this.#limits.perSource ||
      (ofResource?.size ?? 0) >= this.#limits.perResource;
    if (full || this.#closed) {
      transaction.respond(503, { headers: [RETRY_AFTER] });
      return;
    }
    const key = keyOf(way.dialog.callId, way.dialog.localTag, header);
    const onUnlisted = (): void => this.#unlist(key, eventPackage.event, subscription);
    const subscription: Subscription = this.#add({ eventPackage, header, resource, way, pending, source, onUnlisted });
    this.#list(key, eventPackage.event, subscription);
    this.#accept(transaction, subscription, way, wanted);
  }

  #add({
    source,
    ...options
  }: Omit<SubscriptionOptions, 'context' | 'onGone'> & { readonly source: string }): Subscription {
    const subscription: Subscription = new Subscription({
      ...options,
      context: this.#context,
      onGone: () => {
        this.#all.delete(subscription);
        const left = (this.#perSource.get(source) ?? 1) - 1;
        if (left === 0) this.#perSource.delete(source);
        else this.#perSource.set(source, left);
      },
    });
    this.#all.add(subscription);
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
    return subscription;
  }

  /** Answers, then tells the state at once (RFC 6665 §4.2.1.2); Expires 0 fetches it, or ends the subscription. */
  #accept(
    transaction: ServerTransaction,
    subscription: Subscription,
    way: DialogWay,
    { header, expiresSeconds }: Wanted,
  ): void {
    const { headers } = transaction.request;
    transaction.respond(200, {
      headers: [
        ...headers.all('Record-Route').map((value): HeaderField => ['Record-Route', value]),
        contactHeader(this.#options.sentBy, transaction.flow, way.party, way.secure),
        ['Expires', String(expiresSeconds)],
        ['Event', formatEvent(header)],
        ['Allow-Events', this.allowEvents],
      ],
    });
    if (expiresSeconds === 0) void subscription.end('timeout');
    else subscription.accept(expiresSeconds);
  }

  #list(key: string, event: string, subscription: Subscription): void {
    const { way, resource } = subscription;
    this.#byDialog.set(key, subscription);
    const dialogKey = `${way.dialog.callId}|${way.dialog.localTag}`;
    const shared = this.#ways.get(dialogKey);
    if (shared === undefined) this.#ways.set(dialogKey, { way, count: 1 });
    else shared.count += 1;
    const resources = this.#byResource.get(event);
    const subscriptions = resources?.get(resource);
    if (subscriptions === undefined) resources?.set(resource, new Set([subscription]));
    else subscriptions.add(subscription);
  }

  #unlist(key: string, event: string, subscription: Subscription): void {
    const { way, resource } = subscription;
    this.#byDialog.delete(key);
    const dialogKey = `${way.dialog.callId}|${way.dialog.localTag}`;
    const shared = this.#ways.get(dialogKey);
    if (shared !== undefined) {
      shared.count -= 1;
      if (shared.count === 0) this.#ways.delete(dialogKey);
    }
    const resources = this.#byResource.get(event);
    const subscriptions = resources?.get(resource);
    subscriptions?.delete(subscription);
    if (subscriptions?.size === 0) resources?.delete(resource);
  }

  #of(event: string, resource: string): readonly Subscription[] {
    const subscriptions = this.#byResource.get(event)?.get(resource);
    return subscriptions === undefined ? [] : [...subscriptions];
  }
}

function keyOf(callId: string, localTag: string, header: EventHeader): string {
  return `${callId}|${localTag}|${header.event}|${header.id ?? ''}`;
}

/** RFC 3261 §20.1; without Accept the package's own type is meant (RFC 6665 §3.1.3). */
function accepts(request: SipRequest, contentType: string): boolean {
  if (!request.headers.has('Accept')) return true;
  const [type = ''] = contentType.split('/');
  return (request.headers.list('Accept') ?? []).some((value) => {
    const [range = '', ...params] = value.toLowerCase().split(';');
    const [wantedType = '', wantedSubtype = ''] = range.split('/').map((part) => part.trim());
    if (params.some((param) => /^\s*q\s*=\s*0(\.0{0,3})?\s*$/.test(param)) || !isToken(wantedType)) return false;
    if (wantedType === '*') return wantedSubtype === '*';
    return wantedType === type && (wantedSubtype === '*' || `${wantedType}/${wantedSubtype}` === contentType);
  });
}
