/** Who hears whom in a conference, through the real worker: each party sounds a note of its own. */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { ConferenceParty, MediaClient, MediaConference, MediaSession } from '../../firmware/media/client.ts';
import { toneOf } from '../../firmware/media/tones.ts';
import { decodePayloads } from '../support/decode.ts';
import { TICKS_PER_MS } from '../support/encode.ts';
import { eventually, G722, G726, G729, OPUS, PCMA, PCMU, startClient, towards } from './conversation.ts';
import { AMPLITUDE, amplitudeOf, HZ, hears, isDeafTo, loudest, voice } from './note.ts';
import { Party } from './party.ts';

/** The first four for tests of four. */
const CODECS = [PCMA, PCMU, G729, G722, G726, OPUS] as const;

interface Member {
  readonly session: MediaSession<readonly [string]>;
  readonly party: Party;
  readonly negotiated: (typeof CODECS)[number];
  readonly place: ConferenceParty;
  /** What it says, round and round; none: nothing. */
  payloads: readonly Buffer[];
}

async function enter(
  t: Test,
  client: MediaClient,
  count: number,
  codecs: readonly Member['negotiated'][] = CODECS,
): Promise<readonly Member[]> {
  const members: Member[] = [];
  for (let at = 0; at < count; at += 1) {
    const negotiated = codecs[at % codecs.length] ?? PCMA;
    const party = await Party.open('127.0.0.1');
    t.teardown(() => party.close());
    const session = await client.openSession(['127.0.0.1']);
    await session.configure(0, towards(party, negotiated));
    members.push({ session, party, negotiated, place: { session: session.id, leg: 0 }, payloads: [] });
  }
  return members;
}

/** Of speech that is sent at once. */
const MAX_BURST_MS = 60;

/** All speak at their pace for as long as that; whoever stops `until` says so. */
async function talk(
  members: readonly Member[],
  ms: number,
  keep: (index: number) => boolean = () => true,
): Promise<void> {
  const first = 1000 + Math.round(performance.now());
  let started = performance.now();
  for (let frame = 0; 20 * frame < ms; ) {
    // Kept waiting it goes on from there: a burst would be heard for as long after its end, when nobody listens any more.
    started = Math.max(started, performance.now() - 20 * frame - MAX_BURST_MS);
    for (; 20 * frame < Math.min(ms, performance.now() - started); frame += 1) {
      for (const { party, session, negotiated, payloads } of members) {
        const payload = payloads[frame % payloads.length];
        if (payload === undefined || !keep(frame)) continue;
        const sequenceNumber = first + frame;
        await party.send(session.ports[0], {
          marker: frame === 0,
          payloadType: negotiated.payloadType,
          sequenceNumber,
          timestamp: 20 * TICKS_PER_MS[negotiated.codec] * sequenceNumber,
          ssrc: 1,
          payload,
        });
      }
    }
    await delay(2);
  }
}

/** What each has heard in the last packets up to now, decoded: taken at once, since decoding takes a while. */
function lately(members: readonly (Member | undefined)[], packets: number): Promise<readonly Int16Array[]> {
  const taken = members.map((member) => member?.party.heard.slice(-packets).map((packet) => packet.payload) ?? []);
  return Promise.all(
    taken.map((payloads, index) => decodePayloads(payloads, members[index]?.negotiated.codec ?? 'PCMA')),
  );
}

const NOTHING = new Int16Array(0);

async function joinAll(conference: MediaConference, members: readonly Member[]): Promise<void> {
  await Promise.all(members.map(({ place }) => conference.join(place)));
}

