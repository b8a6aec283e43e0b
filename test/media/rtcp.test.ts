import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { LegStatistics, MediaEvent } from '../../firmware/media/client.ts';
import { outputOf } from '../support/process-output.ts';
import { masterKey, SrtpPeer } from '../support/srtp-peer.ts';
import { converseThrough, eventually, PCMA, startClient, towards } from './conversation.ts';

const payload = Buffer.alloc(160, 0xd5);
const { client } = await startClient(t, 6);

interface Listener {
  readonly socket: Socket;
  readonly port: number;
  readonly heard: Buffer[];
}

async function listen(t: Test, address: string): Promise<Listener> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const heard: Buffer[] = [];
  socket.on('message', (bytes) => heard.push(bytes));
  socket.bind(0, address);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return { socket, port: socket.address().port, heard };
}

/** What Wireshark, which shares no code with us, reads in a compound packet: the value of each field, packet after packet. */
async function dissect(t: Test, packet: Buffer, fields: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rtcp-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const headers = Buffer.alloc(24 + 16 + 28);
  headers.writeUInt32LE(0xa1b2c3d4, 0);
  headers.writeUInt16LE(2, 4);
  headers.writeUInt16LE(4, 6);
  headers.writeUInt32LE(65_535, 16);
  // Raw IP, so that no Ethernet has to be made up.
  headers.writeUInt32LE(101, 20);
  headers.writeUInt32LE(28 + packet.length, 32);
  headers.writeUInt32LE(28 + packet.length, 36);
  headers[40] = 0x45;
  headers.writeUInt16BE(28 + packet.length, 42);
  headers[48] = 64;
  headers[49] = 17;
  headers.writeUInt32BE(0x7f000001, 52);
  headers.writeUInt32BE(0x7f000001, 56);
  headers.writeUInt16BE(5005, 60);
  headers.writeUInt16BE(5005, 62);
  headers.writeUInt16BE(8 + packet.length, 64);
  writeFileSync(join(folder, 'a.pcap'), Buffer.concat([headers, packet]));
  const output = await outputOf('tshark', [
    ...['-r', join(folder, 'a.pcap'), '-d', 'udp.port==5005,rtcp', '-T', 'fields', '-E', 'separator=;'],
    ...fields.flatMap((field) => ['-e', field]),
  ]);
  return output.toString().trim().split(';');
}

/** A sender report with a block about `about`, of somebody whose SSRC is 7. */
function report(
  about: number,
  block: { readonly lost: number; readonly lastReport: number; readonly delay: number },
): Buffer {
  const bytes = Buffer.alloc(52);
  bytes[0] = 0x81;
  bytes[1] = 200;
  bytes.writeUInt16BE(12, 2);
  bytes.writeUInt32BE(7, 4);
  bytes.writeUInt32BE(0xe0000000, 8);
  bytes.writeUInt32BE(about, 28);
  bytes[32] = 64;
  bytes.writeUIntBE(block.lost, 33, 3);
  bytes.writeUInt32BE(160, 40);
  bytes.writeUInt32BE(block.lastReport, 44);
  bytes.writeUInt32BE(block.delay, 48);
  return bytes;
}

