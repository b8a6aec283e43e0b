import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
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

t.test('what root makes in the directory of the service is the service’s', async (t) => {
  const service = ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups', PROGRAM] as const;
  const parent = mkdtempSync(join(tmpdir(), 'rd-'));
  t.teardown(() => void runAsRoot('rm', '-rf', parent));
  chmodSync(parent, 0o755);
  const data = join(parent, 'box');
  const strangers = (): string => runAsRoot('find', data, '!', '-uid', '54321');
  runAsRoot('install', '-d', '-m', '700', '-o', '54321', '-g', '54321', data);
  runAsRoot(PROGRAM, 'extension', 'add', '201', '--name', 'Reception', '--data', data);
  runAsRoot('sh', '-c', `echo carrier secret | ${PROGRAM} config set lines.1.password - --data ${data}`);
  const name = /^Backup (\S+) is made/.exec(runAsRoot(PROGRAM, 'backup', 'create', '--data', data))?.[1] ?? '';
  t.equal(strangers(), '');
  t.match(runAsRoot(...service, 'backup', 'verify', name, '--data', data), /is good/);
  t.match(runAsRoot(...service, 'config', 'set', 'system.name', 'Office', '--data', data), /Revision 4/);

  runAsRoot('sh', '-c', `echo garbage > ${data}/ringdown.db; rm -f ${data}/ringdown.db-*`);
  runAsRoot(PROGRAM, 'backup', 'restore', name, '--data', data);
  t.equal(strangers(), '', 'also after a damaged one was replaced');

  const manifest = join(data, 'backups', `${name}.json`);
  runAsRoot('chown', 'root', manifest);
  runAsRoot('touch', '-d', '2 days ago', manifest);
  t.match(
    runAsRoot(...service, 'backup', 'list', '--data', data),
    /unreadable: its manifest cannot be read \(EACCES\)/,
  );
  t.throws(() => runAsRoot(...service, 'backup', 'restore', name, '--data', data), { message: /cannot be read now/ });
  runAsRoot(...service, 'backup', 'create', '--data', data);
  t.match(runAsRoot('ls', join(data, 'backups')), `${name}.json`, 'what it cannot read it does not remove');
});
