/**
 * Runs on a small file system of its own, the directory of its argument: fills it, edits and backs up, makes room, and does
 * so again. Prints what happened as JSON.
 */
import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Backups } from '../../../firmware/config/backups.ts';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { openOrRecover } from '../../../firmware/config/recovery.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { AUTHOR, office } from './office.ts';

const directory = process.argv[2] ?? '';
const data = join(directory, 'data');
const store = ConfigurationStore.open(data);
const backups = new Backups(data);

function fill(): void {
  const descriptor = openSync(join(directory, 'filler'), 'a');
  for (let size = 65_536; size > 0; size = Math.floor(size / 2)) {
    try {
      while (writeSync(descriptor, Buffer.alloc(size)) === size);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  }
  closeSync(descriptor);
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

function look(): unknown {
  const other = ConfigurationStore.openExisting(data);
  const seen = [store, other].map(({ revision, current }) => [
    revision,
    Object.keys(current.users).length,
    current.system.name,
  ]);
  other.close();
  return seen;
}

const grow = () => store.edit({ author: AUTHOR, change: (configuration) => office(configuration, 300) });

store.edit({ author: AUTHOR, change: (c) => office({ ...c, system: { ...c.system, name: 'Small' } }, 5) });
const known = store.current;
// One that is not open while the disk fills up.
const closed = join(directory, 'closed');
ConfigurationStore.open(closed).close();
const first = await codeOf(() => backups.create(store, 'manual'));
fill();
const full = {
  edit: await codeOf(grow),
  again: await codeOf(grow),
  backup: await codeOf(() => backups.create(store, 'manual')),
  isSame: store.current === known,
  start: await codeOf(() => openOrRecover(closed, { logger: createLogger('silent') }).close()),
  setAside: readdirSync(closed).filter((name) => name.includes('damaged')),
  new: await codeOf(() => openOrRecover(join(directory, 'new'), { logger: createLogger('silent') })),
};
rmSync(join(directory, 'filler'));
const seenAfter = look();
const room = {
  edit: await codeOf(() =>
    store.edit({ author: AUTHOR, change: (c) => ({ ...c, system: { ...c.system, name: 'Room' } }) }),
  ),
  backup: await codeOf(() => backups.create(store, 'manual')),
};
const seenAtEnd = look();
const files = readdirSync(join(data, 'backups')).map((name) => name.replace(/^[^.]*/, ''));
process.stdout.write(JSON.stringify({ first, full, seenAfter, room, seenAtEnd, files: files.sort() }));
