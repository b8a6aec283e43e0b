import { crc32 } from 'node:zlib';
import type { Statement } from 'better-sqlite3';
import { RingdownError, UsageError } from '../core/errors.ts';
import { type Change, changesFromJson, changesToJson, type MaskedChanges, type RemovedSecrets } from './changes.ts';
import type { Database } from './database.ts';
import { isRecord } from './schema/tree.ts';

/** From where an edit came. */
export type Origin = 'console' | 'web' | 'cli' | 'import' | 'system';

export interface Author {
  /** The person or part that edits: an account's name. */
  readonly who: string;
  readonly origin: Origin;
}

/** One edit as the log keeps it; its secrets are masked. */
export interface Revision {
  readonly revision: number;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly author: Author;
  readonly comment: string;
  readonly changes: readonly Change[];
}

export interface NewRevision extends MaskedChanges {
  readonly revision: number;
  readonly atMs: number;
  readonly author: Author;
  readonly comment: string;
}

/** Older edits are forgotten: the log must not fill the flash. */
const MAX_REVISIONS = 1000;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_COMMENT_CHARACTERS = 200;
const MAX_WHO_CHARACTERS = 64;

interface Row {
  readonly revision: number;
  readonly atMs: number;
  readonly who: string;
  readonly origin: Origin;
  readonly comment: string;
  readonly changes: string;
  readonly removedSecrets: string;
  readonly checksum: number | null;
}

/** The table of revisions. Each has a checksum, so that a damaged one is never rolled back to. */
export class RevisionLog {
  readonly #newest: Statement<[], number>;
  readonly #oldest: Statement<[], number>;
  readonly #list: Statement<[number, number], Row>;
  readonly #after: Statement<[number], Row>;
  readonly #insert: Statement<[number, number, string, Origin, string, string, string, number]>;
  readonly #removeOld: Statement<[number]>;
  readonly #sizes: Statement<[], number>;
  readonly #removeOldest: Statement<[]>;

  constructor(database: Database) {
    const columns =
      'revision, at_ms AS atMs, who, origin, comment, changes, removed_secrets AS removedSecrets, checksum';
    this.#newest = database.prepare<[], number>('SELECT max(revision) FROM revisions').pluck();
    this.#oldest = database.prepare<[], number>('SELECT min(revision) FROM revisions').pluck();
    this.#list = database.prepare(
      `SELECT ${columns} FROM revisions WHERE revision <= ? ORDER BY revision DESC LIMIT ?`,
    );
    this.#after = database.prepare(`SELECT ${columns} FROM revisions WHERE revision > ? ORDER BY revision DESC`);
    this.#insert = database.prepare(
      `INSERT INTO revisions (revision, at_ms, who, origin, comment, changes, removed_secrets, checksum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#removeOld = database.prepare('DELETE FROM revisions WHERE revision <= ?');
    this.#sizes = database
      .prepare<[], number>(
        'SELECT coalesce(sum(octet_length(changes) + octet_length(removed_secrets)), 0) FROM revisions',
      )
      .pluck();
    this.#removeOldest = database.prepare(
      'DELETE FROM revisions WHERE revision = (SELECT min(revision) FROM revisions)',
    );
  }

  /** The number of the configuration as it is. */
  get newest(): number {
    return this.#newest.get() ?? 0;
  }

  /** The oldest that is kept: its state can be asked for, that of the one before it too. */
  get oldest(): number {
    return this.#oldest.get() ?? 0;
  }

  /** The newest first. One that is damaged says so in its comment, and hides none of the others. */
  list(limit: number): readonly Revision[] {
    return this.#list.all(Number.MAX_SAFE_INTEGER, limit).map((row) => {
      try {
        return read(row).revision;
      } catch {
        const author: Author = { who: '?', origin: 'system' };
        return { revision: row.revision, atMs: 0, author, comment: 'damaged: it cannot be read', changes: [] };
      }
    });
  }

  /** Throws UsageError CONFIG_REVISION_UNKNOWN, RingdownError CONFIG_REVISION_DAMAGED. */
  get(revision: number): Revision {
    const [row] = this.#list.all(revision, 1);
    if (row?.revision === revision) return read(row).revision;
    throw this.unknown(revision);
  }

  /** Those after `revision`, the newest first, with all that takes them back. Throws as get() where some are missing. */
  after(revision: number): readonly (Revision & MaskedChanges)[] {
    if (revision < this.oldest - 1 || revision > this.newest || revision < 1) throw this.unknown(revision);
    return this.#after.all(revision).map((row) => {
      const { revision: kept, removedSecrets } = read(row);
      return { ...kept, removedSecrets };
    });
  }

  /** To be called within the transaction of the edit. */
  append({ revision, atMs, author, comment, changes, removedSecrets }: NewRevision): void {
    const who = oneLine(author.who, MAX_WHO_CHARACTERS);
    const said = oneLine(comment, MAX_COMMENT_CHARACTERS);
    const texts = [changesToJson(changes), JSON.stringify(removedSecrets)] as const;
    const checksum = checksumOf([revision, atMs, who, author.origin, said, ...texts]);
    this.#insert.run(revision, atMs, who, author.origin, said, ...texts, checksum);
    this.#removeOld.run(revision - MAX_REVISIONS);
    for (let rest = this.#sizes.get() ?? 0; rest > MAX_BYTES && this.oldest < revision; rest = this.#sizes.get() ?? 0) {
      this.#removeOldest.run();
    }
  }

  unknown(revision: number): UsageError {
    return new UsageError(
      'CONFIG_REVISION_UNKNOWN',
      `there is no revision ${revision}`,
      `Those from ${this.oldest} to ${this.newest} are kept; ringdown config log lists them.`,
    );
  }
}

/** Throws RingdownError CONFIG_REVISION_DAMAGED. */
function read(row: Row): { readonly revision: Revision; readonly removedSecrets: RemovedSecrets } {
  const { revision, atMs, who, origin, comment, changes, removedSecrets, checksum } = row;
  const expected = checksumOf([revision, atMs, who, origin, comment, changes, removedSecrets]);
  // The first revision was written by a migration, without one.
  if (checksum !== null && checksum !== expected) throw revisionDamaged(revision);
  const secrets: unknown = JSON.parse(removedSecrets);
  return {
    revision: { revision, atMs, author: { who, origin }, comment, changes: changesFromJson(changes) },
    removedSecrets: isRecord(secrets) ? (secrets as RemovedSecrets) : {},
  };
}

function revisionDamaged(revision: number): RingdownError {
  return new RingdownError(
    'CONFIG_REVISION_DAMAGED',
    `what is kept of revision ${revision} is damaged`,
    'The configuration itself is whole. Older states are in the backups: ringdown backup list.',
  );
}

function checksumOf(values: readonly (string | number)[]): number {
  return crc32(JSON.stringify(values));
}

/** Comments and names end up on terminals. */
function oneLine(text: string, max: number): string {
  return [
    ...text
      .toWellFormed()
      .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
      .trim(),
  ]
    .slice(0, max)
    .join('');
}
