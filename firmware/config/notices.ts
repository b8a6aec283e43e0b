import type { Statement } from 'better-sqlite3';
import type { Clock } from '../core/clock.ts';
import type { Database } from './database.ts';

/** Something that people must know of, such as that the box started from a backup. */
export interface Notice {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Stable, upper case. */
  readonly code: string;
  readonly message: string;
}

const MAX_NOTICES = 20;

/** Shown on every interface until somebody takes note; the oldest make room. */
export class Notices {
  readonly #clock: Clock;
  readonly #list: Statement<[], Notice>;
  readonly #add: Statement<[number, string, string]>;
  readonly #removeOld: Statement<[number]>;
  readonly #clear: Statement<[]>;

  constructor(database: Database, clock: Clock) {
    this.#clock = clock;
    this.#list = database.prepare('SELECT at_ms AS atMs, code, message FROM notices ORDER BY id');
    this.#add = database.prepare('INSERT INTO notices (at_ms, code, message) VALUES (?, ?, ?)');
    this.#removeOld = database.prepare(
      'DELETE FROM notices WHERE id NOT IN (SELECT id FROM notices ORDER BY id DESC LIMIT ?)',
    );
    this.#clear = database.prepare('DELETE FROM notices');
  }

  list(): readonly Notice[] {
    return this.#list.all();
  }

  add(code: string, message: string): void {
    this.#add.run(this.#clock.now(), code, message);
    this.#removeOld.run(MAX_NOTICES);
  }

  clear(): void {
    this.#clear.run();
  }
}
