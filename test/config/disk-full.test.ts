import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { Backups } from '../../firmware/config/backups.ts';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { asRoot } from '../support/privilege.ts';
import { AUTHOR, office } from './support/office.ts';

const SCRIPT = join(import.meta.dirname, 'support/fill-disk.ts');

/** Runs fill-disk.ts on a file system that is there for it alone, and goes with it. */
function onSmallDisk(mountPoint: string, sizeKiB: number): unknown {
  const [file = '', ...args] = [
    ...asRoot(),
    ...['unshare', '--mount', 'sh', '-ec', 'mount -t tmpfs -o "size=$1k" none "$2"; exec "$3" "$4" "$2"'],
    ...['sh', String(sizeKiB), mountPoint, process.execPath, SCRIPT],
  ];
  return JSON.parse(
    execFileSync(file, args, { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'inherit'] }),
  );
}

/** KiB of what the script writes before the disk is full: each version of the database has more in it. */
async function writtenBefore(directory: string): Promise<number> {
  const data = join(directory, 'data');
  const store = ConfigurationStore.open(data);
  store.edit({ author: AUTHOR, change: (configuration) => office(configuration, 5) });
  await new Backups(data).create(store, 'manual');
  ConfigurationStore.open(join(directory, 'closed')).close();
  const [kib = ''] = execFileSync('du', ['-sk', directory], { encoding: 'utf8' }).split('\t');
  store.close();
  return Number(kib);
}

t.test('on a full disk an edit fails whole, nothing changes, and with room again it goes on', async (t) => {
  const written = await writtenBefore(t.testdir());
  // A backup is written beside the database, and needs as much room again for a moment.
  for (const times of [1.75, 2, 2.5]) {
    const sizeKiB = Math.ceil(written * times);
    const small = [2, 5, 'Small'];
    const atEnd = [3, 5, 'Room'];
    t.strictSame(
      onSmallDisk(t.testdir(), sizeKiB),
      {
        first: 'done',
        full: {
          edit: 'CONFIG_DISK_FULL',
          again: 'CONFIG_DISK_FULL',
          backup: 'CONFIG_DISK_FULL',
          isSame: true,
          start: 'CONFIG_DISK_FULL',
          setAside: [],
          new: 'CONFIG_DISK_FULL',
        },
        seenAfter: [small, small],
        room: { edit: 'done', backup: 'done' },
        seenAtEnd: [atEnd, atEnd],
        files: ['.db', '.db', '.json', '.json'],
      },
      `${sizeKiB} KiB, ${times} times what is written`,
    );
  }
});
