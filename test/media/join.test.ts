/** Sessions of one leg, joined and parted through the real worker: who hears whom, and that no phone notices a change. */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import type { MediaClient, MediaSession, RecordingResult } from '../../firmware/media/client.ts';
import { Joins } from '../../firmware/media/joins.ts';
import { decodeToWorker } from '../../firmware/media/protocol-check.ts';
import { decodePayloads } from '../support/decode.ts';
import { encodePayloads } from '../support/encode.ts';
import { outputOf } from '../support/process-output.ts';
import { masterKey, SrtpPeer } from '../support/srtp-peer.ts';
import { heardNotes, makeTones } from '../support/tones.ts';
import { eventually, G722, G726, G729, hurriedClock, PCMA, PCMU, startClient, towards } from './conversation.ts';
import { amplitudeOf, hears, voice } from './note.ts';
import { Party, type RtpPacket } from './party.ts';

const CODECS = [PCMA, PCMU, G722, G729, G726] as const;
type Negotiated = (typeof CODECS)[number];
const FRAME_MS = 20;
/** Packets that are on their way when somebody is joined otherwise. */
const MOST_ON_THEIR_WAY = 4;

/** One session, and the phone beyond it, which sounds a note of its own all the time. */
interface Dialog {
  readonly session: MediaSession<readonly [string]>;
  readonly party: Party;
  readonly negotiated: Negotiated;
  readonly hz: number;
  readonly note: readonly Buffer[];
  /** Of its next packet: over the wrap before long. */
  sequenceNumber: number;
}

async function dial(t: Test, client: MediaClient, negotiated: Negotiated, hz: number): Promise<Dialog> {
  const party = await Party.open('127.0.0.1');
  t.teardown(() => party.close());
  const session = await client.openSession(['127.0.0.1']);
  t.teardown(() => session.close());
  await session.configure(0, towards(party, negotiated));
  const note = await voice(hz, negotiated.codec);
  return { session, party, negotiated, hz, note, sequenceNumber: 65_480 };
}

const NOTES = [430, 790, 1340, 1690, 580, 1030, 1180, 1500, 900, 680];

async function office(t: Test, client: MediaClient, ...codecs: readonly Negotiated[]): Promise<readonly Dialog[]> {
  return Promise.all(codecs.map((codec, index) => dial(t, client, codec, NOTES[index] ?? 0)));
}

/** `spokenAtMs` of performance.now(): the clocks of phones go on while they are silent, and while this process stands still. */
async function say(dialog: Dialog, payload: Buffer, spokenAtMs: number): Promise<void> {
  const sequenceNumber = dialog.sequenceNumber++;
  await dialog.party.send(dialog.session.ports[0], {
    marker: false,
    payloadType: dialog.negotiated.payloadType,
    sequenceNumber: sequenceNumber & 0xffff,
    timestamp: Math.round(8 * spokenAtMs) >>> 0,
    ssrc: dialog.session.id,
    payload,
  });
}

/** All speak in their time for so long: their notes, or what `words` has for them. */
async function talk(dialogs: readonly Dialog[], ms: number, words?: readonly (readonly Buffer[])[]): Promise<void> {
  const began = performance.now();
  for (let frame = 0; frame * FRAME_MS < ms; frame += 1) {
    const dueMs = began + FRAME_MS * frame;
    const untilMs = dueMs - performance.now();
    if (untilMs > 0) await delay(untilMs);
    for (const [index, dialog] of dialogs.entries()) {
      const payload = words === undefined ? dialog.note[frame % dialog.note.length] : words[index]?.[frame];
      if (payload !== undefined) await say(dialog, payload, dueMs);
    }
  }
  await delay(3 * FRAME_MS);
}

/**
 * Lets all talk, and says who then hears whom, as letters by the place of who hears: 'ba.' is two who hear each other, and one who
 * hears nobody; '?' is who hears something else.
 */
