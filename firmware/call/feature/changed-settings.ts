import type { Configuration, User } from '../../config/schema/configuration.ts';
import type { Feature } from '../routing/plan.ts';

/** The features that change what is configured, and do nothing with calls. */
export const SETTING_FEATURES = [
  'cancel-all-forwarding',
  'forward-unconditional-on',
  'forward-unconditional-off',
  'forward-on-busy-on',
  'forward-on-busy-off',
  'forward-on-no-answer-on',
  'forward-on-no-answer-off',
  'forward-number',
  'forward-on-busy-number',
  'forward-hunt-group-calls-on',
  'forward-hunt-group-calls-off',
  'do-not-disturb-on',
  'do-not-disturb-off',
  'do-not-disturb-exception-add',
  'do-not-disturb-exception-delete',
  'follow-me-here',
  'follow-me-here-cancel',
  'follow-me-to',
  'call-waiting-on',
  'call-waiting-off',
  'voicemail-on',
  'voicemail-off',
  'voicemail-ringback-on',
  'voicemail-ringback-off',
  'hunt-group-night-service-on',
  'hunt-group-night-service-off',
  'hunt-group-enable',
  'hunt-group-disable',
] as const satisfies readonly Feature[];
export type SettingFeature = (typeof SETTING_FEATURES)[number];

/** What of a user's own settings a feature makes; undefined where it cannot be. */
type ChangeOfUser = (user: User, argument: string) => Partial<User> | undefined;

const OF_USER: Readonly<Partial<Record<SettingFeature, ChangeOfUser>>> = {
  'cancel-all-forwarding': ({ forwardUnconditional, forwardOnBusy, forwardOnNoAnswer, doNotDisturb }) => ({
    forwardUnconditional: { ...forwardUnconditional, enabled: false },
    forwardOnBusy: { ...forwardOnBusy, enabled: false },
    forwardOnNoAnswer: { ...forwardOnNoAnswer, enabled: false },
    doNotDisturb: { ...doNotDisturb, enabled: false },
    followMe: '',
  }),
  'forward-unconditional-on': ({ forwardUnconditional }) =>
    forwardUnconditional.number === ''
      ? undefined
      : { forwardUnconditional: { ...forwardUnconditional, enabled: true } },
  'forward-unconditional-off': ({ forwardUnconditional }) => ({
    forwardUnconditional: { ...forwardUnconditional, enabled: false },
  }),
  'forward-on-busy-on': ({ forwardOnBusy, forwardUnconditional }) => {
    // Who has no number for it goes where all calls would go.
    const number = forwardOnBusy.number || forwardUnconditional.number;
    return number === '' ? undefined : { forwardOnBusy: { enabled: true, number } };
  },
  'forward-on-busy-off': ({ forwardOnBusy }) => ({ forwardOnBusy: { ...forwardOnBusy, enabled: false } }),
  'forward-on-no-answer-on': ({ forwardOnNoAnswer, forwardUnconditional }) => {
    const number = forwardOnNoAnswer.number || forwardUnconditional.number;
    return number === '' ? undefined : { forwardOnNoAnswer: { enabled: true, number } };
  },
  'forward-on-no-answer-off': ({ forwardOnNoAnswer }) => ({
    forwardOnNoAnswer: { ...forwardOnNoAnswer, enabled: false },
  }),
  'forward-number': ({ forwardUnconditional }, number) =>
    number === '' ? undefined : { forwardUnconditional: { ...forwardUnconditional, number } },
  'forward-on-busy-number': ({ forwardOnBusy, forwardOnNoAnswer }, number) =>
    number === ''
      ? undefined
      : { forwardOnBusy: { ...forwardOnBusy, number }, forwardOnNoAnswer: { ...forwardOnNoAnswer, number } },
  'forward-hunt-group-calls-on': ({ forwardUnconditional }) => ({
    forwardUnconditional: { ...forwardUnconditional, huntGroupCalls: true },
  }),
  'forward-hunt-group-calls-off': ({ forwardUnconditional }) => ({
    forwardUnconditional: { ...forwardUnconditional, huntGroupCalls: false },
  }),
  'do-not-disturb-on': ({ doNotDisturb }) => ({ doNotDisturb: { ...doNotDisturb, enabled: true } }),
  'do-not-disturb-off': ({ doNotDisturb }) => ({ doNotDisturb: { ...doNotDisturb, enabled: false } }),
  'do-not-disturb-exception-add': ({ doNotDisturb }, number) => {
    if (number === '') return undefined;
    const exceptions = [...new Set([...doNotDisturb.exceptions, number])];
    return { doNotDisturb: { ...doNotDisturb, exceptions } };
  },
  'do-not-disturb-exception-delete': ({ doNotDisturb }, number) => {
    const exceptions = doNotDisturb.exceptions.filter((each) => each !== number);
    return exceptions.length === doNotDisturb.exceptions.length
      ? undefined
      : { doNotDisturb: { ...doNotDisturb, exceptions } };
  },
  'follow-me-to': (_user, followMe) => ({ followMe }),
  'call-waiting-on': () => ({ callWaiting: true }),
  'call-waiting-off': () => ({ callWaiting: false }),
  'voicemail-on': ({ voicemail }) => ({ voicemail: { ...voicemail, enabled: true } }),
  'voicemail-off': ({ voicemail }) => ({ voicemail: { ...voicemail, enabled: false } }),
  'voicemail-ringback-on': ({ voicemail }) => ({ voicemail: { ...voicemail, ringBack: true } }),
  'voicemail-ringback-off': ({ voicemail }) => ({ voicemail: { ...voicemail, ringBack: false } }),
};

