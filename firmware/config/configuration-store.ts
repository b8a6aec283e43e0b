import { existsSync, type FSWatcher, watch as watchFile } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import { type Clock, systemClock, type Timer } from '../core/clock.ts';
import { UsageError } from '../core/errors.ts';
import { Agreement } from './agreement.ts';
import { ChangeFeed } from './change-feed.ts';
import {
  apply,
  type Change,
  diff,
  isReplacedSecret,
  MASK,
  type MaskedChanges,
  mask,
  overlap,
  revert,
} from './changes.ts';
import { type Database, openDatabase, prepareDirectory } from './database.ts';
import { migrate, readMigrations } from './migrations.ts';
import { Notices } from './notices.ts';
import { formatPath } from './path.ts';
import { type Author, type Revision, RevisionLog } from './revision-log.ts';
import { complete } from './schema/complete.ts';
import { type Configuration, configurationSchema } from './schema/configuration.ts';
import { nodeOf } from './schema/tree.ts';
import { refuseLost } from './set-aside.ts';
import { databaseDamaged, isDamage, openingError, storageError } from './storage-error.ts';
import { ConfigurationTables } from './tables.ts';
import { nothingToConfirm, type Unconfirmed, UnconfirmedEdit } from './unconfirmed-edit.ts';
import { InvalidConfigurationError, type Issue } from './validation/issue.ts';
import { validate } from './validation/validate.ts';

export const DATABASE_FILE_NAME = 'ringdown.db';

/** How soon a write of another process is looked for again, doubling; a sync to slow flash takes seconds. */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 10_000;

interface State {
  readonly configuration: Configuration;
  readonly revision: number;
  /** SQLite's count of what other connections committed to the file. */
  readonly dataVersion: number;
}

export interface StoreOptions {
  readonly clock?: Clock;
  /** What nobody who called could be told: what a part threw that heard of an edit, and damage that another process made. */
  readonly onError?: (error: unknown) => void;
}

export interface Edit {
  readonly author: Author;
  readonly comment?: string;
  /** The revision that the editor saw. An edit of what somebody changed since is refused; left out: the newest. */
  readonly baseRevision?: number;
  /** An edit of LAN addresses is undone unless confirm() is called within this time. */
  readonly confirmWithinMs?: number;
  /**
   * The configuration as it shall be; may leave out what has a default. Must not change what it is given, which is that of
   * `revision`.
   */
  readonly change: (configuration: Configuration, revision: number) => unknown;
}

export interface EditResult {
  /** The new revision, or the newest one where nothing changed. */
  readonly revision: number;
  /** Masked: may be shown. */
  readonly changes: readonly Change[];
  readonly warnings: readonly Issue[];
  /** There when the edit waits for confirm(). */
  readonly unconfirmed?: Unconfirmed;
}

/** The configuration of the box: one SQLite file, which several processes may have open at once. */
export class ConfigurationStore {
  readonly feed: ChangeFeed;
  readonly log: RevisionLog;
  readonly notices: Notices;
  /** The realm of every SIP password; never changes. */
  readonly realm: string;
  readonly #database: Database;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #tables: ConfigurationTables;
  readonly #unconfirmed: UnconfirmedEdit;
  readonly #agreement: Agreement;
  readonly #dataVersion: Statement<[], number>;
  readonly #readExportSalt: Statement<[], Buffer>;
  readonly #writeExportSalt: Statement<[Buffer]>;
  #state: State;
  #watcher: FSWatcher | undefined;
  #nextLook: Timer | undefined;
  readonly #onError: (error: unknown) => void;
  /** Found while the file was in use. */
  #damage: unknown;

