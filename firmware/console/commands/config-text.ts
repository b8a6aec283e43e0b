import { type Change, MASK } from '../../config/changes.ts';
import type { Notice } from '../../config/notices.ts';
import { findNode, formatPath, type Path } from '../../config/path.ts';
import type { Revision } from '../../config/revision-log.ts';
import { compareKeys, isEqual, isRecord, member, type SchemaNode } from '../../config/schema/tree.ts';
import { formatIssue, type Issue } from '../../config/validation/issue.ts';
import { visible } from '../../config/visible-text.ts';

/*
 * The configuration as lines of text. Every line names its whole path, so that it can be searched for, and copied into
 * `config set`.
 */

/** `users.201.name: "Reception"`, a line a value; without those that equal their default unless `all`. */
export function formatValues(node: SchemaNode, path: Path, value: unknown, all: boolean): readonly string[] {
  switch (node.kind) {
    case 'group':
      return [...node.fields].flatMap(([name, field]) =>
        formatValues(field, [...path, name], member(value, name), all),
      );
    case 'collection': {
      const keys = isRecord(value) ? Object.keys(value).sort(compareKeys) : [];
      return keys.flatMap((key) => {
        const lines = formatValues(node.item, [...path, key], member(value, key), all);
        // An item of nothing but defaults is there all the same.
        return lines.length > 0 ? lines : [`${formatPath([...path, key])}: {}`];
      });
    }
    case 'sequence':
      return value === undefined || (!all && isEqual(value, node.default))
        ? []
        : [`${formatPath(path)}: ${plain(value)}`];
    case 'list':
    case 'value':
      if (value === undefined || (!all && !node.optional && isEqual(value, node.default))) return [];
      return [`${formatPath(path)}: ${plain(value)}${node.kind === 'value' ? unit(node.unit) : ''}`];
  }
}

/** A value on one line: texts in quotes, numbers and switches as they are. */
function plain(value: unknown): string {
  return value === MASK ? MASK : visible(JSON.stringify(value));
}

function unit(name: string | undefined): string {
  return name === undefined ? '' : ` ${name}`;
}

/** `- path: before` and `+ path: after`, in the order of the changes. */
export function formatChanges(changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ path, before, after }) => {
    if (isSecret(path) && before !== undefined && after !== undefined) return [`  ${formatPath(path)}: replaced`];
    return [...formatSide('-', path, before), ...formatSide('+', path, after)];
  });
}

function isSecret(path: Path): boolean {
  const node = findNode(path);
  return node?.kind === 'value' && node.secret !== undefined;
}

function formatSide(sign: '-' | '+', path: Path, value: unknown): readonly string[] {
  if (value === undefined) return [];
  const node = findNode(path);
  // Of a version that knew this path.
  if (node === undefined) return [`${sign} ${formatPath(path)}: ${plain(value)}`];
  const lines = formatValues(node, path, value, node.kind !== 'group');
  return (lines.length > 0 ? lines : [`${formatPath(path)}: {}`]).map((line) => `${sign} ${line}`);
}

/** One line: `12  2026-11-25 18:20:01Z  anna (cli)  3 changes  comment`. */
export function formatRevision({ revision, atMs, author, comment, changes }: Revision): string {
  const at = new Date(atMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z/, 'Z');
  const count = changes.length === 1 ? '1 change' : `${changes.length} changes`;
  return `${String(revision).padStart(5)}  ${at}  ${author.who} (${author.origin})  ${count}${comment === '' ? '' : `  ${comment}`}`;
}

/** Fields of an edit on which no part of this version acts: so that nobody waits for an effect. */
export function formatUnused(changes: readonly Change[]): readonly string[] {
  const unused = changes.flatMap(({ path, after }) => unusedWithin(findNode(path), path, after));
  const shown = [...new Set(unused.map((path) => formatPath(path)))];
  if (shown.length === 0) return [];
  const some = shown.slice(0, 5).join(', ') + (shown.length > 5 ? ` and ${shown.length - 5} more` : '');
  return [`Kept, but no part of this version acts on it yet: ${some}`];
}

/** The whole of `value`, or what of its fields nothing acts on. */
function unusedWithin(node: SchemaNode | undefined, path: Path, value: unknown): readonly Path[] {
  if (value === undefined) return [];
  if (isUnused(path)) return [path];
  if (node?.kind !== 'group') return [];
  return [...node.fields].flatMap(([name, field]) => unusedWithin(field, [...path, name], member(value, name)));
}

function isUnused(path: Path): boolean {
  return path.some((_segment, index) => findNode(path.slice(0, index + 1))?.unused === true);
}

export function formatWarnings(warnings: readonly Issue[]): readonly string[] {
  return warnings.map((issue) => `Warning: ${formatIssue(issue)}`);
}

export function formatNotices(notices: readonly Notice[]): string {
  const lines = notices.map(
    ({ atMs, message }) => `Notice of ${new Date(atMs).toISOString().slice(0, 19)}Z: ${message}\n`,
  );
  return lines.join('');
}
