import type { Path } from '../path.ts';
import type { Configuration } from '../schema/configuration.ts';
import type { Report, Rule } from './cross-checks.ts';
import { mustExist } from './reference-rules.ts';

/** Dial plans, time profiles, classes of service and routes to outside. */
export const diallingRules: readonly Rule[] = [
  function profilesAndClassesExist({ system, users, userRights, huntGroups, incomingRoutes, ...rest }, report) {
    const { timeProfiles, classesOfService, arsRoutes, locations } = rest;
    const profile = (path: Path, name: string | undefined) =>
      mustExist(report, path, name, timeProfiles, 'timeProfiles');
    const service = (path: Path, name: string | undefined) =>
      mustExist(report, path, name, classesOfService, 'classesOfService');
    service(['system', 'telephony', 'classOfService'], system.telephony.classOfService);
    mustExist(report, ['system', 'emergency', 'location'], system.emergency.location, locations, 'locations');
    for (const [number, { classOfService, twinning, internalTwinning }] of Object.entries(users)) {
      service(['users', number, 'classOfService'], classOfService);
      profile(['users', number, 'twinning', 'timeProfile'], twinning.timeProfile);
      const path = ['users', number, 'internalTwinning'];
      mustExist(report, path, internalTwinning, users, 'users');
      if (internalTwinning === number) report(path, number, 'is the user’s own number', 'Name another user.');
    }
    for (const [name, { classOfService }] of Object.entries(userRights)) {
      service(['userRights', name, 'classOfService'], classOfService);
    }
    for (const [number, { nightService }] of Object.entries(huntGroups)) {
      profile(['huntGroups', number, 'nightService', 'timeProfile'], nightService.timeProfile);
    }
    for (const [name, { timeProfile }] of Object.entries(incomingRoutes)) {
      profile(['incomingRoutes', name, 'timeProfile'], timeProfile);
    }
    for (const [name, { timeProfile, otherwise }] of Object.entries(classesOfService)) {
      profile(['classesOfService', name, 'timeProfile'], timeProfile);
      service(['classesOfService', name, 'otherwise'], otherwise);
    }
    for (const [name, { timeProfile, codes }] of Object.entries(arsRoutes)) {
      profile(['arsRoutes', name, 'timeProfile'], timeProfile);
      for (const [index, code] of codes.entries()) {
        profile(['arsRoutes', name, 'codes', String(index), 'timeProfile'], code.timeProfile);
      }
    }
  },

  function othersAreReachedWithoutCircles({ arsRoutes, classesOfService }, report) {
    for (const [name, route] of Object.entries(arsRoutes)) {
      for (const field of ['alternateRoute', 'outOfHoursRoute', 'outOfServiceRoute'] as const) {
        const path = ['arsRoutes', name, field];
        mustExist(report, path, route[field], arsRoutes, 'arsRoutes');
        noCircle(report, path, name, (each) => arsRoutes[each]?.[field]);
      }
    }
    for (const name of Object.keys(classesOfService)) {
      noCircle(report, ['classesOfService', name, 'otherwise'], name, (each) => classesOfService[each]?.otherwise);
    }
  },

  function shortCodesNameRoutesThatThereAre({ shortCodes, userRights, users, ...rest }, report) {
    const check = (path: Path, codes: Configuration['shortCodes']) => {
      for (const [code, { lineGroup }] of Object.entries(codes))
        checkGroup(report, [...path, code, 'lineGroup'], lineGroup, rest);
    };
    check(['shortCodes'], shortCodes);
    for (const [name, rights] of Object.entries(userRights))
      check(['userRights', name, 'shortCodes'], rights.shortCodes);
    for (const [number, user] of Object.entries(users)) check(['users', number, 'shortCodes'], user.shortCodes);
    checkGroup(report, ['system', 'emergency', 'lineGroup'], rest.system.emergency.lineGroup, rest);
    for (const [name, { lineGroup }] of Object.entries(rest.locations)) {
      checkGroup(report, ['locations', name, 'lineGroup'], lineGroup, rest);
    }
  },

  function whomHelpIsToldToExists({ system, users, huntGroups }, report) {
    for (const [index, number] of system.emergency.notify.entries()) {
      if (Object.hasOwn(users, number) || Object.hasOwn(huntGroups, number)) continue;
      const path = ['system', 'emergency', 'notify', String(index)];
      report(path, number, 'is the number of no user and no hunt group', 'Name one that there is.');
    }
  },

  function timesAndDatesExist({ timeProfiles }, report) {
    for (const [name, { times, exceptDates }] of Object.entries(timeProfiles)) {
      for (const [index, { days, begins, ends }] of times.entries()) {
        const path = ['timeProfiles', name, 'times', String(index)];
        if (days.length === 0) report([...path, 'days'], [], 'names no day', 'Name one, as mon.');
        if (begins === ends) {
          const cure = 'Give another time; a whole day is from 00:00 to 24:00.';
          report([...path, 'ends'], ends, 'is when it begins', cure);
        }
      }
      for (const [index, date] of exceptDates.entries()) {
        const day = new Date(`${date}T00:00:00Z`);
        if (!Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)) continue;
        const path = ['timeProfiles', name, 'exceptDates', String(index)];
        report(path, date, 'is no day of the calendar', 'Give one as 2027-12-25.');
      }
    }
  },
];

/** A number is an outgoing group, anything else the name of a route. */
function checkGroup(
  report: Report,
  path: Path,
  group: string,
  { lines, arsRoutes }: Pick<Configuration, 'lines' | 'arsRoutes'>,
): void {
  if (group === '' || Object.hasOwn(arsRoutes, group)) return;
  // 0 is the group of lines that nobody put into one; it may stand where lines are yet to come.
  if (group === '0' || Object.values(lines).some(({ outgoingGroup }) => String(outgoingGroup) === group)) return;
  const cure = 'Name the outgoing group of a line, or one of arsRoutes.';
  report(path, group, 'is the outgoing group of no line, and no ARS route', cure, 'warning');
}

function noCircle(report: Report, path: Path, start: string, next: (name: string) => string | undefined): void {
  const seen = new Set<string>();
  for (let name: string | undefined = next(start); name !== undefined && !seen.has(name); name = next(name)) {
    if (name === start) {
      report(path, next(start), 'leads back to itself', 'Name another one, or leave it out.');
      return;
    }
    seen.add(name);
  }
}
