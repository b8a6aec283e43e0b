import t from 'tap';
import { formatPath } from '../../../firmware/config/path.ts';
import { formatIssue, InvalidConfigurationError } from '../../../firmware/config/validation/issue.ts';
import { validate } from '../../../firmware/config/validation/validate.ts';

const user = (fields: object) => ({ users: { 201: { name: 'Reception', ...fields } } });

interface Case {
  readonly title: string;
  readonly candidate: unknown;
  readonly path: string;
}

const WRONG: readonly Case[] = [
  { title: 'no group', candidate: 7, path: '' },
  { title: 'a list for a group', candidate: { system: [] }, path: 'system' },
  { title: 'a list for a collection', candidate: { users: [] }, path: 'users' },
  { title: 'a text for an item', candidate: { users: { 201: 'Reception' } }, path: 'users.201' },
  { title: 'an unknown part', candidate: { printers: {} }, path: 'printers' },
  { title: 'an unknown field', candidate: user({ colour: 'red' }), path: 'users.201.colour' },
  { title: 'a key of the wrong shape', candidate: { users: { '20a': { name: 'x' } } }, path: 'users' },
  { title: 'a key within an item', candidate: user({ shortCodes: { 'a b': {} } }), path: 'users.201.shortCodes' },
  { title: 'an escape sequence as a field', candidate: user({ '\u009b2J': 1 }), path: 'users.201.\\u{9b}2J' },
  {
    title: 'an escape sequence as a key',
    candidate: { directory: { 'a\u009b\u202e': { number: 'x' } } },
    path: 'directory',
  },
  { title: 'half a character in a key', candidate: { directory: { '\ud83d': {} } }, path: 'directory' },
  { title: 'a name that is missing', candidate: { users: { 201: {} } }, path: 'users.201.name' },
  { title: 'a number as text', candidate: user({ priority: '3' }), path: 'users.201.priority' },
  { title: 'half a number', candidate: user({ priority: 2.5 }), path: 'users.201.priority' },
  { title: 'not a number', candidate: user({ priority: Number.NaN }), path: 'users.201.priority' },
  { title: 'a switch as text', candidate: user({ callWaiting: 'yes' }), path: 'users.201.callWaiting' },
  { title: 'a word that is none', candidate: user({ profile: 'king' }), path: 'users.201.profile' },
  {
    title: 'a list with the same value twice',
    candidate: { system: { media: { codecs: ['PCMA', 'PCMA'] } } },
    path: 'system.media.codecs',
  },
  {
    title: 'a list with a wrong value',
    candidate: { system: { media: { codecs: ['PCMA', 'MP3'] } } },
    path: 'system.media.codecs.1',
  },
  {
    title: 'an endless list',
    candidate: user({ sourceNumbers: Array.from({ length: 65 }, (_, i) => `N${i}`) }),
    path: 'users.201.sourceNumbers',
  },
  { title: 'a name of 65 characters', candidate: user({ name: 'x'.repeat(65) }), path: 'users.201.name' },
  { title: 'a huge name', candidate: user({ name: 'x'.repeat(10_000_000) }), path: 'users.201.name' },
  { title: 'a blank name', candidate: user({ name: '  ' }), path: 'users.201.name' },
  { title: 'a name with a line end', candidate: user({ name: 'Rec\neption' }), path: 'users.201.name' },
  { title: 'a name with NUL', candidate: user({ name: 'Rec\0eption' }), path: 'users.201.name' },
  { title: 'a name with an escape sequence', candidate: user({ name: '\u001b[2J' }), path: 'users.201.name' },
  { title: 'a name that turns the line around', candidate: user({ name: '\u202egnirts' }), path: 'users.201.name' },
  { title: 'a name with half a character', candidate: user({ name: '\ud83d' }), path: 'users.201.name' },
  {
    title: 'a password as it was typed',
    candidate: { extensions: { 201: { password: 'correct horse' } } },
    path: 'extensions.201.password',
  },
  { title: 'an e-mail address that is none', candidate: user({ email: 'anna at home' }), path: 'users.201.email' },
  { title: 'a domain with a quote', candidate: { system: { sip: { domain: 'a"b' } } }, path: 'system.sip.domain' },
];

t.test('what does not fit the schema is told by path, value and cure', async (t) => {
  for (const { title, candidate, path } of WRONG) {
    try {
      validate(candidate);
      t.fail(title);
    } catch (error) {
      if (!(error instanceof InvalidConfigurationError)) throw error;
      t.strictSame(
        error.issues.map((issue) => formatPath(issue.path)),
        [path],
        title,
      );
      const [issue] = error.issues;
      const text = issue === undefined ? '' : formatIssue(issue);
      t.ok(text.length < 1500 && !/[\p{Cc}\p{Cf}]/u.test(text), `${title}: bounded, on one line`);
      t.notMatch(text, /correct horse/);
    }
  }
});

t.test('names of wide characters count by character', async (t) => {
  t.equal(validate(user({ name: '🕿'.repeat(64) })).configuration.users['201']?.name.length, 128);
});

t.test('what leaves something out is completed, and what is the same stays the same object', async (t) => {
  const { configuration } = validate({ ...user({ doNotDisturb: { enabled: true } }), system: null });
  t.match(configuration.users['201'], { priority: 5, doNotDisturb: { enabled: true, exceptions: [] }, shortCodes: {} });
  const again = validate(structuredClone(configuration), configuration).configuration;
  t.equal(again, configuration);
  const other = validate(
    { ...structuredClone(configuration), system: { name: 'Office' } },
    configuration,
  ).configuration;
  t.not(other, configuration);
  t.equal(other.users, configuration.users);
  t.equal(other.system.media, configuration.system.media);
});

t.test('limits of the box hold', async (t) => {
  const many = (count: number, base: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [base + index, { name: `U ${index}` }]));
  t.equal(Object.keys(validate({ users: many(384, 2000) }).configuration.users).length, 384);
  t.throws(() => validate({ users: many(385, 2000) }), {
    code: 'CONFIG_INVALID',
    issues: [{ path: ['users'], problem: /at most 384 items, and has 385/ }],
  });
});

t.test('a file of nonsense makes a bounded answer', async (t) => {
  const nonsense = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`x${index}`, index]));
  try {
    validate({
      ...nonsense,
      users: Object.fromEntries(Array.from({ length: 384 }, (_, index) => [1000 + index, nonsense])),
    });
    t.fail('nonsense is accepted');
  } catch (error) {
    t.ok(error instanceof InvalidConfigurationError && error.issues.length <= 200);
  }
});
