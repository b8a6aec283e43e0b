import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { type BackupEntry, backupDirectory } from '../../config/backup-files.ts';
import { Backups } from '../../config/backups.ts';
import { DATABASE_FILE_NAME } from '../../config/configuration-store.ts';
import { giveToOwner } from '../../config/file-owner.ts';
import { replaceDatabase } from '../../config/recovery.ts';
import { RingdownError, UsageError } from '../../core/errors.ts';
import { isServed } from '../control.ts';
import { backUpBefore, createBackup } from './back-up-before.ts';
import { report } from './config-edit.ts';
import { type CommandContext, examples, type OpenConfiguration, withConfiguration, withData } from './context.ts';

interface Values {
  readonly data?: string;
}

/** `ringdown backup …`: makes, lists, checks and restores backups of the configuration, also while the box runs. */
export function backupCommand(context: CommandContext): Command {
  const { output } = context;
  const command = new Command('backup').description('backups of the configuration, kept in the data directory');

  withData(command.command('create'), context)
    .description('makes a backup of the configuration as it is')
    .addHelpText('after', examples('ringdown backup create --data /data/ringdown'))
    .action(async ({ data }: Values) => {
      const name = await withConfiguration(context, data, (configuration) => backUpBefore(configuration, 'manual'));
      output.write(`Backup ${name} is made.\n`);
    });

  withData(command.command('list'), context)
    .description('prints the backups, one a line, the newest first')
    .addHelpText('after', examples('ringdown backup list --data /data/ringdown'))
    .action(({ data }: Values) => {
      for (const entry of backupsOf(context, data).list()) output.write(`${formatEntry(entry)}\n`);
    });

  withData(command.command('verify [name]'), context)
    .description('looks through a backup, or through every one; fails where one is damaged')
    .addHelpText(
      'after',
      examples(
        'ringdown backup verify --data /data/ringdown',
        'ringdown backup verify 2026-11-25T182000Z-r42-daily --data /data/ringdown',
      ),
    )
    .action((name: string | undefined, { data }: Values) => {
      const backups = backupsOf(context, data);
      const names = name === undefined ? backups.list().map((entry) => entry.name) : [name];
      const failures = names.flatMap((each) => {
        const failure = failureOf(() => {
          refuseUnreadable(backups, each);
          backups.verify(each);
        });
        if (failure === undefined) output.write(`${each} is good\n`);
        else context.errors.write(`${failure.message}\n`);
        return failure ?? [];
      });
      const [first] = failures;
      if (first === undefined) return;
      throw names.length === 1 ? first : someDamaged(failures.length, names.length);
    });

  withData(command.command('restore <name>'), context)
    .description('makes the configuration what it was in a backup, with its passwords; that can be taken back')
    .addHelpText('after', examples('ringdown backup restore 2026-11-25T182000Z-r42-daily --data /data/ringdown'))
    .action(async (name: string, { data }: Values) => {
      try {
        await withConfiguration(context, data, (configuration) => restore(context, configuration, name));
      } catch (error) {
        if (data === undefined || !isUnreadable(error)) throw error;
        await replace(data, name, error);
        output.write(`The configuration is that of the backup ${name}. What was there before could not be read.\n`);
      }
    });

  return command;
}

async function restore(context: CommandContext, configuration: OpenConfiguration, name: string): Promise<void> {
  const { store, dataDirectory } = configuration;
  const backups = new Backups(dataDirectory);
  refuseUnreadable(backups, name);
  backups.verify(name);
  const before = await createBackup(store, dataDirectory, 'rollback');
  const confirmWithinMs = await configuration.confirmWithinMs();
  const result = backups.restore(store, name, {
    author: context.author,
    ...(confirmWithinMs === undefined ? {} : { confirmWithinMs }),
  });
  // Only now: the new backup may be the one too many that pushes out the one that was wanted.
  backups.prune(store.current.system.backupsKept);
  const how = result.changes.length === 0 ? ' already' : `. Before: backup ${before}`;
  context.output.write(`The configuration is that of the backup ${name}${how}.\n`);
  report(context, result);
}

/** For a database that cannot be opened, and so not be edited. */
async function replace(data: string, name: string, cause: unknown): Promise<void> {
  if (!existsSync(backupDirectory(data)) || (await isServed(data))) throw cause;
  refuseUnreadable(new Backups(data), name);
  replaceDatabase(data, name);
  giveToOwner(join(data, DATABASE_FILE_NAME));
}

/** Throws RingdownError CONFIG_BACKUP_UNREADABLE. */
function refuseUnreadable(backups: Backups, name: string): void {
  const entry = backups.list().find((each) => each.name === name);
  if (entry?.kind !== 'unreadable') return;
  throw new RingdownError(
    'CONFIG_BACKUP_UNREADABLE',
    `the backup ${name} cannot be read now: ${entry.problem}`,
    'Try it as root or as the user of the service, or choose another one: ringdown backup list.',
  );
}

function isUnreadable(error: unknown): boolean {
  return (
    error instanceof RingdownError &&
    (error.code === 'CONFIG_DATABASE_DAMAGED' || error.code === 'CONFIG_DATA_NOT_FOUND')
  );
}

/** Also where the configuration itself cannot be read: that is when backups are looked for. */
function backupsOf({ runtime }: CommandContext, data = ''): Backups {
  const directory = runtime?.dataDirectory ?? data;
  const isThere = existsSync(join(directory, DATABASE_FILE_NAME)) || existsSync(backupDirectory(directory));
  if (isThere) return new Backups(directory);
  throw new UsageError('CONFIG_DATA_NOT_FOUND', `there is no configuration in ${directory}`, 'Check --data.');
}

function formatEntry(entry: BackupEntry): string {
  switch (entry.kind) {
    case 'whole': {
      const { revision, createdAt, reason, sizeBytes } = entry.manifest;
      return `${entry.name}  revision ${revision}, ${reason}, ${createdAt.slice(0, 19)}Z, ${Math.ceil(sizeBytes / 1024)} KiB`;
    }
    case 'broken':
    case 'unreadable':
      return `${entry.name}  ${entry.kind}: ${entry.problem}`;
    case 'newer':
      return `${entry.name}  made by a newer program`;
  }
}

function failureOf(work: () => void): RingdownError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof RingdownError) return error;
    throw error;
  }
}

function someDamaged(count: number, total: number): RingdownError {
  return new RingdownError(
    'CONFIG_BACKUP_DAMAGED',
    `${count} of ${total} backups cannot be used`,
    'Make a new one with ringdown backup create, and look at the disk: it may be failing.',
  );
}
