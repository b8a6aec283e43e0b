import { rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { MAX_CSV_CHARACTERS } from '../../config/csv-table.ts';
import { PROFILES, type Profile } from '../../config/schema/user.ts';
import { USER_COLUMNS, type UserRow } from '../../config/user-rows.ts';
import { applyUsers, previewUsers, type UsersPreview } from '../../config/users-csv.ts';
import { backUpBefore } from './back-up-before.ts';
import { formatWarnings } from './config-text.ts';
import { type CommandContext, examples, withConfiguration, withData } from './context.ts';
import { readInputFile, writeNewFile } from './files.ts';

interface Values {
  readonly data?: string;
  readonly separator: string;
  readonly quote: string;
  readonly dryRun?: boolean;
  readonly skipErrors?: boolean;
  readonly firstExtension?: string;
  readonly profile?: Profile;
  readonly passwords?: string;
}

/** A character of UTF-8 has four bytes at most. */
const MAX_FILE_BYTES = 4 * MAX_CSV_CHARACTERS;

/** `ringdown users …`: many users at once. */
export function usersCommand(context: CommandContext): Command {
  const { output } = context;
  const command = new Command('users').description('many users at once');

  withData(command.command('import <file>'), context)
    .description(
      'adds the users of a CSV file, with an extension and a password each, and updates those that there are: found by ' +
        'the extension, else by the e-mail address. Empty cells change nothing. Prints what becomes of each row, then ' +
        'changes all or nothing. The file - is standard input.',
    )
    .option('--separator <character>', 'what stands between values; tab for a tab', ',')
    .option('--quote <character>', 'what stands around values with a separator in them; none for none', '"')
    .option('--dry-run', 'only prints what would become of each row')
    .option('--skip-errors', 'imports the rows that are right, though others are wrong')
    .option('--first-extension <number>', 'new users without an extension get the next free number from here on')
    .addOption(new Option('--profile <profile>', 'of new users without one in the file').choices(PROFILES))
    .option('--passwords <file>', 'writes the passwords of new extensions to a new file, instead of printing them')
    .addHelpText(
      'after',
      `\nColumns, by the names in the first line, in any order:\n${columns()}${examples(
        'ringdown users import users.csv --dry-run --data /data/ringdown',
        'ringdown users import users.csv --first-extension 201 --passwords passwords.csv --data /data/ringdown',
        'ringdown users import - --separator ";" --data /data/ringdown < users.csv',
      )}`,
    )
    .action(async (file: string, values: Values) => {
      const { data, dryRun = false, skipErrors = false, firstExtension, profile } = values;
      const text = await readInputFile(context, file, MAX_FILE_BYTES);
      await withConfiguration(
        context,
        data,
        async ({ store, secrets, dataDirectory }) => {
          const { current, revision } = store;
          const preview = await previewUsers(current, text, {
            separator: values.separator === 'tab' ? '\t' : values.separator,
            quote: values.quote === 'none' ? '' : values.quote,
            secrets,
            ...(firstExtension === undefined ? {} : { firstExtension }),
            ...(profile === undefined ? {} : { profile }),
          });
          if (dryRun || !isImportable(preview, skipErrors)) {
            output.write(table(preview.rows));
            applyUsers(current, preview, { skipErrors });
            output.write(`${summary(preview)} would be the result: nothing was changed.\n`);
            return;
          }
          await backUpBefore({ store, dataDirectory }, 'import');
          // Before everything else: whoever looks at the first lines alone closes the output behind them.
          if (values.passwords === undefined) await print(output, passwordsOf(preview));
          await print(output, table(preview.rows));
          // Before the edit: what it makes of the passwords cannot be read again.
          if (values.passwords !== undefined) writePasswords(context, preview, values.passwords);
          try {
            const { warnings } = store.edit({
              author: { ...context.author, origin: 'import' },
              comment: 'users import',
              baseRevision: revision,
              change: (configuration) => applyUsers(configuration, preview, { skipErrors }),
            });
            for (const line of formatWarnings(warnings)) context.errors.write(`${line}\n`);
          } catch (error) {
            if (values.passwords !== undefined) rmSync(values.passwords, { force: true });
            throw error;
          }
          output.write(`${summary(preview)}.\n`);
          if (values.passwords !== undefined) {
            output.write(`The passwords of new extensions are in ${values.passwords}.\n`);
          }
        },
        dryRun ? 'refuse' : 'make',
      );
    });

  return command;
}

function isImportable({ rows }: UsersPreview, skipErrors: boolean): boolean {
  return skipErrors || rows.every(({ fate }) => fate !== 'error');
}

/** Resolves when it is written. Rejects where nobody reads any more. */
function print(output: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(text, (error) => (error instanceof Error ? reject(error) : resolve()));
  });
}

/** For the help, which does not break lines. */
function columns(): string {
  const half = USER_COLUMNS.length / 2;
  return `  ${USER_COLUMNS.slice(0, half).join(', ')},\n  ${USER_COLUMNS.slice(half).join(', ')}\n`;
}

const HEADINGS = ['Line', 'Fate', 'Number', 'Name', 'Reason'];

function table(rows: readonly UserRow[]): string {
  const lines = [HEADINGS, ...rows.map((row) => [String(row.line), row.fate, row.number, row.name, reason(row)])];
  const widths = HEADINGS.map((_heading, column) =>
    Math.max(...lines.map((cells) => [...(cells[column] ?? '')].length)),
  );
  const written = lines.map((cells) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${written.join('\n')}\n\n`;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - [...text].length));
}

function reason(row: UserRow): string {
  switch (row.fate) {
    case 'update':
      return [...new Set(row.settings.map(({ column }) => column))].join(', ');
    case 'error': {
      const { column = 'the row', value, problem, cure } = row;
      return `${column} ${value === '' ? '' : `${value} `}${problem}. ${cure}`;
    }
    default:
      return '';
  }
}

function summary({ rows }: UsersPreview): string {
  const count = (fate: UserRow['fate']) => rows.filter((row) => row.fate === fate).length;
  const leftOut = count('error') === 0 ? '' : `, ${count('error')} left out`;
  return `${count('create')} created, ${count('update')} updated, ${count('unchanged')} unchanged${leftOut}`;
}

function passwordsOf({ rows }: UsersPreview): string {
  const lines = rows.flatMap((row) => (row.fate === 'create' ? [`${row.number}  ${row.password}\n`] : []));
  if (lines.length === 0) return '';
  return `Passwords, shown only now: the box keeps no copy that can be read.\n${lines.join('')}\n`;
}

/** As CSV. Throws as writeNewFile. */
function writePasswords(context: CommandContext, { rows }: UsersPreview, file: string): void {
  const lines = rows.flatMap((row) => (row.fate === 'create' ? [`${row.number},${row.password}\n`] : []));
  writeNewFile(context, file, `extension,password\n${lines.join('')}`);
}
