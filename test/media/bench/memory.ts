/**
 * What the media worker takes with everything at its limit: 148 calls, every one transcoded, and 128 parties in two conferences,
 * all of them talking, in every codec. A call is what the call server makes of it: two sessions of one leg, joined. The worker is
 * that of the bundle, since the sources bring what strips their types.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { MediaClient, type MediaSession } from '../../../firmware/media/client.ts';
import { heading } from '../../support/bench-report.ts';
import { encodePayloads, TICKS_PER_MS } from '../../support/encode.ts';
import { makeTones } from '../../support/tones.ts';
import { G722, G726, G729, OPUS, PCMA, PCMU, towards } from '../conversation.ts';
import { Party } from '../party.ts';
import { ADDRESS, LOWEST_PORT } from './side.ts';

const CALLS = 148;
const PARTIES = 128;
const LIMIT_MB = 96;
/** A call in two is from G.711 to G.729, a call in four has Opus, and so has a party in six of a conference. */
const CALL_CODECS = [
  [PCMA, G729],
  [PCMU, OPUS],
  [PCMU, G729],
  [G722, G726],
  [PCMA, G729],
  [OPUS, G729],
  [PCMU, G729],
  [G722, PCMA],
] as const;
const CONFERENCE_CODECS = [PCMA, PCMU, G729, G722, G726, OPUS] as const;
type Negotiated = (typeof CONFERENCE_CODECS)[number];

interface Speaker {
  readonly party: Party;
  readonly port: number;
  readonly negotiated: Negotiated;
}

/** Megabytes of 10^6 bytes: resident, and what of it is no file. */
function memoryOf(pid: number): { readonly resident: number; readonly anonymous: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string): number => (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) * 1024) / 1e6;
  return { resident: field('Rss'), anonymous: field('Anonymous') };
}

function print(name: string, pid: number): void {
  const { resident, anonymous } = memoryOf(pid);
  process.stdout.write(`${name.padEnd(44)} ${resident.toFixed(1)} MB resident, ${anonymous.toFixed(1)} MB anonymous\n`);
}

async function talk(speakers: readonly Speaker[], seconds: number): Promise<void> {
  const payloads = {
    PCMA: await encodePayloads(makeTones('adbecf'), 'PCMA'),
    PCMU: await encodePayloads(makeTones('fceda'), 'PCMU'),
    G729: await encodePayloads(makeTones('bdfac'), 'G729'),
    G722: await encodePayloads(makeTones('cfbea'), 'G722'),
    G726: await encodePayloads(makeTones('ebcfd'), 'G726'),
    OPUS: await encodePayloads(makeTones('dfcab'), 'OPUS'),
  };
  const started = performance.now();
  for (let frame = 0; frame < seconds * 50; frame += 1) {
    const sent = speakers.map(({ party, port, negotiated: { codec, payloadType } }) =>
      party.send(port, {
        marker: frame === 0,
        payloadType,
        sequenceNumber: frame,
        timestamp: 20 * TICKS_PER_MS[codec] * frame,
        ssrc: 1,
        payload: payloads[codec][frame % payloads[codec].length] ?? Buffer.alloc(0),
      }),
    );
    await Promise.all(sent);
    await delay(Math.max(0, started + 20 * (frame + 1) - performance.now()));
  }
}

export async function measureMemory(bundle: string, seconds: number): Promise<void> {
  heading(`memory: ${CALLS} calls and ${PARTIES} parties in two conferences, every codec, ${seconds} s of talk`);
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: make build`);
  const client = await MediaClient.start({
    ports: { low: LOWEST_PORT, high: LOWEST_PORT + 4 * CALLS + 2 * PARTIES + 1023 },
    logger: createLogger('warn'),
    clock: systemClock,
    workerEntry: bundle,
  });
  try {
    const pid = client.workerPid;
    if (pid === undefined) throw new Error('the media worker is gone');
    print('nothing to do', pid);
    const speakers: Speaker[] = [];
    for (let call = 0; call < CALLS; call += 1) {
      const joined: MediaSession<readonly [string]>[] = [];
      for (const negotiated of CALL_CODECS[call % CALL_CODECS.length] ?? CALL_CODECS[0]) {
        const party = await Party.open(ADDRESS);
        const session = await client.openSession([ADDRESS]);
        await session.configure(0, towards(party, negotiated));
        speakers.push({ party, port: session.ports[0], negotiated });
        joined.push(session);
      }
      const [caller, callee] = joined;
      if (callee !== undefined) await caller?.join(callee);
    }
    print(`${CALLS} calls, silent`, pid);
    const conferences = [await client.createConference(), await client.createConference()] as const;
    for (let index = 0; index < PARTIES; index += 1) {
      const party = await Party.open(ADDRESS);
      const negotiated = CONFERENCE_CODECS[index % CONFERENCE_CODECS.length] ?? PCMA;
      const session = await client.openSession([ADDRESS]);
      await session.configure(0, towards(party, negotiated));
      await conferences[index % 2 === 0 ? 0 : 1].join({ session: session.id, leg: 0 });
      speakers.push({ party, port: session.ports[0], negotiated });
    }
    print('and the parties, silent', pid);
    await talk(speakers, seconds);
    const heard = speakers.reduce((sum, { party }) => sum + party.heard.length, 0) / speakers.length;
    const { resident } = memoryOf(pid);
    print(`all, after each heard ${heard.toFixed(0)} packets`, pid);
    process.stdout.write(`${''.padEnd(44)} ${(resident / LIMIT_MB).toFixed(2)} of the limit of ${LIMIT_MB} MB\n`);
    for (const { party } of speakers) party.close();
  } finally {
    await client.close();
  }
}
