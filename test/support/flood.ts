import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { outputOf } from './process-output.ts';
import { testOutputPath } from './repository.ts';

export interface Flood {
  /** Where it goes. */
  readonly address: string;
  readonly port: number;
  /** The first of the loopback addresses that it comes from, and how many of them take turns. */
  readonly from: string;
  readonly sources: number;
  readonly perSecond: number;
  readonly count: number;
  /** Each `########` in it is another number in each datagram. */
  readonly message: Buffer;
}

/** Sends it; how many datagrams went out, and in how long. */
export async function flood(options: Flood): Promise<{ readonly sent: number; readonly tookMs: number }> {
  const { address, port, from, sources, perSecond, count, message } = options;
  const words = [address, port, from, sources, perSecond, count].map(String);
  const output = await outputOf(await program(), words, message);
  const [sent = 0, tookMs = 0] = output.toString('utf8').trim().split(' ').map(Number);
  return { sent, tookMs };
}

/** Compiled once for each text of its source. */
async function program(): Promise<string> {
  const source = fileURLToPath(new URL('./flood.c', import.meta.url));
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const built = testOutputPath(`flood-${hash}`);
  if (existsSync(built)) return built;
  // Several test processes may build it at once: each its own file, and the last rename wins.
  const unfinished = `${built}.${process.pid}`;
  await outputOf('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source]);
  renameSync(unfinished, built);
  return built;
}
