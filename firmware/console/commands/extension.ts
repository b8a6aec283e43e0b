import type { Readable } from 'node:stream';
import { Command } from 'commander';
import { findExtension } from '../../config/extension.ts';
import { addExtension, extensionNotFound, removeExtension } from '../../config/extension-edits.ts';
import { withValue } from '../../config/path.ts';
import { compareKeys } from '../../config/schema/tree.ts';
import { generatePassword } from '../../config/secrets/generate-password.ts';
import { makeSipPassword } from '../../config/secrets/make-secret.ts';
import { UsageError } from '../../core/errors.ts';
import { type CommandContext, examples, withConfiguration, withData } from './context.ts';

interface Values {
  readonly data?: string;
  readonly name: string;
  readonly passwordStdin?: boolean;
}

/** More than any password that is accepted: what reads further is no password. */
const MAX_INPUT_CHARACTERS = 1024;

/** `ringdown extension …`: adds, lists and removes extensions and sets their passwords, also while the box runs. */
export function extensionCommand(context: CommandContext): Command {
  const { input, output } = context;
  const command = new Command('extension').description('the extensions that phones register as');

  withData(command.command('add <number>'), context)
    .description('adds an extension and its user; a running box knows it at once')
    .requiredOption('--name <name>', 'the name that other people see, 1 to 64 characters, different for each user')
    .option('--password-stdin', 'reads the password from standard input, instead of making one and printing it')
    .addHelpText(
      'after',
      examples(
        'ringdown extension add 201 --name "Reception" --data /data/ringdown',
        'ringdown extension add 202 --name "Workshop" --password-stdin --data /data/ringdown < password.txt',
      ),
    )
    .action(async (number: string, { data, name, passwordStdin }: Values) => {
      const password = passwordStdin === true ? await readPassword(input) : generatePassword();
      await withConfiguration(
        context,
        data,
        ({ store, secrets }) => {
          const made = makeSipPassword(number, password, secrets, name);
          store.edit({
            author: context.author,
            comment: 'extension add',
            change: (configuration) => addExtension(configuration, number, name, made),
          });
        },
        'make',
      );
      output.write(`Extension ${number} is added.\n`);
      if (passwordStdin !== true) output.write(shownOnce(password));
    });

  withData(command.command('list'), context)
    .description('prints number and name of each extension, one a line')
    .addHelpText('after', examples('ringdown extension list --data /data/ringdown'))
    .action(async ({ data }: Values) => {
      const current = await withConfiguration(context, data, ({ store }) => store.current);
      const numbers = Object.keys(current.extensions).sort(compareKeys);
      const width = Math.max(0, ...numbers.map(({ length }) => length));
      for (const number of numbers) {
        output.write(`${number.padEnd(width)}  ${findExtension(current, number)?.name ?? ''}\n`);
      }
    });

  withData(command.command('password <number>'), context)
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
      const password = passwordStdin === true ? await readPassword(input) : generatePassword();
      await withConfiguration(context, data, ({ store, secrets }) => {
        if (findExtension(store.current, number) === undefined) throw extensionNotFound(number);
        const made = makeSipPassword(number, password, secrets);
        store.edit({
          author: context.author,
          comment: 'extension password',
          change: (configuration) =>
            withValue(configuration, ['extensions', number], { ...configuration.extensions[number], ...made }),
        });
      });
      output.write(`Extension ${number} has a new password.\n`);
      if (passwordStdin !== true) output.write(shownOnce(password));
    });

  withData(command.command('remove <number>'), context)
    .description('removes an extension and its user')
    .addHelpText('after', examples('ringdown extension remove 201 --data /data/ringdown'))
    .action(async (number: string, { data }: Values) => {
      await withConfiguration(context, data, ({ store }) =>
        store.edit({
          author: context.author,
          comment: 'extension remove',
          change: (configuration) => removeExtension(configuration, number),
        }),
      );
      output.write(`Extension ${number} is removed.\n`);
    });

  return command;
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

function shownOnce(password: string): string {
  return `Password: ${password}\nIt is shown only now: the box keeps no copy that can be read.\n`;
}
