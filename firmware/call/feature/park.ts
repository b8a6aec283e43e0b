import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { tellOutcome } from './confirmation.ts';
import { runNested } from './nested-step.ts';
import { NOTHING_RUNS } from './pick-up.ts';
import { ringBack } from './ring-back.ts';
import { dialsHimself, mayTalk } from './who-dials.ts';

export interface ParkOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A reminder that would come later is none: the party hears that nobody comes. */
const MAX_PARKED_MS = 3_600_000;
/** What a slot is called. */
const SLOT = /^[0-9]{1,9}$/;
/** Slots of an extension, where none is named: its number with one digit more. */
const OWN_SLOTS = 10;

/** Calls that wait in slots for anybody who takes them out. */
export class Parking {
  readonly #options: ParkOptions;
  readonly #slots = new Map<string, Leg>();

  constructor(options: ParkOptions) {
    this.#options = options;
  }

  register(): void {
    const { runners } = this.#options.calls;
    const park: StepRunner<FeatureStep> = { run: (step, context) => this.#park(step, context) };
    const unpark: StepRunner<FeatureStep> = { run: (step, context) => this.#unpark(step, context) };
    runners.registerFeature('call-park', park);
    runners.registerFeature('call-unpark', unpark);
  }

  /** The slots in use. */
  get slots(): readonly string[] {
    return [...this.#slots.keys()];
  }

  #park(step: FeatureStep, context: StepContext): RunningStep {
    const { calls, clock, logger } = this.#options;
    const { user, extension, argument } = step;
    const { waiting } = context;
    const slot = argument === '' ? this.#freeSlot(extension) : argument;
    if (user === undefined || slot === undefined || !SLOT.test(slot)) return refuse(context, 404);
    if (this.#slots.has(slot)) return refuse(context, 486);
    // Transferred to the code: the party itself is here.
    if (waiting.isUp) return this.#keep(slot, user, context);
    const own = this.#conversation(user, waiting);
    const party = own === undefined ? undefined : calls.callOf(own)?.peerOf(own);
    if (own === undefined || party === undefined) return refuse(context, 480);
    logger.info({ user, slot, party: party.party.number }, 'parked');
    const { number, name, isPrivate } = party.party;
    const isWithheld = isPrivate === true || number === '';
    this.#slots.set(slot, party);
    party.whenOver(() => this.#free(slot, party));
    context.run(
      calls.giveNewPlan(party, (parked) => this.#keep(slot, user, parked), {
        caller: context.caller,
        shown: { number: number === '' ? undefined : number, name, isWithheld },
        dialled: slot,
      }),
    );
    return tellOutcome(context, clock, true);
  }

  /** Of the user at the device that parks: the one on hold, or else the newest. */
  #conversation(user: string, waiting: Leg): Leg | undefined {
    const { calls } = this.#options;
    const { device } = waiting.party;
    const own = calls
      .legsOf(user)
      .filter((leg) => leg !== waiting && calls.callOf(leg)?.peerOf(leg) !== undefined)
      .filter(({ party }) => device === undefined || party.device === undefined || party.device === device);
    return own.findLast(({ isHolding }) => isHolding) ?? own.at(-1);
  }

  #freeSlot(extension: string): string | undefined {
    const own = Array.from({ length: OWN_SLOTS }, (_each, digit) => `${extension}${digit}`);
    return own.find((slot) => !this.#slots.has(slot));
  }

  #keep(slot: string, user: string, context: StepContext): RunningStep {
    const { calls, configuration, clock, logger } = this.#options;
    const { waiting } = context;
    this.#slots.set(slot, waiting);
    waiting.whenOver(() => this.#free(slot, waiting));
    let timer: Timer | undefined;
    let ringing: RunningStep | undefined;
    const sinceMs = clock.elapsed();
    /** The devices of who parked ring, and again after each time that nobody answers. */
    const remindLater = (): void => {
      timer = clock.schedule(configuration().system.telephony.parkReminderSeconds * 1000, remind);
    };
    const remind = (): void => {
      if (clock.elapsed() - sinceMs > MAX_PARKED_MS) {
        this.#free(slot, waiting);
        context.goOn(undefined, { status: 480 });
        return;
      }
      logger.info({ user, slot }, 'reminded of a parked call');
      const step = ringBack(calls, configuration(), user);
      if (step === undefined) {
        remindLater();
        return;
      }
      // The party goes on hearing its music, whatever the devices of the user do.
      const quiet: StepContext = { ...context, earlyMedia: () => undefined };
      ringing = runNested(calls.runners, step, quiet, {
        ringing: () => undefined,
        answeredByBox: () => undefined,
        answered: (leg) => {
          this.#free(slot, waiting);
          context.answered(leg);
        },
        failed: remindLater,
        hungUp: (reason) => context.hangUp(reason),
      });
    };
    const begin = async (): Promise<void> => {
      if (!(await context.answer('park'))) return;
      waiting.hearMusic();
    };
    remindLater();
    context.run(begin());
    return {
      stop: (how) => {
        timer?.cancel();
        ringing?.stop(how);
        this.#free(slot, waiting);
      },
    };
  }

  #unpark({ argument, extension, user }: FeatureStep, context: StepContext): RunningStep {
    const { calls, configuration, logger } = this.#options;
    const slot =
      argument === ''
        ? Array.from({ length: OWN_SLOTS }, (_each, digit) => `${extension}${digit}`).find((own) =>
            this.#slots.has(own),
          )
        : argument;
    const parked = slot === undefined ? undefined : this.#slots.get(slot);
    const call = parked === undefined ? undefined : calls.callOf(parked);
    if (parked === undefined || call === undefined || !dialsHimself(context.waiting, user)) return refuse(context, 404);
    if (!mayTalk(configuration(), context.waiting, parked)) return refuse(context, 403);
    logger.info({ user, slot }, 'unparked');
    context.run(calls.pickUp(call, context.waiting));
    return NOTHING_RUNS;
  }

  #free(slot: string, leg: Leg): void {
    if (this.#slots.get(slot) === leg) this.#slots.delete(slot);
  }
}

function refuse(context: StepContext, status: number): RunningStep {
  context.goOn(undefined, { status });
  return NOTHING_RUNS;
}
