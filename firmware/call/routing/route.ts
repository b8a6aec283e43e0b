import { readDialled } from './dialled.ts';
import { emergencyNumber, planEmergency } from './emergency.ts';
import { fallingBack } from './fallback.ts';
import { planGroup } from './hunt-plan.ts';
import { incomingDestination, isSameNumber } from './incoming-route.ts';
import { lookUp, type Meaning } from './look-up.ts';
import { planOutside } from './outside.ts';
import type { Caller, Plan, RingTarget, RoutingRequest, ShownIdentity, Step } from './plan.ts';
import { type Course, onward, type Payer, Planning, STRAIGHT } from './planning.ts';
import { planGroupMember, planUser, type SkippedMember } from './user-plan.ts';

/**
 * Where a call goes: a pure function of who dials what, when, and of what is known then. Throws for nothing that anybody
 * dials; how long it takes is bounded by the configuration.
 */
export function routeCall(request: RoutingRequest): Plan {
  const planning = new Planning(request);
  const step = planCall(planning);
  return { step, decisions: planning.decisions, caller: callerShown(planning) };
}

/** Whom of a hunt group's member to ring now, for the group that runs; the reason where he is passed over. */
export function routeToMember(
  request: RoutingRequest,
  group: { readonly number: string; readonly noAnswerSeconds: number; readonly mayWait: boolean },
  user: string,
): { readonly step: Step | SkippedMember; readonly decisions: Plan['decisions'] } {
  const planning = new Planning(request);
  return { step: planGroupMember(planning, group, user, planNumber), decisions: planning.decisions };
}

function planCall(planning: Planning): Step {
  const { caller, dialled: text } = planning.request;
  const dialled = readDialled(text);
  if (dialled === undefined) return planning.refuse('no-such-number', 'what was dialled is no number');
  planning.note('dialled', `${describe(caller)} dials ${dialled.whole}`, { dialled: dialled.whole });
  // Before anything else: no code and no extension may stand in the way of help.
  const help = emergencyNumber(planning, dialled.number);
  if (help !== undefined) return planEmergency(planning, help);
  switch (caller.kind) {
    case 'line':
      return planIncoming(planning, caller, dialled.number);
    case 'nobody':
      return planForNobody(planning, caller, text);
    case 'user':
      if (planning.user?.enabled !== true) {
        return planning.refuse('barred', `the account of user ${caller.user} is not enabled`);
      }
      return planNumber(planning, text, { user: caller.user, settings: planning.user }, STRAIGHT);
  }
}

function planIncoming(planning: Planning, caller: Extract<Caller, { kind: 'line' }>, called: string): Step {
  const isCalled = (shownNumber: string): boolean => isSameNumber(planning, shownNumber, called);
  const extension = planning.request.state.emergencyCallBack(isCalled);
  if (extension !== undefined) {
    planning.note('emergency', `help calls back: extension ${extension} rings, whatever is set for others`, {
      extension,
    });
    return ringExtension(planning, extension);
  }
  const destination = incomingDestination(planning, caller, called);
  if (destination === undefined) return planning.refuse('no-such-number', `${called} leads to nobody here`);
  const { number, fallback } = destination;
  // Nobody here answers for a call to outside, so a destination is never a code or a number of a network.
  const nobody: Payer = { user: undefined, settings: undefined };
  const step = planNumber(planning, number, nobody, STRAIGHT);
  if (fallback === '' || fallback === number) return step;
  const course = onward({ ...STRAIGHT, path: [number] }, number, 'unavailable');
  const instead = planning.branch(`where nobody takes it, the route falls back on ${fallback}`, () =>
    planNumber(planning, fallback, nobody, course),
  );
  return instead === undefined ? step : fallingBack(step, instead, fallback);
}

/** Where nobody is logged in, a person reaches help, and may log in. */
function planForNobody(planning: Planning, caller: Extract<Caller, { kind: 'nobody' }>, text: string): Step {
  const meaning = lookUp(planning, text, { user: undefined, settings: undefined });
  if (meaning.kind === 'feature' && meaning.feature === 'extension-login') {
    return { ...meaning, user: undefined, extension: caller.extension };
  }
  if (meaning.kind === 'refused' && meaning.reason === 'incomplete') return planning.refuse('incomplete', meaning.why);
  return planning.refuse('not-logged-in', `nobody is logged in at extension ${caller.extension}`);
}

