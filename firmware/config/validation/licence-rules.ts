import { PROFILE_RIGHTS } from '../licensing.ts';
import type { Licence } from '../schema/security.ts';
import type { Profile } from '../schema/user.ts';
import type { Rule } from './cross-checks.ts';

/** Nothing of this counts while the licensing is `open`. */
export const licenceRules: readonly Rule[] = [
  function profilesExistInThisLicensing({ system, users }, report) {
    if (system.licensing === 'open') return;
    for (const [number, { profile }] of Object.entries(users)) {
      if (PROFILE_RIGHTS[profile].mode === system.licensing) continue;
      const there = profilesOf(system.licensing).join(', ');
      report(
        ['users', number, 'profile'],
        profile,
        `is no profile of licensing ${system.licensing}`,
        `Choose one of ${there}.`,
      );
    }
  },

  function clientsAreAllowedByTheProfile({ system, users }, report) {
    if (system.licensing === 'open') return;
    for (const [number, { profile, clients }] of Object.entries(users)) {
      const rights = PROFILE_RIGHTS[profile];
      for (const client of ['desktop', 'mobile'] as const) {
        if (!clients[client] || rights[client]) continue;
        const allowed = profilesOf(system.licensing).filter((each) => PROFILE_RIGHTS[each][client]);
        report(
          ['users', number, 'clients', client],
          true,
          `is not allowed by the profile ${profile}`,
          `Switch it off, or choose one of the profiles ${allowed.join(', ')}.`,
        );
      }
    }
  },

  function licencesAreThere({ system, users, licences }, report) {
    if (system.licensing === 'open') return;
    const used = new Map<Licence, number>();
    for (const [number, { profile }] of Object.entries(users)) {
      for (const licence of PROFILE_RIGHTS[profile].systemLicences) {
        if (licences[licence] !== undefined) continue;
        report(
          ['users', number, 'profile'],
          profile,
          `needs the licence ${licence}`,
          `Add licences.${licence}, or choose another profile.`,
        );
      }
      for (const licence of PROFILE_RIGHTS[profile].userLicences) {
        const count = (used.get(licence) ?? 0) + 1;
        used.set(licence, count);
        const there = licences[licence]?.count ?? 0;
        if (count <= there) continue;
        report(
          ['users', number, 'profile'],
          profile,
          `is one more than the ${there} of the licence ${licence}`,
          `Raise licences.${licence}.count, or choose another profile.`,
        );
      }
    }
  },
];

function profilesOf(mode: 'perpetual' | 'subscription'): readonly Profile[] {
  const all = Object.entries(PROFILE_RIGHTS) as readonly (readonly [Profile, (typeof PROFILE_RIGHTS)[Profile]])[];
  return all.filter(([, rights]) => rights.mode === mode).map(([profile]) => profile);
}
