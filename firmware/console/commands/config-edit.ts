import { type Command, Option } from 'commander';
import { withLocale } from '../../call/routing/default-short-codes.ts';
import type { EditResult } from '../../config/configuration-store.ts';
import { formatPath, nodeAt, type Path, parsePath, valueAt, withValue } from '../../config/path.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import { compareKeys } from '../../config/schema/tree.ts';
import { changedLans } from '../../config/unconfirmed-edit.ts';
import { UsageError } from '../../core/errors.ts';
import { assign, readAssignments } from './assignments.ts';
import { backUpBefore } from './back-up-before.ts';
import { formatChanges, formatUnused, formatWarnings } from './config-text.ts';
import { type CommandContext, examples, type OpenConfiguration, withConfiguration, withData } from './context.ts';

const LOCALE: Path = ['system', 'locale'];
const SHORT_CODES: Path = ['shortCodes'];

interface Values {
  readonly data?: string;
  readonly revision?: string;
  readonly comment?: string;
}

/** `config set`, `unset`, `rollback` and `confirm`. */
export function addEditCommands(command: Command, context: CommandContext): void {
  addSet(command, context);
  addUnset(command, context);
  addRollback(command, context);
  addConfirm(command, context);
}

function addSet(command: Command, context: CommandContext): void {
  editOptions(withData(command.command('set <path> <value> [more...]'), context))
    .description(
      'sets one value, or several in one edit; what is missing on the way is made. Switches take on and off, lists take ' +
        'values with commas between, groups take JSON; the value - is read from standard input, as secrets must be',
    )
    .addHelpText(
      'after',
      examples(
        'ringdown config set system.sip.domain example.com --data /data/ringdown',
        'ringdown config set users.201.forwardOnBusy.enabled on users.201.forwardOnBusy.number 202 --data /data/ringdown',
        'ringdown config set system.media.codecs G729,PCMA --data /data/ringdown',
        'ringdown config set users.201.loginCode - --data /data/ringdown < code.txt',
      ),
    )
    .action(async (path: string, value: string, more: readonly string[], values: Values) => {
      await edit(context, values, 'set', async (configuration) => {
        const assignments = await readAssignments([path, value, ...more], context.input, configuration.secrets);
        return (current) => assign(current, assignments);
      });
    });
}

function addUnset(command: Command, context: CommandContext): void {
  editOptions(withData(command.command('unset <paths...>'), context))
    .description('removes items, and gives values back their defaults')
    .addHelpText(
      'after',
      examples(
        'ringdown config unset users.205 extensions.205 --data /data/ringdown',
        'ringdown config unset system.media --data /data/ringdown',
      ),
    )
    .action(async (texts: readonly string[], values: Values) => {
      const paths = texts.map((text) => {
        const path = parsePath(text);
        if (path.length === 0) throw wholeConfiguration();
        nodeAt(path);
        return path;
      });
      await edit(context, values, 'unset', () => (current) => {
        for (const path of paths) if (valueAt(current, path) === undefined) throw nothingThere(formatPath(path));
        return withoutPaths(current, paths);
      });
    });
}

/** All paths are those of `configuration` as it is, each once however often it is named. */
function withoutPaths(configuration: Configuration, paths: readonly Path[]): unknown {
  const named = new Map(paths.flatMap(withCopy).map((path) => [formatPath(path), path]));
  return [...named.values()]
    .sort(compareForRemoval)
    .reduce<unknown>((whole, path) => withValue(whole, path, undefined), configuration);
}

/** The copy of a SIP password is nothing without it. */
function withCopy(path: Path): readonly Path[] {
  const [collection, key, field] = path;
  const hasCopy = collection === 'extensions' && key !== undefined && field === 'password';
  return hasCopy ? [path, [collection, key, 'passwordCopy']] : [path];
}

/** What is taken out of a list moves everything behind it: so from its end, and what is within an item before the item. */
function compareForRemoval(a: Path, b: Path): number {
  const depth = a.findIndex((segment, index) => segment !== b[index]);
  const [ours, others] = [a[depth], b[depth]];
  return ours === undefined || others === undefined ? b.length - a.length : compareKeys(others, ours);
}

