import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The work tree that the tests run in. */
export const repositoryPath = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** Where tests put what they build and keep: build/test/NAME. The folder is there when this returns. */
export function testOutputPath(name = ''): string {
  const folder = join(repositoryPath, 'build', 'test');
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}
