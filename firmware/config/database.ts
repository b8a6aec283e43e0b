import { chmodSync, closeSync, existsSync, fchmodSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { assetPath } from '../core/assets.ts';
import { databaseDamaged, dataNotWritable, storageError } from './storage-error.ts';

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
    const nativeBinding = assetPath('better_sqlite3.node');
    // From source and before the first build there is no such file: the package then finds its own.
    database = new Database(file, {
      timeout: BUSY_TIMEOUT_MS,
      ...(existsSync(nativeBinding) ? { nativeBinding } : {}),
    });
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${synchronous}`);
    database.pragma('foreign_keys = ON');
    database.pragma('trusted_schema = OFF');
    // A digest secret that was replaced must not stay readable in a free page.
    database.pragma('secure_delete = ON');
    const verdict = database.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw databaseDamaged(file, String(verdict).slice(0, 120).replaceAll('\n', ' '));
    return database;
  } catch (error) {
    database?.close();
    throw storageError(file, error);
  }
}

/** SQLite gives its -wal and -shm files the mode of the database itself, so that one is made before it opens. */
function restrictMode(file: string): void {
  if (existsSync(file)) {
    chmodSync(file, 0o600);
    return;
  }
  const descriptor = openSync(file, 'a', 0o600);
  try {
    fchmodSync(descriptor, 0o600);
  } finally {
    closeSync(descriptor);
  }
}
