import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { authorization, chooseChallenge, parseChallenge } from './digest.ts';
import type { Phone, PhoneOptions } from './phone.ts';
import { RemotePhone } from './remote-phone.ts';
import { TestPhone } from './test-phone.ts';

/** Port 9 of the loopback address: no call here goes to a server. */
const BASE = { password: 'secret', serverPort: 9 } as const;
const ALICE: PhoneOptions = {
  ...BASE,
  user: 'alice',
  localAddress: '127.0.0.1',
  server: '127.0.0.1',
  codecs: ['PCMA', 'G729'],
};
const BOB: PhoneOptions = { ...ALICE, user: 'bob' };

async function start(t: Test, options: PhoneOptions): Promise<TestPhone> {
  const phone = await TestPhone.start(options);
  t.teardown(() => phone.close());
  return phone;
}

const kinds: readonly (readonly [string, Partial<PhoneOptions>, Partial<PhoneOptions>])[] = [
  ['UDP, IPv4, A-law', { codecs: ['PCMA'] }, {}],
  [
    'UDP, IPv6, G.729',
    { localAddress: '::1', server: '::1', codecs: ['G729'] },
    { localAddress: '::1', server: '::1' },
  ],
  ['TCP, IPv4, mu-law', { transport: 'tcp', codecs: ['PCMU'] }, { transport: 'tcp', codecs: ['PCMU'] }],
  [
    'TCP, IPv6, A-law',
    { transport: 'tcp', localAddress: '::1', server: '::1' },
    { transport: 'tcp', localAddress: '::1', server: '::1' },
  ],
];

for (const [name, caller, callee] of kinds) {
  t.test(`two phones call each other: ${name}`, async (t) => {
    const alice = await start(t, { ...ALICE, ...caller });
    const bob = await start(t, { ...BOB, ...callee });
    await alice.invite(bob.contactUri);
    t.match(await bob.incomingCall(), { fromUri: /alice/, offered: [...(caller.codecs ?? ALICE.codecs)] });
    t.equal(await alice.ringing(), 180);
    const [outcome] = await Promise.all([alice.answered(), bob.answer()]);
    t.match(outcome, { status: 200, codec: (caller.codecs ?? ALICE.codecs)[0] });
    await Promise.all([alice.play('adbfc'), bob.play('fcebd')]);
    const [toAlice, toBob] = await Promise.all([alice.hears('fcebd'), bob.hears('adbfc')]);
    t.match(toAlice, { notes: 'fcebd', lost: 0, malformed: 0, ssrcs: 1 });
    t.match(toBob, { notes: 'adbfc', lost: 0, malformed: 0, ssrcs: 1 });
    await alice.pressKey('5');
    t.match(await bob.receivesKey('5'), { digit: '5', durationMs: 160, packets: 10, endPackets: 3 });
    const [status] = await Promise.all([bob.bye(), alice.ended()]);
    t.equal(status, 200);
  });
}

t.test('the caller cancels', async (t) => {
  const alice = await start(t, ALICE);
  const bob = await start(t, BOB);
  await alice.invite(bob.contactUri);
  await bob.incomingCall();
  t.match(await alice.cancel(), { status: 487 });
  await bob.ended();
});

t.test('a call is refused, and the next one is taken', async (t) => {
  const alice = await start(t, ALICE);
  const bob = await start(t, BOB);
  await alice.invite(bob.contactUri);
  await bob.incomingCall();
  await bob.reject(486);
  t.match(await alice.answered(), { status: 486, statuses: [100, 180, 486] });
  await alice.invite(bob.contactUri);
  await bob.incomingCall();
  await Promise.all([alice.answered(), bob.answer()]);
  const carol = await start(t, { ...ALICE, user: 'carol' });
  t.match(await carol.call(bob.contactUri), { status: 486 }, 'busy');
  await Promise.all([alice.bye(), bob.ended()]);
});

t.test('no common codec', async (t) => {
  const alice = await start(t, { ...ALICE, codecs: ['PCMU'] });
  const bob = await start(t, { ...BOB, incoming: 'ring' });
  await alice.invite(bob.contactUri);
  await bob.incomingCall();
  await t.rejects(bob.answer(), /no codec/);
  t.match(await alice.answered(), { status: 488 });
});

t.test('what is not heard is reported with what was', async (t) => {
  const alice = await start(t, ALICE);
  const bob = await start(t, { ...BOB, incoming: 'answer' });
  await alice.call(bob.contactUri);
  await alice.play('abcde');
  await t.rejects(bob.hears('edcba', 500), /bob: waiting for bob to hear edcba; heard so far \{"notes":"abcde?/);
  await t.rejects(bob.receivesKey('1', 50), /the key 1: not within 50 ms/);
});

t.test('no answer is a time-out, and the INVITE is sent again', async (t) => {
  const silent = createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const alice = await start(t, ALICE);
  await alice.invite(`sip:nobody@127.0.0.1:${silent.address().port}`);
  const first = (await once(silent, 'message'))[0];
  const second = (await once(silent, 'message'))[0];
  t.same(second, first, 'the same bytes again');
  await t.rejects(alice.answered(10), /not within 10 ms[\s\S]*INVITE sip:nobody/);
});

t.test('a phone in a process of its own', async (t) => {
  const alice: Phone = await RemotePhone.start({ ...ALICE, codecs: ['PCMA'] });
  t.teardown(() => alice.close());
  const bob = await start(t, { ...BOB, incoming: 'answer' });
  t.match(await alice.call(bob.contactUri), { status: 200, codec: 'PCMA' });
  await alice.play('adbfc');
  t.match(await bob.hears('adbfc'), { notes: 'adbfc' });
  await t.rejects(alice.hears('abc', 10), /heard so far/);
  await Promise.all([alice.bye(), bob.ended()]);
  t.match(await alice.transcript(), /BYE sip:bob/);
});

t.test('RFC 7616 §3.9.1: the example, with both algorithms', async (t) => {
  const offered = (algorithm: string): string =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const use = {
    username: 'Mufasa',
    password: 'Circle of Life',
    method: 'GET',
    uri: '/dir/index.html',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  };
  const responses = {
    MD5: '8ca523f5e9506fed4657c9700eebdbec',
    'SHA-256': '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  };
  const challenges = [];
  for (const [algorithm, response] of Object.entries(responses)) {
    const challenge = parseChallenge(offered(algorithm));
    if (challenge === undefined) throw new Error('not read');
    t.match(authorization(challenge, use), `response="${response}"`);
    challenges.push(challenge);
  }
  t.equal(chooseChallenge(challenges, ['SHA-256', 'MD5'])?.algorithm, 'SHA-256');
  t.equal(chooseChallenge(challenges, ['MD5'])?.algorithm, 'MD5');
  t.equal(parseChallenge(offered('SHA-512-256')), undefined);
  t.equal(parseChallenge('Basic realm="x"'), undefined);
});
