import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const repository = join(import.meta.dirname, '../..');
const files = execFileSync('git', ['ls-files'], { cwd: repository, encoding: 'utf8' }).trim().split('\n');

t.test('format, lint, import directions and types are clean', async (t) => {
  const { status, stdout, stderr } = spawnSync('make', ['lint'], { cwd: repository, encoding: 'utf8' });
  t.equal(status, 0, `${stdout}${stderr}`.slice(-4000));
});

t.test('an import that points upwards is refused', async (t) => {
  const upwards = "import { Call } from '../call/call.ts';\n\nexport const call = Call;\n";
  const biome = join(repository, 'node_modules/@biomejs/cli-linux-x64/biome');
  for (const [path, refused] of [
    ['firmware/config/upwards.ts', true],
    ['firmware/sip/upwards.ts', true],
    ['firmware/web/downwards.ts', false],
  ] as const) {
    const { status, stdout, stderr } = spawnSync(biome, ['lint', `--stdin-file-path=${path}`], {
      cwd: repository,
      input: upwards,
      encoding: 'utf8',
    });
    t.equal(/noRestrictedImports/.test(stdout + stderr), refused, `${path}, exit ${status}`);
  }
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
  t.same([...top].filter((name) => !name.startsWith('.') && name !== 'biome.json').sort(), [
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
