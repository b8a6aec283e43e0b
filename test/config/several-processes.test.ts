import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { openStore, set } from './support/store.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

function code(expected: string) {
  return { code: expected, cure: /\w/ };
}

/** Runs `body` in another process on the database of `directory`, and resolves when it has printed a line. */
async function otherProgram(
  t: { teardown(handler: () => void): void },
  directory: string,
  body: string,
): Promise<ChildProcess> {
  const program = `
    const { openDatabase } = await import('./firmware/config/database.ts');
    const { ConfigurationStore } = await import('./firmware/config/configuration-store.ts');
    const directory = ${JSON.stringify(directory)};
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: REPOSITORY,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

t.test('a database that another program holds for long is named', async (t) => {
  const directory = t.testdir();
  const store = openStore(t, { directory });
  const child = await otherProgram(
    t,
    directory,
    `const database = openDatabase(directory + '/ringdown.db', 'FULL');
     database.exec('BEGIN IMMEDIATE');
     console.log('locked');
     // Held by something that lives on: else the collector closes it, and the lock is gone.
     process.stdin.on('data', () => database.close());`,
  );
  t.throws(() => set(store, ['system', 'name'], 'Office'), code('CONFIG_DATABASE_LOCKED'));
  t.equal(store.current.system.name, 'Ringdown', 'reading goes on');
  child.kill('SIGKILL');
  await once(child, 'close');
  t.equal(set(store, ['system', 'name'], 'Office').revision, 2, 'it works once that is gone');
});

t.test('a database that another program holds for a moment is waited for', async (t) => {
  const directory = t.testdir();
  const store = openStore(t, { directory });
  await otherProgram(
    t,
    directory,
    `const database = openDatabase(directory + '/ringdown.db', 'FULL');
     database.exec('BEGIN IMMEDIATE');
     console.log('locked');
     setTimeout(() => database.exec('COMMIT'), 200);`,
  );
  t.equal(set(store, ['system', 'name'], 'Office').revision, 2);
});

t.test('what was answered is there after the program is killed', async (t) => {
  const directory = t.testdir();
  const child = await otherProgram(
    t,
    directory,
    `const store = ConfigurationStore.open(directory);
     store.edit({ author: { who: 'x', origin: 'cli' }, change: (c) => ({ ...c, system: { ...c.system, name: 'Office' } }) });
     console.log('edited');
     process.stdin.resume();`,
  );
  child.kill('SIGKILL');
  await once(child, 'close');
  t.equal(openStore(t, { directory }).current.system.name, 'Office');
});
