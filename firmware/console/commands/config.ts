import { Command } from 'commander';
import { type Change, maskValue } from '../../config/changes.ts';
import { DOCUMENT_FORMAT } from '../../config/document/read-document.ts';
import { formatPath, nodeAt, type Path, parsePath, valueAt } from '../../config/path.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import { documentSchema } from '../../config/schema/json-schema.ts';
import { isRecord, type SchemaNode } from '../../config/schema/tree.ts';
import { UsageError } from '../../core/errors.ts';
import { addEditCommands, nothingThere, readRevision } from './config-edit.ts';
import { addFileCommands } from './config-files.ts';
import { formatChanges, formatRevision, formatValues } from './config-text.ts';
import { type CommandContext, examples, withConfiguration, withData } from './context.ts';

interface Values {
  readonly data?: string;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly limit?: string;
}

const DEFAULT_LOG_LINES = '20';
const MAX_LOG_LINES = 1000;

/** `ringdown config …`: the whole configuration, every edit of it a revision that can be read and taken back. */
export function configCommand(context: CommandContext): Command {
  const command = new Command('config').description('the whole configuration and its revisions');
  addShow(command, context);
  addEditCommands(command, context);
  addLog(command, context);
  addDiff(command, context);
  addFileCommands(command, context);
  addSchema(command, context);
  return command;
}

function addShow(command: Command, context: CommandContext): void {
  withData(command.command('show [path]'), context)
    .description('prints what differs from its default, a value a line; with a path, all that stands there')
    .option('--json', 'as JSON, with the revision: {"revision": …, "value": …}')
    .option('--all', 'prints what equals its default too')
    .addHelpText(
      'after',
      examples(
        'ringdown config show --data /data/ringdown',
        'ringdown config show users.201 --data /data/ringdown',
        'ringdown config show system.media --json --data /data/ringdown',
      ),
    )
    .action(async (text: string | undefined, { data, json, all }: Values) => {
      const path = parsePath(text ?? '');
      const node = nodeAt(path);
      const { current, revision } = await withConfiguration(context, data, ({ store }) => ({
        current: store.current,
        revision: store.revision,
      }));
      const value = maskValue(node, path, valueAt(current, path));
      if (value === undefined && !isLeftOut(node, current, path)) throw nothingThere(formatPath(path));
      if (json === true) {
        context.output.write(`${JSON.stringify({ revision, value: value ?? null }, undefined, 2)}\n`);
        return;
      }
      const everything = all === true || node.kind !== 'group' || path.length > 0;
      for (const line of formatValues(node, path, value, everything)) context.output.write(`${line}\n`);
    });
}

/** What may be left out, of something that is there. */
function isLeftOut(node: SchemaNode, configuration: Configuration, path: Path): boolean {
  return node.optional && isRecord(valueAt(configuration, path.slice(0, -1)));
}

function addLog(command: Command, context: CommandContext): void {
  withData(command.command('log [revision]'), context)
    .description('lists the edits, the newest first; with a revision, what it changed')
    .option('--limit <count>', 'lines at most', DEFAULT_LOG_LINES)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples('ringdown config log --data /data/ringdown', 'ringdown config log 12 --data /data/ringdown'),
    )
    .action(async (text: string | undefined, { data, limit, json }: Values) => {
      const count = readCount('--limit', limit ?? DEFAULT_LOG_LINES, MAX_LOG_LINES);
      const revisions = await withConfiguration(context, data, ({ store }) =>
        text === undefined ? store.log.list(count) : [store.log.get(readRevision(text))],
      );
      if (json === true) {
        const plain = revisions.map((revision) => ({ ...revision, changes: plainChanges(revision.changes) }));
        context.output.write(`${JSON.stringify(plain, undefined, 2)}\n`);
        return;
      }
      for (const revision of revisions) {
        context.output.write(`${formatRevision(revision)}\n`);
        if (text !== undefined) for (const line of formatChanges(revision.changes)) context.output.write(`${line}\n`);
      }
    });
}

function addDiff(command: Command, context: CommandContext): void {
  withData(command.command('diff <a> [b]'), context)
    .description('what differs between two revisions; without the second one, between A and now')
    .option('--json', 'as JSON')
    .addHelpText('after', examples('ringdown config diff 7 12 --data /data/ringdown'))
    .action(async (a: string, b: string | undefined, { data, json }: Values) => {
      const changes = await withConfiguration(context, data, ({ store }) =>
        store.between(readRevision(a), b === undefined ? store.revision : readRevision(b)),
      );
      if (json === true) {
        context.output.write(`${JSON.stringify(plainChanges(changes), undefined, 2)}\n`);
      } else for (const line of formatChanges(changes)) context.output.write(`${line}\n`);
    });
}

/** For JSON: paths as people write them. */
function plainChanges(changes: readonly Change[]) {
  return changes.map(({ path, before, after }) => ({ path: formatPath(path), before, after }));
}

function addSchema(command: Command, context: CommandContext): void {
  command
    .command('schema')
    .description('prints the JSON Schema of a configuration file, for editors and other programs')
    .addHelpText('after', examples('ringdown config schema > configuration.schema.json'))
    .action(() => void context.output.write(`${JSON.stringify(documentSchema(DOCUMENT_FORMAT), undefined, 2)}\n`));
}

function readCount(option: string, text: string, max: number): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new UsageError(
    'OPTION_INVALID',
    `${option} ${JSON.stringify(text.slice(0, 40))} is not valid`,
    `Give a number from 1 to ${max}.`,
  );
}
