import type { CallParty } from './call-event.ts';
import { recordOf, secondsOf } from './call-record.ts';
import type { LiveCall, LiveLeg } from './live-call.ts';

/** Of one user's call log, as it is shown. */
export const MAX_USER_CALLS = 200;

export type UserCallKind = 'placed' | 'received' | 'missed';

/** A line of a user's call log. */
export interface UserCall {
  readonly user: string;
  /** The id of the record. */
  readonly call: string;
  readonly kind: UserCallKind;
  readonly atMs: number;
  /** The other party; empty where it wants not to be known. */
  readonly number: string;
  readonly name: string;
  /** Of the conversation. */
  readonly seconds: number;
}

/** What each of the box's users has in his log of a call that has ended. `seconds`: of the conversation. */
export function userCallsOf(call: LiveCall, seconds = secondsOf(recordOf(call))): readonly UserCall[] {
  const { started, legs } = call;
  const { user: caller } = started.caller.party;
  const connected = legs.find(({ leg }) => leg === call.connected)?.party;
  const entry = (
    user: string,
    kind: UserCallKind,
    other: Pick<CallParty, 'number' | 'name' | 'isPrivate'>,
  ): UserCall => ({
    ...{ user, call: started.call, kind, atMs: started.atMs },
    ...(other.isPrivate === true ? { number: '', name: '' } : { number: other.number, name: other.name ?? '' }),
    seconds: kind === 'missed' ? 0 : seconds,
  });
  const placed =
    caller === undefined
      ? []
      : [
          entry(caller, 'placed', {
            number: started.dialled,
            ...(connected?.name === undefined ? {} : { name: connected.name }),
          }),
        ];
  const rung = new Set(legs.slice(1).flatMap(({ party }) => (party.user === undefined ? [] : [party.user])));
  const others = [...rung].flatMap((user) => {
    const own = legs.filter(({ party }) => party.user === user);
    const kind = user === caller ? undefined : kindFor(own);
    if (kind === undefined) return [];
    const found = entry(user, kind, started.caller.party);
    return [own.some(({ hasTalked }) => hasTalked) ? found : { ...found, seconds: 0 }];
  });
  return [...placed, ...others];
}

/** Undefined: nothing that the user should see. `legs`: those of one user. */
function kindFor(legs: readonly LiveLeg[]): UserCallKind | undefined {
  // The conversation before a transfer has an entry of its own, that of the call which brought him here.
  if (legs.every(({ joined }) => joined?.from !== undefined)) return undefined;
  if (legs.some(({ hasTalked }) => hasTalked)) return 'received';
  // Another one has the call: who shows it as missed would have somebody call back for nothing.
  if (legs.some(({ cause }) => cause === 'answered-elsewhere')) return undefined;
  return legs.some(({ cause }) => cause === 'declined') ? 'received' : 'missed';
}
