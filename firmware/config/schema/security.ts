import { choice, collection, flag, group, line, NAME_KEY, secret, shaped, whole } from './kinds.ts';
import { text } from './text.ts';

/** System licences, user licences, then subscriptions (seeds: user licensing). */
export const LICENCES = [
  'essential-edition',
  'preferred-edition',
  'softphone',
  'mobile-worker',
  'teleworker',
  'office-worker',
  'power-user',
  'ip-endpoint',
  'telephony',
  'telephony-plus',
  'unified-communications',
] as const;
export type Licence = (typeof LICENCES)[number];

export const licences = collection(
  {
    title: 'Licences and subscriptions',
    table: 'licences',
    key: { column: 'kind', pattern: `^(?:${LICENCES.join('|')})$`, rule: `one of ${LICENCES.join(', ')}` },
    max: LICENCES.length,
  },
  group('Licence', {
    count: whole('Instances', 1, 9999, 1),
    // Not to be counted: what people paid for must not stop by itself.
    expires: shaped('Last day; empty: never ends', '^(?:\\d{4}-\\d{2}-\\d{2})?$', 'a date as 2027-12-31', {
      default: '',
      unused: true,
    }),
  }),
);

export const certificates = collection(
  {
    title: 'Certificates that the box trusts',
    table: 'certificates',
    key: { column: 'name', ...NAME_KEY },
    max: 64,
  },
  group('Certificate', {
    pem: text({ title: 'Certificate, PEM', minLength: 1, maxLength: 16384, rule: 'a certificate in PEM' }),
  }),
);

export const ROLES = ['administrator', 'operator', 'viewer'] as const;

export const administrators = collection(
  {
    title: 'Administrators',
    table: 'administrators',
    key: { column: 'name', ...NAME_KEY },
    max: 32,
    unused: true,
  },
  group('Administrator', {
    role: choice('Role: all, users and groups, or reading alone', ROLES, 'viewer'),
    fullName: line('Full name', 64),
    enabled: flag('Account enabled', true),
    password: secret('Password', 'password'),
  }),
);
