import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { IncomingRefer, ReferProgress } from '../../sip/stack.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import { isForHelp } from '../routing/emergency.ts';
import type { Caller, Step } from '../routing/plan.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';
import { runNested } from './nested-step.ts';
import { type ReferredTo, readReferTo } from './referred.ts';
import { ringBack } from './ring-back.ts';
import { mayTalk } from './who-dials.ts';

export interface TransferOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Whoever has transferred hangs up by himself; where he does not, the box does after it, so that he has heard how it went. */
const TRANSFEROR_LEAVES_MS = 2000;

/** How a transfer is asked for, and told of: by REFER, or by whoever directs the telephone. */
export type TransferRequest = Pick<IncomingRefer, 'accept' | 'referredBy'>;

/** A user who transfers, and what he has of it. */
interface Transferor {
  readonly leg: Leg;
  readonly user: string;
  readonly extension: string;
  readonly caller: Extract<Caller, { readonly kind: 'user' }>;
}

/**
 * Transfers by REFER (RFC 3515, RFC 5589). The box calls the target itself, in the name of who transfers: nobody gets a caller
 * to where he may not call. The call that is given away ends for its user only once the target has answered, so that a transfer
 * that fails leaves him where he was.
 */
export class Transfers {
  readonly #options: TransferOptions;
  /** Legs of those whose transfer is under way. */
  readonly #pending = new Set<Leg>();

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /** Takes a REFER in a call; false where it is in none. */
  refer(refer: IncomingRefer): boolean {
    const { calls, logger } = this.#options;
    const { dialog } = refer;
    if (dialog === undefined) return false;
    const status = this.#begin(refer);
    if (status === undefined) return true;
    const party = calls.legOf(dialog)?.party.number;
    logger.info({ party, status }, 'transfer refused');
    refer.reject(status);
    return true;
  }

  /**
   * `leg` gives whom it talks to to a number, or to whom it talks to in the consultation. The status that refuses it; undefined where
   * `request` is accepted.
   */
  transfer(request: TransferRequest, leg: Leg, caller: Transferor['caller'], to: string | Leg): number | undefined {
    const call = this.#options.calls.callOf(leg);
    const party = call?.peerOf(leg);
    if (call === undefined || party === undefined) return 481;
    if (this.#pending.has(leg)) return 491;
    const transferor: Transferor = { leg, user: caller.user, extension: caller.extension, caller };
    return typeof to === 'string'
      ? this.#blind(request, transferor, call, party, to)
      : this.#join(request, transferor, party, to);
  }

  /** The status that refuses it; undefined where it is accepted. */
  #begin(refer: IncomingRefer): number | undefined {
    const { calls } = this.#options;
    const { dialog, referTo } = refer;
    if (dialog === undefined) return 603;
    if ([...this.#pending].some((leg) => leg.isInDialog(dialog))) return 491;
    const leg = calls.legOf(dialog);
    const call = leg === undefined ? undefined : calls.callOf(leg);
    if (leg === undefined || call === undefined) return 481;
    const target = readReferTo(referTo);
    if ('status' in target) return target.status;
    const { user, extension, device } = leg.party;
    // A carrier does not decide whom its calls go to.
    if (user === undefined || extension === undefined) return 403;
    const party = call.peerOf(leg);
    if (party === undefined) return 491;
    const caller = { kind: 'user' as const, user, extension, ...(device === undefined ? {} : { device }) };
    const transferor: Transferor = { leg, user, extension, caller };
    if (target.replaces !== undefined) return this.#attended(refer, transferor, party, target, target.replaces);
    return this.#blind(refer, transferor, call, party, target.number);
  }

  #blind(
    refer: TransferRequest,
    transferor: Transferor,
    call: Call,
    party: Leg,
    number: string,
    consultation?: Leg,
  ): number | undefined {
    const { calls } = this.#options;
    const planned = calls.plan(transferor.caller, number).step;
    const located = isForHelp(planned) ? this.#planForHelp(party, number) : undefined;
    const { step, caller } = located ?? { step: planned, caller: transferor.caller };
    if (step.kind === 'refuse') return step.status;
    if (!this.#mayGoTo(step, party)) return 403;
    // His own phone would ring for himself.
    if (isOnly(step, party)) return 486;
    const progress = refer.accept();
    if (!progress.isAccepted) return undefined;
    const consulted = consultation === undefined ? undefined : calls.callOf(consultation);
    if (consultation !== undefined) consulted?.hangUp(consultation);
    this.#transfer(refer, progress, { ...transferor, caller }, call, party, step, number).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'transfer failed');
      this.#over(transferor.leg);
      progress.notify(500);
    });
    return undefined;
  }

