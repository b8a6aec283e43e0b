import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { digestOf } from '../../../firmware/config/extension.ts';
import { BoxKey } from '../../../firmware/config/secrets/box-key.ts';
import { isPassword, readHashedPassword } from '../../../firmware/config/secrets/scrypt.ts';
import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { configCommand } from '../../../firmware/console/commands/config.ts';
import { noticesCommand } from '../../../firmware/console/commands/notices.ts';
import { addUser, openStore } from '../../config/support/store.ts';
import { type CommandRun, runCommand } from './run-command.ts';

async function run(words: readonly string[], options: Omit<CommandRun, 'words'> = {}): Promise<string> {
  return (await runCommand(configCommand, { words, ...options })).output;
}

/** A data directory with users 201 and 202, at revision 3. */
function office(t: { testdir(): string }): string {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  addUser(store, '201', 'Reception');
  addUser(store, '202', 'Workshop');
  store.close();
  return directory;
}

function current(directory: string) {
  const store = ConfigurationStore.open(directory);
  store.close();
  return store.current;
}

t.test('show prints what differs from its default, a line a value', async (t) => {
  const data = office(t);
  const shown = await run(['show', '--data', data]);
  t.match(shown, /^shortCodes\.\*17\.feature: "voicemail-collect"$/m, 'the codes of a new box');
  t.equal(
    shown.replace(/^shortCodes\..*\n/gm, ''),
    [
      'users.201.name: "Reception"',
      'users.202.name: "Workshop"',
      'extensions.201.user: "201"',
      'extensions.201.password: (secret)',
      'extensions.202.user: "202"',
      'extensions.202.password: (secret)',
      '',
    ].join('\n'),
  );
  t.equal(
    await run(['show', 'system.sip.udp', '--data', data]),
    'system.sip.udp.enabled: true\nsystem.sip.udp.port: 5060\n',
  );
  t.equal(
    await run(['show', 'system.sip.challengeExpirySeconds', '--data', data]),
    'system.sip.challengeExpirySeconds: 10 s\n',
  );
  t.match(await run(['show', '--all', '--data', data]), /^lan2\.ipv4\.address: "192\.168\.43\.1"$/m);
  t.equal(await run(['show', 'extensions.201.codecs', '--data', data]), '', 'what is left out');
  const json = JSON.parse(await run(['show', 'extensions', '--json', '--data', data]));
  t.equal(json.revision, 3);
  t.match(json.value['201'], { user: '201', password: '(secret)' });
});

t.test('a change of the locale brings the short codes of the place, unless the edit says which', async (t) => {
  const data = office(t);
  t.match(
    await run(['set', 'system.locale', 'en-US', '--data', data]),
    /\+ system\.locale: "en-US"\n[\s\S]*\+ shortCodes\."?9N"?/,
  );
  t.match(current(data).shortCodes, { '9N': { feature: 'dial' }, '911': { feature: 'dial-emergency' } });
  t.notOk('?' in current(data).shortCodes);
  const own = ['shortCodes.8N', '{"feature":"dial","telephoneNumber":"N"}'];
  await run(['set', 'system.locale', 'de-DE', ...own, '--data', data]);
  t.match(current(data).shortCodes, { '8N': {}, '9N': {} }, 'who says which gets those and no others');
  await run(['unset', 'system.locale', '--data', data]);
  t.match(current(data).shortCodes, { '8N': {}, '999': { feature: 'dial-emergency' } });
});

