import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { digestOf, findExtension } from '../../firmware/config/extension.ts';
import { removeExtension } from '../../firmware/config/extension-edits.ts';
import { withValue } from '../../firmware/config/path.ts';
import { digestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AUTHOR, addUser, openStore, PASSWORD, set } from './support/store.ts';

function code(expected: string) {
  return { code: expected, cure: /\w/ };
}

t.test('a new store holds the defaults and survives being opened again', async (t) => {
  const directory = join(t.testdir(), 'made', 'here');
  const store = ConfigurationStore.open(directory);
  t.equal(store.revision, 1);
  t.equal(store.realm, 'ringdown');
  t.match(store.current, {
    system: { name: 'Ringdown', locale: 'en-GB', sip: { domain: '' }, media: { portLow: 46750, portHigh: 50750 } },
    lan1: { ipv4: { address: '192.168.42.1', prefixLength: 24 } },
    users: {},
  });
  addUser(store, '201', 'Reception');
  const before = structuredClone(store.current);
  store.close();
  store.close();

  const again = ConfigurationStore.open(directory);
  t.strictSame(again.current, before);
  t.equal(again.revision, 2);
  t.strictSame(findExtension(again.current, '201'), { number: '201', name: 'Reception' });
  again.close();
});

t.test('directory and files are for their owner alone', async (t) => {
  const directory = join(t.testdir(), 'data');
  const store = ConfigurationStore.open(directory);
  addUser(store, '201', 'Reception');
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.strictSame(readdirSync(directory).sort(), ['ringdown.db', 'ringdown.db-shm', 'ringdown.db-wal']);
  for (const name of readdirSync(directory)) t.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  store.close();

  chmodSync(join(directory, 'ringdown.db'), 0o644);
  ConfigurationStore.open(directory).close();
  t.equal(
    statSync(join(directory, 'ringdown.db')).mode & 0o777,
    0o600,
    'a file that others could read is closed to them',
  );
});

t.test('a commit is on the disk when it returns', async (t) => {
  const database = openDatabase(join(t.testdir(), 'any.db'), 'FULL');
  t.equal(database.pragma('synchronous', { simple: true }), 2);
  t.equal(database.pragma('journal_mode', { simple: true }), 'wal');
  t.equal(database.pragma('foreign_keys', { simple: true }), 1);
  database.close();
});

t.test('an edit is a revision that says who, when, from where and what', async (t) => {
  const clock = new FakeClock();
  const store = openStore(t, { clock });
  const result = store.edit({
    author: { who: 'anna', origin: 'web' },
    comment: 'two lines\n\u001b[31mof text',
    change: (configuration) => withValue(configuration, ['system', 'sip', 'domain'], 'example.com'),
  });
  t.equal(result.revision, 2);
  const changes = [{ path: ['system', 'sip', 'domain'], before: '', after: 'example.com' }];
  t.strictSame(result.changes, changes);
  t.strictSame(store.log.get(2), {
    revision: 2,
    atMs: clock.now(),
    author: { who: 'anna', origin: 'web' },
    comment: 'two lines [31mof text',
    changes,
  });
  t.strictSame(
    store.log.list(10).map(({ revision }) => revision),
    [2, 1],
  );
  t.throws(() => store.log.get(3), code('CONFIG_REVISION_UNKNOWN'));
});

t.test('an edit that changes nothing makes no revision and writes nothing', async (t) => {
  const directory = t.testdir();
  const store = openStore(t, { directory });
  set(store, ['system', 'name'], 'Office');
  const wal = join(directory, 'ringdown.db-wal');
  const [before, sizeBefore] = [store.current, statSync(wal).size];
  t.match(set(store, ['system', 'name'], 'Office'), { revision: 2, changes: [] });
  t.equal(store.current, before, 'it is the same object');
  t.equal(statSync(wal).size, sizeBefore);
});

