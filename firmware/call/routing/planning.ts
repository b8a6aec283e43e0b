import type { Configuration, User } from '../../config/schema/configuration.ts';
import type {
  Alert,
  Decision,
  Diversion,
  DiversionReason,
  RefusalReason,
  RefuseStep,
  RoutingRequest,
  Step,
} from './plan.ts';

/** Rings and groups in one plan: each may go on to two others, and those again. */
const MAX_PLANNED = 40;

const STATUS: Readonly<Record<RefusalReason, RefuseStep['status']>> = {
  incomplete: 484,
  'no-such-number': 404,
  barred: 403,
  'not-logged-in': 403,
  'feature-not-for-caller': 403,
  busy: 486,
  unreachable: 480,
  'do-not-disturb': 486,
  'forward-loop': 482,
  'too-many-forwards': 482,
  'no-route': 404,
  'no-line-in-service': 503,
  'trunk-to-trunk': 403,
};

/** What a plan that is being made holds, besides what it is made of. */
export class Planning {
  readonly request: RoutingRequest;
  readonly decisions: Decision[] = [];
  #planned = 0;
  #depth = 0;

  constructor(request: RoutingRequest) {
    this.request = request;
  }

  get configuration(): Configuration {
    return this.request.configuration;
  }

  get alert(): Alert {
    return this.request.caller.kind === 'line' ? 'external' : 'internal';
  }

  /** The user who calls. */
  get user(): User | undefined {
    const { caller } = this.request;
    return caller.kind === 'user' ? userOf(this.configuration, caller.user) : undefined;
  }

  /** The caller as people and exceptions know him. */
  get callerNumbers(): readonly string[] {
    const { caller } = this.request;
    if (caller.kind === 'user') return [caller.user, caller.extension];
    if (caller.kind === 'nobody') return [caller.extension];
    return caller.callerNumber === undefined ? [] : [caller.callerNumber];
  }

  note(about: Decision['about'], text: string, data?: Decision['data']): void {
    const depth = this.#depth;
    this.decisions.push(data === undefined ? { about, text, depth } : { about, text, depth, data });
  }

  /** What follows where something has come to an end; `when` says what. */
  branch(when: string, plan: () => Step | undefined): Step | undefined {
    const before = this.decisions.length;
    this.note('user', when);
    this.#depth += 1;
    const step = plan();
    this.#depth -= 1;
    // Nothing to be said of a branch that is none.
    if (step === undefined && this.decisions.length === before + 1) this.decisions.length = before;
    return step;
  }

  refuse(reason: RefusalReason, why: string): RefuseStep {
    const status = STATUS[reason];
    this.note('refusal', why, { reason, status });
    return { kind: 'refuse', status, reason, why };
  }

  /** Counts one more ring or group; the refusal where the plan would grow without end. */
  grow(): RefuseStep | undefined {
    this.#planned += 1;
    if (this.#planned <= MAX_PLANNED) return undefined;
    return this.refuse('too-many-forwards', `this call could go on to more than ${MAX_PLANNED} users and groups`);
  }
}

/** How a call came to where it is now. */
export interface Course {
  /** Users and groups that it has been for, in their order. */
  readonly path: readonly string[];
  readonly diversions: readonly Diversion[];
  /** Calls to a group never reach the voicemail of a member, nor of whom he forwards to. */
  readonly mayLeaveMessage: boolean;
}

export const STRAIGHT: Course = { path: [], diversions: [], mayLeaveMessage: true };

/** The course of a call that goes on from `from`, which is in the path already. */
export function onward(course: Course, from: string, reason: DiversionReason): Course {
  return { ...course, diversions: [...course.diversions, { from, reason }] };
}

/** Who answers for a call to outside: whose class of service counts, and whose number may be shown. */
export interface Payer {
  /** Undefined where nobody does: then nothing goes out. */
  readonly user: string | undefined;
  readonly settings: User | undefined;
}

/** What leads on: route.ts hands it down, since numbers lead to users and users to numbers. */
export type PlanNumber = (planning: Planning, number: string, payer: Payer, course: Course) => Step;

export function userOf(configuration: Configuration, number: string): User | undefined {
  return Object.hasOwn(configuration.users, number) ? configuration.users[number] : undefined;
}

export function nameOf(configuration: Configuration, number: string): string {
  const user = userOf(configuration, number);
  return user === undefined ? number : user.fullName || user.name;
}

const kept = new WeakMap<Configuration['extensions'], ReadonlyMap<string, readonly string[]>>();

/** Whether devices of an extension may be told to answer by themselves at all: some stand where others hear. */
export function mayAnswerByItself({ extensions }: Configuration, extension: string): boolean {
  return !Object.hasOwn(extensions, extension) || extensions[extension]?.autoAnswer === true;
}

/** Extensions of a user, that of his own number in front. Found once for as long as the extensions stay. */
export function extensionsOf(configuration: Configuration, user: string): readonly string[] {
  let byUser = kept.get(configuration.extensions);
  if (byUser === undefined) {
    const lists = new Map<string, string[]>();
    for (const [number, { user: owner }] of Object.entries(configuration.extensions)) {
      if (owner === undefined) continue;
      const list = lists.get(owner) ?? [];
      if (number === owner) list.unshift(number);
      else list.push(number);
      lists.set(owner, list);
    }
    byUser = lists;
    kept.set(configuration.extensions, byUser);
  }
  return byUser.get(user) ?? [];
}

/** The rights of a user; undefined where he has none of them. */
export function rightsOf(
  configuration: Configuration,
  user: User | undefined,
): Configuration['userRights'][string] | undefined {
  const name = user?.userRights;
  return name === undefined || !Object.hasOwn(configuration.userRights, name)
    ? undefined
    : configuration.userRights[name];
}
