import { Errors } from '@sinclair/typebox/errors';
import { Check } from '@sinclair/typebox/value';
import { findNode, formatPath, type Path, valueAt } from '../path.ts';
import { configurationSchema } from '../schema/configuration.ts';
import { type CollectionNode, groupOf, isRecord, type SchemaNode } from '../schema/tree.ts';
import { type Issue, showValue } from './issue.ts';

/** Of one part of the configuration: a file of nonsense must not make an endless answer. */
const MAX_ISSUES_PER_PART = 50;

/**
 * What in a completed configuration does not fit the schema. Parts that are the very same in `known`, which fitted, are
 * not looked at again.
 */
export function checkShape(candidate: unknown, known?: unknown): readonly Issue[] {
  if (!isRecord(candidate)) {
    return [issue([], candidate, 'must be a group of fields', 'Give names and values.')];
  }
  const root = groupOf(configurationSchema);
  const issues = unknownFields(candidate, root.fields);
  for (const [name, node] of root.fields) {
    const before = isRecord(known) ? known[name] : undefined;
    if (candidate[name] === before && before !== undefined) continue;
    if (node.kind === 'collection') issues.push(...checkCollection(candidate, name, node, before));
    else issues.push(...checkPart(candidate, [name], node));
  }
  return issues;
}

function checkCollection(
  whole: Readonly<Record<string, unknown>>,
  name: string,
  node: CollectionNode,
  known: unknown,
): readonly Issue[] {
  const items = whole[name];
  if (!isRecord(items)) return [issue([name], items, 'must be a group of items under their keys', 'See the export.')];
  const issues: Issue[] = [];
  const keys = Object.keys(items);
  if (keys.length > node.max) {
    issues.push(
      issue([name], undefined, `must have at most ${node.max} items, and has ${keys.length}`, 'Remove some.'),
    );
  }
  for (const key of keys) {
    if (issues.length >= MAX_ISSUES_PER_PART) break;
    const before = isRecord(known) && Object.hasOwn(known, key) ? known[key] : undefined;
    if (items[key] === before && before !== undefined) continue;
    if (node.keyPattern.test(key) && key.isWellFormed()) issues.push(...checkPart(whole, [name, key], node.item));
    else issues.push(badKey([name], key, node));
  }
  return issues;
}

function badKey(parent: Path, key: string, node: CollectionNode): Issue {
  return issue(parent, key.slice(0, 80), 'has a key that cannot be one', `A key must be ${node.keyRule}.`);
}

function checkPart(whole: unknown, path: Path, node: SchemaNode): readonly Issue[] {
  const value = valueAt(whole, path);
  if (Check(node.schema, value)) return [];
  const found = new Map<string, Issue>();
  for (const error of Errors(node.schema, value)) {
    const inner = error.path.split('/').slice(1).map(decodePointer);
    const at = [...path, ...inner];
    const text = formatPath(at);
    // One field is told once, whichever keywords it fails.
    if (!found.has(text)) found.set(text, describe(at, valueAt(whole, at)));
    if (found.size >= MAX_ISSUES_PER_PART) break;
  }
  return [...found.values()];
}

/** The words for a value that does not fit, from what the schema says about its place. */
function describe(path: Path, value: unknown): Issue {
  const node = findNode(path);
  const parent = findNode(path.slice(0, -1));
  if (node === undefined) {
    if (parent?.kind === 'collection') return badKey(path.slice(0, -1), path.at(-1) ?? '', parent);
    return unknownField(path, parent);
  }
  if (value === undefined) return issue(path, undefined, `is missing: it must be ${node.rule}`, `${node.title}.`);
  return issue(path, value, `must be ${node.rule}`, `It is the field “${node.title}”.`);
}

function unknownField(path: Path, parent: SchemaNode | undefined): Issue {
  const names = parent?.kind === 'group' ? [...parent.fields.keys()].join(', ') : 'nothing below it';
  return issue(path, undefined, 'is no field', `There are: ${names}.`);
}

function unknownFields(candidate: Readonly<Record<string, unknown>>, fields: ReadonlyMap<string, SchemaNode>): Issue[] {
  const strange = Object.keys(candidate).filter((name) => !fields.has(name));
  return strange
    .slice(0, MAX_ISSUES_PER_PART)
    .map((name) => unknownField([name.slice(0, 80)], groupOf(configurationSchema)));
}

function issue(path: Path, value: unknown, problem: string, cure: string): Issue {
  return { severity: 'error', path, shown: showValue(path, value), problem, cure };
}

/** RFC 6901 §4. */
function decodePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
