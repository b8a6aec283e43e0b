import type { Statement } from 'better-sqlite3';
import type { Database } from './database.ts';

export interface SystemSettings {
  /** Empty: clients use the address by which they reach the box. */
  readonly sipDomain: string;
  /** The digest realm. Fixed when the store is made: every stored secret depends on it. */
  readonly realm: string;
  /** BCP 47, language and region, as `en-GB`. */
  readonly locale: string;
  /** UDP ports for media, both ends included. */
  readonly mediaPortLow: number;
  readonly mediaPortHigh: number;
}

/** The one row of the table `system`. */
export class SystemRepository {
  readonly #get: Statement<[], SystemSettings>;

  constructor(database: Database) {
    this.#get = database.prepare(
      `SELECT sip_domain AS sipDomain, realm, locale, media_port_low AS mediaPortLow, media_port_high AS mediaPortHigh
       FROM system WHERE id = 1`,
    );
  }

  get(): SystemSettings {
    const settings = this.#get.get();
    // The first migration inserts the row and nothing deletes it.
    if (settings === undefined) throw new Error('the table system is empty');
    return settings;
  }
}
