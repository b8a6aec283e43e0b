import type { LiveLeg } from '../history/live-call.ts';
import type { UserLeg } from '../history/user-presence.ts';
import type { Place } from './user-places.ts';

/** A call of a user, as a client of his sees it. */
export interface CallView {
  readonly call: string;
  /** `calling`: he called, and nobody has answered. `held`: he has the other one on hold. */
  readonly state: 'calling' | 'ringing' | 'talking' | 'held';
  readonly direction: 'in' | 'out';
  /** Left out of whoever wants no identity shown. */
  readonly with: { readonly number?: string; readonly name?: string };
  /** The devices of his that it rings or is at. */
  readonly at: readonly Place[];
  /** Of the answer, before it of the beginning; milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

/** The calls that a user has, of his parts in calls; `at` says where he is in one. */
export function callViews(legs: readonly UserLeg[], at: (call: string) => readonly Place[]): readonly CallView[] {
  const byCall = new Map<string, UserLeg[]>();
  for (const leg of legs) {
    const id = leg.call.started.call;
    byCall.set(id, [...(byCall.get(id) ?? []), leg]);
  }
  return [...byCall].flatMap(([call, own]) => {
    // Of several that ring the one that talks counts.
    const leg = own.find(({ phase }) => phase === 'talking') ?? own[0];
    return leg === undefined ? [] : [viewOf(call, leg, own, at(call))];
  });
}

function viewOf(call: string, leg: UserLeg, own: readonly UserLeg[], at: readonly Place[]): CallView {
  const { started, answeredAtMs, legs, connected } = leg.call;
  const isCaller = leg.leg === started.caller.leg;
  const others = legs.filter((each) => each.phase !== 'released' && !own.some((mine) => mine.leg === each.leg));
  const other =
    others.find((each) => each.leg === connected) ?? others.find(({ phase }) => phase === 'talking') ?? others[0];
  return {
    call,
    state: leg.phase === 'talking' ? (leg.isHolding ? 'held' : 'talking') : isCaller ? 'calling' : 'ringing',
    direction: isCaller || isInPlaceOfCaller(leg) ? 'out' : 'in',
    with: other === undefined ? { number: started.dialled } : shown(other),
    at,
    sinceMs: (leg.phase === 'talking' ? answeredAtMs : undefined) ?? started.atMs,
  };
}

/** He called, and goes on by another device of his. */
function isInPlaceOfCaller({ joined, party, call }: UserLeg): boolean {
  return joined !== undefined && party.user !== undefined && party.user === call.started.caller.party.user;
}

function shown({ party: { number, name, isPrivate } }: LiveLeg): CallView['with'] {
  if (isPrivate === true || number === '') return {};
  return { number, ...(name === undefined ? {} : { name }) };
}
