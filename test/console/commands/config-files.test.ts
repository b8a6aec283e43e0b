import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { digestOf } from '../../../firmware/config/extension.ts';
import { BoxKey } from '../../../firmware/config/secrets/box-key.ts';
import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { configCommand } from '../../../firmware/console/commands/config.ts';
import { addUser, PASSWORD } from '../../config/support/store.ts';
import { type CommandRun, runCommand } from './run-command.ts';

const PASSPHRASE = 'four words of passphrase';

async function run(words: readonly string[], options: Omit<CommandRun, 'words'> = {}): Promise<string> {
  return (await runCommand(configCommand, { words, ...options })).output;
}

/** Data directories `a`, with an office in it, and `b`, which is empty; and a place for files. */
async function setUp(t: Test): Promise<{ readonly a: string; readonly b: string; readonly files: string }> {
  const root = t.testdir();
  const [a, b, files] = [join(root, 'a'), join(root, 'b'), join(root, 'files')];
  mkdirSync(files);
  const store = ConfigurationStore.open(a);
  addUser(store, '201', 'Reception');
  addUser(store, '0202', 'Zoë: the "shop"');
  store.close();
  await run([
    'set',
    'system.sip.domain',
    'example.com',
    'huntGroups.300',
    '{"name":"Sales","members":[{"user":"201"}]}',
    '--data',
    a,
  ]);
  await run(['set', 'lines.1.password', '-', '--data', a], { input: 'carrier secret' });
  return { a, b, files };
}

function current(directory: string) {
  const store = ConfigurationStore.open(directory);
  store.close();
  return store.current;
}

t.test('export, import and export again is byte for byte the same', async (t) => {
  const { a, b, files } = await setUp(t);
  const text = await run(['export', '--data', a]);
  t.match(text, /^format: 1$/m);
  t.notMatch(text, /ha1|sealed|revision/);
  const file = join(files, 'box.yaml');
  t.equal(await run(['export', file, '--data', a]), '');
  t.equal(readFileSync(file, 'utf8'), text);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.match(
    await run(['import', file, '--replace', '--data', b]),
    /\+ users\.0202\.name: "Zoë: the \\"shop\\""\n[\s\S]*Revision 2\.\n$/,
  );
  t.equal(await run(['export', '--data', b]), text);
  t.match(await run(['import', file, '--replace', '--data', b]), /^Nothing changed: it is revision 2\.\n$/);
  t.match(await run(['log', '--data', b]), /test \(import\) .* import of box\.yaml/);
  t.match(readdirSync(join(b, 'backups')).join(), /-r1-import/, 'a backup was made before');
  t.equal(
    await run(['import', '-', '--replace', '--data', a], { input: `\ufeff${text}` }),
    'Nothing changed: it is revision 5.\n',
  );
  t.strictSame(digestOf(current(a), '201'), digestSecrets('201', 'ringdown', PASSWORD), 'its passwords stay');
});

t.test('secrets go along when asked, and work on another box', async (t) => {
  const { a, b, files } = await setUp(t);
  const passphrase = join(files, 'passphrase.txt');
  writeFileSync(passphrase, `${PASSPHRASE}\n`);
  const text = await run(['export', '--with-secrets', '--passphrase-file', passphrase, '--data', a]);
  t.equal(
    await run(['export', '--with-secrets', '--passphrase-stdin', '--data', a], { input: `${PASSPHRASE}\n` }),
    text,
  );
  t.notMatch(text, /carrier secret|ha1\$/);
  const printed = await run(['import', '-', '--passphrase-stdin', '--data', b], { input: `${PASSPHRASE}\r\n${text}` });
  t.match(printed, /\+ extensions\.201\.password: \(secret\)/);
  t.strictSame(digestOf(current(b), '201'), digestSecrets('201', 'ringdown', PASSWORD));
  t.equal(BoxKey.open(b).open('lines.1.password', current(b).lines['1']?.password ?? ''), 'carrier secret');
  t.equal(await run(['export', '--with-secrets', '--passphrase-file', passphrase, '--data', b]), text, 'byte for byte');
});

