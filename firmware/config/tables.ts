import { crc32 } from 'node:zlib';
import type { Statement } from 'better-sqlite3';
import type { Database } from './database.ts';
import { type Configuration, configurationSchema } from './schema/configuration.ts';
import {
  type CollectionNode,
  compareKeys,
  type GroupNode,
  groupOf,
  isEqual,
  isRecord,
  type ListNode,
  type SchemaNode,
  type SequenceNode,
  type ValueNode,
} from './schema/tree.ts';
import { databaseDamaged } from './storage-error.ts';

/*
 * The configuration in tables, by the schema alone: a group with a table is its one row, an item of a collection or a
 * sequence is a row, and fields of groups within are columns: `forwardOnBusy.number` is `forward_on_busy_number`. Lists of
 * values are JSON. Each row carries a CRC of its values, since SQLite does not notice a flipped bit in a text.
 */

type SqlValue = string | number | null;

interface Column {
  readonly name: string;
  readonly path: readonly string[];
  readonly node: ValueNode | ListNode;
}

interface Table {
  readonly name: string;
  /** Columns that tell rows apart: those of the parent, then the own one. None: the table has one row. */
  readonly keys: readonly string[];
  readonly columns: readonly Column[];
  /** Tables of what items hold, by the field's name. */
  readonly inner: ReadonlyMap<string, Part>;
  /** Rows of the keys, the columns, and the checksum. */
  readonly select: Statement<[], Row>;
  /** Makes the item of a row, but for what other tables hold of it. */
  readonly toItem: (row: Row) => Record<string, unknown>;
  readonly upsert: Write;
  readonly remove: Write;
  /** Sets the checksum of one row. */
  readonly seal: Write;
  /** How many rows there are, and the sum of their checksums. */
  readonly sum: Statement<[], number[]>;
}

/** Runs a statement with these values. */
type Write = (...values: SqlValue[]) => void;

type Part =
  | { readonly kind: 'single'; readonly node: GroupNode; readonly table: Table }
  | { readonly kind: 'collection'; readonly node: CollectionNode; readonly table: Table }
  | { readonly kind: 'sequence'; readonly node: SequenceNode; readonly table: Table };

type Row = readonly SqlValue[];

/** Reads the whole configuration from the tables, and writes what differs between two of them. */
export class ConfigurationTables {
  readonly #file: string;
  readonly #parts: ReadonlyMap<string, Part>;

  constructor(database: Database, file: string) {
    this.#file = file;
    const root = groupOf(configurationSchema);
    this.#parts = new Map([...root.fields].map(([name, node]) => [name, makePart(database, node, [])]));
  }

