import { mayCall } from './class-of-service.ts';
import { dialPlanOf } from './dial-plan.ts';
import { chooseLines } from './line-choice.ts';
import { readNumber } from './numbering.ts';
import type { LineCall, RefuseStep, ShownIdentity } from './plan.ts';
import type { Payer, Planning } from './planning.ts';

export interface OutsideNumber {
  /** Without the prefix that leads to outside. */
  readonly number: string;
  /** Outgoing group, name of an ARS route, or empty. */
  readonly group: string;
  readonly isWithheld: boolean;
  /** The number that the short code shows. */
  readonly callerNumber: string | undefined;
  /** Somebody was called here first, and the call goes on to outside. */
  readonly isForwarded: boolean;
}

/** A call to outside: who may make it, over which lines, and what it shows. */
export function planOutside(planning: Planning, outside: OutsideNumber, payer: Payer): LineCall | RefuseStep {
  const { configuration, request } = planning;
  const { number, group } = outside;
  if (number === '') return planning.refuse('incomplete', 'the number to outside is still to come');
  if (payer.user === undefined) return planning.refuse('barred', 'nobody answers for this call to outside');
  if (request.caller.kind === 'line') {
    const allowed = configuration.system.telephony.trunkToTrunk;
    if (allowed === 'never' || !outside.isForwarded) {
      return planning.refuse('trunk-to-trunk', 'a call that came over a line may not leave by one');
    }
  }
  const { numbering } = dialPlanOf(configuration, payer.settings);
  const read = readNumber(number, numbering);
  const verdict = mayCall(configuration, payer.settings, request.at, number, read, numbering);
  planning.note('class-of-service', `user ${payer.user}: ${verdict.why}`, {
    user: payer.user,
    number,
    ...(read.e164 === undefined ? {} : { e164: read.e164 }),
    range: read.range,
  });
  if (!verdict.isAllowed) return planning.refuse('barred', `user ${payer.user} may not call ${number}: ${verdict.why}`);
  const identity = identityFor(planning, outside, payer);
  const choice = chooseLines(planning, { number, group, identity });
  if (choice.kind === 'refused') return planning.refuse(choice.reason, choice.why);
  return { attempts: choice.attempts };
}

/** What the other side is shown: of a forwarded call who calls, which the line may replace by who forwards. */
function identityFor(planning: Planning, outside: OutsideNumber, payer: Payer): ShownIdentity {
  const { caller } = planning.request;
  if (caller.kind === 'line') {
    const isWithheld = outside.isWithheld || caller.callerNumber === undefined;
    planning.note('identity', isWithheld ? 'the caller stays unknown' : `shown is the caller, ${caller.callerNumber}`);
    return { number: isWithheld ? undefined : caller.callerNumber, name: caller.callerName, isWithheld };
  }
  const settings = planning.user ?? payer.settings;
  const isWithheld =
    outside.isWithheld ||
    settings?.withholdNumber === true ||
    (caller.kind === 'user' && caller.withholdsNumber === true);
  const number = outside.callerNumber ?? (settings?.callerNumber || undefined);
  const text = isWithheld ? 'the number is withheld' : `shown is ${number ?? 'the number of the line'}`;
  planning.note('identity', text, { isWithheld });
  return { number, name: settings === undefined ? undefined : settings.fullName || settings.name, isWithheld };
}
