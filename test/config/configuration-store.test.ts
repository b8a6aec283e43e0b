import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { digestSecrets } from '../../firmware/config/digest-secrets.ts';

const PASSWORD = 'correct horse';
const REPOSITORY = join(import.meta.dirname, '..', '..');

function code(expected: string) {
  return { code: expected, cure: /\w/ };
}

t.test('a new store holds the defaults and survives being opened again', async (t) => {
  const directory = join(t.testdir(), 'made', 'here');
  const store = ConfigurationStore.open(directory);
  t.strictSame(store.system.get(), {
    sipDomain: '',
    realm: 'ringdown',
    locale: 'en-GB',
    mediaPortLow: 46750,
    mediaPortHigh: 50750,
  });
  t.match(store.extensions.add({ number: '201', name: 'Reception', password: PASSWORD }), {
    number: '201',
    name: 'Reception',
  });
  store.close();
  store.close();

  const again = ConfigurationStore.open(directory);
  t.strictSame(
    again.extensions.list().map(({ number, name }) => [number, name]),
    [['201', 'Reception']],
  );
  again.close();
});

t.test('directory and files are for their owner alone', async (t) => {
  const directory = join(t.testdir(), 'data');
  const store = ConfigurationStore.open(directory);
  store.extensions.add({ number: '201', name: 'Reception', password: PASSWORD });
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

t.test('only digest secrets are kept of a password', async (t) => {
  // The example of RFC 2617 §3.5.
  t.equal(digestSecrets('Mufasa', 'testrealm@host.com', 'Circle Of Life').ha1Md5, '939e7578ed9e3c518a452acee763bce9');

  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  store.extensions.add({ number: '201', name: 'Reception', password: PASSWORD });
  t.strictSame(store.extensions.digest('201'), digestSecrets('201', 'ringdown', PASSWORD));
  store.extensions.setPassword('201', 'another horse');
  t.strictSame(store.extensions.digest('201'), digestSecrets('201', 'ringdown', 'another horse'));
  store.close();
  const bytes = readFileSync(join(directory, 'ringdown.db'));
  t.notOk(bytes.includes('horse'));
  t.notOk(bytes.includes(digestSecrets('201', 'ringdown', PASSWORD).ha1Md5), 'the old secret is overwritten');
});

t.test('extensions are found, listed and removed with their user', async (t) => {
  const store = ConfigurationStore.open(t.testdir());
  for (const number of ['1201', '202', '201', '21']) {
    store.extensions.add({ number, name: `Name of ${number}`, password: PASSWORD });
  }
  t.strictSame(
    store.extensions.list().map(({ number }) => String(number)),
    ['21', '201', '202', '1201'],
  );
  const removed = store.extensions.get('201');
  store.extensions.remove('201');
  t.equal(store.extensions.get('201'), undefined);
  t.equal(store.extensions.digest('201'), undefined);
  t.throws(() => store.extensions.remove('201'), code('CONFIG_EXTENSION_NOT_FOUND'));
  t.throws(() => store.extensions.setPassword('201', PASSWORD), code('CONFIG_EXTENSION_NOT_FOUND'));
  const again = store.extensions.add({ number: '201', name: 'Again', password: PASSWORD });
  t.not(removed, undefined);
  t.equal(store.extensions.get('201')?.userId, again.userId);
  store.close();
});

t.test('an extension number is used once, whichever program adds it', async (t) => {
  const directory = t.testdir();
  const one = ConfigurationStore.open(directory);
  const other = ConfigurationStore.open(directory);
  one.extensions.add({ number: '201', name: 'Reception', password: PASSWORD });
  t.equal(other.extensions.get('201')?.name, 'Reception', 'the other program sees it at once');
  t.throws(() => other.extensions.add({ number: '201', name: 'x', password: PASSWORD }), {
    ...code('CONFIG_EXTENSION_EXISTS'),
    message: /201/,
  });
  t.equal(other.extensions.get('201')?.name, 'Reception');
  one.close();
  other.close();
});

interface InputCase {
  readonly title: string;
  readonly number?: string;
  readonly name?: string;
  readonly password?: string;
  readonly code?: string;
}

const INPUTS: readonly InputCase[] = [
  { title: 'two digits', number: '20' },
  { title: 'fifteen digits', number: '123456789012345' },
  { title: 'one digit', number: '2', code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'sixteen digits', number: '1234567890123456', code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'no number', number: '', code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'letters', number: '20a', code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'digits of another script', number: '٢٠١', code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'a number with a line end', number: '201\n', code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'a number with SQL', number: "201' OR '1'='1", code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'a huge number', number: '2'.repeat(10_000_000), code: 'CONFIG_EXTENSION_NUMBER_INVALID' },
  { title: 'a name with SQL', name: `Robert'); DROP TABLE extensions; --` },
  { title: 'a name of 64 wide characters', name: '🕿'.repeat(64) },
  { title: 'a name of 65 characters', name: 'x'.repeat(65), code: 'CONFIG_NAME_INVALID' },
  { title: 'a huge name', name: 'x'.repeat(10_000_000), code: 'CONFIG_NAME_INVALID' },
  { title: 'no name', name: '', code: 'CONFIG_NAME_INVALID' },
  { title: 'a blank name', name: '  ', code: 'CONFIG_NAME_INVALID' },
  { title: 'a name with a line end', name: 'Rec\neption', code: 'CONFIG_NAME_INVALID' },
  { title: 'a name with NUL', name: 'Rec\0eption', code: 'CONFIG_NAME_INVALID' },
  { title: 'a name with an escape sequence', name: '\u001b[2J', code: 'CONFIG_NAME_INVALID' },
  { title: 'a name that turns the line around', name: '\u202egnirts', code: 'CONFIG_NAME_INVALID' },
  { title: 'a name with half a character', name: '\ud83d', code: 'CONFIG_NAME_INVALID' },
  { title: 'a password of nine characters', password: '123456789' },
  { title: 'a password of 128 characters', password: 'p'.repeat(128) },
  { title: 'a password of eight characters', password: '12345678', code: 'CONFIG_PASSWORD_INVALID' },
  { title: 'a password of 129 characters', password: 'p'.repeat(129), code: 'CONFIG_PASSWORD_INVALID' },
  { title: 'a password with a tab', password: 'tab\tpassword', code: 'CONFIG_PASSWORD_INVALID' },
  { title: 'a password beyond ASCII', password: 'pässwörter', code: 'CONFIG_PASSWORD_INVALID' },
];

t.test('what is added is checked', async (t) => {
  const store = ConfigurationStore.open(t.testdir());
  for (const { title, number = '201', name = 'Reception', password = PASSWORD, code: expected } of INPUTS) {
    const before = store.extensions.list().length;
    if (expected === undefined) {
      t.equal(store.extensions.add({ number, name, password }).name, name, title);
      t.equal(store.extensions.get(number)?.name, name, title);
      store.extensions.remove(number);
    } else {
      t.throws(() => store.extensions.add({ number, name, password }), code(expected), title);
      try {
        store.extensions.add({ number, name, password });
      } catch (error) {
        t.ok(
          error instanceof Error && error.message.length < 200 && !error.message.includes('\n'),
          `${title}: one line`,
        );
        t.notOk(
          error instanceof Error && password !== PASSWORD && error.message.includes(password),
          `${title}: secret`,
        );
      }
      t.equal(store.extensions.list().length, before, `${title}: nothing is added`);
    }
  }
  store.close();
});

t.test('any text may be looked up', async (t) => {
  const store = ConfigurationStore.open(t.testdir());
  for (const number of ['', '\0', "' OR 1=1 --", 'x'.repeat(1_000_000), '201%']) {
    t.equal(store.extensions.get(number), undefined);
    t.equal(store.extensions.digest(number), undefined);
  }
  store.close();
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
  store.extensions.add({ number: '201', name: 'Reception', password: PASSWORD });
  store.close();
  const bytes = readFileSync(join(other, 'ringdown.db'));
  bytes.fill(0xff, 4096 * 2, 4096 * 4);
  writeFileSync(join(other, 'ringdown.db'), bytes);
  t.throws(() => ConfigurationStore.open(other), code('CONFIG_DATABASE_DAMAGED'), 'two pages');
  t.ok(readFileSync(join(other, 'ringdown.db')).equals(bytes));
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
    "INSERT INTO extensions (number, user_id, ha1_md5, ha1_sha256) VALUES ('201', 77, hex(zeroblob(16)), hex(zeroblob(32)))",
  ]) {
    t.throws(() => database.exec(statement), { code: /SQLITE_CONSTRAINT/ }, statement);
  }
  database.close();
});

