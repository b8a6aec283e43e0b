import { randomInt } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import { ConfigurationStore } from '../../config/configuration-store.ts';
import { UsageError } from '../../core/errors.ts';

export interface ExtensionCommandOptions {
  /** Where `--password-stdin` reads; standard input unless given. */
  readonly input?: Readable;
  /** Standard output unless given. */
  readonly output?: Writable;
  /** Makes --data optional: the directory that is meant without it. */
  readonly dataDirectory?: string;
}

interface Values {
  readonly data: string;
  readonly name: string;
  readonly passwordStdin?: boolean;
}

/** Without letters and digits that are taken for one another; 16 of these 31 make 79 bits. */
const PASSWORD_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const PASSWORD_CHARACTERS = 16;

/** More than any password that is accepted: what reads further is no password. */
const MAX_INPUT_CHARACTERS = 1024;

/** `ringdown extension …`: adds, lists and removes extensions and sets their passwords, also while the box runs. */
export function extensionCommand(options: ExtensionCommandOptions = {}): Command {
  const input = options.input ?? process.stdin;
  const output = options.output ?? process.stdout;
  const command = new Command('extension').description('the extensions that phones register as');

  withData(command.command('add <number>'), options)
    .description('adds an extension; a running box knows it at once')
    .requiredOption('--name <name>', 'the name that other people see, 1 to 64 characters')
    .option('--password-stdin', 'reads the password from standard input, instead of making one and printing it')
    .addHelpText(
      'after',
      examples(
        'ringdown extension add 201 --name "Reception" --data /data/ringdown',
        'ringdown extension add 202 --name "Workshop" --password-stdin --data /data/ringdown < password.txt',
      ),
    )
    .action(async (number: string, { data, name, passwordStdin }: Values) => {
      const password = passwordStdin === true ? await readPassword(input) : makePassword();
      using(ConfigurationStore.open(data), (store) => store.extensions.add({ number, name, password }));
      output.write(`Extension ${number} is added.\n`);
      if (passwordStdin !== true) output.write(shownOnce(password));
    });

  withData(command.command('list'), options)
    .description('prints number and name of each extension, one a line')
    .addHelpText('after', examples('ringdown extension list --data /data/ringdown'))
    .action(({ data }: Values) => {
      const extensions = using(ConfigurationStore.openExisting(data), (store) => store.extensions.list());
      const width = Math.max(0, ...extensions.map(({ number }) => number.length));
      for (const { number, name } of extensions) output.write(`${number.padEnd(width)}  ${name}\n`);
    });

  withData(command.command('password <number>'), options)
    .description('gives an extension a new password; its phones must log in again with it')
    .option('--password-stdin', 'reads the password from standard input, instead of making one and printing it')
    .addHelpText(
      'after',
      examples(
        'ringdown extension password 201 --data /data/ringdown',
        'ringdown extension password 201 --password-stdin --data /data/ringdown < password.txt',
      ),
    )
    .action(async (number: string, { data, passwordStdin }: Values) => {
      const password = passwordStdin === true ? await readPassword(input) : makePassword();
      using(ConfigurationStore.openExisting(data), (store) => store.extensions.setPassword(number, password));
      output.write(`Extension ${number} has a new password.\n`);
      if (passwordStdin !== true) output.write(shownOnce(password));
    });

  withData(command.command('remove <number>'), options)
    .description('removes an extension and its user')
    .addHelpText('after', examples('ringdown extension remove 201 --data /data/ringdown'))
    .action((number: string, { data }: Values) => {
      using(ConfigurationStore.openExisting(data), (store) => store.extensions.remove(number));
      output.write(`Extension ${number} is removed.\n`);
    });

  return command;
}

function withData(command: Command, { dataDirectory }: ExtensionCommandOptions): Command {
  const flags = '--data <dir>';
  const description = 'the data directory of the box';
  return dataDirectory === undefined
    ? command.requiredOption(flags, description)
    : command.option(flags, description, dataDirectory);
}

function using<T>(store: ConfigurationStore, work: (store: ConfigurationStore) => T): T {
  try {
    return work(store);
  } finally {
    store.close();
  }
}

/** The first line, without its line end. */
async function readPassword(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_INPUT_CHARACTERS) break;
  }
  const password = text.split(/\r?\n/, 1)[0] ?? '';
  if (password !== '') return password;
  throw new UsageError(
    'CONFIG_PASSWORD_MISSING',
    'standard input holds no password',
    'Write the password and a line end to it, or leave --password-stdin out.',
  );
}

function makePassword(): string {
  return Array.from({ length: PASSWORD_CHARACTERS }, () => PASSWORD_ALPHABET[randomInt(PASSWORD_ALPHABET.length)]).join(
    '',
  );
}

function shownOnce(password: string): string {
  return `Password: ${password}\nIt is shown only now: the box keeps no copy that can be read.\n`;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
