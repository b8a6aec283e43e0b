import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';

const repository = join(import.meta.dirname, '../..');
const files = execFileSync('git', ['ls-files'], { cwd: repository, encoding: 'utf8' }).trim().split('\n');

t.test('format, lint, import directions and types are clean', async (t) => {
  // tap loads its hooks into every Node below it by NODE_OPTIONS, whatever `env` says, and tsc does not start with them.
  const command = ['-u', 'NODE_OPTIONS', 'make', 'lint'];
  const { status, stdout, stderr } = spawnSync('env', command, { cwd: repository, encoding: 'utf8' });
  t.equal(status, 0, `${stdout}${stderr}`.slice(-4000));
});

t.test('an import that points upwards is refused, one that points downwards is not', async (t) => {
  const files = {
    'firmware/config/store.ts': "import '../call/call.ts';\n",
    'firmware/sip/message/uri.ts': "import '../transport/udp.ts';\n",
    'firmware/web/server.ts': "import '../sip/stack.ts';\n",
    'firmware/media/client.ts': "export type { Clock } from '../core/clock.ts';\n",
    'firmware/call/call.ts': "import '../sip/stack.ts';\nimport '../sip/message/uri.ts';\n",
    'firmware/registrar/registrar.ts': "import '../sip/stack.ts';\n",
  };
  const folder = mkdtempSync(join(tmpdir(), 'ringdown-lint-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(repository, '.biome.json'), join(folder, '.biome.json'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const biome = join(repository, 'node_modules/@biomejs/cli-linux-x64/biome');
  const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '.'], { cwd: folder, encoding: 'utf8' });
  const refused = [...stdout.matchAll(/firmware\/[a-z/-]+\.ts/g)].map(([path]) => path);
  t.same([...new Set(refused)].sort(), [
    'firmware/call/call.ts',
    'firmware/config/store.ts',
    'firmware/sip/message/uri.ts',
    'firmware/web/server.ts',
  ]);
});

t.test('the lock file names no server', async (t) => {
  t.notMatch(readFileSync(join(repository, 'package-lock.json'), 'utf8'), /"resolved"|https?:\/\/[^"]*\.(tgz|tar)/);
});

t.test('every package is pinned to one version', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(repository, 'package.json'), 'utf8'),
  );
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    t.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

t.test('the top level is the house that architecture.md drew', async (t) => {
  const top = new Set(files.map((file) => file.replace(/\/.*/, '')));
  t.same([...top].filter((name) => !name.startsWith('.')).sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'Makefile',
    'README.md',
    'board',
    'firmware',
    'image',
    'package-lock.json',
    'package.json',
    'scripts',
    'test',
    'tsconfig.json',
  ]);
});

t.test('the README is short', async (t) => {
  t.ok(readFileSync(join(repository, 'README.md'), 'utf8').split('\n').length <= 150);
});
