import type { Clock, Timer } from '../../core/clock.ts';
import type { ReachableDevice } from '../../registrar/reachable-devices.ts';
import type { HeaderField } from '../../sip/stack.ts';
import type { Leg, LegServices } from '../leg/leg.ts';
import { ANSWERED_ELSEWHERE } from '../leg/leg-end.ts';
import type { Speech } from '../leg/leg-media.ts';
import type { LegParty } from '../leg/leg-party.ts';
import type { MediaSettings } from '../leg/media-settings.ts';
import type { OutgoingLeg } from '../leg/outgoing-leg.ts';
import type { OutsideLines } from '../outside.ts';
import { MAX_RING_SECONDS, type RingStep, type RingTarget } from '../routing/plan.ts';
import { DeviceDialling } from './device-dialling.ts';
import { assertedIdentity, deviceWays } from './device-way.ts';
import type { Dialling, DiallingListener } from './dialling.ts';
import { LineDialling, type LineDiallingOptions } from './line-dialling.ts';
import { beginRinging, nextRingState, type RingEffect, type RingInput, type RingTransition } from './ring-state.ts';
import type { RunningStep, StepContext, StepRunner } from './step-runner.ts';

/** Whom a ring is for: who waits in a call, or nobody yet, where the box calls first. */
export interface RingHost
  extends Pick<
    StepContext,
    | 'caller'
    | 'shown'
    | 'maxForwards'
    | 'referredBy'
    | 'calls'
    | 'released'
    | 'ringing'
    | 'earlyMedia'
    | 'answered'
    | 'goOn'
    | 'fail'
  > {
  /** What whoever it is for speaks; undefined where that is nobody yet. */
  readonly speech: () => Speech | undefined;
}

export interface RingRunnerOptions {
  readonly services: () => LegServices;
  readonly lines: OutsideLines;
  readonly clock: Clock;
  /** A device by its `DeviceState.id`; undefined where it is not there any more. */
  readonly device: (extension: string, id: string) => ReachableDevice | undefined;
  /** Who has that extension. */
  readonly partyOf: (extension: string) => LegParty;
  /** What an extension may do in a call that begins now. */
  readonly mediaSettings: (extension: string) => MediaSettings;
  readonly lineSettings: LineDiallingOptions['settings'];
}

/** Rings all devices of a user at once, each after its delay. */
export class RingRunner implements StepRunner<RingStep> {
  readonly #options: RingRunnerOptions;

  constructor(options: RingRunnerOptions) {
    this.#options = options;
  }

  run(step: RingStep, context: StepContext): RunningStep {
    // So that its port is there when somebody answers.
    context.run(context.waiting.media.open());
    return this.ring(step, {
      ...context,
      speech: () => context.waiting.media.speech,
      ringing: () => context.ringing(absentText(step, context.waiting)),
    });
  }

  /** Rings for anybody. */
  ring(step: RingStep, host: RingHost): RunningStep {
    return new Ringing(step, host, this.#options);
  }
}

class Ringing implements RunningStep {
  readonly #step: RingStep;
  readonly #host: RingHost;
  readonly #options: RingRunnerOptions;
  readonly #dialled: readonly Dialling[];
  readonly #early = new Map<number, { readonly leg: OutgoingLeg; readonly sdp: string }>();
  readonly #answered = new Map<number, OutgoingLeg>();
  /** Those that are tried now. */
  readonly #tried = new Map<number, OutgoingLeg>();
  readonly #timers: Timer[] = [];
  #state: RingTransition['state'];
  #reason: string | undefined;
  /** Why those that ring do so no longer, where nobody else has the call. */
  #status = 408;

