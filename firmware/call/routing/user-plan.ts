import type { User } from '../../config/schema/configuration.ts';
import { lookUp } from './look-up.ts';
import { planOutside } from './outside.ts';
import type {
  DeviceState,
  DiversionReason,
  MailboxStep,
  RefuseStep,
  RingOutcome,
  RingStep,
  RingTarget,
  Step,
} from './plan.ts';
import { MAX_DIVERSIONS, MAX_RING_SECONDS } from './plan.ts';
import {
  type Course,
  extensionsOf,
  mayAnswerByItself,
  nameOf,
  onward,
  type Payer,
  type PlanNumber,
  type Planning,
  rightsOf,
  STRAIGHT,
  userOf,
} from './planning.ts';
import { matchPattern } from './short-code.ts';
import { isWithin } from './time-profile.ts';

/** Calls that a device has at most, the one that waits among them. */
const MAX_CALLS_OF_DEVICE = 3;

/** A call to a user: who rings, for how long, and what follows. */
export function planUser(planning: Planning, number: string, course: Course, planNumber: PlanNumber): Step {
  const { configuration, request } = planning;
  const user = userOf(configuration, number);
  const refused = stopped(planning, number, course) ?? planning.grow();
  if (refused !== undefined) return refused;
  if (user === undefined) return planning.refuse('no-such-number', `there is no user ${number}`);
  const here: Course = { ...course, path: [...course.path, number] };
  const going = new Going(planning, number, user, here, planNumber);
  if (!user.enabled) return planning.refuse('unreachable', `the account of user ${number} is not enabled`);
  // Whoever calls himself wants his other devices, and none of what he set for others.
  const isOwn = request.caller.kind === 'user' && request.caller.user === number && course.diversions.length === 0;
  if (isOwn) {
    planning.note('user', `user ${number} calls himself: his other devices ring`, { user: number });
    const step = ring(going, ownDevices(planning, extensionsOf(configuration, number)), false);
    const isAlone = step.kind === 'refuse' && step.reason === 'unreachable';
    return isAlone ? planning.refuse('busy', `user ${number} has no device but the one that calls`) : step;
  }
  if (isDisturbed(planning, number, user)) return going.mailbox('do-not-disturb') ?? going.disturbed();
  if (user.followMe !== '') return followed(going);
  if (user.forwardUnconditional.enabled) {
    const step = going.forward('unconditional', user.forwardUnconditional.number);
    if (step !== undefined) return step;
  }
  return ring(going, devicesNow(going), true);
}

/** Where a user is to be rung: his devices, or at the other telephone that he is at; what follows stays his. */
function devicesNow({ planning, number, payer }: Going): readonly Device[] {
  const { configuration, request } = planning;
  const other = request.state.otherPhoneOf(number);
  if (other === undefined) return ownDevices(planning, extensionsOf(configuration, number));
  planning.note('user', `user ${number} is at another telephone, ${other}`, { user: number, target: other });
  // As he dials it himself.
  const meaning = lookUp(planning, other, payer);
  const isInternal = meaning.kind === 'user' || meaning.kind === 'extension';
  const extensions = isInternal ? internalExtensions(planning, meaning.number) : undefined;
  // A number outside that he may not be called at leaves him his devices.
  if (extensions === undefined) return ownDevices(planning, extensionsOf(configuration, number));
  return ownDevices(planning, extensions).map((device) => ({ ...device, isOtherPhone: true as const }));
}

/** A number outside that the user is at; undefined where he is not, or may not be. */
function otherPhoneOutside({ planning, number, user, payer }: Going): RingTarget | undefined {
  const other = planning.request.state.otherPhoneOf(number);
  // Follow me counts before it.
  if (other === undefined || user.followMe !== '') return undefined;
  const meaning = lookUp(planning, other, payer);
  if (meaning.kind !== 'outside') return undefined;
  const call = planOutside(planning, { ...meaning, isForwarded: true }, payer);
  return 'kind' in call ? undefined : { kind: 'line', call, delaySeconds: 0, isOtherPhone: true };
}

/** A member of a hunt group who gets no call of it now; `isBusy`: he is there all the same. */
export interface SkippedMember {
  readonly kind: 'skip';
  readonly why: string;
  readonly isBusy: boolean;
}

