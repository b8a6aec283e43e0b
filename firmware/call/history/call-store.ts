import type { Transaction } from 'better-sqlite3';
import type { Database } from '../../config/database.ts';
import { syncToDiskLater } from '../../config/durable-files.ts';
import { openReplaceable } from '../../config/replaceable-database.ts';
import { storageError } from '../../config/storage-error.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { LiveMap } from '../../core/live-map.ts';
import type { Logger } from '../../core/logger.ts';
import type { CallMeasured } from './call-event.ts';
import { CallReader, callsFile } from './call-reader.ts';
import { CALLS_SCHEMA, CALLS_SCHEMA_VERSION, rowsOf, withMeasured } from './call-row.ts';
import { CallWriter, type UnwrittenCall } from './call-writer.ts';
import type { LiveCall } from './live-call.ts';

/** How much is kept, as configured now. */
export interface CallRetention {
  readonly recordsKept: number;
  /** Of records and of the users' logs. */
  readonly recordDays: number;
}

export interface CallStoreOptions {
  readonly directory: string;
  readonly retention: () => CallRetention;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The least time between two commits: a busy hour must not wear out the flash. */
const COMMIT_INTERVAL_MS = 1000;
/** What is too old is looked for this often where no call ends. */
const PRUNE_INTERVAL_MS = 3_600_000;
/** And so long after calls were written at the latest, so that no more are kept than may be. */
const PRUNE_AFTER_CALLS_MS = 5000;
/** Rows removed in one commit: signalling stands still meanwhile. */
const MAX_PRUNED_ROWS = 500;
/** Then it has its turn, before more are removed: a storm of calls never writes as many in this time. */
const PRUNE_PAUSE_MS = 100;
/** Records that wait while the disk takes none; the oldest go first. Half an hour of the busiest office. */
const MAX_WAITING = 2000;
/** With so many waiting the next commit is not put off: in a storm of calls it would come when the oldest are lost already. */
const MANY_WAITING = MAX_WAITING / 4;
/** Rows written before signalling has its turn: one or two milliseconds. */
const ROWS_AT_ONCE = 64;
/** Then it has as much as it needs, and this long at the least. */
const WRITE_PAUSE_MS = 5;
const DAY_MS = 86_400_000;

/**
 * Call records and the users' call logs, apart from the configuration. `save` never touches the disk: what waits is written in
 * one transaction at most once a second, a few rows in each turn of the event loop. The commit itself waits for no disk; another
 * thread then has the log synced, so that a power cut takes no more than the last moment. A damaged file is set aside and made new.
 */
export class CallStore {
  /** What was written; what still waits is not in it. */
  readonly reader: CallReader;
  readonly #options: CallStoreOptions;
  readonly #database: Database;
  readonly #file: string;
  readonly #writer: CallWriter;
  readonly #prune: Transaction<() => number>;
  /** By the id of the record: a later one of a call that goes on replaces it. */
  readonly #waiting = new LiveMap<string, UnwrittenCall>();
  /** Of calls whose record was written, or is being written. */
  readonly #measured = new LiveMap<string, CallMeasured>();
  #writingMeasured: readonly CallMeasured[] = [];
  /** Those of the waiting that are being written. */
  #writing: readonly UnwrittenCall[] = [];
  #timer: Timer | undefined;
  /** It is for at once. */
  #isSoon = false;
  #pruning: Timer | undefined;
  #pruningDueMs = Number.POSITIVE_INFINITY;
  #syncing: Promise<void> | undefined;
  #isUnsynced = false;
  #isFailing = false;
  #isClosed = false;
  #dropped = 0;

  private constructor(options: CallStoreOptions, database: Database, file: string) {
    this.#options = options;
    this.#database = database;
    this.#file = file;
    this.#writer = new CallWriter(database);
    this.#prune = this.#preparePruning();
    this.reader = new CallReader(database);
  }

