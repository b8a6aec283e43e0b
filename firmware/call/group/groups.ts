import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import { MUSIC_ON_HOLD, numberSounds, promptSound } from '../../media/client.ts';
import type { Leg } from '../leg/leg.ts';
import type { HuntStep, RingStep, RoutingRequest, RoutingState, Step } from '../routing/plan.ts';
import type { routeToMember } from '../routing/route.ts';
import type { RunningStep, StepContext, StepRunner, StepRunners } from '../step/step-runner.ts';
import { Group } from './group.ts';
import type { Availability, GroupRules } from './group-state.ts';
import { type HuntGroupView, viewOf } from './group-view.ts';
import { Hunting } from './hunting.ts';

export interface GroupsOptions {
  readonly configuration: () => Configuration;
  readonly state: RoutingState;
  readonly routeToMember: typeof routeToMember;
  readonly runners: Pick<StepRunners, 'runnerOf'>;
  /** The legs of a user's devices, those that ring among them. */
  readonly legsOf: (user: string) => readonly Leg[];
  readonly clock: Clock;
}

/** Whoever asks without calling. */
const NOBODY: RoutingRequest['caller'] = { kind: 'line', line: '' };

/** Runs the calls to hunt groups. Which group it is by day and by night, routing has decided. */
export class Groups implements StepRunner<HuntStep> {
  readonly #options: GroupsOptions;
  /** Those that have had calls, by number. */
  readonly #groups = new Map<string, Group>();
  /** Legs that groups call: none of them keeps its user from getting a call. */
  readonly #legs = new WeakSet<Leg>();
  #willLook = false;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  run(step: HuntStep, context: StepContext): RunningStep {
    const { runners, clock } = this.#options;
    const group = this.#groupOf(step.group);
    const hunting = new Hunting({
      step,
      context,
      runners,
      clock,
      overflowSeconds: this.#configured(step.group)?.overflow.seconds ?? 0,
      music: () => ({ kind: 'files', names: [MUSIC_ON_HOLD], repeated: true }),
      words: (place) => this.#words(step.group, place),
      announceSeconds: () => this.#configured(step.group)?.queue.announceSeconds ?? 0,
      onLeg: (leg) => this.#legs.add(leg),
      listener: group,
    });
    // Not before the call has this step: it may be over at once.
    queueMicrotask(() => {
      if (!hunting.isOver) group.add(hunting);
    });
    return hunting;
  }

  /** For routing. */
  waitingIn(number: string): number {
    return this.#groups.get(number)?.state.calls.filter(({ place }) => place > 0).length ?? 0;
  }

  /** Something is otherwise: a device came or went, a call began or ended, the configuration was edited. */
  readonly look = (): void => {
    if (this.#willLook || this.#groups.size === 0) return;
    this.#willLook = true;
    // Once for all that happens in a turn, and when it has happened.
    setImmediate(() => {
      this.#willLook = false;
      for (const [number, group] of this.#groups) {
        group.look();
        if (group.isIdle && this.#configured(number) === undefined) this.#groups.delete(number);
      }
    });
  };

  /** Every group that is configured, by number. */
  list(): readonly HuntGroupView[] {
    const { configuration, clock } = this.#options;
    return Object.entries(configuration().huntGroups).map(([number, settings]) =>
      viewOf({
        number,
        settings,
        group: this.#groups.get(number),
        availability: (user) => this.#availability(number, user, NOBODY),
        nowMs: clock.elapsed(),
      }),
    );
  }

  #groupOf(number: string): Group {
    const known = this.#groups.get(number);
    if (known !== undefined) return known;
    const group = new Group({
      rules: () => this.#rules(number),
      availability: (user, { context }) => this.#availability(number, user, context.caller),
      memberStep: (user, hunting) => this.#memberStep(user, hunting),
      clock: this.#options.clock,
    });
    this.#groups.set(number, group);
    return group;
  }

  #configured(number: string): Configuration['huntGroups'][string] | undefined {
    const { huntGroups } = this.#options.configuration();
    return Object.hasOwn(huntGroups, number) ? huntGroups[number] : undefined;
  }

  /** That he waits, and as the how manieth, in the language of the box. */
  #words(number: string, place: number): readonly string[] {
    const { locale } = this.#options.configuration().system;
    const queue = this.#configured(number)?.queue;
    const saysPlace = queue !== undefined && queue.announceSeconds > 0 && queue.announcePlace;
    const hold = promptSound(locale, 'please-hold');
    return saysPlace ? [hold, promptSound(locale, 'queue-place'), ...numberSounds(locale, place)] : [hold];
  }

  #rules(number: string): GroupRules {
    const settings = this.#configured(number);
    return {
      mode: settings?.mode ?? 'sequential',
      members: settings?.members.filter(({ enabled }) => enabled).map(({ user }) => user) ?? [],
      noAnswerSeconds: settings?.noAnswerSeconds ?? 0,
      wrapUpSeconds: settings?.wrapUpSeconds ?? 0,
      mayWait: settings?.queue.enabled ?? false,
      waitingLimit: settings?.queue.limit ?? 0,
    };
  }

  #availability(group: string, user: string, caller: RoutingRequest['caller']): Availability {
    const step = this.#route(group, user, caller);
    if (step.kind === 'skip') return step.isBusy ? 'busy' : 'away';
    if (step.kind !== 'ring' && step.kind !== 'line') return 'away';
    // Nobody is called by himself, and nobody rings for two calls at once.
    const isBusy =
      (caller.kind === 'user' && caller.user === user) ||
      [...this.#groups].some(([number, other]) => number !== group && other.occupies(user)) ||
      this.#options.legsOf(user).some((leg) => !leg.isEnded && !this.#legs.has(leg));
    return isBusy ? 'busy' : 'free';
  }

  #memberStep(user: string, { step: { group, alert, diversions }, context }: Hunting): Step | undefined {
    const step = this.#route(group, user, context.caller);
    if (step.kind === 'ring')
      return { ...step, alert, diversions: [...diversions, ...step.diversions] } satisfies RingStep;
    return step.kind === 'line' ? step : undefined;
  }

  #route(number: string, user: string, caller: RoutingRequest['caller']) {
    const { configuration, state, clock } = this.#options;
    const request = { caller, dialled: number, configuration: configuration(), at: clock.now(), state };
    // How long he rings, the group says.
    return this.#options.routeToMember(request, { number, noAnswerSeconds: 0, mayWait: false }, user).step;
  }
}