t.test('each leg gets reports about its own streams, and what it reports is told', async (t) => {
  const suite = 'AEAD_AES_128_GCM';
  const srtp = {
    suite,
    receiveKey: masterKey(suite, 1),
    sendKey: masterKey(suite, 2),
    unencryptedSrtcp: true,
  } as const;
  const { session, parties } = await converseThrough(t, client, PCMA, PCMA);
  const ours = new SrtpPeer(suite, srtp.receiveKey, srtp);
  const theirs = new SrtpPeer(suite, srtp.sendKey, srtp);
  parties[0].transform = { protect: (packet) => ours.protect(packet), unprotect: (packet) => theirs.unprotect(packet) };
  // One leg secured, with RTCP on a port of its own; the other on one port for both.
  const apart = await listen(t, '127.0.0.1');
  await session.configure(0, { ...towards(parties[0], PCMA), srtp, rtcpPort: apart.port });
  await session.configure(1, { ...towards(parties[1], PCMA), rtcpMux: true });
  let sequenceNumber = 1;
  const speaking = setInterval(() => {
    // Every eighth is lost.
    sequenceNumber += sequenceNumber % 8 === 7 ? 2 : 1;
    const packet = { marker: false, payloadType: 8, sequenceNumber, timestamp: sequenceNumber * 160, ssrc: 7, payload };
    for (const [index, party] of parties.entries()) void party.send(session.ports[index] ?? 0, packet);
  }, 20);
  t.teardown(() => clearInterval(speaking));

  const clear = await eventually(() => apart.heard[1] && theirs.unprotectRtcp(apart.heard[1]), 'SRTCP');
  const muxed = await eventually(() => parties[1].reports[1], 'RTCP beside RTP');
  for (const bytes of [clear, muxed]) {
    const [types, ssrc, about, lost, cname] = await dissect(t, bytes, [
      'rtcp.pt',
      'rtcp.senderssrc',
      'rtcp.ssrc.identifier',
      'rtcp.ssrc.fraction',
      'rtcp.sdes.text',
    ]);
    t.match(types, /^200,202/);
    t.ok(ssrc);
    t.match(about, /^0x0*7/);
    t.ok(Number(lost) > 15 && Number(lost) < 60, `${lost}/256 lost`);
    t.match(cname, /^[0-9a-f]{24}$/);
  }

  const answer = report(muxed.readUInt32BE(4), { lost: 5, lastReport: muxed.readUInt32BE(10), delay: 0 });
  await parties[1].send(session.ports[1], answer);
  await parties[1].send(session.ports[1], answer.subarray(0, 48));
  // Its address alone does not let it report about a secured leg.
  apart.socket.send(
    report(clear.readUInt32BE(4), { lost: 9, lastReport: 0, delay: 0 }),
    session.ports[0] + 1,
    '127.0.0.1',
  );
  apart.socket.send(
    ours.protectRtcp(report(clear.readUInt32BE(4), { lost: 3, lastReport: 0, delay: 0 })),
    session.ports[0] + 1,
    '127.0.0.1',
  );
  const [first, second] = await eventually(async () => {
    const statistics = await session.statistics();
    return statistics[0].remote !== undefined && statistics[1].remote !== undefined ? statistics : undefined;
  }, 'what the parties reported');
  t.match(first, { rtcpReceived: 1, rtcpDiscarded: 1, remote: { packetsLost: 3, lossRatio: 0.25, jitterMs: 20 } });
  t.match(second, { rtcpReceived: 1, rtcpDiscarded: 1, remote: { packetsLost: 5 } });
  const { remote, jitterMs, rating, opinion } = second as LegStatistics;
  t.ok((remote?.roundTripMs ?? -1) >= 0 && (remote?.roundTripMs ?? 1e9) < 60_000, `${remote?.roundTripMs} ms`);
  t.ok(jitterMs !== undefined && jitterMs < 1000);
  // The answer came late, which counts as delay; and one of eight packets is lost.
  t.ok(rating !== undefined && rating < 93, `R is ${rating}`);
  t.ok(opinion !== undefined && opinion >= 1 && opinion < 4.4);

  clearInterval(speaking);
  const before = parties[1].reports.length;
  await session.close();
  await eventually(() => parties[1].reports[before], 'a goodbye');
  const [types] = await dissect(t, parties[1].reports.at(-1) ?? Buffer.alloc(0), ['rtcp.pt']);
  t.match(types, /203$/);
});

/** An empty receiver report of somebody whose SSRC is 7, and his VoIP metrics (RFC 3611 §4.7) of `about`, from the loss rate on. */
function metricsReport(about: number, metrics: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 + 44);
  bytes.set([0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 207, 0, 10, 0, 0, 0, 7, 7, 0, 0, 8]);
  bytes.writeUInt32BE(about, 20);
  bytes.set(metrics, 24);
  return bytes;
}

