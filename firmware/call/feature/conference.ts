import type { Configuration } from '../../config/schema/configuration.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { FeatureStep } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunner } from '../step/step-runner.ts';
import { ConferenceRoom } from './conference-room.ts';

export interface ConferenceOptions {
  readonly calls: CallServer;
  readonly configuration: () => Configuration;
  readonly logger: Logger;
}

/**
 * The short code that makes one conference of all that its user has: whom he talks to or has on hold, on whatever device, and
 * himself where he dialled it. Dialled again it adds whom he has called since.
 */
export class Conferences implements StepRunner<FeatureStep> {
  readonly #options: ConferenceOptions;
  readonly #rooms = new Set<ConferenceRoom>();

  constructor(options: ConferenceOptions) {
    this.#options = options;
  }

  register(): void {
    this.#options.calls.runners.registerFeature('conference-add', this);
  }

  run({ user }: FeatureStep, context: StepContext): RunningStep {
    const { calls, logger } = this.#options;
    const { waiting } = context;
    if (user === undefined || waiting.isUp) {
      context.goOn(undefined, { status: 403 });
      return { stop: () => undefined };
    }
    const own = calls.legsOf(user).filter((leg) => leg !== waiting && leg.isUp);
    const parties = own.flatMap((leg) => calls.callOf(leg)?.peerOf(leg) ?? []).filter((leg) => !own.includes(leg));
    if (parties.length === 0) {
      context.goOn(undefined, { status: 480 });
      return { stop: () => undefined };
    }
    const room = [...this.#rooms].find((each) => own.some((leg) => each.has(leg))) ?? this.#newRoom();
    logger.info({ user, parties: parties.length }, 'conference');
    const running = room.enter(context);
    context.run(this.#gather(room, running.joined, context, own, parties));
    return running;
  }

  #newRoom(): ConferenceRoom {
    const { calls, configuration } = this.#options;
    const room: ConferenceRoom = new ConferenceRoom({
      media: calls.services.media,
      locale: configuration().system.locale,
      mayBeOutside: () => configuration().system.telephony.trunkToTrunk !== 'never',
      onOver: () => this.#rooms.delete(room),
    });
    this.#rooms.add(room);
    return room;
  }

  async #gather(
    room: ConferenceRoom,
    joined: Promise<boolean>,
    context: StepContext,
    own: readonly Leg[],
    parties: readonly Leg[],
  ): Promise<void> {
    const { calls } = this.#options;
    // Nobody loses his call to a telephone that could not be answered.
    if (!(await joined)) return;
    try {
      for (const party of parties) {
        if (room.isOver) return;
        if (party.isEnded) continue;
        const { number, name, isPrivate } = party.party;
        await calls.giveNewPlan(party, (moved) => room.enter(moved), {
          caller: context.caller,
          shown: { number: number === '' ? undefined : number, name, isWithheld: isPrivate === true || number === '' },
          dialled: context.dialled,
        });
      }
      // He is there by the telephone that he dialled with.
      for (const leg of own) room.drop(leg);
    } finally {
      room.complete();
    }
  }
}
