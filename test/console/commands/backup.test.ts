import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { CommanderError } from 'commander';
import t from 'tap';
import { Backups } from '../../../firmware/config/backups.ts';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { withValue } from '../../../firmware/config/path.ts';
import { backUpBefore } from '../../../firmware/console/commands/back-up-before.ts';
import { backupCommand } from '../../../firmware/console/commands/backup.ts';
import type { CommandContext } from '../../../firmware/console/commands/context.ts';
import { noticesCommand } from '../../../firmware/console/commands/notices.ts';
import { ControlServer, noteControlPath } from '../../../firmware/console/control.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { AUTHOR, office } from '../../config/support/office.ts';
import { runCommand } from './run-command.ts';

interface Printed {
  readonly output: string;
  readonly errors: string;
}

async function run(
  words: readonly string[],
  runtime?: CommandContext['runtime'],
  printed = { output: '', errors: '' },
): Promise<Printed> {
  const writer = (take: (text: string) => void): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        take(String(chunk));
        done();
      },
    });
  const context: CommandContext = {
    input: Readable.from([]),
    output: writer((text) => {
      printed.output += text;
    }),
    errors: writer((text) => {
      printed.errors += text;
    }),
    author: AUTHOR,
    ...(runtime === undefined ? {} : { runtime }),
  };
  const command = backupCommand(context);
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeErr: () => {}, writeOut: (help) => context.output.write(help) });
  }
  try {
    await command.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  }
  return printed;
}

/** Opens, edits and closes. */
function rename(data: string, name: string): void {
  const store = ConfigurationStore.open(data);
  store.edit({ author: AUTHOR, change: (c) => withValue<unknown>(c, ['system', 'name'], name) });
  store.close();
}

function nameOf(data: string): string {
  const store = ConfigurationStore.open(data);
  try {
    return store.current.system.name;
  } finally {
    store.close();
  }
}

function newBox(data: string): void {
  const store = ConfigurationStore.open(data);
  store.edit({ author: AUTHOR, change: (configuration) => office(configuration, 3) });
  store.close();
}

t.test('create, list, verify and restore', async (t) => {
  const data = t.testdir();
  newBox(data);
  const made = await run(['create', '--data', data]);
  const name = /^Backup (\S+-r2-manual) is made\.\n$/.exec(made.output)?.[1] ?? '';
  rename(data, 'Later');
  const list = await run(['list', '--data', data]);
  t.match(list.output, new RegExp(`^${name} {2}revision 2, manual, \\S+Z, \\d+ KiB\n$`));
  t.equal((await run(['verify', '--data', data])).output, `${name} is good\n`);
  t.equal((await run(['verify', name, '--data', data])).output, `${name} is good\n`);
  const restored = await run(['restore', name, '--data', data]);
  t.match(
    restored.output,
    new RegExp(
      `that of the backup ${name}\\. Before: backup \\S+-r3-rollback\\.\n- system\\.name: "Later"\n[\\s\\S]*Revision 4\\.\n$`,
    ),
  );
  t.equal(nameOf(data), 'Ringdown');
  t.match((await run(['restore', name, '--data', data])).output, /already/);
  const before = /backup (\S+-r3-rollback)/.exec(restored.output)?.[1] ?? '';
  await run(['restore', before, '--data', data]);
  t.equal(nameOf(data), 'Later');
});

t.test('the oldest backup can be restored where no more are kept', async (t) => {
  const data = t.testdir();
  newBox(data);
  const store = ConfigurationStore.open(data);
  store.edit({ author: AUTHOR, change: (c) => withValue<unknown>(c, ['system', 'backupsKept'], 2) });
  const backups = new Backups(data);
  const oldest = await backups.create(store, 'daily');
  await backups.create(store, 'import');
  store.close();
  rename(data, 'Later');
  await run(['restore', oldest, '--data', data]);
  t.equal(nameOf(data), 'Ringdown');
  t.equal(new Backups(data).list().length, 2);
});

t.test('in the runtime its own configuration is meant, and addresses wait to be confirmed', async (t) => {
  const dataDirectory = t.testdir();
  const store = ConfigurationStore.open(dataDirectory);
  t.teardown(() => store.close());
  const runtime = { store, dataDirectory };
  const { output } = await run(['create'], runtime);
  const name = /^Backup (\S+) /.exec(output)?.[1] ?? '';
  store.edit({ author: AUTHOR, change: (c) => withValue<unknown>(c, ['lan1', 'ipv4', 'address'], '192.168.42.9') });
  t.match(
    (await run(['restore', name], runtime)).output,
    /through LAN1 by the old addresses drops[\s\S]*config confirm\. Unless that comes before \d\d:\d\d:\d\d UTC/,
    'what drops is told as for any edit',
  );
  t.equal(store.unconfirmed?.revision, 3);
  t.equal(store.current.lan1.ipv4.address, '192.168.42.1');
  t.match((await run(['list'], runtime)).output, name);
});