  private constructor(database: Database, file: string, options: StoreOptions) {
    this.#database = database;
    this.#file = file;
    this.#clock = options.clock ?? systemClock;
    this.#onError = options.onError ?? throwLater;
    this.feed = new ChangeFeed(this.#onError);
    this.log = new RevisionLog(database);
    this.notices = new Notices(database, this.#clock);
    this.#tables = new ConfigurationTables(database, file);
    this.#unconfirmed = new UnconfirmedEdit(database);
    this.#agreement = new Agreement(database, this.#tables);
    this.#dataVersion = database.prepare<[], number>('PRAGMA data_version').pluck();
    this.#readExportSalt = database.prepare<[], Buffer>('SELECT export_salt FROM box').pluck();
    this.#writeExportSalt = database.prepare<[Buffer]>('UPDATE box SET export_salt = ?');
    const realm = database.prepare<[], string>('SELECT realm FROM box').pluck().get();
    if (realm === undefined) throw databaseDamaged(file, 'the row of box is missing');
    this.realm = realm;
    this.#seal();
    this.#state = this.#read(undefined);
  }

  /**
   * Opens the store in `directory`, making both where they are missing, and brings it up to this program's version.
   * Throws UsageError: CONFIG_DATA_NOT_WRITABLE, CONFIG_NEWER_DATABASE, CONFIG_DATABASE_LOCKED,
   * CONFIG_DATABASE_DAMAGED (the file is kept as it is), CONFIG_DISK_FULL.
   */
  static open(directory: string, options: StoreOptions = {}): ConfigurationStore {
    prepareDirectory(directory);
    const file = join(directory, DATABASE_FILE_NAME);
    refuseLost(file);
    const database = openDatabase(file, 'FULL');
    try {
      migrate(database, file, readMigrations());
      return new ConfigurationStore(database, file, options);
    } catch (error) {
      database.close();
      throw openingError(file, error);
    }
  }

  /** As `open`, but a directory without a store is a mistake: UsageError CONFIG_DATA_NOT_FOUND, and nothing is made. */
  static openExisting(directory: string, options: StoreOptions = {}): ConfigurationStore {
    if (!existsSync(join(directory, DATABASE_FILE_NAME))) {
      throw new UsageError(
        'CONFIG_DATA_NOT_FOUND',
        `there is no configuration in ${directory}`,
        'Check --data, or add a first extension with `ringdown extension add`.',
      );
    }
    return ConfigurationStore.open(directory, options);
  }

  /** The configuration as it is now, also where another process has just edited it. Parts keep their identity over edits. */
  get current(): Configuration {
    this.#refresh();
    return this.#state.configuration;
  }

  /** The number of `current`. */
  get revision(): number {
    this.#refresh();
    return this.#state.revision;
  }

  /** 16 bytes for the keys of exports with secrets; an import with secrets brings its own. No part of any revision. */
  get exportSalt(): Buffer {
    const salt = this.#guard(() => this.#readExportSalt.get());
    if (salt === undefined) throw databaseDamaged(this.#file, 'the row of box is missing');
    return salt;
  }

  set exportSalt(salt: Buffer) {
    const write = (): void => {
      this.#writeExportSalt.run(salt);
      this.#agreement.seal();
    };
    this.#guard(() => this.#database.transaction(write).immediate());
  }

  /** The edit that waits for confirm(), if there is one. */
  get unconfirmed(): Unconfirmed | undefined {
    return this.#guard(() => this.#unconfirmed.get());
  }

  /**
   * Makes an edit: all of it or nothing, and on the disk when this returns. An edit that changes nothing makes no revision
   * and writes nothing. Throws InvalidConfigurationError with everything that is wrong; UsageError CONFIG_CONFLICT,
   * CONFIG_UNCONFIRMED, CONFIG_REVISION_UNKNOWN, CONFIG_DISK_FULL, CONFIG_DATABASE_LOCKED.
   */
  edit(edit: Edit): EditResult {
    this.#refresh();
    if (this.#damage !== undefined) throw this.#damage;
    const { answer, state } = this.#guard(() => this.#database.transaction(() => this.#edit(edit)).immediate());
    this.#take(state);
    return answer;
  }

  /**
   * Makes the configuration what it was at `revision`, as an edit of its own. Passwords that were replaced since stay
   * replaced; those of items that come back come back with them. Throws as edit(), and UsageError CONFIG_REVISION_UNKNOWN.
   */
  rollback(revision: number, edit: Omit<Edit, 'change'>): EditResult {
    return this.edit({
      comment: `rollback to revision ${revision}`,
      ...edit,
      change: (configuration, from) => {
        const between = this.log.after(revision).filter((entry) => entry.revision <= from);
        return this.#reverted(configuration, between);
      },
    });
  }

  /** The configuration at a revision, with the secrets of today. Throws UsageError CONFIG_REVISION_UNKNOWN. */
  at(revision: number): Configuration {
    const { current } = this;
    return this.#guard(() => this.#reverted(current, this.log.after(revision)));
  }

  /**
   * What differs between two revisions, masked; secrets that were replaced in between are named too, though nobody knows
   * the old ones any more. Throws UsageError CONFIG_REVISION_UNKNOWN.
   */
  between(from: number, to: number): readonly Change[] {
    return this.#guard(() => {
      const { changes } = mask(diff(this.at(from), this.at(to)));
      const [first, last] = from < to ? [from, to] : [to, from];
      const replaced = this.log
        .after(first)
        .filter(({ revision }) => revision <= last)
        .flatMap((entry) => entry.changes.filter(isReplacedSecret));
      const paths = new Set(changes.map(({ path }) => formatPath(path)));
      // Oldest first, each once, and not within an item that came or went as a whole.
      const more = replaced.reverse().filter(({ path }) => {
        const text = formatPath(path);
        const isNew = !paths.has(text) && overlap([{ path, before: MASK, after: MASK }], changes) === undefined;
        paths.add(text);
        return isNew;
      });
      return [...changes, ...more];
    });
  }

  /** Keeps the edit that waits for it. Throws UsageError CONFIG_NOTHING_TO_CONFIRM. */
  confirm(): Unconfirmed {
    const confirm = (): Unconfirmed => {
      const unconfirmed = this.#unconfirmed.get();
      if (unconfirmed === undefined) throw nothingToConfirm();
      this.#unconfirmed.clear();
      this.#agreement.seal();
      return unconfirmed;
    };
    return this.#guard(() => this.#database.transaction(confirm).immediate());
  }

  /**
   * Goes back to the LAN addresses that were confirmed last, and takes nothing else back. Undefined where nothing waits, as
   * when somebody confirmed it in this very moment.
   */
  undoUnconfirmed(author: Author): EditResult | undefined {
    const waiting = this.unconfirmed;
    if (waiting === undefined) return undefined;
    const undo = (withPools: boolean): EditResult | undefined => {
      let isThere = true;
      const result = this.edit({
        author,
        comment: `revision ${waiting.revision} was not confirmed`,
        change: (configuration) => {
          const undone = this.#unconfirmed.undone(configuration, withPools);
          isThere = undone !== undefined;
          return undone ?? configuration;
        },
      });
      return isThere ? result : undefined;
    };
    try {
      return undo(false);
    } catch (error) {
      if (!(error instanceof InvalidConfigurationError)) throw error;
      // A pool that was made for the new addresses does not fit the old ones. The LANs as they were fit.
      return undo(true);
    }
  }

  /** Tells of edits of other processes as soon as they are made, and not only when `current` is asked for. */
  followOthers(): void {
    const names = new Set([basename(this.#file), `${basename(this.#file)}-wal`]);
    this.#watcher ??= watchFile(dirname(this.#file), { persistent: false }, (_event, name) => {
      if (name !== null && names.has(name)) this.#lookAgain(FIRST_LOOK_MS);
    });
  }

  /** A commit can be seen only some time after the write that wakes us: its sync lies in between. */
  #lookAgain(delayMs: number): void {
    this.#nextLook?.cancel();
    if (this.#refresh() || delayMs > LAST_LOOK_MS) return;
    this.#nextLook = this.#clock.schedule(delayMs, () => this.#lookAgain(2 * delayMs));
  }

  /** A consistent copy as one file of its own, made while the box goes on (SQLite's backup API). */
  async copyTo(file: string): Promise<void> {
    try {
      await this.#database.backup(file);
    } catch (error) {
      throw storageError(file, error);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#watcher?.close();
    this.#nextLook?.cancel();
    this.#database.close();
  }

  /** Within the transaction, where nobody else writes. */
  #edit({ author, comment = '', baseRevision, confirmWithinMs, change }: Edit): {
    readonly answer: EditResult;
    readonly state: State;
  } {
    // Another process may have edited it just before the transaction began.
    const state = this.#isStale() ? this.#read(this.#state.configuration) : this.#state;
    const { configuration: before, revision: newest } = state;
    const candidate =
      baseRevision === undefined || baseRevision === newest
        ? change(before, newest)
        : this.#rebased(before, newest, baseRevision, change);
    const { configuration: after, warnings } = validate(candidate, before);
    const differences = diff(before, after);
    if (differences.length === 0) return { answer: { revision: newest, changes: [], warnings }, state };
    const revision = newest + 1;
    const nowMs = this.#clock.now();
    const pending = { revision, deadlineMs: nowMs + (confirmWithinMs ?? 0) };
    const unconfirmed = this.#unconfirmed.note(pending, before, after, confirmWithinMs !== undefined);
    const masked = mask(differences);
    this.#tables.save(before, after);
    this.log.append({ ...masked, revision, atMs: nowMs, author, comment });
    this.#agreement.seal();
    const answer = {
      revision,
      changes: masked.changes,
      warnings,
      ...(unconfirmed === undefined ? {} : { unconfirmed }),
    };
    return { answer, state: { ...state, configuration: after, revision } };
  }

  /** What the editor meant, on top of what others did meanwhile. */
  #rebased(now: Configuration, newest: number, baseRevision: number, change: Edit['change']): unknown {
    const later = this.log.after(baseRevision);
    const base = this.#reverted(now, later);
    const meant = diff(base, this.#completed(change(base, baseRevision), base));
    // Who wants it as it was seen does not want what somebody made of it since, and must hear of that too.
    const wanted = meant.length > 0 ? meant : diff(now, this.#completed(change(now, newest), now));
    for (const other of later) {
      const path = overlap(wanted, other.changes);
      if (path !== undefined) throw conflict(formatPath(path), other);
    }
    return apply(now, meant);
  }

  #reverted(now: Configuration, revisions: readonly MaskedChanges[]): Configuration {
    const reverted = revisions.reduce((configuration, revision) => revert(configuration, revision, now), now);
    return this.#completed(reverted, now) as Configuration;
  }

  #completed(candidate: unknown, known: Configuration): unknown {
    return complete(nodeOf(configurationSchema), candidate, known);
  }

  /** Makes the checksums that a migration left out. */
  #seal(): void {
    if (this.#agreement.isSealed) return;
    const seal = (): void => {
      // Another process may have done it while this one waited for the lock.
      if (this.#agreement.isSealed) return;
      this.#tables.seal();
      this.#agreement.seal();
    };
    this.#database.transaction(seal).immediate();
  }

  #isStale(): boolean {
    return this.#dataVersion.get() !== this.#state.dataVersion;
  }

  /** What the file holds; parts that are `known` keep their identity. */
  #read(known: Configuration | undefined): State {
    const read = (): State => {
      const loaded = this.#tables.load();
      if (!this.#agreement.holds()) throw databaseDamaged(this.#file, 'its parts do not belong together');
      const configuration = known === undefined ? loaded : this.#completed(loaded, known);
      return {
        configuration: configuration as Configuration,
        revision: this.log.newest,
        dataVersion: this.#dataVersion.get() ?? 0,
      };
    };
    // All of it at one moment, also while others write.
    return this.#database.inTransaction ? read() : this.#database.transaction(read).deferred();
  }

  /**
   * Takes over what another process wrote; true where it wrote something. Where that cannot be read, the last configuration
   * that could be stays in force, and edits are refused: a service that telephones goes on, and the next start recovers.
   */
  #refresh(): boolean {
    if (!this.#database.open || this.#database.inTransaction || this.#damage !== undefined || !this.#isStale())
      return false;
    let state: State;
    try {
      state = this.#guard(() => this.#read(this.#state.configuration));
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damage = error;
      this.#onError(error);
      return true;
    }
    // Not told within the call of whoever merely asked for the configuration.
    this.#take(state, (tell) => setImmediate(tell));
    return true;
  }

  #take(state: State, schedule = (tell: () => void): unknown => tell()): void {
    const { configuration: before } = this.#state;
    this.#state = state;
    const { configuration: after, revision } = state;
    if (after === before) return;
    const { changes } = mask(diff(before, after));
    schedule(() => this.feed.emit({ revision, before, after, changes }));
  }

  #guard<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw storageError(this.#file, error);
    }
  }
}

/** An exception of a listener must not look like one of the edit. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function conflict(path: string, { revision, author, atMs }: Revision): UsageError {
  const at = new Date(atMs).toISOString();
  return new UsageError(
    'CONFIG_CONFLICT',
    `${path} was changed meanwhile by ${author.who} (${author.origin}, revision ${revision}, ${at})`,
    'Look at it again with ringdown config show, and repeat the edit if it is still wanted; nothing was overwritten.',
  );
}
