import { asMigrated } from './former-values.ts';
import { findNode, formatPath, type Path, parsePath, valueAt, withValue } from './path.ts';
import { sparse } from './schema/complete.ts';
import { configurationSchema } from './schema/configuration.ts';
import { isEqual, isRecord, nodeOf, type SchemaNode } from './schema/tree.ts';

/** One difference between two configurations. What is undefined was, or is, not there. */
export interface Change {
  readonly path: Path;
  readonly before: unknown;
  readonly after: unknown;
}

/** What stands for a secret wherever changes are kept or shown. */
export const MASK = '(secret)';

/**
 * The differences, in the order of the schema: field by field where an item was there and is, a whole item where it came
 * or went (without its defaults). Values are as they are, secrets too: mask() them before they are kept or shown.
 */
export function diff(before: unknown, after: unknown): readonly Change[] {
  const changes: Change[] = [];
  collect(nodeOf(configurationSchema), [], before, after, changes);
  return changes;
}

function collect(node: SchemaNode, path: Path, before: unknown, after: unknown, changes: Change[]): void {
  if (before === after) return;
  switch (node.kind) {
    case 'group':
      for (const [name, field] of node.fields) {
        collect(field, [...path, name], member(before, name), member(after, name), changes);
      }
      break;
    case 'collection':
      for (const key of new Set([...keys(before), ...keys(after)])) {
        const [was, is] = [member(before, key), member(after, key)];
        if (was !== undefined && is !== undefined) collect(node.item, [...path, key], was, is, changes);
        else changes.push({ path: [...path, key], before: small(node.item, was), after: small(node.item, is) });
      }
      break;
    case 'sequence':
      if (!isEqual(before, after)) changes.push({ path, before: small(node, before), after: small(node, after) });
      break;
    case 'list':
    case 'value':
      if (!isEqual(before, after)) changes.push({ path, before, after });
      break;
  }
}

function small(node: SchemaNode, value: unknown): unknown {
  if (value === undefined) return undefined;
  return sparse(node, value) ?? (node.kind === 'sequence' ? [] : {});
}

function keys(value: unknown): readonly string[] {
  return isRecord(value) ? Object.keys(value) : [];
}

function member(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** `configuration` after the changes; where a part is not there any more it is made anew. */
export function apply<Whole>(configuration: Whole, changes: readonly Change[]): Whole {
  return changes.reduce((whole, { path, after }) => withValue(whole, path, after), configuration);
}

/** The first path of `changes` that is, holds, or lies in one of `others`. */
export function overlap(changes: readonly Change[], others: readonly Change[]): Path | undefined {
  const touched = others.map(({ path }) => path);
  return changes.find(({ path }) => touched.some((other) => isPrefix(path, other) || isPrefix(other, path)))?.path;
}

function isPrefix(path: Path, of: Path): boolean {
  return path.length <= of.length && path.every((segment, index) => segment === of[index]);
}

/** Secrets that were taken away, mostly with the item that held them, by path: what it takes to bring it back. */
export type RemovedSecrets = Readonly<Record<string, string>>;

/** Whether a masked change put another secret in the place of one. */
export function isReplacedSecret({ before, after }: Change): boolean {
  return before === MASK && after === MASK;
}

export interface MaskedChanges {
  readonly changes: readonly Change[];
  readonly removedSecrets: RemovedSecrets;
}

/**
 * The changes as they may be kept and shown. A secret that was replaced is gone for good: a rollback must not bring an
 * old password back to life. One that went with a removed item is set apart, so that the item can return whole.
 */
export function mask(changes: readonly Change[]): MaskedChanges {
  const removedSecrets: Record<string, string> = {};
  const masked = changes.map(({ path, before, after }) => {
    const node = findNode(path);
    const keep = after === undefined ? removedSecrets : undefined;
    return { path, before: maskValue(node, path, before, keep), after: maskValue(node, path, after, undefined) };
  });
  return { changes: masked, removedSecrets };
}

/** `value` with every secret masked; the secrets go into `found` where one is given. */
export function maskValue(
  node: SchemaNode | undefined,
  path: Path,
  value: unknown,
  found?: Record<string, string>,
): unknown {
  if (node === undefined || value === undefined) return value;
  switch (node.kind) {
    case 'value':
      if (node.secret === undefined || typeof value !== 'string') return value;
      if (found !== undefined) found[formatPath(path)] = value;
      return MASK;
    case 'list':
      return value;
    case 'sequence':
      return Array.isArray(value) ? value.map((item) => maskValue(node.item, path, item, found)) : value;
    case 'group':
    case 'collection':
      if (!isRecord(value)) return value;
      return Object.fromEntries(
        Object.keys(value).map((key) => {
          const inner = node.kind === 'group' ? node.fields.get(key) : node.item;
          return [key, maskValue(inner, [...path, key], value[key], found)];
        }),
      );
  }
}

/**
 * Takes masked changes back. A secret that stands in `now` stays as it is, however it came there: an old password is never
 * brought back to life. One that was taken away returns. What this version's schema no longer knows is left out, or is what a
 * migration made of it.
 */
export function revert<Whole>(configuration: Whole, { changes, removedSecrets }: MaskedChanges, now: unknown): Whole {
  let whole = configuration;
  for (const { path, before } of [...changes].reverse()) {
    const node = findNode(path);
    if (node !== undefined) whole = withValue(whole, path, unmask(node, path, before, now, removedSecrets));
  }
  return whole;
}

function unmask(node: SchemaNode, path: Path, former: unknown, now: unknown, secrets: RemovedSecrets): unknown {
  const value = asMigrated(path, former);
  if (value === undefined) return undefined;
  switch (node.kind) {
    case 'value': {
      if (node.secret === undefined) return value;
      return valueAt(now, path) ?? secrets[formatPath(path)];
    }
    case 'list':
    case 'sequence':
      return value;
    case 'group':
    case 'collection': {
      if (!isRecord(value)) return value;
      const members = Object.keys(value).flatMap((key) => {
        const inner = node.kind === 'group' ? node.fields.get(key) : node.item;
        const member = inner === undefined ? undefined : unmask(inner, [...path, key], value[key], now, secrets);
        return member === undefined ? [] : [[key, member] as const];
      });
      return Object.fromEntries(members);
    }
  }
}

/** As it is kept in a revision. */
export function changesToJson(changes: readonly Change[]): string {
  return JSON.stringify(changes.map(({ path, before, after }) => ({ path: formatPath(path), before, after })));
}

/** Throws SyntaxError or UsageError CONFIG_PATH_INVALID for what changesToJson did not write. */
export function changesFromJson(text: string): readonly Change[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new SyntaxError('changes are no list');
  return parsed.map((entry: unknown) => {
    if (!isRecord(entry) || typeof entry.path !== 'string') throw new SyntaxError('a change has no path');
    return { path: parsePath(entry.path), before: entry.before, after: entry.after };
  });
}
