import type { Configuration } from '../../config/schema/configuration.ts';

export type HuntMode = Configuration['huntGroups'][string]['mode'];

/** What the group remembers of its members. */
export interface HuntMemory {
  /** Who answered the group's last call. */
  readonly lastAnswered: string | undefined;
  /** When each member's last call of the group ended, milliseconds; one that is not in it has had none. */
  readonly idleSinceMs: ReadonlyMap<string, number>;
}

/**
 * Members in the order in which a call tries them. `members` are in the order of the configuration.
 *
 *   sequential, collective   as configured
 *   rotary                   from the one behind whoever answered last
 *   longest-waiting          who has been without a call of the group for the longest time first
 */
export function huntOrder(mode: HuntMode, members: readonly string[], memory: HuntMemory): readonly string[] {
  switch (mode) {
    case 'sequential':
    case 'collective':
      return members;
    case 'rotary': {
      const last = memory.lastAnswered === undefined ? -1 : members.indexOf(memory.lastAnswered);
      return [...members.slice(last + 1), ...members.slice(0, last + 1)];
    }
    case 'longest-waiting': {
      const idleSince = (user: string) => memory.idleSinceMs.get(user) ?? Number.NEGATIVE_INFINITY;
      // Stable: those who have had no call yet stay as configured.
      return members.toSorted((a, b) => compare(idleSince(a), idleSince(b)));
    }
  }
}

function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
