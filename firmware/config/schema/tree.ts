import { OptionalKind, type TSchema } from '@sinclair/typebox';
import type { SecretKind } from './kinds.ts';

/*
 * The schema as a tree to walk: what turns the configuration into rows, YAML, differences or words asks here, and never
 * looks at a JSON Schema keyword itself.
 */

interface Notes {
  readonly schema: TSchema;
  readonly title: string;
  /** Completes the sentence "must be …". */
  readonly rule: string;
  readonly unused: boolean;
  /** May be left out. */
  readonly optional: boolean;
}

export interface GroupNode extends Notes {
  readonly kind: 'group';
  /** Of a group that is the one row of a table. */
  readonly table: string | undefined;
  readonly fields: ReadonlyMap<string, SchemaNode>;
}

export interface CollectionNode extends Notes {
  readonly kind: 'collection';
  readonly table: string;
  readonly keyColumn: string;
  readonly keyPattern: RegExp;
  readonly keyRule: string;
  readonly max: number;
  readonly item: GroupNode;
}

export interface SequenceNode extends Notes {
  readonly kind: 'sequence';
  readonly table: string;
  readonly item: GroupNode;
  readonly default: readonly unknown[];
}

export interface ListNode extends Notes {
  readonly kind: 'list';
  readonly item: ValueNode;
  readonly default: readonly unknown[];
}

export interface ValueNode extends Notes {
  readonly kind: 'value';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly default: string | number | boolean | undefined;
  readonly unit: string | undefined;
  readonly secret: SecretKind | undefined;
  readonly words: readonly string[] | undefined;
}

export type SchemaNode = GroupNode | CollectionNode | SequenceNode | ListNode | ValueNode;

const nodes = new WeakMap<TSchema, SchemaNode>();

/** The node of a schema made with kinds.ts; always the same one for the same schema. */
export function nodeOf(schema: TSchema): SchemaNode {
  let node = nodes.get(schema);
  if (node === undefined) {
    node = makeNode(schema);
    nodes.set(schema, node);
  }
  return node;
}

/** As nodeOf, where the schema is known to be a group. */
export function groupOf(schema: TSchema): GroupNode {
  const node = nodeOf(schema);
  if (node.kind !== 'group') throw new Error(`${schema.title} is no group`);
  return node;
}

function makeNode(schema: TSchema): SchemaNode {
  const notes: Notes = {
    schema,
    title: schema.title ?? '',
    rule: schema.rule ?? '',
    unused: schema.unused === true,
    optional: schema[OptionalKind] === 'Optional',
  };
  if (schema.patternProperties !== undefined) {
    const [entry] = Object.entries<TSchema>(schema.patternProperties);
    if (entry === undefined) throw new Error(`${notes.title} has no key pattern`);
    return {
      ...notes,
      kind: 'collection',
      table: schema.table,
      keyColumn: schema.keyColumn,
      keyPattern: new RegExp(entry[0], 'u'),
      keyRule: schema.keyRule,
      max: schema.maxProperties,
      item: groupOf(entry[1]),
    };
  }
  if (schema.type === 'object') {
    const fields = Object.entries<TSchema>(schema.properties).map(([name, field]) => [name, nodeOf(field)] as const);
    return { ...notes, kind: 'group', table: schema.table, fields: new Map(fields) };
  }
  if (schema.type === 'array') {
    const item = nodeOf(schema.items);
    if (item.kind === 'group') {
      return { ...notes, kind: 'sequence', table: schema.table, item, default: schema.default };
    }
    if (item.kind !== 'value') throw new Error(`${notes.title} is a list of lists`);
    return { ...notes, kind: 'list', item, default: schema.default };
  }
  return {
    ...notes,
    kind: 'value',
    type: schema.type,
    default: schema.default,
    unit: schema.unit,
    secret: schema.secret,
    words: schema.enum,
  };
}

/** A JSON object, as the reader of JSON, YAML or a row makes one. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined where there is none of that name; what every object inherits is none. */
export function member(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Equal as JSON is equal; what is undefined is not there. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isEqual(a[key], b[key]));
}

/** In the order in which people look for them: numbers by length first, then everything by its characters. */
export function compareKeys(a: string, b: string): number {
  const numeric = /^\d+$/;
  const numbers = Number(numeric.test(b)) - Number(numeric.test(a));
  if (numbers !== 0) return numbers;
  if (numeric.test(a) && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
