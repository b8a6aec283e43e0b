import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const fromSource = here.endsWith(join('firmware', 'core'));

/** The repository, when the sources run as they are (tests); undefined in the bundle. */
const repository = fromSource ? join(here, '..', '..') : undefined;

/** Where files that cannot be bundled are: native addons, migrations. Beside the bundle, or in the last build of it. */
export function assetPath(name: string): string {
  return repository === undefined ? join(here, name) : join(repository, 'build', 'runtime', name);
}

/** The program file of a child process: `bundled` beside the bundle, or the source file that it is made from. */
export function entryPath(bundled: string, source: string): string {
  return repository === undefined ? join(here, bundled) : join(repository, source);
}