t.test('merge sets what the file names, replace makes it all', async (t) => {
  const { a } = await setUp(t);
  const input = 'format: 1\nusers:\n  201:\n    priority: 3\n  203:\n    name: Lift\n';
  t.match(
    await run(['import', '-', '--merge', '--data', a], { input }),
    /\+ users\.201\.priority: 3\n\+ users\.203\.name: "Lift"\nKept.*\nRevision 6/,
  );
  t.match(current(a).users['201'], { name: 'Reception', priority: 3 });
  const only = 'format: 1\nusers:\n  203:\n    name: Lift\n';
  await run(['import', '-', '--replace', '--data', a], { input: only });
  t.strictSame(Object.keys(current(a).users), ['203']);
  t.equal(current(a).system.sip.domain, '');
  await run(['rollback', '6', '--data', a]);
  t.strictSame(digestOf(current(a), '201'), digestSecrets('201', 'ringdown', PASSWORD), 'and it can be taken back');
  t.match(readdirSync(join(a, 'backups')).join(), /-r7-rollback/);
});

t.test('a dry run shows and changes nothing', async (t) => {
  const { a } = await setUp(t);
  const before = current(a);
  const text = await run(['import', '-', '--replace', '--dry-run', '--data', a], {
    input: 'format: 1\nusers:\n  201:\n    name: Front desk\n',
  });
  t.match(
    text,
    /- users\.201\.name: "Reception"\n\+ users\.201\.name: "Front desk"\n[\s\S]*Dry run: nothing was changed\.\n$/,
  );
  t.strictSame(current(a), before);
  t.strictSame(
    readdirSync(a).filter((name) => name === 'backups'),
    [],
  );
});

t.test('a configuration is made where nothing is, and nowhere else', async (t) => {
  const { b, files } = await setUp(t);
  const input = 'format: 1\nusers:\n  201:\n    name: Lift\n';
  await t.rejects(run(['import', '-', '--dry-run', '--data', b], { input }), { code: 'CONFIG_DATA_NOT_FOUND' });
  t.notOk(existsSync(b));
  writeFileSync(join(files, 'other.txt'), '');
  for (const wrong of [files, join(files, 'other.txt')]) {
    await t.rejects(run(['import', '-', '--data', wrong], { input }), { code: 'CONFIG_DATA_NOT_FOUND' });
  }
  t.strictSame(readdirSync(files), ['other.txt']);
  mkdirSync(b);
  await run(['import', '-', '--data', b], { input });
  t.equal(current(b).users['201']?.name, 'Lift');
});

t.test('warnings name the file and the line', async (t) => {
  const { a } = await setUp(t);
  const input = 'format: 1\nsystem:\n  cloud:\n    profileName: Office\n';
  const { errors } = await runCommand(configCommand, { words: ['check', '-'], input });
  t.match(errors, /^Warning: standard input:4: system\.cloud\.profileName is kept/);
  const imported = await runCommand(configCommand, { words: ['import', '-', '--data', a], input });
  t.match(imported.errors, /^Warning: standard input:4: system\.cloud\.profileName is kept/);
});

t.test('a file that somebody prepared from an older revision overwrites nothing', async (t) => {
  const { a } = await setUp(t);
  const text = (await run(['export', '--data', a])).replace('Reception', 'Front desk');
  await run(['set', 'system.name', 'Office', '--data', a]);
  t.match(await run(['import', '-', '--replace', '--revision', '5', '--data', a], { input: text }), /Revision 7/);
  t.match(current(a), { system: { name: 'Office' }, users: { 201: { name: 'Front desk' } } });
  await run(['set', 'users.201.name', 'Lobby', '--data', a]);
  const other = text.replace('Front desk', 'Entrance');
  await t.rejects(run(['import', '-', '--replace', '--revision', '5', '--data', a], { input: other }), {
    code: 'CONFIG_CONFLICT',
  });
});

t.test('check tells every mistake with its line, and needs no box', async (t) => {
  const { a, files } = await setUp(t);
  const file = join(files, 'box.yaml');
  writeFileSync(file, await run(['export', '--data', a]));
  t.equal(await run(['check', file]), 'box.yaml is right: 2 users, 2 extensions.\n');
  const input = [
    'format: 1',
    'users:',
    '  201:',
    '    name: A',
    '    priority: 9',
    '  202:',
    '    name: a',
    '    colour: red',
    '',
  ].join('\n');
  await t.rejects(run(['check', '-'], { input }), {
    code: 'CONFIG_INVALID',
    message:
      /standard input:5: users\.201\.priority \(9\) must be[\s\S]*:7: users\.202\.name \("a"\) is the name of users\.201 too[\s\S]*standard input:8: users\.202\.colour is no field/,
  });
});

