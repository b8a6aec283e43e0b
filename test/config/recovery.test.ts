import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Backups } from '../../firmware/config/backups.ts';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { digestOf } from '../../firmware/config/extension.ts';
import { withValue } from '../../firmware/config/path.ts';
import { openOrRecover, replaceDatabase } from '../../firmware/config/recovery.ts';
import { digestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AUTHOR, office } from './support/office.ts';

const START_MS = Date.UTC(2026, 10, 25, 18, 20);
const logger = createLogger('silent');

interface Box {
  readonly data: string;
  readonly file: string;
  /** The oldest first: of revisions 2, 3 and 4. */
  readonly backups: readonly string[];
}

/** Revisions 2 to 5, of which the last is in no backup; closed. */
async function box(t: Test): Promise<Box> {
  const data = t.testdir();
  const clock = new FakeClock(START_MS);
  const store = ConfigurationStore.open(data, { clock });
  const backups = new Backups(data, { clock });
  store.edit({ author: AUTHOR, change: (configuration) => office(configuration, 20) });
  const names: string[] = [];
  for (const name of ['Three', 'Four', 'Five']) {
    names.push(await backups.create(store, 'daily'));
    store.edit({ author: AUTHOR, change: (c) => withValue<unknown>(c, ['system', 'name'], name) });
    clock.advance(3_600_000);
  }
  store.close();
  return { data, file: join(data, 'ringdown.db'), backups: names };
}

interface Seen {
  readonly revision: number;
  readonly name: string;
  readonly notices: readonly { readonly code: string; readonly message: string }[];
}

function start(data: string, clock = new FakeClock(START_MS + 10 * 3_600_000)): Seen {
  const store = openOrRecover(data, { logger, clock });
  try {
    return { revision: store.revision, name: store.current.system.name, notices: store.notices.list() };
  } finally {
    store.close();
  }
}

function setAside(data: string): readonly string[] {
  return readdirSync(data)
    .filter((name) => name.includes('.damaged-'))
    .sort();
}

function corrupt(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 4096 * 3, 4096 * 6);
  writeFileSync(file, bytes);
}

t.test('a sound database is opened as it is', async (t) => {
  const { data } = await box(t);
  t.strictSame(start(data), { revision: 5, name: 'Five', notices: [] });
  t.strictSame(setAside(data), []);
  const fresh = join(data, 'fresh');
  t.strictSame(start(fresh), { revision: 1, name: 'Ringdown', notices: [] }, 'a new box');
});

interface DamageCase {
  readonly title: string;
  readonly damage: (box: Box) => void;
  /** Nothing to keep. */
  readonly isGone?: true;
}

const DAMAGES: readonly DamageCase[] = [
  { title: 'pages that are overwritten', damage: ({ file }) => corrupt(file) },
  { title: 'an empty file', damage: ({ file }) => truncateSync(file, 0) },
  { title: 'half a file', damage: ({ file }) => truncateSync(file, 40_000) },
  { title: 'garbage', damage: ({ file }) => writeFileSync(file, 'garbage '.repeat(10_000)) },
  { title: 'no file', damage: ({ file }) => unlinkSync(file), isGone: true },
  {
    title: 'a log alone',
    damage: ({ file }) => {
      unlinkSync(file);
      writeFileSync(`${file}-wal`, 'log');
    },
  },
  {
    title: 'a table that is missing',
    damage: ({ file }) => edit(file, 'DROP TABLE no_user'),
  },
  {
    title: 'a row that is missing',
    damage: ({ file }) => edit(file, 'DELETE FROM lan1'),
  },
  {
    title: 'a value that is not what was written',
    damage: ({ file }) => edit(file, "UPDATE system SET name = 'Another'"),
  },
];

function edit(file: string, statement: string): void {
  const database = openDatabase(file, 'FULL');
  database.pragma('foreign_keys = OFF');
  database.exec(statement);
  database.close();
}