async function whoHearsWhom(dialogs: readonly Dialog[], ms = 500): Promise<string> {
  await delay(FRAME_MS);
  const before = dialogs.map(({ party }) => party.heard.length);
  await talk(dialogs, ms);
  const heard = dialogs.map(({ party }, index) => party.heard.slice(before[index]).slice(-20));
  const letters = dialogs.map(async ({ negotiated }, index) => {
    const packets = heard[index] ?? [];
    if (packets.length <= MOST_ON_THEIR_WAY) return '.';
    const samples = await decodePayloads(
      packets.map(({ payload }) => payload),
      negotiated.codec,
    );
    // A busy machine tears holes, and a torn note sounds a little like every other one.
    const heights = dialogs.map(({ hz }) => amplitudeOf(samples, hz));
    const [first = 0, second = 0] = heights.toSorted((one, other) => other - one);
    const speaker = heights.indexOf(first);
    const isOne = hears(samples, dialogs[speaker]?.hz ?? 0) && second < first / 3;
    return isOne ? 'abcdefgh'[speaker] : '?';
  });
  return (await Promise.all(letters)).join('');
}

/** Of everything that a phone has heard: the steps of its numbers that are not one, once the rest is as it must be. */
function jumpsOf(t: Test, { party, negotiated }: Dialog): readonly number[] {
  const { heard } = party;
  t.equal(new Set(heard.map(({ ssrc }) => ssrc)).size, 1, `${negotiated.codec}: one SSRC`);
  const pairs = heard.slice(1).map((packet, index) => [heard[index], packet] as const);
  const step = (from: RtpPacket | undefined, to: RtpPacket, what: 'sequenceNumber' | 'timestamp'): number =>
    to[what] - (from?.[what] ?? 0);
  const backwards = pairs.filter(([from, to]) => (step(from, to, 'timestamp') | 0) <= 0);
  t.equal(backwards.length, 0, `${negotiated.codec}: time goes on`);
  return pairs.map(([from, to]) => step(from, to, 'sequenceNumber') & 0xffff).filter((jump) => jump !== 1);
}

/** `worker` was the one in the beginning: on a machine that is so busy that it was taken for hung, there is one gap. */
function assertUnnoticed(t: Test, client: MediaClient, worker: number | undefined, dialogs: readonly Dialog[]): void {
  const most = client.workerPid === worker ? 0 : 1;
  for (const dialog of dialogs) {
    const jumps = jumpsOf(t, dialog);
    t.ok(jumps.length <= most, `${dialog.negotiated.codec}: no number is missing, but ${jumps}`);
  }
}

t.test('A and B, then B and C and A alone, then A and C, then all alone', async (t) => {
  const { client } = await startClient(t, 3, systemClock, 3);
  const worker = client.workerPid;
  const dialogs = await office(t, client, PCMA, G729, G722);
  const [a, b, c] = dialogs;
  if (a === undefined || b === undefined || c === undefined) throw new Error('too few');
  t.equal(await whoHearsWhom(dialogs), '...');
  await a.session.join(b.session);
  t.equal(await whoHearsWhom(dialogs), 'ba.');
  await b.session.join(a.session);
  t.equal(await whoHearsWhom(dialogs), 'ba.');
  await b.session.join(c.session);
  t.equal(await whoHearsWhom(dialogs), '.cb');
  await a.session.join(c.session);
  t.equal(await whoHearsWhom(dialogs), 'c.a');
  await b.session.part();
  await c.session.part();
  await c.session.part();
  t.equal(await whoHearsWhom(dialogs), '...');
  await a.session.join(b.session);
  await b.session.close();
  t.equal(await whoHearsWhom([a, c]), '..');
  await c.session.join(a.session);
  t.equal(await whoHearsWhom([a, c]), 'ba');
  assertUnnoticed(t, client, worker, dialogs);
});

t.test('each pair of codecs in both directions, one after another with the same phones', async (t) => {
  const { client } = await startClient(t, 5, systemClock, 3);
  const worker = client.workerPid;
  const all = await office(t, client, ...CODECS, ...CODECS);
  const [ones, others] = [all.slice(0, 5), all.slice(5)];
  for (let shift = 0; shift < CODECS.length; shift += 1) {
    const pairs = ones.map((one, index) => [one, others[(index + shift) % CODECS.length] ?? one] as const);
    // At the same time: those who are joined anew leave each other alone.
    await Promise.all(pairs.map(([one, other]) => one.session.join(other.session)));
    await Promise.all(
      pairs.map(async ([one, other]) => {
        t.equal(await whoHearsWhom([one, other]), 'ba', `${one.negotiated.codec} and ${other.negotiated.codec}`);
      }),
    );
  }
  assertUnnoticed(t, client, worker, all);
});

