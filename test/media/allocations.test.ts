/** What the packet threads of the real worker take from the heap while calls of every kind go on: nothing. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { CHANNEL_FD } from '../../firmware/media/channel.ts';
import { MediaClient, type MediaSession } from '../../firmware/media/client.ts';
import { SRTP_SUITES } from '../../firmware/media/srtp.ts';
import { toneOf } from '../../firmware/media/tones.ts';
import { compiled } from '../support/compiled.ts';
import { TICKS_PER_MS } from '../support/encode.ts';
import { freePorts } from '../support/free-ports.ts';
import { repositoryPath } from '../support/repository.ts';
import { masterKey, SrtpPeer } from '../support/srtp-peer.ts';
import { buildAddon, G722, G726, G729, OPUS, PCMA, PCMU, towards } from './conversation.ts';
import { voice } from './note.ts';
import { Party } from './party.ts';

const HERE = '127.0.0.1';
const THREADS = 2;
const SESSIONS = 24;
const FRAME_MS = 20;
/** Until coders, buffers and streams of SRTP are there. */
const WARM_UP_MS = 3000;
/** Long enough for a report of each leg (RFC 3550 §6.3.1: 2 to 6.2 s). */
const STEADY_MS = 7000;
/** Of so many packets one is lost. */
const LOST_SHARE = 25;
/** Of a machine that stood still no more than this is said at once. */
const MAX_BURST_FRAMES = 3;

const RECORDING = {
  name: 'call.wav',
  who: 'both',
  channels: 2,
  maxBytes: 10_000_000,
  maxFolderBytes: 20_000_000,
  onEnded: () => {},
} as const;

type Negotiated = Omit<Parameters<typeof towards>[1], 'rtcpMux'>;

/** Somebody who speaks all the time, on one leg of a session. */
interface Speaker {
  readonly party: Party;
  readonly port: number;
  readonly negotiated: Negotiated;
  readonly note: readonly Buffer[];
  /** RTP units of a packet. */
  readonly ticks: number;
}

interface Watched {
  readonly client: MediaClient;
  readonly pid: number;
  readonly folder: string;
  /** What its packet threads took from the heap so far, and gave back. */
  counts(): readonly bigint[];
}

/** The worker with its heap watched: it has an environment of its own, so that its program starts another one. */
async function startWatched(t: Test): Promise<Watched> {
  await buildAddon();
  const library = await compiled('allocation-count', ['-shared', '-fPIC']);
  const folder = mkdtempSync(join(tmpdir(), 'allocations-'));
  const env = { LD_PRELOAD: library, ALLOCATIONS: join(folder, 'counts') };
  const workerEntry = join(folder, 'worker.mjs');
  const program = join(repositoryPath, 'firmware/media/worker/main.ts');
  writeFileSync(
    workerEntry,
    `import { spawn } from 'node:child_process';
    const args = [${JSON.stringify(program)}, ...process.argv.slice(2)];
    const worker = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 2, ${CHANNEL_FD}], env: ${JSON.stringify(env)} });
    worker.on('exit', (code) => process.exit(code ?? 1));`,
  );
  const low = await freePorts(['127.0.0.1', '::1'], SESSIONS * 4);
  const client = await MediaClient.start({
    ports: { low, high: low + SESSIONS * 4 - 1 },
    logger: createLogger('silent'),
    clock: systemClock,
    threads: THREADS,
    workerEntry,
  });
  t.teardown(async () => {
    await client.close();
    rmSync(folder, { recursive: true });
  });
  const pid = Number(readFileSync(`/proc/${client.workerPid}/task/${client.workerPid}/children`, 'utf8'));
  const counts = (): readonly bigint[] => {
    const bytes = readFileSync(`${env.ALLOCATIONS}.${pid}`);
    return [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)];
  };
  return { client, pid, folder, counts };
}

