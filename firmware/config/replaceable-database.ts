import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Database, openDatabase, prepareDirectory } from './database.ts';
import { isDamage, storageError } from './storage-error.ts';

/** A database that the box can do without, or make anew: what is damaged is set aside, not mended. */
export interface ReplaceableDatabase {
  /** Where its folder is missing it is made (mode 0700). */
  readonly file: string;
  readonly schemaVersion: number;
  /** Brings an older one up to date, a new one from version 0; in a transaction. It must set `user_version`. */
  readonly bringUp: (database: Database, version: number) => void;
}

export interface OpenedDatabase {
  readonly database: Database;
  /** The file could not be read, or was of a newer version: it is kept as FILE.damaged, and this is a new one. */
  readonly isReplaced: boolean;
}

/**
 * Opens it with `synchronous=NORMAL`: a commit is not waited for. Throws UsageError CONFIG_DATA_NOT_WRITABLE,
 * CONFIG_DATABASE_LOCKED, CONFIG_DISK_FULL.
 */
export function openReplaceable({ file, schemaVersion, bringUp }: ReplaceableDatabase): OpenedDatabase {
  prepareDirectory(dirname(file));
  const sound = openSound(file, schemaVersion);
  if (sound === undefined) setAside(file);
  const database = sound ?? openDatabase(file, 'NORMAL');
  try {
    database.transaction(() => bringUp(database, versionOf(database))).immediate();
    return { database, isReplaced: sound === undefined };
  } catch (error) {
    database.close();
    throw storageError(file, error);
  }
}

/** Undefined: the file is damaged, or of a newer version. It is ours to replace either way. */
function openSound(file: string, schemaVersion: number): Database | undefined {
  let database: Database;
  try {
    database = openDatabase(file, 'NORMAL');
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
  if (versionOf(database) <= schemaVersion) return database;
  database.close();
  return undefined;
}

/** One damaged file is kept for a look at it; a second one replaces the first, so that the disk does not fill up. */
function setAside(file: string): void {
  try {
    renameSync(file, `${file}.damaged`);
    for (const suffix of ['-wal', '-shm']) if (existsSync(file + suffix)) rmSync(file + suffix);
  } catch (error) {
    throw storageError(file, error);
  }
}

function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