t.test('each party hears the others and never himself, whatever his codec', async (t) => {
  const { client } = await startClient(t, 4);
  const members = await enter(t, client, 4);
  const speakers: (ConferenceParty | undefined)[] = [];
  const conference = await client.createConference({ onActiveSpeaker: (speaker) => speakers.push(speaker) });
  await joinAll(conference, members);
  for (const [index, hz] of HZ.entries()) {
    const member = members[index];
    if (member !== undefined) member.payloads = await voice(hz, member.negotiated.codec);
  }
  await talk(members, 1500);
  const everything = await lately(members, 40);
  for (const [index, member] of members.entries()) {
    const samples = everything[index] ?? NOTHING;
    for (const [speaker, hz] of HZ.entries()) {
      if (speaker === index) t.ok(isDeafTo(samples, hz), `${index} does not hear himself: ${amplitudeOf(samples, hz)}`);
      // A codec for speech carries one of two notes at a time at best.
      else if (member.negotiated.codec !== 'G729')
        t.ok(hears(samples, hz), `${index} hears ${speaker}: ${amplitudeOf(samples, hz)}`);
    }
  }

  t.comment('mute');
  const [first, second, third, listener] = members;
  if (first === undefined || second === undefined || third === undefined || listener === undefined) return;
  await conference.setParty(first.place, { muted: true });
  await conference.setParty(third.place, { muted: true });
  await talk(members, 800);
  const [alone = NOTHING, coded = NOTHING] = await lately([listener, third], 25);
  t.ok(hears(alone, HZ[1]) && isDeafTo(alone, HZ[0]) && isDeafTo(alone, HZ[2]));
  t.ok(hears(coded, HZ[1]), 'by G.729 too');
  // Of three who are equally loud nobody need be the speaker for long enough.
  await eventually(() => speakers.find((speaker) => speaker?.session === second.place.session), 'the one who speaks');
  await conference.setParty(first.place, { muted: false });
  await talk(members, 800);
  const [unmuted = NOTHING] = await lately([listener], 25);
  t.ok(hears(unmuted, HZ[0]));

  t.comment('leave');
  await conference.leave(second.place);
  await conference.leave(second.place);
  await talk(members, 800);
  const [left = NOTHING] = await lately([listener], 25);
  t.ok(isDeafTo(left, HZ[1]));
  await t.rejects(conference.setParty(second.place, { muted: true }), { code: 'MEDIA_PARAMETERS' });
  await third.session.close();
  t.equal(conference.parties.length, 2);
  await t.rejects(conference.join(third.place), { code: 'MEDIA_UNKNOWN_SESSION' });
  await conference.close();
  await conference.close();
  await t.rejects(conference.join(first.place), { code: 'MEDIA_PARAMETERS' });
});

t.test('who comes in is announced to all, and what is played to a party it hears alone', async (t) => {
  const { client } = await startClient(t, 2);
  const [first, second] = await enter(t, client, 2);
  if (first === undefined || second === undefined) return;
  const conference = await client.createConference({ entryTone: toneOf('en-GB', 'conferenceEntry'), speakers: 1 });
  await conference.join(first.place);
  await first.party.hear(30);
  const before = first.party.heard.length;
  await conference.join(second.place);
  await first.party.hear(first.party.heard.length + 25);
  const [tone = NOTHING] = await lately([first], first.party.heard.length - before);
  t.ok(loudest(tone, 660) > 2000 && loudest(tone, 880) > 2000);
  t.ok(loudest(tone, 1600) < 100);
  await second.session.play(0, { kind: 'tone', tone: toneOf('de-DE', 'dial') });
  const heard = second.party.heard.length;
  await second.party.hear(heard + 30);
  const [others = NOTHING, own = NOTHING] = await lately([first, second], 20);
  t.ok(loudest(own, 425) > 3000);
  t.ok(loudest(others, 425) < 100);
  await second.session.stopPlaying(0);
});

t.test('a killed worker: all are back in their conference', async (t) => {
  const { client } = await startClient(t, 3);
  const members = await enter(t, client, 3);
  const conference = await client.createConference();
  await joinAll(conference, members);
  const [first, second, listener] = members;
  if (first === undefined || second === undefined || listener === undefined) return;
  for (const [index, member] of [first, second].entries()) {
    member.payloads = await voice(HZ[index] ?? 0, member.negotiated.codec);
  }
  await conference.setParty(second.place, { muted: true });
  if (client.workerPid !== undefined) process.kill(client.workerPid, 'SIGKILL');
  // On a busy machine a new process takes longer than a request waits.
  await first.session.statistics().catch(() => first.session.statistics());
  await talk(members, 1000);
  const [samples = NOTHING] = await lately([listener], 25);
  t.ok(hears(samples, HZ[0]), 'heard again');
  t.ok(isDeafTo(samples, HZ[1]), 'muted again');
});

t.test('one that loses every fifth packet is heard, and spoils nobody else', async (t) => {
  const { client } = await startClient(t, 3);
  const members = await enter(t, client, 2);
  const conference = await client.createConference();
  await joinAll(conference, members);
  const [first, second] = members;
  if (first === undefined || second === undefined) return;
  first.payloads = await voice(HZ[0], 'PCMA');
  await talk(members, 1200, (frame) => frame % 5 !== 4);
  const [samples = NOTHING] = await lately([second], 30);
  t.ok(hears(samples, HZ[0]));
});

/** Every packet up to 80 ms late, by chance that is the same each time, and so in another order. */
async function talkUnevenly({ party, session, negotiated, payloads }: Member, ms: number): Promise<void> {
  let seed = 7;
  const packets = Array.from({ length: ms / 20 }, (_, index) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return { index, dueMs: 20 * index + (seed % 80) };
  }).sort((one, other) => one.dueMs - other.dueMs);
  const started = performance.now();
  for (const { index, dueMs } of packets) {
    while (performance.now() - started < dueMs) await delay(1);
    await party.send(session.ports[0], {
      marker: false,
      payloadType: negotiated.payloadType,
      sequenceNumber: 1000 + index,
      timestamp: 160 * (1000 + index),
      ssrc: 1,
      payload: payloads[index % payloads.length] ?? Buffer.alloc(160),
    });
  }
}