function secure({ party }: Dialog): { receiveKey: string; sendKey: string; suite: 'AEAD_AES_128_GCM' } {
  const suite = 'AEAD_AES_128_GCM';
  const srtp = { suite, receiveKey: masterKey(suite, 5), sendKey: masterKey(suite, 6) } as const;
  const ours = new SrtpPeer(suite, srtp.receiveKey);
  const theirs = new SrtpPeer(suite, srtp.sendKey);
  party.transform = { protect: (packet) => ours.protect(packet), unprotect: (packet) => theirs.unprotect(packet) };
  return srtp;
}

t.test('a phone with SRTP is joined with plain ones, and no number is used twice', async (t) => {
  const { client } = await startClient(t, 3);
  const worker = client.workerPid;
  const dialogs = await office(t, client, PCMA, PCMA, PCMU);
  const [secured, same, other] = dialogs;
  if (secured === undefined || same === undefined || other === undefined) throw new Error('too few');
  await secured.session.configure(0, { ...towards(secured.party, PCMA), srtp: secure(secured) });
  await secured.session.join(same.session);
  t.equal(await whoHearsWhom(dialogs), 'ba.');
  await secured.session.join(other.session);
  t.equal(await whoHearsWhom(dialogs), 'c.a');
  await same.session.join(secured.session);
  t.equal(await whoHearsWhom(dialogs), 'ba.');
  t.equal(secured.party.refused, 0, 'all of it authenticates, and nothing is there twice');
  assertUnnoticed(t, client, worker, dialogs);
});

t.test('a killed worker: who was joined is joined again, and who was alone is alone', async (t) => {
  const { client } = await startClient(t, 5, hurriedClock, 3);
  const dialogs = await office(t, client, PCMA, G729, PCMU, PCMA);
  const [a, b, c, d] = dialogs;
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('too few');
  await a.session.join(b.session);
  await b.session.join(c.session);
  await d.session.join(a.session);
  await d.session.part();
  await d.session.play(0, { kind: 'silence' });
  await a.session.join(d.session);
  // More than a second: a snapshot was taken.
  t.equal(await whoHearsWhom([a, b, c], 1500), '.cb');
  await eventually(() => client.standbyPid, 'a standby');
  const former = client.workerPid ?? 0;
  process.kill(former, 'SIGKILL');
  await eventually(() => (client.workerPid !== former && client.state === 'running') || undefined, 'the next worker');
  t.equal(await whoHearsWhom([a, b, c], 1000), '.cb');
  await d.session.stopPlaying(0);
  t.equal(await whoHearsWhom([a, d]), 'ba', 'he hears his peer once nothing is played to him');
  for (const dialog of [b, c]) {
    const jumps = jumpsOf(t, dialog);
    t.ok(jumps.length <= 1 && jumps.every((jump) => jump < 3000), `one gap, of ${jumps}`);
  }
});

