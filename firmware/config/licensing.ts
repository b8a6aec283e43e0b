import type { Configuration } from './schema/configuration.ts';
import type { Licence } from './schema/security.ts';
import type { Profile } from './schema/user.ts';

/** What a client may do: a basic one is its user's only device (seeds: user licensing, feature sets). */
export type FeatureSet = 'none' | 'basic' | 'advanced';

export interface ProfileRights {
  /** The mode in which the profile exists. */
  readonly mode: 'perpetual' | 'subscription';
  readonly features: FeatureSet;
  /** Clients on Windows and macOS. */
  readonly desktop: boolean;
  /** Clients on Android and iOS. */
  readonly mobile: boolean;
  /** One instance of each a user; the system licences below them once. */
  readonly userLicences: readonly Licence[];
  readonly systemLicences: readonly Licence[];
}

const PREFERRED = ['essential-edition', 'preferred-edition'] as const;

/** The user-licence matrix of the seeds for an IP500 V2, and for subscription. */
export const PROFILE_RIGHTS: Readonly<Record<Profile, ProfileRights>> = {
  'non-licensed': perpetual('none', false, [], []),
  basic: perpetual('basic', false, ['softphone'], ['essential-edition']),
  mobile: perpetual('basic', false, ['mobile-worker', 'softphone'], PREFERRED),
  teleworker: perpetual('advanced', false, ['teleworker'], PREFERRED),
  'office-worker': perpetual('advanced', false, ['office-worker'], PREFERRED),
  power: perpetual('advanced', true, ['power-user'], PREFERRED),
  telephony: subscription('none', false, 'telephony'),
  'telephony-plus': subscription('basic', false, 'telephony-plus'),
  'unified-communications': subscription('advanced', true, 'unified-communications'),
};

function perpetual(
  features: FeatureSet,
  mobile: boolean,
  userLicences: readonly Licence[],
  systemLicences: readonly Licence[],
): ProfileRights {
  return { mode: 'perpetual', features, desktop: features !== 'none', mobile, userLicences, systemLicences };
}

function subscription(features: FeatureSet, mobile: boolean, licence: Licence): ProfileRights {
  return {
    mode: 'subscription',
    features,
    desktop: features !== 'none',
    mobile,
    userLicences: [licence],
    systemLicences: [],
  };
}

/** What licensing `open` gives everybody: this firmware asks nobody for a licence unless told to. */
const OPEN: Omit<ProfileRights, 'mode'> = {
  features: 'advanced',
  desktop: true,
  mobile: true,
  userLicences: [],
  systemLicences: [],
};

/** What users of `profile` may do under the licensing of the system. */
export function rightsOf(configuration: Pick<Configuration, 'system'>, profile: Profile): Omit<ProfileRights, 'mode'> {
  return configuration.system.licensing === 'open' ? OPEN : PROFILE_RIGHTS[profile];
}
