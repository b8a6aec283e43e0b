import { CODE_KEY } from './dialling.ts';
import { choice, collection, flag, group, line, NAME_KEY, reference } from './kinds.ts';

/** What a short code does. `dial` routes a call out, `dial-emergency` overrides every barring. */
export const SHORT_CODE_FEATURES = [
  'dial',
  'dial-emergency',
  'dial-3k1',
  'barred',
  'busy',
  'dial-extension',
  'dial-paging',
  'speed-dial',
  'voicemail-collect',
  'voicemail-on',
  'voicemail-off',
  'voicemail-ringback-on',
  'voicemail-ringback-off',
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
  'hunt-group-night-service-on',
  'hunt-group-night-service-off',
  'hunt-group-enable',
  'hunt-group-disable',
  'toggle-calls',
  'call-pickup-any',
  'call-pickup-group',
  'call-pickup-extension',
  'call-pickup-members',
  'call-steal',
  'call-listen-off',
  'call-park',
  'call-unpark',
  'call-record',
  'conference-add',
  'conference-meet-me',
  'extension-login',
  'extension-logout',
  'clear-call',
] as const;

/** Codes of the system, of user rights or of one user; which of them wins is decided when one dials. */
export function shortCodes(title: string, table: string) {
  return collection(
    { title, table, key: { column: 'code', ...CODE_KEY }, max: 1000 },
    group('Short code', {
      feature: choice('Feature', SHORT_CODE_FEATURES, 'dial'),
      telephoneNumber: line('Telephone number: what the feature works on, N for the digits dialled', 63),
      lineGroup: line('Outgoing group of lines, or name of an ARS route; empty: the route Main, else every line', 64),
      locale: line('Locale', 5, { unused: true }),
    }),
  );
}

export const userRights = collection(
  { title: 'User rights', table: 'user_rights', key: { column: 'name', ...NAME_KEY }, max: 100 },
  group('User rights', {
    enableDoNotDisturb: flag('Users may switch do not disturb', true),
    enableForwarding: flag('Users may forward calls', true),
    outgoingCallBar: flag('Outgoing call bar', false),
    classOfService: reference('Class of service of users who have none of their own', NAME_KEY),
    shortCodes: shortCodes('Short codes of the user rights', 'user_rights_short_codes'),
  }),
);
