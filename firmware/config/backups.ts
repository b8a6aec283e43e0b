import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import { RingdownError, UsageError } from '../core/errors.ts';
import {
  type BackupEntry,
  type BackupManifest,
  type BackupReason,
  backupDirectory,
  formatManifest,
  isBackupName,
  listBackups,
  namesIn,
  stampOf,
} from './backup-files.ts';
import { ConfigurationStore, DATABASE_FILE_NAME, type Edit, type EditResult } from './configuration-store.ts';
import { checkIntegrity, makeSingleFile, openDatabase, prepareDirectory } from './database.ts';
import { removeDurably, syncToDisk, writeDurably } from './durable-files.ts';
import { RevisionLog } from './revision-log.ts';
import { storageError } from './storage-error.ts';
import { stampAfter } from './time-stamp.ts';

export interface BackupOptions {
  readonly clock?: Clock;
  /** Kept in the manifests. */
  readonly productVersion?: string;
}

/** How names of directories begin that last only as long as their work. */
const SCRATCH = 'scratch-';
/** What is older nobody is still working on. */
const LEFTOVER_AGE_MS = 3_600_000;
const CHUNK_BYTES = 1024 * 1024;

/** Copies of the whole configuration, each with a manifest, in `<data>/backups/` (mode 0700, files 0600). */
export class Backups {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #productVersion: string | undefined;

  constructor(dataDirectory: string, { clock = systemClock, productVersion }: BackupOptions = {}) {
    this.#directory = backupDirectory(dataDirectory);
    this.#clock = clock;
    this.#productVersion = productVersion;
  }

  /** The newest first. Throws UsageError CONFIG_DATA_NOT_WRITABLE where the directory cannot be read. */
  list(): readonly BackupEntry[] {
    return this.#guard(() => listBackups(this.#directory));
  }

  /** As create(), but undefined and no new one where the newest good backup has this revision already. */
  async createIfChanged(store: ConfigurationStore, reason: BackupReason): Promise<string | undefined> {
    return this.#has(store.revision) ? undefined : this.create(store, reason);
  }