interface ErrorCase {
  readonly title: string;
  readonly words: readonly string[];
  readonly input?: string | Buffer;
  readonly code: string;
}

t.test('mistakes are told with their code, and change nothing', async (t) => {
  const { a, files } = await setUp(t);
  const sealed = await run(['export', '--with-secrets', '--passphrase-stdin', '--data', a], { input: PASSPHRASE });
  const bare = await run(['export', '--data', a]);
  const there = join(files, 'there.yaml');
  writeFileSync(there, 'kept');
  const cases: readonly ErrorCase[] = [
    { title: 'a file that is there', words: ['export', there], code: 'OUTPUT_NOT_WRITABLE' },
    { title: 'secrets without a passphrase', words: ['export', '--with-secrets'], code: 'CONFIG_PASSPHRASE_MISSING' },
    {
      title: 'a weak passphrase',
      words: ['export', '--with-secrets', '--passphrase-stdin'],
      input: '123456789\n',
      code: 'CONFIG_PASSWORD_WEAK',
    },
    { title: 'a file that is not there', words: ['import', join(files, 'none.yaml')], code: 'INPUT_UNREADABLE' },
    { title: 'a folder', words: ['import', files], code: 'INPUT_UNREADABLE' },
    { title: 'an endless device', words: ['check', '/dev/zero'], code: 'INPUT_TOO_LONG' },
    {
      title: 'merge and replace',
      words: ['import', there, '--merge', '--replace'],
      code: 'commander.conflictingOption',
    },
    {
      title: 'sealed secrets without a passphrase',
      words: ['import', '-'],
      input: sealed,
      code: 'CONFIG_PASSPHRASE_MISSING',
    },
    {
      title: 'a wrong passphrase',
      words: ['import', '-', '--passphrase-stdin'],
      input: `not the right words\n${sealed}`,
      code: 'CONFIG_PASSPHRASE_WRONG',
    },
    { title: 'no YAML', words: ['import', '-'], input: 'format: 1\nusers: [', code: 'CONFIG_DOCUMENT_SYNTAX' },
    { title: 'an unknown field', words: ['import', '-'], input: 'format: 1\nprinters: {}\n', code: 'CONFIG_INVALID' },
    { title: 'bytes', words: ['import', '-'], input: Buffer.from([0xff, 0, 1]), code: 'INPUT_NOT_UTF8' },
    {
      title: 'a newer format',
      words: ['import', '-'],
      input: bare.replace('format: 1', 'format: 2'),
      code: 'CONFIG_DOCUMENT_NEWER',
    },
    {
      title: 'a passphrase file that is not there',
      words: ['import', '-', '--passphrase-file', join(files, 'none')],
      input: bare,
      code: 'INPUT_UNREADABLE',
    },
  ];
  const before = current(a);
  for (const { title, words, input, code } of cases) {
    const data = words[0] === 'check' ? [] : ['--data', a];
    await t.rejects(run([...words, ...data], input === undefined ? {} : { input }), { code }, title);
  }
  t.strictSame(current(a), before);
  t.equal(readFileSync(there, 'utf8'), 'kept');
  const without = await run(['import', '-', '--without-secrets', '--replace', '--data', a], { input: sealed });
  t.match(without, /Nothing changed/);
});

t.test('inside a runtime there are no files, and what is pasted works', async (t) => {
  const { a, files } = await setUp(t);
  const store = ConfigurationStore.open(a);
  t.teardown(() => store.close());
  const runtime = { store, dataDirectory: a };
  for (const words of [
    ['export', join(files, 'x')],
    ['import', '/etc/passwd'],
    ['check', '/etc/passwd'],
    ['import', '-', '--passphrase-file', '/etc/passwd'],
  ]) {
    await t.rejects(
      run(words, { runtime, input: 'format: 1\nusers: {}\n' }),
      { code: 'INPUT_UNREADABLE' },
      words.join(' '),
    );
  }
  const text = await run(['export'], { runtime });
  t.match(
    await run(['import', '-', '--merge'], { runtime, input: text.replace('Sales', 'Selling') }),
    /\+ huntGroups\.300\.name: "Selling"/,
  );
  t.equal(store.current.huntGroups['300']?.name, 'Selling');
});
