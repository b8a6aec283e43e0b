import t from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { digestOf } from '../../../firmware/config/extension.ts';
import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { extensionCommand } from '../../../firmware/console/commands/extension.ts';
import { type CommandRun, runCommand } from './run-command.ts';

async function run(options: CommandRun): Promise<string> {
  return (await runCommand(extensionCommand, options)).output;
}

function secrets(directory: string, number: string) {
  const store = ConfigurationStore.open(directory);
  try {
    return digestOf(store.current, number);
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

t.test('inside a runtime its own store is meant, and there is no --data', async (t) => {
  const dataDirectory = t.testdir();
  const store = ConfigurationStore.open(dataDirectory);
  t.teardown(() => store.close());
  const runtime = { store, dataDirectory };
  await run({ words: ['add', '201', '--name', 'Reception'], runtime });
  t.equal(await run({ words: ['list'], runtime }), '201  Reception\n');
  t.equal(store.current.users['201']?.name, 'Reception');
  await t.rejects(run({ words: ['list', '--data', dataDirectory], runtime }), { code: 'commander.unknownOption' });
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
    { title: 'a bad name', words: ['add', '202', '--name', '', '--data', data], code: 'CONFIG_INVALID' },
    {
      title: 'a short password',
      words: [...add, '--password-stdin'],
      input: 'short\n',
      code: 'CONFIG_PASSWORD_INVALID',
    },
    {
      title: 'a weak password',
      words: [...add, '--password-stdin'],
      input: '123456789\n',
      code: 'CONFIG_PASSWORD_WEAK',
    },
    { title: 'a name twice', words: ['add', '202', '--name', 'reception ', '--data', data], code: 'CONFIG_INVALID' },
    { title: 'an emergency number', words: ['add', '999', '--name', 'x', '--data', data], code: 'CONFIG_INVALID' },
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
