import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { diff, mask } from '../../config/changes.ts';
import { type Secrets, secretsToCarry, secretsToKeep } from '../../config/document/carried-secrets.ts';
import { mergeDocument, replaceWithDocument } from '../../config/document/combine.ts';
import { type ReadDocument, readDocument, withLines } from '../../config/document/read-document.ts';
import { MAX_DOCUMENT_CHARACTERS } from '../../config/document/scan.ts';
import { openSecrets, sealSecrets } from '../../config/document/sealed-secrets.ts';
import { writeDocument } from '../../config/document/write-document.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import { validate } from '../../config/validation/validate.ts';
import { UsageError } from '../../core/errors.ts';
import { backUpBefore } from './back-up-before.ts';
import { editOptions, readRevision, report } from './config-edit.ts';
import { formatChanges, formatUnused, formatWarnings } from './config-text.ts';
import {
  type CommandContext,
  examples,
  type OpenConfiguration,
  readInput,
  withConfiguration,
  withData,
} from './context.ts';
import { readInputFile, writeNewFile } from './files.ts';

interface Values {
  readonly data?: string;
  readonly withSecrets?: boolean;
  readonly withoutSecrets?: boolean;
  readonly passphraseStdin?: boolean;
  readonly passphraseFile?: string;
  readonly dryRun?: boolean;
  readonly merge?: boolean;
  readonly replace?: boolean;
  readonly revision?: string;
  readonly comment?: string;
}

/** Of a file of four-byte characters. */
const MAX_FILE_BYTES = 4 * MAX_DOCUMENT_CHARACTERS;
const MAX_PASSPHRASE_FILE_BYTES = 4096;

/** `config export`, `import` and `check`: the whole configuration as one file. */
export function addFileCommands(command: Command, context: CommandContext): void {
  addExport(command, context);
  addImport(command, context);
  addCheck(command, context);
}

function addExport(command: Command, context: CommandContext): void {
  passphraseOptions(withData(command.command('export [file]'), context))
    .description('the whole configuration as YAML, to read, compare and keep; without secrets unless asked')
    .option('--with-secrets', 'passwords and PINs too, encrypted under a passphrase')
    .addHelpText(
      'after',
      examples(
        'ringdown config export --data /data/ringdown > box.yaml',
        'ringdown config export box.yaml --with-secrets --passphrase-stdin --data /data/ringdown < passphrase.txt',
      ),
    )
    .action(async (file: string | undefined, values: Values) => {
      const text = await withConfiguration(context, values.data, (opened) => exportText(context, opened, values));
      if (file === undefined || file === '-') context.output.write(text);
      else writeNewFile(context, file, text);
    });
}

async function exportText(
  context: CommandContext,
  { store, secrets }: OpenConfiguration,
  values: Values,
): Promise<string> {
  if (values.withSecrets !== true) return writeDocument(store.current);
  const { passphrase } = await readPassphrase(context, values);
  if (passphrase === undefined) {
    throw new UsageError(
      'CONFIG_PASSPHRASE_MISSING',
      '--with-secrets needs a passphrase',
      'Give --passphrase-stdin, or --passphrase-file FILE.',
    );
  }
  const carried = secretsToCarry(store.current, (path, sealed) => secrets.boxKey().open(path, sealed));
  const sealed = await sealSecrets(carried, passphrase, { salt: store.exportSalt, realm: store.realm });
  return writeDocument(store.current, { secrets: sealed });
}

function addImport(command: Command, context: CommandContext): void {
  editOptions(passphraseOptions(withData(command.command('import <file>'), context)))
    .description('takes over a configuration file, all of it or nothing; a backup is made before. - is standard input')
    .addOption(
      new Option('--merge', 'sets what the file names and leaves the rest as it is (so unless told otherwise)'),
    )
    .addOption(
      new Option('--replace', 'the file is everything: what it does not name has its default, or goes').conflicts(
        'merge',
      ),
    )
    .option('--dry-run', 'shows what would change, and changes nothing')
    .option('--without-secrets', 'leaves the secrets of the file out')
    .addHelpText(
      'after',
      examples(
        'ringdown config import box.yaml --dry-run --data /data/ringdown',
        'ringdown config import box.yaml --replace --data /data/ringdown',
        'ringdown config import box.yaml --passphrase-file passphrase.txt --data /data/ringdown',
      ),
    )
    .action(async (file: string, values: Values) => {
      const { passphrase, rest } = await readPassphrase(context, values);
      const document = await readDocument(
        file === '-' && rest !== undefined ? rest : await readInputFile(context, file, MAX_FILE_BYTES),
        nameOf(file),
      );
      await withConfiguration(
        context,
        values.data,
        (opened) => importDocument(context, opened, document, passphrase, values),
        values.dryRun !== true && isFree(values.data) ? 'make' : 'refuse',
      );
    });
}

