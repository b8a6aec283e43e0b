import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { asRoot } from '../support/privilege.ts';

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

t.test('on a full disk an edit fails whole, nothing changes, and with room again it goes on', async (t) => {
  for (const sizeKiB of [1200, 1500, 1800]) {
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
      `${sizeKiB} KiB`,
    );
  }
});