/** What a number leads to: for who dials it, for a forward, and for a route. */
function planNumber(planning: Planning, text: string, payer: Payer, course: Course): Step {
  const meaning: Meaning = lookUp(planning, text, payer);
  switch (meaning.kind) {
    case 'user':
      return planUser(planning, meaning.number, course, planNumber);
    case 'extension':
      return ringExtension(planning, meaning.number);
    case 'group':
      return planGroup(planning, meaning.number, course);
    case 'outside': {
      const call = planOutside(planning, { ...meaning, isForwarded: course.diversions.length > 0 }, payer);
      return 'kind' in call ? call : { kind: 'line', call, diversions: course.diversions, after: {} };
    }
    case 'collect':
      if (course.diversions.length > 0 || planning.request.caller.kind !== 'user') break;
      planning.note('mailbox', `messages of ${meaning.mailbox} are collected`, { mailbox: meaning.mailbox });
      return { kind: 'mailbox', purpose: 'collect', mailbox: meaning.mailbox, because: 'dialled' };
    case 'conference': {
      const { caller } = planning.request;
      if (course.diversions.length > 0 || caller.kind !== 'user') break;
      planning.note('conference', meaning.room === undefined ? 'a new conference' : `the conference ${meaning.room}`);
      return { kind: 'conference', room: meaning.room, user: caller.user };
    }
    case 'leave':
      // A forward to a mailbox is voicemail, which the user has or has not.
      if (course.diversions.length > 0) break;
      planning.note('mailbox', `a message for ${meaning.mailbox}`, { mailbox: meaning.mailbox });
      return { kind: 'mailbox', purpose: 'leave', mailbox: meaning.mailbox, because: 'dialled' };
    case 'feature': {
      const { caller } = planning.request;
      if (course.diversions.length > 0 || caller.kind !== 'user') break;
      return { ...meaning, user: caller.user, extension: caller.extension };
    }
    case 'refused':
      return planning.refuse(meaning.reason, meaning.why);
  }
  return planning.refuse('feature-not-for-caller', `${text} is for who dials it at a phone here`);
}

/** An extension itself, whoever it belongs to, and nothing that is set for others. */
function ringExtension(planning: Planning, number: string): Step {
  const { caller, state } = planning.request;
  const calling = caller.kind === 'line' ? undefined : caller.device;
  const { telephony } = planning.configuration.system;
  const targets: readonly RingTarget[] = state
    .devicesOf(number)
    .filter(({ id }) => id !== calling)
    .map(({ id, calls }) => ({ kind: 'device', extension: number, device: id, isWaiting: calls > 0, delaySeconds: 0 }));
  if (targets.length === 0) return planning.refuse('unreachable', `no device of extension ${number} can be reached`);
  return {
    kind: 'ring',
    party: { number, name: number },
    targets,
    noAnswerSeconds: telephony.noAnswerSeconds,
    alert: planning.alert,
    autoAnswer: false,
    declineStatus: telephony.declinePolicy === 'busy' ? 486 : 603,
    diversions: [],
    after: {},
  };
}

function describe(caller: Caller): string {
  switch (caller.kind) {
    case 'user':
      return `user ${caller.user} at extension ${caller.extension}`;
    case 'line':
      return `${caller.callerNumber ?? 'somebody unknown'} on line ${caller.line}`;
    case 'nobody':
      return `extension ${caller.extension}, where nobody is logged in,`;
  }
}

/** As devices here show the caller: a person by name, a number outside by the directory. */
function callerShown(planning: Planning): ShownIdentity {
  const { caller, configuration } = planning.request;
  if (caller.kind === 'nobody') return { number: caller.extension, name: undefined, isWithheld: false };
  if (caller.kind === 'line') {
    const { callerNumber } = caller;
    const known = callerNumber === undefined ? undefined : directoryOf(configuration.directory).get(callerNumber);
    const name = callerNumber === undefined ? undefined : (known ?? caller.callerName);
    return { number: callerNumber, name, isWithheld: callerNumber === undefined };
  }
  const { user } = planning;
  return {
    number: caller.user,
    name: user === undefined ? undefined : user.fullName || user.name,
    isWithheld: caller.withholdsNumber === true,
  };
}

type Directory = RoutingRequest['configuration']['directory'];
const kept = new WeakMap<Directory, ReadonlyMap<string, string>>();

function directoryOf(directory: Directory): ReadonlyMap<string, string> {
  let byNumber = kept.get(directory);
  if (byNumber === undefined) {
    byNumber = new Map(Object.entries(directory).map(([name, { number }]) => [number, name]));
    kept.set(directory, byNumber);
  }
  return byNumber;
}