  /**
   * Everything, complete as it was written. Throws UsageError CONFIG_DATABASE_DAMAGED that names the first row whose
   * values are not those that were written.
   */
  load(): Configuration {
    const whole: Record<string, unknown> = {};
    for (const [name, part] of this.#parts) {
      const [own] = this.#read(part).values();
      if (own === undefined && part.kind === 'single') {
        throw databaseDamaged(this.#file, `the row of ${part.table.name} is missing`);
      }
      whole[name] = own ?? {};
    }
    return whole as Configuration;
  }

  /** Writes what changed; to be called within a transaction. */
  save(before: Configuration, after: Configuration): void {
    for (const [name, part] of this.#parts) {
      write(part, [], at(before, [name]), at(after, [name]));
    }
  }

  /**
   * Gives every row without a checksum its own; to be called within a transaction. Throws as load() where one that has a
   * checksum is not what was written.
   */
  seal(): void {
    for (const table of tablesOf(this.#parts)) {
      for (const row of table.select.all()) {
        if (row.at(-1) !== null) this.#verify(table, row);
        else table.seal(checksum(table, row), ...row.slice(0, table.keys.length));
      }
    }
  }

  /** Of each table how many rows there are and the sum of their checksums. */
  sums(): readonly (readonly number[])[] {
    return tablesOf(this.#parts).map(({ sum }) => sum.get() ?? []);
  }

  /** What is in a table, by the key of the parent that it belongs to; `''` where it belongs to nobody. */
  #read(part: Part): Map<string, unknown> {
    const { table } = part;
    const inner = [...table.inner].map(([name, each]) => [name, each, this.#read(each)] as const);
    const byParent = new Map<string, { readonly key: string; readonly value: unknown }[]>();
    for (const row of table.select.all()) {
      this.#verify(table, row);
      const value = table.toItem(row);
      if (inner.length > 0) {
        const own = row.slice(0, table.keys.length).join('\0');
        for (const [name, each, found] of inner) value[name] = found.get(own) ?? (each.kind === 'sequence' ? [] : {});
      }
      const parent = row.slice(0, Math.max(0, table.keys.length - 1)).join('\0');
      const key = table.keys.length === 0 ? '' : String(row[table.keys.length - 1]);
      const list = byParent.get(parent);
      if (list === undefined) byParent.set(parent, [{ key, value }]);
      else list.push({ key, value });
    }
    return new Map([...byParent].map(([parent, items]) => [parent, assemble(part, items)]));
  }

  #verify(table: Table, row: Row): void {
    if (row.at(-1) === checksum(table, row)) return;
    const key = row.slice(0, table.keys.length).join(' ');
    throw databaseDamaged(this.#file, `row ${key} of ${table.name} is not what was written`.replace('  ', ' '));
  }
}

function assemble(part: Part, items: readonly { readonly key: string; readonly value: unknown }[]): unknown {
  switch (part.kind) {
    case 'single':
      return items[0]?.value;
    case 'collection': {
      const sorted = [...items].sort((a, b) => compareKeys(a.key, b.key));
      return Object.fromEntries(sorted.map(({ key, value }) => [key, value]));
    }
    case 'sequence':
      return [...items].sort((a, b) => Number(a.key) - Number(b.key)).map(({ value }) => value);
  }
}

function makePart(database: Database, node: SchemaNode, parents: readonly string[]): Part {
  switch (node.kind) {
    case 'group': {
      if (node.table === undefined) throw new Error(`${node.title} has no table`);
      return { kind: 'single', node, table: makeTable(database, node.table, [], node) };
    }
    case 'collection':
      return {
        kind: 'collection',
        node,
        table: makeTable(database, node.table, [...parents, node.keyColumn], node.item),
      };
    case 'sequence':
      return { kind: 'sequence', node, table: makeTable(database, node.table, [...parents, 'position'], node.item) };
    default:
      throw new Error(`${node.title} cannot be a table`);
  }
}

function makeTable(database: Database, name: string, keys: readonly string[], item: GroupNode): Table {
  const columns = columnsOf(item, []);
  const names = [...keys, ...columns.map((column) => column.name), 'checksum'];
  const own = keys.length > 0 ? keys : ['id'];
  const assignments = names
    .filter((column) => !keys.includes(column))
    .map((column) => `${column} = excluded.${column}`);
  const all = keys.length > 0 ? names : ['id', ...names];
  // What items hold names them by table and key: hunt_groups.number is hunt_group_members.hunt_group_number.
  const parents = keys.map((key) => `${name.replace(/s$/, '')}_${key}`);
  const inner = [...item.fields].filter(([, node]) => node.kind === 'collection' || node.kind === 'sequence');
  return {
    name,
    keys,
    columns,
    inner: new Map(inner.map(([field, node]) => [field, makePart(database, node, parents)])),
    select: database.prepare<[], SqlValue[]>(`SELECT ${names.join(', ')} FROM ${name}`).raw(),
    toItem: makeReader(item, { next: keys.length }),
    upsert: preparedLater(
      database,
      `INSERT INTO ${name} (${all.join(', ')}) VALUES (${all.map(() => '?').join(', ')})
       ON CONFLICT (${own.join(', ')}) DO UPDATE SET ${assignments.join(', ')}`,
    ),
    remove: preparedLater(database, `DELETE FROM ${name} WHERE ${own.map((key) => `${key} = ?`).join(' AND ')}`),
    seal: preparedLater(
      database,
      `UPDATE ${name} SET checksum = ?${keys.length > 0 ? ` WHERE ${keys.map((key) => `${key} = ?`).join(' AND ')}` : ''}`,
    ),
    sum: database.prepare<[], number[]>(`SELECT count(*), coalesce(sum(checksum), 0) FROM ${name}`).raw(),
  };
}

/** Prepared when it is run for the first time: a start only reads. */
function preparedLater(database: Database, sql: string): Write {
  let statement: Statement<SqlValue[]> | undefined;
  return (...values) => {
    statement ??= database.prepare<SqlValue[]>(sql);
    statement.run(...values);
  };
}

function tablesOf(parts: ReadonlyMap<string, Part>): readonly Table[] {
  return [...parts.values()].flatMap(({ table }) => [table, ...tablesOf(table.inner)]);
}

function columnsOf(group: GroupNode, path: readonly string[]): readonly Column[] {
  return [...group.fields].flatMap(([name, node]): readonly Column[] => {
    const inner = [...path, name];
    if (node.kind === 'group') return columnsOf(node, inner);
    if (node.kind === 'value' || node.kind === 'list') return [{ name: columnName(inner), path: inner, node }];
    return [];
  });
}

function columnName(path: readonly string[]): string {
  return path.map((segment) => segment.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).join('_');
}

/**
 * A function that makes the fields of a group from a row, made once: a start reads thousands of rows. `column` counts on as
 * columnsOf() lists them.
 */
function makeReader(group: GroupNode, column: { next: number }): (row: Row) => Record<string, unknown> {
  const fields = [...group.fields].flatMap(([name, node]): readonly (readonly [string, (row: Row) => unknown])[] => {
    if (node.kind === 'group') return [[name, makeReader(node, column)]];
    if (node.kind !== 'value' && node.kind !== 'list') return [];
    const index = column.next;
    column.next += 1;
    return [[name, (row) => fromSql(node, row[index] ?? null)]];
  });
  return (row) => {
    const item: Record<string, unknown> = {};
    for (const [name, read] of fields) {
      const value = read(row);
      if (value !== undefined) item[name] = value;
    }
    return item;
  };
}

function fromSql(node: ValueNode | ListNode, value: SqlValue): unknown {
  if (value === null) return undefined;
  if (node.kind === 'list') return JSON.parse(String(value));
  return node.type === 'boolean' ? value === 1 : value;
}

function toSql(value: unknown): SqlValue {
  if (value === undefined) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}

function write(part: Part, parents: readonly string[], before: unknown, after: unknown): void {
  if (before === after) return;
  if (part.kind === 'single') {
    writeRow(part.table, [], before, after);
    return;
  }
  const [was, is] = [members(before), members(after)];
  for (const [key, item] of was) if (!is.has(key)) removeRow(part.table, [...parents, key], item);
  for (const [key, item] of is) {
    if (was.get(key) !== item) writeRow(part.table, [...parents, key], was.get(key), item);
  }
}

function writeRow(table: Table, keys: readonly string[], before: unknown, after: unknown): void {
  const values = table.columns.map(({ path }) => toSql(at(after, path)));
  const was = before === undefined ? undefined : table.columns.map(({ path }) => toSql(at(before, path)));
  if (!isEqual(was, values)) {
    const own = table.keys.length > 0 ? keys : [1];
    table.upsert(...own, ...values, checksumOf(keys, values));
  }
  for (const [name, inner] of table.inner) write(inner, keys, at(before, [name]), at(after, [name]));
}

function removeRow(table: Table, keys: readonly string[], before: unknown): void {
  for (const [name, inner] of table.inner) write(inner, keys, at(before, [name]), undefined);
  table.remove(...keys);
}

function members(value: unknown): ReadonlyMap<string, unknown> {
  if (Array.isArray(value)) return new Map(value.map((item, index) => [String(index), item]));
  return new Map(isRecord(value) ? Object.entries(value) : []);
}

function at(value: unknown, path: readonly string[]): unknown {
  let inner = value;
  for (const segment of path) inner = isRecord(inner) ? inner[segment] : undefined;
  return inner;
}

function checksum(table: Table, row: Row): number {
  const keys = row.slice(0, table.keys.length).map(String);
  return checksumOf(keys, row.slice(table.keys.length, -1));
}

function checksumOf(keys: readonly string[], values: readonly SqlValue[]): number {
  return crc32(JSON.stringify([...keys, ...values]));
}