t.test('set and unset edit, and say what they did', async (t) => {
  const data = office(t);
  t.equal(
    await run(['set', 'system.sip.domain', 'example.com', 'system.media.codecs', 'G729, PCMA', '--data', data]),
    [
      '- system.sip.domain: ""',
      '+ system.sip.domain: "example.com"',
      '- system.media.codecs: ["PCMA","PCMU","G729"]',
      '+ system.media.codecs: ["G729","PCMA"]',
      'Revision 4.',
      '',
    ].join('\n'),
  );
  t.match(
    await run([
      ...['set', 'users.201.forwardOnBusy', '{"enabled":true,"number":"202"}'],
      ...['users.201.priority', '3', '--data', data],
    ]),
    /\+ users\.201\.forwardOnBusy\.number: "202"\n[\s\S]*Kept, but no part of this version acts on it yet: users\.201\.priority\n/,
  );
  t.equal(current(data).users['201']?.name, 'Reception', 'JSON for a group leaves the rest of it alone');
  t.equal(
    await run(['set', 'users.205.name', 'Lift', '--data', data, '--comment', 'the lift']),
    '+ users.205.name: "Lift"\nRevision 6.\n',
  );
  t.match(
    await run(['log', '6', '--data', data]),
    /^ {4}6 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}test \(cli\) {2}1 change {2}the lift\n\+ users/,
  );
  t.equal(await run(['set', 'users.205.name', 'Lift', '--data', data]), 'Nothing changed: it is revision 6.\n');
  t.equal(
    await run(['unset', 'users.205', 'system.media.codecs', '--data', data]),
    [
      '- system.media.codecs: ["G729","PCMA"]',
      '+ system.media.codecs: ["PCMA","PCMU","G729"]',
      '- users.205.name: "Lift"',
      'Revision 7.',
      '',
    ].join('\n'),
  );
  t.match(
    await run(['set', 'users.201.callWaiting', 'off', 'users.201.noAnswerSeconds', '30', '--data', data]),
    /Revision 8/,
  );
  t.match(current(data).users['201'], { callWaiting: false, noAnswerSeconds: 30 });
});

t.test('secrets come from standard input, and are shown nowhere', async (t) => {
  const data = office(t);
  const printed = [
    await run(['set', 'users.201.loginCode', '-', '--data', data], { input: '4712\n' }),
    await run(['set', 'extensions.201.password', '-', '--data', data], { input: 'another horse\n' }),
    await run(['set', 'lines.1.password', '-', '--data', data], { input: 'carrier secret' }),
    await run(['log', '--data', data]),
    await run(['diff', '1', '--data', data]),
    await run(['show', '--json', '--data', data]),
  ].join('');
  t.notMatch(printed, /4712|horse|carrier secret|scrypt\$|ha1\$|sealed\$/);
  t.match(printed, /extensions\.201\.password: replaced/);
  const { users, extensions, lines } = current(data);
  t.strictSame(digestOf(current(data), '201'), digestSecrets('201', 'ringdown', 'another horse'));
  const hashed = readHashedPassword(users['201']?.loginCode ?? '');
  t.ok(hashed !== undefined && (await isPassword('4712', hashed)));
  t.equal(BoxKey.open(data).open('lines.1.password', lines['1']?.password ?? ''), 'carrier secret');
  t.equal(extensions['201']?.passwordCopy, undefined, 'no copy unless asked for');

  await run(['set', 'extensions.201.passwordForSettingsFiles', 'on', '--data', data]);
  await run(['set', 'extensions.201.password', '-', '--data', data], { input: 'third horse\n' });
  const copy = current(data).extensions['201']?.passwordCopy ?? '';
  t.equal(BoxKey.open(data).open('extensions.201.passwordCopy', copy), 'third horse');
  t.equal(BoxKey.open(data).open('extensions.202.passwordCopy', copy), undefined, 'and for no other extension');
});

t.test('{} makes an item, and wipes nothing', async (t) => {
  const data = office(t);
  t.match(await run(['set', 'extensions.205', '{}', '--data', data]), /\+ extensions\.205: \{\}\nRevision 4/);
  const before = current(data);
  for (const path of ['extensions.205', 'users.201', 'users', 'system.media', 'users.201.clients']) {
    await t.rejects(run(['set', path, '{}', '--data', data]), {
      code: 'CONFIG_ASSIGNMENT_INVALID',
      cure: new RegExp(`config unset ${path}\\.`),
    });
  }
  await t.rejects(run(['set', 'users.201', '{"fullName":null}', '--data', data]), {
    code: 'CONFIG_ASSIGNMENT_INVALID',
    cure: /config unset users\.201\.fullName\./,
  });
  t.strictSame(current(data), before);
  await run(['set', 'users.201', '{"fullName":"Front desk","clients":{},"shortCodes":{}}', '--data', data]);
  t.match(current(data).users['201'], { name: 'Reception', fullName: 'Front desk' }, 'within JSON it names nothing');
});

