import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import type { Configuration } from '../../firmware/config/schema/configuration.ts';
import { isEqual } from '../../firmware/config/schema/tree.ts';
import { AUTHOR, mark, office } from './support/office.ts';
import { Random } from './support/random.ts';

const PAGE_BYTES = 4096;
const FILE_HEADER_BYTES = 100;
const PAGE_HEADER_BYTES = 12;

interface Files {
  readonly database?: Buffer;
  readonly log?: Buffer;
}

/** What a directory with these files opens as: its revision, or the code of the error. */
type Open = (files: Files) => { readonly revision: number; readonly current: Configuration } | string;

function opener(t: Test): Open {
  const directory = join(t.testdir(), 'opened');
  return ({ database, log }) => {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    if (database !== undefined) writeFileSync(join(directory, 'ringdown.db'), database);
    if (log !== undefined) writeFileSync(join(directory, 'ringdown.db-wal'), log);
    try {
      const store = ConfigurationStore.open(directory);
      const { revision, current, realm } = store;
      store.close();
      if (realm !== 'ringdown') throw new Error(`opened with the realm ${realm}`);
      return { revision, current };
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  };
}

function flipped(bytes: Buffer, offset: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(offset) ^ (1 << bit), offset);
  return copy;
}

/** A database that was closed, and what is in it. */
function closedDatabase(t: Test): {
  readonly bytes: Buffer;
  readonly revision: number;
  readonly current: Configuration;
} {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  store.edit({ author: AUTHOR, change: (configuration) => office(configuration) });
  for (const name of ['One', 'Two', 'Three']) {
    store.edit({ author: AUTHOR, change: (c) => ({ ...c, system: { ...c.system, name } }) });
  }
  const { revision, current } = store;
  store.close();
  return { bytes: readFileSync(join(directory, 'ringdown.db')), revision, current };
}

t.test('a flipped bit is found, or it changes nothing', async (t) => {
  const { bytes, revision, current } = closedDatabase(t);
  const open = opener(t);
  const random = new Random(20261125);
  const places: (readonly [offset: number, bit: number])[] = [];
  for (let offset = 0; offset < FILE_HEADER_BYTES; offset += 1) {
    for (let bit = 0; bit < 8; bit += 1) places.push([offset, bit]);
  }
  for (let page = 0; page < bytes.length; page += PAGE_BYTES) {
    const header = page === 0 ? FILE_HEADER_BYTES : page;
    for (let offset = 0; offset < PAGE_HEADER_BYTES; offset += 1) places.push([header + offset, random.below(8)]);
  }
  for (let count = 0; count < 600; count += 1) places.push([random.below(bytes.length), random.below(8)]);

  const outcomes = new Map<string, number>();
  for (const [offset, bit] of places) {
    const opened = open({ database: flipped(bytes, offset, bit) });
    const isSame = typeof opened !== 'string' && opened.revision === revision && isEqual(opened.current, current);
    const outcome = typeof opened === 'string' ? opened : isSame ? 'same' : 'WRONG';
    // The version in the header is the one thing that may as well be a newer program's.
    const isRight =
      outcome === 'same' ||
      outcome === 'CONFIG_DATABASE_DAMAGED' ||
      (outcome === 'CONFIG_NEWER_DATABASE' && offset >= 60 && offset < 64);
    if (!isRight) t.fail(`bit ${bit} of byte ${offset}: ${outcome}`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  t.comment(`${places.length} flips: ${[...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`);
  t.ok((outcomes.get('CONFIG_DATABASE_DAMAGED') ?? 0) > places.length / 3);
});

t.test('a file of any other length is found', async (t) => {
  const { bytes } = closedDatabase(t);
  const open = opener(t);
  const random = new Random(7);
  const lengths = [
    ...Array.from({ length: FILE_HEADER_BYTES }, (_, index) => index + 2),
    ...Array.from({ length: bytes.length / PAGE_BYTES - 1 }, (_, index) => (index + 1) * PAGE_BYTES),
    ...Array.from({ length: 150 }, () => 2 + random.below(bytes.length - 2)),
  ];
  for (const length of lengths) {
    const outcome = open({ database: bytes.subarray(0, length) });
    if (outcome !== 'CONFIG_DATABASE_DAMAGED') t.fail(`${length} of ${bytes.length} bytes: ${String(outcome)}`);
  }
  t.pass(`${lengths.length} lengths`);
  for (const [title, database] of [
    ['garbage', Buffer.alloc(20_000, 'garbage ')],
    ['a page of zeros', Buffer.alloc(PAGE_BYTES)],
    ['an image', Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(50_000, 1)])],
  ] as const) {
    t.equal(open({ database }), 'CONFIG_DATABASE_DAMAGED', title);
  }
});