t.test('an edit is refused as a whole, with everything that is wrong about it', async (t) => {
  const store = openStore(t);
  const before = store.current;
  t.throws(
    () =>
      store.edit({
        author: AUTHOR,
        change: (configuration) => ({
          ...configuration,
          users: { 201: { name: '', priority: 9 }, x: { name: 'X' } },
          lan1: { ...configuration.lan1, colour: 'red' },
        }),
      }),
    {
      code: 'CONFIG_INVALID',
      issues: [
        { path: ['lan1', 'colour'] },
        { path: ['users', '201', 'name'] },
        { path: ['users', '201', 'priority'], shown: '9', problem: /1 to 5/ },
        { path: ['users'], shown: '"x"' },
      ],
    },
  );
  t.equal(store.current, before);
  t.equal(store.revision, 1);
  t.throws(
    () =>
      store.edit({
        author: AUTHOR,
        change: () => {
          throw new Error('the editor fails');
        },
      }),
    { message: 'the editor fails' },
  );
  t.equal(set(store, ['system', 'name'], 'Office').revision, 2, 'and the next edit works');
});

t.test('only digest secrets are kept of a password', async (t) => {
  // The example of RFC 2617 §3.5.
  t.equal(digestSecrets('Mufasa', 'testrealm@host.com', 'Circle Of Life').ha1Md5, '939e7578ed9e3c518a452acee763bce9');

  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  addUser(store, '201', 'Reception');
  const old = digestSecrets('201', 'ringdown', PASSWORD);
  t.strictSame(digestOf(store.current, '201'), old);
  const { ha1Md5, ha1Sha256 } = digestSecrets('201', 'ringdown', 'another horse');
  set(store, ['extensions', '201', 'password'], `ha1$${ha1Md5}$${ha1Sha256}`);
  t.strictSame(digestOf(store.current, '201'), { ha1Md5, ha1Sha256 });
  t.match(store.log.get(3).changes, [
    { path: ['extensions', '201', 'password'], before: '(secret)', after: '(secret)' },
  ]);
  store.close();
  const bytes = readFileSync(join(directory, 'ringdown.db'));
  t.notOk(bytes.includes('horse'));
  t.notOk(bytes.includes(old.ha1Md5), 'the old secret is overwritten, in the history too');
  t.ok(bytes.includes(ha1Md5));
});

t.test('a rollback is a revision, and takes back whatever came after', async (t) => {
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  addUser(store, '202', 'Workshop');
  const good = structuredClone(store.current);
  set(store, ['huntGroups', '300'], { name: 'Sales', members: [{ user: '202' }, { user: '201' }] });
  set(store, ['users', '201', 'doNotDisturb', 'exceptions'], ['07700900123']);
  set(store, ['users', '201', 'shortCodes', '*99'], { feature: 'dial', telephoneNumber: '202' });
  const bad = structuredClone(store.current);
  t.equal(store.rollback(3, { author: AUTHOR }).revision, 7);
  t.strictSame(store.current, good);
  t.equal(store.log.get(7).comment, 'rollback to revision 3');
  store.rollback(6, { author: AUTHOR });
  t.strictSame(store.current, bad, 'a rollback can be taken back');
  t.strictSame(store.at(3), good);
  t.strictSame(store.at(8), bad);
  for (const revision of [0, -1, 9, 1000]) {
    t.throws(() => store.rollback(revision, { author: AUTHOR }), code('CONFIG_REVISION_UNKNOWN'), String(revision));
  }
});

t.test('a rollback brings a removed extension back with its password, and no replaced password', async (t) => {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  addUser(store, '201', 'Reception');
  addUser(store, '202', 'Workshop');
  const { ha1Md5, ha1Sha256 } = digestSecrets('202', 'ringdown', 'another horse');
  set(store, ['extensions', '202', 'password'], `ha1$${ha1Md5}$${ha1Sha256}`);
  store.edit({ author: AUTHOR, change: (configuration) => removeExtension(configuration, '201') });
  t.equal(findExtension(store.current, '201'), undefined);
  t.notMatch(JSON.stringify(store.log.get(5)), /ha1/, 'what is shown holds no secret');
  store.close();

  const again = openStore(t, { directory });
  again.rollback(3, { author: AUTHOR });
  t.strictSame(digestOf(again.current, '201'), digestSecrets('201', 'ringdown', PASSWORD));
  t.strictSame(digestOf(again.current, '202'), { ha1Md5, ha1Sha256 });
});

