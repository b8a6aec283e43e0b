import type { Statement } from 'better-sqlite3';
import type { Database } from '../../config/database.ts';
import type { CallMeasured } from './call-event.ts';
import {
  CALL_COLUMNS,
  type CallRows,
  measuredValuesOf,
  type RowValues,
  rowsOf,
  UPDATE_MEASURED,
  USER_CALL_COLUMNS,
} from './call-row.ts';
import type { LiveCall } from './live-call.ts';
import { MAX_USER_CALLS } from './user-call.ts';

/** Of one that runs, what it is now. */
export type UnwrittenCall = CallRows | LiveCall;

/** As many more are in a user's call log before the oldest are looked for, which takes a walk over all of it. */
const MAX_UNTRIMMED = 50;
/** More than a box has; of those who were users once, some thousands cost nothing. */
const MAX_USERS = 10_000;
const USER = USER_CALL_COLUMNS.indexOf('user');

/**
 * Writes calls a few rows at a time, and all of them in one commit. A call to a large group makes a row for each member, so that
 * a second of a busy office has more than a thousand: written at once, every call would wait for them.
 */
export class CallWriter {
  readonly #database: Database;
  readonly #insert: Statement<[RowValues]>;
  readonly #insertUserCall: Statement<[RowValues]>;
  readonly #measure: Statement<[RowValues]>;
  readonly #trim: Statement<[string, string, number]>;
  /** Rows that a log has got since it was trimmed. How long that of a user is who is not here, nobody knows. */
  readonly #untrimmed = new Map<string, number>();
  #rows: Iterator<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
    const insert = (table: string, columns: readonly string[]) =>
      `INTO ${table} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`;
    this.#insert = database.prepare(
      `INSERT ${insert('calls', CALL_COLUMNS)}
       ON CONFLICT (id) DO UPDATE SET ${CALL_COLUMNS.map((name) => `${name} = excluded.${name}`).join()}`,
    );
    this.#insertUserCall = database.prepare(`INSERT OR REPLACE ${insert('user_calls', USER_CALL_COLUMNS)}`);
    this.#measure = database.prepare(UPDATE_MEASURED);
    this.#trim = database.prepare(
      `DELETE FROM user_calls WHERE user = ? AND at_ms <= (
         SELECT at_ms FROM user_calls WHERE user = ? ORDER BY at_ms DESC LIMIT 1 OFFSET ?)`,
    );
  }

  /** Begun, and not committed yet. */
  get isWriting(): boolean {
    return this.#rows !== undefined;
  }

  /** Takes what is to be written; nothing may be on its way. Throws what SQLite throws. */
  begin(calls: readonly UnwrittenCall[], measured: readonly CallMeasured[]): void {
    this.#database.exec('BEGIN IMMEDIATE');
    this.#rows = this.#write(calls, measured);
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
      // What was trimmed is there again.
      this.#untrimmed.clear();
      // Of itself SQLite does it where the disk is full.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  *#write(calls: readonly UnwrittenCall[], measured: readonly CallMeasured[]): Generator<void, void> {
    const users = new Set<string>();
    for (const call of calls) {
      const { record, userCalls } = 'legs' in call ? rowsOf(call) : call;
      this.#insert.run(record);
      yield;
      for (const row of userCalls) {
        this.#insertUserCall.run(row);
        const user = String(row[USER]);
        if (this.#isLong(user)) users.add(user);
        yield;
      }
    }
    for (const event of measured) {
      this.#measure.run([...measuredValuesOf(event), event.call]);
      yield;
    }
    for (const user of users) {
      this.#trim.run(user, user, MAX_USER_CALLS);
      this.#untrimmed.set(user, 0);
      yield;
    }
  }

  /** Whether the log of a user, who has got one row more, may be longer than it should be. */
  #isLong(user: string): boolean {
    const rows = (this.#untrimmed.get(user) ?? MAX_UNTRIMMED) + 1;
    if (this.#untrimmed.size >= MAX_USERS) this.#untrimmed.clear();
    this.#untrimmed.set(user, rows);
    return rows > MAX_UNTRIMMED;
  }
}
