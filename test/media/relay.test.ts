import t from 'tap';
import type { MediaEvent } from '../../firmware/media/client.ts';
import { decodePayloads } from '../support/decode.ts';
import { converse, G729, PCMA, towards } from './conversation.ts';
import { Party, type RtpPacket } from './party.ts';

const payload = Buffer.alloc(160, 0xd5);

function voice(sequenceNumber: number, timestamp: number, more: Partial<RtpPacket> = {}): RtpPacket {
  return { marker: false, payloadType: 8, sequenceNumber, timestamp, ssrc: 0x1234, payload, ...more };
}

t.test('relays from IPv4 to IPv6 and back, untouched, in streams of its own', async (t) => {
  const { session, parties } = await converse(t, PCMA, { ...PCMA, payloadType: 96 });
  const [first, second] = parties;
  const [firstPort, secondPort] = session.ports;

  const loud = Buffer.from(Array.from({ length: 160 }, (_, i) => i));
  await first.send(firstPort, voice(10, 1600, { marker: true, payload: loud }));
  await first.send(firstPort, voice(11, 1760));
  const [one, two] = await second.hear(2);
  t.match(one, { marker: true, payloadType: 96, payload: loud });
  t.match(two, { marker: false, payloadType: 96, payload });
  t.not(one?.ssrc, 0x1234);
  t.equal(two?.ssrc, one?.ssrc);
  t.equal(((two?.sequenceNumber ?? 0) - (one?.sequenceNumber ?? 0)) & 0xffff, 1);
  t.equal(((two?.timestamp ?? 0) - (one?.timestamp ?? 0)) >>> 0, 160);

  await second.send(secondPort, voice(500, 0, { payloadType: 96 }));
  const [back] = await first.hear(1);
  t.match(back, { payloadType: 8, payload });
  t.not(back?.ssrc, one?.ssrc);

  const [statistics, other] = await session.statistics();
  t.match(statistics, { packetsReceived: 2, bytesReceived: 344, packetsSent: 1, bytesSent: 172, packetsDiscarded: 0 });
  t.match(other, { packetsReceived: 1, packetsSent: 2 });
  t.ok((statistics.lastReceivedMs ?? -1) >= 0);
  const last = await session.close();
  t.match(last?.[0], { packetsReceived: 2, packetsSent: 1, opinion: statistics.opinion });
  t.match(last?.[1], { packetsReceived: 1, packetsSent: 2 });
  t.equal(await session.close(), last);
});

t.test('a session that nobody spoke in ends without statistics', async (t) => {
  const { session } = await converse(t, PCMA, PCMA);
  t.equal(await session.close(), undefined);
});

t.test('one stream goes on without a break when its source changes', async (t) => {
  const { session, parties } = await converse(t, PCMA, PCMA);
  await parties[0].send(session.ports[0], voice(10, 1600));
  await parties[0].send(session.ports[0], voice(60_000, 4_000_000_000, { ssrc: 99 }));
  const [one, two] = await parties[1].hear(2);
  t.equal(two?.ssrc, one?.ssrc);
  t.equal(((two?.sequenceNumber ?? 0) - (one?.sequenceNumber ?? 0)) & 0xffff, 1);
  const step = ((two?.timestamp ?? 0) - (one?.timestamp ?? 0)) >>> 0;
  t.ok(step >= 160 && step < 8000, `a timestamp step of ${step}`);
  t.equal(two?.marker, true);
});

t.test('telephone events are passed on under the payload type of each leg', async (t) => {
  for (const codec of [PCMA, G729]) {
    const { session, parties } = await converse(
      t,
      { ...PCMA, telephoneEventPayloadType: 101 },
      { ...codec, telephoneEventPayloadType: 120 },
    );
    const digit = { payloadType: 101, timestamp: 1760 };
    await parties[0].send(session.ports[0], voice(10, 1600));
    for (const [index, hex] of ['050a00a0', '050a0140', '058a01e0', '058a01e0', '058a01e0'].entries()) {
      await parties[0].send(
        session.ports[0],
        voice(11 + index, 0, { ...digit, marker: index === 0, payload: Buffer.from(hex, 'hex') }),
      );
    }
    const [audio, ...events] = await parties[1].hear(6);
    t.equal(audio?.payloadType, codec.payloadType);
    for (const [index, event] of events.entries()) {
      t.match(event, { payloadType: 120, marker: index === 0, ssrc: audio?.ssrc });
      t.equal(event.payload[0], 5);
      t.equal((event.timestamp - (audio?.timestamp ?? 0)) >>> 0, 160, 'frozen at the beginning of the event');
      t.equal((event.sequenceNumber - (audio?.sequenceNumber ?? 0)) & 0xffff, index + 1);
    }
    t.equal(events[4]?.payload.toString('hex'), '058a01e0');
  }
});