t.test('the newest backup takes the place of a damaged database, which is kept', async (t) => {
  for (const { title, damage, isGone } of DAMAGES) {
    const made = await box(t);
    const { data, file, backups } = made;
    damage(made);
    const before = existsSync(file) ? readFileSync(file) : undefined;
    const { revision, name, notices } = start(data);
    t.strictSame([revision, name], [4, 'Four'], title);
    t.match(notices, [{ code: 'CONFIG_RECOVERED', message: /revision 4/ }], title);
    const [notice] = notices;
    t.ok(notice?.message.includes(`${backups[2]}`) && notice.message.includes('2026-11-25T20:20'), title);
    const [kept] = setAside(data);
    t.equal(kept === undefined, isGone === true, title);
    if (kept !== undefined) {
      t.match(kept, /^ringdown\.db\.damaged-2026-11-26T042000Z(-wal)?$/, title);
      t.ok(notice?.message.includes(kept.replace(/-wal$/, '')), title);
      if (before !== undefined) t.ok(readFileSync(join(data, kept)).equals(before), `${title}: kept as it was`);
    }
    t.strictSame(start(data), { revision, name, notices }, `${title}: the next start`);
    const store = ConfigurationStore.open(data);
    t.strictSame(digestOf(store.current, '201'), digestSecrets('201', 'ringdown', 'password 201'), title);
    store.edit({ author: AUTHOR, change: (c) => withValue<unknown>(c, ['system', 'name'], 'Again') });
    t.equal(store.revision, 5);
    store.close();
    t.notOk(
      readdirSync(join(data, 'backups')).some((each) => each.startsWith('scratch')),
      title,
    );
  }
});

t.test('backups that are no good are passed over', async (t) => {
  const { data, file, backups } = await box(t);
  corrupt(file);
  corrupt(join(data, 'backups', `${backups[2]}.db`));
  writeFileSync(join(data, 'backups', `${backups[1]}.json`), '{');
  const { revision, notices } = start(data);
  t.equal(revision, 2);
  t.match(notices, [{ code: 'CONFIG_RECOVERED' }]);
});

t.test('without a good backup the box starts as a new one, and says so', async (t) => {
  const { data, file, backups } = await box(t);
  corrupt(file);
  for (const name of backups) corrupt(join(data, 'backups', `${name}.db`));
  const { revision, name, notices } = start(data);
  t.strictSame([revision, name], [1, 'Ringdown']);
  t.match(notices, [{ code: 'CONFIG_RESET', message: /no backup.*must be configured again.*damaged-/ }]);
  t.equal(setAside(data).length, 1);
  t.strictSame(start(data), { revision, name, notices }, 'the next start');
});

/** A copy of a box whose power was cut while it recovered, as it lies on the disk then. */
const CUTS: readonly { readonly title: string; readonly cut: (box: Box, kept: string) => void }[] = [
  { title: 'before anything', cut: () => undefined },
  {
    title: 'while the replacement was made',
    cut: ({ data, backups }) => {
      const scratch = join(data, 'backups', 'scratch-abc');
      mkdirSync(scratch);
      copyFileSync(join(data, 'backups', `${backups[2]}.db`), join(scratch, 'ringdown.db'));
      truncateSync(join(scratch, 'ringdown.db'), 20_000);
      writeFileSync(join(scratch, 'ringdown.db-wal'), 'half');
    },
  },
  { title: 'when the database was set aside', cut: ({ file }, kept) => renameSync(file, kept) },
  {
    title: 'when its log was set aside too',
    cut: ({ file }, kept) => {
      renameSync(file, kept);
      renameSync(`${file}-wal`, `${kept}-wal`);
    },
  },
  {
    title: 'when all was set aside',
    cut: ({ file }, kept) => {
      for (const suffix of ['', '-wal', '-shm']) renameSync(file + suffix, kept + suffix);
    },
  },
];

t.test('a power cut during the recovery leads to the same at the next start', async (t) => {
  for (const hasBackups of [true, false]) {
    for (const { title, cut } of CUTS) {
      const made = await box(t);
      const { data, file } = made;
      corrupt(file);
      writeFileSync(`${file}-wal`, 'a log of the damaged one');
      writeFileSync(`${file}-shm`, 'shared');
      if (!hasBackups) for (const name of made.backups) unlinkSync(join(data, 'backups', `${name}.json`));
      cut(made, `${file}.damaged-2026-11-26T042000Z`);
      const { revision, name, notices } = start(data);
      t.strictSame([revision, name], hasBackups ? [4, 'Four'] : [1, 'Ringdown'], title);
      t.match(notices, [
        {
          code: hasBackups ? 'CONFIG_RECOVERED' : 'CONFIG_RESET',
          message: /ringdown\.db\.damaged-2026-11-26T042000Z/,
        },
      ]);
      // One set; what SQLite found to be no log of the database it has removed by itself.
      t.ok(setAside(data).includes('ringdown.db.damaged-2026-11-26T042000Z'), title);
      t.ok(
        setAside(data).every((each) => each.startsWith('ringdown.db.damaged-2026-11-26T042000Z')),
        title,
      );
      t.strictSame(start(data), { revision, name, notices }, `${title}: the next start`);
    }
  }
});

