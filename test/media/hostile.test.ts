import { createSocket } from 'node:dgram';
import t from 'tap';
import type { DiscardStatistics } from '../../firmware/media/client.ts';
import { converse, G729, PCMA } from './conversation.ts';
import { encodeRtp } from './party.ts';

interface Case {
  readonly title: string;
  readonly hex: string;
  readonly counted: keyof DiscardStatistics;
}

const voice = '00010000000000001234';
const cases: readonly Case[] = [
  { title: 'empty', hex: '', counted: 'malformed' },
  { title: 'one byte', hex: '80', counted: 'malformed' },
  { title: 'a header one byte short', hex: `8008${voice.slice(2)}`, counted: 'malformed' },
  { title: 'version 0', hex: `0008${voice}d5d5`, counted: 'malformed' },
  { title: 'version 1', hex: `4008${voice}d5d5`, counted: 'malformed' },
  { title: 'version 3', hex: `c008${voice}d5d5`, counted: 'malformed' },
  { title: 'fifteen CSRCs announced, none there', hex: `8f08${voice}d5d5`, counted: 'malformed' },
  { title: 'an extension announced, none there', hex: `9008${voice}`, counted: 'malformed' },
  { title: 'half an extension header', hex: `9008${voice}bede`, counted: 'malformed' },
  { title: 'an extension of 65535 words', hex: `9008${voice}bedeffff00000000`, counted: 'malformed' },
  { title: 'padding of nothing', hex: `a008${voice}d5d500`, counted: 'malformed' },
  { title: 'padding longer than the payload', hex: `a008${voice}d5d504`, counted: 'malformed' },
  { title: 'padding without a payload to hold it', hex: `a008${voice}`, counted: 'malformed' },
  { title: 'nothing but padding', hex: `a008${voice}00000004`, counted: 'malformed' },
  { title: 'no payload', hex: `8008${voice}`, counted: 'malformed' },
  { title: 'more than 200 ms', hex: `8008${voice}${'d5'.repeat(1601)}`, counted: 'malformed' },
  { title: 'longer than any packet', hex: `8008${voice}${'d5'.repeat(4000)}`, counted: 'malformed' },
  { title: 'an event of three bytes', hex: `8065${voice}050a00`, counted: 'malformed' },
  { title: 'a codec that was not agreed on', hex: `8000${voice}d5d5`, counted: 'payloadType' },
  { title: 'an RTCP report on the RTP port', hex: '80c80006000012340000000000000000', counted: 'payloadType' },
];

t.test('what is no RTP, or lies about its lengths, is dropped and counted', async (t) => {
  const { session, parties } = await converse(t, { ...PCMA, telephoneEventPayloadType: 101 }, G729);
  const [first, second] = parties;
  const expected: Record<keyof DiscardStatistics, number> = {
    malformed: 0,
    unauthenticated: 0,
    replayed: 0,
    payloadType: 0,
    source: 0,
    late: 0,
    unforwarded: 0,
  };
  for (const { title, hex, counted } of cases) {
    const bytes = Buffer.from(hex, 'hex');
    await first.send(session.ports[0], bytes);
    expected[counted] += 1;
    let discards = (await session.statistics())[0].discards;
    for (let tries = 0; discards[counted] < expected[counted] && tries < 1000; tries += 1) {
      discards = (await session.statistics())[0].discards;
    }
    t.same(discards, expected, title);
  }
  t.equal(second.heard.length, 0);
  const packet = {
    marker: true,
    payloadType: 8,
    sequenceNumber: 9,
    timestamp: 0,
    ssrc: 1,
    payload: Buffer.alloc(160, 0xd5),
  };
  await first.send(session.ports[0], encodeRtp(packet));
  t.equal((await second.hear(1))[0]?.payload.length, 20, 'and the call goes on');
});

t.test('CSRCs, an extension and padding are taken off', async (t) => {
  const { session, parties } = await converse(t, PCMA, PCMA);
  const hex = `b208${voice}0000000100000002bede000110ff0000d5d6d700000003`;
  await parties[0].send(session.ports[0], Buffer.from(hex, 'hex'));
  t.equal((await parties[1].hear(1))[0]?.payload.toString('hex'), 'd5d6d700');
});

t.test('RTCP is counted and goes nowhere', async (t) => {
  const { session } = await converse(t, PCMA, PCMA);
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  await new Promise((resolve) => {
    socket.send(Buffer.from('80c9000100001234', 'hex'), session.ports[0] + 1, '127.0.0.1', resolve);
  });
  let [statistics] = await session.statistics();
  for (let tries = 0; statistics.rtcpReceived === 0 && tries < 1000; tries += 1)
    [statistics] = await session.statistics();
  t.match(statistics, { rtcpReceived: 1, packetsReceived: 0, packetsDiscarded: 0 });
});
