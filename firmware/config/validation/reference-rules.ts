import { formatPath, type Path } from '../path.ts';
import type { Report, Rule } from './cross-checks.ts';

/** What names another item names one that is there. */
export const referenceRules: readonly Rule[] = [
  function extensionsHaveExistingUsers({ extensions, users, locations }, report) {
    for (const [number, extension] of Object.entries(extensions)) {
      mustExist(report, ['extensions', number, 'user'], extension.user, users, 'users');
      mustExist(report, ['extensions', number, 'location'], extension.location, locations, 'locations');
    }
  },

  function usersHaveExistingRights({ users, userRights }, report) {
    for (const [number, user] of Object.entries(users)) {
      mustExist(report, ['users', number, 'userRights'], user.userRights, userRights, 'userRights');
    }
  },

  function groupsHaveExistingMembers({ huntGroups, users }, report) {
    for (const [number, { members }] of Object.entries(huntGroups)) {
      const seen = new Set<string>();
      for (const [index, { user }] of members.entries()) {
        const path = ['huntGroups', number, 'members', String(index), 'user'];
        mustExist(report, path, user, users, 'users');
        if (seen.has(user)) report(path, user, 'is a member already', 'Name each member once.');
        seen.add(user);
      }
    }
  },

  function groupsOverflowToOtherGroups({ huntGroups }, report) {
    for (const [number, { overflow, nightService }] of Object.entries(huntGroups)) {
      for (const [path, target] of [
        [['huntGroups', number, 'overflow', 'group'], overflow.group],
        [['huntGroups', number, 'nightService', 'group'], nightService.group],
      ] as const) {
        mustExist(report, path, target, huntGroups, 'huntGroups');
        if (target === number) report(path, target, 'is the group itself', 'Name another hunt group.');
      }
    }
  },

  function emergencyNumbersHaveExistingLocations({ emergencyNumbers, locations }, report) {
    for (const [number, { location }] of Object.entries(emergencyNumbers)) {
      mustExist(report, ['emergencyNumbers', number, 'location'], location, locations, 'locations');
    }
  },

  function routesLeadSomewhere({ incomingRoutes, lines, users, huntGroups }, report) {
    const groups = new Set(Object.values(lines).map(({ incomingGroup }) => incomingGroup));
    for (const [name, route] of Object.entries(incomingRoutes)) {
      const path = ['incomingRoutes', name];
      if (!groups.has(route.lineGroup)) {
        report(
          [...path, 'lineGroup'],
          route.lineGroup,
          'is the incoming group of no line',
          'Name the incoming group of a line.',
        );
      }
      for (const field of ['destination', 'nightDestination', 'fallback'] as const) {
        const number = route[field];
        if (number === '' && field !== 'destination') continue;
        if (Object.hasOwn(users, number) || Object.hasOwn(huntGroups, number)) continue;
        report([...path, field], number, 'is the number of no user and no hunt group', 'Name one that there is.');
      }
    }
  },
];

/** Reports a key that names nothing. */
export function mustExist(
  report: Report,
  path: Path,
  key: string | undefined,
  items: object,
  collection: string,
): void {
  if (key === undefined || Object.hasOwn(items, key)) return;
  report(
    path,
    key,
    `names nothing: there is no ${formatPath([collection, key])}`,
    `Name one of ${collection}, or leave the field out.`,
  );
}
