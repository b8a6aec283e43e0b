/**
 * What a call costs the media worker, as ratios between things measured in the same run, since nothing else holds on
 * another machine or under other load: a transcoded call against a relayed one, and against the codec library alone.
 *
 *   node test/media/bench.ts [--calls N] [--seconds N] [--rounds N]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient, type MediaSession } from '../../firmware/media/client.ts';
import { encodePayloads } from '../support/encode.ts';
import { freePorts } from '../support/free-ports.ts';
import { outputOf } from '../support/process-output.ts';
import { testOutputPath } from '../support/repository.ts';
import { makeTones } from '../support/tones.ts';
import { buildAddon, G729, PCMA, towards } from './conversation.ts';
import { Party } from './party.ts';

const PTIME_MS = 20;
/** Packets that the kernel may drop on a busy machine before the figures mean nothing. */
const TOLERATED_LOSS = 0.02;

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
  },
});
const calls = countOf(values.calls);
const packetCount = Math.round((countOf(values.seconds) * 1000) / PTIME_MS);
const rounds = countOf(values.rounds);

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 100) return count;
  throw new RangeError(`${text} is not 1 to 100`);
}

/** Nanoseconds of CPU that the threads of a process have had. Its exited threads are not in it; the worker has none. */
function cpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0);
}

interface Leg {
  readonly party: Party;
  readonly port: number;
  readonly payloadType: number;
  readonly payloads: readonly Buffer[];
}

/** Every leg sends a packet each 20 ms, the legs evenly apart as phones are that know nothing of each other. */
async function talk(legs: readonly Leg[]): Promise<void> {
  const total = legs.length * packetCount;
  const started = performance.now();
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, ((performance.now() - started) * legs.length) / PTIME_MS);
    for (; sent < due; sent += 1) {
      const leg = legs[sent % legs.length];
      const index = Math.floor(sent / legs.length);
      const payload = leg?.payloads[index % leg.payloads.length];
      if (leg === undefined || payload === undefined) throw new Error('a leg without payloads');
      const { payloadType } = leg;
      const packet = {
        marker: index === 0,
        payloadType,
        sequenceNumber: index,
        timestamp: index * 160,
        ssrc: 1,
        payload,
      };
      await leg.party.send(leg.port, packet);
    }
    await delay(1);
  }
}

/** Milliseconds of the worker's CPU for each second of one call. */
async function callCost(client: MediaClient, second: typeof PCMA | typeof G729): Promise<number> {
  const sessions: MediaSession[] = [];
  const legs: Leg[] = [];
  try {
    for (let call = 0; call < calls; call += 1) {
      const session = await client.openSession(['127.0.0.1', '127.0.0.1']);
      sessions.push(session);
      for (const [index, negotiated] of [PCMA, second].entries()) {
        const side = index === 0 ? 0 : 1;
        const party = await Party.open('127.0.0.1');
        const payloads = await encodePayloads(makeTones(side === 0 ? 'adbec' : 'fceda'), negotiated.codec);
        legs.push({ party, port: session.ports[side], payloadType: negotiated.payloadType, payloads });
        await session.configure(side, towards(party, negotiated));
      }
    }
    const pid = client.workerPid;
    if (pid === undefined) throw new Error('no worker');
    const before = cpuNs(pid);
    await talk(legs);
    const usedMs = (cpuNs(pid) - before) / 1e6;
    const heard = legs.reduce((sum, { party }) => sum + party.heard.length, 0);
    const wanted = legs.length * packetCount;
    if (heard < wanted * (1 - TOLERATED_LOSS)) throw new Error(`only ${heard} of ${wanted} packets came through`);
    return usedMs / calls / ((packetCount * PTIME_MS) / 1000);
  } finally {
    for (const { party } of legs) party.close();
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** Milliseconds of CPU that bcg729 takes to encode and to decode one second of the same tones. */
async function codecCost(program: string): Promise<number> {
  const tones = makeTones('adbecfceda');
  const bytes = Buffer.from(tones.buffer);
  const repeated = Buffer.concat(Array.from({ length: 10 }, () => bytes));
  const ns = Number((await outputOf(program, [], repeated)).toString());
  return ns / 1e6 / ((10 * tones.length) / 8000);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function report(what: string, rounds: readonly number[], unit = ''): void {
  const spread = rounds.map((number) => number.toFixed(2)).join(' ');
  process.stdout.write(`${what.padEnd(40)} ${median(rounds).toFixed(2)}${unit} (${spread})\n`);
}

await buildAddon();
const codecAlone = testOutputPath('codec-alone');
const source = fileURLToPath(new URL('./native/codec-alone.c', import.meta.url));
await outputOf('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', codecAlone, source, '-l:libbcg729.a', '-lm']);

const portCount = calls * 4;
const low = await freePorts(['127.0.0.1'], portCount);
const client = await MediaClient.start({
  ports: { low, high: low + portCount - 1 },
  logger: createLogger('warn'),
  clock: systemClock,
});
const relayed: number[] = [];
const transcoded: number[] = [];
const codec: number[] = [];
process.stdout.write(`${calls} calls of ${packetCount} packets each way, ${rounds} rounds; CPU of the worker alone\n`);
try {
  // The first calls of a worker pay for its warming up.
  await callCost(client, PCMA);
  for (let round = 0; round < rounds; round += 1) {
    relayed.push(await callCost(client, PCMA));
    transcoded.push(await callCost(client, G729));
    codec.push(await codecCost(codecAlone));
  }
} finally {
  await client.close();
}
const ratio = (costs: readonly number[], against: readonly number[]): readonly number[] =>
  costs.map((cost, round) => cost / (against[round] ?? Number.NaN));
const transcodedLessRelayed = transcoded.map((cost, round) => cost - (relayed[round] ?? Number.NaN));
report('relayed call (PCMA to PCMA)', relayed, ' ms a second');
report('transcoded call (PCMA to G.729)', transcoded, ' ms a second');
report('bcg729 alone, the same audio', codec, ' ms a second');
report('transcoded / relayed', ratio(transcoded, relayed));
report('transcoded / bcg729 alone', ratio(transcoded, codec));
report('(transcoded - relayed) / bcg729 alone', ratio(transcodedLessRelayed, codec));