t.test('every codec beside every other: each is heard by each, one after another', async (t) => {
  const { client } = await startClient(t, 8);
  const members = await enter(t, client, 7, [G722, PCMA, G729, G722, G726, OPUS, PCMU]);
  const conference = await client.createConference();
  await joinAll(conference, members);
  for (const [speaker, member] of members.slice(0, 6).entries()) {
    const hz = HZ[speaker % HZ.length] ?? 0;
    member.payloads = await voice(hz, member.negotiated.codec);
    await talk(members, 1000);
    member.payloads = [];
    for (const [index, samples] of (await lately(members, 25)).entries()) {
      const { codec } = members[index]?.negotiated ?? PCMA;
      const heard = `${codec} and ${member.negotiated.codec}: ${loudest(samples, hz)}`;
      if (index === speaker) t.ok(isDeafTo(samples, hz), `not himself, ${heard}`);
      else t.ok(hears(samples, hz), heard);
    }
  }
});

for (const speakers of [1, 2]) {
  t.test(`of three who speak at once the loudest are heard, with room for ${speakers}`, async (t) => {
    const { client } = await startClient(t, 4);
    const members = await enter(t, client, 4, [PCMA]);
    const conference = await client.createConference({ speakers });
    await joinAll(conference, members);
    // Each half as loud as the one before him.
    for (const [index, hz] of HZ.entries()) {
      const member = members[index];
      if (member !== undefined) member.payloads = await voice(hz, 'PCMA', (2 * AMPLITUDE) / 2 ** index);
    }
    await talk(members, 1500);
    const [samples = NOTHING] = await lately(members.slice(3), 30);
    for (const [index, hz] of HZ.entries()) {
      const heard = loudest(samples, hz);
      if (index < speakers)
        t.ok(heard > (1.5 * AMPLITUDE) / 2 ** index, `${index} is heard as loud as he is: ${heard}`);
      else t.ok(isDeafTo(samples, hz), `${index} is not heard: ${heard}`);
    }
    for (const wrong of [0, 9, 1.5, Number.NaN]) {
      await t.rejects(client.createConference({ speakers: wrong }), { code: 'MEDIA_PARAMETERS' }, `${wrong}`);
    }
  });
}

t.test('one whose packets are up to 80 ms late, and in any order, is heard without gaps', async (t) => {
  const { client } = await startClient(t, 3);
  const members = await enter(t, client, 3, [PCMA, G722]);
  const [uneven, wide, narrow] = members;
  if (uneven === undefined || wide === undefined || narrow === undefined) return;
  const conference = await client.createConference();
  await joinAll(conference, members);
  uneven.payloads = await voice(HZ[1], 'PCMA');
  // The first second is for its jitter buffer to learn from.
  await talkUnevenly(uneven, 3000);
  for (const samples of await lately([wide, narrow], 75)) {
    let whole = 0;
    let stretches = 0;
    for (let at = 0; at + 160 <= samples.length; at += 160, stretches += 1) {
      if (amplitudeOf(samples.subarray(at, at + 160), HZ[1]) > AMPLITUDE / 4) whole += 1;
    }
    t.ok(whole > 0.8 * stretches, `${whole} of ${stretches} stretches`);
  }
});

t.test('64 parties of all codecs in one, 128 in all, and not one more', async (t) => {
  const { client } = await startClient(t, 129);
  const members = await enter(t, client, 130);
  const [one, other] = [await client.createConference(), await client.createConference()];
  const third = await client.createConference();
  await joinAll(one, members.slice(0, 64));
  const extra = members[64];
  const last = members[129];
  if (extra === undefined || last === undefined) return;
  await t.rejects(one.join(extra.place), { code: 'MEDIA_CONFERENCE_FULL' });
  await joinAll(other, members.slice(64, 128));
  await t.rejects(third.join(last.place), { code: 'MEDIA_CONFERENCE_FULL' });
  t.equal(third.parties.length, 0);
  const [first] = members;
  if (first === undefined) return;
  first.payloads = await voice(HZ[0], 'PCMA');
  await talk([first], 1000);
  const some = [1, 2, 3, 31, 62, 63, 64];
  const heard = await lately(
    some.map((index) => members[index]),
    25,
  );
  for (const [at, samples] of heard.entries()) {
    const index = some[at] ?? 0;
    t.equal(hears(samples, HZ[0]), index < 64, `${index}`);
  }
  await other.close();
  await third.join(last.place);
});

t.test('a session that is closed while it joins is in no conference', async (t) => {
  const { client } = await startClient(t);
  const [member] = await enter(t, client, 1);
  if (member === undefined) throw new Error('no member');
  const conference = await client.createConference();
  const joining = conference.join(member.place);
  await member.session.close();
  await joining;
  t.strictSame(conference.parties, []);
});
