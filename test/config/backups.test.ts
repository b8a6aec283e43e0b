import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listBackups } from '../../firmware/config/backup-files.ts';
import { Backups } from '../../firmware/config/backups.ts';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { DailyBackup } from '../../firmware/config/daily-backup.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { digestOf } from '../../firmware/config/extension.ts';
import { readMigrations } from '../../firmware/config/migrations.ts';
import { withValue } from '../../firmware/config/path.ts';
import { digestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AUTHOR, office } from './support/office.ts';

const START_MS = Date.UTC(2026, 10, 25, 18, 20);
const DAY_MS = 86_400_000;

interface Box {
  readonly data: string;
  /** Of the backups. */
  readonly directory: string;
  readonly clock: FakeClock;
  readonly store: ConfigurationStore;
  readonly backups: Backups;
  rename(name: string): void;
}

function box(t: Test): Box {
  const data = t.testdir();
  const clock = new FakeClock(START_MS);
  const store = ConfigurationStore.open(data, { clock });
  t.teardown(() => store.close());
  store.edit({ author: AUTHOR, change: (configuration) => office(configuration, 5) });
  return {
    data,
    directory: join(data, 'backups'),
    clock,
    store,
    backups: new Backups(data, { clock, productVersion: '0.1.0' }),
    rename: (name) =>
      void store.edit({ author: AUTHOR, change: (c) => withValue<unknown>(c, ['system', 'name'], name) }),
  };
}

t.test('a backup is one file with its manifest, for its owner alone', async (t) => {
  const { directory, store, backups } = box(t);
  const name = await backups.create(store, 'import');
  t.equal(name, '2026-11-25T182000Z-r2-import');
  t.strictSame(readdirSync(directory).sort(), [`${name}.db`, `${name}.json`]);
  t.equal(statSync(directory).mode & 0o777, 0o700);
  for (const file of readdirSync(directory)) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
  const manifest: unknown = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'));
  t.match(manifest, {
    format: 1,
    productVersion: '0.1.0',
    schemaVersion: readMigrations().length,
    revision: 2,
    createdAt: '2026-11-25T18:20:00.000Z',
    reason: 'import',
    sizeBytes: statSync(join(directory, `${name}.db`)).size,
    sha256: /^[0-9a-f]{64}$/,
  });
  t.strictSame(backups.verify(name), manifest);
  t.equal(readFileSync(join(directory, `${name}.db`)).readUInt8(18), 1, 'not in WAL mode');
});

t.test('names never repeat, and sort as they were made even where the clock goes back', async (t) => {
  const { clock, data, store, backups } = box(t);
  const names = [await backups.create(store, 'manual'), await backups.create(store, 'manual')];
  names.push(await new Backups(data, { clock: new FakeClock(0) }).create(store, 'manual'));
  clock.advance(DAY_MS);
  names.push(await backups.create(store, 'manual'));
  t.strictSame(names, [
    '2026-11-25T182000Z-r2-manual',
    '2026-11-25T182001Z-r2-manual',
    '2026-11-25T182002Z-r2-manual',
    '2026-11-26T182000Z-r2-manual',
  ]);
  const listed = backups.list();
  t.strictSame(listed.map(({ name }) => name).reverse(), names);
  t.match(listed[1], { manifest: { createdAt: '1970-01-01T00:00:00.000Z' } });
  const both = await Promise.all([backups.create(store, 'daily'), backups.create(store, 'daily')]);
  t.equal(new Set(both).size, 2, 'two at once');
  for (const name of both) t.ok(backups.verify(name));
});

t.test('what has not changed is not backed up again', async (t) => {
  const { directory, store, backups, rename } = box(t);
  const first = await backups.createIfChanged(store, 'daily');
  t.equal(await backups.createIfChanged(store, 'daily'), undefined);
  t.equal(await backups.createIfChanged(store, 'restart'), undefined);
  rename('Other');
  t.match(await backups.createIfChanged(store, 'restart'), /-r3-restart$/);
  const [newest] = backups.list();
  const file = join(directory, `${newest?.name}.db`);
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(9000) ^ 1, 9000);
  writeFileSync(file, bytes);
  t.match(await backups.createIfChanged(store, 'daily'), /-r3-daily$/, 'the newest is damaged');
  t.ok(first);
});

