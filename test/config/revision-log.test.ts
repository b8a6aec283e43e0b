import { join } from 'node:path';
import t from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { AUTHOR, openStore, set } from './support/store.ts';

function code(expected: string) {
  return { code: expected, cure: /\w/ };
}

t.test('old revisions make room', async (t) => {
  const directory = t.testdir();
  ConfigurationStore.open(directory).close();
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  // As if a thousand edits had been made already; the checksum over all is made anew, as after a migration.
  database.exec('UPDATE box SET checksum = NULL');
  database.exec(
    "UPDATE revisions SET revision = 5; INSERT INTO revisions SELECT 1004, at_ms, who, origin, '', '[]', '{}', NULL FROM revisions",
  );
  database.close();
  const store = openStore(t, { directory });
  t.equal(set(store, ['system', 'name'], 'Office').revision, 1005);
  t.equal(store.log.oldest, 1004);
  t.throws(() => store.at(4), code('CONFIG_REVISION_UNKNOWN'));
});

t.test('a damaged revision is named, hides no other, and is never rolled back over', async (t) => {
  const directory = t.testdir();
  const store = openStore(t, { directory });
  for (const name of ['One', 'Two', 'Three']) set(store, ['system', 'name'], name);
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  database.exec("UPDATE revisions SET changes = replace(changes, 'Two', 'Tvo') WHERE revision = 3");
  database.close();
  t.match(store.log.list(10), [{ revision: 4 }, { revision: 3, comment: /damaged/ }, { revision: 2 }, { revision: 1 }]);
  t.throws(() => store.log.get(3), code('CONFIG_REVISION_DAMAGED'));
  t.throws(() => store.rollback(2, { author: AUTHOR }), code('CONFIG_REVISION_DAMAGED'));
  t.equal(store.rollback(3, { author: AUTHOR }).revision, 5, 'not so far back it works');
  t.equal(store.current.system.name, 'Two');
});
