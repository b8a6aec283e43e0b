import { existsSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { backupDirectory, listBackups, namesIn } from './backup-files.ts';
import { removeDurably, syncToDisk } from './durable-files.ts';
import { databaseDamaged, storageError } from './storage-error.ts';
import { stampAfter, TIME_STAMP } from './time-stamp.ts';

/*
 * Damaged databases are kept for a look at them: `ringdown.db.damaged-2026-11-25T182000Z`, with the files that SQLite
 * keeps beside a database under the same name.
 */

/** The database itself goes first: without it the others never open, and the next start goes on where this one ended. */
const SUFFIXES = ['', '-wal', '-shm'] as const;

const MAX_SETS = 3;

/** The names of the damaged databases that are kept, the oldest first. */
export function setAsideNames(file: string): readonly string[] {
  const pattern = new RegExp(`^${basename(file)}\\.damaged-${TIME_STAMP}$`);
  return namesIn(dirname(file))
    .filter((name) => pattern.test(name))
    .sort();
}

/**
 * Under which name `file` and what belongs to it will be kept; undefined where there is nothing to keep. Where the file
 * itself is gone already, a power cut came in between, and the rest follows it.
 */
export function planSetAside(file: string, nowMs: number): string | undefined {
  const newest = setAsideNames(file).at(-1);
  const log = `${file}-wal`;
  const follows = newest !== undefined && !existsSync(join(dirname(file), `${newest}-wal`));
  if (!existsSync(file) && (follows || !existsSync(log))) return newest;
  const stamp = newest?.slice(`${basename(file)}.damaged-`.length);
  return `${basename(file)}.damaged-${stampAfter(stamp, nowMs)}`;
}

/** Renames a damaged database and what belongs to it. */
export function setAside(file: string, name: string | undefined): void {
  for (const suffix of SUFFIXES) {
    if (!existsSync(file + suffix)) continue;
    if (name === undefined) removeDurably(file + suffix);
    else renameSync(file + suffix, join(dirname(file), name + suffix));
  }
  syncToDisk(dirname(file));
}

/** The oldest make room: the disk must not fill up. */
export function forgetOldSets(file: string): void {
  const old = setAsideNames(file).slice(0, -MAX_SETS);
  removeDurably(...old.flatMap((name) => SUFFIXES.map((suffix) => join(dirname(file), name + suffix))));
}

/**
 * Where there is no database, or an empty one, a new configuration must not take the place of one that was lost. Throws
 * UsageError CONFIG_DATABASE_DAMAGED where something tells that there was one.
 */
export function refuseLost(file: string): void {
  try {
    // In this order: another program that makes a new one writes the database before its log.
    const hasLog = sizeOf(`${file}-wal`) > 0;
    // SQLite takes a file of one byte for an empty one.
    if (sizeOf(file) > 1) return;
    const hasBackup = listBackups(backupDirectory(dirname(file))).some(({ kind }) => kind === 'whole');
    if (hasLog || hasBackup || setAsideNames(file).length > 0) throw databaseDamaged(file, 'it is missing or empty');
  } catch (error) {
    throw storageError(file, error);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
