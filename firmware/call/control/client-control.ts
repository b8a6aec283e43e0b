import { rightsOf } from '../../config/licensing.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { CallServer } from '../call-server.ts';
import type { Conferences } from '../feature/conference.ts';
import { leadsOutside, type TransferRequest, type Transfers } from '../feature/transfer.ts';
import type { Leg } from '../leg/leg.ts';
import { isForHelp } from '../routing/emergency.ts';
import type { RingStep } from '../routing/plan.ts';
import type { AbandonedHolds } from './abandoned-holds.ts';
import type { ClientDevice, ControlRequest } from './control-request.ts';
import { DirectedTelephone, type Part } from './directed-telephone.ts';
import { CLIENT_GONE, FirstTelephone } from './first-telephone.ts';
import { forbids, type Mode } from './mode.ts';
import type { OtherPhones } from './other-phones.ts';
import { type ControlOutcome, DONE, fault } from './outcome.ts';
import type { PhonesCalledAnew } from './phones-called-anew.ts';
import { type CallingUser, type Place, stepTo } from './user-places.ts';

export interface ClientControlOptions {
  readonly calls: CallServer;
  readonly transfers: Pick<Transfers, 'transfer'>;
  readonly conferences: Pick<Conferences, 'merge' | 'roomOf'>;
  readonly otherPhones: OtherPhones;
  readonly calledAnew: PhonesCalledAnew;
  readonly holds: AbandonedHolds;
  readonly configuration: () => Configuration;
}

const NO_CALL = fault('no-such-call', 'the user has no such call at the device that this mode directs');

/**
 * One client of a user, which directs the telephone that its mode says: his desk phone, another telephone, or the client on the
 * computer before him. What it asks is done in the name of the user, with his class of service, and to his calls alone.
 */
export class ClientControl {
  readonly #options: ClientControlOptions;
  readonly #telephone: DirectedTelephone;
  readonly #first: FirstTelephone;
  #closed = false;

  constructor(user: string, extension: string, options: ClientControlOptions) {
    this.#options = options;
    this.#telephone = new DirectedTelephone(user, extension, options);
    this.#first = new FirstTelephone(options);
    options.holds.clientCame(user);
  }

  get user(): string {
    return this.#telephone.user;
  }

  /** The extension by whose password the client has logged in. */
  get extension(): string {
    return this.#telephone.extension;
  }

  get mode(): Mode {
    return this.#telephone.mode;
  }