t.test('a recording of both goes on over a change of peer, each in his channel and in his time', async (t) => {
  const { client } = await startClient(t, 3, systemClock, 3);
  const dialogs = await office(t, client, PCMA, PCMU, G722);
  const [a, b, c] = dialogs;
  if (a === undefined || b === undefined || c === undefined) throw new Error('too few');
  const folder = t.testdir();
  const record = async (name: string, who: 0 | 1 | 'both', channels: 1 | 2) => {
    let onEnded: (result: RecordingResult) => void = () => undefined;
    const ended = new Promise<RecordingResult>((resolve) => {
      onEnded = resolve;
    });
    const limits = { maxBytes: 2 ** 30, maxFolderBytes: 2 ** 30 };
    const recording = await a.session.record({ folder, name, who, channels, ...limits, onEnded });
    return { recording, ended };
  };
  const said = await Promise.all(
    ['adb fce dad', 'ecf aba bda', 'fad ece ebe'].map((words) =>
      Promise.all(
        words
          .split(' ')
          .map((word, index) => encodePayloads(makeTones(word), dialogs[index]?.negotiated.codec ?? 'PCMA')),
      ),
    ),
  );
  await a.session.join(b.session);
  const recordings = [await record('both.wav', 'both', 2), await record('peer.wav', 1, 1)];
  await talk(dialogs, 1100, said[0]);
  await a.session.join(c.session);
  await talk(dialogs, 1100, said[1]);
  await a.session.part();
  await talk(dialogs, 1100, said[2]);
  for (const { recording } of recordings) await recording.stop();
  t.match(await recordings[0]?.ended, { reason: 'stopped' });
  await recordings[1]?.ended;
  const channel = async (name: string, which: number) => {
    const pick = ['-filter_complex', `pan=mono|c0=c${which}`, '-ar', '8000', '-f', 's16le', 'pipe:1'];
    const bytes = await outputOf('ffmpeg', ['-v', 'error', '-i', `${folder}/${name}`, ...pick]);
    return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
  };
  const [left, right] = [await channel('both.wav', 0), await channel('both.wav', 1)];
  t.equal(heardNotes(left), 'adbecfad', 'the left one has whose session it is');
  t.equal(
    heardNotes(right),
    'fcebda',
    'the right one has his peers, one after the other, and nobody while he is alone',
  );
  t.equal(heardNotes(await channel('peer.wav', 0)), 'fcebda');
  // The second words begin at the same time as well: after three notes and their edges.
  const onsetAfter = (pcm: Int16Array, at: number): number =>
    at + pcm.subarray(at).findIndex((sample) => Math.abs(sample) > 1000);
  const second = [left, right].map((pcm) => onsetAfter(pcm, onsetAfter(pcm, 0) + 8 * 960));
  t.ok(Math.abs((second[0] ?? 0) - (second[1] ?? 0)) <= 8 * 80, `${second}`);
});

t.test('who leaves a conference has his peer back, on whatever thread it was', async (t) => {
  const { client } = await startClient(t, 4, systemClock, 3);
  const dialogs = await office(t, client, PCMA, G722, PCMU, PCMA);
  const [a, b, c, d] = dialogs;
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('too few');
  await a.session.join(b.session);
  const [one, other] = [await client.createConference(), await client.createConference()];
  const place = ({ session }: Dialog) => ({ session: session.id, leg: 0 }) as const;
  await one.join(place(a));
  await one.join(place(c));
  t.match(await whoHearsWhom(dialogs, 1000), /^c\.a\.$/);
  // Two who are joined, each in a conference of its own.
  await other.join(place(b));
  await other.join(place(d));
  t.match(await whoHearsWhom(dialogs, 1000), /^cdab$/);
  await one.leave(place(a));
  t.match(await whoHearsWhom([a, b, d], 1000), /^\.cb$/, 'his peer is in the other one still');
  await other.close();
  t.equal(await whoHearsWhom([a, b, d]), 'ba.');
  await one.close();
  t.equal(await whoHearsWhom(dialogs), 'ba..');
});

t.test('what cannot be joined is refused, and changes nothing', async (t) => {
  const { client } = await startClient(t, 4);
  const [a, b] = await office(t, client, PCMA, PCMA);
  if (a === undefined || b === undefined) throw new Error('too few');
  const two = (await client.openSession(['127.0.0.1', '127.0.0.1'])) as unknown as Dialog['session'];
  await a.session.join(b.session);
  await t.rejects(a.session.join(a.session), { code: 'MEDIA_PARAMETERS' });
  await t.rejects(a.session.join(two), { code: 'MEDIA_PARAMETERS' });
  await t.rejects(two.join(a.session), { code: 'MEDIA_PARAMETERS' });
  await t.rejects(two.part(), { code: 'MEDIA_PARAMETERS' });
  await two.close();
  await t.rejects(a.session.join(two), { code: 'MEDIA_UNKNOWN_SESSION' });
  t.equal(await whoHearsWhom([a, b]), 'ba');
  await b.session.close();
  await t.rejects(b.session.join(a.session), { code: 'MEDIA_UNKNOWN_SESSION' });
  await t.rejects(b.session.part(), { code: 'MEDIA_UNKNOWN_SESSION' });
  await client.close();
  await t.rejects(a.session.part(), { code: 'MEDIA_CLOSED' });
});

