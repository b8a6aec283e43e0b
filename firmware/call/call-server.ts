import { findExtension } from '../config/extension.ts';
import type { Configuration } from '../config/schema/configuration.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import type { Authenticator } from '../registrar/authenticator.ts';
import type { Gruus } from '../registrar/gruu.ts';
import type { LocationService } from '../registrar/location.ts';
import { type DialogInfo, type Flow, type IncomingInvite, type SipStack, wantsPrivacy } from '../sip/stack.ts';
import { Call } from './call.ts';
import type { CallOptions } from './call-options.ts';
import type { JoinedHow } from './call-report.ts';
import { extensionPlan } from './extension-plan.ts';
import type { CallDirection, CallParty } from './history/call-event.ts';
import type { CallFeed } from './history/call-feed.ts';
import { IncomingLeg } from './leg/incoming-leg.ts';
import type { Leg, LegServices } from './leg/leg.ts';
import type { LegParty } from './leg/leg-party.ts';
import type { MediaSettings } from './leg/media-settings.ts';
import { Originations } from './origination.ts';
import type { LineAbilities, OutsideLines, PlacedCall } from './outside.ts';
import { PresentState } from './present-state.ts';
import { isForHelp } from './routing/emergency.ts';
import type { Caller, EmergencyCall, LineCall, Plan, RoutingRequest, ShownIdentity, Step } from './routing/plan.ts';
import { LineRunner } from './step/line-step.ts';
import { RingRunner } from './step/ring-step.ts';
import { type StepRun, StepRunners } from './step/step-runner.ts';

export interface CallServerOptions {
  readonly stack: () => SipStack;
  readonly media: LegServices['media'];
  readonly location: LocationService;
  readonly authenticator: Authenticator;
  readonly gruus: Pick<Gruus, 'find'>;
  readonly lines: OutsideLines;
  /** Is told what becomes of calls. */
  readonly feed: Pick<CallFeed, 'emit'>;
  readonly configuration: () => Configuration;
  readonly route: (request: RoutingRequest) => Plan;
  /** What an extension may do in a call that begins now. */
  readonly mediaSettings: (extension: string) => MediaSettings;
  /** What a call over a line may do. */
  readonly lineSettings: (abilities: LineAbilities) => MediaSettings;
  /** Whether media may go past the box between two peers, as configured now. */
  readonly mayBeDirect: (flows: readonly [Flow, Flow]) => boolean;
  /** A party that should send and has not for so long is gone; 0: never. */
  readonly silenceSeconds: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

/** More than a box of this class ever carries; each call costs memory and ports. */
const MAX_CALLS = 400;

/** Who calls, once that is known. */
interface ReceivedCaller {
  readonly caller: Caller;
  readonly party: LegParty;
  readonly settings: MediaSettings;
  readonly dialled: string;
  /** Of a line. */
  readonly channel?: Pick<PlacedCall, 'answered' | 'ended' | 'shows' | 'names'>;
}

/** Takes the INVITEs, asks routing where each goes, and keeps the calls. */
export class CallServer {
  /** Who runs which step: features register here. */
  readonly runners = new StepRunners();
  readonly state: PresentState;
  /** Telephones that ring for calls which begin in the box. */
  readonly originations: Originations;
  /** Each is told of every call that somebody begins, once its plan runs. */
  readonly beginnings = new Set<(call: Call) => void>();
  /** Told of each call for help, as it begins. Set by the alarm. */
  whenEmergency: (call: EmergencyCall) => void = () => undefined;
  readonly #options: CallServerOptions;
  /** The oldest first. Replaced by each that comes or goes: a Set would keep what has left it (core/live-map.ts). */
  #calls: readonly Call[] = [];
  #services: LegServices | undefined;

