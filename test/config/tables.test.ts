import { join } from 'node:path';
import t from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { complete } from '../../firmware/config/schema/complete.ts';
import { configurationSchema } from '../../firmware/config/schema/configuration.ts';
import { type GroupNode, groupOf, nodeOf, type SchemaNode } from '../../firmware/config/schema/tree.ts';
import { openStore } from './support/store.ts';

/** Every table that the schema names, with the group that is a row of it. */
function tablesOf(node: SchemaNode): readonly (readonly [string, GroupNode])[] {
  switch (node.kind) {
    case 'group':
      return [
        ...(node.table === undefined ? [] : [[node.table, node] as const]),
        ...[...node.fields.values()].flatMap(tablesOf),
      ];
    case 'collection':
    case 'sequence':
      return [[node.table, node.item], ...tablesOf(node.item)];
    default:
      return [];
  }
}

function columnsOf(group: GroupNode): readonly string[] {
  return [...group.fields].flatMap(([name, node]) => {
    if (node.kind === 'group') return columnsOf(node).map((column) => `${name}_${column}`);
    return node.kind === 'value' || node.kind === 'list' ? [name] : [];
  });
}

t.test('each table has the columns of the schema, their keys, and no others', async (t) => {
  const directory = t.testdir();
  openStore(t, { directory });
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  const tables = tablesOf(nodeOf(configurationSchema));
  t.ok(tables.length > 15);
  for (const [table, group] of tables) {
    const rows = database
      .prepare<[], { name: string; pk: number }>(`SELECT name, pk FROM pragma_table_info('${table}')`)
      .all();
    const found = rows.filter(({ pk }) => pk === 0).map(({ name }) => name);
    const wanted = columnsOf(group).map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    t.strictSame(found.sort(), [...wanted, 'checksum'].sort(), table);
    const strict = database.prepare('SELECT strict FROM pragma_table_list WHERE name = ?').pluck().get(table);
    t.equal(strict, 1, `${table} is STRICT`);
  }
  database.close();
});

t.test('the defaults of the tables are those of the schema', async (t) => {
  const store = openStore(t);
  const { shortCodes } = store.current;
  t.strictSame(store.current, complete(groupOf(configurationSchema), { shortCodes }), 'but for the codes of a new box');
  const directory = t.testdir();
  ConfigurationStore.open(directory).close();
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  database.exec("INSERT INTO users (number, name) VALUES ('201', 'x'); INSERT INTO extensions (number) VALUES ('250')");
  database.exec(
    "INSERT INTO hunt_groups (number, name) VALUES ('300', 'y'); INSERT INTO short_codes (code) VALUES ('*1')",
  );
  database.exec("INSERT INTO lines (number) VALUES ('1'); INSERT INTO administrators (name) VALUES ('eve')");
  // The checksums of rows and of all are made anew, as after a migration.
  database.exec('UPDATE box SET checksum = NULL');
  database.close();
  const other = openStore(t, { directory });
  const expected = {
    users: { 201: { name: 'x' } },
    extensions: { 250: {} },
    huntGroups: { 300: { name: 'y' } },
    shortCodes: { ...shortCodes, '*1': {} },
    lines: { 1: {} },
    administrators: { eve: {} },
  };
  t.strictSame(other.current, complete(groupOf(configurationSchema), expected));
});