/** Whom of a member of a hunt group to ring; the reason where he is passed over. Nothing of it reaches his voicemail. */
export function planGroupMember(
  planning: Planning,
  group: { readonly number: string; readonly noAnswerSeconds: number; readonly mayWait: boolean },
  number: string,
  planNumber: PlanNumber,
): Step | SkippedMember {
  const skip = (why: string, isBusy = false): SkippedMember => {
    planning.note('hunt-group', `member ${number} of ${group.number} is passed over: ${why}`, { user: number });
    return { kind: 'skip', why, isBusy };
  };
  const { configuration } = planning;
  const user = userOf(configuration, number);
  if (user === undefined || !user.enabled) return skip('there is no such account in use');
  if (isDisturbed(planning, number, user)) return skip('do not disturb is on');
  const course: Course = { ...STRAIGHT, path: [group.number, number], mayLeaveMessage: false };
  const going = new Going(planning, number, user, course, planNumber);
  const { forwardUnconditional } = user;
  if (forwardUnconditional.enabled && forwardUnconditional.huntGroupCalls) {
    const step = going.forward('unconditional', forwardUnconditional.number);
    if (step !== undefined) return step;
  }
  const followed = user.followMe === '' ? undefined : internalExtensions(planning, user.followMe);
  const devices = followed === undefined ? devicesNow(going) : askingOthers(going, ownDevices(planning, followed));
  if (devices.some(({ state }) => state.calls > 0) && !(group.mayWait && user.callWaiting))
    return skip('he is in a call', true);
  const targets = targetsOf(going, devices, user.twinning.huntGroupCalls);
  if (targets.length === 0) return skip('no device of his can be reached');
  return { ...ringStep(going, targets), noAnswerSeconds: group.noAnswerSeconds, after: {} };
}

interface Device {
  readonly extension: string;
  readonly state: DeviceState;
  readonly isOtherPhone?: true;
  readonly onlyRings?: true;
}

/** Those of somebody else than whom the ring is for do not answer by themselves. */
function askingOthers({ planning, number }: Going, devices: readonly Device[]): readonly Device[] {
  const own = extensionsOf(planning.configuration, number);
  return devices.map((device) => (own.includes(device.extension) ? device : { ...device, onlyRings: true as const }));
}

/** Those that can be called, but for the one that is calling. */
function ownDevices(planning: Planning, extensions: readonly string[]): readonly Device[] {
  const { caller, state } = planning.request;
  const calling = caller.kind === 'line' ? undefined : caller.device;
  return extensions.flatMap((extension) =>
    state
      .devicesOf(extension)
      .filter(({ id }) => id !== calling)
      .map((each) => ({ extension, state: each })),
  );
}

/** The extensions behind a number of this box; undefined for any other. */
function internalExtensions({ configuration }: Planning, number: string): readonly string[] | undefined {
  if (userOf(configuration, number) !== undefined) return extensionsOf(configuration, number);
  return Object.hasOwn(configuration.extensions, number) ? [number] : undefined;
}

function isDisturbed(planning: Planning, number: string, user: User): boolean {
  const { enabled, exceptions } = user.doNotDisturb;
  if (!enabled) return false;
  const exception = exceptions.find((pattern) =>
    planning.callerNumbers.some((caller) => matchPattern(pattern, caller) !== undefined),
  );
  const text = exception === undefined ? 'is on' : `lets ${exception} through`;
  planning.note('user', `do not disturb of user ${number} ${text}`, { user: number });
  return exception === undefined;
}

function stopped(planning: Planning, number: string, { path, diversions }: Course): RefuseStep | undefined {
  if (path.includes(number)) {
    return planning.refuse('forward-loop', `the call goes round: ${[...path, number].join(' to ')}`);
  }
  if (diversions.length <= MAX_DIVERSIONS) return undefined;
  return planning.refuse('too-many-forwards', `the call went on ${diversions.length} times: ${path.join(' to ')}`);
}

/** One user whom the call is for now, and where it can go from him. */
class Going {
  readonly planning: Planning;
  readonly number: string;
  readonly user: User;
  /** Has the user in its path. */
  readonly course: Course;
  readonly #planNumber: PlanNumber;

  constructor(planning: Planning, number: string, user: User, course: Course, planNumber: PlanNumber) {
    this.planning = planning;
    this.number = number;
    this.user = user;
    this.course = course;
    this.#planNumber = planNumber;
  }

  get payer(): Payer {
    return { user: this.number, settings: this.user };
  }

  /** Undefined where the user may not, or has given no number. */
  forward(reason: DiversionReason, target: string): Step | undefined {
    const { planning, number, user } = this;
    if (target === '') return undefined;
    if (rightsOf(planning.configuration, user)?.enableForwarding === false) {
      planning.note('forward', `the user rights ${user.userRights} keep user ${number} from forwarding`, {
        user: number,
      });
      return undefined;
    }
    planning.note('forward', `user ${number} forwards to ${target} (${reason})`, { user: number, target, reason });
    return this.#planNumber(planning, target, this.payer, onward(this.course, number, reason));
  }

