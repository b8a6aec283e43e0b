import type { Configuration } from '../../config/schema/configuration.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { RingStep, ShownIdentity } from '../routing/plan.ts';
import { type ControlOutcome, fault } from './outcome.ts';
import { ReferredCall } from './referred-call.ts';
import type { CallingUser, UserDevice } from './user-places.ts';

export interface FirstTelephoneOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
}

/** Its leg is up, and nobody's; or it has begun the call by itself. */
export type TelephoneCalled = ControlOutcome | { readonly leg: Leg } | { readonly begun: Call };

/** The telephone at which a user is to speak in a call that his client asks for: one of a client at a time. */
export class FirstTelephone {
  readonly #options: FirstTelephoneOptions;
  #pending: { cancel(): void } | undefined;
  #closed = false;

  constructor(options: FirstTelephoneOptions) {
    this.#options = options;
  }

  /** Gives up; false where there is nothing to give up. */
  cancel(): boolean {
    this.#pending?.cancel();
    return this.#pending !== undefined;
  }

  /** The client is gone. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#pending?.cancel();
  }

  /** Rings it; its leg once it is up. */
  async ring(
    step: RingStep,
    caller: CallingUser,
    shown: ShownIdentity,
  ): Promise<ControlOutcome | { readonly leg: Leg }> {
    if (this.#pending !== undefined) return RINGS_ALREADY;
    if (this.#closed) return CLIENT_GONE;
    const first = this.#options.calls.originations.begin({ caller, step, shown });
    this.#pending = first;
    const originated = await first.outcome;
    this.#pending = undefined;
    if (originated.kind === 'failed') return fault('failed', 'the telephone did not take the call', originated.status);
    if (!this.#closed) return { leg: originated.leg };
    originated.leg.close();
    return CLIENT_GONE;
  }

  /** Has a device that takes REFER make the call by itself; rings it where it does not. */
  async call(
    step: RingStep,
    caller: CallingUser,
    device: UserDevice | undefined,
    number: string,
  ): Promise<TelephoneCalled> {
    if (this.#pending !== undefined) return RINGS_ALREADY;
    const shown = { number, name: undefined, isWithheld: false };
    const referral = device === undefined ? undefined : this.#refer(caller, device, number);
    if (referral === undefined) return this.ring(step, caller, shown);
    this.#pending = referral;
    const referred = await referral.outcome;
    this.#pending = undefined;
    switch (referred.kind) {
      case 'begun':
        return { begun: referred.call };
      case 'declined':
        return fault('failed', 'the call was turned down at the telephone', referred.status);
      case 'elsewhere':
        return fault('failed', 'the telephone says that it has called, and not by the box');
      case 'given-up':
        return this.#closed ? CLIENT_GONE : fault('failed', 'the telephone did not take the call', 487);
      case 'refused':
        return this.#ringInstead(referral, step, caller, shown);
    }
  }

  /** It may have understood the REFER all the same, and call while it rings. */
  async #ringInstead(
    referral: ReferredCall,
    step: RingStep,
    caller: CallingUser,
    shown: ShownIdentity,
  ): Promise<TelephoneCalled> {
    let late: Call | undefined;
    referral.whenLate = (call) => {
      late = call;
      this.#pending?.cancel();
    };
    const rung = await this.ring(step, caller, shown);
    referral.end();
    if (late === undefined) return rung;
    if ('leg' in rung) rung.leg.close();
    return { begun: late };
  }

  /** Undefined for a device that does not say that it takes REFER, or whose extension is not to be asked. */
  #refer(caller: CallingUser, device: UserDevice, number: string): ReferredCall | undefined {
    const { calls, configuration } = this.#options;
    const { extension, deviceClass, id } = device;
    if (deviceClass !== 'desk' || configuration().extensions[extension]?.callsByRefer !== true) return undefined;
    const binding = calls.state.device(extension, id)?.ways[0];
    return binding?.takesRefer === true ? new ReferredCall(binding, { calls, caller, device, number }) : undefined;
  }
}

const RINGS_ALREADY = fault('wrong-state', 'a telephone rings for a call of this client already');
export const CLIENT_GONE = fault('failed', 'the client is gone', 487);