t.test('three damaged databases are kept', async (t) => {
  const { data, file } = await box(t);
  for (let count = 0; count < 5; count += 1) {
    writeFileSync(file, `garbage ${count}`);
    // The clock of a box that was off stands at the same moment each time.
    t.equal(start(data, new FakeClock(0)).revision, 4);
  }
  t.strictSame(
    setAside(data),
    [2, 3, 4].map((second) => `ringdown.db.damaged-1970-01-01T00000${second}Z`),
  );
  t.equal(readFileSync(`${file}.damaged-1970-01-01T000004Z`, 'utf8'), 'garbage 4');
});

t.test('a database of a newer program is refused and nothing is changed, also where it looks damaged', async (t) => {
  const { data, file, backups } = await box(t);
  edit(file, 'PRAGMA user_version = 999');
  const listing = (): unknown => readdirSync(data, { recursive: true }).map(String).sort();
  const before = listing();
  const newer = { code: 'CONFIG_NEWER_DATABASE', message: /999/, cure: /newer program/ };
  const bytes = readFileSync(file);
  t.throws(() => ConfigurationStore.open(data), newer);
  t.throws(() => start(data), newer);
  t.ok(readFileSync(file).equals(bytes));
  t.strictSame(listing(), before);
  corrupt(file);
  const corrupted = readFileSync(file);
  t.throws(() => start(data), newer);
  t.throws(() => replaceDatabase(data, backups[0] ?? ''), newer);
  t.ok(readFileSync(file).equals(corrupted));
  t.strictSame(listing(), before);
});

t.test('a database that is locked, or cannot be written, is not damaged', async (t) => {
  const { data, file } = await box(t);
  const holder = openDatabase(file, 'FULL');
  holder.pragma('locking_mode = EXCLUSIVE');
  holder.exec('BEGIN EXCLUSIVE');
  t.throws(() => start(data), { code: 'CONFIG_DATABASE_LOCKED' });
  holder.exec('ROLLBACK');
  holder.close();
  t.strictSame(setAside(data), []);
  const other = join(data, 'other');
  mkdirSync(join(other, 'ringdown.db'), { recursive: true });
  t.throws(() => start(other), { code: 'CONFIG_DATA_NOT_WRITABLE' });
  t.strictSame(readdirSync(other), ['ringdown.db']);
  t.equal(start(data).revision, 5);
});

t.test('a backup can be put in the place of a damaged or missing database', async (t) => {
  const { data, file, backups } = await box(t);
  const [oldest = ''] = backups;
  for (const damage of [() => corrupt(file), () => rmSync(file)]) {
    damage();
    replaceDatabase(data, oldest);
    t.match(start(data), { revision: 2, notices: [{ code: 'CONFIG_RECOVERED', message: new RegExp(oldest) }] });
  }
  corrupt(file);
  const bytes = readFileSync(file);
  t.throws(() => replaceDatabase(data, '2026-11-25T182000Z-r9-manual'), { code: 'CONFIG_BACKUP_NOT_FOUND' });
  corrupt(join(data, 'backups', `${oldest}.db`));
  t.throws(() => replaceDatabase(data, oldest), { code: 'CONFIG_BACKUP_DAMAGED' });
  t.ok(readFileSync(file).equals(bytes), 'nothing is touched');
});

t.test('the log says what happened', async (t) => {
  const { data, file, backups } = await box(t);
  corrupt(file);
  corrupt(join(data, 'backups', `${backups[2]}.db`));
  const lines: string[] = [];
  openOrRecover(data, { logger: createLogger('info', { write: (line) => void lines.push(line) }) }).close();
  t.match(lines[0], new RegExp(`${backups[2]}.*a backup cannot be used`));
  t.match(lines[1], new RegExp(`${backups[1]}.*recovered from a backup`));
  t.equal(lines.length, 2);
});

t.test('a backup that was made while LAN addresses waited for their confirmation undoes nothing later', async (t) => {
  const data = t.testdir();
  const store = ConfigurationStore.open(data);
  store.edit({
    author: AUTHOR,
    confirmWithinMs: 120_000,
    change: (c) => withValue<unknown>(c, ['lan1', 'ipv4', 'address'], '192.168.50.1'),
  });
  await new Backups(data).create(store, 'daily');
  store.confirm();
  store.close();
  writeFileSync(join(data, 'ringdown.db'), 'garbage');
  const recovered = openOrRecover(data, { logger });
  t.teardown(() => recovered.close());
  t.equal(recovered.unconfirmed, undefined);
  t.equal(recovered.undoUnconfirmed(AUTHOR), undefined);
  t.equal(recovered.current.lan1.ipv4.address, '192.168.50.1');
});
