import { crc32 } from 'node:zlib';
import type { Statement } from 'better-sqlite3';
import type { Database } from './database.ts';
import type { ConfigurationTables } from './tables.ts';

/**
 * One checksum over all that must be of the same moment, in the row of `box`: the rows of every table, the revisions, the
 * edit that waits to be confirmed, and what the box is. A row's own checksum tells neither that a row is missing nor that
 * pages of two moments were mixed, as a damaged write-ahead log does. Cheap: SQLite adds up the checksums of the rows.
 */
export class Agreement {
  readonly #tables: ConfigurationTables;
  readonly #stored: Statement<[], number | null>;
  readonly #box: Statement<[], unknown[]>;
  readonly #revisions: Statement<[], unknown[]>;
  readonly #unconfirmed: Statement<[], unknown[]>;
  readonly #store: Statement<[number]>;

  constructor(database: Database, tables: ConfigurationTables) {
    this.#tables = tables;
    this.#stored = database.prepare<[], number | null>('SELECT checksum FROM box').pluck();
    this.#box = database.prepare<[], unknown[]>('SELECT realm, hex(export_salt) FROM box').raw();
    this.#revisions = database
      .prepare<[], unknown[]>('SELECT count(*), min(revision), max(revision) FROM revisions')
      .raw();
    this.#unconfirmed = database
      .prepare<[], unknown[]>('SELECT revision, deadline_ms, confirmed FROM unconfirmed')
      .raw();
    this.#store = database.prepare('UPDATE box SET checksum = ?');
  }

  /** False after a migration, which changes what the checksums are made of. */
  get isSealed(): boolean {
    return typeof this.#stored.get() === 'number';
  }

  /** Whether all is what the last seal() saw. */
  holds(): boolean {
    return this.#stored.get() === this.#sum();
  }

  /** To be called within the transaction of whatever changed. */
  seal(): void {
    const sum = this.#sum();
    if (sum !== this.#stored.get()) this.#store.run(sum);
  }

  #sum(): number {
    const parts = [this.#box.all(), this.#revisions.all(), this.#unconfirmed.all(), this.#tables.sums()];
    return crc32(JSON.stringify(parts));
  }
}
