import type { Configuration } from '../../config/schema/configuration.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { RingStep } from '../routing/plan.ts';
import { extensionsOf } from '../routing/planning.ts';
import { CLIENT_DEVICES, type ClientDevice } from './control-request.ts';
import type { Mode } from './mode.ts';
import { type ControlOutcome, fault } from './outcome.ts';
import {
  type CallingUser,
  devicesOf,
  type Place,
  placeOf,
  stepTo,
  stepToOtherPhone,
  type UserDevice,
} from './user-places.ts';

export interface DirectedTelephoneOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
}

/** A part that the user has in a call. */
export interface Part {
  readonly call: Call;
  readonly leg: Leg;
}

/** What the mode of a client directs: which devices of its user, or which other telephone, and the parts in calls that he has there. */
export class DirectedTelephone {
  readonly user: string;
  /** The extension by whose password the client has logged in. */
  readonly extension: string;
  mode: Mode = 'this-computer';
  /** Of the client itself, or where its sound is; the first class that is there unless it was said. */
  device: ClientDevice | undefined;
  /** As the user dials it. */
  otherPhone = '';
  readonly #options: DirectedTelephoneOptions;

  constructor(user: string, extension: string, options: DirectedTelephoneOptions) {
    this.user = user;
    this.extension = extension;
    this.#options = options;
  }

  /** All that the user has. */
  get devices(): readonly UserDevice[] {
    const { configuration, calls } = this.#options;
    return devicesOf(configuration(), calls.state, this.user);
  }

  /** Those that the mode directs. */
  get directed(): readonly UserDevice[] {
    const { devices } = this;
    if (this.mode === 'desk-phone') return devices.filter(({ deviceClass }) => deviceClass === 'desk');
    if (this.mode === 'other-phone') return [];
    const classes = this.device === undefined ? CLIENT_DEVICES : [this.device];
    const present = classes.find((each) => devices.some(({ deviceClass }) => deviceClass === each));
    return devices.filter(({ deviceClass }) => deviceClass === present);
  }

  /** How it is rung for a call of its user; `device` where it is one of his. */
  firstStep():
    | { readonly kind: 'ring'; readonly step: RingStep; readonly device: UserDevice | undefined }
    | { readonly kind: 'none'; readonly outcome: ControlOutcome } {
    if (this.mode === 'other-phone') {
      const step = this.stepToOtherPhone(this.otherPhone);
      if (step.kind === 'ring') return { kind: 'ring', step, device: undefined };
      return { kind: 'none', outcome: fault('refused', step.reason, step.status) };
    }
    const [device] = this.directed;
    if (device === undefined)
      return { kind: 'none', outcome: fault('no-device', 'the device of this mode is not registered') };
    return { kind: 'ring', step: stepTo(this.#options.configuration(), this.user, [device], true), device };
  }

  stepToOtherPhone(number: string): ReturnType<typeof stepToOtherPhone> {
    const { calls, configuration } = this.#options;
    return stepToOtherPhone(configuration(), this.user, calls.plan(this.caller(undefined), number));
  }

  /** The user, who calls by that device of his. */
  caller(device: UserDevice | undefined): CallingUser {
    if (device === undefined) return { kind: 'user', user: this.user, extension: this.extension };
    const { extension, id } = device;
    // Which numbers are those of help, and where it is sent, is said by where the telephone is.
    const remoteAddress = this.#options.calls.state.device(extension, id)?.ways[0].flow.remoteAddress;
    const place = remoteAddress === undefined ? {} : { remoteAddress };
    return { kind: 'user', user: this.user, extension, device: id, ...place };
  }

  /** The same, by the device that a part of his is at. */
  callerAt({ party }: Leg): CallingUser {
    return this.caller(this.devices.find(({ id }) => id === party.device));
  }

  /** Where the user is in a call of his. */
  placesIn(id: string): readonly Place[] {
    const { calls, configuration } = this.#options;
    const call = [...calls.calls].find((each) => each.id === id);
    const own = [...(call?.legs ?? [])].filter(({ party, isEnded }) => party.user === this.user && !isEnded);
    const extensions = extensionsOf(configuration(), this.user);
    return [...new Set(own.map((leg) => placeOf(leg, this.devices, extensions)))];
  }

  /** The user's part in a call, at the telephone that the mode directs unless others count. */
  partIn(
    id: string,
    fits: (part: Part) => boolean,
    isHere: (leg: Leg) => boolean = this.#isDirected,
  ): Part | undefined {
    for (const call of this.#options.calls.calls) {
      if (call.id !== id) continue;
      for (const leg of call.legs) {
        const isOwn = leg.party.user === this.user && !leg.isEnded && isHere(leg);
        if (isOwn && fits({ call, leg })) return { call, leg };
      }
    }
    return undefined;
  }

  talkingPart(id: string): Part | undefined {
    return this.partIn(id, ({ call, leg }) => call.peerOf(leg) !== undefined);
  }

  ringingPart(id: string): Part | undefined {
    return this.partIn(id, ({ call, leg }) => call.waiting !== leg && !leg.wasUp);
  }

  readonly #isDirected = (leg: Leg): boolean => {
    if (this.mode !== 'other-phone') return this.directed.some(({ id }) => id === leg.party.device);
    return placeOf(leg, [], extensionsOf(this.#options.configuration(), this.user)) === 'other-phone';
  };
}
