import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runAsRoot } from '../support/privilege.ts';
import { repositoryPath } from '../support/repository.ts';
import { runRingdown } from '../support/ringdown.ts';

const PROGRAM = join(repositoryPath, 'build/ringdown');

/** Runs the program with a reader that is gone already; its status and standard error. */
function withoutReader(args: readonly string[], input: string): Promise<readonly [number | null, string]> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, { stdio: 'pipe', timeout: 20_000, killSignal: 'SIGKILL' });
    child.stdout.destroy();
    let errors = '';
    child.stderr.on('data', (data: Buffer) => {
      errors += data.toString('utf8');
    });
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (status) => resolve([status, errors]));
    child.stdin.end(input);
  });
}

t.test('a reader that has seen enough is no failure to tell, and no password is made unseen', async (t) => {
  const data = join(t.testdir(), 'box');
  t.equal((await runRingdown(['extension', 'add', '201', '--name', 'Reception', '--data', data])).status, 0);
  const closed = [128 + constants.signals.SIGPIPE, ''];
  t.strictSame(await withoutReader(['config', 'log', '--data', data], ''), closed);
  t.strictSame(await withoutReader(['users', 'import', '-', '--data', data], 'extension\n301\n302\n'), closed);
  t.match((await runRingdown(['extension', 'list', '--data', data])).stdout, /^201 {2}Reception\n$/);
});

t.test('a user without a name may run it', async (t) => {
  t.match(runAsRoot('setpriv', '--reuid', '54321', '--clear-groups', PROGRAM, '--version'), /^\d+\.\d+\.\d+\n$/);
});