/** What lies on the disk of a box that lost power: after each edit the database and its log. The log was written back once. */
function runningDatabase(t: Test): {
  readonly moments: readonly { readonly database: Buffer; readonly log: Buffer }[];
  readonly configurations: ReadonlyMap<number, Configuration>;
} {
  const directory = t.testdir();
  ConfigurationStore.open(directory).close();
  const file = join(directory, 'ringdown.db');
  const store = ConfigurationStore.open(directory);
  const other = openDatabase(file, 'FULL');
  const configurations = new Map<number, Configuration>([[store.revision, store.current]]);
  const moments = Array.from({ length: 12 }, (_, count) => {
    const { revision } = store.edit({ author: AUTHOR, change: (configuration) => mark(configuration, count) });
    configurations.set(revision, store.current);
    if (count === 7) other.pragma('wal_checkpoint(PASSIVE)');
    return { database: readFileSync(file), log: readFileSync(`${file}-wal`) };
  });
  other.close();
  store.close();
  return { moments, configurations };
}

t.test('with a damaged log, or one of another moment, a whole revision is there or the damage is found', async (t) => {
  const { moments, configurations } = runningDatabase(t);
  const open = opener(t);
  const random = new Random(42);
  const outcomes = new Map<string, number>();
  const check = (title: string, files: Files): void => {
    const opened = open(files);
    const isWhole = typeof opened !== 'string' && isEqual(opened.current, configurations.get(opened.revision));
    const outcome = typeof opened === 'string' ? opened : isWhole ? 'whole' : 'WRONG';
    if (outcome !== 'whole' && outcome !== 'CONFIG_DATABASE_DAMAGED') t.fail(`${title}: ${outcome}`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  const { database, log } = moments.at(-1) ?? { database: Buffer.alloc(0), log: Buffer.alloc(0) };
  for (let count = 0; count < 300; count += 1) {
    const offset = random.below(log.length);
    check(`a flip at ${offset} of the log`, { database, log: flipped(log, offset, random.below(8)) });
    const length = random.below(log.length);
    check(`${length} bytes of the log`, { database, log: log.subarray(0, length) });
    const rest = 2 + random.below(database.length - 2);
    check(`${rest} bytes of the database`, { database: database.subarray(0, rest), log });
  }
  for (const [one, before] of moments.entries()) {
    for (const [two, after] of moments.entries()) {
      check(`database ${one} with log ${two}`, { database: before.database, log: after.log });
    }
  }
  t.comment([...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', '));
  t.ok((outcomes.get('CONFIG_DATABASE_DAMAGED') ?? 0) > 10 && (outcomes.get('whole') ?? 0) > 100);

  t.equal(open({ log }), 'CONFIG_DATABASE_DAMAGED', 'the log alone');
  t.equal(open({ database: Buffer.alloc(0), log }), 'CONFIG_DATABASE_DAMAGED', 'an empty file with a log');
});

t.test('a row that is gone, another realm and a confirmation that is gone are found', async (t) => {
  const directory = join(t.testdir(), 'data');
  const store = ConfigurationStore.open(directory);
  store.edit({ author: AUTHOR, change: (configuration) => office(configuration) });
  store.edit({
    author: AUTHOR,
    confirmWithinMs: 60_000,
    change: (c) => ({ ...c, lan1: { ...c.lan1, ipv4: { ...c.lan1.ipv4, address: '192.168.42.2' } } }),
  });
  store.close();
  const file = join(directory, 'ringdown.db');
  const bytes = readFileSync(file);
  for (const statement of [
    "DELETE FROM hunt_group_members WHERE user = '203'",
    'DELETE FROM lan2',
    'DELETE FROM box',
    'DELETE FROM revisions WHERE revision = 2',
    'DELETE FROM unconfirmed',
    'UPDATE unconfirmed SET deadline_ms = deadline_ms + 1',
    "UPDATE box SET realm = 'elsewhere'",
    'UPDATE box SET export_salt = randomblob(16)',
    "UPDATE lan2 SET ipv4_address = '10.0.0.1'",
    "UPDATE users SET name = 'Somebody' WHERE number = '201'",
    'UPDATE users SET checksum = NULL',
    'DROP TABLE directory',
    'ALTER TABLE directory DROP COLUMN number',
    'PRAGMA user_version = 0',
  ]) {
    writeFileSync(file, bytes);
    const database = openDatabase(file, 'FULL');
    database.exec(statement);
    database.close();
    t.throws(() => ConfigurationStore.open(directory), { code: 'CONFIG_DATABASE_DAMAGED', cure: /\w/ }, statement);
  }
});

t.test('a damaged revision does not take the configuration with it', async (t) => {
  const directory = t.testdir();
  const first = ConfigurationStore.open(directory);
  first.edit({ author: AUTHOR, change: (configuration) => office(configuration) });
  const { current } = first;
  first.close();
  for (const text of ['[]', 'no JSON']) {
    const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
    database.prepare('UPDATE revisions SET changes = ? WHERE revision = 2').run(text);
    database.close();
    const store = ConfigurationStore.open(directory);
    t.ok(isEqual(store.current, current));
    t.throws(() => store.log.get(2), { code: 'CONFIG_REVISION_DAMAGED' });
    t.throws(() => store.rollback(1, { author: AUTHOR }), { code: 'CONFIG_REVISION_DAMAGED' });
    store.close();
  }
});