t.test('others in the directory are left alone, and what is broken is listed as such', async (t) => {
  const { directory, store, backups } = box(t);
  t.strictSame(backups.list(), [], 'no directory');
  const good = await backups.create(store, 'manual');
  const manifest = readFileSync(join(directory, `${good}.json`), 'utf8');
  const copy = (name: string, text: string, withDatabase = true): void => {
    writeFileSync(join(directory, `${name}.json`), text);
    if (withDatabase) linkSync(join(directory, `${good}.db`), join(directory, `${name}.db`));
  };
  for (const name of ['notes.txt', 'notes.json', '2026-11-25T182000Z-r2-manual.db.orig', '.hidden']) {
    writeFileSync(join(directory, name), 'x');
  }
  mkdirSync(join(directory, 'folder'));
  copy('2026-11-25T000001Z-r2-manual', '{');
  copy('2026-11-25T000002Z-r2-manual', 'null');
  copy('2026-11-25T000003Z-r2-manual', '[]');
  copy('2026-11-25T000004Z-r2-manual', manifest.replace(/"revision": 2/, '"revision": "2"'));
  copy('2026-11-25T000005Z-r2-manual', manifest.replace(/"sizeBytes": \d+/, '"sizeBytes": 7'));
  copy('2026-11-25T000006Z-r2-manual', manifest, false);
  copy('2026-11-25T000007Z-r2-manual', manifest + ' '.repeat(5000));
  copy('2026-11-25T000008Z-r2-manual', manifest.replace('"manual"', '"other"'));
  copy('2026-11-25T000009Z-r2-manual', manifest.replace(/"sha256": "../, '"sha256": "'));
  copy('2026-11-25T000010Z-r2-manual', manifest.replace('"format": 1', '"format": 2'));
  mkdirSync(join(directory, '2026-11-25T000011Z-r2-manual.json'));
  const kinds = backups.list().map(({ kind, name }) => [name.slice(11, 17), kind]);
  t.strictSame(kinds, [
    ['182000', 'whole'],
    ['000011', 'broken'],
    ['000010', 'newer'],
    ...[9, 8, 7, 6, 5, 4, 3, 2, 1].map((number) => [`00000${number}`, 'broken']),
  ]);
  const [, , newer] = backups.list();
  t.throws(() => backups.verify(newer?.name ?? ''), { code: 'CONFIG_BACKUP_NEWER', cure: /\w/ });
  t.throws(() => backups.verify('2026-11-25T000005Z-r2-manual'), {
    code: 'CONFIG_BACKUP_DAMAGED',
    message: /instead of 7/,
  });
});

t.test('a name that is none never reaches the file system', async (t) => {
  const { store, backups, data } = box(t);
  await backups.create(store, 'manual');
  for (const name of [
    '',
    '.',
    '..',
    '../ringdown',
    '/etc/passwd',
    '2026-11-25T182000Z-r2-manual/../../ringdown',
    '2026-11-25T182000Z-r2-manual\n',
    '2026-11-25T182000Z-r2-manual\0',
    '2026-11-25T182000Z-r2-manual.db',
    '2026-11-25T182000Z-r-manual',
    'x'.repeat(1_000_000),
  ]) {
    const error = { code: 'CONFIG_BACKUP_NAME_INVALID', cure: /\w/ };
    t.throws(() => backups.verify(name), error);
    t.throws(() => backups.restore(store, name, { author: AUTHOR }), error);
  }
  t.throws(() => backups.verify('2026-11-25T182000Z-r3-manual'), { code: 'CONFIG_BACKUP_NOT_FOUND' });
  t.strictSame(readdirSync(data).sort(), ['backups', 'ringdown.db', 'ringdown.db-shm', 'ringdown.db-wal']);
});

t.test('verify finds what is not as it was', async (t) => {
  const { directory, store, backups, rename } = box(t);
  const name = await backups.create(store, 'manual');
  const file = join(directory, `${name}.db`);
  const [bytes, manifest] = [readFileSync(file), readFileSync(join(directory, `${name}.json`), 'utf8')];
  const expect = (problem: RegExp, title: string): void => {
    t.throws(() => backups.verify(name), { code: 'CONFIG_BACKUP_DAMAGED', message: problem }, title);
    t.strictSame(readdirSync(directory).length, 2, 'nothing is left behind');
  };
  const other = Buffer.from(bytes);
  other.writeUInt8(other.readUInt8(5000) ^ 4, 5000);
  writeFileSync(file, other);
  expect(/checksum/, 'a flipped bit');
  writeFileSync(file, bytes);
  const edited = manifest.replace(/"revision": 2/, '"revision": 3');
  writeFileSync(join(directory, `${name}.json`), edited);
  expect(/revision 2, not 3/, 'another revision');
  writeFileSync(join(directory, `${name}.json`), manifest);
  t.ok(backups.verify(name));
  rename('Later');
  t.ok(backups.verify(name), 'whatever the box does meanwhile');
});

t.test('a restore is an edit: it brings the secrets back, is told, and can be taken back', async (t) => {
  const { store, backups } = box(t);
  const digest = digestSecrets('201', 'ringdown', 'password 201');
  t.strictSame(digestOf(store.current, '201'), digest);
  const name = await backups.create(store, 'manual');
  const before = store.current;
  store.edit({
    author: AUTHOR,
    change: (c) => ({ ...c, users: { 301: { name: 'New' } }, extensions: {}, huntGroups: {}, directory: {} }),
  });
  const after = store.current;
  const told: number[] = [];
  store.feed.subscribe(({ revision }) => told.push(revision));
  t.match(backups.restore(store, name, { author: AUTHOR }), { revision: 4 });
  t.strictSame(store.current, before);
  t.strictSame(digestOf(store.current, '201'), digest);
  t.strictSame(told, [4]);
  t.equal(store.log.get(4).comment, `restore of backup ${name}`);
  t.match(backups.restore(store, name, { author: AUTHOR }), { revision: 4, changes: [] }, 'once more');
  store.rollback(3, { author: AUTHOR });
  t.strictSame(store.current, after);
  t.equal(store.revision, 5);
});

t.test('a backup of a box with another realm is not restored', async (t) => {
  const { data, store, backups } = box(t);
  const name = await backups.create(store, 'manual');
  const other = join(data, 'other');
  ConfigurationStore.open(other).close();
  const database = openDatabase(join(other, 'ringdown.db'), 'FULL');
  database.exec("UPDATE box SET realm = 'elsewhere', checksum = NULL");
  database.close();
  const target = ConfigurationStore.open(other);
  t.throws(() => backups.restore(target, name, { author: AUTHOR }), { code: 'CONFIG_BACKUP_OTHER_REALM' });
  t.equal(target.revision, 1);
  target.close();
});

t.test('the newest are kept, and as many made by hand', async (t) => {
  const { store, backups, rename } = box(t);
  const reasons = ['manual', 'manual', 'manual', 'daily', 'import', 'daily', 'restart'] as const;
  for (const [index, reason] of reasons.entries()) {
    rename(`Name ${index}`);
    await backups.create(store, reason);
  }
  const kept = (): readonly string[] => backups.list().map(({ name }) => name.replace(/^.*Z-r/, ''));
  backups.prune(100);
  t.equal(kept().length, reasons.length);
  backups.prune(2);
  t.strictSame(kept(), ['9-restart', '8-daily', '5-manual', '4-manual']);
  await backups.create(store, 'manual');
  await backups.create(store, 'manual');
  backups.prune(2);
  t.strictSame(kept(), ['9-manual', '9-manual']);
  for (const { name } of backups.list()) t.ok(backups.verify(name));
});

t.test('what was left behind is removed once nobody can be working on it', async (t) => {
  const { directory, store, backups, clock } = box(t);
  const good = await backups.create(store, 'manual');
  const half = '2026-11-24T000000Z-r2-daily';
  const foreign = ['notes.txt', 'folder'];
  mkdirSync(join(directory, 'folder'));
  mkdirSync(join(directory, 'scratch-x'));
  for (const file of ['notes.txt', `${half}.db`, 'scratch-x/ringdown.db', `${good}.json.tmp`]) {
    writeFileSync(join(directory, file), 'x');
  }
  writeFileSync(join(directory, '2026-11-23T000000Z-r2-daily.json'), 'broken');
  const date = (atMs: number): void => {
    for (const file of readdirSync(directory)) utimesSync(join(directory, file), atMs / 1000, atMs / 1000);
  };
  date(clock.now() - 60_000);
  const before = readdirSync(directory).sort();
  backups.prune(5);
  t.strictSame(readdirSync(directory).sort(), before, 'a minute old');
  date(clock.now() - 2 * 3_600_000);
  backups.prune(5);
  t.strictSame(readdirSync(directory).sort(), [`${good}.db`, `${good}.json`, ...foreign].sort());
});

t.test('what cannot be read is not taken for broken, and not removed', async (t) => {
  const { directory, store, backups, clock } = box(t);
  const good = await backups.create(store, 'manual');
  const hidden = '2026-11-23T000000Z-r2-daily';
  copyFileSync(join(directory, `${good}.db`), join(directory, `${hidden}.db`));
  // Reading it fails as it does without the right to, which root always has.
  symlinkSync(`${hidden}.json`, join(directory, `${hidden}.json`));
  utimesSync(join(directory, `${hidden}.db`), 0, clock.now() / 1000 - 86_400);
  t.match(backups.list(), [{ name: good }, { kind: 'unreadable', name: hidden, problem: /ELOOP/ }]);
  backups.prune(5);
  t.ok(existsSync(join(directory, `${hidden}.db`)));
});

t.test('a backup that cannot be made is told, and nothing is left', async (t) => {
  const { data, directory, store, backups } = box(t);
  writeFileSync(directory, 'a file');
  await t.rejects(backups.create(store, 'manual'), { code: 'CONFIG_DATA_NOT_WRITABLE' });
  t.throws(() => backups.list(), { code: 'CONFIG_DATA_NOT_WRITABLE' });
  unlinkSync(directory);
  const closed = ConfigurationStore.openExisting(data);
  closed.close();
  await t.rejects(backups.create(closed, 'manual'));
  t.strictSame(readdirSync(directory), []);
});

t.test('once a day, at the start where the newest is older, and at the end', async (t) => {
  const { data, clock, store, backups, rename } = box(t);
  const logger = createLogger('silent');
  const reasons = (): readonly (string | undefined)[] =>
    listBackups(join(data, 'backups')).map(({ name }) => name.split('-').at(-1));
  /** Whatever it does is done when it is closed; the backup of the end is one of its own. */
  const run = async (days: number, edits: readonly string[]): Promise<void> => {
    const daily = new DailyBackup({ store, backups, clock, logger });
    clock.advance(days * DAY_MS);
    for (const name of edits) rename(name);
    await daily.close();
    await daily.close();
    t.equal(clock.pending, 0);
  };
  await run(0, []);
  t.strictSame(reasons(), ['daily'], 'at once, and no second one at the end');
  await run(0.5, []);
  t.strictSame(reasons(), ['daily'], 'half a day later there is nothing to do');
  await run(0, ['A']);
  t.strictSame(reasons(), ['restart', 'daily'], 'what was edited is in the one of the end');
  rename('B');
  await run(0.9, []);
  t.strictSame(reasons(), ['restart', 'restart', 'daily'], 'no day has passed since');
  rename('C');
  clock.advance(2 * DAY_MS);
  await run(0, []);
  t.strictSame(reasons()[0], 'daily', 'missed while the box was off');
  rename('D');
  await run(1, []);
  t.strictSame(reasons()[0], 'daily');
  for (let count = 0; count < 40; count += 1) {
    rename(`Name ${count}`);
    await run(1, []);
  }
  t.equal(reasons().length, store.current.system.backupsKept);
});

t.test('a daily backup that fails is logged and ends nothing', async (t) => {
  const { directory, store, backups, clock } = box(t);
  writeFileSync(directory, 'a file');
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  const daily = new DailyBackup({ store, backups, clock, logger });
  clock.advance(2 * DAY_MS);
  await daily.close();
  t.match(lines.at(-1), /CONFIG_DATA_NOT_WRITABLE.*no backup could be made/);
  rmSync(directory);
  t.notOk(existsSync(directory));
});