  /** The mailbox of whom the call was for at first; undefined where neither he nor the present one has one. */
  mailbox(because: DiversionReason): MailboxStep | undefined {
    const { planning, number, course } = this;
    if (!course.mayLeaveMessage) return undefined;
    const [first] = course.diversions;
    const owners = first === undefined ? [number] : [first.from, number];
    const owner = owners.find((each) => userOf(planning.configuration, each)?.voicemail.enabled === true);
    if (owner === undefined) return undefined;
    planning.note('mailbox', `${because}: the mailbox of user ${owner}`, { user: owner });
    return { kind: 'mailbox', purpose: 'leave', mailbox: owner, because };
  }

  disturbed(): RefuseStep {
    return this.planning.refuse('do-not-disturb', `user ${this.number} does not want to be disturbed`);
  }

  /** What follows where nobody answers: forward, coverage, voicemail; the next of them where one leads nowhere. */
  covered(reason: DiversionReason, forwards: readonly User['forwardOnBusy'][]): Step | undefined {
    for (const { enabled, number } of forwards) {
      const step = enabled ? this.forward(reason, number) : undefined;
      if (step !== undefined && step.kind !== 'refuse') return step;
    }
    if (reason !== 'user-busy' && this.user.coverageNumber !== '') {
      const { planning, number, user, course } = this;
      planning.note('forward', `${user.coverageNumber} covers user ${number} (${reason})`, { user: number, reason });
      const step = this.#planNumber(planning, user.coverageNumber, this.payer, onward(course, number, reason));
      if (step.kind !== 'refuse') return step;
    }
    return this.mailbox(reason);
  }

  after(outcome: (typeof OUTCOMES)[number][0]): Step | undefined {
    const { forwardOnBusy, forwardOnNoAnswer } = this.user;
    switch (outcome) {
      case 'busy':
        return this.covered('user-busy', [forwardOnBusy]);
      case 'noAnswer':
        return this.covered('no-answer', [forwardOnNoAnswer]);
      case 'unreachable':
        return this.covered('unavailable', [forwardOnBusy, forwardOnNoAnswer]);
    }
  }

  get declineStatus(): 486 | 603 {
    const { declinePolicy } = this.user;
    const policy =
      declinePolicy === 'system' ? this.planning.configuration.system.telephony.declinePolicy : declinePolicy;
    return policy === 'busy' ? 486 : 603;
  }
}

/** The devices of the number that the user follows ring in place of his own; what follows stays his. */
function followed(going: Going): Step {
  const { planning, number, user } = going;
  const extensions = internalExtensions(planning, user.followMe);
  planning.note('forward', `user ${number} is at ${user.followMe} (follow me)`, {
    user: number,
    target: user.followMe,
  });
  if (extensions !== undefined) return ring(going, askingOthers(going, ownDevices(planning, extensions)), true);
  return going.forward('follow-me', user.followMe) ?? ring(going, [], true);
}

const OUTCOMES = [
  ['busy', 'is busy'],
  ['noAnswer', 'does not answer'],
  ['unreachable', 'cannot be reached after all'],
] as const;

function ring(going: Going, devices: readonly Device[], goesOn: boolean): Step {
  const { planning, number, user } = going;
  const follow = (outcome: (typeof OUTCOMES)[number][0]) => (goesOn ? going.after(outcome) : undefined);
  const isBusy = devices.some(({ state }) => state.calls > 0);
  const targets = targetsOf(going, devices, true);
  if (targets.length === 0 && isBusy) {
    const why = user.callWaiting ? 'has as many calls as fit' : 'is in a call, and has no call waiting';
    planning.note('user', `user ${number} ${why}`, { user: number });
    return follow('busy') ?? planning.refuse('busy', `user ${number} is busy`);
  }
  if (targets.length === 0) {
    planning.note('user', `no device of user ${number} can be reached`, { user: number });
    return follow('unreachable') ?? planning.refuse('unreachable', `no device of user ${number} can be reached`);
  }
  const step = ringStep(going, targets);
  const after: Partial<Record<RingOutcome, Step>> = {};
  for (const [outcome, when] of OUTCOMES) {
    const next = planning.branch(`when user ${number} ${when}`, () => follow(outcome));
    if (next !== undefined) after[outcome] = next;
  }
  if (after.busy !== undefined && going.declineStatus === 486) after.declined = after.busy;
  return { ...step, after };
}