/** Runs `body` in another process on the database of `directory`, and resolves when it has printed a line. */
async function otherProgram(
  t: { teardown(handler: () => void): void },
  directory: string,
  body: string,
): Promise<ChildProcess> {
  const program = `
    const { openDatabase } = await import('./firmware/config/database.ts');
    const { ConfigurationStore } = await import('./firmware/config/configuration-store.ts');
    const directory = ${JSON.stringify(directory)};
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: REPOSITORY,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

t.test('a database that another program holds for long is named', async (t) => {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  const child = await otherProgram(
    t,
    directory,
    `const database = openDatabase(directory + '/ringdown.db', 'FULL');
     database.exec('BEGIN IMMEDIATE');
     console.log('locked');
     process.stdin.resume();`,
  );
  t.throws(
    () => store.extensions.add({ number: '201', name: 'x', password: PASSWORD }),
    code('CONFIG_DATABASE_LOCKED'),
  );
  t.strictSame(store.extensions.list(), [], 'reading goes on');
  child.kill('SIGKILL');
  await once(child, 'close');
  t.equal(
    store.extensions.add({ number: '201', name: 'x', password: PASSWORD }).name,
    'x',
    'it works once that is gone',
  );
  store.close();
});

t.test('a database that another program holds for a moment is waited for', async (t) => {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  await otherProgram(
    t,
    directory,
    `const database = openDatabase(directory + '/ringdown.db', 'FULL');
     database.exec('BEGIN IMMEDIATE');
     console.log('locked');
     setTimeout(() => database.exec('COMMIT'), 200);`,
  );
  t.equal(store.extensions.add({ number: '201', name: 'x', password: PASSWORD }).name, 'x');
  store.close();
});

t.test('what was answered is there after the program is killed', async (t) => {
  const directory = t.testdir();
  const child = await otherProgram(
    t,
    directory,
    `const store = ConfigurationStore.open(directory);
     store.extensions.add({ number: '201', name: 'Reception', password: 'correct horse' });
     console.log('added');
     process.stdin.resume();`,
  );
  child.kill('SIGKILL');
  await once(child, 'close');
  const store = ConfigurationStore.open(directory);
  t.equal(store.extensions.get('201')?.name, 'Reception');
  store.close();
});
