import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { outputOf } from './process-output.ts';
import { testOutputPath } from './repository.ts';

const building = new Map<string, Promise<string>>();

/** The path of the program that `name`.c in this folder becomes, compiled once for each text of it. */
export function compiled(name: string, libraries: readonly string[] = []): Promise<string> {
  const known = building.get(name) ?? compile(name, libraries);
  building.set(name, known);
  return known;
}

async function compile(name: string, libraries: readonly string[]): Promise<string> {
  const source = fileURLToPath(new URL(`./${name}.c`, import.meta.url));
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const program = testOutputPath(`${name}-${hash}`);
  if (existsSync(program)) return program;
  // Several test processes may build it at once: each its own file, and the last rename wins.
  const unfinished = `${program}.${process.pid}`;
  await outputOf('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source, ...libraries]);
  renameSync(unfinished, program);
  return program;
}
