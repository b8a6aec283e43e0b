/** Prints the database of its argument as SQL: what a fixture in test/config/fixtures/databases/ is made with. */
import { openDatabase } from '../../../firmware/config/database.ts';

const database = openDatabase(process.argv[2] ?? '', 'FULL');

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value)) return `X'${value.toString('hex')}'`;
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
}

const tables = database
  .prepare<[], { readonly name: string; readonly sql: string }>(
    "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
  )
  .all();
for (const { sql } of tables) process.stdout.write(`${sql};\n`);
for (const { name } of tables) {
  for (const row of database.prepare<[], unknown[]>(`SELECT * FROM ${name}`).raw().all()) {
    process.stdout.write(`INSERT INTO ${name} VALUES (${row.map(literal).join(', ')});\n`);
  }
}
process.stdout.write(`PRAGMA user_version = ${Number(database.pragma('user_version', { simple: true }))};\n`);
database.close();
