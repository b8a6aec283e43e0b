import { contactHeader } from '../dialog/contact-header.ts';
import { Dialog } from '../dialog/dialog.ts';
import type { HeaderField } from '../message/headers.ts';
import { type NameAddr, parseNameAddr } from '../message/name-addr.ts';
import { reasonPhrase } from '../message/reason-phrase.ts';
import type { SipRequest } from '../message/request.ts';
import type { ResponseOptions, SipResponse } from '../message/response.ts';
import { readStatusLine, SIPFRAG } from '../message/sipfrag.ts';
import { parseEvent } from '../subscription/event-header.ts';
import type { EventPackage } from '../subscription/event-package.ts';
import type { Subscription } from '../subscription/subscription.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { cameThroughNat } from '../transport/received.ts';
import type { Context } from './context.ts';
import type { DialogInfo, IncomingRefer, ReferOptions, ReferProgress } from './handlers.ts';
import type { SessionDialog } from './session-dialog.ts';

/** A referral is followed for so long; whoever refers again asks again. */
const EXPIRES_SECONDS = 180;
const CONTENT_TYPE = `${SIPFRAG};version=2.0`;

/** A REFER that came in, and the subscription to what becomes of it (RFC 3515, RFC 4488). */
export class IncomingReferral implements IncomingRefer {
  readonly referTo: NameAddr;
  readonly dialog: DialogInfo | undefined;
  readonly wantsProgress: boolean;
  readonly #transaction: ServerTransaction;
  readonly #context: Context;
  readonly #dialog: Dialog | undefined;

  private constructor(transaction: ServerTransaction, context: Context, dialog: Dialog | undefined, referTo: NameAddr) {
    this.#transaction = transaction;
    this.#context = context;
    this.#dialog = dialog;
    this.dialog = dialog;
    this.referTo = referTo;
    // RFC 4488 §4: false asks for no subscription, and only where that is understood.
    this.wantsProgress = transaction.request.headers.get('Refer-Sub')?.trim().toLowerCase() !== 'false';
  }

  /** Answers what cannot be, offers the rest to the layer above, and refuses what nobody takes. */
  static offer(transaction: ServerTransaction, context: Context, dialog?: Dialog): void {
    const { request } = transaction;
    const { onRefer } = context.handlers;
    if (onRefer === undefined) {
      transaction.respond(405, { headers: [['Allow', context.capabilities.allow]] });
      return;
    }
    // RFC 3515 §2.4.2: exactly one Refer-To; and for the implicit dialog what any dialog needs.
    const values = request.headers.list('Refer-To') ?? [];
    const referTo = values.length === 1 ? parseNameAddr(values[0] ?? '') : undefined;
    if (referTo === undefined) {
      transaction.respond(400, { reason: 'Missing or Malformed Refer-To' });
    } else if (request.fromTag === undefined || !request.headers.has('Contact')) {
      transaction.respond(400, { reason: 'Missing From Tag Or Contact' });
    } else if (!onRefer(new IncomingReferral(transaction, context, dialog, referTo))) {
      transaction.respond(603);
    }
  }

  get message(): SipRequest {
    return this.#transaction.request;
  }

  get flow(): Flow {
    return this.#transaction.flow;
  }

  get referredBy(): string | undefined {
    return this.message.headers.get('Referred-By');
  }

  accept(): ReferProgress {
    const { request, flow } = this.#transaction;
    const referSub: readonly HeaderField[] = this.wantsProgress ? [] : [['Refer-Sub', 'false']];
    let status: { readonly code: number; readonly reason: string } = { code: 100, reason: reasonPhrase(100) };
    const eventPackage: EventPackage = {
      event: 'refer',
      contentType: CONTENT_TYPE,
      defaultExpiresSeconds: EXPIRES_SECONDS,
      minExpiresSeconds: 0,
      maxExpiresSeconds: EXPIRES_SECONDS,
      authorize: () => ({ kind: 'answered' }),
      state: () => `SIP/2.0 ${status.code} ${status.reason}\r\n`,
    };
    const dialog = this.#dialog ?? Dialog.ofCallee(request, this.#transaction.localTag);
    const way = {
      dialog,
      flow,
      staysOnFlow: cameThroughNat(request, flow),
      secure: request.uri.toLowerCase().startsWith('sips:'),
      party: request.uri,
    };
    // RFC 3515 §2.4.6: the id tells apart what was referred in one dialog.
    const header = { event: 'refer', id: this.#dialog === undefined ? undefined : String(request.cseq.number) };
    const subscription: Subscription | undefined = this.wantsProgress
      ? this.#context.notifier.openImplicit(eventPackage, header, way)
      : undefined;
    if (this.wantsProgress && subscription === undefined) {
      this.#transaction.respond(503, { headers: [['Retry-After', '60']] });
      return { isAccepted: false, notify: () => undefined };
    }
    this.#transaction.respond(202, {
      headers: [contactHeader(this.#context.sentBy, flow, request.uri, way.secure), ...referSub],
    });
    subscription?.accept(EXPIRES_SECONDS);
    return {
      isAccepted: true,
      notify(code, reason) {
        status = { code, reason: reason ?? reasonPhrase(code) };
        if (code < 200) subscription?.change();
        else void subscription?.end('noresource');
      },
    };
  }

  reject(status: number, options?: ResponseOptions): void {
    this.#transaction.respond(status, options);
  }
}

/** REFERs of ours in a session, and the NOTIFYs that tell what became of them. */
export class Referrals {
  readonly #side: SessionDialog;
  /** By the CSeq of the REFER, which is the id of its event. */
  readonly #pending = new Map<string, ReferOptions>();

  constructor(side: SessionDialog) {
    this.#side = side;
  }

  /** Sends REFER; what becomes of it comes through `onProgress`. */
  async send(options: ReferOptions): Promise<SipResponse> {
    const { dialog } = this.#side;
    const headers: HeaderField[] = [
      ...this.#side.targetHeaders(),
      ['Refer-To', options.referTo],
      ...(options.referredBy === undefined ? [] : [['Referred-By', options.referredBy] as const]),
      // RFC 4488 §4: in Supported, so that a peer that does not know it refers all the same.
      ...(options.onProgress === undefined
        ? ([
            ['Refer-Sub', 'false'],
            ['Supported', 'norefersub'],
          ] as const)
        : []),
      ...(options.headers ?? []),
    ];
    const id = String(dialog.nextCseq);
    if (options.onProgress !== undefined) this.#pending.set(id, options);
    const { response } = await this.#side.request('REFER', { headers });
    // A challenge on the way has moved the CSeq.
    if (this.#pending.delete(id) && response.status < 300 && options.onProgress !== undefined) {
      this.#pending.set(String(response.cseq.number), options);
    }
    return response;
  }

  /** A NOTIFY in the session; false when it tells of no REFER of ours. */
  receive(transaction: ServerTransaction): boolean {
    const { request } = transaction;
    const header = parseEvent(request.headers.get('Event') ?? '');
    if (header?.event !== 'refer') return false;
    // The id may be left out for the first one (RFC 3515 §2.4.6).
    const id = header.id ?? this.#pending.keys().next().value;
    const options = id === undefined ? undefined : this.#pending.get(id);
    if (id === undefined || options === undefined) {
      transaction.respond(481);
      return true;
    }
    transaction.respond(200);
    const over = /^terminated\b/i.test(request.headers.get('Subscription-State') ?? '');
    if (over) this.#pending.delete(id);
    const line = readStatusLine(request.body);
    if (line !== undefined) options.onProgress?.(line.status, line.reason, over);
    return true;
  }

  close(): void {
    this.#pending.clear();
  }
}
