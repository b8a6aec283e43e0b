import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { type Database, openDatabase, prepareDirectory } from './database.ts';
import { ExtensionRepository } from './extension-repository.ts';
import { migrate, readMigrations } from './migrations.ts';
import { storageError } from './storage-error.ts';
import { SystemRepository } from './system-repository.ts';

const FILE_NAME = 'ringdown.db';

/** The configuration of the box: one SQLite file, which several processes may have open at once. */
export class ConfigurationStore {
  readonly system: SystemRepository;
  readonly extensions: ExtensionRepository;
  readonly #database: Database;

  private constructor(database: Database, file: string) {
    this.#database = database;
    this.system = new SystemRepository(database);
    this.extensions = new ExtensionRepository(database, file, this.system);
  }

  /**
   * Opens the store in `directory`, making both where they are missing, and brings it up to this program's version.
   * Throws UsageError: CONFIG_DATA_NOT_WRITABLE, CONFIG_NEWER_DATABASE, CONFIG_DATABASE_LOCKED,
   * CONFIG_DATABASE_DAMAGED (the file is kept as it is), CONFIG_DISK_FULL.
   */
  static open(directory: string): ConfigurationStore {
    prepareDirectory(directory);
    const file = join(directory, FILE_NAME);
    const database = openDatabase(file, 'FULL');
    try {
      migrate(database, file, readMigrations());
      return new ConfigurationStore(database, file);
    } catch (error) {
      database.close();
      throw storageError(file, error);
    }
  }

  /** As `open`, but a directory without a store is a mistake: UsageError CONFIG_DATA_NOT_FOUND, and nothing is made. */
  static openExisting(directory: string): ConfigurationStore {
    if (!existsSync(join(directory, FILE_NAME))) {
      throw new UsageError(
        'CONFIG_DATA_NOT_FOUND',
        `there is no configuration in ${directory}`,
        'Check --data, or add a first extension with `ringdown extension add`.',
      );
    }
    return ConfigurationStore.open(directory);
  }

  /** Idempotent. */
  close(): void {
    this.#database.close();
  }
}