t.test('the later of two who edit the same thing is told', async (t) => {
  const directory = t.testdir();
  const one = openStore(t, { directory });
  const other = openStore(t, { directory });
  addUser(one, '201', 'Reception');
  const seen = other.revision;
  set(one, ['users', '201', 'name'], 'Front desk');

  const rename = (name: string) => () =>
    other.edit({
      author: { who: 'ben', origin: 'web' },
      baseRevision: seen,
      change: (configuration) => withValue(configuration, ['users', '201', 'name'], name),
    });
  t.throws(rename('Lobby'), { ...code('CONFIG_CONFLICT'), message: /users\.201\.name.*test.*cli.*revision 3/ });
  t.equal(other.current.users['201']?.name, 'Front desk');

  const elsewhere = other.edit({
    author: AUTHOR,
    baseRevision: seen,
    change: (configuration) => withValue(configuration, ['users', '201', 'priority'], 3),
  });
  t.equal(elsewhere.revision, 4);
  t.match(one.current.users['201'], { name: 'Front desk', priority: 3 }, 'edits of different fields go together');

  set(one, ['users', '201', 'fullName'], 'At the desk');
  t.throws(
    () =>
      other.edit({
        author: AUTHOR,
        baseRevision: 4,
        change: (configuration) => removeExtension(configuration, '201'),
      }),
    code('CONFIG_CONFLICT'),
    'removing what somebody edited meanwhile',
  );
  t.throws(() => other.edit({ author: AUTHOR, baseRevision: 99, change: () => ({}) }), code('CONFIG_REVISION_UNKNOWN'));
});

t.test('a password that was changed meanwhile is not overwritten either', async (t) => {
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  const seen = store.revision;
  const made = (password: string) => {
    const { ha1Md5, ha1Sha256 } = digestSecrets('201', 'ringdown', password);
    return `ha1$${ha1Md5}$${ha1Sha256}`;
  };
  set(store, ['extensions', '201', 'password'], made('first horse'));
  t.throws(
    () =>
      store.edit({
        author: AUTHOR,
        baseRevision: seen,
        change: (configuration) => withValue(configuration, ['extensions', '201', 'password'], made('second horse')),
      }),
    code('CONFIG_CONFLICT'),
  );
});

t.test('every part hears of an edit, once, after it is on the disk', async (t) => {
  const reported: unknown[] = [];
  const directory = t.testdir();
  const store = openStore(t, { directory, onError: (error) => reported.push(error) });
  const heard: unknown[] = [];
  store.feed.watch(
    ({ system }) => system.media,
    () => {
      throw new Error('a part fails');
    },
  );
  const stop = store.feed.watch(
    ({ system }) => system.media,
    ({ portLow }, before, { revision }) => {
      const disk = ConfigurationStore.open(directory);
      heard.push([before.portLow, portLow, disk.current.system.media.portLow, revision, store.revision]);
      disk.close();
    },
  );
  set(store, ['system', 'name'], 'Office');
  t.strictSame(heard, [], 'not of what it does not watch');
  set(store, ['system', 'media', 'portLow'], 46760);
  t.strictSame(heard, [[46750, 46760, 46760, 3, 3]]);
  t.match(reported, [{ message: 'a part fails' }]);
  stop();
  set(store, ['system', 'media', 'portLow'], 46762);
  t.equal(heard.length, 1);
});

