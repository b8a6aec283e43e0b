import { join } from 'node:path';
import t from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { type Migration, migrate, readMigrations } from '../../firmware/config/migrations.ts';

const FIRST: Migration = {
  version: 1,
  name: '001-a.sql',
  sql: 'CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);',
};

t.test('the migrations of the program follow each other', async (t) => {
  t.equal(readMigrations()[0]?.name, '001-system-users-extensions.sql');
});

t.test('each migration is applied once', async (t) => {
  const file = join(t.testdir(), 'a.db');
  const database = openDatabase(file, 'FULL');
  migrate(database, file, [FIRST]);
  migrate(database, file, [FIRST, { version: 2, name: '002-b.sql', sql: 'UPDATE a SET x = x + 1;' }]);
  migrate(database, file, [FIRST, { version: 2, name: '002-b.sql', sql: 'UPDATE a SET x = x + 1;' }]);
  t.equal(database.pragma('user_version', { simple: true }), 2);
  t.strictSame(database.prepare('SELECT x FROM a').all(), [{ x: 2 }]);
  database.close();
});

t.test('a migration that fails half way leaves the version before it', async (t) => {
  const file = join(t.testdir(), 'a.db');
  const database = openDatabase(file, 'FULL');
  const sql = 'CREATE TABLE b (x INTEGER); DELETE FROM a; INSERT INTO nowhere VALUES (1);';
  t.throws(() => migrate(database, file, [FIRST, { version: 2, name: '002-b.sql', sql }]), {
    code: 'CONFIG_MIGRATION_FAILED',
    message: /002-b\.sql/,
  });
  t.equal(database.pragma('user_version', { simple: true }), 1);
  t.strictSame(database.prepare('SELECT x FROM a').all(), [{ x: 1 }]);
  t.strictSame(database.prepare("SELECT name FROM sqlite_schema WHERE name = 'b'").all(), []);
  database.close();
});

t.test('a database of a newer program is refused and left as it is', async (t) => {
  const directory = t.testdir();
  ConfigurationStore.open(directory).close();
  const file = join(directory, 'ringdown.db');
  const database = openDatabase(file, 'FULL');
  database.pragma('user_version = 999');
  database.close();
  t.throws(() => ConfigurationStore.open(directory), {
    code: 'CONFIG_NEWER_DATABASE',
    message: /999/,
    cure: /newer program/,
  });
  const after = openDatabase(file, 'FULL');
  t.equal(after.pragma('user_version', { simple: true }), 999);
  after.close();
});

t.test('a missing migration is noticed', async (t) => {
  const root = t.testdir({ incomplete: { '001-a.sql': '', '003-c.sql': '', 'README.md': '' }, none: {} });
  t.throws(() => readMigrations(join(root, 'incomplete')), { code: 'CONFIG_MIGRATIONS_INCOMPLETE', message: /003-c/ });
  t.throws(() => readMigrations(join(root, 'none')), { code: 'CONFIG_MIGRATIONS_INCOMPLETE' });
});