t.test('several places of a list are unset as they were named', async (t) => {
  const data = office(t);
  const members = ['201', '202', '203'].map((user) => ({ user }));
  await run(['set', 'users.203.name', 'Lift', '--data', data]);
  await run(['set', 'huntGroups.300', JSON.stringify({ name: 'Sales', members }), '--data', data]);
  const group = 'huntGroups.300.members';
  await run(['unset', `${group}.0`, `${group}.1`, `${group}.0`, '--data', data]);
  t.match(current(data).huntGroups['300']?.members, [{ user: '203' }]);
  await run(['set', group, JSON.stringify([{ user: '201' }, { user: '202', enabled: false }]), '--data', data]);
  await run(['unset', `${group}.0`, `${group}.1.enabled`, '--data', data]);
  t.strictSame(current(data).huntGroups['300']?.members, [{ user: '202', enabled: true }]);
  await t.rejects(run(['unset', `${group}.01`, '--data', data]), { code: 'CONFIG_PATH_UNKNOWN' });
});

t.test('the last day of a licence is kept, and said to do nothing', async (t) => {
  const data = office(t);
  t.match(
    await run(['set', 'licences.softphone.expires', '2027-12-31', '--data', data]),
    /no part of this version acts on it yet: licences\.softphone/,
  );
});

t.test('a place in a list that is left out makes the list', async (t) => {
  const data = office(t);
  await run(['set', 'extensions.201.codecs.0', 'PCMA', 'extensions.201.codecs.1', 'G729', '--data', data]);
  t.strictSame(current(data).extensions['201']?.codecs, ['PCMA', 'G729']);
});

t.test('a password goes together with its copy', async (t) => {
  const data = office(t);
  await run(['set', 'extensions.201.passwordForSettingsFiles', 'on', '--data', data]);
  await run(['set', 'extensions.201.password', '-', '--data', data], { input: 'third horse\n' });
  await run(['unset', 'extensions.201.password', '--data', data]);
  t.match(current(data).extensions['201'], { password: undefined, passwordCopy: undefined });
});

t.test('log, diff and rollback', async (t) => {
  const data = office(t);
  await run(['set', 'system.name', 'Office', '--data', data]);
  await run(['unset', 'users.202', 'extensions.202', '--data', data]);
  const log = (await run(['log', '--data', data])).trimEnd().split('\n');
  t.equal(log.length, 5);
  t.match(log[0], /^ {4}5 .* 2 changes {2}config unset$/);
  t.equal((await run(['log', '--limit', '2', '--data', data])).trimEnd().split('\n').length, 2);
  t.match(JSON.parse(await run(['log', '4', '--json', '--data', data])), [
    { changes: [{ path: 'system.name', after: 'Office' }] },
  ]);
  t.equal(
    await run(['diff', '3', '5', '--data', data]),
    [
      '- system.name: "Ringdown"',
      '+ system.name: "Office"',
      '- users.202.name: "Workshop"',
      '- extensions.202.user: "202"',
      '- extensions.202.password: (secret)',
      '',
    ].join('\n'),
  );
  t.match(await run(['rollback', '3', '--data', data]), /\+ users\.202\.name: "Workshop"\n[\s\S]*Revision 6\.\n/);
  t.equal(current(data).system.name, 'Ringdown');
  t.equal(await run(['diff', '3', '6', '--data', data]), '');
});

t.test('the later of two editors is told', async (t) => {
  const data = office(t);
  await run(['set', 'users.201.name', 'Front desk', '--data', data]);
  await t.rejects(run(['set', 'users.201.name', 'Lobby', '--revision', '3', '--data', data]), {
    code: 'CONFIG_CONFLICT',
  });
  t.equal(current(data).users['201']?.name, 'Front desk');
  t.match(await run(['set', 'users.202.name', 'Garage', '--revision', '3', '--data', data]), /Revision 5/);
});

