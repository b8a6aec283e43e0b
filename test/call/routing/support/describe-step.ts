import type { LineCall, Plan, RingTarget, Step } from '../../../../firmware/call/routing/plan.ts';

/** A step in one line, with all that follows it: what tables of cases compare. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'ring': {
      const { party, targets, noAnswerSeconds, alert, autoAnswer, declineStatus, diversions } = step;
      const more = [
        alert === 'internal' ? '' : ` ${alert}`,
        autoAnswer ? ' auto-answer' : '',
        declineStatus === 603 ? ' 603' : '',
        party.absentText === undefined ? '' : ` "${party.absentText}"`,
        describeDiversions(diversions),
      ].join('');
      return `ring ${party.number} [${targets.map((target) => describeTarget(target, autoAnswer)).join(' ')}] ${noAnswerSeconds}s${more}${describeAfter(step.after)}`;
    }
    case 'hunt':
      return `hunt ${step.group}${describeDiversions(step.diversions)}${describeAfter(step.after)}`;
    case 'line':
      return `line ${describeCall(step.call)}${describeDiversions(step.diversions)}${describeAfter(step.after)}`;
    case 'mailbox':
      return `${step.purpose} ${step.mailbox}`;
    case 'feature':
      return `${step.feature}(${step.argument}) of ${step.user ?? 'nobody'} at ${step.extension}`;
    case 'conference':
      return `conference ${step.room ?? 'new'} of ${step.user}`;
    case 'refuse':
      return `${step.status} ${step.reason}`;
  }
}

export function describeCall({ attempts, emergency }: LineCall): string {
  const ways = attempts.map(({ line, number, identity }) => {
    const shown = identity.isWithheld ? 'withheld' : (identity.number ?? 'own');
    return `${line}:${number} as ${shown}`;
  });
  const help = emergency === undefined ? '' : ` HELP ${emergency.number} at ${emergency.location ?? 'nowhere'}`;
  return `${ways.join(', ')}${help}`;
}

/** With `!` where it only rings while others answer by themselves. */
function describeTarget(target: RingTarget, autoAnswer: boolean): string {
  const delay = target.delaySeconds === 0 ? '' : `+${target.delaySeconds}s`;
  if (target.kind === 'line') return `(${describeCall(target.call)})${delay}`;
  const asked = autoAnswer && target.onlyRings === true ? '!' : '';
  return `${target.device}${target.isWaiting ? '~' : ''}${asked}${delay}`;
}

function describeDiversions(diversions: Extract<Step, { kind: 'ring' }>['diversions']): string {
  return diversions.map(({ from, reason }) => ` <${from} ${reason}`).join('');
}

function describeAfter(after: Readonly<Record<string, Step | undefined>>): string {
  const branches = Object.entries(after).filter(([, step]) => step !== undefined);
  if (branches.length === 0) return '';
  // The same step after different outcomes is written once.
  const byStep = new Map<string, string[]>();
  for (const [outcome, step] of branches) {
    const text = step === undefined ? '' : describeStep(step);
    byStep.set(text, [...(byStep.get(text) ?? []), outcome]);
  }
  return ` {${[...byStep].map(([text, outcomes]) => `${outcomes.sort().join('+')}: ${text}`).join('; ')}}`;
}

export function texts({ decisions }: Plan): readonly string[] {
  return decisions.map(({ text }) => text);
}
