import type { Clock, Timer } from '../../core/clock.ts';
import type { Leg } from '../leg/leg.ts';
import type { GroupMembers } from './group-members.ts';
import {
  EMPTY_GROUP,
  type GroupEffect,
  type GroupInput,
  type GroupRules,
  type GroupState,
  nextGroupState,
} from './group-state.ts';
import type { Hunting, HuntingListener } from './hunting.ts';

export interface GroupOptions {
  /** As configured now; without members where the group is no more. */
  readonly rules: () => GroupRules;
  /** What they can do at this moment. */
  readonly members: () => GroupMembers;
  readonly clock: Clock;
}

/** Nobody tells of everything that makes a member free, such as a line that comes back. */
const LOOK_AGAIN_MS = 5000;

/** One hunt group that runs: group-state.ts says what happens, this carries it out. */
export class Group implements HuntingListener {
  readonly #options: GroupOptions;
  readonly #calls = new Map<string, Hunting>();
  readonly #inputs: GroupInput[] = [];
  #state: GroupState = EMPTY_GROUP;
  #isTaking = false;
  #wake: Timer | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  get state(): GroupState {
    return this.#state;
  }

  /** Nothing of it has to be kept. */
  get isIdle(): boolean {
    return this.#calls.size === 0 && this.#state.talking.size === 0;
  }

  /** A call that nobody has answered, by its id. */
  hunting(id: string): Hunting | undefined {
    return this.#calls.get(id);
  }

  /** Rings for a call of the group, or talks in one. */
  occupies(user: string): boolean {
    return this.#state.talking.has(user) || this.#state.calls.some(({ ringing }) => ringing.includes(user));
  }

  add(hunting: Hunting): void {
    this.#calls.set(hunting.id, hunting);
    this.#take({ kind: 'call', id: hunting.id });
  }

  /** Somebody may have become free, come or gone; or the configuration is another. */
  look(): void {
    if (this.#calls.size > 0) this.#take({ kind: 'look' });
  }

  answered(hunting: Hunting, user: string, leg: Leg): void {
    this.#take({ kind: 'answered', id: hunting.id, user });
    leg.whenOver(() => this.#take({ kind: 'call-ended', user }));
    hunting.join(leg);
  }

  refused({ id }: Hunting, user: string): void {
    this.#take({ kind: 'refused', id, user });
  }

  notAnswered({ id }: Hunting): void {
    this.#take({ kind: 'not-answered', id });
  }

  left({ id }: Hunting): void {
    this.#take({ kind: 'left', id });
  }

  /** One after the other: what an effect brings about at once comes behind it. */
  #take(input: GroupInput): void {
    this.#inputs.push(input);
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#turn(next);
    } finally {
      this.#isTaking = false;
    }
  }

  #turn(input: GroupInput): void {
    const { rules, clock } = this.#options;
    const members = this.#options.members();
    const nowMs = clock.elapsed();
    this.#wake?.cancel();
    const { state, effects } = nextGroupState(this.#state, input, {
      rules: rules(),
      availability: (user, id) => {
        const hunting = this.#calls.get(id);
        return hunting === undefined ? 'away' : members.availability(user, hunting.context.caller);
      },
      nowMs,
    });
    this.#state = state;
    const wake = effects.find((effect) => effect.kind === 'wake');
    for (const effect of effects) this.#carryOut(effect, members);
    if (input.kind === 'left' || input.kind === 'answered') this.#calls.delete(input.id);
    if (state.calls.length === 0) return;
    const atMs = Math.min(wake?.atMs ?? Number.POSITIVE_INFINITY, nowMs + LOOK_AGAIN_MS);
    this.#wake = clock.schedule(Math.max(0, atMs - nowMs), () => this.look());
  }

  #carryOut(effect: GroupEffect, members: GroupMembers): void {
    if (effect.kind === 'wake') return;
    const hunting = this.#calls.get(effect.id);
    if (hunting === undefined) return;
    switch (effect.kind) {
      case 'ring':
        for (const user of effect.users) {
          const step = members.step(user, hunting.context.caller, hunting.step);
          if (step === undefined) this.refused(hunting, user);
          else hunting.ring(user, step, effect.seconds);
        }
        break;
      case 'stop':
        hunting.stopRinging(effect.users, effect.answered);
        break;
      case 'wait':
        hunting.wait(effect.place);
        break;
      case 'end':
        this.#calls.delete(effect.id);
        hunting.end(effect.outcome);
        break;
    }
  }
}
