import Database from 'better-sqlite3';
import { RingdownError, UsageError } from '../core/errors.ts';

/** The directory for data cannot be made, or a file in it cannot be written. */
export function dataNotWritable(path: string, cause: unknown): UsageError {
  const reason = cause instanceof Error ? (systemCode(cause) ?? cause.message) : String(cause);
  return new UsageError(
    'CONFIG_DATA_NOT_WRITABLE',
    `the data directory ${path} cannot be written (${reason})`,
    'Give --data a directory that this user may write, on a disk that is mounted read-write.',
    { cause },
  );
}

/** The file is kept as it is: what can be saved from it is its owner's decision. */
export function databaseDamaged(file: string, reason: string, cause?: unknown): UsageError {
  return new UsageError(
    'CONFIG_DATABASE_DAMAGED',
    `the database ${file} is damaged (${reason})`,
    'Start the service: it keeps the damaged file and goes on from the newest backup. Or choose one: ringdown backup list.',
    cause === undefined ? undefined : { cause },
  );
}

/** SQLITE_IOERR_SHMSIZE: the file that processes share could not grow. */
const NO_SPACE: ReadonlySet<string> = new Set(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT']);

/** Turns what SQLite or the file system throws about the database `file` into an error with a cure. */
export function storageError(file: string, cause: unknown): RingdownError {
  if (cause instanceof RingdownError) return cause;
  const code = cause instanceof Database.SqliteError ? cause.code : (systemCode(cause) ?? '');
  if (isDamage(cause)) {
    return databaseDamaged(file, code, cause);
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new UsageError(
      'CONFIG_DATABASE_LOCKED',
      `the database ${file} is locked by another program`,
      'Wait until the other program has finished, or stop it, and try again.',
      { cause },
    );
  }
  if (NO_SPACE.has(code)) {
    return new UsageError('CONFIG_DISK_FULL', `no space is left for ${file}`, 'Free some space and try again.', {
      cause,
    });
  }
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY') || code.startsWith('E')) {
    return dataNotWritable(file, cause);
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RingdownError(
    'CONFIG_DATABASE_FAILED',
    `the database ${file} failed: ${reason}`,
    'Report this with the log.',
    {
      cause,
    },
  );
}

/** As storageError, while a file is being opened: our statements are right, so what SQLite cannot read there is damaged. */
export function openingError(file: string, cause: unknown): RingdownError {
  const isUnreadable = cause instanceof Database.SqliteError && cause.code === 'SQLITE_ERROR';
  return isUnreadable ? databaseDamaged(file, cause.message, cause) : storageError(file, cause);
}

/** The bytes of the file are not those of a healthy database. */
export function isDamage(cause: unknown): boolean {
  if (cause instanceof RingdownError) return cause.code === 'CONFIG_DATABASE_DAMAGED';
  if (!(cause instanceof Database.SqliteError)) return false;
  // A short read: the file ends before a page that it names.
  return ['SQLITE_NOTADB', 'SQLITE_IOERR_SHORT_READ'].includes(cause.code) || cause.code.startsWith('SQLITE_CORRUPT');
}

function systemCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string') return undefined;
  return cause.code;
}