function addRollback(command: Command, context: CommandContext): void {
  editOptions(withData(command.command('rollback <revision>'), context))
    .description(
      'makes the configuration what it was at a revision, as an edit of its own. Replaced passwords stay replaced, ' +
        'removed users and extensions return with theirs',
    )
    .addHelpText('after', examples('ringdown config rollback 7 --data /data/ringdown'))
    .action(async (text: string, { data, comment, revision: base }: Values) => {
      const revision = readRevision(text);
      await withConfiguration(context, data, async (opened) => {
        const within = await opened.confirmWithinMs();
        const { store } = opened;
        // What somebody edits from here on, while the backup is made, must not be rolled back unseen.
        const seen = base === undefined ? store.revision : readRevision(base);
        // Before the backup: what cannot be done needs none.
        store.at(revision);
        await backUpBefore(opened, 'rollback');
        const result = store.rollback(revision, {
          author: context.author,
          baseRevision: seen,
          ...(comment === undefined ? {} : { comment }),
          ...(within === undefined ? {} : { confirmWithinMs: within }),
        });
        report(context, result);
      });
    });
}

function addConfirm(command: Command, context: CommandContext): void {
  withData(command.command('confirm'), context)
    .description('keeps an edit of LAN addresses, which else is undone two minutes after it was made')
    .addHelpText('after', examples('ringdown config confirm --data /data/ringdown'))
    .action(async ({ data }: Values) => {
      const { revision } = await withConfiguration(context, data, ({ store }) => store.confirm());
      context.output.write(`Revision ${revision} is confirmed.\n`);
    });
}

export function editOptions(command: Command): Command {
  return command
    .addOption(new Option('--revision <number>', 'the revision that was looked at: refused where it was changed since'))
    .option('--comment <text>', 'kept with the revision');
}

type Change = (current: Configuration) => unknown;

/** Makes one edit of what `prepare` returns, and tells what came of it. */
async function edit(
  context: CommandContext,
  { data, revision, comment }: Values,
  preset: string,
  prepare: (opened: OpenConfiguration) => Change | Promise<Change>,
): Promise<void> {
  await withConfiguration(context, data, async (opened) => {
    const change = await prepare(opened);
    const within = await opened.confirmWithinMs();
    const result = opened.store.edit({
      author: context.author,
      comment: comment ?? `config ${preset}`,
      change: (current) => withCodesOfLocale(current, change(current)),
      ...(revision === undefined ? {} : { baseRevision: readRevision(revision) }),
      ...(within === undefined ? {} : { confirmWithinMs: within }),
    });
    report(context, result);
  });
}

/** A box in another country is dialled at as people do there, unless the same edit says how. */
function withCodesOfLocale(before: Configuration, after: unknown): unknown {
  const node = nodeAt(LOCALE);
  const locale = valueAt(after, LOCALE) ?? (node.kind === 'value' ? node.default : undefined);
  if (typeof locale !== 'string' || locale === before.system.locale) return after;
  if (valueAt(after, SHORT_CODES) !== before.shortCodes) return after;
  return withValue(after, SHORT_CODES, withLocale(before.shortCodes, before.system.locale, locale));
}

/** What an edit did, what it did not do, and what must be done now. */
export function report({ output, errors }: CommandContext, result: EditResult): void {
  const { revision, changes, warnings, unconfirmed } = result;
  for (const line of formatWarnings(warnings)) errors.write(`${line}\n`);
  if (changes.length === 0) {
    output.write(`Nothing changed: it is revision ${revision}.\n`);
    return;
  }
  for (const line of [...formatChanges(changes), ...formatUnused(changes)]) output.write(`${line}\n`);
  output.write(`Revision ${revision}.\n`);
  if (unconfirmed === undefined) return;
  const lans = changedLans(changes)
    .map((lan) => lan.toUpperCase())
    .join(' and ');
  const at = new Date(unconfirmed.deadlineMs).toISOString().slice(11, 19);
  output.write(
    `What is connected through ${lans} by the old addresses drops: phones registered there, calls, this session if it ` +
      `uses it.\nConfirm with: config confirm. Unless that comes before ${at} UTC, the addresses go back by themselves.\n`,
  );
}

export function readRevision(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError('OPTION_INVALID', `${JSON.stringify(text.slice(0, 40))} is no revision`, 'Give its number.');
}

function wholeConfiguration(): UsageError {
  return new UsageError(
    'CONFIG_PATH_EMPTY',
    'the whole configuration cannot be removed',
    'Name what shall go, or make the box like a file with ringdown config import --replace.',
  );
}

export function nothingThere(path: string): UsageError {
  return new UsageError('CONFIG_NOTHING_THERE', `there is no ${path}`, 'See what there is with: ringdown config show.');
}
