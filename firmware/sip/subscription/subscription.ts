import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { contactHeader, type SentBy } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import { ChallengeAnswers, type CredentialsFor } from '../digest-client.ts';
import { parseDecimal } from '../message/grammar.ts';
import type { HeaderField } from '../message/headers.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import { type EventHeader, formatEvent } from './event-header.ts';
import type { EventPackage, SubscriberMemory, TerminationReason } from './event-package.ts';
import {
  newSubscription,
  nextSubscription,
  type SubscriptionEffect,
  type SubscriptionInput,
  type SubscriptionState,
} from './subscription-state.ts';

/**
 * Answers to a NOTIFY after which there is no subscription (RFC 6665 §4.2.2, RFC 5057 §5.1). 480 is not among them: a phone
 * that is away for a while is told again.
 */
const ENDING = new Set([404, 405, 410, 416, 481, 484, 485, 489, 501, 604]);
/** Answers that say "later": the NOTIFY is sent again. Any other refusal was heard, and the next change tries anew. */
const LATER = new Set([408, 430, 480, 486, 491, 500, 502, 503, 504, 600]);

/** What a subscription needs of its surroundings. */
export interface SubscriptionContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly transactions: TransactionLayer;
  readonly userAgent: string;
  readonly allowEvents: string;
  readonly sentBy: SentBy;
  readonly credentials: CredentialsFor | undefined;
  /** Where the next request of a dialog goes. Rejects when there is no way. */
  readonly way: (flow: Flow, nextHop: string, staysOnFlow: boolean) => Promise<Flow>;
}

/** A dialog with what is needed to reach its peer; several subscriptions may share one (RFC 6665 §4.5.2). */
export interface DialogWay {
  readonly dialog: Dialog;
  /** By which the last SUBSCRIBE came. */
  flow: Flow;
  readonly staysOnFlow: boolean;
  readonly secure: boolean;
  /** A URI with the user part of our Contact. */
  readonly party: string;
}

export interface SubscriptionOptions {
  readonly context: SubscriptionContext;
  readonly eventPackage: EventPackage;
  readonly header: EventHeader;
  readonly resource: string;
  readonly way: DialogWay;
  readonly pending: boolean;
  /** No SUBSCRIBE finds it from here on. */
  readonly onUnlisted: () => void;
  /** Nothing is left of it. Called once. */
  readonly onGone: () => void;
}

