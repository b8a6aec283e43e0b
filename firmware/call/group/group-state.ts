import { type HuntMemory, type HuntMode, huntOrder } from './hunt-order.ts';

/** Of a member's devices, as far as a call of the group is concerned. */
export type Availability =
  | 'free'
  /** In a call, or ringing for one that is none of the group's. */
  | 'busy'
  /** No device, logged out, do not disturb: it would not even ring. */
  | 'away';

/** What the configuration says of the group. */
export interface GroupRules {
  readonly mode: HuntMode;
  /** Enabled ones, in order. */
  readonly members: readonly string[];
  /** How long one member rings before the next one does; of no use in mode collective. */
  readonly noAnswerSeconds: number;
  /** A member gets no call of the group for so long after one. */
  readonly wrapUpSeconds: number;
  readonly mayWait: boolean;
  /** How many may wait; 0: any number, up to MAX_WAITING. */
  readonly waitingLimit: number;
}

export interface GroupView {
  readonly rules: GroupRules;
  /** For a call, since a member may be there for some callers alone. */
  readonly availability: (user: string, call: string) => Availability;
  /** Milliseconds by a clock that no time server moves. */
  readonly nowMs: number;
}

/** A call that nobody of the group has answered. */
export interface HuntingCall {
  readonly id: string;
  readonly ringing: readonly string[];
  /** Who did not answer in this round. */
  readonly tried: readonly string[];
  /** Who refused, and may be asked again then, milliseconds: a phone that refuses at once would be rung without end. */
  readonly restingUntilMs: ReadonlyMap<string, number>;
  /** Last told: its place among those that wait, from 1; 0 while somebody rings. */
  readonly place: number;
}

export interface GroupState extends HuntMemory {
  /** In the order in which they came. */
  readonly calls: readonly HuntingCall[];
  /** Who answered a call of the group that has not ended. */
  readonly talking: ReadonlySet<string>;
  readonly wrapUpUntilMs: ReadonlyMap<string, number>;
}

export type GroupInput =
  | { readonly kind: 'call'; readonly id: string }
  /** The members whom `ring` named have rung for long enough. */
  | { readonly kind: 'not-answered'; readonly id: string }
  /** One of them is busy after all, declines, or cannot be reached. */
  | { readonly kind: 'refused'; readonly id: string; readonly user: string }
  | { readonly kind: 'answered'; readonly id: string; readonly user: string }
  /** The caller hung up, or the call goes elsewhere (overflow). */
  | { readonly kind: 'left'; readonly id: string }
  /** A member's call of the group is over. */
  | { readonly kind: 'call-ended'; readonly user: string }
  /** Somebody may have become free, come or gone; or the moment of `wake` is there; or the configuration is another. */
  | { readonly kind: 'look' };

export type GroupEffect =
  /** Beside those who ring for it already. `seconds`: then `not-answered`; undefined: until `stop`. */
  | {
      readonly kind: 'ring';
      readonly id: string;
      readonly users: readonly string[];
      readonly seconds: number | undefined;
    }
  /** `answered`: by somebody else of the group, so that no phone shows a missed call. */
  | { readonly kind: 'stop'; readonly id: string; readonly users: readonly string[]; readonly answered: boolean }
  /** Nobody is free for it: its place from 1 on. Again when its place changes. */
  | { readonly kind: 'wait'; readonly id: string; readonly place: number }
  /** busy: nobody is free and it may not wait; unreachable: the group has nobody who is there. */
  | { readonly kind: 'end'; readonly id: string; readonly outcome: 'busy' | 'unreachable' }
  /** `look` is due then, in the clock of `nowMs`. */
  | { readonly kind: 'wake'; readonly atMs: number };

export interface GroupTurn {
  readonly state: GroupState;
  readonly effects: readonly GroupEffect[];
}

/** More never wait for one group of this class of box. */
export const MAX_WAITING = 100;
/** A member that refused a call is not offered it again before that. */
export const REFUSED_REST_MS = 5000;

export const EMPTY_GROUP: GroupState = {
  calls: [],
  talking: new Set(),
  lastAnswered: undefined,
  idleSinceMs: new Map(),
  wrapUpUntilMs: new Map(),
};

/**
 * What happens in a hunt group: who rings for which call, and which call waits. Pure. Nobody rings for two calls of the group at once,
 * and who came first is served first. Inputs of calls that are not here any more (an answer that crossed the end) change nothing.
 */
export function nextGroupState(state: GroupState, input: GroupInput, view: GroupView): GroupTurn {
  const before = take(state, input, view);
  return assign(before.state, before.effects, view);
}

function take(state: GroupState, input: GroupInput, view: GroupView): GroupTurn {
  if (input.kind === 'look') return { state, effects: [] };
  if (input.kind === 'call-ended') return { state: endCall(state, input.user, view), effects: [] };
  if (input.kind === 'call') {
    if (state.calls.some(({ id }) => id === input.id)) return { state, effects: [] };
    const call = { id: input.id, ringing: [], tried: [], restingUntilMs: new Map(), place: 0 };
    return { state: { ...state, calls: [...state.calls, call] }, effects: [] };
  }
  const call = state.calls.find(({ id }) => id === input.id);
  if (call === undefined) return { state, effects: [] };
  switch (input.kind) {
    case 'not-answered':
      return {
        state: replace(state, { ...call, ringing: [], tried: [...call.tried, ...call.ringing] }),
        effects: stop(call, call.ringing, false),
      };
    case 'refused': {
      if (!call.ringing.includes(input.user)) return { state, effects: [] };
      const restingUntilMs = new Map(call.restingUntilMs).set(input.user, view.nowMs + REFUSED_REST_MS);
      const ringing = call.ringing.filter((user) => user !== input.user);
      return { state: replace(state, { ...call, ringing, restingUntilMs }), effects: [] };
    }
    case 'answered': {
      const others = call.ringing.filter((user) => user !== input.user);
      const talking = new Set(state.talking).add(input.user);
      return {
        state: { ...remove(state, call), talking, lastAnswered: input.user },
        effects: stop(call, others, true),
      };
    }
    case 'left':
      return { state: remove(state, call), effects: stop(call, call.ringing, false) };
  }
}