  constructor(options: CallServerOptions) {
    this.#options = options;
    const { location, lines, clock, mediaSettings } = options;
    this.state = new PresentState({
      location,
      lines,
      calls: () => this.#calls,
      isOpen: (flow) => options.stack().isOpen(flow),
      clock,
    });
    const services = () => this.services;
    const lineSettings = (abilities: LineAbilities, isEmergency: boolean) =>
      forEmergency(options.lineSettings(abilities), isEmergency);
    const ring = new RingRunner({
      services,
      lines,
      clock,
      device: (extension, id) => this.state.device(extension, id),
      partyOf: (extension) => this.partyOf(extension),
      mediaSettings,
      lineSettings,
    });
    this.runners.register('ring', ring);
    this.originations = new Originations({
      ring: (step, host) => ring.ring(step, host),
      isFull: () => this.#isFull,
      logger: options.logger,
    });
    const onEmergency = (call: LineCall): void => this.#noteEmergency(call);
    this.runners.register('line', new LineRunner({ services, lines, settings: lineSettings, onEmergency }));
  }

  get calls(): ReadonlySet<Call> {
    return new Set(this.#calls);
  }

  /** What a leg works with, for those that a feature makes. */
  get services(): LegServices {
    const { stack, media, clock, logger, sourceLog, silenceSeconds, configuration } = this.#options;
    this.#services ??= {
      stack: stack(),
      media,
      clock,
      logger,
      sourceLog,
      silenceSeconds,
      locale: () => configuration().system.locale,
    };
    return this.#services;
  }

  /** Takes any INVITE that opens a session. */
  invite(invite: IncomingInvite): void {
    const { sourceLog } = this.#options;
    const received = this.#receive(invite);
    if (received === undefined) return;
    const { message, flow } = invite;
    if (message.maxForwards < 1) {
      invite.reject(483);
      return;
    }
    if (this.#isFull) {
      invite.reject(503, { headers: [['Retry-After', '10']] });
      return;
    }
    const { caller, party, dialled, channel } = received;
    const plan = this.#plan(invite, caller, dialled);
    const isEmergency = isForHelp(plan.step);
    const leg = new IncomingLeg({
      services: this.services,
      invite,
      party: isEmergency ? { ...party, isEmergency } : party,
      settings: forEmergency(received.settings, isEmergency),
      onAccepted: () => channel?.answered(),
      ...(channel === undefined
        ? {}
        : { identify: (other) => channel.shows(other), named: (headers) => channel.names(headers) }),
    });
    leg.whenOver(() => channel?.ended());
    const refusal = leg.readInvite();
    if (refusal !== undefined) {
      sourceLog.warn(flow.remoteAddress, { from: party.number, to: dialled, why: refusal.why }, 'offer refused');
      void leg.reject({ status: refusal.status, refusal });
      return;
    }
    if (invite.replaces !== undefined) {
      this.#replace(leg, invite.replaces, caller, plan.caller);
      return;
    }
    this.#startPlanned(leg, caller, dialled, plan, message.maxForwards - 1);
  }

  /** A leg that is up, and in no call, goes on as if its party had dialled this there. */
  dial(leg: Leg, caller: Caller, dialled: string): Call {
    const plan = this.plan(caller, dialled);
    if (isForHelp(plan.step)) leg.party = { ...leg.party, isEmergency: true };
    return this.#startPlanned(leg, caller, dialled, plan, 70);
  }

