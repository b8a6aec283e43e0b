import { rightsOf } from '../../config/licensing.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Conferences } from '../feature/conference.ts';
import { leadsOutside, type TransferRequest, type Transfers } from '../feature/transfer.ts';
import type { Leg } from '../leg/leg.ts';
import type { Origination } from '../origination.ts';
import { isForHelp } from '../routing/emergency.ts';
import type { RingStep, ShownIdentity } from '../routing/plan.ts';
import { extensionsOf } from '../routing/planning.ts';
import { forbids, type Mode, type Verb } from './mode.ts';
import type { OtherPhones } from './other-phones.ts';
import { type ControlOutcome, DONE, fault } from './outcome.ts';
import {
  type CallingUser,
  devicesOf,
  type Place,
  placeOf,
  stepTo,
  stepToOtherPhone,
  type UserDevice,
} from './user-places.ts';

export interface ClientControlOptions {
  readonly calls: CallServer;
  readonly transfers: Pick<Transfers, 'transfer'>;
  readonly conferences: Pick<Conferences, 'merge' | 'roomOf'>;
  readonly otherPhones: OtherPhones;
  readonly configuration: () => Configuration;
}

/** Classes of device that a client can be, or can have its sound at. */
export type ClientDevice = 'desktop' | 'webrtc' | 'mobile';

/** What a client asks. `number` is as the user would dial it. */
export type ControlRequest =
  | { readonly verb: 'make'; readonly number: string }
  | {
      readonly verb: 'transfer';
      readonly call: string;
      readonly number?: string | undefined;
      readonly to?: string | undefined;
    }
  | { readonly verb: 'conference'; readonly calls: readonly string[] }
  | { readonly verb: 'dtmf'; readonly call: string; readonly digits: string }
  | { readonly verb: 'answer' | 'ignore' | 'hold' | 'retrieve' | 'drop' | 'move'; readonly call: string }
  | {
      readonly verb: Exclude<
        Verb,
        'make' | 'transfer' | 'conference' | 'dtmf' | 'answer' | 'ignore' | 'hold' | 'retrieve' | 'drop' | 'move'
      >;
    };

/** A part that the user has in a call. */
interface Part {
  readonly call: Call;
  readonly leg: Leg;
}

const CLIENTS: readonly ClientDevice[] = ['desktop', 'webrtc', 'mobile'];
const NO_CALL = fault('no-such-call', 'the user has no such call at the device that this mode directs');

/**
 * One client of a user, which directs the telephone that its mode says: his desk phone, another telephone, or the client on the
 * computer before him. What it asks is done in the name of the user, with his class of service, and to his calls alone.
 */
export class ClientControl {
  readonly user: string;
  /** The extension by whose password the client has logged in. */
  readonly extension: string;
  readonly #options: ClientControlOptions;
  #mode: Mode = 'this-computer';
  /** Of the client itself, or where its sound is; the first class that is there unless it was said. */
  #device: ClientDevice | undefined;
  #otherPhone = '';
  /** The telephone that rings for a call of this client. */
  #first: Origination | undefined;
  /** Calls whose telephone is called anew; `isGivenUp`: he does not want that any more. */
  readonly #answering = new Map<string, { readonly call: Call; isGivenUp: boolean }>();
  #closed = false;

