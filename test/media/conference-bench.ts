/**
 * What a conference costs the media worker: milliseconds of its CPU for each second, and memory for each party, everybody
 * sending all the time.
 *
 *   node test/media/conference-bench.ts [--parties N] [--seconds N]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient } from '../../firmware/media/client.ts';
import { encodePayloads } from '../support/encode.ts';
import { freePorts } from '../support/free-ports.ts';
import { makeTones } from '../support/tones.ts';
import { buildAddon, G729, PCMA, PCMU, towards } from './conversation.ts';
import { Party } from './party.ts';

const { values } = parseArgs({
  options: { parties: { type: 'string', default: '64' }, seconds: { type: 'string', default: '5' } },
});
const count = Number(values.parties);
const frames = Number(values.seconds) * 50;

function cpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);
}

/** What nothing shares. */
function privateKb(pid: number): number {
  return Number(/^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

async function measure(name: string, codecs: readonly (typeof PCMA | typeof PCMU | typeof G729)[]): Promise<void> {
  const low = await freePorts(['127.0.0.1'], count * 2 + 2);
  const client = await MediaClient.start({
    ports: { low, high: low + count * 2 + 1 },
    logger: createLogger('warn'),
    clock: systemClock,
    threads: 1,
  });
  const pid = client.workerPid ?? 0;
  const empty = privateKb(pid);
  const conference = await client.createConference();
  const parties = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const negotiated = codecs[index % codecs.length] ?? PCMA;
      const party = await Party.open('127.0.0.1');
      const session = await client.openSession(['127.0.0.1']);
      await session.configure(0, towards(party, negotiated));
      await conference.join({ session: session.id, leg: 0 });
      const payloads = await encodePayloads(makeTones(index % 2 === 0 ? 'adbec' : 'fceda'), negotiated.codec);
      return { party, port: session.ports[0], negotiated, payloads };
    }),
  );
  let before = 0;
  const started = performance.now();
  for (let frame = 0; frame < frames; ) {
    for (; frame < Math.min(frames, (performance.now() - started) / 20); frame += 1) {
      if (frame === 25) before = cpuMs(pid);
      const packets = parties.map(({ party, port, negotiated, payloads }) =>
        party.send(port, {
          marker: frame === 0,
          payloadType: negotiated.payloadType,
          sequenceNumber: frame,
          timestamp: 160 * frame,
          ssrc: 1,
          payload: payloads[frame % payloads.length] ?? Buffer.alloc(0),
        }),
      );
      await Promise.all(packets);
    }
    await delay(1);
  }
  const seconds = (performance.now() - started) / 1000 - 0.5;
  const cost = (cpuMs(pid) - before) / seconds;
  const heard = parties.reduce((sum, { party }) => sum + party.heard.length, 0) / count / (seconds + 0.5);
  process.stdout.write(
    `${name.padEnd(24)} ${cost.toFixed(0)} ms CPU a second, ${((privateKb(pid) - empty) / count).toFixed(0)} kB a party, ` +
      `each hears ${heard.toFixed(1)} packets a second\n`,
  );
  for (const { party } of parties) party.close();
  await client.close();
}

await buildAddon();
await measure(`${count} PCMA`, [PCMA]);
await measure(`${count} G.729`, [G729]);
await measure(`${count} of all codecs`, [PCMA, PCMU, G729]);