function ringStep(going: Going, targets: readonly RingTarget[]): RingStep {
  const { planning, number, user, course } = going;
  const { configuration } = planning;
  const isWaiting = targets.some((target) => target.kind === 'device' && target.isWaiting);
  const fromHere = planning.request.caller.kind === 'user';
  // Another telephone may stand where others hear.
  const isElsewhere = targets.some(({ isOtherPhone }) => isOtherPhone === true);
  const isAnyOwn = targets.some((target) => target.kind === 'device' && target.onlyRings !== true);
  const wanted = user.autoAnswer === 'all' || (user.autoAnswer === 'internal' && fromHere);
  const autoAnswer = wanted && isAnyOwn && !isWaiting && !isElsewhere;
  const noAnswerSeconds = user.noAnswerSeconds ?? configuration.system.telephony.noAnswerSeconds;
  const from = user.noAnswerSeconds === undefined ? 'the system' : 'the user';
  const text = `user ${number} rings ${noAnswerSeconds} s, as ${from} says`;
  planning.note('user', autoAnswer ? `${text}; his devices answer by themselves` : text, {
    user: number,
    targets: targets.length,
    noAnswerSeconds,
    autoAnswer,
  });
  return {
    kind: 'ring',
    party: {
      number,
      name: nameOf(configuration, number),
      ...(user.absentText !== '' && fromHere ? { absentText: user.absentText } : {}),
    },
    targets,
    noAnswerSeconds,
    alert: planning.alert,
    autoAnswer,
    declineStatus: going.declineStatus,
    diversions: course.diversions,
    after: {},
  };
}

/** Empty where the user is busy, or cannot be reached at all. */
function targetsOf(going: Going, devices: readonly Device[], withMobile: boolean): readonly RingTarget[] {
  const { planning, number, user } = going;
  const busy = devices.filter(({ state }) => state.calls > 0);
  if (busy.length > 0) {
    const free = busy.filter(({ state }) => user.callWaiting && state.calls < MAX_CALLS_OF_DEVICE);
    const text = `user ${number} is in a call: further ones come to that device alone`;
    if (free.length > 0) planning.note('user', text, { user: number, devices: free.length });
    return free.map((device) => target(going, device, true));
  }
  const outside = otherPhoneOutside(going);
  if (outside !== undefined) return [outside];
  const targets = devices.map((device) => target(going, device, false));
  // Whoever is at another telephone has said where to ring.
  if (devices.some(({ isOtherPhone }) => isOtherPhone === true)) return targets;
  targets.push(...twins(going));
  if (withMobile) targets.push(...mobileTwin(going, targets.length > 0));
  return targets;
}

function target(
  { planning: { configuration } }: Going,
  { extension, state, isOtherPhone, onlyRings }: Device,
  isWaiting: boolean,
): RingTarget {
  const other = isOtherPhone === true ? { isOtherPhone } : {};
  const asked = onlyRings === true || !mayAnswerByItself(configuration, extension) ? { onlyRings: true as const } : {};
  return { kind: 'device', extension, device: state.id, isWaiting, delaySeconds: 0, ...other, ...asked };
}

/** Devices of the user whom he is twinned with, those that are free: a telephone at which somebody wants quiet is quiet for both. */
function twins(going: Going): readonly RingTarget[] {
  const { planning, number, user } = going;
  const twin = user.internalTwinning;
  if (twin === undefined || twin === number) return [];
  const owner = userOf(planning.configuration, twin);
  if (owner !== undefined && isDisturbed(planning, twin, owner)) return [];
  const devices = askingOthers(going, ownDevices(planning, extensionsOf(planning.configuration, twin))).filter(
    ({ state }) => state.calls === 0,
  );
  planning.note('twinning', `devices of user ${twin} ring too: ${devices.length}`, { user: number, twin });
  return devices.map((device) => target(going, device, false));
}

function mobileTwin(going: Going, othersRing: boolean): readonly RingTarget[] {
  const { planning, number, user } = going;
  const { twinning } = user;
  if (!twinning.enabled || twinning.number === '') return [];
  const skip = (why: string): readonly RingTarget[] => {
    planning.note('twinning', `the twinned number of user ${number} does not ring: ${why}`, { user: number });
    return [];
  };
  if (!isWithin(planning.configuration, twinning.timeProfile, planning.request.at))
    return skip('it is for other times');
  const delaySeconds = othersRing ? twinning.delaySeconds : 0;
  const noAnswerSeconds = user.noAnswerSeconds ?? planning.configuration.system.telephony.noAnswerSeconds;
  if (delaySeconds >= Math.min(noAnswerSeconds, MAX_RING_SECONDS))
    return skip('its delay is beyond the no-answer time');
  const meaning = lookUp(planning, twinning.number, going.payer);
  if (meaning.kind !== 'outside') return skip('it leads to nowhere outside');
  const call = planOutside(planning, { ...meaning, isForwarded: true }, going.payer);
  if ('kind' in call) return skip(call.why);
  planning.note('twinning', `the twinned number ${twinning.number} rings after ${delaySeconds} s`, { user: number });
  return [{ kind: 'line', call, delaySeconds }];
}
