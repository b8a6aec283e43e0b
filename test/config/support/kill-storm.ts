import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import type { Test } from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { checkIntegrity, openDatabase } from '../../../firmware/config/database.ts';
import { repositoryPath, testOutputPath } from '../../support/repository.ts';
import { readMark } from './office.ts';
import { Random } from './random.ts';

/** In each directory. */
const KILLS = 125;
const MOST_EDITS_BETWEEN = 6;
const START_MS = 300;
const EDIT_MS = 4;
const CHILD_TIMEOUT_MS = 60_000;

/** From the sources each start would take three times as long. */
function bundleEditor(): string {
  const outfile = testOutputPath('edit-without-end.cjs');
  buildSync({
    absWorkingDir: repositoryPath,
    entryPoints: ['test/config/support/edit-without-end.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['better-sqlite3'],
    define: {
      'import.meta.dirname': JSON.stringify(join(repositoryPath, 'firmware/config')),
      'import.meta.url': '__moduleUrl',
    },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  return outfile;
}

/** Starts an editor and kills it at a random moment; the last revision that it answered, if it came to that. */
async function editAndKill(program: string, directory: string, random: Random): Promise<number | undefined> {
  // Without the hooks of the test runner, which it loads into every Node below it, a start takes half the time. `env` becomes
  // the editor: it is the editor that is killed.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CHILD_TIMEOUT_MS,
    killSignal: 'SIGTERM',
  });
  const closed = once(child, 'close');
  let left = random.below(MOST_EDITS_BETWEEN);
  // Sometimes while it starts, mostly within an edit.
  if (left === 0) killWithin(child, random.below(START_MS));
  let answered: number | undefined;
  for await (const line of createInterface(child.stdout)) {
    answered = Number(line);
    left -= 1;
    if (left === 0) killWithin(child, random.below(EDIT_MS));
  }
  const [, signal] = await closed;
  if (signal !== 'SIGKILL') throw new Error(`the editor ended by itself (${String(signal)})`);
  return answered;
}

function killWithin(child: ChildProcess, delayMs: number): void {
  setTimeout(() => child.kill('SIGKILL'), delayMs);
}

/** What the killed process left is looked at in a copy: the next one begins with the same files. */
function revisionIn(directory: string, scratch: string): number {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  for (const name of ['ringdown.db', 'ringdown.db-wal']) {
    if (existsSync(join(directory, name))) copyFileSync(join(directory, name), join(scratch, name));
  }
  const store = ConfigurationStore.open(scratch);
  try {
    const { revision, current } = store;
    if (revision > 1 && readMark(current) !== revision) {
      throw new Error(`revision ${revision} is not whole: ${JSON.stringify(current.system.name)}`);
    }
    // Reads them with their checksums.
    store.log.list(MOST_EDITS_BETWEEN * 2);
    const database = openDatabase(join(scratch, 'ringdown.db'), 'FULL');
    checkIntegrity(database, scratch);
    const gaps = database.prepare('SELECT max(revision) - min(revision) + 1 - count(*) FROM revisions').pluck().get();
    if (gaps !== 0) throw new Error(`the log of ${revision} revisions has ${String(gaps)} gaps`);
    database.close();
    return revision;
  } finally {
    store.close();
  }
}

/**
 * What was answered survives a kill at any moment, and nothing is there by half: KILLS of them in a directory for each seed, all
 * directories at once, so that both cores have something to do.
 */
export async function surviveKills(t: Test, seeds: readonly number[]): Promise<void> {
  const program = bundleEditor();
  const root = t.testdir(Object.fromEntries(seeds.map((seed) => [String(seed), {}])));
  const storm = async (seed: number): Promise<void> => {
    const name = String(seed);
    const directory = join(root, name);
    const random = new Random(seed);
    let before = 1;
    let edits = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const answered = (await editAndKill(program, directory, random)) ?? before;
      const revision = revisionIn(directory, join(root, `${name}-copy`));
      // The last edit may have been made, but the process killed before it could answer.
      if (revision !== answered && revision !== answered + 1) {
        t.fail(`revision ${answered} was answered and ${revision} is there, after kill ${kill} of seed ${name}`);
        return;
      }
      edits += revision - before;
      before = revision;
    }
    t.pass(`${KILLS} kills and ${edits} edits of seed ${name}`);
    t.ok(edits > KILLS);
  };
  await Promise.all(seeds.map(storm));
}
