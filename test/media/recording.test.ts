import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { MediaSession, RecordingOptions, RecordingResult } from '../../firmware/media/client.ts';
import { encodePayloads } from '../support/encode.ts';
import { outputOf } from '../support/process-output.ts';
import { makeTones, soundsLike } from '../support/tones.ts';
import { converse, hurriedClock, PCMA, PCMU, startClient, towards } from './conversation.ts';
import { Party } from './party.ts';

const HEADER_BYTES = 44;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

interface Ended {
  readonly result: Promise<RecordingResult>;
  readonly options: RecordingOptions;
}

function into(folder: string, more: Partial<RecordingOptions> = {}): Ended {
  let onEnded: (result: RecordingResult) => void = () => undefined;
  const result = new Promise<RecordingResult>((resolve) => {
    onEnded = resolve;
  });
  const limits = { maxBytes: UNLIMITED, maxFolderBytes: UNLIMITED };
  return { result, options: { folder, name: 'a.wav', who: 'both', channels: 1, ...limits, onEnded, ...more } };
}

/** One channel of a file, as ffmpeg reads it. */
async function channelOf(path: string, channel: number, rate = 8000): Promise<Int16Array> {
  const pick = ['-filter_complex', `pan=mono|c0=c${channel}`, '-ar', String(rate), '-f', 's16le', 'pipe:1'];
  const bytes = await outputOf('ffmpeg', ['-v', 'error', '-i', path, ...pick]);
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
}

/** Speaks in packets of 20 ms, each in its time whatever else the machine does, all parties at once; resolves after the last. */
async function speak(
  session: MediaSession,
  speakers: readonly { party: Party; payloads: readonly Buffer[] }[],
  first = 0,
) {
  const length = Math.max(...speakers.map(({ payloads }) => payloads.length));
  const began = performance.now();
  for (let index = 0; index < length; index += 1) {
    const dueMs = began + 20 * index - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    for (const [leg, { party, payloads }] of speakers.entries()) {
      const payload = payloads[index];
      const port = session.ports[leg === 0 ? 0 : 1];
      const sequenceNumber = first + index;
      if (payload === undefined) continue;
      await party.send(port, {
        marker: index === 0,
        payloadType: leg === 0 ? 8 : 0,
        sequenceNumber,
        timestamp: sequenceNumber * 160,
        ssrc: leg + 1,
        payload,
      });
    }
  }
}

/** Samples until it is loud. */
function onset(pcm: Int16Array): number {
  return pcm.findIndex((sample) => Math.abs(sample) > 1000);
}

function energyOf(pcm: Int16Array): number {
  return pcm.reduce((sum, sample) => sum + sample * sample, 0);
}

async function recorded(t: Test) {
  const conversation = await converse(t, PCMA, PCMU, hurriedClock);
  return { ...conversation, folder: t.testdir() };
}

t.test('both parties are in a channel of their own, beside each other, for ffmpeg to hear', async (t) => {
  const { session, parties, folder } = await recorded(t);
  const stereo = into(folder, { name: 'stereo.wav', channels: 2 });
  const mono = into(folder, { name: 'mono.wav' });
  const alone = into(folder, { name: 'alone.wav', who: 1 });
  const recordings = await Promise.all([stereo, mono, alone].map(({ options }) => session.record(options)));
  const speakers = [
    { party: parties[0], payloads: await encodePayloads(makeTones('adbec'), 'PCMA') },
    { party: parties[1], payloads: await encodePayloads(makeTones('fceda'), 'PCMU') },
  ];
  await speak(session, speakers);
  await Promise.all(recordings.map((recording) => recording.stop()));
  const [result] = await Promise.all([stereo.result, mono.result, alone.result]);
  t.match(result, { reason: 'stopped', error: '' });
  t.equal(result.sizeBytes, statSync(`${folder}/stereo.wav`).size);
  t.equal(result.durationMs, Math.floor((result.sizeBytes - HEADER_BYTES) / 32));
  t.equal(statSync(`${folder}/stereo.wav`).mode & 0o777, 0o600);

  const left = await channelOf(`${folder}/stereo.wav`, 0);
  const right = await channelOf(`${folder}/stereo.wav`, 1);
  t.equal(left.length * 4 + HEADER_BYTES, result.sizeBytes);
  t.ok(soundsLike(left, 'adbec'));
  t.ok(soundsLike(right, 'fceda'));
  // Both began in the same moment; a busy machine is some packets late for one of them.
  t.ok(Math.abs(onset(left) - onset(right)) <= 60 * 8, `${onset(left)} and ${onset(right)}`);
  t.ok(soundsLike(await channelOf(`${folder}/alone.wav`, 0), 'fceda'));
  const mixed = await channelOf(`${folder}/mono.wav`, 0);
  const ratio = energyOf(mixed) / (energyOf(left) + energyOf(right));
  t.ok(ratio > 0.9 && ratio < 1.1, `both at once, ${ratio}`);
  t.ok(Math.abs(onset(mixed) - onset(left)) <= 60 * 8);
});

