import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RingdownError, UsageError } from '../core/errors.ts';
import type { Database } from './database.ts';
import { databaseDamaged, storageError } from './storage-error.ts';

export interface Migration {
  /** Counts from 1 without a gap: the `user_version` of a database after it. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Beside this file in the sources, beside the bundle when built: the same expression names both. */
const MIGRATIONS_DIRECTORY = join(import.meta.dirname, 'migrations');

const FILE_NAME = /^(?<version>\d{3})-[a-z0-9-]+\.sql$/;

/** Reads `NNN-name.sql` files in their order. Throws where a number is missing or stands twice. */
export function readMigrations(directory: string = MIGRATIONS_DIRECTORY): readonly Migration[] {
  const migrations: Migration[] = [];
  for (const name of readdirSync(directory).sort()) {
    const version = FILE_NAME.exec(name)?.groups?.version;
    if (version === undefined) continue;
    migrations.push({ version: Number(version), name, sql: readFileSync(join(directory, name), 'utf8') });
  }
  const wrong = migrations.find((migration, index) => migration.version !== index + 1);
  if (wrong !== undefined || migrations.length === 0) {
    throw new RingdownError(
      'CONFIG_MIGRATIONS_INCOMPLETE',
      wrong === undefined
        ? `no migrations in ${directory}`
        : `migration ${wrong.name} does not follow the one before it`,
      'Install the program again: files of it are missing.',
    );
  }
  return migrations;
}

/**
 * Brings the database up to the last migration, each in a transaction of its own together with its `user_version`:
 * one that fails leaves the version before it. A database from a newer program is refused and left as it is.
 */
export function migrate(database: Database, file: string, migrations: readonly Migration[]): void {
  const newest = migrations.length;
  const { version: found, isEmpty } = database.transaction(() => state(database))();
  if (found > newest) throw newerDatabase(file, found, newest);
  if (found < 0 || (found === 0 && !isEmpty)) throw databaseDamaged(file, `it has tables and version ${found}`);
  for (const migration of migrations.slice(found)) {
    const apply = database.transaction(() => {
      // Another process may have done it while this one waited for the lock.
      if (version(database) >= migration.version) return;
      database.exec(migration.sql);
      forgetChecksums(database);
      database.pragma(`user_version = ${migration.version}`);
    });
    try {
      apply.immediate();
    } catch (error) {
      const cause = storageError(file, error);
      if (cause.code !== 'CONFIG_DATABASE_FAILED') throw cause;
      // What a migration makes is there: the version in the header is not the one of the tables.
      if (/already exists|duplicate column/.test(String(error))) {
        throw databaseDamaged(file, `its version, ${migration.version - 1}, is not that of its tables`, error);
      }
      throw new RingdownError(
        'CONFIG_MIGRATION_FAILED',
        `${file} could not be brought from version ${migration.version - 1} to ${migration.version} (${migration.name})`,
        'The database is as it was: use the program that made it, and report this with the log.',
        { cause: error },
      );
    }
  }
}

export function newerDatabase(file: string, found: number, known: number): UsageError {
  return new UsageError(
    'CONFIG_NEWER_DATABASE',
    `${file} has version ${found}, this program knows versions up to ${known}`,
    'Use the newer program again, or put back a backup that the older one made; nothing was changed.',
  );
}

/** A migration changes what checksums are made of: the next start makes them anew. Revisions are never rewritten. */
function forgetChecksums(database: Database): void {
  const tables = database
    .prepare<[], string>(
      `SELECT tables.name FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
       WHERE tables.type = 'table' AND columns.name = 'checksum' AND tables.name <> 'revisions'`,
    )
    .pluck()
    .all();
  for (const table of tables) database.exec(`UPDATE ${table} SET checksum = NULL`);
}

/** To be called within a transaction: another process may be making the tables. */
function state(database: Database): { readonly version: number; readonly isEmpty: boolean } {
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  return { version: version(database), isEmpty };
}

function version(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