  constructor(step: RingStep, host: RingHost, options: RingRunnerOptions) {
    this.#step = step;
    this.#host = host;
    this.#options = options;
    this.#dialled = step.targets.map((target, index) => this.#dialling(target, index));
    const begun = beginRinging(step.targets.map(({ delaySeconds }) => delaySeconds));
    this.#state = begun.state;
    const { clock } = options;
    step.targets.forEach(({ delaySeconds }, target) => {
      if (delaySeconds <= 0) return;
      this.#timers.push(clock.schedule(delaySeconds * 1000, () => this.#take({ kind: 'due', target })));
    });
    const seconds = step.noAnswerSeconds > 0 ? step.noAnswerSeconds : MAX_RING_SECONDS;
    this.#timers.push(clock.schedule(seconds * 1000, () => this.#take({ kind: 'no-answer' })));
    // Not before the call has this step: it may be over at once.
    queueMicrotask(() => {
      for (const effect of begun.effects) if (this.#state.phase === 'ringing') this.#carryOut(effect);
    });
  }

  stop({ elsewhere, reason }: { readonly elsewhere: boolean; readonly reason?: string }): void {
    this.#reason = reason;
    this.#status = 487;
    this.#take({ kind: 'stopped', elsewhere });
  }

  #take(input: RingInput): void {
    const { state, effects } = nextRingState(this.#state, input);
    this.#state = state;
    if (state.phase === 'over') for (const timer of this.#timers) timer.cancel();
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: RingEffect): void {
    const host = this.#host;
    switch (effect.kind) {
      case 'start':
        this.#dialled[effect.target]?.start();
        break;
      case 'ring':
        host.ringing();
        break;
      case 'open-early-media': {
        const early = this.#early.get(effect.target);
        if (early !== undefined) host.earlyMedia(early.leg, early.sdp);
        break;
      }
      case 'end': {
        this.#dialled[effect.target]?.stop(effect.elsewhere ? ANSWERED_ELSEWHERE : this.#reason);
        const leg = this.#tried.get(effect.target);
        // The call may go on for long, and the lamps of who missed it must not.
        if (leg !== undefined) host.released(leg, effect.elsewhere ? 'answered-elsewhere' : this.#status);
        break;
      }
      case 'answered': {
        const leg = this.#answered.get(effect.target);
        if (leg !== undefined) host.answered(leg);
        break;
      }
      case 'finish': {
        const { outcome, status } = effect;
        host.goOn(this.#step.after[outcome], { status: status === 603 ? this.#step.declineStatus : status });
        break;
      }
    }
  }

  #dialling(target: RingTarget, index: number): Dialling {
    const listener: DiallingListener = {
      calls: (leg) => {
        this.#tried.set(index, leg);
        this.#host.calls(leg);
      },
      ringing: () => this.#take({ kind: 'ringing', target: index }),
      earlyMedia: (leg, sdp) => {
        this.#early.set(index, { leg, sdp });
        this.#take({ kind: 'early-media', target: index });
      },
      answered: (leg) => {
        this.#answered.set(index, leg);
        this.#take({ kind: 'answered', target: index });
        // It crossed the end of the step.
        if (this.#state.phase !== 'over') leg.close();
      },
      rejected: (status, leg) => {
        if (leg !== undefined) this.#host.released(leg, status);
        if (status >= 600) this.#status = status;
        this.#take({ kind: 'rejected', target: index, status });
      },
      ignored: (leg) => {
        this.#host.released(leg, 487);
        this.#take({ kind: 'ignored', target: index });
      },
      gone: (leg) => {
        this.#host.released(leg);
        this.#take({ kind: 'gone', target: index });
      },
      failed: (error) => this.#host.fail(error),
    };
    const { services, lines, device, partyOf, mediaSettings, lineSettings } = this.#options;
    const { shown, maxForwards, caller, referredBy, speech } = this.#host;
    const { party } = this.#step;
    // Who answers at another telephone than his own is himself all the same.
    const himself = target.isOtherPhone === true ? { number: party.number, name: party.name, user: party.number } : {};
    if (target.kind === 'line') {
      return new LineDialling(
        {
          services: services(),
          lines,
          settings: lineSettings,
          call: target.call,
          user: caller.kind === 'user' ? caller.user : this.#step.party.number,
          diversions: this.#step.diversions,
          maxForwards,
          shown,
          speech,
          party: himself,
        },
        listener,
      );
    }
    const reachable = device(target.extension, target.device);
    if (reachable === undefined) return notThere(listener);
    const { alert, diversions } = this.#step;
    const autoAnswer = this.#step.autoAnswer && target.onlyRings !== true;
    const referred = referredBy === undefined ? {} : { referredBy };
    const call = { shown, party, alert, autoAnswer, diversions, maxForwards, ...referred };
    return new DeviceDialling(
      {
        services: services(),
        party: { ...partyOf(target.extension), ...himself, device: target.device },
        settings: mediaSettings(target.extension),
        ways: deviceWays(reachable, call, services().stack),
        shown,
      },
      speech,
      listener,
    );
  }
}

/** It has gone since the plan was made. */
function notThere(listener: DiallingListener): Dialling {
  return { start: () => listener.rejected(480, undefined), stop: () => undefined };
}

/** Phones show nothing of a 180 but who it comes from. */
function absentText({ party: { number, name, absentText } }: RingStep, { host }: Leg): readonly HeaderField[] {
  if (absentText === undefined) return [];
  return [assertedIdentity({ displayName: `${name} (${absentText})`, uri: `sip:${number}@${host}` })];
}