  /** The call that a leg is in. */
  callOf(leg: Leg): Call | undefined {
    for (const call of this.#calls) if (call.legs.has(leg)) return call;
    return undefined;
  }

  /** The leg of a session of the SIP stack (`IncomingInvite.replaces`), or of a dialog (`IncomingRefer.dialog`). */
  legOf(of: object | DialogInfo): Leg | undefined {
    for (const call of this.#calls) {
      for (const leg of call.legs) {
        if (leg.isOf(of) || ('callId' in of && leg.isInDialog(of as DialogInfo))) return leg;
      }
    }
    return undefined;
  }

  /** Those of all calls. */
  *legs(): Generator<Leg> {
    for (const { legs } of this.#calls) yield* legs;
  }

  /** The legs of a user's devices, those that ring among them, the oldest call first. */
  legsOf(user: string): readonly Leg[] {
    return this.#calls.flatMap(({ legs }) => [...legs].filter(({ party }) => party.user === user));
  }

  /** The calls that a user has, or that ring a device of his, the oldest first. */
  callsOf(user: string): readonly Call[] {
    return this.#calls.filter(({ legs }) => [...legs].some(({ party }) => party.user === user));
  }

  /** Who has that extension. */
  partyOf(extension: string): LegParty {
    const configuration = this.#options.configuration();
    const user = configuration.extensions[extension]?.user;
    const name = findExtension(configuration, extension)?.name ?? extension;
    return { number: extension, name, extension, ...(user === undefined ? {} : { user }) };
  }

  /** Where a number leads for somebody, now. */
  plan(caller: Caller, dialled: string): Plan {
    const { configuration, route, clock } = this.#options;
    return route({ caller, dialled, configuration: configuration(), at: clock.now(), state: this.state });
  }

  /**
   * Takes a leg that is up out of its call, whose others are ended, and runs this for it in a new call: a blind transfer, a park slot.
   * Undefined where the leg was gone by then.
   */
  async giveNewPlan(
    leg: Leg,
    step: Step | StepRun,
    about: {
      readonly caller: Caller;
      readonly shown: ShownIdentity;
      readonly dialled: string;
      readonly reason?: string;
      /** Legs of the former call that are not ended, and the caller's from the moment that this returns. */
      readonly keeping?: readonly Leg[];
    },
  ): Promise<Call | undefined> {
    const { reason, keeping = [], ...more } = about;
    const former = this.callOf(leg);
    await former?.take([leg, ...keeping], 'transferred', reason);
    if (leg.isEnded) {
      leg.close();
      return undefined;
    }
    const direction = typeof step === 'function' ? 'internal' : directionOf(about.caller, step);
    return this.#start(
      { ...more, waiting: leg, direction, maxForwards: 70, ...(former === undefined ? {} : { follows: former.id }) },
      step,
    );
  }

  /**
   * `leg` takes the place of `old` in the conversation that this one has; both its own former call and `old` are ended. `leg` is up, or
   * waits for its answer. False, with `leg` ended, where there is no such conversation any more, or nothing could be agreed on.
   */
  async replaceLeg(
    old: Leg,
    leg: Leg,
    about: { readonly how: JoinedHow; readonly by?: CallParty; readonly reason?: string },
  ): Promise<boolean> {
    const call = this.callOf(old);
    const former = this.callOf(leg);
    if (call?.peerOf(old) === undefined || call === former) return false;
    await former?.take([leg], 'transferred', about.reason);
    const from = former === undefined ? {} : { from: former.id };
    const isReplaced = await call.replaceLeg(old, leg, { ...about, ...from });
    if (!isReplaced) await leg.reject({ status: 488 });
    return isReplaced;
  }

  /** Two legs of different calls talk to each other; everybody else of both calls is ended. As `replaceLeg`. */
  async join(
    first: Leg,
    second: Leg,
    about: { readonly how: JoinedHow; readonly by?: CallParty; readonly reason?: string },
  ): Promise<boolean> {
    const old = this.callOf(first)?.peerOf(first);
    return old !== undefined && this.replaceLeg(old, second, about);
  }

  /** `leg` gets the party that waits in `call`, whose devices stop ringing. As `replaceLeg`. */
  async pickUp(call: Call, leg: Leg): Promise<boolean> {
    const former = this.callOf(leg);
    if (call === former) return false;
    await former?.take([leg], 'transferred');
    const isPickedUp = !leg.isEnded && call.pickUp(leg);
    if (!isPickedUp) await leg.reject({ status: 480 });
    return isPickedUp;
  }

  /** These addresses of ours go: ends the calls over them, whose phones could not even hang up any more. */
  leave(addresses: readonly string[]): void {
    for (const call of this.#calls) if (call.goesOver(addresses)) call.shutDown();
  }

  /** How long a party may be silent is configured otherwise: counts for those that are up, too. */
  watchAnew(): void {
    for (const { legs } of this.#calls) for (const leg of legs) leg.media.watchAnew();
  }

  /** Ends every call. */
  shutDown(): void {
    this.originations.close();
    for (const call of this.#calls) call.shutDown();
  }

  get #isFull(): boolean {
    return this.#calls.length + this.originations.size >= MAX_CALLS;
  }

  /** Who calls; undefined where the INVITE is answered already. */
  #receive(invite: IncomingInvite): ReceivedCaller | undefined {
    const { authenticator, sourceLog, lines, lineSettings, mediaSettings, configuration } = this.#options;
    const { message, flow } = invite;
    const outside = lines.receive(invite, () => this.legOf(invite)?.fail({ cause: 'no-line' }));
    if (outside.kind === 'refused') {
      sourceLog.warn(flow.remoteAddress, { why: outside.why }, 'call of a line refused');
      invite.reject(outside.status, outside.options);
      return undefined;
    }
    if (outside.kind === 'call') {
      const { line, callerNumber, callerName, isWithheld, calledNumber, abilities } = outside;
      invite.handlers = { onEnded: () => outside.ended() };
      return {
        caller: {
          kind: 'line',
          line,
          ...(callerNumber === undefined ? {} : { callerNumber }),
          ...(callerName === undefined ? {} : { callerName }),
        },
        party: {
          number: callerNumber ?? '',
          name: callerName ?? callerNumber ?? '',
          line,
          ...(isWithheld ? { isPrivate: true } : {}),
        },
        settings: lineSettings(abilities),
        dialled: calledNumber,
        channel: outside,
      };
    }
    // No call from a stranger: each INVITE proves who sends it, whatever From says.
    const authentication = authenticator.authenticate(message, flow);
    if (authentication.kind === 'challenge') {
      if (authentication.failed) {
        const { user, why } = authentication;
        sourceLog.warn(flow.remoteAddress, { user, why }, 'INVITE with wrong credentials');
      }
      invite.reject(401, { headers: authentication.headers });
      return undefined;
    }
    const { extension } = authentication;
    const dialled = message.sipUri?.user ?? '';
    // Whoever may not call anybody else may call help, once it is known where from.
    const isAdmitted = authentication.kind === 'ok' || (extension !== undefined && this.#isForHelp(extension, dialled));
    if (!isAdmitted || extension === undefined) {
      const { why, headers } = authentication.kind === 'refused' ? authentication : { why: 'refused', headers: [] };
      sourceLog.warn(flow.remoteAddress, { why }, 'INVITE refused');
      invite.refuse(403, { headers });
      return undefined;
    }
    if (findExtension(configuration(), extension) === undefined) {
      invite.reject(403);
      return undefined;
    }
    const device = this.state.deviceAt(extension, flow);
    const isPrivate = wantsPrivacy(message.headers.get('Privacy'));
    const party: LegParty = {
      ...this.partyOf(extension),
      ...(device === undefined ? {} : { device }),
      ...(isPrivate ? { isPrivate } : {}),
    };
    const common = { extension, remoteAddress: flow.remoteAddress, ...(device === undefined ? {} : { device }) };
    return {
      caller:
        party.user === undefined
          ? { kind: 'nobody', ...common }
          : { kind: 'user', user: party.user, ...common, ...(isPrivate ? { withholdsNumber: true } : {}) },
      party,
      settings: mediaSettings(extension),
      dialled,
    };
  }

  #isForHelp(extension: string, dialled: string): boolean {
    return isForHelp(this.plan({ kind: 'nobody', extension }, dialled).step);
  }

  #plan({ message }: IncomingInvite, caller: Caller, dialled: string): Plan {
    const { gruus, configuration, location } = this.#options;
    // RFC 5627 §5.4: a GRUU leads to one instance and no other.
    const instance = message.sipUri === undefined ? undefined : gruus.find(message.sipUri);
    if (instance === undefined) return this.plan(caller, dialled);
    const callee = findExtension(configuration(), instance.aor);
    const shown = shownOf(caller, this.partyOf('extension' in caller ? caller.extension : ''));
    if (callee === undefined) {
      const step = { kind: 'refuse', status: 404, reason: 'no-such-number', why: 'a GRUU of nobody' } as const;
      return { step, decisions: [], caller: shown };
    }
    const meant = new Set(location.lookup(callee.number).filter((binding) => instance.isMeant(binding)));
    return extensionPlan(
      { caller, state: this.state },
      callee,
      shown,
      ({ id }) => this.state.device(callee.number, id)?.ways.some((binding) => meant.has(binding)) === true,
    );
  }

  /** RFC 3891: who is called takes the place of whom he names; of one that only rings for the box, its caller. */
  #replace(leg: IncomingLeg, session: object, caller: Caller, shown: ShownIdentity): void {
    const old = this.legOf(session);
    const call = old === undefined ? undefined : this.callOf(old);
    if (old === undefined || call === undefined) {
      void leg.reject({ status: 481 });
      return;
    }
    if (!mayReplace(caller, old)) {
      void leg.reject({ status: 403 });
      return;
    }
    const by = { number: leg.party.number, name: shown.name ?? caller.kind };
    if (call.peerOf(old) !== undefined) void this.replaceLeg(old, leg, { how: 'transfer', by });
    else if (call.other === undefined && old !== call.waiting) void this.pickUp(call, leg);
    else void leg.reject({ status: 481 });
  }

