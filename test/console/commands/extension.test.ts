import { Readable, Writable } from 'node:stream';
import { CommanderError } from 'commander';
import t from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { digestSecrets } from '../../../firmware/config/digest-secrets.ts';
import { extensionCommand } from '../../../firmware/console/commands/extension.ts';

interface Run {
  readonly words: readonly string[];
  readonly input?: string;
  readonly dataDirectory?: string;
}

async function run({ words, input = '', dataDirectory }: Run): Promise<string> {
  let text = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const command = extensionCommand({
    input: Readable.from(input === '' ? [] : [input]),
    output,
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
  });
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeErr: () => {}, writeOut: (help) => output.write(help) });
  }
  try {
    await command.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  }
  return text;
}

function secrets(directory: string, number: string) {
  const store = ConfigurationStore.open(directory);
  try {
    return store.extensions.digest(number);
  } finally {
    store.close();
  }
}

t.test('add makes a password and prints it once', async (t) => {
  const data = t.testdir();
  const text = await run({ words: ['add', '201', '--name', 'Reception', '--data', data] });
  const password = /^Password: ([a-z2-9]{16})$/m.exec(text)?.[1] ?? '';
  t.strictSame(secrets(data, '201'), digestSecrets('201', 'ringdown', password));
  const other = await run({ words: ['add', '202', '--name', 'Workshop', '--data', data] });
  t.not(/^Password: (.*)$/m.exec(other)?.[1], password);
  t.equal(await run({ words: ['list', '--data', data] }), '201  Reception\n202  Workshop\n');
});

t.test('add takes a password from standard input and does not print it', async (t) => {
  for (const [input, password] of [
    ['correct horse\n', 'correct horse'],
    ['correct horse\r\nsecond line\n', 'correct horse'],
    ['correct horse', 'correct horse'],
    [' correct horse \n', ' correct horse '],
  ] as const) {
    const data = t.testdir();
    const text = await run({ words: ['add', '201', '--name', 'R', '--password-stdin', '--data', data], input });
    t.notMatch(text, /horse|Password/);
    t.strictSame(secrets(data, '201'), digestSecrets('201', 'ringdown', password));
  }
});

t.test('a new password replaces the old one, and remove removes', async (t) => {
  const data = t.testdir();
  await run({ words: ['add', '201', '--name', 'Reception', '--data', data] });
  await run({ words: ['password', '201', '--password-stdin', '--data', data], input: 'correct horse\n' });
  t.strictSame(secrets(data, '201'), digestSecrets('201', 'ringdown', 'correct horse'));
  const made = /^Password: (.*)$/m.exec(await run({ words: ['password', '201', '--data', data] }))?.[1] ?? '';
  t.strictSame(secrets(data, '201'), digestSecrets('201', 'ringdown', made));
  await run({ words: ['remove', '201', '--data', data] });
  t.equal(secrets(data, '201'), undefined);
});

t.test('where a directory is given by the caller, --data may be left out', async (t) => {
  const dataDirectory = t.testdir();
  await run({ words: ['add', '201', '--name', 'Reception'], dataDirectory });
  t.equal(await run({ words: ['list'], dataDirectory }), '201  Reception\n');
});

interface ErrorCase {
  readonly title: string;
  readonly words: readonly string[];
  readonly input?: string;
  readonly code: string;
}

t.test('mistakes are told with their code', async (t) => {
  const data = t.testdir();
  await run({ words: ['add', '201', '--name', 'Reception', '--data', data] });
  const add = ['add', '202', '--name', 'x', '--data', data];
  const cases: readonly ErrorCase[] = [
    { title: 'no --data', words: ['list'], code: 'commander.missingMandatoryOptionValue' },
    { title: 'no --name', words: ['add', '202', '--data', data], code: 'commander.missingMandatoryOptionValue' },
    { title: 'no number', words: ['add', '--name', 'x', '--data', data], code: 'commander.missingArgument' },
    { title: 'one word too many', words: [...add, 'more'], code: 'commander.excessArguments' },
    { title: 'an unknown option', words: [...add, '--colour'], code: 'commander.unknownOption' },
    { title: 'an unknown command', words: ['destroy'], code: 'commander.unknownCommand' },
    {
      title: 'no number at all',
      words: ['add', 'x1', '--name', 'x', '--data', data],
      code: 'CONFIG_EXTENSION_NUMBER_INVALID',
    },
    { title: 'a number twice', words: ['add', '201', '--name', 'x', '--data', data], code: 'CONFIG_EXTENSION_EXISTS' },
    { title: 'a bad name', words: ['add', '202', '--name', '', '--data', data], code: 'CONFIG_NAME_INVALID' },
    {
      title: 'a short password',
      words: [...add, '--password-stdin'],
      input: 'short\n',
      code: 'CONFIG_PASSWORD_INVALID',
    },
    { title: 'no password', words: [...add, '--password-stdin'], code: 'CONFIG_PASSWORD_MISSING' },
    {
      title: 'an endless password',
      words: [...add, '--password-stdin'],
      input: 'x'.repeat(5_000_000),
      code: 'CONFIG_PASSWORD_INVALID',
    },
    { title: 'removing nobody', words: ['remove', '299', '--data', data], code: 'CONFIG_EXTENSION_NOT_FOUND' },
    {
      title: 'a directory without a store',
      words: ['list', '--data', `${data}/elsewhere`],
      code: 'CONFIG_DATA_NOT_FOUND',
    },
  ];
  for (const { title, words, input, code } of cases) {
    await t.rejects(run({ words, ...(input === undefined ? {} : { input }) }), { code }, title);
  }
  t.equal(await run({ words: ['list', '--data', data] }), '201  Reception\n', 'nothing has changed');
});

t.test('each subcommand shows examples in its help', async (t) => {
  for (const name of ['add', 'list', 'password', 'remove']) {
    t.match(await run({ words: [name, '--help'] }), new RegExp(`Examples:\\n {2}ringdown extension ${name} `), name);
  }
});
