import t from 'tap';
import { diff } from '../../../firmware/config/changes.ts';
import { mergeDocument, replaceWithDocument } from '../../../firmware/config/document/combine.ts';
import { readDocument } from '../../../firmware/config/document/read-document.ts';
import { formatPath } from '../../../firmware/config/path.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { validate } from '../../../firmware/config/validation/validate.ts';

const PIN = 'scrypt$16384$8$1$c2FsdA==$cGlu';
const HA1 = `ha1$${'0'.repeat(32)}$${'1'.repeat(64)}`;

const { configuration: current } = validate({
  system: { name: 'Acme', backupsKept: 20, media: { codecs: ['G729'] } },
  users: {
    '201': { name: 'Anna', fullName: 'Anna Berg', voicemail: { enabled: true, pin: PIN }, sourceNumbers: ['A', 'B'] },
    '202': { name: 'Bob', loginCode: PIN },
  },
  extensions: { '201': { user: '201', password: HA1 }, '202': { user: '202', password: HA1 } },
  huntGroups: { '300': { name: 'Sales', members: [{ user: '201' }, { user: '202' }] } },
});

type Combine = typeof mergeDocument;

/** What the import of `text` changes, as `path: after`. */
async function changes(combine: Combine, text: string, secrets?: Record<string, string>): Promise<readonly string[]> {
  const { candidate } = await readDocument(`format: 1\n${text}`);
  const { configuration } = validate(combine(current, candidate, secrets), current);
  return diff(current, configuration).map(({ path, after }) => `${formatPath(path)}: ${JSON.stringify(after)}`);
}

t.test('--merge sets what the file names, and nothing else', async (t) => {
  for (const [text, expected] of [
    ['', []],
    ['users:\nextensions:\nsystem:\nhuntGroups:\n', []],
    ['users:\n  201:\n  202: {}\n', []],
    ['users: {201: {voicemail: {}, contact: }}', []],
    ['system: {name: New}', ['system.name: "New"']],
    ['system: {name: , backupsKept: null}', ['system.name: "Ringdown"', 'system.backupsKept: 14']],
    ['system: {media: {codecs: [PCMA]}}', ['system.media.codecs: ["PCMA"]']],
    ['system: {media: {codecs: }}', ['system.media.codecs: ["PCMA","PCMU","G729"]']],
    ['users: {201: {sourceNumbers: [C]}}', ['users.201.sourceNumbers: ["C"]']],
    ['users: {201: {sourceNumbers: []}}', ['users.201.sourceNumbers: []']],
    ['users: {201: {voicemail: {enabled: false}}}', ['users.201.voicemail.enabled: false']],
    ['users: {203: {name: Carl}}', ['users.203: {"name":"Carl"}']],
    ['huntGroups: {300: {members: [{user: 202}]}}', ['huntGroups.300.members: [{"user":"202"}]']],
    ['huntGroups: {300: {members: }}', ['huntGroups.300.members: []']],
    ['extensions: {201: {user: }}\nusers: {201: {name: A}}', undefined],
  ] as const) {
    if (expected === undefined) await t.rejects(changes(mergeDocument, text), { code: 'CONFIG_INVALID' }, text);
    else t.same(await changes(mergeDocument, text), expected, text);
  }
});

t.test('--replace takes the file for everything, but keeps the secrets of what stays', async (t) => {
  const all = `users: {201: {name: Anna}}\nextensions: {201: {user: 201}}\n`;
  t.same(await changes(replaceWithDocument, all), [
    'system.name: "Ringdown"',
    'system.media.codecs: ["PCMA","PCMU","G729"]',
    'system.backupsKept: 14',
    'users.201.fullName: ""',
    'users.201.voicemail.enabled: false',
    'users.201.sourceNumbers: []',
    'users.202: undefined',
    'extensions.202: undefined',
    'huntGroups.300: undefined',
  ]);
  const { candidate } = await readDocument(`format: 1\n${all}`);
  const { configuration } = validate(replaceWithDocument(current, candidate));
  t.equal(configuration.users['201']?.voicemail.pin, PIN);
  t.equal(configuration.extensions['201']?.password, HA1);
  const { configuration: empty } = validate(replaceWithDocument(current, {}));
  t.same(empty, validate({}).configuration, 'an empty file is a fresh box');
});

t.test('secrets of the file', async (t) => {
  const other = HA1.replaceAll('0', '2');
  const secrets = { 'extensions.201.password': other, 'users.202.voicemail.pin': PIN, 'users.999.loginCode': PIN };
  t.same(await changes(mergeDocument, 'system: {name: New}', secrets), [
    'system.name: "New"',
    `users.202.voicemail.pin: "${PIN}"`,
    `extensions.201.password: "${other}"`,
  ]);
  const all = 'users: {201: {name: Anna}, 202: {name: Bob}}\nextensions: {201: {user: 201}, 202: {user: 202}}\n';
  const { candidate } = await readDocument(`format: 1\n${all}`);
  const { configuration } = validate(replaceWithDocument(current, candidate, secrets));
  t.equal(configuration.extensions['201']?.password, other);
  t.equal(configuration.extensions['202']?.password, undefined, 'a file with secrets has all of them');
  t.equal(configuration.users['201']?.voicemail.pin, undefined);
  t.equal(configuration.users['202']?.voicemail.pin, PIN);
  t.notOk(Object.hasOwn(configuration.users, '999'), 'a secret alone makes no item');
});

t.test('what does not fit is left for the check', async (t) => {
  for (const text of ['users: [1]', 'users: 201', 'users: {201: x}', 'users: {201: {voicemail: on}}', 'nothing: 1']) {
    for (const combine of [mergeDocument, replaceWithDocument]) {
      const { candidate } = await readDocument(`format: 1\n${text}\n`);
      const whole = combine(current, candidate) as Configuration;
      t.throws(() => validate(whole, current), { code: 'CONFIG_INVALID' }, text);
    }
  }
});
