import t from 'tap';
import type { MediaEvent } from '../../firmware/media/client.ts';
import { decodePayloads } from '../support/decode.ts';
import { encodePayloads } from '../support/encode.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { converse, G729, hurriedClock, PCMA, PCMU } from './conversation.ts';
import type { Party, RtpPacket } from './party.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;
const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477, 1633];
const KEYS = '123A456B789C*0#D';
const WITH_EVENTS = { ...PCMA, telephoneEventPayloadType: 101 };

// The first build of the codecs may take minutes on a busy machine.
t.before(() => outputOf(`${repositoryPath}/scripts/build-native`, ['check'], undefined, 300_000));

/** Both tones of each key for 100 ms, with a pause of 100 ms before each and a longer one after all. */
function tonesOf(keys: string): Int16Array {
  const pcm = new Int16Array(keys.length * 1600 + 3200);
  for (const [index, key] of [...keys].entries()) {
    const place = KEYS.indexOf(key);
    const [low = 0, high = 0] = [LOW[place >> 2], HIGH[place & 3]];
    for (let i = 0; i < 800; i += 1) {
      const angle = (2 * Math.PI * i) / 8000;
      pcm[index * 1600 + 800 + i] = 6000 * Math.sin(low * angle) + 6000 * Math.sin(high * angle);
    }
  }
  return pcm;
}

/** What our detector, which has tests of its own, hears in the audio of these packets. */
async function keysIn(packets: readonly RtpPacket[], codec: 'PCMA' | 'PCMU'): Promise<string> {
  const payloads = packets.filter(({ payloadType }) => payloadType !== 101).map(({ payload }) => payload);
  const pcm = await decodePayloads(payloads, codec);
  const output = await outputOf(check, ['digits'], new Uint8Array(pcm.buffer));
  return output.toString().split('\n')[0] ?? '';
}

/** Keys that ended, each once. */
function eventsIn(packets: readonly RtpPacket[]): string {
  const ends = packets.filter(({ payloadType, payload }) => payloadType === 101 && (payload.readUInt8(1) & 0x80) !== 0);
  const presses = new Map(ends.map(({ timestamp, payload }) => [timestamp, payload.readUInt8(0)]));
  return [...presses.values()].map((event) => '0123456789*#ABCD'[event]).join('');
}

async function speak(party: Party, port: number, payloads: readonly Buffer[], payloadType: number): Promise<void> {
  const began = performance.now();
  for (const [index, payload] of payloads.entries()) {
    const dueMs = began + 20 * index - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    await party.send(port, {
      marker: index === 0,
      payloadType,
      sequenceNumber: index,
      timestamp: index * 160,
      ssrc: 1,
      payload,
    });
  }
}

async function until(isThere: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isThere()) {
    if (performance.now() > deadline) throw new Error(`not there after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function told(events: readonly MediaEvent[]): string {
  return events.map((event) => (event.kind === 'digit' ? `${event.leg}${event.how[0]}${event.digit}` : '')).join(' ');
}

for (const negotiated of [PCMU, G729]) {
  const { codec, payloadType } = negotiated;
  t.test(`tones in the ${codec} of one party are events for the other, and not in its audio`, async (t) => {
    const { session, parties } = await converse(t, WITH_EVENTS, { ...negotiated, detectDigits: true }, hurriedClock);
    const events: MediaEvent[] = [];
    session.onEvent((event) => events.push(event));
    await speak(parties[1], session.ports[1], await encodePayloads(tonesOf('159#'), codec), payloadType);
    await until(() => told(events.filter(({ kind }) => kind === 'digit')) === '1a1 1a5 1a9 1a#');
    await until(() => eventsIn(parties[0].heard) === '159#');
    t.equal(await keysIn(parties[0].heard, 'PCMA'), '');
    const durations = events.flatMap((event) => (event.kind === 'digit' ? event.durationMs : []));
    for (const durationMs of durations) t.ok(durationMs >= 80 && durationMs <= 120, `${durationMs} ms`);
  });
}

t.test('events of one party are tones for the other', async (t) => {
  const { session, parties } = await converse(t, WITH_EVENTS, PCMU, hurriedClock);
  const events: MediaEvent[] = [];
  session.onEvent((event) => events.push(event));
  for (const [index, hex] of ['020a0320', '0b0a0320', '0f0a0320'].entries()) {
    for (const isEnd of [false, true, true, true]) {
      const payload = Buffer.from(hex, 'hex');
      if (isEnd) payload.writeUInt8(0x8a, 1);
      const sequenceNumber = parties[0].heard.length + index * 4;
      await parties[0].send(session.ports[0], {
        marker: !isEnd,
        payloadType: 101,
        sequenceNumber,
        timestamp: index * 8000,
        ssrc: 1,
        payload,
      });
    }
  }
  await until(() => told(events.filter(({ kind }) => kind === 'digit')) === '0e2 0e# 0eD');
  // Three of 100 ms, the last one still in its pause.
  await parties[1].hear(22);
  t.equal(await keysIn(parties[1].heard, 'PCMU'), '2#D');
});

for (const { title, parameters, heard } of [
  { title: 'events', parameters: WITH_EVENTS, heard: async (packets: readonly RtpPacket[]) => eventsIn(packets) },
  { title: 'tones', parameters: PCMA, heard: (packets: readonly RtpPacket[]) => keysIn(packets, 'PCMA') },
]) {
  t.test(`keys that the runtime presses are ${title}, in one stream with the audio`, async (t) => {
    const { session, parties } = await converse(t, parameters, PCMA, hurriedClock);
    const speaking = speak(parties[1], session.ports[1], await encodePayloads(new Int16Array(8000 * 2), 'PCMA'), 8);
    await parties[0].hear(5);
    await session.sendDigits(0, '12*', { durationMs: 120, pauseMs: 80 });
    await session.sendDigits(0, '3');
    await speaking;
    t.equal(await heard(parties[0].heard), '12*3');
    const numbers = parties[0].heard.map(({ sequenceNumber }) => sequenceNumber);
    for (const [index, number] of numbers.slice(1).entries()) {
      if (number !== (((numbers[index] ?? 0) + 1) & 0xffff)) t.fail(`${number} after ${numbers[index]}`);
    }
    await t.rejects(session.sendDigits(0, 'x'), { code: 'MEDIA_PARAMETERS' });
    await t.rejects(session.sendDigits(0, ''), { code: 'MEDIA_PARAMETERS' });
    await t.rejects(session.sendDigits(0, '1', { durationMs: 39 }), { code: 'MEDIA_PARAMETERS' });
    await session.sendDigits(0, '1'.repeat(64));
    await t.rejects(session.sendDigits(0, '1'.repeat(64)), { code: 'MEDIA_BUSY' });
    await session.close();
    await t.rejects(session.sendDigits(0, '1'), { code: 'MEDIA_UNKNOWN_SESSION' });
  });
}