/** For a configuration to be: nothing may tell that the wrong directory was named. */
function isFree(directory = ''): boolean {
  return !existsSync(directory) || (statSync(directory).isDirectory() && readdirSync(directory).length === 0);
}

async function importDocument(
  context: CommandContext,
  opened: OpenConfiguration,
  document: ReadDocument,
  passphrase: string | undefined,
  values: Values,
): Promise<void> {
  const { store } = opened;
  const found = await secretsOf(document, passphrase, values, opened);
  const combine = values.replace === true ? replaceWithDocument : mergeDocument;
  const change = (current: Configuration) => combine(current, document.candidate, found?.secrets);
  for (const line of formatWarnings(document.issues)) context.errors.write(`${line}\n`);
  // What somebody edits from here on, while the backup is made, must not be overwritten unseen.
  const seen = values.revision === undefined ? store.revision : readRevision(values.revision);
  // First without any effect: what cannot be accepted needs no backup.
  const preview = inFile(document, () => validate(change(store.current), store.current));
  const { changes } = mask(diff(store.current, preview.configuration));
  if (values.dryRun === true) {
    for (const line of formatWarnings(preview.warnings)) context.errors.write(`${line}\n`);
    for (const line of [...formatChanges(changes), ...formatUnused(changes)]) context.output.write(`${line}\n`);
    context.output.write(`Dry run: ${changes.length === 0 ? 'nothing would change' : 'nothing was changed'}.\n`);
    return;
  }
  if (changes.length > 0) await backUpBefore(opened, 'import');
  const within = await opened.confirmWithinMs();
  const result = inFile(document, () =>
    store.edit({
      author: { ...context.author, origin: 'import' },
      comment: values.comment ?? `import of ${document.fileName}`,
      change,
      baseRevision: seen,
      ...(within === undefined ? {} : { confirmWithinMs: within }),
    }),
  );
  if (found !== undefined && !store.exportSalt.equals(found.salt)) store.exportSalt = found.salt;
  report(context, result);
}

async function secretsOf(
  { secrets, fileName }: ReadDocument,
  passphrase: string | undefined,
  { withoutSecrets }: Values,
  { store, secrets: { boxKey } }: OpenConfiguration,
): Promise<{ readonly secrets: Secrets; readonly salt: Buffer } | undefined> {
  if (secrets === undefined || withoutSecrets === true) return undefined;
  if (passphrase === undefined) {
    throw new UsageError(
      'CONFIG_PASSPHRASE_MISSING',
      `${fileName} has secrets in it, and there is no passphrase to open them`,
      'Give --passphrase-stdin or --passphrase-file FILE, or leave them out with --without-secrets.',
    );
  }
  const opened = await openSecrets(secrets, passphrase, store.realm);
  return { secrets: secretsToKeep(opened.secrets, (path, text) => boxKey().seal(path, text)), salt: opened.salt };
}

function addCheck(command: Command, context: CommandContext): void {
  command
    .command('check <file>')
    .description('says whether a configuration file is right, without a box; - is standard input')
    .addHelpText('after', examples('ringdown config check box.yaml'))
    .action(async (file: string) => {
      const document = await readDocument(await readInputFile(context, file, MAX_FILE_BYTES), nameOf(file));
      const { configuration, warnings } = inFile(document, () => validate(document.candidate));
      for (const line of formatWarnings([...document.issues, ...warnings])) context.errors.write(`${line}\n`);
      const { users, extensions } = configuration;
      const counts = `${Object.keys(users).length} users, ${Object.keys(extensions).length} extensions`;
      context.output.write(`${document.fileName} is right: ${counts}.\n`);
    });
}

/** Mistakes are told with the lines of the file. */
function inFile<T>(document: ReadDocument, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withLines(error, document);
  }
}

function passphraseOptions(command: Command): Command {
  return command
    .option('--passphrase-stdin', 'reads the passphrase for secrets from the first line of standard input')
    .addOption(
      new Option('--passphrase-file <file>', 'reads it from the first line of a file').conflicts('passphraseStdin'),
    );
}

/** The passphrase, where one is given, and what is left of standard input behind it. */
async function readPassphrase(
  context: CommandContext,
  { passphraseStdin, passphraseFile }: Values,
): Promise<{ readonly passphrase?: string; readonly rest?: string }> {
  if (passphraseStdin === true) {
    const text = await readInput(context.input, MAX_FILE_BYTES);
    const end = /\r?\n/.exec(text);
    return { passphrase: text.slice(0, end?.index), rest: end === null ? '' : text.slice(end.index + end[0].length) };
  }
  if (passphraseFile === undefined) return {};
  const text = await readInputFile(context, passphraseFile, MAX_PASSPHRASE_FILE_BYTES);
  return { passphrase: text.split(/\r?\n/, 1)[0] ?? '' };
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : basename(file);
}
