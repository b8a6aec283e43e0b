import type { Timer } from '../../core/clock.ts';
import type { Binding } from '../../registrar/binding.ts';
import { formatSipUri, type HeaderField, type OutgoingReferral } from '../../sip/stack.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import { readDialled } from '../routing/dialled.ts';
import { nextReferredState, type ReferredEnd, type ReferredInput, type ReferredState } from './referred-call-state.ts';
import type { CallingUser, UserDevice } from './user-places.ts';

/** A telephone that takes REFER says so within this; one that is silent is rung instead. */
const ANSWER_MS = 3000;
/** From there on it has this long to call. Some ask whoever sits at it: he hears it ring then. */
const BEGIN_MS = 8000;

export interface ReferredCallOptions {
  readonly calls: CallServer;
  readonly caller: CallingUser;
  readonly device: UserDevice;
  /** As the user would dial it. */
  readonly number: string;
}

export type Referred = { readonly kind: 'begun'; readonly call: Call } | Exclude<ReferredEnd, { kind: 'begun' }>;

/**
 * A call that a desk phone of the user makes by itself, since it was told to by REFER (RFC 3515, RFC 5359 §2.18): its own INVITE, with
 * its own proof of who it is, begins it. It is known by the device that it comes from, and by the number.
 */
export class ReferredCall {
  /** Never rejects. */
  readonly outcome: Promise<Referred>;
  /** It has begun though it was `refused`: set by whoever rings that telephone instead. */
  whenLate: (call: Call) => void = () => undefined;
  readonly #options: ReferredCallOptions;
  readonly #referral: OutgoingReferral;
  readonly #dialled: string;
  readonly #resolve: (referred: Referred) => void;
  #state: ReferredState = { phase: 'asked' };
  #timer: Timer;

  constructor(binding: Binding, options: ReferredCallOptions) {
    const { calls, number } = options;
    const { promise, resolve } = Promise.withResolvers<Referred>();
    this.#options = options;
    this.outcome = promise;
    this.#resolve = resolve;
    this.#dialled = readDialled(number)?.whole ?? number;
    this.#timer = this.#within(ANSWER_MS);
    calls.beginnings.add(this.#look);
    this.#referral = this.#send(binding);
    void this.#referral.response.then(({ status }) => this.#take({ kind: 'response', status }));
  }

  /** Gives up; a call that begins by it all the same is ended. Idempotent. */
  cancel(): void {
    this.#take({ kind: 'given-up' });
  }

  /** Nothing that the telephone does from here on is of it. Idempotent. */
  end(): void {
    this.#timer.cancel();
    this.#referral.end();
    this.#options.calls.beginnings.delete(this.#look);
  }

  #send({ flow, contact, path = [] }: Binding): OutgoingReferral {
    const { stack } = this.#options.calls.services;
    const { extension } = this.#options.caller;
    const { host, port } = stack.sentBy(flow);
    const isSecure = contact.toLowerCase().startsWith('sips:');
    const uriOf = (user: string): string =>
      formatSipUri({
        scheme: isSecure ? 'sips' : 'sip',
        user,
        password: undefined,
        host,
        port,
        // RFC 7118 §5.2.2: over WebSocket nothing is reached but who opened it.
        params: flow.protocol === 'tcp' || (flow.protocol === 'tls' && !isSecure) ? [['transport', flow.protocol]] : [],
        headers: undefined,
      });
    const own = uriOf(extension);
    return stack.refer({
      flow,
      requestUri: contact,
      from: { uri: own },
      to: { uri: own },
      referTo: `<${uriOf(this.#dialled)}>`,
      headers: [['Referred-By', `<${own}>`], ...path.map((value): HeaderField => ['Route', value])],
      onNotified: ({ status }) => {
        if (status !== undefined) this.#take({ kind: 'notified', status });
      },
    });
  }

  /** A call that somebody has begun. */
  readonly #look = (call: Call): void => {
    const { caller, device } = this.#options;
    const { party, isUp } = call.waiting;
    if (isUp || party.extension !== caller.extension || party.device !== device.id) return;
    if ((readDialled(call.dialled)?.whole ?? call.dialled) !== this.#dialled) return;
    const state = this.#state;
    this.#take({ kind: 'begun' }, call);
    if (state.phase !== 'over') return;
    this.end();
    if (state.end.kind === 'given-up') call.hangUp(call.waiting);
    else this.whenLate(call);
  };

  #take(input: ReferredInput, call?: Call): void {
    const before = this.#state;
    const state = nextReferredState(before, input);
    this.#state = state;
    if (before.phase === 'over' || state.phase === before.phase) return;
    this.#timer.cancel();
    if (state.phase !== 'over') {
      this.#timer = this.#within(BEGIN_MS);
      return;
    }
    const { end } = state;
    if (end.kind === 'begun') {
      this.end();
      if (call !== undefined) this.#resolve({ kind: 'begun', call });
      return;
    }
    // It is not told again of what is over, but may have understood it all the same.
    this.#referral.end();
    if (end.kind === 'given-up') this.#timer = this.#options.calls.services.clock.schedule(BEGIN_MS, () => this.end());
    else if (end.kind !== 'refused') this.end();
    this.#resolve(end);
  }

  #within(ms: number): Timer {
    return this.#options.calls.services.clock.schedule(ms, () => this.#take({ kind: 'late' }));
  }
}