t.test('the VoIP metrics that a party reports are in the statistics of its leg', async (t) => {
  const { session, parties } = await converseThrough(t, client, PCMA, PCMA);
  await session.configure(0, { ...towards(parties[0], PCMA), rtcpMux: true });
  await parties[1].send(session.ports[1], {
    marker: false,
    payloadType: 8,
    sequenceNumber: 1,
    timestamp: 0,
    ssrc: 9,
    payload,
  });
  const [heard] = await parties[0].hear(1);
  const ours = heard?.ssrc ?? 0;
  const told = async (reports: number): Promise<LegStatistics> =>
    eventually(async () => {
      const [first] = await session.statistics();
      return first.rtcpReceived === reports ? first : undefined;
    }, 'what the party reported');
  // Rates, density and length of bursts and gaps, delays, levels, scores, the jitter buffer.
  const rates = [32, 16, 200, 1, 0x01, 0x2c, 0x03, 0xe8];
  const delays = [0x01, 0x04, 0x00, 0x46, 0xf0, 0xba, 55, 16];
  const buffer = [0xa0, 0, 0x00, 0x3c, 0x00, 0x50, 0x01, 0x2c];
  await parties[0].send(session.ports[0], metricsReport(ours, [...rates, ...delays, 91, 127, 42, 127, ...buffer]));
  const { remote } = await told(1);
  t.same(
    remote,
    {
      metrics: {
        lossRatio: 0.125,
        discardRatio: 0.0625,
        roundTripMs: 260,
        endSystemMs: 70,
        jitterBufferMs: 60,
        rating: 91,
        listeningOpinion: 4.2,
      },
    },
    'a score that it does not have is absent',
  );
  await parties[0].send(
    session.ports[0],
    metricsReport(ours + 1, [0, 0, ...rates.slice(2), ...delays, 1, 1, 10, 10, ...buffer]),
  );
  t.same((await told(2)).remote, remote, 'what it says of another stream is not of ours');
  await parties[0].send(
    session.ports[0],
    metricsReport(ours, [0, 0, ...rates.slice(2), ...delays, 127, 127, 127, 31, ...buffer]),
  );
  const { metrics } = (await told(3)).remote ?? {};
  t.match(metrics, { lossRatio: 0, discardRatio: 0, conversationalOpinion: 3.1 }, 'the newest counts');
  t.notOk(metrics && ('rating' in metrics || 'listeningOpinion' in metrics));
  t.equal((await session.statistics())[1].remote, undefined, 'of the other leg nothing is said');
});

t.test('a leg that should receive and does not is told, and so is its return', async (t) => {
  const { session, parties } = await converseThrough(t, client, PCMA, PCMA);
  const events: MediaEvent[] = [];
  session.onEvent((event) => events.push(event));
  await session.configure(0, { ...towards(parties[0], PCMA), silenceMs: 200 });
  await eventually(() => events.find(({ kind }) => kind === 'silent'), 'silence');
  await parties[0].send(session.ports[0], {
    marker: false,
    payloadType: 8,
    sequenceNumber: 1,
    timestamp: 0,
    ssrc: 7,
    payload,
  });
  await eventually(() => events.find(({ kind }) => kind === 'heard'), 'the return');
  t.match(events[0], { kind: 'silent', session: session.id, leg: 0 });
});

t.test('reports of a party that pauses say that it is there; those of another do not', async (t) => {
  const { session, parties } = await converseThrough(t, client, PCMA, PCMA);
  const told: string[] = [];
  session.onEvent(({ kind, ...event }) => {
    if ('leg' in event) told.push(`${kind} ${event.leg}`);
  });
  const muxed = { rtcpMux: true, silenceMs: 200 };
  await session.configure(0, { ...towards(parties[0], PCMA), ...muxed, comfortNoisePayloadType: 13 });
  await session.configure(1, { ...towards(parties[1], PCMA), ...muxed });
  await eventually(() => (told.length === 2 ? told : undefined), 'silence of both');
  for (const leg of [1, 0] as const) {
    await parties[leg].send(session.ports[leg], report(1, { lost: 0, lastReport: 0, delay: 0 }));
  }
  await eventually(() => told.find((each) => each === 'heard 0'), 'the one that pauses');
  const [, other] = await session.statistics();
  t.equal(other.rtcpReceived, 1, 'the report of the other has come too');
  t.notOk(told.includes('heard 1'));
});

t.test('parameters that name no such way are refused', async (t) => {
  const { session, parties } = await converseThrough(t, client, PCMA, PCMA);
  for (const wrong of [
    { dscp: 64 },
    { rtcpPort: 0 },
    { rtcpAddress: 'example.org' },
    { silenceMs: 0 },
    { silenceMs: 1e9 },
  ]) {
    await t.rejects(session.configure(0, { ...towards(parties[0], PCMA), ...wrong }), { code: 'MEDIA_PARAMETERS' });
  }
  await t.rejects(session.configure(0, { ...towards(parties[0], PCMA), rtcpAddress: '::1' }), {
    code: 'MEDIA_ADDRESS',
  });
});
