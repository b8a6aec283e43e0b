import type { Statement } from 'better-sqlite3';
import type { Database } from '../../config/database.ts';
import type { CallRecord } from './call-record.ts';
import { type CallRow, rowOf, type UserCallRow, userCallRowOf } from './call-row.ts';
import type { UserCall } from './user-call.ts';

export interface WrittenCall {
  readonly record: CallRecord;
  readonly userCalls: readonly UserCall[];
}

/** Of one user's call log. */
export const MAX_USER_CALLS = 200;

/**
 * Writes calls a few rows at a time, and all of them in one commit. A call to a large group makes a row for each member, so that
 * a second of a busy office has more than a thousand: written at once, every call would wait for them.
 */
export class CallWriter {
  readonly #database: Database;
  readonly #insert: Statement<[CallRow]>;
  readonly #insertUserCall: Statement<[UserCallRow]>;
  readonly #forgetOldest: Statement<[string, string, number]>;
  #rows: Iterator<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
    const columns = Object.keys(rowOf(EMPTY));
    this.#insert = database.prepare(
      `INSERT INTO calls (${columns.join()}) VALUES (${columns.map((name) => `@${name}`).join()})
       ON CONFLICT (id) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join()}`,
    );
    this.#insertUserCall = database.prepare(
      `INSERT OR REPLACE INTO user_calls (user, at_ms, call, kind, number, name, seconds)
       VALUES (@user, @at_ms, @call, @kind, @number, @name, @seconds)`,
    );
    this.#forgetOldest = database.prepare(
      `DELETE FROM user_calls WHERE user = ? AND at_ms <= (
         SELECT at_ms FROM user_calls WHERE user = ? ORDER BY at_ms DESC LIMIT 1 OFFSET ?)`,
    );
  }

  /** Begun, and not committed yet. */
  get isWriting(): boolean {
    return this.#rows !== undefined;
  }

  /** Takes what is to be written; nothing may be on its way. Throws what SQLite throws. */
  begin(calls: readonly WrittenCall[]): void {
    this.#database.exec('BEGIN IMMEDIATE');
    this.#rows = this.#write(calls);
  }

  /** Writes so many rows more, and commits after the last one: true then. Throws what SQLite throws, and has written nothing then. */
  go(rows = Number.POSITIVE_INFINITY): boolean {
    if (this.#rows === undefined) return true;
    try {
      for (let row = 0; row < rows; row += 1) {
        if (this.#rows.next().done !== true) continue;
        this.#database.exec('COMMIT');
        this.#rows = undefined;
        return true;
      }
      return false;
    } catch (error) {
      this.#rows = undefined;
      // Of itself SQLite does it where the disk is full.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  *#write(calls: readonly WrittenCall[]): Generator<void, void> {
    const users = new Set<string>();
    for (const { record, userCalls } of calls) {
      this.#insert.run(rowOf(record));
      yield;
      for (const call of userCalls) {
        users.add(call.user);
        this.#insertUserCall.run(userCallRowOf(call));
        yield;
      }
    }
    for (const user of users) {
      this.#forgetOldest.run(user, user, MAX_USER_CALLS);
      yield;
    }
  }
}

/** For the names of the columns. */
const EMPTY: CallRecord = {
  ...{ id: '', direction: 'internal', startedAtMs: 0, caller: { number: '' } },
  ...{ dialled: '', isEmergency: false, transfers: [] },
};
