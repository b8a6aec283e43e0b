import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import t from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { digestOf } from '../../../firmware/config/extension.ts';
import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { usersCommand } from '../../../firmware/console/commands/users.ts';

function collector(take: (text: string) => void): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      take(String(chunk));
      done();
    },
  });
}

/** What `ringdown users import …` prints; `output` also where it then fails. */
class Run {
  output = '';

  async import(words: readonly string[], input = ''): Promise<string> {
    const output = collector((text) => {
      this.output += text;
    });
    const command = usersCommand({
      input: Readable.from([Buffer.from(input)]),
      output,
      errors: collector(() => {}),
      author: { who: 'tester', origin: 'cli' },
    });
    for (const each of [command, ...command.commands]) {
      each.exitOverride().configureOutput({ writeErr: () => {}, writeOut: (help) => output.write(help) });
    }
    try {
      await new Command('ringdown')
        .addCommand(command)
        .exitOverride()
        .parseAsync(['users', 'import', ...words], {
          from: 'user',
        });
    } catch (error) {
      if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
    }
    return this.output;
  }
}

function read<T>(directory: string, look: (store: ConfigurationStore) => T): T {
  const store = ConfigurationStore.open(directory);
  try {
    return look(store);
  } finally {
    store.close();
  }
}

const FILE = 'email,firstname,lastname,extension\nanna@example.com,Anna,Berg,201\nbob@example.com,Bob,Dahl,\n';

t.test('a new box gets its users, and says their passwords once', async (t) => {
  const data = t.testdir({ 'users.csv': FILE });
  const text = await new Run().import([`${data}/users.csv`, '--data', data, '--first-extension', '201']);
  t.match(
    text,
    /^Passwords, shown only now: .*\n201 {2}[a-z2-9]{16}\n202 {2}[a-z2-9]{16}\n\nLine {2}Fate {4}Number {2}Name {6} Reason\n2 {5}create {2}201 {5}Anna Berg\n3 {5}create {2}202 {5}Bob Dahl\n\n2 created, 0 updated, 0 unchanged\.\n$/,
  );
  const password = /^202 {2}(\S+)$/m.exec(text)?.[1] ?? '';
  read(data, (store) => {
    t.same(digestOf(store.current, '202'), digestSecrets('202', store.realm, password));
    t.match(store.log.list(1), [{ author: { who: 'tester', origin: 'import' }, comment: 'users import' }]);
    t.notOk(JSON.stringify(store.log.list(9)).includes(password));
  });
  const again = await new Run().import([`${data}/users.csv`, '--data', data]);
  t.match(again, /2 {5}unchanged {2}201 .*\n3 {5}unchanged {2}202 /);
  t.match(again, /\n0 created, 0 updated, 2 unchanged\.\n$/, 'and no password');
  t.equal(
    read(data, ({ revision }) => revision),
    2,
  );
});

t.test('where nobody reads the passwords nobody is made', async (t) => {
  const data = t.testdir({ 'users.csv': FILE, 'new.csv': 'email,extension\n,301\n' });
  ConfigurationStore.open(data).close();
  for (const more of [[], ['--passwords', `${data}/passwords`]]) {
    const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    output.on('error', () => {});
    const command = usersCommand({
      input: Readable.from([]),
      output,
      errors: collector(() => {}),
      author: { who: 'tester', origin: 'cli' },
    });
    await t.rejects(command.parseAsync(['import', `${data}/new.csv`, '--data', data, ...more], { from: 'user' }), {
      message: 'EPIPE',
    });
    t.equal(
      read(data, ({ revision }) => revision),
      1,
    );
    t.notOk(existsSync(`${data}/passwords`));
  }
});

t.test('standard input, other separators, a profile', async (t) => {
  const data = t.testdir();
  await new Run().import(
    ['-', '--data', data, '--separator', ';', '--quote', "'", '--profile', 'basic'],
    "extension;city\n201;'Oslo;'\n",
  );
  await new Run().import(
    ['-', '--data', data, '--separator', 'tab', '--quote', 'none'],
    'extension\tcity\n202\t"Oslo"\n',
  );
  t.match(
    read(data, ({ current }) => current.users),
    {
      '201': { profile: 'basic', contact: { city: 'Oslo;' } },
      '202': { profile: 'power', contact: { city: '"Oslo"' } },
    },
  );
  const text = await new Run().import(['-', '--data', data], 'extension,city,email\n201,Bergen,a@x.org\n');
  t.match(text, /2 {5}update {2}201 {5}201 {3}city, email\n/);
});

