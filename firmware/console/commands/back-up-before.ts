import { join } from 'node:path';
import { type BackupReason, backupDirectory } from '../../config/backup-files.ts';
import { Backups } from '../../config/backups.ts';
import type { ConfigurationStore } from '../../config/configuration-store.ts';
import { giveToOwner } from '../../config/file-owner.ts';
import type { OpenConfiguration } from './context.ts';

/**
 * Makes a backup before an edit that changes much, and returns its name. Where it cannot be made the edit should not be
 * either: throws as Backups.create().
 */
export async function backUpBefore(
  { store, dataDirectory }: Pick<OpenConfiguration, 'store' | 'dataDirectory'>,
  reason: BackupReason,
): Promise<string> {
  const backups = new Backups(dataDirectory);
  const name = await createBackup(store, dataDirectory, reason);
  backups.prune(store.current.system.backupsKept);
  return name;
}

/** For the service too, also where root asks for it. Throws as Backups.create(). */
export async function createBackup(
  store: ConfigurationStore,
  dataDirectory: string,
  reason: BackupReason,
): Promise<string> {
  const name = await new Backups(dataDirectory).create(store, reason);
  giveToOwner(join(backupDirectory(dataDirectory), `${name}.db`));
  return name;
}
