import t from 'tap';
import { formatPath } from '../../../firmware/config/path.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { InvalidConfigurationError } from '../../../firmware/config/validation/issue.ts';
import { validate } from '../../../firmware/config/validation/validate.ts';

t.test('what does not fit together is told beside what does not fit the schema', async (t) => {
  const issuesOf = (candidate: object, known?: Configuration): readonly string[] => {
    try {
      validate(candidate, known);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidConfigurationError)) throw error;
      return error.issues.map(({ path }) => formatPath(path));
    }
  };
  t.strictSame(
    issuesOf({
      system: { timeZone: 'Mars/Olympus', media: { portLow: 'low' }, colour: 'red' },
      users: { 201: { name: 'A', priority: 9 }, 202: { name: 'a' }, 203: {}, '20x': { name: 'x' } },
      huntGroups: { 300: { name: 'Sales', members: [{ user: 'me' }, { user: '299' }] } },
      extensions: { 201: 7, 250: { user: '299', location: 5 } },
    }),
    [
      'system.colour',
      'system.media.portLow',
      'users.201.priority',
      'users.203.name',
      'users',
      'extensions.201',
      'extensions.250.location',
      'huntGroups.300.members.0.user',
      'users.202.name',
      'extensions.250.user',
      'huntGroups.300.members.1.user',
      'system.timeZone',
    ],
  );
  const known = validate({
    system: { licensing: 'subscription' },
    lan1: { registrarFqdn: 'sip.example.com' },
  }).configuration;
  const edited = {
    ...known,
    system: { ...known.system, licensing: 'free', push: { apple: true } },
    users: { 201: { name: 'x' } },
  };
  t.same(
    new Set(issuesOf({ ...edited, lan1: { ...known.lan1, registrarFqdn: 5 } }, known)),
    new Set(['system.licensing', 'lan1.registrarFqdn', 'users.201.profile']),
    'with what is known in the place of what does not fit',
  );
  const many = Object.fromEntries(Array.from({ length: 385 }, (_, index) => [1000 + index, { name: 'x' }]));
  t.strictSame(issuesOf({ users: many }), ['users'], 'not where it would take a look at more than a box has');
});

t.test('what was wrong before does not keep people from mending something else', async (t) => {
  // As if a rule had come with an update.
  const known = validate({ users: { 201: { name: 'x' } } }).configuration;
  const wrong = { ...known, system: { ...known.system, timeZone: 'Mars/Olympus' } };
  const result = validate({ ...wrong, system: { ...wrong.system, name: 'Office' } }, wrong);
  t.match(result.warnings, [{ path: ['system', 'timeZone'], severity: 'error' }]);
  t.throws(() => validate({ ...wrong, users: { 201: { name: 'x', userRights: 'Guests' } } }, wrong), {
    code: 'CONFIG_INVALID',
    issues: [{ path: ['users', '201', 'userRights'] }],
  });
});
