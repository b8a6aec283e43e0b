import { emergencyNumbersOf } from '../emergency.ts';
import type { Path } from '../path.ts';
import type { Rule } from './cross-checks.ts';

/** In all: they are compared with every number that somebody dials. */
const MAX_SHORT_CODES = 1000;

/** A number reaches one user or one hunt group, and never stands in the way of an emergency call. */
export const numberRules: readonly Rule[] = [
  function groupsDoNotTakeUsersNumbers({ users, extensions, huntGroups }, report) {
    for (const number of Object.keys(huntGroups)) {
      const taken = Object.hasOwn(users, number) ? 'user' : Object.hasOwn(extensions, number) ? 'extension' : undefined;
      if (taken === undefined) continue;
      report(
        ['huntGroups', number],
        number,
        `has the number of a ${taken}`,
        `Give the group another number, or remove ${taken}s.${number}.`,
      );
    }
  },

  function autoCreationHasPassword({ system: { sip } }, report) {
    if (!sip.autoCreateExtensions || sip.defaultExtensionPassword !== undefined) return;
    report(
      ['system', 'sip', 'autoCreateExtensions'],
      true,
      'needs a default extension password',
      'Set system.sip.defaultExtensionPassword first.',
    );
  },

  function extensionOfAnotherUser({ users, extensions }, report) {
    for (const [number, { user }] of Object.entries(extensions)) {
      // Digest and dial plan both go by the number: an extension that has a user's number must be that user's.
      if (user === number || !Object.hasOwn(users, number)) continue;
      report(
        ['extensions', number, 'user'],
        user,
        `must be ${number}, since there is a user of that number`,
        `Set it to ${number}, or give that user another number.`,
      );
    }
  },

  function namesAreUsedOnce({ users, huntGroups }, report) {
    const seen = new Map<string, Path>();
    const check = (path: Path, name: string) => {
      const folded = name.trim().toLowerCase();
      const first = seen.get(folded);
      if (first === undefined) seen.set(folded, path);
      else
        report(
          path,
          name,
          `is the name of ${first.slice(0, 2).join('.')} too`,
          'Give each user and each hunt group a name of its own; the full name may be the same.',
        );
    };
    for (const [number, { name }] of Object.entries(users)) check(['users', number, 'name'], name);
    for (const [number, { name }] of Object.entries(huntGroups)) check(['huntGroups', number, 'name'], name);
  },

  function emailsAreUsedOnce({ users }, report) {
    const seen = new Map<string, string>();
    for (const [number, { email }] of Object.entries(users)) {
      if (email === '') continue;
      const first = seen.get(email.toLowerCase());
      if (first === undefined) seen.set(email.toLowerCase(), number);
      else
        report(
          ['users', number, 'email'],
          email,
          `is the unique identity of user ${first} too`,
          'Give each user an address of its own, or leave it empty.',
        );
    }
  },

  function nothingShadowsAnEmergencyNumber(configuration, report) {
    const emergency = emergencyNumbersOf(configuration);
    const check = (path: Path, number: string, what: string) => {
      if (!emergency.has(number)) return;
      report(
        path,
        number,
        `shadows the emergency number ${number}`,
        `Give the ${what} another number: who dials ${number} must reach help.`,
      );
    };
    const { users, extensions, huntGroups, shortCodes, userRights } = configuration;
    for (const number of Object.keys(users)) check(['users', number], number, 'user');
    for (const number of Object.keys(extensions)) check(['extensions', number], number, 'extension');
    for (const number of Object.keys(huntGroups)) check(['huntGroups', number], number, 'hunt group');
    const checkCodes = (path: Path, codes: typeof shortCodes) => {
      for (const [code, { feature }] of Object.entries(codes)) {
        if (feature !== 'dial-emergency') check([...path, code], code, 'short code');
      }
    };
    checkCodes(['shortCodes'], shortCodes);
    for (const [name, rights] of Object.entries(userRights))
      checkCodes(['userRights', name, 'shortCodes'], rights.shortCodes);
    for (const [number, user] of Object.entries(users)) checkCodes(['users', number, 'shortCodes'], user.shortCodes);
  },

  function shortCodesAreNotTooMany({ shortCodes, userRights, users }, report) {
    const nested = [...Object.values(userRights), ...Object.values(users)];
    const count = [shortCodes, ...nested.map((item) => item.shortCodes)].reduce(
      (sum, codes) => sum + Object.keys(codes).length,
      0,
    );
    if (count <= MAX_SHORT_CODES) return;
    report(
      ['shortCodes'],
      undefined,
      `must be at most ${MAX_SHORT_CODES} in all, with those of user rights and users, and are ${count}`,
      'Remove some; those that several users have alike go into user rights.',
    );
  },
];