  constructor(user: string, extension: string, options: ClientControlOptions) {
    this.user = user;
    this.extension = extension;
    this.#options = options;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Why the user may not have the mode that he is in any more, in words. */
  get modeRefusal(): string | undefined {
    const refused = this.#refusalOfMode(this.#mode);
    return refused?.ok === false ? refused.reason : undefined;
  }

  /** Calls that are there already go on where they are. */
  setMode(
    mode: Mode,
    { number, device }: { readonly number?: string | undefined; readonly device?: ClientDevice | undefined },
  ): ControlOutcome {
    const { otherPhones } = this.#options;
    const refused = this.#refusalOfMode(mode);
    if (refused !== undefined) return refused;
    if (mode === 'other-phone') {
      const named = number ?? this.#options.configuration().users[this.user]?.otherPhone ?? '';
      if (named === '') return fault('refused', 'the mode other-phone needs the number of the other phone', 484);
      const step = this.#stepToOtherPhone(named);
      if (step.kind === 'no-telephone') return fault('refused', step.reason, step.status);
      this.#otherPhone = named;
      otherPhones.set(this.user, this, named);
    } else otherPhones.delete(this.user, this);
    this.#mode = mode;
    this.#device = device;
    return DONE;
  }

  /** Never rejects but for a fault of the box. */
  async ask(request: ControlRequest): Promise<ControlOutcome> {
    const why = forbids(this.#mode, request.verb);
    if (why !== undefined) return fault('not-in-this-mode', why);
    switch (request.verb) {
      case 'make':
        return this.#make(request.number);
      case 'cancel':
        if (this.#first === undefined) return fault('wrong-state', 'no telephone rings for a call of this client');
        this.#first.cancel();
        return DONE;
      case 'answer':
        return this.#answer(request.call);
      case 'ignore':
      case 'drop':
        return this.#turnAway(request.call, request.verb);
      case 'hold':
        return this.#hold(request.call);
      case 'retrieve':
        return this.#retrieve(request.call);
      case 'transfer':
        return this.#transfer(request.call, request.number, request.to);
      case 'conference':
        return this.#conference(request.calls);
      case 'dtmf':
        return this.#type(request.call, request.digits);
      case 'move':
        return this.#move(request.call);
      default:
        return fault('not-in-this-mode', 'the box does not do this');
    }
  }

  /** A telephone of his is about to ring for that call again: for a moment he has no part in it. */
  isAnswering(call: string): boolean {
    return this.#answering.has(call);
  }

  /** Where the user is in a call of his. */
  placesIn(id: string): readonly Place[] {
    const { calls, configuration } = this.#options;
    const call = [...calls.calls].find((each) => each.id === id);
    const own = [...(call?.legs ?? [])].filter(({ party, isEnded }) => party.user === this.user && !isEnded);
    const extensions = extensionsOf(configuration(), this.user);
    return [...new Set(own.map((leg) => placeOf(leg, this.#devices, extensions)))];
  }

  /** Its mode is over, and what rings for a call of it; calls that are there go on. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#options.otherPhones.delete(this.user, this);
    this.#first?.cancel();
  }

  #refusalOfMode(mode: Mode): ControlOutcome | undefined {
    return mode === 'this-computer' ? undefined : licenceRefusal(this.#options.configuration(), this.user, mode);
  }

  async #make(number: string): Promise<ControlOutcome> {
    const { calls } = this.#options;
    const first = this.#firstStep();
    if (first.kind !== 'ring') return first.outcome;
    const caller = this.#caller(first.device);
    const refusal = (): ControlOutcome | undefined => this.#refusalOf(caller, number, first.step);
    const refused = refusal();
    if (refused !== undefined) return refused;
    const rung = await this.#ring(first.step, caller, { number, name: undefined, isWithheld: false });
    if (!(rung instanceof Object && 'leg' in rung)) return rung;
    // What holds now need not be what held when it began to ring.
    const late = refusal();
    if (late !== undefined) {
      rung.leg.close();
      return late;
    }
    return { ok: true, call: calls.dial(rung.leg, caller, number).id };
  }

  /** Why the user may not call there from the telephone of that step. */
  #refusalOf(caller: CallingUser, number: string, first: RingStep): ControlOutcome | undefined {
    const { step } = this.#options.calls.plan(caller, number);
    if (step.kind === 'refuse') return fault('refused', `the number leads nowhere: ${step.reason}`, step.status);
    const isOutside = first.targets.some(({ kind }) => kind === 'line');
    if (this.#mode === 'other-phone' && isForHelp(step)) return HELP_GOES_ASTRAY;
    if (isOutside && leadsOutside(step) && !this.#mayTrombone) return TROMBONE;
    return undefined;
  }

  async #answer(id: string): Promise<ControlOutcome> {
    const { calls, configuration } = this.#options;
    const part = this.#ringingPart(id);
    if (part === undefined) return NO_CALL;
    const { call, leg } = part;
    if (call.hasBeside) return fault('wrong-state', 'the phone is called anew already');
    // What it knows it says when it rings.
    await leg.device.whenMet();
    if (await notify(leg, 'talk')) return DONE;
    // It was picked up meanwhile, here or elsewhere.
    if (leg.isUp) return DONE;
    const device = this.#directed.find(({ id: each }) => each === leg.party.device);
    if (device === undefined || leg.isEnded) return fault('wrong-state', 'it does not ring any more');
    // A phone that cannot be told to answer is called anew, and answers by itself; not before it has ended the first one.
    const answering = { call, isGivenUp: false };
    this.#answering.set(id, answering);
    try {
      leg.turnAway('ignored');
      await new Promise<void>((resolve) => leg.whenOver(resolve));
      if (answering.isGivenUp) return fault('wrong-state', 'it was turned away meanwhile');
      const ring = calls.runners.runnerOf(stepTo(configuration(), this.user, [{ ...device, calls: 0 }], true));
      const outcome = ring === undefined ? 'over' : await call.runBeside(ring);
      if (outcome === 'answered') return DONE;
      return outcome === 'over'
        ? fault('wrong-state', 'it does not ring any more')
        : fault('failed', 'the phone did not answer; whatever else was to become of the call goes on');
    } finally {
      this.#answering.delete(id);
    }
  }

  #turnAway(id: string, verb: 'ignore' | 'drop'): ControlOutcome {
    const answering = this.#answering.get(id);
    if (answering?.call.isRinging === true) {
      answering.isGivenUp = true;
      // In a group the others are asked all the same.
      if (verb === 'ignore' || !answering.call.decline()) answering.call.stopBeside();
      return DONE;
    }
    const ringing = this.#ringingPart(id);
    if (ringing !== undefined) {
      ringing.leg.turnAway(verb === 'ignore' ? 'ignored' : 'declined');
      return DONE;
    }
    if (verb === 'ignore') return NO_CALL;
    const part = this.#partIn(id, () => true);
    if (part === undefined) return NO_CALL;
    part.call.hangUp(part.leg);
    return DONE;
  }

  async #hold(id: string): Promise<ControlOutcome> {
    const part = this.#talkingPart(id);
    if (part === undefined) return NO_CALL;
    const { call, leg } = part;
    if (leg.isHolding || call.isHeldFor(leg)) return fault('wrong-state', 'the call is on hold');
    if (await notify(leg, 'hold')) return DONE;
    return call.hold(leg, true) ? DONE : fault('wrong-state', 'the call is in no conversation');
  }

  /** Takes back what is on hold here, or brings here what is at another device. */
  async #retrieve(id: string): Promise<ControlOutcome> {
    const here = this.#mode === 'this-computer' ? undefined : this.#talkingPart(id);
    if (here !== undefined) {
      const { call, leg } = here;
      if (call.isHeldFor(leg)) return call.hold(leg, false) ? DONE : NO_CALL;
      if (!leg.isHolding) return fault('wrong-state', 'the call is not on hold');
      return (await notify(leg, 'talk')) ? DONE : fault('failed', 'the phone holds it, and cannot be told to go on');
    }
    const part = this.#partIn(
      id,
      ({ call, leg }) => call.peerOf(leg) !== undefined,
      () => true,
    );
    if (part === undefined) return NO_CALL;
    const first = this.#firstStep();
    if (first.kind !== 'ring') return first.outcome;
    if (first.device !== undefined && first.device.id === part.leg.party.device) {
      return fault('wrong-state', 'the call is here already');
    }
    return this.#bring(part, first.step, this.#caller(first.device));
  }

  /** His other devices ring for what is here; until one answers it stays. */
  async #move(id: string): Promise<ControlOutcome> {
    const part = this.#talkingPart(id);
    if (part === undefined) return NO_CALL;
    const others = this.#devices.filter((device) => device.id !== part.leg.party.device);
    if (others.length === 0) return fault('no-device', 'the user has no other device');
    const { configuration } = this.#options;
    return this.#bring(part, stepTo(configuration(), this.user, others, false), this.#caller(others[0]));
  }

  async #bring({ call, leg }: Part, step: RingStep, caller: CallingUser): Promise<ControlOutcome> {
    const { calls } = this.#options;
    const peer = call.peerOf(leg);
    const isOutside = step.targets.some(({ kind }) => kind === 'line');
    if (isOutside && peer?.party.line !== undefined && !this.#mayTrombone) return TROMBONE;
    const { number = '', name, isPrivate } = peer?.party ?? {};
    const rung = await this.#ring(step, caller, { number: number || undefined, name, isWithheld: isPrivate === true });
    if (!(rung instanceof Object && 'leg' in rung)) return rung;
    const by = { number: leg.party.number, name: leg.party.name, user: this.user };
    const isDone = call.peerOf(leg) !== undefined && (await calls.replaceLeg(leg, rung.leg, { how: 'steal', by }));
    if (isDone) return { ok: true, call: call.id };
    rung.leg.close();
    return fault('wrong-state', 'the call was over meanwhile');
  }

  async #transfer(id: string, number: string | undefined, to: string | undefined): Promise<ControlOutcome> {
    const { calls, transfers } = this.#options;
    const part = this.#talkingPart(id);
    if (part === undefined) return NO_CALL;
    const consultation = to === undefined ? undefined : this.#talkingPart(to)?.leg;
    if (to !== undefined && consultation === undefined) return NO_CALL;
    const target = consultation ?? number;
    if (target === undefined || consultation === part.leg)
      return fault('wrong-state', 'there is nobody to transfer to');
    return new Promise((resolve) => {
      const request: TransferRequest = {
        referredBy: undefined,
        accept: () => ({
          isAccepted: true,
          notify: (status) => {
            if (status < 200) return;
            resolve(status < 300 ? DONE : fault('refused', 'nobody took the call, which is here as before', status));
          },
        }),
      };
      const caller = this.#caller(this.#devices.find((device) => device.id === part.leg.party.device));
      // Who is in the office is found by his own telephone; nobody knows where the other phone and who called from outside are.
      const isOutside = part.call.peerOf(part.leg)?.party.line !== undefined;
      if (this.#mode === 'other-phone' && isOutside && number !== undefined) {
        if (isForHelp(calls.plan(caller, number).step)) return resolve(HELP_GOES_ASTRAY);
      }
      const status = transfers.transfer(request, part.leg, caller, target);
      if (status !== undefined) resolve(fault('refused', 'the call cannot be transferred there', status));
    });
  }

  /** All whom he talks to in these calls come together with him: by the one that his telephone does not hold. */
  async #conference(ids: readonly string[]): Promise<ControlOutcome> {
    const { conferences } = this.#options;
    const parts = [...new Set(ids)].map((id) => this.#partIn(id, (part) => this.#isTalking(part)));
    const own = parts.flatMap((part) => part ?? []);
    if (own.length < parts.length) return NO_CALL;
    if (own.length < 2) return fault('wrong-state', 'a conference takes two calls or more');
    const [first] = own.filter(({ leg }) => !leg.isHolding).sort(byHold);
    if (first === undefined) return fault('wrong-state', 'the phone holds all of them: retrieve one first');
    const { leg } = first;
    const caller = this.#caller(this.#devices.find((device) => device.id === leg.party.device));
    const legs = own.map((part) => part.leg);
    const call = await conferences.merge(this.user, leg, legs, { caller, dialled: 'conference' });
    return call === undefined
      ? fault('refused', 'the conference has no place for them', 486)
      : { ok: true, call: call.id };
  }

  #isTalking({ call, leg }: Part): boolean {
    return call.peerOf(leg) !== undefined || this.#options.conferences.roomOf(leg) !== undefined;
  }

