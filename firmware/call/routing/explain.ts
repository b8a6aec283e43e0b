import type { LineCall, Plan, RingTarget, RoutingState, ShownIdentity, Step } from './plan.ts';

/** A plan in words, a line each: what was decided and why, then what happens. */
export function explainPlan({ step, decisions, caller }: Plan): readonly string[] {
  return [
    'Decided:',
    ...decisions.map(({ text, depth }) => `${'  '.repeat(depth + 1)}${text}`),
    `Shown of the caller: ${shown(caller)}`,
    'So:',
    ...stepLines(step).map((line) => `  ${line}`),
  ];
}

/** For a box that does not run: one free device for each extension, every line in service and free. */
export const IDLE: RoutingState = {
  devicesOf: (extension) => [{ id: `a device of ${extension}`, deviceClass: 'desk', calls: 0 }],
  lineState: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
  waitingIn: () => 0,
  otherPhoneOf: () => undefined,
  emergencyCallBack: () => undefined,
};

const OUTCOMES = {
  busy: 'when busy',
  noAnswer: 'when nobody answers',
  unreachable: 'when unreachable',
  declined: 'when declined',
} as const;

function stepLines(step: Step): readonly string[] {
  switch (step.kind) {
    case 'ring': {
      const { party, targets, noAnswerSeconds, alert, autoAnswer, declineStatus, diversions } = step;
      const name = party.name === party.number ? '' : ` ${party.name}`;
      const waits = noAnswerSeconds === 0 ? 'until the caller gives up' : `for ${noAnswerSeconds} s`;
      return [
        `rings ${party.number}${name} ${waits}, with the ${alert} ring${autoAnswer ? ', answered by itself' : ''}`,
        ...targets.map((target) => `  ${targetLine(target)}${isAsked(target, autoAnswer) ? ', which only rings' : ''}`),
        ...(party.absentText === undefined ? [] : [`  the caller reads: ${party.absentText}`]),
        ...diverted(diversions),
        ...(step.after.declined === undefined ? [`  when declined: ${declineStatus}`] : []),
        ...branches(step.after),
      ];
    }
    case 'hunt':
      return [`rings hunt group ${step.group}`, ...diverted(step.diversions), ...branches(step.after)];
    case 'line':
      return [...callLines(step.call), ...diverted(step.diversions), ...branches(step.after)];
    case 'mailbox':
      return [step.purpose === 'collect' ? `collects messages of ${step.mailbox}` : `voicemail of ${step.mailbox}`];
    case 'conference':
      return [step.room === undefined ? 'makes a conference' : `joins the conference ${step.room}`];
    case 'feature': {
      const argument = step.argument === '' ? '' : ` ${step.argument}`;
      return [`does ${step.feature}${argument} for ${step.user ?? `extension ${step.extension}`}`];
    }
    case 'refuse':
      return [`refused with ${step.status} (${step.reason}): ${step.why}`];
  }
}

function targetLine(target: RingTarget): string {
  const after = target.delaySeconds === 0 ? 'at once' : `after ${target.delaySeconds} s`;
  if (target.kind === 'line') return `${after}: ${callLines(target.call).join('; ')}`;
  return `${after}: ${target.device} (extension ${target.extension})${target.isWaiting ? ', as a waiting call' : ''}`;
}

/** Somebody has to answer there, though others do so by themselves. */
function isAsked(target: RingTarget, autoAnswer: boolean): boolean {
  return autoAnswer && target.kind === 'device' && target.onlyRings === true;
}

function callLines({ attempts, emergency }: LineCall): readonly string[] {
  const ways = attempts.map(
    ({ line, number, identity }, index) =>
      `${index === 0 ? 'calls' : 'then calls'} ${number} over line ${line}, shown is ${shown(identity)}`,
  );
  if (emergency === undefined) return ways;
  const { location, address, callBackSeconds, notify } = emergency;
  const place = [location, address].filter((part) => part !== undefined).join(', ');
  return [
    ...ways,
    `an emergency call from ${place || 'no known location'}: it takes the channel of the youngest other call where none is free`,
    `help that calls back within ${callBackSeconds} s reaches extension ${emergency.extension}`,
    ...(notify.length === 0 ? [] : [`told at once: ${notify.join(', ')}`]),
  ];
}

function shown({ number, name, isWithheld }: ShownIdentity): string {
  if (isWithheld) return 'nothing (withheld)';
  return [number ?? 'the number of the line', name].filter((part) => part !== undefined).join(' ');
}

function diverted(diversions: Extract<Step, { kind: 'line' }>['diversions']): readonly string[] {
  return diversions.map(({ from, reason }) => `  diverted by ${from} (${reason})`);
}

/** The same step after several outcomes is written once. */
function branches(after: Readonly<Partial<Record<keyof typeof OUTCOMES, Step>>>): readonly string[] {
  const byStep = new Map<Step, string[]>();
  for (const outcome of ['busy', 'declined', 'noAnswer', 'unreachable'] as const) {
    const step = after[outcome];
    if (step !== undefined) byStep.set(step, [...(byStep.get(step) ?? []), OUTCOMES[outcome]]);
  }
  return [...byStep].flatMap(([step, when]) => [
    `  ${when.join(', or ')}:`,
    ...stepLines(step).map((line) => `    ${line}`),
  ]);
}