t.test('a damaged database is replaced, unless a service runs on it', async (t) => {
  // The path of a socket must be short.
  const data = mkdtempSync(join(tmpdir(), 'rd-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  newBox(data);
  const name = /^Backup (\S+) /.exec((await run(['create', '--data', data])).output)?.[1] ?? '';
  const file = join(data, 'ringdown.db');
  writeFileSync(file, 'garbage');
  t.match((await run(['list', '--data', data])).output, name, 'the list needs no database');
  t.match((await run(['verify', '--data', data])).output, /is good/);
  const control = await ControlServer.open(
    join(data, 'control.sock'),
    async () => ({ status: 0, output: '', errors: '' }),
    createLogger('silent'),
  );
  noteControlPath(data, join(data, 'control.sock'));
  t.teardown(() => control.close());
  await t.rejects(run(['restore', name, '--data', data]), { code: 'CONFIG_DATABASE_DAMAGED' });
  await control.close();
  await t.rejects(run(['restore', '2026-11-25T182000Z-r9-daily', '--data', data]), { code: 'CONFIG_BACKUP_NOT_FOUND' });
  t.equal(readFileSync(file, 'utf8'), 'garbage');
  t.match((await run(['restore', name, '--data', data])).output, /could not be read/);
  t.equal(nameOf(data), 'Ringdown');
  t.ok(readdirSync(data).some((each) => each.startsWith('ringdown.db.damaged-')));
  t.match(await run(['create', '--data', data]), { errors: /^Notice of \S+Z: .*that of the backup/ });
});

t.test('mistakes are told with their code', async (t) => {
  const data = t.testdir();
  newBox(data);
  const name = /^Backup (\S+) /.exec((await run(['create', '--data', data])).output)?.[1] ?? '';
  const nowhere = join(data, 'nowhere');
  for (const [title, words, code] of [
    ['no --data', ['list'], 'commander.missingMandatoryOptionValue'],
    ['an unknown command', ['destroy'], 'commander.unknownCommand'],
    ['no name', ['restore', '--data', data], 'commander.missingArgument'],
    ['nothing there: create', ['create', '--data', nowhere], 'CONFIG_DATA_NOT_FOUND'],
    ['nothing there: list', ['list', '--data', nowhere], 'CONFIG_DATA_NOT_FOUND'],
    ['nothing there: verify', ['verify', '--data', nowhere], 'CONFIG_DATA_NOT_FOUND'],
    ['nothing there: restore', ['restore', name, '--data', nowhere], 'CONFIG_DATA_NOT_FOUND'],
    ['a path', ['restore', '../../ringdown', '--data', data], 'CONFIG_BACKUP_NAME_INVALID'],
    ['an escape sequence', ['verify', '\u001b[2J', '--data', data], 'CONFIG_BACKUP_NAME_INVALID'],
    ['an unknown backup', ['verify', name.replace('r2', 'r3'), '--data', data], 'CONFIG_BACKUP_NOT_FOUND'],
  ] as const) {
    await t.rejects(run(words), { code }, title);
  }
  t.notOk(existsSync(nowhere));
  const file = join(data, 'backups', `${name}.db`);
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(8000) ^ 1, 8000);
  writeFileSync(file, bytes);
  await run(['create', '--data', data]);
  const printed = { output: '', errors: '' };
  await t.rejects(run(['verify', '--data', data], undefined, printed), {
    code: 'CONFIG_BACKUP_DAMAGED',
    message: /1 of 2/,
  });
  t.match(printed, { output: /is good/, errors: /checksum/ });
  await t.rejects(run(['restore', name, '--data', data]), { code: 'CONFIG_BACKUP_DAMAGED' });
  t.equal(nameOf(data), 'Ringdown');
});

t.test('commands that change much make a backup first', async (t) => {
  const dataDirectory = t.testdir();
  newBox(dataDirectory);
  const store = ConfigurationStore.open(dataDirectory);
  t.teardown(() => store.close());
  const name = await backUpBefore({ store, dataDirectory }, 'import');
  t.match(name, /-r2-import$/);
});

t.test('each subcommand shows examples in its help', async (t) => {
  for (const name of ['create', 'list', 'verify', 'restore']) {
    t.match((await run([name, '--help'])).output, new RegExp(`Examples:\\n {2}ringdown backup ${name} `), name);
  }
});

t.test('notices are shown until somebody takes note of them', async (t) => {
  const dataDirectory = t.testdir();
  const store = ConfigurationStore.open(dataDirectory);
  t.teardown(() => store.close());
  const show = async (...words: readonly string[]): Promise<string> => {
    return (await runCommand(noticesCommand, { words, runtime: { store, dataDirectory } })).output;
  };
  t.equal(await show(), '');
  store.notices.add('CONFIG_RECOVERED', 'The box started from a backup.');
  t.match(await show(), /^Notice of \d{4}-\S+Z: The box started from a backup\.\n$/);
  t.match(await show('--clear'), /from a backup/);
  t.equal(await show(), '');
});