/** Those that a user without the right to forward does not get. To switch off is never forbidden. */
const FORWARDS: ReadonlySet<SettingFeature> = new Set<SettingFeature>([
  'forward-unconditional-on',
  'forward-on-busy-on',
  'forward-on-no-answer-on',
  'forward-number',
  'forward-on-busy-number',
  'forward-hunt-group-calls-on',
  'follow-me-here',
  'follow-me-to',
]);

/**
 * The configuration as the code of a user makes it: the same one where nothing changes by it, undefined where he may not, or
 * it makes no sense. Pure; what it gives is still to be validated.
 */
export function changedSettings(
  configuration: Configuration,
  feature: SettingFeature,
  argument: string,
  number: string,
): Configuration | undefined {
  switch (feature) {
    case 'follow-me-here': {
      // Dialled where he is, by whose phone it is: his calls ring here.
      if (argument === number) return undefined;
      return ofUser(configuration, feature, argument, () => ({ followMe: number }));
    }
    case 'follow-me-here-cancel':
      return ofUser(configuration, feature, argument, ({ followMe }) =>
        followMe === number ? { followMe: '' } : undefined,
      );
    case 'hunt-group-enable':
    case 'hunt-group-disable': {
      const enabled = feature === 'hunt-group-enable';
      return ofGroups(configuration, argument, number, (group) => ({
        members: group.members.map((member) => (member.user === number ? { ...member, enabled } : member)),
      }));
    }
    case 'hunt-group-night-service-on':
    case 'hunt-group-night-service-off': {
      const active = feature === 'hunt-group-night-service-on';
      return ofGroups(configuration, argument, number, ({ nightService }) => ({
        nightService: { ...nightService, active },
      }));
    }
    default:
      return ofUser(configuration, feature, number, (user) => OF_USER[feature]?.(user, argument));
  }
}

function ofUser(
  configuration: Configuration,
  feature: SettingFeature,
  number: string,
  change: (user: User) => Partial<User> | undefined,
): Configuration | undefined {
  const user = Object.hasOwn(configuration.users, number) ? configuration.users[number] : undefined;
  if (user === undefined) return undefined;
  const { userRights } = configuration;
  const rights =
    user.userRights !== undefined && Object.hasOwn(userRights, user.userRights)
      ? userRights[user.userRights]
      : undefined;
  if (rights?.enableForwarding === false && FORWARDS.has(feature)) return undefined;
  if (rights?.enableDoNotDisturb === false && feature === 'do-not-disturb-on') return undefined;
  const changed = change(user);
  if (changed === undefined) return undefined;
  return { ...configuration, users: { ...configuration.users, [number]: { ...user, ...changed } } };
}

type HuntGroup = Configuration['huntGroups'][string];

/** Of one group, or, where none is named, of all that the user is a member of. Nobody else decides for them. */
function ofGroups(
  configuration: Configuration,
  wanted: string,
  user: string,
  change: (group: HuntGroup) => Partial<HuntGroup>,
): Configuration | undefined {
  const own = Object.entries(configuration.huntGroups).filter(
    ([number, { members }]) => (wanted === '' || number === wanted) && members.some((member) => member.user === user),
  );
  if (own.length === 0) return undefined;
  const changed = own.map(([number, group]) => [number, { ...group, ...change(group) }] as const);
  return { ...configuration, huntGroups: { ...configuration.huntGroups, ...Object.fromEntries(changed) } };
}