t.test('a change of a LAN address names what drops, and waits for confirm where a box runs', async (t) => {
  const dataDirectory = t.testdir();
  const store = openStore(t, { directory: dataDirectory });
  const runtime = { store, dataDirectory };
  const text = await run(['set', 'lan1.ipv4.address', '192.168.50.1'], { runtime });
  t.match(
    text,
    /through LAN1 by the old addresses drops.*\n.*config confirm\. Unless that comes before \d\d:\d\d:\d\d UTC/,
  );
  t.equal(await run(['confirm'], { runtime }), 'Revision 2 is confirmed.\n');
  await t.rejects(run(['confirm'], { runtime }), { code: 'CONFIG_NOTHING_TO_CONFIRM' });
  const still = await run(['set', 'lan1.ipv4.address', '192.168.51.1', '--data', dataDirectory]);
  t.notMatch(still, /confirm/, 'nothing runs there that could lose a connection');
});

t.test('notices are shown by every command until they are cleared', async (t) => {
  const data = office(t);
  const store = ConfigurationStore.open(data);
  store.notices.add('TEST', 'the box started from a backup');
  store.close();
  const { errors } = await runCommand(configCommand, { words: ['show', '--data', data] });
  t.match(errors, /^Notice of \d{4}.*Z: the box started from a backup\n$/);
  const cleared = await runCommand(noticesCommand, { words: ['--clear', '--data', data] });
  t.equal(cleared.output, errors);
  t.equal((await runCommand(configCommand, { words: ['show', '--data', data] })).errors, '');
});

t.test('schema prints the JSON Schema of a file', async (t) => {
  const schema = JSON.parse(await run(['schema']));
  t.match(schema, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: {
      format: { const: 1 },
      secrets: { type: 'string' },
      system: { properties: { name: { type: 'string' } } },
    },
    required: ['format'],
  });
});

interface ErrorCase {
  readonly title: string;
  readonly words: readonly string[];
  readonly input?: string | Buffer;
  readonly code: string;
  readonly message?: RegExp;
}