  #startPlanned(
    waiting: Leg,
    caller: Caller,
    dialled: string,
    { step, caller: shown }: Plan,
    maxForwards: number,
  ): Call {
    const direction = directionOf(caller, step);
    const help = isForHelp(step) ? { isEmergency: true } : {};
    const call = this.#start({ waiting, caller, shown, dialled, direction, maxForwards, ...help }, step);
    for (const listener of this.beginnings) listener(call);
    return call;
  }

  /** Help may call back by any of the numbers that a line shows; and who has to know of it is told. */
  #noteEmergency({ attempts, emergency }: LineCall): void {
    if (emergency === undefined) return;
    const { lines } = this.#options.configuration();
    const shown = attempts.map(({ identity, line }) => identity.number ?? lines[line]?.identity.emergencyNumber ?? '');
    for (const number of new Set(shown)) if (number !== '') this.state.noteEmergency(number, emergency);
    this.whenEmergency(emergency);
  }

  #start(
    options: Omit<CallOptions, 'runners' | 'mayBeDirect' | 'emit' | 'clock' | 'logger' | 'onEnded'>,
    first: Step | StepRun,
  ): Call {
    const { mayBeDirect, clock, logger, feed } = this.#options;
    const call = new Call({
      ...options,
      runners: this.runners,
      mayBeDirect,
      emit: (event) => feed.emit(event),
      clock,
      logger,
      onEnded: () => {
        this.#calls = this.#calls.filter((other) => other !== call);
      },
    });
    this.#calls = [...this.#calls, call];
    call.start(first);
    return call;
  }
}

function directionOf(caller: Caller, step: Step): CallDirection {
  return caller.kind === 'line' ? 'incoming' : step.kind === 'line' ? 'outgoing' : 'internal';
}

/**
 * RFC 3891 §4: whoever takes a place has to be allowed to. A user moves what he has on another device of his; of others he picks up
 * what still rings, as by a short code. A carrier takes no place.
 */
function mayReplace(caller: Caller, { party, isUp }: Leg): boolean {
  if (caller.kind === 'line' || party.line !== undefined) return false;
  if (party.extension === caller.extension) return true;
  return caller.kind === 'user' && (party.user === caller.user || !isUp);
}

/** As an extension is shown to another. */
export function shownOf(caller: Caller, party: Pick<LegParty, 'number' | 'name'>): ShownIdentity {
  const isWithheld = caller.kind === 'user' && caller.withholdsNumber === true;
  return { number: party.number, name: party.name, isWithheld };
}

/** Help is called without SRTP where nothing else works. */
function forEmergency(settings: MediaSettings, isEmergency: boolean): MediaSettings {
  return isEmergency && settings.security === 'enforced' ? { ...settings, security: 'preferred' } : settings;
}
