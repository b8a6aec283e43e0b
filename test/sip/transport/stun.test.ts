import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  answerStun,
  isStun,
  MAX_STUN_BYTES,
  parseStun,
  type StunAttribute,
  serializeStun,
  xorMappedAddress,
} from '../../../firmware/sip/transport/stun.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { openStack } from '../support/stacks.ts';

/** The vectors of RFC 5769 §2. */
const vector = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, '..', 'fixtures', 'stun', `${name}.dat`));

const TRANSACTION = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');

function request(attributes: readonly StunAttribute[] = [], hasFingerprint = false, type = 1): Buffer {
  return serializeStun({ type, transactionId: TRANSACTION, attributes, hasFingerprint });
}

t.test('the vectors of RFC 5769 are read, and their FINGERPRINT checked', async (t) => {
  for (const name of ['request', 'response-ipv4', 'response-ipv6', 'request-long-term']) {
    const bytes = vector(name);
    t.ok(isStun(bytes), name);
    const message = parseStun(bytes);
    t.equal(message?.hasFingerprint, name !== 'request-long-term', name);
    if (message === undefined || !message.hasFingerprint) continue;
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      // Without its type it is another attribute, and the message has none.
      t.not(parseStun(damaged)?.hasFingerprint, true, `${name} damaged at ${at}`);
    }
  }
});

t.test('XOR-MAPPED-ADDRESS as RFC 5769 §2.2 and §2.3 have it', async (t) => {
  const cases = [
    ['response-ipv4', '192.0.2.1'],
    ['response-ipv6', '2001:db8:1234:5678:11:2233:4455:6677'],
  ] as const;
  for (const [name, address] of cases) {
    const attribute = parseStun(vector(name))?.attributes.find(({ type }) => type === 0x0020);
    t.same(xorMappedAddress(address, 32853, TRANSACTION), attribute?.value, name);
  }
  const forms = [
    ['::1', '0:0:0:0:0:0:0:1'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
    ['::ffff:192.0.2.1', '0:0:0:0:0:ffff:c000:201'],
    ['2001:db8::', '2001:db8:0:0:0:0:0:0'],
  ] as const;
  for (const [short, long] of forms) {
    t.same(xorMappedAddress(short, 1, TRANSACTION), xorMappedAddress(long, 1, TRANSACTION), short);
  }
  t.equal(xorMappedAddress('phone.example', 1, TRANSACTION), undefined);
});

t.test('a message is serialised as the vector, save for the padding', async (t) => {
  for (const name of ['response-ipv4', 'response-ipv6', 'request-long-term']) {
    const message = parseStun(vector(name));
    if (message === undefined) throw new Error(`${name} was not read`);
    t.same(parseStun(serializeStun(message)), message, name);
  }
});

t.test('what is answered, and how', async (t) => {
  const answer = (bytes: Buffer) => {
    const given = answerStun(bytes, '192.0.2.1', 32853);
    return given === undefined ? undefined : parseStun(given);
  };
  const plain = answer(request());
  t.match(plain, { type: 0x0101, hasFingerprint: false, attributes: [{ type: 0x0020 }] });
  t.same(plain?.transactionId, TRANSACTION);
  t.same(plain?.attributes[0]?.value, xorMappedAddress('192.0.2.1', 32853, TRANSACTION));
  t.match(answer(request([], true)), { type: 0x0101, hasFingerprint: true }, 'FINGERPRINT is answered with one');
  t.match(answer(vector('request-long-term')), { type: 0x0101 }, 'credentials are not asked for');
  t.match(answer(request([{ type: 0x8022, value: Buffer.from('abc') }])), { type: 0x0101 }, 'optional: SOFTWARE');

  const refused = answer(vector('request'));
  t.match(refused, { type: 0x0111, hasFingerprint: true, attributes: [{ type: 0x0009 }, { type: 0x000a }] });
  t.same(refused?.attributes[0]?.value.subarray(0, 4), Buffer.from([0, 0, 4, 20]), '420');
  t.same(refused?.attributes[1]?.value, Buffer.from([0x00, 0x24]), 'PRIORITY must be understood, and is not');

  t.equal(answer(request([], false, 0x0011)), undefined, 'an indication');
  t.equal(answer(request([], false, 0x0003)), undefined, 'another method');
  t.equal(answer(vector('response-ipv4')), undefined, 'a response');
  const cut = request([{ type: 0x8022, value: Buffer.alloc(8) }]);
  for (let length = 0; length < cut.length; length += 1) t.equal(answer(cut.subarray(0, length)), undefined);
  const many = Array.from({ length: 200 }, () => ({ type: 0x7000, value: Buffer.alloc(0) }));
  t.equal(answer(request(many)), undefined, 'longer than any');
});

t.test('no answer is much longer than its request, whatever that is', async (t) => {
  for (let count = 0; count <= 132; count += 1) {
    for (const type of [0x7000, 0x8022]) {
      for (const hasFingerprint of [false, true]) {
        const attributes = Array.from({ length: count }, () => ({ type, value: Buffer.alloc(0) }));
        const bytes = request(attributes, hasFingerprint);
        const answer = answerStun(bytes, '2001:db8::1', 5060);
        t.equal(answer !== undefined, bytes.length <= MAX_STUN_BYTES, `${count}`);
        t.ok((answer?.length ?? 0) <= 2.2 * bytes.length, `${answer?.length} for ${bytes.length}`);
      }
    }
  }
});

t.test('random bytes behind a right header make no harm', async (t) => {
  for (let round = 0; round < 5000; round += 1) {
    const bytes = Buffer.concat([request(), randomBytes((round % 30) * 4)]);
    bytes.writeUInt16BE(bytes.length - 20, 2);
    const answer = answerStun(bytes, '::1', 1);
    if (answer !== undefined) t.ok(answer.length <= 2.2 * bytes.length);
  }
});

for (const address of ['127.0.0.1', '::1']) {
  t.test(`a phone on ${address} keeps its way open with STUN on the SIP port (RFC 5626 §4.4.2)`, async (t) => {
    const { stack, port } = await openStack(['udp'], address);
    const peer = await RawPeer.udp(address, port('udp'));
    peer.send(request());
    const answer = parseStun(await peer.nextBytes());
    t.equal(answer?.type, 0x0101);
    t.same(answer?.attributes[0]?.value, xorMappedAddress(address, peer.port, TRANSACTION));
    peer.send(vector('response-ipv4'));
    peer.send(peer.request('OPTIONS', 'after'));
    t.match(await peer.next(), /^SIP\/2.0 200/, 'a response is not answered, SIP goes on');
    peer.close();
    await stack.close();
  });
}