/** A session with somebody who speaks on each leg. */
async function call(
  t: Test,
  session: Pick<MediaSession, 'configure'> & { readonly ports: readonly number[] },
  ...legs: readonly Negotiated[]
): Promise<readonly Speaker[]> {
  const speakers: Speaker[] = [];
  for (const [index, negotiated] of legs.entries()) {
    const party = await Party.open(HERE);
    t.teardown(() => party.close());
    const { srtp } = negotiated;
    if (srtp !== undefined) {
      const [ours, theirs] = [new SrtpPeer(srtp.suite, srtp.receiveKey), new SrtpPeer(srtp.suite, srtp.sendKey)];
      party.transform = { protect: (packet) => ours.protect(packet), unprotect: (packet) => theirs.unprotect(packet) };
    }
    await session.configure(index === 0 ? 0 : 1, towards(party, { ...negotiated, rtcpMux: true }));
    const note = await voice(430, negotiated.codec);
    const ticks = FRAME_MS * TICKS_PER_MS[negotiated.codec];
    speakers.push({ party, port: session.ports[index] ?? 0, negotiated, note, ticks });
  }
  return speakers;
}

/** All speak at their pace until the end of the test; some packets are lost. */
async function talk(speakers: readonly Speaker[], isOver: () => boolean): Promise<void> {
  let started = performance.now();
  for (let frame = 0; !isOver(); ) {
    started = Math.max(started, performance.now() - (frame + MAX_BURST_FRAMES) * FRAME_MS);
    for (; frame * FRAME_MS < performance.now() - started; frame += 1) {
      for (const [index, { party, port, negotiated, note, ticks }] of speakers.entries()) {
        const payload = note[frame % note.length];
        if (payload === undefined || (frame + index) % LOST_SHARE === 0) continue;
        const { payloadType } = negotiated;
        const packet = {
          marker: false,
          payloadType,
          sequenceNumber: frame,
          timestamp: frame * ticks,
          ssrc: 1,
          payload,
        };
        await party.send(port, packet);
      }
    }
    await delay(2);
  }
}

t.test('packets of every kind of call take nothing from the heap', async (t) => {
  const { client, pid, folder, counts } = await startWatched(t);
  const secured = SRTP_SUITES.map((suite, index) => {
    const srtp = { suite, receiveKey: masterKey(suite, 2 * index), sendKey: masterKey(suite, 2 * index + 1) };
    return [{ ...PCMA, srtp }, PCMA] as const;
  });
  const speakers: Speaker[] = [];
  for (const legs of [
    [PCMA, PCMU],
    [PCMA, PCMA],
    [PCMA, { ...PCMA, ptimeMs: 60 }],
    [
      { ...PCMU, detectDigits: true },
      { ...G722, telephoneEventPayloadType: 101 },
    ],
    [
      { ...PCMA, comfortNoisePayloadType: 13 },
      { ...G729, annexB: true },
    ],
    [G726, { ...OPUS, ptimeMs: 40 }],
    ...secured,
  ] as const) {
    const session = await client.openSession([HERE, HERE]);
    speakers.push(...(await call(t, session, ...legs)));
    if (speakers.length === 2) await session.record({ ...RECORDING, folder });
  }
  const alone: MediaSession<readonly [string]>[] = [];
  for (const negotiated of [PCMA, G722, OPUS, G729, PCMU, G726]) {
    const session = await client.openSession([HERE]);
    speakers.push(...(await call(t, session, negotiated)));
    alone.push(session);
  }
  const conference = await client.createConference();
  for (const { id } of alone.slice(0, 3)) await conference.join({ session: id, leg: 0 });
  const [one, other, listener] = alone.slice(3);
  if (one === undefined || other === undefined || listener === undefined) throw new Error('too few');
  await one.join(other);
  await listener.play(0, { kind: 'tone', tone: toneOf('de-DE', 'busy') });

  let isOver = false;
  const talking = talk(speakers, () => isOver);
  t.teardown(() => {
    isOver = true;
  });
  await delay(WARM_UP_MS);
  t.equal(threadNames(pid).filter((name) => name === 'media').length, THREADS, 'the threads are called so');
  const heard = speakers.map(({ party }) => [party.heard.length, party.reports.length] as const);
  const before = counts();
  await delay(STEADY_MS);
  const after = counts();
  isOver = true;
  await talking;

  const [taken = 0n] = before;
  t.ok(taken > 0n, `the first packets took something ${taken} times, so it is counted`);
  t.same(after, before, 'nothing was taken, nothing was given back');
  for (const [index, { party, negotiated }] of speakers.entries()) {
    const [packets = 0, reports = 0] = heard[index] ?? [];
    t.ok(
      party.heard.length - packets > 50,
      `${index} (${negotiated.codec}) heard ${party.heard.length - packets} packets`,
    );
    t.ok(party.reports.length > reports, `${index} got a report`);
  }
});

function threadNames(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim(),
  );
}
