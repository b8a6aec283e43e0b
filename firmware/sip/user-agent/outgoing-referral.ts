import type { Timer } from '../../core/clock.ts';
import { contactHeader } from '../dialog/contact-header.ts';
import type { HeaderField } from '../message/headers.ts';
import { newCallId, newTag } from '../message/identifier.ts';
import { parseMediaType } from '../message/media-type.ts';
import { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import { readStatusLine, SIPFRAG } from '../message/sipfrag.ts';
import { parseEvent } from '../subscription/event-header.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import type { Context } from './context.ts';
import type { Party } from './handlers.ts';
import { requestHeaders } from './request-headers.ts';

/** REFERs of ours outside of any session, at a time: one for each client that may direct a telephone. Beyond it: 503. */
export const MAX_REFERRALS = 512;
/** A peer may tell of one so long; RFC 3515 §2.4.4 leaves it to the peer, and some never say that it is over. */
const LIFE_MS = 180_000;

export interface ReferralOptions {
  /** Where to send it, as a binding keeps it. NOTIFYs have to come from that address. */
  readonly flow: Flow;
  readonly requestUri: string;
  /** A tag is added. */
  readonly from: Party;
  readonly to: Party;
  /** The value of Refer-To. */
  readonly referTo: string;
  readonly headers?: readonly HeaderField[];
  /** A NOTIFY came: the status line in it, if there is one, and whether it was the last. It may come before the answer. */
  readonly onNotified: (told: { readonly status: number | undefined; readonly isOver: boolean }) => void;
}

/** A REFER of ours outside of any session (RFC 3515), and the subscription that it makes at the peer. */
export interface OutgoingReferral {
  /** The final response; 408 and 503 of our own making for no answer and no way. Never rejects. */
  readonly response: Promise<SipResponse>;
  /** Nothing more is to be heard: the next NOTIFY gets 481, which ends the subscription (RFC 6665 §4.2.2). Idempotent. */
  end(): void;
}

interface Pending {
  readonly options: ReferralOptions;
  /** Of whoever told first: another one that the REFER was forked to is not heard. */
  remoteTag: string | undefined;
  remoteCseq: number;
  readonly life: Timer;
}

const CSEQ = 1;

/** REFERs of ours outside of any session. Whoever may tell of one names its Call-ID and our tag, which only its peer has read. */
export class OutgoingReferrals {
  readonly #context: Context;
  /** By Call-ID and our tag. */
  readonly #pending = new Map<string, Pending>();

  constructor(context: Context) {
    this.#context = context;
  }

  send(options: ReferralOptions): OutgoingReferral {
    const { clock, transactions, capabilities, sentBy } = this.#context;
    const { flow, requestUri, from, referTo } = options;
    const [callId, localTag] = [newCallId(), newTag()];
    const secure = requestUri.toLowerCase().startsWith('sips:');
    const request = new SipRequest('REFER', requestUri, [
      ...requestHeaders(options, 'REFER', localTag, callId, CSEQ),
      contactHeader(sentBy, flow, from.uri, secure),
      ['Refer-To', referTo],
      ['Accept', SIPFRAG],
      ['Allow', capabilities.allow],
      ['User-Agent', capabilities.userAgent],
      ...(options.headers ?? []),
    ]);
    const refused = (status: number): SipResponse => createResponse(request, status, newTag());
    if (this.#pending.size >= MAX_REFERRALS) {
      return { response: Promise.resolve(refused(503)), end: () => undefined };
    }
    const key = `${callId}|${localTag}`;
    const end = (): void => {
      life.cancel();
      this.#pending.delete(key);
    };
    const life = clock.schedule(LIFE_MS, end);
    const pending: Pending = { options, remoteTag: undefined, remoteCseq: -1, life };
    this.#pending.set(key, pending);
    const response = new Promise<SipResponse>((resolve) => {
      const over = (final: SipResponse): void => {
        if (final.status < 300) pending.remoteTag ??= final.toTag;
        else end();
        resolve(final);
      };
      transactions.request(request, flow, {
        onResponse: (each) => {
          if (each.status >= 200) over(each);
        },
        onFailed: (cause) => over(refused(cause === 'timeout' ? 408 : 503)),
      });
    });
    return { response, end };
  }

  /** A NOTIFY in no session; false where it tells of no REFER of ours. */
  receive(transaction: ServerTransaction): boolean {
    const { request, flow } = transaction;
    const key = `${request.callId}|${request.toTag ?? ''}`;
    const pending = this.#pending.get(key);
    if (pending === undefined || !isFrom(pending, request.fromTag, flow)) return false;
    const header = parseEvent(request.headers.get('Event') ?? '');
    // RFC 3515 §2.4.6: the id may be left out for the first REFER, and there is no other one.
    if (header?.event !== 'refer' || (header.id !== undefined && header.id !== String(CSEQ))) {
      transaction.respond(489);
      return true;
    }
    if (request.cseq.number <= pending.remoteCseq) {
      transaction.respond(500, { reason: 'CSeq Too Low' });
      return true;
    }
    if (request.body.length > 0 && parseMediaType(request.headers.get('Content-Type') ?? '')?.type !== SIPFRAG) {
      transaction.respond(415, { headers: [['Accept', SIPFRAG]] });
      return true;
    }
    pending.remoteTag ??= request.fromTag;
    pending.remoteCseq = request.cseq.number;
    const isOver = /^\s*terminated\b/i.test(request.headers.get('Subscription-State') ?? '');
    if (isOver) {
      pending.life.cancel();
      this.#pending.delete(key);
    }
    transaction.respond(200);
    pending.options.onNotified({ status: readStatusLine(request.body)?.status, isOver });
    return true;
  }

  /** Forgets all. Idempotent. */
  close(): void {
    for (const { life } of this.#pending.values()) life.cancel();
    this.#pending.clear();
  }
}

function isFrom({ options, remoteTag }: Pending, fromTag: string | undefined, { remoteAddress }: Flow): boolean {
  if (fromTag === undefined || remoteAddress !== options.flow.remoteAddress) return false;
  return remoteTag === undefined || remoteTag === fromTag;
}