t.test('edits of another program are seen at once and told', async (t) => {
  const directory = t.testdir();
  const store = openStore(t, { directory });
  store.followOthers();
  const told = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('nothing was told')), 10_000);
    store.feed.watch(
      ({ system }) => system,
      ({ name }) => {
        clearTimeout(timer);
        resolve(name);
      },
    );
  });
  const lan = store.current.lan1;
  const other = openStore(t, { directory });
  set(other, ['system', 'name'], 'Office');
  t.equal(await told, 'Office');
  t.equal(store.current.system.name, 'Office');
  t.equal(store.current.lan1, lan, 'what did not change keeps its identity');
});

t.test('damage that comes while the file is in use ends edits, not the service', async (t) => {
  const directory = t.testdir();
  const told: unknown[] = [];
  const store = openStore(t, { directory, onError: (error) => told.push(error) });
  addUser(store, '201', 'Reception');
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  database.exec("UPDATE users SET name = 'somebody else'");
  database.close();
  t.equal(store.current.users['201']?.name, 'Reception', 'what was read last stays in force');
  t.equal(store.current.users['201']?.name, 'Reception');
  t.match(told, [{ code: 'CONFIG_DATABASE_DAMAGED' }]);
  t.equal(told.length, 1);
  t.throws(() => set(store, ['system', 'name'], 'Office'), code('CONFIG_DATABASE_DAMAGED'));
});

t.test('a difference names secrets that were replaced', async (t) => {
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  addUser(store, '202', 'Workshop');
  const made = `ha1$${'0'.repeat(32)}$${'0'.repeat(64)}`;
  set(store, ['extensions', '201', 'password'], made);
  const replaced = [{ path: ['extensions', '201', 'password'], before: '(secret)', after: '(secret)' }];
  t.strictSame(store.between(3, 4), replaced);
  t.strictSame(store.between(4, 3), replaced);
  t.strictSame(
    store.between(2, 3).map(({ path }) => path.join('.')),
    ['users.202', 'extensions.202'],
  );
  t.strictSame(store.between(1, 4).length, 4, 'but not within what is new as a whole');
});

t.test('an old password never comes back to life, a removed one does', async (t) => {
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  const old = store.current.extensions['201']?.password;
  store.edit({ author: AUTHOR, change: (configuration) => removeExtension(configuration, '201') });
  addUser(store, '201', 'Reception', 'another horse');
  store.rollback(2, { author: AUTHOR });
  t.strictSame(digestOf(store.current, '201'), digestSecrets('201', 'ringdown', 'another horse'));
  t.not(store.current.extensions['201']?.password, old);

  const present = store.current.extensions['201']?.password;
  set(store, ['extensions', '201', 'password'], undefined);
  t.equal(digestOf(store.current, '201'), undefined);
  store.rollback(store.revision - 1, { author: AUTHOR });
  t.equal(store.current.extensions['201']?.password, present);
});

t.test('who wants what was there before hears of what somebody made of it since', async (t) => {
  const store = openStore(t);
  set(store, ['system', 'name'], 'Foo');
  set(store, ['system', 'name'], 'Bar');
  t.throws(
    () =>
      store.edit({
        author: AUTHOR,
        baseRevision: 2,
        change: (configuration) => withValue(configuration, ['system', 'name'], 'Foo'),
      }),
    code('CONFIG_CONFLICT'),
  );
  t.equal(store.current.system.name, 'Bar');
  addUser(store, '201', 'Reception');
  t.throws(() => store.rollback(1, { author: AUTHOR, baseRevision: 2 }), code('CONFIG_CONFLICT'));
  t.equal(store.rollback(2, { author: AUTHOR, baseRevision: 3 }).revision, 5, 'an edit elsewhere stays');
  t.match(store.current, { system: { name: 'Foo' }, users: { 201: { name: 'Reception' } } });
});

t.test('notices stay until somebody takes note', async (t) => {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  for (let index = 0; index < 30; index += 1) store.notices.add('TEST', `notice ${index}`);
  store.close();
  const again = openStore(t, { directory });
  t.equal(again.notices.list().length, 20);
  t.match(again.notices.list().at(-1), { code: 'TEST', message: 'notice 29' });
  again.notices.clear();
  t.strictSame(again.notices.list(), []);
});