t.test('a dry run changes nothing and tells no password', async (t) => {
  const data = t.testdir({ 'users.csv': FILE });
  await t.rejects(new Run().import([`${data}/users.csv`, '--data', data, '--dry-run']), {
    code: 'CONFIG_DATA_NOT_FOUND',
  });
  ConfigurationStore.open(data).close();
  const run = new Run();
  const dry = [`${data}/users.csv`, '--data', data, '--dry-run', '--passwords', `${data}/passwords`];
  await t.rejects(run.import(dry), { code: 'CONFIG_USERS_INVALID' });
  t.match(run.output, /3 {5}error {11}Bob Dahl {3}extension is missing, and the user is new\. Give/);
  const text = await new Run().import([...dry, '--first-extension', '300']);
  t.match(text, /\n2 created, 0 updated, 0 unchanged would be the result: nothing was changed\.\n$/);
  t.notMatch(text, /Password/);
  t.notOk(existsSync(`${data}/passwords`));
  t.same(
    read(data, ({ current }) => current.users),
    {},
  );
});

t.test('all or nothing, or the good rows alone', async (t) => {
  const data = t.testdir({ 'users.csv': FILE });
  const words = [`${data}/users.csv`, '--data', data, '--passwords', `${data}/passwords`];
  await t.rejects(new Run().import(words), { code: 'CONFIG_USERS_INVALID', message: /^1 of 2 rows/ });
  t.notOk(existsSync(`${data}/passwords`), 'and no passwords of nobody');
  t.same(
    read(data, ({ current }) => current.users),
    {},
  );
  const text = await new Run().import([...words, '--skip-errors']);
  t.match(
    text,
    /\n1 created, 0 updated, 0 unchanged, 1 left out\.\nThe passwords of new extensions are in .*\/passwords\.\n$/,
  );
  t.same(
    read(data, ({ current }) => Object.keys(current.users)),
    ['201'],
  );
});

t.test('a file of passwords is for nobody else, and never written over', async (t) => {
  const data = t.testdir({ 'users.csv': 'extension\n201\n202\n', 'passwords.csv': 'mine' });
  const words = [`${data}/users.csv`, '--data', data, '--passwords'];
  for (const file of ['passwords.csv', 'none/passwords.csv']) {
    await t.rejects(new Run().import([...words, `${data}/${file}`]), { code: 'OUTPUT_NOT_WRITABLE' }, file);
  }
  t.equal(readFileSync(`${data}/passwords.csv`, 'utf8'), 'mine');
  t.same(
    read(data, ({ current }) => current.users),
    {},
    'what cannot be told is not made',
  );
  const text = await new Run().import([...words, `${data}/new.csv`]);
  const file = readFileSync(`${data}/new.csv`, 'utf8');
  t.match(file, /^extension,password\n201,[a-z2-9]{16}\n202,[a-z2-9]{16}\n$/);
  t.equal(statSync(`${data}/new.csv`).mode & 0o777, 0o600);
  t.notOk(text.includes(file.slice(-17, -1)));
  const password = /^201,(\S+)$/m.exec(file)?.[1] ?? '';
  read(data, (store) => {
    t.same(digestOf(store.current, '201'), digestSecrets('201', store.realm, password));
  });
});

t.test('mistakes are told with their code', async (t) => {
  const data = t.testdir({ 'users.csv': FILE, directory: {} });
  writeFileSync(`${data}/latin1.csv`, Buffer.from('email,city\na@x.org,Z\xfcrich\n', 'latin1'));
  const file = `${data}/users.csv`;
  for (const [words, code] of [
    [[file], 'commander.missingMandatoryOptionValue'],
    [['--data', data], 'commander.missingArgument'],
    [[file, '--data', data, '--profile', 'boss'], 'commander.invalidArgument'],
    [[`${data}/none.csv`, '--data', data], 'INPUT_UNREADABLE'],
    [[`${data}/directory`, '--data', data], 'INPUT_UNREADABLE'],
    [['/dev/zero', '--data', data], 'INPUT_TOO_LONG'],
    [[`${data}/latin1.csv`, '--data', data], 'INPUT_NOT_UTF8'],
    [[file, '--data', data, '--separator', ';'], 'CONFIG_CSV_COLUMNS'],
    [[file, '--data', data, '--separator', 'semicolon'], 'CONFIG_CSV_OPTION'],
    [[file, '--data', data, '--first-extension', '1'], 'CONFIG_CSV_OPTION'],
    [['-', '--data', data], 'CONFIG_CSV_COLUMNS'],
  ] as const) {
    await t.rejects(new Run().import(words), { code }, words.join(' '));
  }
});

t.test('names that would turn a terminal around are not printed as they are', async (t) => {
  const data = t.testdir();
  const run = new Run();
  const hostile = 'extension,firstname\n201,"\u202egnp.\x1b[2J"\n';
  await t.rejects(run.import(['-', '--data', data], hostile), { code: 'CONFIG_USERS_INVALID' });
  t.match(run.output, /\?gnp\.\?\[2J/);
  t.notMatch(run.output, /[\p{Cc}\p{Cf}](?<!\n)/u);
});

t.test('the help names the columns and shows examples', async (t) => {
  const help = await new Run().import(['--help']);
  t.match(help, /Columns, by the names in the first line, in any order:\n {2}email, firstname, lastname/);
  t.match(help, /Examples:\n {2}ringdown users import users\.csv --dry-run/);
});
