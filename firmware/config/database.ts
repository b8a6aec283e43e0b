import { chmodSync, closeSync, existsSync, fchmodSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { assetPath } from '../core/assets.ts';
import { giveToOwner } from './file-owner.ts';
import { databaseDamaged, dataNotWritable, openingError } from './storage-error.ts';

export type { Database } from 'better-sqlite3';

/** How long one process waits for another's write. Ours take milliseconds, and signalling stands still meanwhile. */
const BUSY_TIMEOUT_MS = 2000;

/** FULL: a commit that returned survives a power cut. NORMAL: it may be lost, the file stays whole. */
export type Synchronous = 'FULL' | 'NORMAL';

/** Makes the data directory (mode 0700) where it is missing. The mode of one that exists is its owner's affair. */
export function prepareDirectory(directory: string): void {
  try {
    makeDirectory(resolve(directory));
  } catch (error) {
    throw dataNotWritable(directory, error);
  }
}

/** Not with `recursive`: below /proc and the like, where a directory cannot be made in one that exists, that never ends. */
function makeDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  try {
    mkdirSync(directory, { mode: 0o700 });
    giveToOwner(directory);
  } catch (error) {
    // Another program may have made it at the same time.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/**
 * Opens one SQLite file in WAL mode with foreign keys on, and makes it (mode 0600) where it is missing.
 * Throws a RingdownError with a cure: not writable, locked, damaged, disk full.
 */
export function openDatabase(file: string, synchronous: Synchronous): Database.Database {
  let database: Database.Database | undefined;
  try {
    restrictMode(file);
    checkHeader(file);
    database = connect(file);
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${synchronous}`);
    database.pragma('foreign_keys = ON');
    database.pragma('trusted_schema = OFF');
    // A digest secret that was replaced must not stay readable in a free page.
    database.pragma('secure_delete = ON');
    const verdict = database.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw databaseDamaged(file, oneLine(String(verdict)));
    return database;
  } catch (error) {
    database?.close();
    throw openingError(file, error);
  }
}

/**
 * Opens a database that another program may be writing to, for reading alone. Throws as openDatabase; where there is none,
 * CONFIG_DATA_NOT_WRITABLE.
 */
export function openForReading(file: string): Database.Database {
  try {
    checkHeader(file);
    const database = connect(file, { readonly: true, fileMustExist: true });
    database.pragma('trusted_schema = OFF');
    return database;
  } catch (error) {
    throw openingError(file, error);
  }
}

/**
 * Makes a copy of a database in WAL mode one file without a -wal, looks through all of it, and returns what `read` finds in
 * it. Throws as openDatabase.
 */
export function makeSingleFile<T>(file: string, read: (database: Database.Database) => T): T {
  let database: Database.Database | undefined;
  try {
    database = connect(file);
    database.pragma('synchronous = FULL');
    database.pragma('journal_mode = DELETE');
    checkIntegrity(database, file);
    return read(database);
  } catch (error) {
    throw openingError(file, error);
  } finally {
    database?.close();
  }
}

/** Slower than what openDatabase does: rows and indices are compared too. Throws UsageError CONFIG_DATABASE_DAMAGED. */
export function checkIntegrity(database: Database.Database, file: string): void {
  const verdict = database.pragma('integrity_check(1)', { simple: true });
  if (verdict !== 'ok') throw databaseDamaged(file, oneLine(String(verdict)));
}

/** The `user_version` in the header of the file, whatever else is wrong with it; undefined where it has no header. */
export function readUserVersion(file: string): number | undefined {
  const header = readHeader(file);
  return header?.toString('latin1', 0, MAGIC.length) === MAGIC ? header.readInt32BE(60) : undefined;
}

/** The SQLite database file format, §1.3. */
const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const NEWEST_WRITE_VERSION = 2;

/** What SQLite does not mind: it opens a file whose write version it does not know, say, and then never writes to it. */
function checkHeader(file: string): void {
  const header = readHeader(file);
  if (header === undefined) return;
  const writeVersion = header[18] ?? 0;
  if (writeVersion > NEWEST_WRITE_VERSION) throw databaseDamaged(file, `write version ${writeVersion} in its header`);
  // SQLite opens a file that lost its end, where nothing in use was there. While there is a log, the end may be in that.
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  const pageBytes = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  const { size } = statSync(file);
  if (log === 0 && size < pages * pageBytes) throw databaseDamaged(file, `${size} bytes of ${pages} pages`);
}

function readHeader(file: string): Buffer | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    return readSync(descriptor, header) === HEADER_BYTES ? header : undefined;
  } finally {
    closeSync(descriptor);
  }
}

function connect(file: string, options: Database.Options = {}): Database.Database {
  const nativeBinding = assetPath('better_sqlite3.node');
  // From source and before the first build there is no such file: the package then finds its own.
  return new Database(file, {
    timeout: BUSY_TIMEOUT_MS,
    ...options,
    ...(existsSync(nativeBinding) ? { nativeBinding } : {}),
  });
}

function oneLine(text: string): string {
  return text.slice(0, 120).replaceAll('\n', ' ');
}

/** SQLite gives its -wal and -shm files the mode and the owner of the database itself, so that one is made before it opens. */
function restrictMode(file: string): void {
  if (existsSync(file)) {
    chmodSync(file, 0o600);
    return;
  }
  const descriptor = openSync(file, 'a', 0o600);
  try {
    fchmodSync(descriptor, 0o600);
    giveToOwner(descriptor, dirname(file));
  } finally {
    closeSync(descriptor);
  }
}