  /** Why the user may not have the mode that he is in any more, in words. */
  get modeRefusal(): string | undefined {
    const refused = this.#refusalOfMode(this.mode);
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
      const step = this.#telephone.stepToOtherPhone(named);
      if (step.kind === 'no-telephone') return fault('refused', step.reason, step.status);
      this.#telephone.otherPhone = named;
      otherPhones.set(this.user, this, named);
    } else otherPhones.delete(this.user, this);
    this.#telephone.mode = mode;
    this.#telephone.device = device;
    return DONE;
  }

  /** Never rejects but for a fault of the box. */
  async ask(request: ControlRequest): Promise<ControlOutcome> {
    const why = forbids(this.mode, request.verb);
    if (why !== undefined) return fault('not-in-this-mode', why);
    if (!BEFORE_A_CONVERSATION.has(request.verb)) await this.#joined(request);
    switch (request.verb) {
      case 'make':
        return this.#make(request.number);
      case 'cancel':
        return this.#first.cancel() ? DONE : fault('wrong-state', 'no telephone rings for a call of this client');
      case 'answer':
        return this.#answer(request.call);
      case 'ignore':
      case 'drop':
        return this.#turnAway(request.call, request.verb === 'ignore' ? 'ignored' : 'declined');
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

  /** A call is told as talking a moment before its media are joined. */
  async #joined(request: ControlRequest): Promise<void> {
    const named = 'call' in request ? [request.call] : 'calls' in request ? request.calls : [];
    const calls = [...this.#options.calls.calls].filter(({ id }) => named.includes(id));
    await Promise.allSettled(calls.map((call) => call.joining));
  }

  /** A telephone of his is about to ring for that call again: for a moment he has no part in it. */
  isAnswering(call: string): boolean {
    return this.#options.calledAnew.has(this.user, call);
  }

  /** Where the user is in a call of his. */
  placesIn(call: string): readonly Place[] {
    return this.#telephone.placesIn(call);
  }

  /** Its mode is over, and what rings for a call of it; calls that are there go on, and soon those that it held. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.holds.clientWent(this.user);
    this.#options.otherPhones.delete(this.user, this);
    this.#first.close();
  }

  #refusalOfMode(mode: Mode): ControlOutcome | undefined {
    return mode === 'this-computer' ? undefined : licenceRefusal(this.#options.configuration(), this.user, mode);
  }

  async #make(number: string): Promise<ControlOutcome> {
    const { calls } = this.#options;
    const first = this.#telephone.firstStep();
    if (first.kind !== 'ring') return first.outcome;
    const caller = this.#telephone.caller(first.device);
    const refusal = (): ControlOutcome | undefined => this.#refusalOf(caller, number, first.step);
    const refused = refusal();
    if (refused !== undefined) return refused;
    // Help is not to wait for a telephone that may take no REFER after all.
    const device = isForHelp(calls.plan(caller, number).step) ? undefined : first.device;
    const called = await this.#first.call(first.step, caller, device, number);
    if ('begun' in called) return { ok: true, call: called.begun.id };
    if (!('leg' in called)) return called;
    // What holds now need not be what held when it began to ring.
    const late = refusal();
    if (late !== undefined) {
      called.leg.close();
      return late;
    }
    return { ok: true, call: calls.dial(called.leg, caller, number).id };
  }

  /** Why the user may not call there from the telephone of that step. */
  #refusalOf(caller: CallingUser, number: string, first: RingStep): ControlOutcome | undefined {
    const { step } = this.#options.calls.plan(caller, number);
    if (step.kind === 'refuse') return fault('refused', `the number leads nowhere: ${step.reason}`, step.status);
    const isOutside = first.targets.some(({ kind }) => kind === 'line');
    if (step.kind === 'feature' && AT_ITSELF.has(step.feature)) {
      return fault('refused', 'the code is about the telephone where it is dialled: dial it there', 403);
    }
    if (this.mode === 'other-phone' && isForHelp(step)) return HELP_GOES_ASTRAY;
    if (isOutside && leadsOutside(step) && !this.#mayTrombone) return TROMBONE;
    return undefined;
  }

  async #answer(id: string): Promise<ControlOutcome> {
    const { calls, configuration, calledAnew } = this.#options;
    if (this.isAnswering(id)) return ANSWERS_ALREADY;
    const part = this.#telephone.ringingPart(id);
    if (part === undefined) return NO_CALL;
    const { call, leg } = part;
    if (call.hasBeside) return ANSWERS_ALREADY;
    // What it knows it says when it rings.
    await leg.device.whenMet();
    if (await notify(leg, 'talk')) return DONE;
    // It was picked up meanwhile, here or elsewhere.
    if (leg.isUp) return DONE;
    if (this.isAnswering(id)) return ANSWERS_ALREADY;
    const device = this.#telephone.directed.find(({ id: each }) => each === leg.party.device);
    if (device === undefined || leg.isEnded) return fault('wrong-state', 'it does not ring any more');
    // A phone that cannot be told to answer is called anew, and answers by itself; not before it has ended the first one.
    const step = stepTo(configuration(), this.user, [{ ...device, calls: 0 }], true);
    const outcome = await calledAnew.call(this.user, call, leg, calls.runners.runnerOf(step));
    switch (outcome) {
      case 'answered':
        return DONE;
      case 'given-up':
        return fault('wrong-state', 'it was turned away meanwhile');
      case 'over':
        return fault('wrong-state', 'it does not ring any more');
      case 'failed':
        return fault('failed', 'the phone did not answer; whatever else was to become of the call goes on');
    }
  }

  #turnAway(id: string, how: 'ignored' | 'declined'): ControlOutcome {
    const isDirected = (device: string): boolean => this.#telephone.directed.some((each) => each.id === device);
    if (this.#options.calledAnew.turnAway(this.user, id, how, isDirected)) return DONE;
    const ringing = this.#telephone.ringingPart(id);
    if (ringing !== undefined) {
      ringing.leg.turnAway(how);
      return DONE;
    }
    if (how === 'ignored') return NO_CALL;
    const part = this.#telephone.partIn(id, () => true);
    if (part === undefined) return NO_CALL;
    part.call.hangUp(part.leg);
    return DONE;
  }

  async #hold(id: string): Promise<ControlOutcome> {
    const part = this.#telephone.talkingPart(id);
    if (part === undefined) return NO_CALL;
    const { call, leg } = part;
    if (leg.isHolding || call.isHeldFor(leg)) return fault('wrong-state', 'the call is on hold');
    if (await notify(leg, 'hold')) return DONE;
    // Nobody would take it back.
    if (this.#closed) return CLIENT_GONE;
    return call.hold(leg, true) ? DONE : fault('wrong-state', 'the call is in no conversation');
  }

  /** Takes back what is on hold here, or brings here what is at another device. */
  async #retrieve(id: string): Promise<ControlOutcome> {
    const here = this.mode === 'this-computer' ? undefined : this.#telephone.talkingPart(id);
    if (here !== undefined) {
      const { call, leg } = here;
      if (call.isHeldFor(leg)) return call.hold(leg, false) ? DONE : NO_CALL;
      if (!leg.isHolding) return fault('wrong-state', 'the call is not on hold');
      return (await notify(leg, 'talk')) ? DONE : fault('failed', 'the phone holds it, and cannot be told to go on');
    }
    const part = this.#telephone.partIn(
      id,
      ({ call, leg }) => call.peerOf(leg) !== undefined,
      () => true,
    );
    if (part === undefined) return NO_CALL;
    const first = this.#telephone.firstStep();
    if (first.kind !== 'ring') return first.outcome;
    if (first.device !== undefined && first.device.id === part.leg.party.device) {
      return fault('wrong-state', 'the call is here already');
    }
    return this.#bring(part, first.step, this.#telephone.caller(first.device));
  }

  /** His other devices ring for what is here; until one answers it stays. */
  async #move(id: string): Promise<ControlOutcome> {
    const part = this.#telephone.talkingPart(id);
    if (part === undefined) return NO_CALL;
    const others = this.#telephone.devices.filter((device) => device.id !== part.leg.party.device);
    if (others.length === 0) return fault('no-device', 'the user has no other device');
    const { configuration } = this.#options;
    return this.#bring(part, stepTo(configuration(), this.user, others, false), this.#telephone.caller(others[0]));
  }

  async #bring({ call, leg }: Part, step: RingStep, caller: CallingUser): Promise<ControlOutcome> {
    const { calls } = this.#options;
    const peer = call.peerOf(leg);
    const isOutside = step.targets.some(({ kind }) => kind === 'line');
    if (isOutside && peer?.party.line !== undefined && !this.#mayTrombone) return TROMBONE;
    const { number = '', name, isPrivate } = peer?.party ?? {};
    const rung = await this.#first.ring(step, caller, {
      number: number || undefined,
      name,
      isWithheld: isPrivate === true,
    });
    if (!('leg' in rung)) return rung;
    const by = { number: leg.party.number, name: leg.party.name, user: this.user };
    const isDone = call.peerOf(leg) !== undefined && (await calls.replaceLeg(leg, rung.leg, { how: 'steal', by }));
    if (isDone) return { ok: true, call: call.id };
    rung.leg.close();
    return fault('wrong-state', 'the call was over meanwhile');
  }

  async #transfer(id: string, number: string | undefined, to: string | undefined): Promise<ControlOutcome> {
    const { calls, transfers } = this.#options;
    const part = this.#telephone.talkingPart(id);
    if (part === undefined) return NO_CALL;
    const consultation = to === undefined ? undefined : this.#telephone.talkingPart(to)?.leg;
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
      const caller = this.#telephone.callerAt(part.leg);
      // Who is in the office is found by his own telephone; nobody knows where the other phone and who called from outside are.
      const isOutside = part.call.peerOf(part.leg)?.party.line !== undefined;
      if (this.mode === 'other-phone' && isOutside && number !== undefined) {
        if (isForHelp(calls.plan(caller, number).step)) return resolve(HELP_GOES_ASTRAY);
      }
      const status = transfers.transfer(request, part.leg, caller, target);
      if (status !== undefined) resolve(fault('refused', 'the call cannot be transferred there', status));
    });
  }

  /** All whom he talks to in these calls come together with him: by the one that his telephone does not hold. */
  async #conference(ids: readonly string[]): Promise<ControlOutcome> {
    const { conferences } = this.#options;
    const parts = [...new Set(ids)].map((id) => this.#telephone.partIn(id, (part) => this.#isTalking(part)));
    const own = parts.flatMap((part) => part ?? []);
    if (own.length < parts.length) return NO_CALL;
    if (own.length < 2) return fault('wrong-state', 'a conference takes two calls or more');
    const rooms = new Set(own.flatMap(({ leg }) => conferences.roomOf(leg) ?? []));
    // Who is in it, and by which PIN, is its owner's to say.
    if (rooms.size > 1 && [...rooms].some(({ owner }) => owner !== this.user)) {
      return fault('wrong-state', 'two conferences become one only where both are your own: leave one of them');
    }
    const [first] = own.filter(({ leg }) => !leg.isHolding).sort(byHold);
    if (first === undefined) return fault('wrong-state', 'the phone holds all of them: retrieve one first');
    const { leg } = first;
    const caller = this.#telephone.callerAt(leg);
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
    const part = this.#telephone.partIn(id, ({ leg }) => leg.isUp);
    if (part === undefined) return NO_CALL;
    for (const digit of digits) part.leg.type({ digit, durationMs: undefined });
    return DONE;
  }

  get #mayTrombone(): boolean {
    return this.#options.configuration().system.telephony.trunkToTrunk !== 'never';
  }
}

/** One that the box holds in his name comes last. */
function byHold(a: Part, b: Part): number {
  return Number(a.call.isHeldFor(a.leg)) - Number(b.call.isHeldFor(b.leg));
}

/** Nobody need have answered yet. */
const BEFORE_A_CONVERSATION: ReadonlySet<string> = new Set(['make', 'cancel', 'answer', 'ignore', 'drop']);

/** Codes that say whose telephone it is, and to whose telephone a client is let is known before it rings. */
const AT_ITSELF: ReadonlySet<string> = new Set(['extension-login', 'extension-logout']);

const ANSWERS_ALREADY = fault('wrong-state', 'the phone is called anew already');

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