t.test('a recording goes on in its file when the worker is replaced', async (t) => {
  const { client, session, parties, folder } = await recorded(t);
  const { options, result } = into(folder, { who: 0 });
  const recording = await session.record(options);
  const payloads = await encodePayloads(makeTones('adb'), 'PCMA');
  await speak(session, [{ party: parties[0], payloads }]);
  // What lies in the ring is written four times a second.
  while (statSync(`${folder}/a.wav`).size < 16 * 900);
  process.kill(client.workerPid ?? 0, 'SIGKILL');
  await session.statistics();
  const before = statSync(`${folder}/a.wav`).size;
  await speak(session, [{ party: parties[0], payloads: await encodePayloads(makeTones('ec'), 'PCMA') }], 5000);
  await recording.stop();
  t.match(await result, { reason: 'stopped' });
  t.ok(statSync(`${folder}/a.wav`).size > before);
  const pcm = await channelOf(`${folder}/a.wav`, 0);
  t.equal(pcm.length * 2 + HEADER_BYTES, statSync(`${folder}/a.wav`).size, 'the head tells of all of it');
  const heard = pcm.subarray(0, (before - HEADER_BYTES) / 2);
  t.ok(soundsLike(heard, 'adb') || soundsLike(heard, 'ad'), 'nothing of what was written is lost');
  t.ok(soundsLike(pcm.subarray((before - HEADER_BYTES) / 2), 'ec'));
});

t.test('a pause is left out', async (t) => {
  const { session, parties, folder } = await recorded(t);
  const { options, result } = into(folder, { who: 0 });
  const recording = await session.record(options);
  const say = async (notes: string, first: number) =>
    speak(session, [{ party: parties[0], payloads: await encodePayloads(makeTones(notes), 'PCMA') }], first);
  await say('ad', 0);
  await recording.pause();
  await say('bf', 100);
  await recording.resume();
  await say('ec', 200);
  await recording.stop();
  await recording.stop();
  await result;
  t.ok(soundsLike(await channelOf(`${folder}/a.wav`, 0), 'adec'));
});

t.test('each limit and each trouble with the disk ends the recording and not the call', async (t) => {
  const { client, session, parties, folder } = await recorded(t);
  const more = t.testdir({ full: {}, gone: {} });
  t.ok(folder);
  const cases = [
    { reason: 'quota', more: { name: 'quota.wav', maxBytes: 4044 }, sizeBytes: 4044 },
    { reason: 'folder-quota', more: { name: 'all.wav', maxFolderBytes: 6000 } },
    { reason: 'disk-full', more: { name: 'full.wav', keepFreeBytes: UNLIMITED } },
    { reason: 'folder', more: { name: 'none.wav', folder: `${more}/none` }, sizeBytes: 0 },
    { reason: 'folder', more: { name: 'null.wav', folder: '/dev/null' }, sizeBytes: 0 },
    { reason: 'file', more: { name: 'quota.wav' }, sizeBytes: 0 },
  ];
  for (const { reason, more: changes, sizeBytes } of cases) {
    const { options, result } = into(more, changes);
    await session.record(options);
    const end = await result;
    t.equal(end.reason, reason, JSON.stringify(end));
    if (sizeBytes !== undefined) t.equal(end.sizeBytes, sizeBytes);
  }
  // The folder is removed under it.
  mkdirSync(`${more}/gone/now`);
  const gone = into(`${more}/gone/now`);
  await session.record(gone.options);
  while (readdirSync(`${more}/gone/now`).length === 0);
  rmSync(`${more}/gone/now`, { recursive: true });
  t.match(await gone.result, { reason: 'folder' });

  await parties[0].send(session.ports[0], {
    marker: false,
    payloadType: 8,
    sequenceNumber: 1,
    timestamp: 0,
    ssrc: 1,
    payload: Buffer.alloc(160, 0xd5),
  });
  await parties[1].hear(1);
  t.equal(client.state, 'running');

  for (const wrong of [
    { name: '../a.wav' },
    { name: 'a/b.wav' },
    { name: '.a.wav' },
    { name: '' },
    { name: 'a'.repeat(128) },
    { folder: 'relative' },
    { folder: `/${'a'.repeat(600)}` },
    { folder: '/tmp\0' },
    { who: 0, channels: 2 },
    { maxBytes: -1 },
  ] as const) {
    await t.rejects(session.record(into(more, wrong).options), { code: 'MEDIA_PARAMETERS' }, JSON.stringify(wrong));
  }
});

t.test('a session that is closed, and a client that is, tell what became of its recording', async (t) => {
  const { client } = await startClient(t, 4, hurriedClock);
  const party = await Party.open('127.0.0.1');
  t.teardown(() => party.close());
  const folder = t.testdir();
  const session = await client.openSession(['127.0.0.1', '127.0.0.1']);
  await session.configure(0, towards(party, PCMA));
  const first = into(folder);
  await session.record(first.options);
  const payloads = await encodePayloads(makeTones('ad'), 'PCMA');
  await speak(session, [{ party, payloads }]);
  await session.close();
  t.match(await first.result, { reason: 'session-closed' });
  t.ok(soundsLike(await channelOf(`${folder}/a.wav`, 0), 'ad'));

  const other = await client.openSession(['127.0.0.1', '127.0.0.1']);
  const second = into(folder, { name: 'b.wav' });
  await other.record(second.options);
  while (readdirSync(folder).length < 2);
  await client.close();
  t.match(await second.result, { reason: 'worker-lost' });
  t.equal(readFileSync(`${folder}/b.wav`).toString('latin1', 0, 4), 'RIFF');
});