/** The members' time is given out anew: the oldest call first. */
function assign(state: GroupState, effects: readonly GroupEffect[], view: GroupView): GroupTurn {
  const { rules, availability, nowMs } = view;
  const order = huntOrder(rules.mode, rules.members, state);
  const taken = new Set([...state.talking, ...state.calls.flatMap(({ ringing }) => ringing)]);
  const isFree = (user: string, call: string) =>
    !taken.has(user) && (state.wrapUpUntilMs.get(user) ?? 0) <= nowMs && availability(user, call) === 'free';
  const calls: HuntingCall[] = [];
  const made: GroupEffect[] = [...effects];
  let waiting = 0;
  for (const call of state.calls) {
    const restingUntilMs = stillResting(call.restingUntilMs, nowMs);
    const free = order.filter((user) => isFree(user, call.id) && !restingUntilMs.has(user));
    const isCollective = rules.mode === 'collective';
    if (call.ringing.length > 0 && !isCollective) {
      calls.push({ ...call, restingUntilMs });
      continue;
    }
    const fresh = free.filter((user) => !call.tried.includes(user));
    // Everybody who is free has had his turn: another round.
    const tried = fresh.length === 0 ? [] : call.tried;
    const chosen = isCollective ? free : (fresh.length === 0 ? free : fresh).slice(0, 1);
    for (const user of chosen) taken.add(user);
    if (chosen.length > 0) {
      const seconds = isCollective ? undefined : rules.noAnswerSeconds;
      made.push({ kind: 'ring', id: call.id, users: chosen, seconds });
    }
    const ringing = [...call.ringing, ...chosen];
    if (ringing.length > 0) {
      calls.push({ ...call, ringing, tried, restingUntilMs, place: 0 });
      continue;
    }
    if (!rules.members.some((user) => availability(user, call.id) !== 'away')) {
      made.push({ kind: 'end', id: call.id, outcome: 'unreachable' });
      continue;
    }
    const limit = rules.waitingLimit === 0 ? MAX_WAITING : Math.min(rules.waitingLimit, MAX_WAITING);
    // One that waits already is never sent away by those that came before it and wait again.
    if (!rules.mayWait || (call.place === 0 && waiting >= limit)) {
      made.push({ kind: 'end', id: call.id, outcome: 'busy' });
      continue;
    }
    waiting += 1;
    if (call.place !== waiting) made.push({ kind: 'wait', id: call.id, place: waiting });
    calls.push({ ...call, ringing, tried, restingUntilMs, place: waiting });
  }
  const next: GroupState = { ...state, calls, ...forget(state, rules) };
  const atMs = nextLook(next, nowMs);
  if (atMs !== undefined) made.push({ kind: 'wake', atMs });
  return { state: next, effects: made };
}

/** When something changes by time alone; undefined: nobody waits for anything. */
function nextLook(state: GroupState, nowMs: number): number | undefined {
  const waiting = state.calls.filter(({ ringing }) => ringing.length === 0);
  if (waiting.length === 0) return undefined;
  const ends = [...state.wrapUpUntilMs.values(), ...waiting.flatMap((call) => [...call.restingUntilMs.values()])];
  const later = ends.filter((atMs) => atMs > nowMs);
  return later.length === 0 ? undefined : Math.min(...later);
}

function endCall(state: GroupState, user: string, { rules, nowMs }: GroupView): GroupState {
  if (!state.talking.has(user)) return state;
  return {
    ...state,
    talking: new Set([...state.talking].filter((each) => each !== user)),
    idleSinceMs: new Map(state.idleSinceMs).set(user, nowMs),
    wrapUpUntilMs: new Map(state.wrapUpUntilMs).set(user, nowMs + rules.wrapUpSeconds * 1000),
  };
}

/** Nothing is kept of who is no member any more. */
function forget(state: GroupState, { members }: GroupRules): Pick<GroupState, 'idleSinceMs' | 'wrapUpUntilMs'> {
  const { idleSinceMs, wrapUpUntilMs } = state;
  if (idleSinceMs.size <= members.length && wrapUpUntilMs.size <= members.length) return { idleSinceMs, wrapUpUntilMs };
  const isMember = ([user]: readonly [string, number]) => members.includes(user);
  return {
    idleSinceMs: new Map([...idleSinceMs].filter(isMember)),
    wrapUpUntilMs: new Map([...wrapUpUntilMs].filter(isMember)),
  };
}

function stillResting(restingUntilMs: ReadonlyMap<string, number>, nowMs: number): ReadonlyMap<string, number> {
  if (restingUntilMs.size === 0) return restingUntilMs;
  return new Map([...restingUntilMs].filter(([, untilMs]) => untilMs > nowMs));
}

function stop(call: HuntingCall, users: readonly string[], answered: boolean): readonly GroupEffect[] {
  return users.length === 0 ? [] : [{ kind: 'stop', id: call.id, users, answered }];
}

function replace(state: GroupState, call: HuntingCall): GroupState {
  return { ...state, calls: state.calls.map((each) => (each.id === call.id ? call : each)) };
}

function remove(state: GroupState, call: HuntingCall): GroupState {
  return { ...state, calls: state.calls.filter((each) => each !== call) };
}
