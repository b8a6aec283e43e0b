import { UsageError } from '../core/errors.ts';
import { configurationSchema } from './schema/configuration.ts';
import { isRecord, nodeOf, type SchemaNode } from './schema/tree.ts';
import { visible } from './visible-text.ts';

/** Where something stands in the configuration: names of fields, keys of items, places in a list from 0. */
export type Path = readonly string[];

const MAX_PATH_CHARACTERS = 512;
const PLAIN_SEGMENT = /^[^".\s]+$/;

/**
 * Reads `users.201.forwardOnBusy.number`; a key with a dot or a blank stands in double quotes: `directory."Acme Inc."`.
 * An empty text is the whole configuration. Throws UsageError CONFIG_PATH_INVALID.
 */
export function parsePath(text: string): Path {
  if (text === '') return [];
  if (text.length > MAX_PATH_CHARACTERS) throw pathInvalid(text);
  const segments: string[] = [];
  const segment = /(?:"([^"]+)"|([^".\s]+))(\.|$)/y;
  for (;;) {
    const match = segment.exec(text);
    const found = match?.[1] ?? match?.[2];
    if (match === null || found === undefined) throw pathInvalid(text);
    segments.push(found);
    if (match[3] === '') return segments;
  }
}

/** The text that parsePath reads. Safe to print also where a segment is no key: of those that are, none needs an escape. */
export function formatPath(path: Path): string {
  return path.map((segment) => (PLAIN_SEGMENT.test(segment) ? visible(segment) : `"${visible(segment)}"`)).join('.');
}

/** Whether `path` is, or holds, `other`. */
export function isPrefix(path: Path, other: Path): boolean {
  return path.length <= other.length && path.every((segment, index) => segment === other[index]);
}

/** The schema at a path. Throws UsageError CONFIG_PATH_UNKNOWN that names what there is instead. */
export function nodeAt(path: Path): SchemaNode {
  let node = nodeOf(configurationSchema);
  for (const [depth, segment] of path.entries()) {
    const next = childOf(node, segment);
    if (next === undefined) throw pathUnknown(path.slice(0, depth), segment, node);
    node = next;
  }
  return node;
}

/** As nodeAt; undefined where the schema has no such path. */
export function findNode(path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = nodeOf(configurationSchema);
  for (const segment of path) node = node === undefined ? undefined : childOf(node, segment);
  return node;
}

/** Undefined where nothing has that name, or the key is of the wrong shape. */
function childOf(node: SchemaNode, segment: string): SchemaNode | undefined {
  switch (node.kind) {
    case 'group':
      return node.fields.get(segment);
    case 'collection':
      return node.keyPattern.test(segment) ? node.item : undefined;
    case 'sequence':
    case 'list':
      return /^(?:0|[1-9]\d{0,3})$/.test(segment) ? node.item : undefined;
    case 'value':
      return undefined;
  }
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(configuration: unknown, path: Path): unknown {
  let value = configuration;
  for (const segment of path) {
    if (Array.isArray(value)) value = value[Number(segment)];
    else value = isRecord(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
  }
  return value;
}

/**
 * A copy of a configuration with `value` at a path, what is on the way made where it is missing; undefined takes away what
 * is there. A place beyond the end of a list is the one after its last.
 */
export function withValue<Whole>(configuration: Whole, path: Path, value: unknown): Whole {
  return replaced(nodeOf(configurationSchema), configuration, path, value) as Whole;
}

function replaced(node: SchemaNode | undefined, whole: unknown, path: Path, value: unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  const inner = node === undefined ? undefined : childOf(node, segment);
  const isList = node?.kind === 'list' || node?.kind === 'sequence';
  if (Array.isArray(whole) || (isList && whole === undefined)) {
    const copy: unknown[] = Array.isArray(whole) ? [...whole] : [];
    const index = Math.min(Number(segment), copy.length);
    if (value === undefined && index === copy.length) return whole;
    if (value === undefined && rest.length === 0) copy.splice(index, 1);
    else copy[index] = replaced(inner, copy[index], rest, value);
    return copy;
  }
  const members = isRecord(whole) ? whole : {};
  const own = Object.hasOwn(members, segment) ? members[segment] : undefined;
  if (value === undefined && own === undefined) return whole;
  const member = replaced(inner, own, rest, value);
  if (member !== undefined) return { ...members, [segment]: member };
  const { [segment]: _removed, ...others } = members;
  return others;
}

function pathInvalid(text: string): UsageError {
  return new UsageError(
    'CONFIG_PATH_INVALID',
    `${visible(JSON.stringify(text.slice(0, 80)))} is not a path`,
    'Write names with dots between them, as users.201.name; a key with a dot or a blank goes into double quotes.',
  );
}

function pathUnknown(parent: Path, segment: string, node: SchemaNode): UsageError {
  const shown = visible(JSON.stringify(segment.slice(0, 80)));
  const where = parent.length === 0 ? 'the configuration' : formatPath(parent);
  if (node.kind === 'collection') {
    return new UsageError('CONFIG_PATH_UNKNOWN', `${shown} is no key of ${where}`, `A key is ${node.keyRule}.`);
  }
  const cure =
    node.kind === 'group'
      ? `There are: ${[...node.fields.keys()].join(', ')}.`
      : node.kind === 'value'
        ? `${where} is a single value.`
        : 'Places in a list are numbers from 0.';
  return new UsageError('CONFIG_PATH_UNKNOWN', `${where} has no ${shown}`, cure);
}
