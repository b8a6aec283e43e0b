import type { Configuration } from '../../config/schema/configuration.ts';
import type { Leg } from '../leg/leg.ts';
import type { HuntStep, RingStep, RoutingRequest, RoutingState, Step } from '../routing/plan.ts';
import type { routeToMember } from '../routing/route.ts';
import type { Availability } from './group-state.ts';

export interface GroupMembersOptions {
  /** The number of the group. */
  readonly group: string;
  readonly configuration: Configuration;
  readonly state: () => RoutingState;
  readonly routeToMember: typeof routeToMember;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** He rings or talks for another group. */
  readonly isOccupied: (user: string) => boolean;
  /** All but those that groups call. */
  readonly legs: () => Iterable<Leg>;
}

type Route = ReturnType<typeof routeToMember>['step'];

/**
 * What the members of a group can do at one moment: each is planned for once for each caller, and the calls of the box are looked
 * through once for all of them. A group has dozens, and whoever rings last of them waits for the others.
 */
export class GroupMembers {
  readonly #options: GroupMembersOptions;
  readonly #routes = new Map<RoutingRequest['caller'], Map<string, Route>>();
  #state: RoutingState | undefined;
  #inCalls: ReadonlySet<string> | undefined;

  constructor(options: GroupMembersOptions) {
    this.#options = options;
  }

  /** Whether a member could ring for a call of that one. */
  readonly availability = (user: string, caller: RoutingRequest['caller']): Availability => {
    const step = this.#route(user, caller);
    if (step.kind === 'skip') return step.isBusy ? 'busy' : 'away';
    if (step.kind !== 'ring' && step.kind !== 'line') return 'away';
    // Nobody is called by himself, and nobody rings for two calls at once.
    const isBusy =
      (caller.kind === 'user' && caller.user === user) || this.#isInCall(user) || this.#options.isOccupied(user);
    return isBusy ? 'busy' : 'free';
  };

  /** Whom of a member to ring; undefined where nobody is to be. */
  step(user: string, caller: RoutingRequest['caller'], { alert, diversions }: HuntStep): Step | undefined {
    const step = this.#route(user, caller);
    if (step.kind === 'ring') {
      return { ...step, alert, diversions: [...diversions, ...step.diversions] } satisfies RingStep;
    }
    return step.kind === 'line' ? step : undefined;
  }

  #isInCall(user: string): boolean {
    this.#inCalls ??= new Set(
      Iterator.from(this.#options.legs()).flatMap(({ isEnded, party }) =>
        isEnded || party.user === undefined ? [] : [party.user],
      ),
    );
    return this.#inCalls.has(user);
  }

  #route(user: string, caller: RoutingRequest['caller']): Route {
    let routes = this.#routes.get(caller);
    if (routes === undefined) {
      routes = new Map();
      this.#routes.set(caller, routes);
    }
    let route = routes.get(user);
    if (route === undefined) {
      const { group, configuration, state, at } = this.#options;
      this.#state ??= state();
      const request = { caller, dialled: group, configuration, at, state: this.#state };
      // How long he rings, the group says.
      route = this.#options.routeToMember(request, { number: group, noAnswerSeconds: 0, mayWait: false }, user).step;
      routes.set(user, route);
    }
    return route;
  }
}
