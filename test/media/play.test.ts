/** What a party hears that is played to it, through the real worker. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient, type MediaEvent, type MediaSession, type Sound } from '../../firmware/media/client.ts';
import { MediaError, NoWorkerError } from '../../firmware/media/errors.ts';
import { Playbacks } from '../../firmware/media/playback.ts';
import type { Command } from '../../firmware/media/protocol.ts';
import { toneOf } from '../../firmware/media/tones.ts';
import { decodePayloads, decodeWideband } from '../support/decode.ts';
import { encodePayloads } from '../support/encode.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePorts } from '../support/free-ports.ts';
import { makeTones, soundsLike } from '../support/tones.ts';
import { buildAddon, converse, eventually, G729, PCMA, PCMU, towards } from './conversation.ts';
import { Party } from './party.ts';

/** One channel of 16 bit. */
function wavOf(samples: Int16Array, sampleRate = 8000): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(2 * sampleRate, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

/** The same notes at 16 kHz: every other sample lies between its neighbours. */
function wideband(notes: string): Int16Array {
  const narrow = makeTones(notes);
  return Int16Array.from({ length: 2 * narrow.length }, (_, at) =>
    Math.round(((narrow[at >> 1] ?? 0) + (narrow[(at + 1) >> 1] ?? 0)) / 2),
  );
}

const folder = mkdtempSync(join(tmpdir(), 'ringdown-sounds-'));
mkdirSync(join(folder, 'tune'));
writeFileSync(join(folder, 'tune/first.wav'), wavOf(makeTones('adbec')));
writeFileSync(join(folder, 'tune/second.8.wav'), wavOf(makeTones('fceda')));
// Other notes at each rate, to tell which of them is played.
writeFileSync(join(folder, 'tune/both.8.wav'), wavOf(makeTones('adb')));
writeFileSync(join(folder, 'tune/both.16.wav'), wavOf(wideband('fec'), 16_000));
writeFileSync(join(folder, 'tune/lying.wav'), wavOf(makeTones('ab')).subarray(0, 1000));
writeFileSync(join(folder, 'secret.txt'), 'not a sound');
mkdirSync(join(folder, 'inside'));
symlinkSync('../tune/first.wav', join(folder, 'inside/link.wav'));
symlinkSync('/etc/passwd', join(folder, 'inside/outside.wav'));
t.teardown(() => rmSync(folder, { recursive: true }));

const G722 = { codec: 'G722', payloadType: 9, ptimeMs: 20 } as const;
type Negotiated = typeof PCMA | typeof PCMU | typeof G729 | typeof G722;

async function open(
  t: Test,
  negotiated: Negotiated,
): Promise<{ client: MediaClient; session: MediaSession<readonly [string]>; party: Party; events: MediaEvent[] }> {
  await buildAddon();
  const low = await freePorts(['127.0.0.1'], 8);
  const client = await MediaClient.start({
    ports: { low, high: low + 7 },
    logger: createLogger('silent'),
    clock: systemClock,
    sounds: folder,
  });
  const alive = setInterval(() => undefined, 60_000);
  const party = await Party.open('127.0.0.1');
  t.teardown(async () => {
    clearInterval(alive);
    party.close();
    await client.close();
  });
  const session = await client.openSession(['127.0.0.1']);
  await session.configure(0, towards(party, negotiated));
  const events: MediaEvent[] = [];
  session.onEvent((event) => events.push(event));
  return { client, session, party, events };
}

async function pcmOf(party: Party, negotiated: Negotiated, from: number, count: number): Promise<Int16Array> {
  const heard = await party.hear(from + count, 8000);
  return decodePayloads(
    heard.slice(from).map((packet) => packet.payload),
    negotiated.codec,
  );
}

for (const negotiated of [PCMA, PCMU, G729]) {
  t.test(`${negotiated.codec} hears one file after another, once, and the end is told`, async (t) => {
    const { session, party, events } = await open(t, negotiated);
    const playback = await session.play(0, { kind: 'files', names: ['tune/first', 'tune/second'] });
    const count = (makeTones('adbec').length + makeTones('fceda').length) / 160;
    t.ok(soundsLike(await pcmOf(party, negotiated, 0, count), 'adbecfceda'));
    for (let waited = 0; events.length === 0 && waited < 100; waited += 1) await session.statistics();
    t.same(events, [{ kind: 'playbackEnded', session: session.id, leg: 0, playback }]);
    t.equal(party.heard.length, count, 'and then silence');
    // On a busy machine a packet may be so late that its time jumps: forwards, and no number is missing.
    for (const [index, packet] of party.heard.slice(1).entries()) {
      const { sequenceNumber = 0, timestamp = 0 } = party.heard[index] ?? {};
      const step = (packet.timestamp - timestamp) | 0;
      if (step < 160) t.fail(`a step of ${step} after packet ${index}`);
      const next = (sequenceNumber + 1) & 0xffff;
      if (packet.sequenceNumber !== next) t.fail(`${packet.sequenceNumber} where ${next} is due`);
    }
    await session.stopPlaying(0);
    await session.stopPlaying(0, playback);
  });
}

t.test('a leg hears files and tones at the rate of the codec that it has at that moment', async (t) => {
  const { session, party } = await open(t, G722);
  const count = makeTones('fec').length / 160;
  await session.play(0, { kind: 'files', names: ['tune/both'] });
  t.ok(soundsLike(await pcmOf(party, G722, 0, count), 'fec'));

  const begun = party.heard.length;
  await session.play(0, { kind: 'tone', tone: toneOf('de-DE', 'dial') });
  const tone = await pcmOf(party, G722, begun, 25);
  const rises = tone.filter((value, at) => at > 0 && value >= 0 && (tone[at - 1] ?? 0) < 0).length;
  const hz = (8000 * rises) / tone.length;
  t.ok(hz > 400 && hz < 450, `${hz} Hz`);

  await session.configure(0, towards(party, PCMA));
  const narrow = party.heard.length;
  await session.play(0, { kind: 'files', names: ['tune/both'] });
  t.ok(soundsLike(await pcmOf(party, PCMA, narrow, count), 'adb'));
});

/** The power above `hz` as a part of the whole, by the discrete Fourier transform of blocks of 32 ms. */
function shareAbove(hz: number, samples: Int16Array, sampleRate: number): number {
  const size = (32 * sampleRate) / 1000;
  let [above, all] = [0, 0];
  for (let from = 0; from + size <= samples.length; from += size) {
    for (let bin = 1; bin < size / 2; bin += 1) {
      let [real, imaginary] = [0, 0];
      for (let at = 0; at < size; at += 1) {
        const value = (samples[from + at] ?? 0) * Math.sin((Math.PI * (at + 0.5)) / size);
        real += value * Math.cos((2 * Math.PI * bin * at) / size);
        imaginary += value * Math.sin((2 * Math.PI * bin * at) / size);
      }
      const power = real ** 2 + imaginary ** 2;
      all += power;
      if ((bin * sampleRate) / size > hz) above += power;
    }
  }
  return above / all;
}

t.test(
  'a leg of G.722 hears the box’s own prompts, the mailbox’s and numbers too, with what lies above 4 kHz',
  async (t) => {
    const { session, party, events } = await open(t, G722);
    await session.play(0, { kind: 'files', names: ['en/mailbox-new-messages', 'en/number-6'] });
    await eventually(() => events[0], 'the end of the prompts');
    const samples = await decodeWideband(party.heard.map((packet) => packet.payload));
    const share = shareAbove(4500, samples, 16_000);
    t.comment(`${(100 * share).toFixed(2)} % of the power above 4.5 kHz`);
    t.ok(share > 0.005, `${share}`);
    t.ok(shareAbove(200, samples, 16_000) > 0.5, 'and what lies below');
  },
);

t.test('a file goes round and round from where it is to begin, until it is stopped', async (t) => {
  const { session, party, events } = await open(t, PCMA);
  // 100 ms of silence and three notes later.
  await session.play(0, { kind: 'files', names: ['tune/first'], repeated: true }, { offsetMs: 1000 });
  t.ok(soundsLike(await pcmOf(party, PCMA, 0, 150), 'ecadbeca'));
  await session.stopPlaying(0);
  const heard = party.heard.length;
  // A second play, and its first packet, would come behind any of the first.
  await session.play(0, { kind: 'silence' });
  await party.hear(heard + 1);
  t.ok(party.heard.length - heard <= 3);
  t.same(events, []);
});

t.test('a tone of the region replaces what is played', async (t) => {
  const { session, party } = await open(t, PCMA);
  const first = await session.play(0, { kind: 'silence' });
  await party.hear(3);
  const begun = party.heard.length;
  const second = await session.play(0, { kind: 'tone', tone: toneOf('de-DE', 'busy') });
  t.not(first, second);
  await session.stopPlaying(0, first);
  // 480 ms on, 480 ms off, behind whatever was on its way before.
  const pcm = await pcmOf(party, PCMA, begun, 100);
  const loud = Array.from({ length: 200 }, (_, at) =>
    pcm.subarray(80 * at, 80 * at + 80).some((value) => Math.abs(value) > 2000),
  );
  const start = loud.indexOf(true);
  t.ok(start >= 0 && start < 100, `starts after ${10 * start} ms`);
  t.equal(loud.slice(start).indexOf(false), 48);
  t.ok(loud.slice(start + 48, start + 96).every((on) => !on));
  t.equal(loud[start + 96], true);
});

t.test('the peer is not heard meanwhile, and is afterwards', async (t) => {
  const { session, parties } = await converse(t, PCMA, PCMU);
  const [payload] = await encodePayloads(new Int16Array(160).fill(8000), 'PCMA');
  const say = (sequenceNumber: number): Promise<void> =>
    parties[0].send(session.ports[0], {
      marker: false,
      payloadType: 8,
      sequenceNumber,
      timestamp: 160 * sequenceNumber,
      ssrc: 5,
      payload: payload ?? Buffer.alloc(0),
    });
  await session.play(1, { kind: 'silence' });
  for (let at = 0; at < 10; at += 1) {
    await say(at);
    await parties[1].hear(at + 1);
  }
  await session.stopPlaying(1);
  const before = parties[1].heard.length;
  t.ok(parties[1].heard.every((packet) => packet.payload.every((byte) => byte === 0xff)));
  await say(10);
  const heard = await parties[1].hear(before + 1);
  t.not(heard[before]?.payload[0], 0xff);
});

t.test('what is no sound is refused, and nothing changes', async (t) => {
  const { session, party } = await open(t, PCMA);
  await session.play(0, { kind: 'silence' });
  for (const name of ['tune/none', 'inside/outside', 'secret', 'tune/lying', 'tune']) {
    await t.rejects(session.play(0, { kind: 'files', names: [name] }), { code: 'MEDIA_SOUND' }, name);
  }
  for (const name of ['../secret', '/etc/passwd', 'tune/../secret', 'tune/first.wav', '']) {
    await t.rejects(session.play(0, { kind: 'files', names: [name] }), { code: 'MEDIA_PARAMETERS' }, name);
  }
  await t.rejects(session.play(0, { kind: 'files', names: [] }), { code: 'MEDIA_PARAMETERS' });
  await t.rejects(session.play(0, { kind: 'silence' }, { offsetMs: -1 }), { code: 'MEDIA_PARAMETERS' });
  await t.rejects(session.play(0, { kind: 'tone', tone: { steps: [] } }), { code: 'MEDIA_PARAMETERS' });
  const before = party.heard.length;
  await party.hear(before + 3);
  await session.play(0, { kind: 'files', names: ['inside/link'] });
  await session.close();
  await t.rejects(session.play(0, { kind: 'silence' }), { code: 'MEDIA_UNKNOWN_SESSION' });
  await t.rejects(session.stopPlaying(0), { code: 'MEDIA_UNKNOWN_SESSION' });
});

t.test('a new worker goes on with what was played', async (t) => {
  const { client, session, party, events } = await open(t, PCMA);
  await session.play(0, { kind: 'files', names: ['tune/first'], repeated: true });
  await party.hear(20);
  if (client.workerPid !== undefined) process.kill(client.workerPid, 'SIGKILL');
  await session.statistics();
  const before = party.heard.length;
  t.ok(soundsLike(await pcmOf(party, PCMA, before, 180), 'adbec'));
  t.same(events, []);
});

t.test('the end is told of what a new worker cannot go on with', async (t) => {
  const { client, session, party, events } = await open(t, PCMA);
  copyFileSync(join(folder, 'tune/first.wav'), join(folder, 'tune/doomed.wav'));
  const playback = await session.play(0, { kind: 'files', names: ['tune/doomed'] });
  await party.hear(10);
  rmSync(join(folder, 'tune/doomed.wav'));
  if (client.workerPid !== undefined) process.kill(client.workerPid, 'SIGKILL');
  await session.statistics();
  t.match(events, [{ kind: 'playbackEnded', session: session.id, leg: 0, playback }]);
});

t.test('what there was no worker for is played by the next one; what was refused is not', async (t) => {
  let failure: Error = new NoWorkerError('none for 4 s');
  const playbacks = new Playbacks(7, new FakeClock(), async () => Promise.reject(failure));
  const soundOf = (name: string): Sound => ({ kind: 'files', names: [name] });
  await t.rejects(playbacks.play(0, soundOf('tune/first'), 0), { code: 'MEDIA_WORKER_LOST' });
  failure = new MediaError('MEDIA_WORKER_LOST', 'two were lost over it');
  await t.rejects(playbacks.play(0, soundOf('tune/second'), 0), { code: 'MEDIA_WORKER_LOST' });
  t.match(playbacks.replay(), [{ leg: 0, sound: { names: ['tune/first'] } }]);
  await t.rejects(playbacks.stop(0, undefined));
  t.same(playbacks.replay(), []);
});

t.test('where it would be by now', async (t) => {
  const clock = new FakeClock();
  const commands: Command[] = [];
  const playbacks = new Playbacks(7, clock, async (command) => {
    commands.push(command);
  });
  const sound = { kind: 'files', names: ['tune/first'] } as const;
  const first = await playbacks.play(0, sound, 500);
  const second = await playbacks.play(1, { kind: 'silence' }, 0);
  clock.advance(1500);
  t.same(playbacks.replay(), [
    { method: 'play', session: 7, leg: 0, playback: first, sound, offsetMs: 2000 },
    { method: 'play', session: 7, leg: 1, playback: second, sound: { kind: 'silence' }, offsetMs: 1500 },
  ]);
  playbacks.noteEvent({ kind: 'playbackEnded', session: 7, leg: 0, playback: second });
  await playbacks.stop(1, first);
  t.equal(playbacks.replay().length, 2, 'the end of another one, or of one on the other leg');
  playbacks.noteEvent({ kind: 'playbackEnded', session: 7, leg: 0, playback: first });
  await playbacks.stop(1, undefined);
  t.same(playbacks.replay(), []);
  t.equal(commands.length, 4);
});