t.test('any text may be looked up', async (t) => {
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  for (const number of ['', '\0', "' OR 1=1 --", 'x'.repeat(1_000_000), '201%', '__proto__', 'constructor']) {
    t.equal(findExtension(store.current, number), undefined);
    t.equal(digestOf(store.current, number), undefined);
  }
});

t.test('a directory that cannot be made is named', async (t) => {
  const file = join(t.testdir({ file: 'not a directory' }), 'file');
  for (const directory of [file, join(file, 'below'), '/proc/ringdown-cannot-be-here']) {
    t.throws(() => ConfigurationStore.open(directory), {
      ...code('CONFIG_DATA_NOT_WRITABLE'),
      message: new RegExp(directory),
    });
  }
});

t.test('a directory without a store is not taken for an empty one', async (t) => {
  const directory = t.testdir();
  t.throws(() => ConfigurationStore.openExisting(directory), code('CONFIG_DATA_NOT_FOUND'));
  t.strictSame(readdirSync(directory), []);
});

t.test('a damaged database is refused and kept as it is', async (t) => {
  const root = t.testdir({ garbage: {} });
  const directory = join(root, 'garbage');
  const file = join(directory, 'ringdown.db');
  const garbage = Buffer.alloc(8192, 'garbage ');
  writeFileSync(file, garbage);
  t.throws(() => ConfigurationStore.open(directory), { ...code('CONFIG_DATABASE_DAMAGED'), message: /ringdown\.db/ });
  t.ok(readFileSync(file).equals(garbage), 'no file at all');

  const other = join(root, 'pages');
  const store = ConfigurationStore.open(other);
  addUser(store, '201', 'Reception');
  store.close();
  const bytes = readFileSync(join(other, 'ringdown.db'));
  bytes.fill(0xff, 4096);
  writeFileSync(join(other, 'ringdown.db'), bytes);
  t.throws(() => ConfigurationStore.open(other), code('CONFIG_DATABASE_DAMAGED'), 'all pages but the first');
  t.ok(readFileSync(join(other, 'ringdown.db')).equals(bytes));
});

t.test('a flipped letter is damage, not another name', async (t) => {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  addUser(store, '201', 'Reception');
  store.close();
  const file = join(directory, 'ringdown.db');
  const bytes = readFileSync(file);
  // The users table has it first; the log of revisions names it too.
  let flipped = 0;
  for (let at = bytes.indexOf('Reception'); at >= 0; at = bytes.indexOf('Reception', at + 1)) {
    bytes.write('Q', at);
    flipped += 1;
  }
  t.ok(flipped >= 1);
  writeFileSync(file, bytes);
  t.throws(() => ConfigurationStore.open(directory), {
    ...code('CONFIG_DATABASE_DAMAGED'),
    message: /row 201 of users/,
  });
});

t.test('the schema itself refuses what the program would never write', async (t) => {
  const directory = t.testdir();
  ConfigurationStore.open(directory).close();
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  for (const statement of [
    'INSERT INTO system (id) VALUES (2)',
    'UPDATE system SET media_port_low = 50751',
    "UPDATE system SET sip_domain = 'a\"b'",
    "UPDATE system SET media_port_low = 'text'",
    "UPDATE system SET time_servers = '{}'",
    'UPDATE lan1 SET sip_registrar = 2',
    "INSERT INTO users (number, name) VALUES ('20a', 'x')",
    "INSERT INTO extensions (number, user) VALUES ('201', '999')",
    "INSERT INTO hunt_group_members (hunt_group_number, position, user) VALUES ('300', 0, '201')",
    "INSERT INTO revisions (at_ms, who, origin, changes) VALUES (0, 'x', 'nowhere', '[]')",
  ]) {
    t.throws(() => database.exec(statement), { code: /SQLITE_CONSTRAINT/ }, statement);
  }
  database.close();
});
