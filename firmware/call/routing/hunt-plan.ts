import type { HuntStep, Step } from './plan.ts';
import { MAX_DIVERSIONS } from './plan.ts';
import { type Course, onward, type Planning } from './planning.ts';
import { isWithin } from './time-profile.ts';

/** A call to a hunt group: whether it is night there, and where the call goes that nobody takes. */
export function planGroup(planning: Planning, number: string, course: Course): Step {
  const { configuration, request } = planning;
  const group = Object.hasOwn(configuration.huntGroups, number) ? configuration.huntGroups[number] : undefined;
  if (group === undefined) return planning.refuse('no-such-number', `there is no hunt group ${number}`);
  const { path, diversions } = course;
  if (path.includes(number)) {
    return planning.refuse('forward-loop', `the call goes round: ${[...path, number].join(' to ')}`);
  }
  if (diversions.length > MAX_DIVERSIONS) {
    return planning.refuse('too-many-forwards', `the call went on ${diversions.length} times: ${path.join(' to ')}`);
  }
  const full = planning.grow();
  if (full !== undefined) return full;
  const here: Course = { ...course, path: [...path, number] };
  const mailbox = (because: 'no-answer' | 'unavailable'): Step | undefined => {
    if (!group.voicemail) return undefined;
    planning.note('mailbox', `${because}: the mailbox of hunt group ${number}`, { group: number });
    return { kind: 'mailbox', purpose: 'leave', mailbox: number, because };
  };
  const { nightService, overflow, queue } = group;
  const isNight = nightService.active || !isWithin(configuration, nightService.timeProfile, request.at);
  if (isNight) {
    const how = nightService.active ? 'switched on' : `by the time profile ${nightService.timeProfile}`;
    planning.note('hunt-group', `hunt group ${number} is in night service, ${how}`, { group: number });
    if (nightService.group !== undefined) {
      return planGroup(planning, nightService.group, onward(here, number, 'unavailable'));
    }
    return mailbox('unavailable') ?? planning.refuse('unreachable', `hunt group ${number} takes no calls at night`);
  }
  const waiting = request.state.waitingIn(number);
  const isFull = !queue.enabled || (queue.limit > 0 && waiting >= queue.limit);
  planning.note('hunt-group', `hunt group ${number} rings its members, ${group.mode}`, {
    group: number,
    mode: group.mode,
    members: group.members.filter(({ enabled }) => enabled).length,
    waiting,
  });
  if (isFull) planning.note('hunt-group', `no call may wait in hunt group ${number} now`, { group: number });
  const to = overflow.group;
  const rest = planning.branch(`when nobody of hunt group ${number} can take it`, () => {
    const step = to === undefined ? undefined : planGroup(planning, to, onward(here, number, 'no-answer'));
    return step === undefined || step.kind === 'refuse' ? mailbox('no-answer') : step;
  });
  const after: { -readonly [Outcome in keyof HuntStep['after']]: Step } = {};
  // Without an overflow time a call waits in the queue for as long as its caller does.
  const inTime = overflow.seconds > 0 || to === undefined ? rest : undefined;
  if (rest !== undefined) Object.assign(after, { busy: rest, unreachable: rest });
  if (inTime !== undefined) after.noAnswer = inTime;
  return { kind: 'hunt', group: number, alert: planning.alert, diversions: course.diversions, after };
}
