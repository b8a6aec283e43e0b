import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { BoxKey } from '../../../firmware/config/secrets/box-key.ts';

t.test('what is sealed opens on this box, for this path, and untouched alone', async (t) => {
  const directory = t.testdir();
  const sealed = BoxKey.open(directory).seal('lines.1.password', 'carrier secret');
  t.equal(statSync(join(directory, 'box.key')).mode & 0o777, 0o600);
  t.notMatch(sealed, /carrier/);
  const key = BoxKey.open(directory);
  t.equal(key.open('lines.1.password', sealed), 'carrier secret');
  t.not(key.seal('lines.1.password', 'carrier secret'), sealed, 'equal secrets look different');
  t.equal(key.open('lines.2.password', sealed), undefined, 'another path');
  t.equal(BoxKey.open(t.testdir({ other: {} })).open('lines.1.password', sealed), undefined, 'another box');
  for (const hostile of ['', 'sealed$', 'sealed$AAAA', 'sealed$!!!', sealed.slice(0, -4), `${sealed}AAAA`, 'ha1$x']) {
    t.equal(key.open('lines.1.password', hostile), undefined, hostile.slice(0, 20));
  }
});

t.test('a key that cannot be read is named, and not replaced', async (t) => {
  const directory = t.testdir();
  const file = join(directory, 'box.key');
  writeFileSync(file, 'too short\n');
  t.throws(() => BoxKey.open(directory), { code: 'CONFIG_BOX_KEY_UNREADABLE', message: /box\.key/ });
  t.equal(readFileSync(file, 'utf8'), 'too short\n');
  t.throws(() => BoxKey.open('/proc/none'), { code: 'CONFIG_BOX_KEY_UNREADABLE' });
});

t.test('programs that make the key at the same moment get the same one', { timeout: 60_000 }, async (t) => {
  const root = t.testdir();
  const directories = Array.from({ length: 100 }, (_, index) => join(root, String(index)));
  for (const directory of directories) mkdirSync(directory);
  const arrivals = new Int32Array(new SharedArrayBuffer(4 * directories.length));
  const module = new URL('../support/open-box-keys.ts', import.meta.url);
  const sealed = await Promise.all(
    ['a', 'b'].map((path) => {
      const worker = new Worker(module, { workerData: { directories, arrivals, path } });
      return new Promise<readonly string[]>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  const opened = directories.map((directory, index) => {
    const key = BoxKey.open(directory);
    t.strictSame(readdirSync(directory), ['box.key'], 'and nothing is left behind');
    return ['a', 'b'].map((path, worker) => key.open(path, sealed[worker]?.[index] ?? ''));
  });
  t.strictSame(
    opened,
    directories.map(() => ['secret', 'secret']),
  );
});