t.test('a session that is closed while it is being joined is joined with nobody', async (t) => {
  const { client } = await startClient(t, 4);
  const [a, b, c] = await office(t, client, PCMA, PCMA, PCMU);
  if (a === undefined || b === undefined || c === undefined) throw new Error('too few');
  const closing = b.session.close();
  await t.rejects(a.session.join(b.session), { code: 'MEDIA_UNKNOWN_SESSION' });
  await closing;
  const joining = a.session.join(c.session);
  await Promise.all([joining, c.session.close()]);
  const d = await dial(t, client, PCMU, 1030);
  await a.session.join(d.session);
  t.equal(await whoHearsWhom([a, d]), 'ba');
});

const PARTY = { session: 1, leg: 0 };
const OTHER = { session: 2, leg: 1 };
for (const { command, valid } of [
  { command: { method: 'join', parties: [PARTY, OTHER] }, valid: true },
  { command: { method: 'join', parties: [PARTY] }, valid: false },
  { command: { method: 'join', parties: [PARTY, OTHER, PARTY] }, valid: false },
  { command: { method: 'join', parties: [PARTY, { session: 2 }] }, valid: false },
  { command: { method: 'join', parties: [PARTY, { session: 2, leg: 2 }] }, valid: false },
  { command: { method: 'join', parties: [PARTY, { session: 0, leg: 0 }] }, valid: false },
  { command: { method: 'join', parties: [PARTY, null] }, valid: false },
  { command: { method: 'join', parties: { 0: PARTY, 1: OTHER, length: 2 } }, valid: false },
  { command: { method: 'join', session: 1 }, valid: false },
  { command: { method: 'part', ...PARTY }, valid: true },
  { command: { method: 'part', session: 1 }, valid: false },
  { command: { method: 'part', leg: 0 }, valid: false },
]) {
  t.test(`the worker ${valid ? 'takes' : 'refuses'} ${JSON.stringify(command)}`, async (t) => {
    const message = decodeToWorker(JSON.stringify({ kind: 'request', id: 1, command }));
    t.same(message, valid ? { kind: 'request', id: 1, command } : undefined);
  });
}

t.test('joins are remembered once for each pair, and forgotten with either', async (t) => {
  let refused = false;
  const asked: unknown[] = [];
  const joins = new Joins(async (command) => {
    asked.push(command);
    if (refused && command.method === 'join') throw new Error('refused');
  });
  const part = (session: number) => ({ method: 'part', session, leg: 0 });
  const pair = (one: number, other: number) => ({
    method: 'join',
    parties: [
      { session: one, leg: 0 },
      { session: other, leg: 0 },
    ],
  });
  await joins.join(1, 2);
  await joins.join(4, 3);
  await joins.join(2, 1);
  t.same(joins.restoration(), [pair(3, 4), pair(1, 2)]);
  await joins.join(2, 3);
  t.same(joins.restoration(), [pair(2, 3)]);
  t.equal(joins.peerOf(1), undefined);
  t.equal(joins.peerOf(3), 2);
  await joins.part(3);
  joins.forget(3);
  t.same(joins.restoration(), []);
  t.same(asked.splice(0), [pair(1, 2), pair(4, 3), pair(2, 1), pair(2, 3), part(3)]);

  refused = true;
  await t.rejects(joins.join(1, 2));
  t.same(asked.splice(0), [pair(1, 2), part(1), part(2)], 'both are alone, here and there');
  const failing = joins.join(1, 2);
  refused = false;
  const later = joins.join(2, 3);
  await t.rejects(failing);
  await later;
  t.same(joins.restoration(), [pair(2, 3)], 'what came later holds');
  t.notOk(asked.some((command) => JSON.stringify(command) === JSON.stringify(part(2))));
});
