/**
 * What the store costs beyond SQLite itself, as ratios between things measured in the same run on the same disk: opening
 * a full configuration, one edit of it, and an import of all of it.
 *
 *   node test/config/bench.ts [--rounds N]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { withValue } from '../../firmware/config/path.ts';
import type { Author } from '../../firmware/config/revision-log.ts';
import { fullOffice } from './support/full-office.ts';

const AUTHOR: Author = { who: 'bench', origin: 'cli' };
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) throw new RangeError(`${values.rounds} is not 1 to 1000`);

const folder = mkdtempSync(join(tmpdir(), 'bench-config-'));
try {
  bench();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function bench(): void {
  const directory = join(folder, 'data');
  const store = ConfigurationStore.open(directory);
  const office = fullOffice();
  const importMs = timed(() => store.edit({ author: AUTHOR, comment: 'bench', change: () => office }));
  store.edit({ author: AUTHOR, change: () => ({}) });
  const secondImportMs = timed(() => store.edit({ author: AUTHOR, change: () => office }));
  store.close();

  const bareOpenMs = median(rounds, () => openDatabase(join(directory, 'ringdown.db'), 'FULL').close());
  const firstOpenMs = timed(() => ConfigurationStore.open(directory).close());
  const openMs = median(rounds, () => ConfigurationStore.open(directory).close());

  const bare = openDatabase(join(folder, 'bare.db'), 'FULL');
  bare.exec('CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (0)');
  const update = bare.prepare('UPDATE a SET x = x + 1');
  const commitMs = median(rounds, () => update.run());
  const insertMs = timed(() => insertBare(bare));
  bare.close();

  const edited = ConfigurationStore.open(directory);
  let count = 0;
  const editMs = median(rounds, () =>
    edited.edit({
      author: AUTHOR,
      change: (configuration) => withValue(configuration, ['users', '1001', 'fullName'], `Edit ${count++}`),
    }),
  );
  edited.close();

  row('open a full store (the first time in a process)', firstOpenMs, 'open the file alone', bareOpenMs);
  row('open it again', openMs, 'open the file alone', bareOpenMs);
  row('one edit', editMs, 'one commit of one row', commitMs);
  row('import of everything (the first edit)', importMs, '3,000 rows in one commit', insertMs);
  row('import of everything again', secondImportMs, '3,000 rows in one commit', insertMs);
}

function insertBare(database: ReturnType<typeof openDatabase>): void {
  database.exec('CREATE TABLE b (key TEXT PRIMARY KEY, value TEXT) STRICT');
  const insert = database.prepare('INSERT INTO b VALUES (?, ?)');
  const all = database.transaction(() => {
    for (let index = 0; index < 3000; index += 1) insert.run(String(index), 'x'.repeat(200));
  });
  all.immediate();
}

function timed(work: () => unknown): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}

function median(count: number, work: () => unknown): number {
  const times = Array.from({ length: count }, () => timed(work)).sort((a, b) => a - b);
  return times[Math.floor(count / 2)] ?? 0;
}

function row(what: string, ms: number, against: string, otherMs: number): void {
  const ratio = `${(ms / otherMs).toFixed(1)} times`.padStart(12);
  process.stdout.write(
    `${what.padEnd(48)} ${ms.toFixed(1).padStart(8)} ms ${ratio} ${against} (${otherMs.toFixed(1)} ms)\n`,
  );
}