const ERRORS: readonly ErrorCase[] = [
  { title: 'a path with an empty name', words: ['show', 'users..name'], code: 'CONFIG_PATH_INVALID' },
  { title: 'an endless path', words: ['show', 'a.'.repeat(100_000)], code: 'CONFIG_PATH_INVALID' },
  { title: 'an open quote', words: ['show', 'directory."Acme'], code: 'CONFIG_PATH_INVALID' },
  {
    title: 'an unknown field',
    words: ['show', 'system.colour'],
    code: 'CONFIG_PATH_UNKNOWN',
    message: /system has no "colour"/,
  },
  { title: 'a bad key', words: ['set', 'users.20a.name', 'x'], code: 'CONFIG_PATH_UNKNOWN' },
  { title: 'the prototype', words: ['set', 'users.__proto__.name', 'x'], code: 'CONFIG_PATH_UNKNOWN' },
  { title: 'the prototype by name', words: ['set', 'directory.__proto__.number', '1'], code: 'CONFIG_PATH_UNKNOWN' },
  { title: 'nothing there', words: ['show', 'users.299'], code: 'CONFIG_NOTHING_THERE' },
  { title: 'a field of nothing there', words: ['show', 'users.999.fullName'], code: 'CONFIG_NOTHING_THERE' },
  { title: 'beyond the end of a list', words: ['show', 'system.media.codecs.7'], code: 'CONFIG_NOTHING_THERE' },
  { title: 'all of it', words: ['set', '', '{}'], code: 'CONFIG_PATH_EMPTY' },
  { title: 'all of it, with something in it', words: ['set', '', '{"system":{}}'], code: 'CONFIG_PATH_EMPTY' },
  { title: 'all of it away', words: ['unset', ''], code: 'CONFIG_PATH_EMPTY' },
  { title: 'a path that is no text', words: ['show', 'users."\u009b2J"'], code: 'CONFIG_PATH_UNKNOWN' },
  { title: 'a path of a strange shape', words: ['show', '\u009b2J.\u202e..'], code: 'CONFIG_PATH_INVALID' },
  { title: 'nothing to unset', words: ['unset', 'users.299'], code: 'CONFIG_NOTHING_THERE' },
  {
    title: 'a path without a value',
    words: ['set', 'system.name', 'x', 'system.locale'],
    code: 'CONFIG_ASSIGNMENT_INVALID',
  },
  {
    title: 'standard input twice',
    words: ['set', 'users.201.loginCode', '-', 'users.201.conferencePin', '-'],
    code: 'CONFIG_ASSIGNMENT_INVALID',
  },
  {
    title: 'a secret among the words',
    words: ['set', 'users.201.loginCode', '4712'],
    code: 'CONFIG_SECRET_ON_COMMAND_LINE',
  },
  {
    title: 'a secret within JSON',
    words: ['set', 'users.201', '{"loginCode":"4712"}'],
    code: 'CONFIG_SECRET_ON_COMMAND_LINE',
  },
  { title: 'a weak PIN', words: ['set', 'users.201.loginCode', '-'], input: '1234', code: 'CONFIG_PIN_WEAK' },
  {
    title: 'the own number as PIN',
    words: ['set', 'users.2012.loginCode', '-'],
    input: '2102',
    code: 'CONFIG_PIN_WEAK',
  },
  { title: 'a PIN of letters', words: ['set', 'users.201.loginCode', '-'], input: 'abcd', code: 'CONFIG_PIN_INVALID' },
  {
    title: 'the copy of a password',
    words: ['set', 'extensions.201.passwordCopy', '-'],
    input: 'x',
    code: 'CONFIG_ASSIGNMENT_INVALID',
  },
  {
    title: 'no UTF-8',
    words: ['set', 'users.201.name', '-'],
    input: Buffer.from([0xff, 0xfe]),
    code: 'INPUT_NOT_UTF8',
  },
  {
    title: 'an endless value',
    words: ['set', 'users.201.name', '-'],
    input: 'x'.repeat(1_000_000),
    code: 'INPUT_TOO_LONG',
  },
  {
    title: 'no number',
    words: ['set', 'system.media.portLow', 'low'],
    code: 'CONFIG_INVALID',
    message: /from 1024 to 65534/,
  },
  {
    title: 'no switch',
    words: ['set', 'users.201.callWaiting', 'perhaps'],
    code: 'CONFIG_INVALID',
    message: /true or false/,
  },
  {
    title: 'an unknown word',
    words: ['set', 'system.media.codecs', 'PCMA,MP3'],
    code: 'CONFIG_INVALID',
    message: /PCMA, PCMU, G729/,
  },
  { title: 'no JSON', words: ['set', 'users.201', 'Reception'], code: 'CONFIG_ASSIGNMENT_INVALID' },
  { title: 'a name with an escape sequence', words: ['set', 'users.201.name', '\u001b[2J'], code: 'CONFIG_INVALID' },
  { title: 'an unknown revision', words: ['rollback', '99'], code: 'CONFIG_REVISION_UNKNOWN' },
  { title: 'no revision', words: ['rollback', 'yesterday'], code: 'OPTION_INVALID' },
  { title: 'no limit', words: ['log', '--limit', '0'], code: 'OPTION_INVALID' },
];

t.test('mistakes are told with their code, on a bounded number of lines, and change nothing', async (t) => {
  const data = office(t);
  for (const { title, words, input, code, message } of ERRORS) {
    try {
      await run([...words, '--data', data], input === undefined ? {} : { input });
      t.fail(title);
    } catch (error) {
      t.match(error, { code, cure: /\w/, ...(message === undefined ? {} : { message }) }, title);
      const text = error instanceof Error ? error.message : '';
      t.ok(text.length < 1000, `${title}: bounded`);
      t.notMatch(text, /4712|2102/, `${title}: no secret`);
      t.notMatch(text, /[\p{Cc}\p{Cf}](?<!\n)/u, `${title}: no escape sequence`);
    }
  }
  const store = ConfigurationStore.open(data);
  t.equal(store.revision, 3);
  store.close();
  await t.rejects(run(['show', '--data', join(data, 'elsewhere')]), { code: 'CONFIG_DATA_NOT_FOUND' });
  t.notOk(existsSync(join(data, 'elsewhere')));
});

t.test('each subcommand shows examples in its help', async (t) => {
  for (const name of ['show', 'set', 'unset', 'log', 'diff', 'rollback', 'confirm', 'schema']) {
    t.match(await run([name, '--help']), new RegExp(`Examples:\\n {2}ringdown config ${name}`), name);
  }
});
