import type { BackupReason } from '../../config/backup-files.ts';
import { Backups } from '../../config/backups.ts';
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
  const name = await backups.create(store, reason);
  backups.prune(store.current.system.backupsKept);
  return name;
}