  /**
   * Opens DIR/calls.db. Calls that ran when the box stopped have ended with the cause `interrupted`. Throws UsageError
   * CONFIG_DATA_NOT_WRITABLE, CONFIG_DATABASE_LOCKED, CONFIG_DISK_FULL.
   */
  static open(options: CallStoreOptions): CallStore {
    const { directory, logger } = options;
    const file = callsFile(directory);
    const { database, isReplaced } = openReplaceable({
      file,
      schemaVersion: CALLS_SCHEMA_VERSION,
      bringUp: (database, version) => {
        if (version < 1) database.exec(CALLS_SCHEMA);
      },
    });
    if (isReplaced) logger.warn({ file, keptAs: `${file}.damaged` }, 'call records could not be read: they begin anew');
    try {
      database.exec(`UPDATE calls SET cause = 'interrupted' WHERE cause IS NULL`);
      const store = new CallStore(options, database, file);
      store.#pruneWithin(COMMIT_INTERVAL_MS);
      return store;
    } catch (error) {
      database.close();
      throw storageError(file, error);
    }
  }

  /**
   * Within a second; what was saved of the same call before is replaced. A call that runs is held anyway, and has mostly ended before
   * its record is made; of one that has ended the rows alone are kept. After `close` it does nothing.
   */
  save(call: LiveCall): void {
    if (this.#isClosed) return;
    const id = call.started.call;
    // To the end of the row, so that the oldest stands first.
    this.#waiting.delete(id);
    this.#waiting.set(id, call.ended === undefined ? call : rowsOf(call));
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) {
      this.#waiting.delete(oldest);
      this.#dropped += 1;
    }
    if (this.#timer === undefined || (this.#isStorm && !this.#isSoon)) this.#writeLater();
  }

  /** What the media of an ended call were like. Mostly it comes before its record is written. After `close` it does nothing. */
  measured(event: CallMeasured): void {
    if (this.#isClosed) return;
    const rows = this.#waiting.get(event.call);
    if (rows !== undefined && !('legs' in rows) && !this.#writer.isWriting) {
      this.#waiting.set(event.call, withMeasured(rows, event));
      return;
    }
    // Of a storm of calls it may be forgotten, as the records are.
    if (this.#measured.size < MAX_WAITING) this.#measured.set(event.call, event);
    if (this.#timer === undefined) this.#writeLater();
  }

  get #isStorm(): boolean {
    return !this.#isFailing && this.#waiting.size >= MANY_WAITING;
  }

  /** What was begun goes on, and a storm is written, after a pause; all else a second later. */
  #writeLater(): void {
    this.#timer?.cancel();
    this.#isSoon = this.#writer.isWriting || this.#isStorm;
    const delayMs = this.#isSoon ? WRITE_PAUSE_MS : COMMIT_INTERVAL_MS;
    this.#timer = this.#options.clock.schedule(delayMs, () => this.#write(ROWS_AT_ONCE));
  }

  /** Writes what waits, now. A failure is logged once, keeps what waits and tries again a second later. */
  flush(): void {
    // What was begun, and then what came since.
    if (this.#writer.isWriting) this.#write();
    this.#write();
  }

  /** So many rows of what waits now; the rest follows, and then what came since, a second later. */
  #write(rows?: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#hasWaiting) return;
    try {
      if (!this.#writer.isWriting) {
        this.#writing = [...this.#waiting.values()];
        this.#writingMeasured = [...this.#measured.values()];
        this.#writer.begin(this.#writing, this.#writingMeasured);
      }
      if (this.#writer.go(rows)) this.#hasWritten();
    } catch (error) {
      this.#hasFailed(error);
    }
    if (this.#hasWaiting && !this.#isClosed) this.#writeLater();
  }

  get #hasWaiting(): boolean {
    return this.#waiting.size > 0 || this.#measured.size > 0;
  }

  #hasWritten(): void {
    const written = this.#writing;
    this.#writing = [];
    for (const { call } of this.#writingMeasured) this.#measured.delete(call);
    this.#writingMeasured = [];
    // A later record of the same call may have come meanwhile.
    for (const call of written) {
      const id = 'legs' in call ? call.started.call : call.id;
      if (this.#waiting.get(id) === call) this.#waiting.delete(id);
    }
    if (this.#isFailing)
      this.#options.logger.info({ file: this.#file, lost: this.#dropped }, 'call records are written again');
    this.#isFailing = false;
    this.#dropped = 0;
    this.#sync();
    this.#pruneWithin(PRUNE_AFTER_CALLS_MS);
  }

  #hasFailed(error: unknown): void {
    this.#writing = [];
    this.#writingMeasured = [];
    const { code, message, cure } = storageError(this.#file, error);
    if (!this.#isFailing)
      this.#options.logger.warn({ code, cure, file: this.#file }, `call records are not written: ${message}`);
    this.#isFailing = true;
  }

  /** Resolves when what was written is on the disk. */
  async synced(): Promise<void> {
    await this.#syncing;
  }

  /** Writes what waits and closes the file. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.flush();
    this.#pruning?.cancel();
    this.#database.close();
  }

  #sync(): void {
    this.#isUnsynced = true;
    this.#syncing ??= this.#syncAll().finally(() => {
      this.#syncing = undefined;
    });
  }

  async #syncAll(): Promise<void> {
    while (this.#isUnsynced) {
      this.#isUnsynced = false;
      try {
        await syncToDiskLater(`${this.#file}-wal`);
      } catch (error) {
        // With the last connection SQLite takes its log away.
        if (!this.#isClosed) this.#options.logger.warn({ err: error, file: this.#file }, 'call records not synced');
      }
    }
  }

  #preparePruning(): Transaction<() => number> {
    const database = this.#database;
    const tooOld = database.prepare<[number, number]>(
      'DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE started_at_ms < ? ORDER BY started_at_ms LIMIT ?)',
    );
    const tooMany = database.prepare<[number, number]>(
      `DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE seq <= (
         SELECT seq FROM calls ORDER BY seq DESC LIMIT 1 OFFSET ?) ORDER BY seq LIMIT ?)`,
    );
    const oldUserCalls = database.prepare<[number, number]>(
      `DELETE FROM user_calls WHERE (user, at_ms, call, kind) IN (
         SELECT user, at_ms, call, kind FROM user_calls WHERE at_ms < ? ORDER BY at_ms LIMIT ?)`,
    );
    return database.transaction(() => {
      const { recordDays, recordsKept } = this.#options.retention();
      const before = Math.trunc(this.#options.clock.now() - recordDays * DAY_MS);
      const removed = [
        tooOld.run(before, MAX_PRUNED_ROWS).changes,
        tooMany.run(recordsKept, MAX_PRUNED_ROWS).changes,
        oldUserCalls.run(before, MAX_PRUNED_ROWS).changes,
      ];
      return Math.max(...removed);
    });
  }

  /** Not later than that, if not sooner. */
  #pruneWithin(delayMs: number): void {
    const { clock, logger } = this.#options;
    const dueMs = clock.elapsed() + delayMs;
    if (this.#pruningDueMs <= dueMs) return;
    this.#pruning?.cancel();
    this.#pruningDueMs = dueMs;
    this.#pruning = clock.schedule(delayMs, () => {
      this.#pruningDueMs = Number.POSITIVE_INFINITY;
      let removed = 0;
      try {
        removed = this.#prune.immediate();
        if (removed > 0) this.#sync();
      } catch (error) {
        const { code, message } = storageError(this.#file, error);
        logger.warn({ code, file: this.#file }, `old call records are not removed: ${message}`);
      }
      this.#pruneWithin(removed >= MAX_PRUNED_ROWS ? PRUNE_PAUSE_MS : PRUNE_INTERVAL_MS);
    });
  }
}
