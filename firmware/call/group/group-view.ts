import type { Configuration } from '../../config/schema/configuration.ts';
import type { Group } from './group.ts';
import { type Availability, EMPTY_GROUP } from './group-state.ts';

/** What somebody does for his group; `away`: nothing of his could ring; `busy`: with something else. */
export type MemberActivity = 'disabled' | 'away' | 'busy' | 'free' | 'ringing' | 'talking' | 'wrapping-up';

export interface MemberView {
  readonly user: string;
  readonly activity: MemberActivity;
}

/** A call that nobody of the group has answered. */
export interface HuntingView {
  /** As the caller is known here; may be empty. */
  readonly caller: string;
  readonly seconds: number;
  /** Who rings for it. */
  readonly ringing: readonly string[];
  /** Among those that wait, from 1; 0 while somebody rings. */
  readonly place: number;
}

export interface HuntGroupView {
  readonly group: string;
  readonly name: string;
  readonly mode: Configuration['huntGroups'][string]['mode'];
  /** Switched on by hand. */
  readonly nightService: boolean;
  readonly members: readonly MemberView[];
  /** The one that came first in front. */
  readonly calls: readonly HuntingView[];
}

export function viewOf({
  number,
  settings,
  group,
  availability,
  nowMs,
}: {
  readonly number: string;
  readonly settings: Configuration['huntGroups'][string];
  /** Undefined where it has had no call. */
  readonly group: Group | undefined;
  readonly availability: (user: string) => Availability;
  readonly nowMs: number;
}): HuntGroupView {
  const state = group?.state ?? EMPTY_GROUP;
  const activityOf = (user: string, enabled: boolean): MemberActivity => {
    if (state.talking.has(user)) return 'talking';
    if (state.calls.some(({ ringing }) => ringing.includes(user))) return 'ringing';
    if (!enabled) return 'disabled';
    const present = availability(user);
    return present === 'free' && (state.wrapUpUntilMs.get(user) ?? 0) > nowMs ? 'wrapping-up' : present;
  };
  return {
    group: number,
    name: settings.name,
    mode: settings.mode,
    nightService: settings.nightService.active,
    members: settings.members.map(({ user, enabled }) => ({ user, activity: activityOf(user, enabled) })),
    calls: state.calls.map(({ id, ringing, place }) => {
      const hunting = group?.hunting(id);
      return {
        caller: hunting?.context.waiting.party.number ?? '',
        seconds: hunting === undefined ? 0 : Math.max(0, Math.floor((nowMs - hunting.sinceMs) / 1000)),
        ringing,
        place,
      };
    }),
  };
}
