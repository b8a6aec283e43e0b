import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import { type Database, openForReading } from '../../config/database.ts';
import { UsageError } from '../../core/errors.ts';
import type { CallRecord } from './call-record.ts';
import { CALLS_SCHEMA_VERSION, type CallRow, recordOfRow, type UserCallRow, userCallOfRow } from './call-row.ts';
import { MAX_USER_CALLS, type UserCall } from './user-call.ts';

/** Which records are wanted, by when the calls began; both ends included. Milliseconds since the Unix epoch. */
export interface CallPeriod {
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/** Rows read at a time, so that a call never waits for the whole of them. */
const PAGE_ROWS = 200;

export function callsFile(directory: string): string {
  return join(directory, 'calls.db');
}

/** Reads what is in calls.db, while the box may be writing to it. */
export class CallReader {
  readonly #page: Statement<[number, number, number, number], CallRow & { readonly seq: number }>;
  readonly #newest: Statement<[number], CallRow>;
  readonly #ofUser: Statement<[string, number], UserCallRow>;

  constructor(database: Database) {
    this.#page = database.prepare(
      'SELECT * FROM calls WHERE seq > ? AND started_at_ms >= ? AND started_at_ms <= ? ORDER BY seq LIMIT ?',
    );
    this.#newest = database.prepare('SELECT * FROM calls ORDER BY seq DESC LIMIT ?');
    this.#ofUser = database.prepare('SELECT * FROM user_calls WHERE user = ? ORDER BY at_ms DESC, call LIMIT ?');
  }

  /** Records in the order in which they were first written, a page at a time. */
  *records({ sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER }: CallPeriod = {}): Generator<readonly CallRecord[]> {
    let last = 0;
    for (;;) {
      const rows = this.#page.all(last, Math.trunc(sinceMs), Math.trunc(untilMs), PAGE_ROWS);
      const newest = rows.at(-1);
      if (newest === undefined) return;
      last = newest.seq;
      yield rows.map(recordOfRow);
    }
  }

  /** The newest first. */
  newest(limit: number): readonly CallRecord[] {
    return this.#newest.all(limit).map(recordOfRow);
  }

  /** The newest calls of a user, the newest first, no more than `MAX_USER_CALLS`. */
  userCalls(user: string, limit: number): readonly UserCall[] {
    return this.#ofUser.all(user, Math.min(limit, MAX_USER_CALLS)).map(userCallOfRow);
  }
}

/**
 * Reads the records of a data directory, whether its box runs or not. Throws UsageError CALLS_NONE, CALLS_VERSION,
 * CONFIG_DATABASE_DAMAGED.
 */
export async function withCallReader(directory: string, read: (reader: CallReader) => Promise<void>): Promise<void> {
  const file = callsFile(directory);
  if (!existsSync(file)) {
    throw new UsageError('CALLS_NONE', `there are no call records in ${directory}`, 'The box makes them when it runs.');
  }
  const database = openForReading(file);
  try {
    if (Number(database.pragma('user_version', { simple: true })) !== CALLS_SCHEMA_VERSION) {
      throw new UsageError('CALLS_VERSION', `${file} is of another version`, 'Use the program that the box runs.');
    }
    await read(new CallReader(database));
  } finally {
    database.close();
  }
}