  #type(id: string, digits: string): ControlOutcome {
    const part = this.#partIn(id, ({ leg }) => leg.isUp);
    if (part === undefined) return NO_CALL;
    for (const digit of digits) part.leg.type({ digit, durationMs: undefined });
    return DONE;
  }

  /** Rings a telephone; its leg once it is up. */
  async #ring(
    step: RingStep,
    caller: CallingUser,
    shown: ShownIdentity,
  ): Promise<ControlOutcome | { readonly leg: Leg }> {
    if (this.#first !== undefined) return fault('wrong-state', 'a telephone rings for a call of this client already');
    const first = this.#options.calls.originations.begin({ caller, step, shown });
    this.#first = first;
    const originated = await first.outcome;
    this.#first = undefined;
    if (originated.kind === 'failed') return fault('failed', 'the telephone did not take the call', originated.status);
    if (!this.#closed) return { leg: originated.leg };
    originated.leg.close();
    return fault('failed', 'the client is gone', 487);
  }

  /** The telephone that the mode directs. */
  #firstStep():
    | { readonly kind: 'ring'; readonly step: RingStep; readonly device: UserDevice | undefined }
    | { readonly kind: 'none'; readonly outcome: ControlOutcome } {
    if (this.#mode === 'other-phone') {
      const step = this.#stepToOtherPhone(this.#otherPhone);
      if (step.kind === 'ring') return { kind: 'ring', step, device: undefined };
      return { kind: 'none', outcome: fault('refused', step.reason, step.status) };
    }
    const [device] = this.#directed;
    if (device === undefined)
      return { kind: 'none', outcome: fault('no-device', 'the device of this mode is not registered') };
    return { kind: 'ring', step: stepTo(this.#options.configuration(), this.user, [device], true), device };
  }

  #stepToOtherPhone(number: string) {
    const { calls, configuration } = this.#options;
    return stepToOtherPhone(configuration(), this.user, calls.plan(this.#caller(undefined), number));
  }

  #caller(device: UserDevice | undefined): CallingUser {
    if (device === undefined) return { kind: 'user', user: this.user, extension: this.extension };
    const { extension, id } = device;
    // Which numbers are those of help, and where it is sent, is said by where the telephone is.
    const remoteAddress = this.#options.calls.state.device(extension, id)?.ways[0].flow.remoteAddress;
    const place = remoteAddress === undefined ? {} : { remoteAddress };
    return { kind: 'user', user: this.user, extension, device: id, ...place };
  }

  get #devices(): readonly UserDevice[] {
    const { configuration, calls } = this.#options;
    return devicesOf(configuration(), calls.state, this.user);
  }

  /** Those that the mode directs. */
  get #directed(): readonly UserDevice[] {
    const devices = this.#devices;
    if (this.#mode === 'desk-phone') return devices.filter(({ deviceClass }) => deviceClass === 'desk');
    if (this.#mode === 'other-phone') return [];
    const classes = this.#device === undefined ? CLIENTS : [this.#device];
    const present = classes.find((each) => devices.some(({ deviceClass }) => deviceClass === each));
    return devices.filter(({ deviceClass }) => deviceClass === present);
  }

  readonly #isDirected = (leg: Leg): boolean => {
    if (this.#mode !== 'other-phone') return this.#directed.some(({ id }) => id === leg.party.device);
    return placeOf(leg, [], extensionsOf(this.#options.configuration(), this.user)) === 'other-phone';
  };

  /** The user's part in a call, at the device that the mode directs unless others count. */
  #partIn(
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

  #talkingPart(id: string): Part | undefined {
    return this.#partIn(id, ({ call, leg }) => call.peerOf(leg) !== undefined);
  }

  #ringingPart(id: string): Part | undefined {
    return this.#partIn(id, ({ call, leg }) => call.waiting !== leg && !leg.wasUp);
  }

  get #mayTrombone(): boolean {
    return this.#options.configuration().system.telephony.trunkToTrunk !== 'never';
  }
}

/** One that the box holds in his name comes last. */
function byHold(a: Part, b: Part): number {
  return Number(a.call.isHeldFor(a.leg)) - Number(b.call.isHeldFor(b.leg));
}

const TROMBONE = fault(
  'refused',
  'calls may not come over a line and leave by one (system.telephony.trunkToTrunk)',
  403,
);

const HELP_GOES_ASTRAY = fault('refused', 'help would be sent to the office: call it from the telephone itself', 403);

/** The seeds: not for users with basic features, and the virtual desktop for the largest profiles alone. */
function licenceRefusal(configuration: Configuration, user: string, mode: Mode): ControlOutcome | undefined {
  const profile = Object.hasOwn(configuration.users, user) ? configuration.users[user]?.profile : undefined;
  if (profile === undefined) return fault('not-licensed', 'there is no such user');
  const rights = rightsOf(configuration, profile);
  const isAllowed = rights.features === 'advanced' && (mode !== 'virtual-desktop' || rights.mobile);
  return isAllowed ? undefined : fault('not-licensed', `the profile of the user does not have the mode ${mode}`);
}

/** Tells a phone that knows the event to do it (NOTIFY in the dialog of the call). False where it does not. */
async function notify(leg: Leg, event: 'talk' | 'hold'): Promise<boolean> {
  if (!leg.device.knows(event)) return false;
  const response = await leg.request('NOTIFY', {
    headers: [
      ['Event', event],
      ['Subscription-State', 'active'],
    ],
  });
  return response !== undefined && response.status < 300;
}
