/**
 * What the server of phone files costs beyond bare node:http: requests over kept-alive connections whose If-None-Match
 * hits, with and without a body, as ratios between two servers that answer the same in the same run. Each server has a
 * process of its own, this one asks. And how long the files take to make.
 *
 *   node test/phones/bench.ts [--seconds N] [--connections N]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BareAnswer } from './bench-server.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, connections: { type: 'string', default: '16' } },
});
const seconds = readCount('--seconds', values.seconds, 60);
const connections = readCount('--connections', values.connections, 128);
/** The two take turns, so that a machine that is busy meanwhile slows both. */
const ROUNDS = 5;

const PATH = '/46xxsettings.txt';
const HEAD = ['Host: 127.0.0.1', 'User-Agent: Avaya Communicator/3.0 (bench)'];
const END = Buffer.from('\r\n\r\n');

const folder = mkdtempSync(join(tmpdir(), 'bench-settings-'));
const servers: ChildProcess[] = [];
try {
  await bench();
} finally {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const ours = await start('ours', folder);
  const full = await answerOf(ours.port, []);
  const tag = /\r\netag: ([^\r]+)\r\n/i.exec(full.head)?.[1] ?? '';
  const unchanged = await answerOf(ours.port, [`If-None-Match: ${tag}`]);
  const bare = await start('bare', JSON.stringify({ full, unchanged } satisfies BareAnswer));
  await compare('304, the entity tag hits', ours.port, bare.port, [`If-None-Match: ${tag}`]);
  await compare(`200, ${full.body.length} bytes`, ours.port, bare.port, []);
  const [renderMs, cachedMs] = ours.makeMs;
  process.stdout.write(`making 46xxsettings.txt anew ${renderMs.toFixed(3)} ms, once made ${cachedMs.toFixed(4)} ms\n`);
}

interface Server {
  readonly port: number;
  readonly makeMs: readonly [render: number, cached: number];
}

async function start(...args: readonly string[]): Promise<Server> {
  const server = fork(join(import.meta.dirname, 'bench-server.ts'), args);
  servers.push(server);
  const [message] = await once(server, 'message');
  return message;
}

async function compare(what: string, ours: number, bare: number, fields: readonly string[]): Promise<void> {
  const rates = { ours: [] as number[], bare: [] as number[] };
  // The first turn of each warms it up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const pair = { bare: await rateOf(bare, fields), ours: await rateOf(ours, fields) };
    if (round === 0) continue;
    rates.bare.push(pair.bare);
    rates.ours.push(pair.ours);
  }
  const [ourRate, bareRate] = [median(rates.ours), median(rates.bare)];
  process.stdout.write(
    `${what.padEnd(28)} ours ${ourRate.toFixed(0).padStart(6)}/s  node:http ${bareRate.toFixed(0).padStart(6)}/s  ` +
      `ratio ${(ourRate / bareRate).toFixed(2)}\n`,
  );
}

/** Requests a second, over all connections, each of which asks again when it has its answer. */
async function rateOf(port: number, fields: readonly string[]): Promise<number> {
  const durationMs = (seconds * 1000) / ROUNDS;
  const began = performance.now();
  const isOver = (): boolean => performance.now() - began >= durationMs;
  const counts = await Promise.all(Array.from({ length: connections }, () => askAgainAndAgain(port, fields, isOver)));
  return (counts.reduce((sum, count) => sum + count, 0) * 1000) / (performance.now() - began);
}

/** A connection that is closed after its hundred requests is opened anew, as phones do. */
async function askAgainAndAgain(port: number, fields: readonly string[], isOver: () => boolean): Promise<number> {
  let count = 0;
  while (!isOver()) count += await askOver(connect(port, '127.0.0.1'), fields, isOver);
  return count;
}

function askOver(socket: Socket, fields: readonly string[], isOver: () => boolean): Promise<number> {
  const request = Buffer.from([`GET ${PATH} HTTP/1.1`, ...HEAD, ...fields, '', ''].join('\r\n'));
  return new Promise((resolve, reject) => {
    let count = 0;
    let missing = 0;
    let isLast = false;
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write(request));
    socket.on('error', reject);
    socket.on('close', () => resolve(count));
    socket.on('data', (chunk: Buffer) => {
      if (missing === 0) {
        const end = chunk.indexOf(END);
        const head = chunk.toString('latin1', 0, Math.max(end, 0));
        if (!/^HTTP\/1\.1 (?:200|304) /.test(head)) return void socket.destroy(new Error(`an answer of ${head}`));
        isLast = /\r\nconnection: close/i.test(head);
        missing = lengthIn(head) + end + END.length;
      }
      missing -= chunk.length;
      if (missing > 0) return;
      count += 1;
      if (isOver()) socket.destroy();
      else if (!isLast) socket.write(request);
    });
  });
}

async function answerOf(port: number, fields: readonly string[]): Promise<BareAnswer['full']> {
  const socket = connect(port, '127.0.0.1');
  socket.write([`GET ${PATH} HTTP/1.1`, ...HEAD, ...fields, 'Connection: close', '', ''].join('\r\n'));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  const end = all.indexOf(END);
  return { head: all.toString('latin1', 0, end + 2), body: all.toString('latin1', end + END.length) };
}

function lengthIn(head: string): number {
  return Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function readCount(option: string, text: string, most: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > most) throw new RangeError(`${option} is 1 to ${most}`);
  return count;
}
