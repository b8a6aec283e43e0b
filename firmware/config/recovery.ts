import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { Backups } from './backups.ts';
import { ConfigurationStore, DATABASE_FILE_NAME, type StoreOptions } from './configuration-store.ts';
import { readUserVersion } from './database.ts';
import { renameDurably, syncToDisk } from './durable-files.ts';
import { newerDatabase, readMigrations } from './migrations.ts';
import { forgetOldSets, planSetAside, setAside } from './set-aside.ts';
import { isDamage, storageError } from './storage-error.ts';

export interface RecoveryOptions extends StoreOptions {
  readonly logger: Logger;
}

/** What takes the place of a damaged configuration, and what people are told of it. */
interface Replacement {
  /** In a directory of its own; closed before it is put in place. */
  readonly store: ConfigurationStore;
  readonly file: string;
  readonly notice: { readonly code: string; readonly message: string };
}

/**
 * As ConfigurationStore.open, for the service, which must come up: a damaged database is set aside and kept, and the newest
 * backup that is whole takes its place; where there is none, a configuration as of a new box. A notice tells so. A power cut
 * at any moment leads to the same at the next start. A database of a newer program, one that is locked and one that cannot
 * be written are not damaged: UsageError CONFIG_NEWER_DATABASE, CONFIG_DATABASE_LOCKED, CONFIG_DATA_NOT_WRITABLE.
 */
export function openOrRecover(directory: string, options: RecoveryOptions): ConfigurationStore {
  try {
    return ConfigurationStore.open(directory, options);
  } catch (error) {
    if (!isDamage(error)) throw error;
    refuseNewer(join(directory, DATABASE_FILE_NAME));
    recover(directory, error, options);
    return ConfigurationStore.open(directory, options);
  }
}

/**
 * Sets the database aside and puts the backup `name` in its place, for a database that no edit can mend; no service may
 * have it open. Throws as Backups.verify().
 */
export function replaceDatabase(directory: string, name: string, clock: Clock = systemClock): void {
  const file = join(directory, DATABASE_FILE_NAME);
  refuseNewer(file);
  const backups = new Backups(directory, { clock });
  const message = `The configuration is that of the backup ${name}.`;
  backups.withCopy(name, (store, _manifest, copy) => {
    putInPlace(directory, { store, file: copy, notice: { code: 'CONFIG_RECOVERED', message } }, clock);
  });
}

/** SQLite may find damaged what a newer SQLite wrote. */
function refuseNewer(file: string): void {
  const found = existsSync(file) ? readUserVersion(file) : undefined;
  const known = readMigrations().length;
  if (found !== undefined && found > known) throw newerDatabase(file, found, known);
}

function recover(directory: string, damage: unknown, { logger, clock = systemClock }: RecoveryOptions): void {
  const reason = damage instanceof Error ? damage.message : String(damage);
  const backups = new Backups(directory, { clock });
  for (const entry of backups.list()) {
    if (entry.kind !== 'whole') continue;
    const { name } = entry;
    try {
      backups.withCopy(name, (store, { revision, createdAt }, file) => {
        const message = `The configuration could not be read: ${reason}. The box goes on with revision ${revision} from the backup ${name}, made ${createdAt}; what was edited after that is lost.`;
        putInPlace(directory, { store, file, notice: { code: 'CONFIG_RECOVERED', message } }, clock);
      });
      logger.error({ err: damage, backup: name }, 'the configuration was damaged: recovered from a backup');
      return;
    } catch (error) {
      if (!isUseless(error)) throw error;
      logger.warn({ err: error, backup: name }, 'a backup cannot be used for the recovery');
    }
  }
  backups.withScratch((scratch) => {
    const store = ConfigurationStore.open(scratch, { clock });
    const message = `The configuration could not be read: ${reason}. There was no backup to recover from: the box goes on without extensions, as a new one, and must be configured again.`;
    const file = join(scratch, DATABASE_FILE_NAME);
    putInPlace(directory, { store, file, notice: { code: 'CONFIG_RESET', message } }, clock);
  });
  logger.error({ err: damage }, 'the configuration was damaged and there is no backup: started as a new box');
}

/** Says that this backup is no good; everything else, such as a full disk, would end the next one too. */
function isUseless(error: unknown): boolean {
  const codes = ['CONFIG_BACKUP_DAMAGED', 'CONFIG_BACKUP_NEWER', 'CONFIG_BACKUP_NOT_FOUND', 'CONFIG_MIGRATION_FAILED'];
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}

/**
 * The replacement is complete, with its notice, before anything is touched: from then on there is the damaged database, or
 * none, or the new one, and the first two make the next start do this again.
 */
function putInPlace(directory: string, { store, file, notice }: Replacement, clock: Clock): void {
  const target = join(directory, DATABASE_FILE_NAME);
  try {
    const kept = planSetAside(target, clock.now());
    const where = kept === undefined ? '' : ` The damaged file is kept: ${kept}.`;
    // Whoever might have confirmed its addresses cannot be asked any more, and going back to older ones helps nobody.
    if (store.unconfirmed !== undefined) store.confirm();
    store.notices.add(notice.code, `${notice.message}${where}`);
    store.close();
    if (existsSync(`${file}-wal`)) throw new Error('the database to be put in place is not in one file');
    syncToDisk(file);
    setAside(target, kept);
    renameDurably(file, target);
    forgetOldSets(target);
  } catch (error) {
    throw storageError(target, error);
  }
}