  /**
   * Makes a backup while the store goes on, and returns its name once it is on the disk. One that fails leaves nothing
   * behind. Throws UsageError CONFIG_DISK_FULL, CONFIG_DATA_NOT_WRITABLE, CONFIG_DATABASE_DAMAGED.
   */
  async create(store: ConfigurationStore, reason: BackupReason): Promise<string> {
    prepareDirectory(this.#directory);
    const scratch = this.#guard(() => mkdtempSync(join(this.#directory, SCRATCH)));
    const copy = join(scratch, DATABASE_FILE_NAME);
    try {
      closeSync(openSync(copy, 'wx', 0o600));
      await store.copyTo(copy);
      const made = makeSingleFile(copy, (database) => ({
        schemaVersion: Number(database.pragma('user_version', { simple: true })),
        revision: new RevisionLog(database).newest,
      }));
      syncToDisk(copy);
      return this.#publish(copy, {
        ...made,
        createdAt: new Date(this.#clock.now()).toISOString(),
        reason,
        sizeBytes: statSync(copy).size,
        sha256: sha256Of(copy),
        ...(this.#productVersion === undefined ? {} : { productVersion: this.#productVersion }),
      });
    } catch (error) {
      throw storageError(this.#directory, error);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  /**
   * Looks through a backup: checksum, structure, every row, revision. Throws UsageError CONFIG_BACKUP_NAME_INVALID,
   * CONFIG_BACKUP_NOT_FOUND, CONFIG_NEWER_DATABASE, CONFIG_DISK_FULL; RingdownError CONFIG_BACKUP_DAMAGED.
   */
  verify(name: string): BackupManifest {
    return this.withCopy(name, (_copy, manifest) => manifest);
  }

  /**
   * Makes the configuration what it was in the backup, secrets included: as an edit, which can be taken back. One of an
   * older version is brought up to this one. Throws as verify() and as ConfigurationStore.edit(); UsageError
   * CONFIG_BACKUP_OTHER_REALM.
   */
  restore(store: ConfigurationStore, name: string, edit: Omit<Edit, 'change' | 'baseRevision'>): EditResult {
    return this.withCopy(name, (copy) => {
      // Every SIP password is kept under the realm of its box, and would never fit again.
      if (copy.realm !== store.realm) throw otherRealm(name);
      const { current } = copy;
      return store.edit({ ...edit, comment: edit.comment ?? `restore of backup ${name}`, change: () => current });
    });
  }

  /**
   * Opens a copy of a backup, looked through and brought up to this version, for the time of `work`, which may close it
   * and take `file` away. Throws as verify().
   */
  withCopy<T>(name: string, work: (copy: ConfigurationStore, manifest: BackupManifest, file: string) => T): T {
    const manifest = this.#manifestOf(name);
    return this.#guard(() =>
      this.withScratch((directory) => {
        const file = join(directory, DATABASE_FILE_NAME);
        const copy = this.#openCopy(name, manifest, directory, file);
        try {
          return work(copy, manifest, file);
        } finally {
          copy.close();
        }
      }),
    );
  }

  /** A directory of its own on the disk of the data, for the time of `work`. */
  withScratch<T>(work: (directory: string) => T): T {
    prepareDirectory(this.#directory);
    const directory = this.#guard(() => mkdtempSync(join(this.#directory, SCRATCH)));
    try {
      return work(directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /**
   * Keeps the newest `keep` backups, and as many made by hand on top of that; removes broken ones and what was left behind
   * unfinished. Throws UsageError CONFIG_DATA_NOT_WRITABLE.
   */
  prune(keep: number): void {
    this.#guard(() => {
      const entries = listBackups(this.#directory);
      const whole = entries.flatMap((entry) => (entry.kind === 'whole' ? [entry] : []));
      const manual = whole.filter(({ manifest }) => manifest.reason === 'manual');
      const kept = new Set([...whole.slice(0, keep), ...manual.slice(0, keep)]);
      for (const entry of whole) if (!kept.has(entry)) this.#remove(entry.name);
      const known = new Set(entries.flatMap(({ kind, name }) => (kind === 'broken' ? [] : [name])));
      for (const file of namesIn(this.#directory)) {
        if (isLeftover(file, known) && this.#isOld(file)) {
          rmSync(join(this.#directory, file), { recursive: true, force: true });
        }
      }
    });
  }

  #openCopy(name: string, manifest: BackupManifest, directory: string, file: string): ConfigurationStore {
    copyFileSync(this.#databaseFile(name), file, constants.COPYFILE_EXCL);
    chmodSync(file, 0o600);
    if (sha256Of(file) !== manifest.sha256) throw damaged(name, 'its checksum is wrong');
    let copy: ConfigurationStore | undefined;
    try {
      const database = openDatabase(file, 'NORMAL');
      try {
        checkIntegrity(database, file);
      } finally {
        database.close();
      }
      copy = ConfigurationStore.open(directory, { clock: this.#clock });
    } catch (error) {
      const cause = storageError(file, error);
      if (cause.code === 'CONFIG_NEWER_DATABASE') throw newer(name);
      throw cause.code === 'CONFIG_DATABASE_DAMAGED' ? damaged(name, cause.message, cause) : cause;
    }
    if (copy.revision === manifest.revision) return copy;
    copy.close();
    throw damaged(name, `it holds revision ${copy.revision}, not ${manifest.revision}`);
  }

  #has(revision: number): boolean {
    const newest = this.list().find(({ kind }) => kind === 'whole');
    if (newest?.kind !== 'whole' || newest.manifest.revision !== revision) return false;
    return this.#guard(() => sha256Of(this.#databaseFile(newest.name)) === newest.manifest.sha256);
  }

  /** Gives a finished copy a name that no other has, and then its manifest. */
  #publish(copy: string, manifest: Omit<BackupManifest, 'format'>): string {
    let stamp = namesIn(this.#directory)
      .map((file) => stampOf(file.replace(/\.(?:db|json)$/, '')))
      .filter((found) => found !== undefined)
      .sort()
      .at(-1);
    for (;;) {
      stamp = stampAfter(stamp, this.#clock.now());
      const name = `${stamp}-r${manifest.revision}-${manifest.reason}`;
      try {
        // Unlike a rename, this never takes the place of another program's backup.
        linkSync(copy, this.#databaseFile(name));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
        throw error;
      }
      try {
        // Syncs the directory, and with it both names.
        writeDurably(this.#manifestFile(name), formatManifest(manifest));
        return name;
      } catch (error) {
        this.#remove(name);
        throw error;
      }
    }
  }

  #manifestOf(name: string): BackupManifest {
    if (!isBackupName(name)) throw nameInvalid();
    const entry = this.list().find((each) => each.name === name);
    switch (entry?.kind) {
      case 'whole':
        return entry.manifest;
      case 'broken':
        throw damaged(name, entry.problem);
      case 'newer':
        throw newer(name);
      default:
        throw notFound(name);
    }
  }

  #remove(name: string): void {
    // In this order: without its manifest it is no backup.
    removeDurably(this.#manifestFile(name));
    removeDurably(this.#databaseFile(name));
  }

  #isOld(file: string): boolean {
    const modifiedMs = statSync(join(this.#directory, file), { throwIfNoEntry: false })?.mtimeMs;
    return modifiedMs !== undefined && Math.abs(this.#clock.now() - modifiedMs) > LEFTOVER_AGE_MS;
  }

  #databaseFile(name: string): string {
    return join(this.#directory, `${name}.db`);
  }

  #manifestFile(name: string): string {
    return join(this.#directory, `${name}.json`);
  }

  #guard<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw storageError(this.#directory, error);
    }
  }
}

/** Files of ours that belong to none of the `known` backups. */
function isLeftover(file: string, known: ReadonlySet<string>): boolean {
  if (file.startsWith(SCRATCH)) return true;
  const name = file.replace(/\.(?:db|json|json\.tmp)$/, '');
  return isBackupName(name) && (!known.has(name) || file.endsWith('.tmp'));
}

function sha256Of(file: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      hash.update(chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function nameInvalid(): UsageError {
  return new UsageError(
    'CONFIG_BACKUP_NAME_INVALID',
    'that is no name of a backup',
    'Give one that ringdown backup list prints, such as 2026-11-25T182000Z-r42-manual.',
  );
}

function notFound(name: string): UsageError {
  return new UsageError(
    'CONFIG_BACKUP_NOT_FOUND',
    `there is no backup ${name}`,
    'See which there are with ringdown backup list.',
  );
}

function damaged(name: string, reason: string, cause?: unknown): RingdownError {
  return new RingdownError(
    'CONFIG_BACKUP_DAMAGED',
    `the backup ${name} cannot be used: ${reason}`,
    'Choose another one: ringdown backup list.',
    cause === undefined ? undefined : { cause },
  );
}

function newer(name: string): UsageError {
  return new UsageError(
    'CONFIG_BACKUP_NEWER',
    `a newer program made the backup ${name}`,
    'Use the newer program, or choose another one: ringdown backup list.',
  );
}

function otherRealm(name: string): UsageError {
  return new UsageError(
    'CONFIG_BACKUP_OTHER_REALM',
    `the backup ${name} is of a box with another realm, where its SIP passwords would never fit`,
    'Stop the service and put the database of the backup in the place of ringdown.db.',
  );
}