  /** Help is sent to where whoever speaks with it is: as if he had called it himself. Undefined for one who is not here. */
  #planForHelp({ party, flow }: Leg, number: string): { step: Step; caller: Transferor['caller'] } | undefined {
    const { user, extension, device, line } = party;
    if (line !== undefined || user === undefined || extension === undefined) return undefined;
    const place = { remoteAddress: flow.remoteAddress, ...(device === undefined ? {} : { device }) };
    const caller = { kind: 'user' as const, user, extension, ...place };
    const { step } = this.#options.calls.plan(caller, number);
    return isForHelp(step) ? { step, caller } : undefined;
  }

  async #transfer(
    refer: TransferRequest,
    progress: ReferProgress,
    transferor: Transferor,
    call: Call,
    party: Leg,
    step: Step,
    number: string,
  ): Promise<void> {
    const { calls, logger } = this.#options;
    const { leg, caller } = transferor;
    logger.info({ call: call.id, by: transferor.user, party: party.party.number, to: number }, 'transfer');
    this.#pending.add(leg);
    if (isForHelp(step)) party.party = { ...party.party, isEmergency: true };
    const { number: shownNumber, name, isPrivate } = party.party;
    const given = calls.giveNewPlan(party, (context) => this.#run(refer, progress, transferor, step, context), {
      caller,
      shown: {
        number: shownNumber === '' ? undefined : shownNumber,
        name,
        isWithheld: isPrivate === true || shownNumber === '',
      },
      dialled: number,
      keeping: [leg],
    });
    // Nobody's from here on, until it is his again or over.
    leg.owner = { onEnded: () => leg.close() };
    if ((await given) !== undefined) return;
    this.#over(leg);
    progress.notify(480);
  }

  #run(
    refer: TransferRequest,
    progress: ReferProgress,
    transferor: Transferor,
    step: Step,
    context: StepContext,
  ): RunningStep {
    const { calls } = this.#options;
    const { leg } = transferor;
    let isTold = false;
    const tell = (status: number): void => {
      if (isTold) return;
      isTold = status >= 200;
      progress.notify(status);
    };
    const succeeded = (): void => {
      tell(200);
      this.#over(leg);
    };
    // Neither is left in silence: the one until something rings, the other until it is over.
    context.waiting.hearMusic();
    if (leg.isUp) leg.ring();
    const { referredBy } = refer;
    let nested: RunningStep | undefined;
    nested = runNested(calls.runners, step, referredBy === undefined ? context : { ...context, referredBy }, {
      ringing: () => {
        context.ringing();
        tell(180);
      },
      answered: (other) => {
        succeeded();
        context.answered(other);
      },
      answeredByBox: succeeded,
      hungUp: (reason) => {
        succeeded();
        context.hangUp(reason);
      },
      failed: ({ status, reason }) => {
        tell(status);
        this.#pending.delete(leg);
        // He speaks with no help after all: others may ring at him, and take his call over.
        if (isForHelp(step)) context.waiting.party = { ...context.waiting.party, isEmergency: false };
        if (leg.isUp) {
          leg.media.stop();
          context.answered(leg);
          return;
        }
        // Who transferred is gone already: his devices ring again, for the party that came back.
        const back = ringBack(calls, this.#options.configuration(), transferor.user);
        if (back === undefined) context.goOn(undefined, { status, ...(reason === undefined ? {} : { reason }) });
        else context.goOn(back, { status });
      },
    });
    return {
      stop: (how) => {
        nested?.stop(how);
        tell(487);
        this.#over(leg);
      },
    };
  }

  /** RFC 5589 §7: the transferor has talked to the target, and names that call. */
  #attended(
    refer: IncomingRefer,
    transferor: Transferor,
    party: Leg,
    { number }: ReferredTo,
    { callId, localTag, remoteTag }: NonNullable<ReferredTo['replaces']>,
  ): number | undefined {
    const { calls } = this.#options;
    // Some phones write the tags as they see them themselves.
    const consultation =
      calls.legOf({ callId, localTag, remoteTag }) ?? calls.legOf({ callId, localTag: remoteTag, remoteTag: localTag });
    if (consultation === undefined || consultation === transferor.leg) return 481;
    if (consultation.party.user !== transferor.user) return 403;
    const consulted = calls.callOf(consultation);
    const target = consulted?.peerOf(consultation);
    if (target === undefined) {
      // It still rings: the box calls once more, for the party that is transferred.
      const call = calls.callOf(transferor.leg);
      if (call === undefined || consulted?.waiting !== consultation || number === '') return 481;
      return this.#blind(refer, transferor, call, party, number, consultation);
    }
    return this.#join(refer, transferor, party, consultation);
  }

  /** Whom he talks to there, in his place. */
  #join(refer: TransferRequest, transferor: Transferor, party: Leg, consultation: Leg): number | undefined {
    const { calls, logger } = this.#options;
    const target = calls.callOf(consultation)?.peerOf(consultation);
    if (target === undefined || target === party) return 481;
    if (!mayTalk(this.#options.configuration(), party, target)) return 403;
    const progress = refer.accept();
    if (!progress.isAccepted) return undefined;
    const { leg, user } = transferor;
    logger.info({ by: user, party: party.party.number, to: target.party.number }, 'attended transfer');
    this.#pending.add(leg);
    const by = { number: leg.party.number, name: leg.party.name, user };
    calls.replaceLeg(leg, target, { how: 'transfer', by }).then(
      (isDone) => {
        this.#pending.delete(leg);
        progress.notify(isDone ? 200 : 480);
      },
      (error: unknown) => {
        this.#pending.delete(leg);
        logger.error({ err: error }, 'attended transfer failed');
        progress.notify(500);
      },
    );
    return undefined;
  }

  /** The transfer is over: whoever made it hangs up, or is hung up on. */
  #over(leg: Leg): void {
    this.#pending.delete(leg);
    leg.media.stop();
    const timer = this.#options.clock.schedule(TRANSFEROR_LEAVES_MS, () => leg.close());
    leg.whenOver(() => timer.cancel());
  }

  /** Whether somebody who was transferred may come there: nobody but the user himself is let into his mailbox, or runs his codes. */
  #mayGoTo(step: Step, party: Leg): boolean {
    if (step.kind === 'mailbox' && step.purpose === 'collect') return false;
    if (step.kind === 'feature') return step.feature === 'call-park' || step.feature === 'conference-meet-me';
    // RFC 4579 §5.5: into one that there is.
    if (step.kind === 'conference') return step.room !== undefined;
    return party.party.line === undefined || this.#mayTrombone || !leadsOutside(step);
  }

  get #mayTrombone(): boolean {
    return this.#options.configuration().system.telephony.trunkToTrunk !== 'never';
  }
}

/** Whether this, or what follows it, can leave over a line. */
export function leadsOutside(step: Step): boolean {
  if (step.kind === 'line') return true;
  if (step.kind === 'ring' && step.targets.some(({ kind }) => kind === 'line')) return true;
  return 'after' in step && Object.values(step.after).some((next) => next !== undefined && leadsOutside(next));
}

function isOnly(step: Step, { party }: Leg): boolean {
  return (
    step.kind === 'ring' &&
    party.device !== undefined &&
    step.targets.every((target) => target.kind === 'device' && target.device === party.device)
  );
}
