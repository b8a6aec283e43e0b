import t from 'tap';
import type { SrtpSuite } from '../../firmware/media/protocol.ts';
import { masterKey, SrtpPeer } from '../support/srtp-peer.ts';
import { converse, eventually, hurriedClock, PCMA, PCMU } from './conversation.ts';
import type { Party } from './party.ts';

const PACKET_MS = 20;
const payload = Buffer.alloc(160, 0xd5);

interface Speaker {
  readonly stop: () => void;
}

/** Speaks without a pause, over the wrap of its sequence number: 50 packets a second. */
function speak(party: Party, port: () => number, ssrc: number, payloadType: number): Speaker {
  let sequenceNumber = 65_480;
  const timer = setInterval(() => {
    const timestamp = sequenceNumber * 160;
    const packet = { marker: false, payloadType, sequenceNumber: sequenceNumber & 0xffff, timestamp, ssrc, payload };
    sequenceNumber += 1;
    void party.send(port(), packet);
  }, PACKET_MS);
  return { stop: () => clearInterval(timer) };
}

function secure(
  party: Party,
  suite: SrtpSuite,
  seed: number,
): { receiveKey: string; sendKey: string; suite: SrtpSuite } {
  const srtp = { suite, receiveKey: masterKey(suite, seed), sendKey: masterKey(suite, seed + 1) };
  const ours = new SrtpPeer(suite, srtp.receiveKey);
  const theirs = new SrtpPeer(suite, srtp.sendKey);
  party.transform = { protect: (packet) => ours.protect(packet), unprotect: (packet) => theirs.unprotect(packet) };
  return srtp;
}

const CALLS = [
  { title: 'RTP', suites: undefined },
  { title: 'SRTP on both legs', suites: ['AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_256_GCM'] },
] as const;

for (const { title, suites } of CALLS) {
  t.test(`${title}: a call goes on in another worker with its SSRCs, numbers and keys, and a gap`, async (t) => {
    const { client, session, parties } = await converse(t, PCMA, PCMU, hurriedClock);
    const base = parties.map(({ address, port }) => ({
      remoteAddress: address,
      remotePort: port,
      direction: 'sendrecv' as const,
    }));
    if (suites !== undefined && base[0] !== undefined && base[1] !== undefined) {
      await session.configure(0, { ...base[0], ...PCMA, srtp: secure(parties[0], suites[0], 1) });
      await session.configure(1, { ...base[1], ...PCMU, srtp: secure(parties[1], suites[1], 60) });
    }
    const speakers = [speak(parties[0], () => session.ports[0], 7, 8), speak(parties[1], () => session.ports[1], 9, 0)];
    t.teardown(() => {
      for (const { stop } of speakers) stop();
    });
    // Two seconds: snapshots were taken, and numbers have wrapped.
    await Promise.all(parties.map((party) => party.hear(100, 20_000)));
    await eventually(() => client.standbyPid, 'a standby');

    const before = parties.map(({ heard }) => heard.length);
    const former = client.workerPid;
    if (former === undefined) throw new Error('no worker');
    process.kill(former, 'SIGKILL');
    await eventually(() => (client.workerPid !== former && client.state === 'running') || undefined, 'the next worker');
    await Promise.all(parties.map((party, index) => party.hear((before[index] ?? 0) + 60, 20_000)));

    for (const [index, party] of parties.entries()) {
      const { heard } = party;
      t.equal(party.refused, 0, 'all of it authenticates, and nothing is there twice');
      t.equal(new Set(heard.map(({ ssrc }) => ssrc)).size, 1, 'one SSRC');
      const steps = heard
        .slice(1)
        .map(({ sequenceNumber }, at) => (sequenceNumber - (heard[at]?.sequenceNumber ?? 0)) & 0xffff);
      const jumps = steps.filter((step) => step !== 1);
      t.equal(jumps.length, 1, `party ${index} sees one gap, of ${jumps}`);
      t.ok((jumps[0] ?? 0) < 3000, 'that RFC 3550 A.1 takes for one');
      const gapAt = steps.findIndex((step) => step !== 1);
      const passed = ((heard[gapAt + 1]?.timestamp ?? 0) - (heard[gapAt]?.timestamp ?? 0)) / 8;
      t.ok(passed > 0 && passed < 10_000, `its time went on by ${passed} ms`);
    }
  });
}