/** One subscription of a peer: when it is told what is said by subscription-state.ts, this carries it out. */
export class Subscription {
  readonly way: DialogWay;
  readonly resource: string;
  readonly #options: SubscriptionOptions;
  #state: SubscriptionState;
  #expiresAtMs = 0;
  #expiry: Timer | undefined;
  #pause: Timer | undefined;
  #version = 0;
  readonly #memory: SubscriberMemory = { told: undefined };
  #reason: TerminationReason = 'timeout';
  #retryAfterSeconds: number | undefined;
  #whenGone: (() => void) | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.way = options.way;
    this.resource = options.resource;
    this.#state = newSubscription(options.pending);
  }

  /** A SUBSCRIBE was answered: it lives for this long. */
  accept(expiresSeconds: number): void {
    // RFC 6665 §4.2.1.2: whoever subscribes anew wants to know all.
    this.#memory.told = undefined;
    this.#expiresAtMs = this.#options.context.clock.elapsed() + expiresSeconds * 1000;
    this.#take({ kind: 'subscribed' });
  }

  /** The state of the resource is another one. */
  change(): void {
    this.#take({ kind: 'changed' });
  }

  approve(): void {
    this.#take({ kind: 'approved' });
  }

  /** Tells the subscriber that it is over, and why. Resolves when that was answered or is given up. */
  end(reason: TerminationReason, retryAfterSeconds?: number): Promise<void> {
    if (this.#state.phase !== 'terminated') {
      this.#reason = reason;
      this.#retryAfterSeconds = retryAfterSeconds;
    }
    const gone = new Promise<void>((resolve) => {
      this.#whenGone = resolve;
    });
    this.#take({ kind: 'ended' });
    return gone;
  }

  /** Ends without a word. Idempotent. */
  drop(): void {
    this.#take({ kind: 'refused' });
  }

  #take(input: SubscriptionInput): void {
    if (input.kind === 'lost') this.#memory.told = undefined;
    const step = nextSubscription(this.#state, input, this.#options.eventPackage.minNotifyIntervalMs ?? 0);
    this.#state = step.state;
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: SubscriptionEffect): void {
    const { clock } = this.#options.context;
    switch (effect.kind) {
      case 'start-expiry':
        this.#expiry?.cancel();
        this.#expiry = clock.schedule(this.#expiresAtMs - clock.elapsed(), () => {
          void this.end('timeout');
        });
        break;
      case 'stop-expiry':
        this.#expiry?.cancel();
        break;
      case 'start-pause':
        this.#pause = clock.schedule(effect.delayMs, () => this.#take({ kind: 'pause-over' }));
        break;
      case 'stop-pause':
        this.#pause?.cancel();
        break;
      case 'notify':
        void this.#notify();
        break;
      case 'unlist':
        this.#options.onUnlisted();
        break;
      case 'forget':
        this.#pause?.cancel();
        this.#options.onGone();
        this.#whenGone?.();
        break;
    }
  }

  async #notify(): Promise<void> {
    const { context } = this.#options;
    const { dialog, staysOnFlow } = this.way;
    try {
      const flow = await context.way(this.way.flow, dialog.nextHop, staysOnFlow);
      const challenges = new ChallengeAnswers(context.credentials ?? (() => undefined));
      const content = this.#content(flow);
      let { headers } = content;
      for (;;) {
        const request = dialog.request('NOTIFY', { ...content, headers });
        const response = await this.#send(request, flow);
        const again = response === undefined ? undefined : challenges.answer(request, response);
        if (again === undefined) {
          this.#take(this.#judge(response));
          return;
        }
        headers = [...content.headers, ...again];
      }
    } catch (error) {
      context.logger.debug({ err: error, callId: dialog.callId }, 'NOTIFY could not be sent');
      this.#take({ kind: 'lost', retryAfterMs: undefined });
    }
  }

  /** Undefined: no answer. */
  #send(request: SipRequest, flow: Flow): Promise<SipResponse | undefined> {
    return new Promise((resolve) => {
      this.#options.context.transactions.request(request, flow, {
        onResponse: (response) => {
          if (response.status >= 200) resolve(response);
        },
        onFailed: () => resolve(undefined),
      });
    });
  }

  #judge(response: SipResponse | undefined): SubscriptionInput {
    if (response === undefined) return { kind: 'lost', retryAfterMs: undefined };
    const { status } = response;
    if (ENDING.has(status)) return { kind: 'refused' };
    if (LATER.has(status)) {
      const seconds = parseDecimal(/^\d+/.exec(response.headers.get('Retry-After') ?? '')?.[0] ?? '', 86_400);
      return { kind: 'lost', retryAfterMs: seconds === undefined ? undefined : seconds * 1000 };
    }
    if (status < 300) this.way.dialog.refreshTarget(response);
    return { kind: 'answered' };
  }

  #content(flow: Flow): { readonly headers: readonly HeaderField[]; readonly body?: Buffer } {
    const { context, eventPackage, header } = this.#options;
    const headers: HeaderField[] = [
      contactHeader(context.sentBy, flow, this.way.party, this.way.secure),
      ['Event', formatEvent(header)],
      ['Subscription-State', this.#stateHeader()],
      ...(context.allowEvents.length === 0 ? [] : [['Allow-Events', context.allowEvents] as const]),
      ['User-Agent', context.userAgent],
    ];
    const body = this.#body();
    this.#version += 1;
    if (body === undefined) return { headers };
    headers.push(['Content-Type', eventPackage.contentType]);
    return { headers, body };
  }

  #body(): Buffer | undefined {
    const { context, eventPackage } = this.#options;
    // RFC 6665 §4.1.3: who may not know gets no state, neither while pending nor when refused.
    if (this.#state.phase === 'pending' || (this.#state.phase === 'terminated' && this.#reason === 'rejected')) {
      return undefined;
    }
    try {
      const body = eventPackage.state(this.resource, this.#version, this.#memory);
      return typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
    } catch (error) {
      context.logger.error({ err: error, event: eventPackage.event }, 'the state of a resource could not be written');
      return undefined;
    }
  }

  /** RFC 6665 §8.2.3. */
  #stateHeader(): string {
    if (this.#state.phase === 'terminated') {
      const retryAfter = this.#retryAfterSeconds === undefined ? '' : `;retry-after=${this.#retryAfterSeconds}`;
      return `terminated;reason=${this.#reason}${retryAfter}`;
    }
    const leftMs = Math.max(0, this.#expiresAtMs - this.#options.context.clock.elapsed());
    return `${this.#state.phase};expires=${Math.ceil(leftMs / 1000)}`;
  }
}
