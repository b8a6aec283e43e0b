import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock } from '../../core/clock.ts';
import { MUSIC_ON_HOLD, numberSounds, promptSound } from '../../media/client.ts';
import type { Leg } from '../leg/leg.ts';
import type { HuntStep, RoutingRequest, RoutingState } from '../routing/plan.ts';
import type { routeToMember } from '../routing/route.ts';
import type { RunningStep, StepContext, StepRunner, StepRunners } from '../step/step-runner.ts';
import { Group } from './group.ts';
import { GroupMembers } from './group-members.ts';
import type { GroupRules } from './group-state.ts';
import { type HuntGroupView, viewOf } from './group-view.ts';
import { Hunting } from './hunting.ts';

export interface GroupsOptions {
  readonly configuration: () => Configuration;
  /** As it is at this moment; asked for again at the next one. */
  readonly state: () => RoutingState;
  readonly routeToMember: typeof routeToMember;
  readonly runners: Pick<StepRunners, 'runnerOf'>;
  /** All that there are, those that ring among them. */
  readonly legs: () => Iterable<Leg>;
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
    return Object.entries(configuration().huntGroups).map(([number, settings]) => {
      const { availability } = this.#members(number);
      return viewOf({
        number,
        settings,
        group: this.#groups.get(number),
        availability: (user) => availability(user, NOBODY),
        nowMs: clock.elapsed(),
      });
    });
  }

  #groupOf(number: string): Group {
    const known = this.#groups.get(number);
    if (known !== undefined) return known;
    const group = new Group({
      rules: () => this.#rules(number),
      members: () => this.#members(number),
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

  #members(group: string): GroupMembers {
    const { configuration, state, legs, routeToMember, clock } = this.#options;
    return new GroupMembers({
      group,
      configuration: configuration(),
      state,
      routeToMember,
      at: clock.now(),
      isOccupied: (user) => [...this.#groups].some(([number, other]) => number !== group && other.occupies(user)),
      legs: () => Iterator.from(legs()).filter((leg) => !this.#legs.has(leg)),
    });
  }
}