t.test('the press of a key is heard as its tones where the other leg did not negotiate events', async (t) => {
  const { session, parties } = await converse(t, { ...PCMA, telephoneEventPayloadType: 101 }, PCMA);
  await parties[0].send(session.ports[0], voice(1, 0, { payloadType: 101, payload: Buffer.from('058a0320', 'hex') }));
  const tones = await parties[1].hear(4);
  t.ok(tones.every(({ payloadType }) => payloadType === 8));
  t.ok(await hasTones(tones, 770, 1336));
  t.match((await session.statistics())[0], { packetsDiscarded: 0 });
});

async function hasTones(packets: readonly RtpPacket[], low: number, high: number): Promise<boolean> {
  const pcm = await decodePayloads(
    packets.map((packet) => packet.payload),
    'PCMA',
  );
  return [low, high].every((hertz) => {
    const parts = Array.from(pcm, (sample, i) => {
      const angle = (2 * Math.PI * hertz * i) / 8000;
      return [sample * Math.cos(angle), sample * Math.sin(angle)] as const;
    });
    const sum = (index: 0 | 1) => parts.reduce((total, part) => total + part[index], 0);
    return Math.hypot(sum(0), sum(1)) / pcm.length > 1000;
  });
}

t.test('direction is honoured', async (t) => {
  const { session, parties } = await converse(t, PCMA, PCMA);
  const [first, second] = parties;
  await session.configure(0, towards(first, { ...PCMA, direction: 'sendonly' }));
  await first.send(session.ports[0], voice(1, 0));
  await second.send(session.ports[1], voice(1, 0));
  await first.hear(1);
  t.match((await session.statistics())[0], { packetsReceived: 1, discards: { unforwarded: 1 } });
  await session.configure(0, towards(first, { ...PCMA, direction: 'recvonly' }));
  await second.send(session.ports[1], voice(2, 160));
  await first.send(session.ports[0], voice(2, 160));
  await second.hear(1);
  t.equal(first.heard.length, 1);
  t.equal(second.heard.length, 1);
});

t.test('sends to where the remote turns out to be, and to nobody else', async (t) => {
  const { session, parties } = await converse(t, PCMA, PCMA);
  const [first, second] = parties;
  // The signalling is wrong about the second party: it says a port that nobody holds.
  await session.configure(1, { ...towards(second, PCMA), remotePort: 9 });
  await second.send(session.ports[1], voice(1, 0));
  await first.hear(1);
  await first.send(session.ports[0], voice(1, 0));
  await second.hear(1);
  // A stranger on another port neither hears nor is heard.
  const stranger = await Party.open('::1');
  t.teardown(() => stranger.close());
  await stranger.send(session.ports[1], voice(1, 0, { ssrc: 666 }));
  await first.send(session.ports[0], voice(2, 160));
  await second.hear(2);
  t.match((await session.statistics())[1].discards, { source: 1 });
  t.equal(stranger.heard.length, 0);
  t.equal(first.heard.length, 1);
});

t.test('nothing is sent to a leg that is not configured', async (t) => {
  const { client, parties } = await converse(t, PCMA, PCMA);
  const session = await client.openSession(['127.0.0.1', '::1']);
  await session.configure(0, towards(parties[0], PCMA));
  await parties[0].send(session.ports[0], voice(1, 0));
  await parties[1].send(session.ports[1], voice(1, 0));
  // Answers come in order with what the loop has done, but a packet may still be on its way.
  for (;;) {
    const [first, second] = await session.statistics();
    if (first.packetsReceived + second.packetsDiscarded < 2) continue;
    t.match(first, { discards: { unforwarded: 1 }, packetsSent: 0 });
    t.match(second, { discards: { payloadType: 1 }, packetsSent: 0 });
    break;
  }
});

t.test('tells when a leg is heard from another address than before', async (t) => {
  const { session, parties } = await converse(t, PCMA, PCMA);
  const events: MediaEvent[] = [];
  session.onEvent((event) => events.push(event));
  await parties[1].send(session.ports[1], voice(1, 0));
  await parties[1].send(session.ports[1], voice(2, 160));
  await parties[0].hear(2);
  await session.statistics();
  t.same(events, [{ kind: 'latched', session: session.id, leg: 1, address: '::1', port: parties[1].port }]);
});

t.test('a session of one leg takes one port, and hears', async (t) => {
  const { client, parties } = await converse(t, PCMA, PCMA);
  const session = await client.openSession(['127.0.0.1']);
  t.equal(session.ports.length, 1);
  await session.configure(0, towards(parties[0], PCMA));
  await t.rejects(session.configure(1, towards(parties[1], PCMA)), { code: 'MEDIA_PARAMETERS' });
  await parties[0].send(session.ports[0], voice(1, 0));
  for (;;) {
    const [statistics, ...others] = await session.statistics();
    t.same(others, []);
    if (statistics.packetsReceived === 0) continue;
    t.match(statistics, { packetsReceived: 1, discards: { unforwarded: 1 } });
    break;
  }
  await session.close();
});
