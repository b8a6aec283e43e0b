import { Check } from '@sinclair/typebox/value';
import { formatPath, type Path } from '../path.ts';
import { complete } from '../schema/complete.ts';
import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import { type CollectionNode, type GroupNode, isRecord, member, nodeOf, type SchemaNode } from '../schema/tree.ts';

/** A configuration that can be looked at as a whole, though what somebody gave does not fit the schema. */
export interface FittingCopy {
  readonly configuration: Configuration;
  /** Where something else stands than was given. */
  readonly patched: readonly Path[];
}

/**
 * A copy of a completed `candidate`, in which what does not fit has its value of `known` or its default, required names
 * that are missing have one that nothing else has, and unknown fields and keys are left out. Undefined where that would
 * leave out what others may name: a list of items that is too long, or no configuration at all.
 */
export function fittingCopy(candidate: unknown, known?: Configuration): FittingCopy | undefined {
  const root = nodeOf(configurationSchema);
  if (root.kind !== 'group' || !isRecord(candidate) || holdsTooMuch(root, candidate)) return undefined;
  const patched: Path[] = [];
  return { configuration: fitGroup(root, candidate, known, [], patched) as Configuration, patched };
}

/** The items of items are a part of a user or of rights, which are patched as any other part. */
function holdsTooMuch({ fields }: GroupNode, candidate: Readonly<Record<string, unknown>>): boolean {
  return [...fields].some(([name, node]) => {
    const value = candidate[name];
    return node.kind === 'collection' && isRecord(value) && Object.keys(value).length > node.max;
  });
}

function fit(node: SchemaNode, value: unknown, known: unknown, path: Path, patched: Path[]): unknown {
  if (value === undefined ? node.optional : Check(node.schema, value)) return value;
  if (node.kind === 'group' && isRecord(value)) return fitGroup(node, value, known, path, patched);
  if (node.kind === 'collection' && isRecord(value) && Object.keys(value).length <= node.max) {
    return fitCollection(node, value, known, path, patched);
  }
  if (node.kind === 'sequence' && Array.isArray(value) && value.length <= node.schema.maxItems) {
    return value.map((item, index) => fit(node.item, item, undefined, [...path, String(index)], patched));
  }
  patched.push(path);
  return known ?? preset(node, path);
}

function fitGroup(
  node: GroupNode,
  value: Readonly<Record<string, unknown>>,
  known: unknown,
  path: Path,
  patched: Path[],
): unknown {
  const fields = [...node.fields].map(([name, field]) => {
    return [name, fit(field, member(value, name), member(known, name), [...path, name], patched)] as const;
  });
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
}

function fitCollection(
  node: CollectionNode,
  value: Readonly<Record<string, unknown>>,
  known: unknown,
  path: Path,
  patched: Path[],
): unknown {
  const keys = Object.keys(value).filter((key) => node.keyPattern.test(key) && key.isWellFormed());
  const items = keys.map((key) => {
    return [key, fit(node.item, value[key], member(known, key), [...path, key], patched)] as const;
  });
  return Object.fromEntries(items);
}

/** What stands where nobody gave anything that fits. Its own path is a name that nothing else has. */
function preset(node: SchemaNode, path: Path): unknown {
  if (node.kind === 'group') return fitGroup(node, Object(complete(node, {})), undefined, path, []);
  return complete(node, undefined) ?? (node.optional ? undefined : formatPath(path));
}
