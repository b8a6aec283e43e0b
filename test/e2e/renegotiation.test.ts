/** What a phone agrees on anew in mid-call is what both hear by from then on. */
import type { Phone } from '../support/phone/phone.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

/** Each hears what the other plays, of which it has heard nothing before. */
async function hear(left: Phone, right: Phone, fromLeft: string, fromRight: string): Promise<void> {
  await Promise.all([left.play(fromLeft), right.play(fromRight)]);
  await Promise.all([left.hears(fromRight), right.hears(fromLeft)]);
}

officeTest('a phone offers another codec alone, again and again: both hear each other by it', async (t, office) => {
  await configure(office.ringdown, ['system.media.codecs', 'PCMA,PCMU,G729,G722']);
  const caller = await office.registered('201');
  const called = await office.registered('202', { incoming: 'answer' });
  t.match(await caller.call('202'), { status: 200, codec: 'PCMA' });
  await hear(caller, called, 'adbfc', 'fcebd');
  const change = { status: 200 };
  t.match(await caller.offerAgain('sendrecv', { codecs: ['G729'] }), { ...change, codec: 'G729' });
  await hear(caller, called, 'bdaec', 'cafdb');
  t.match(await caller.offerAgain('sendrecv', { codecs: ['G722'] }), { ...change, codec: 'G722' });
  await hear(caller, called, 'ecadf', 'dbfae');
  t.match(await called.offerAgain('sendrecv', { codecs: ['PCMU'] }), { ...change, codec: 'PCMU' });
  await hear(caller, called, 'fabce', 'dbcfa');
  t.match(
    await called.offerAgain('sendrecv', { codecs: ['G729', 'PCMU'] }),
    { ...change, codec: 'PCMU' },
    'the one in use is kept where it is offered',
  );
  for (const { malformed } of [await caller.heard(), await called.heard()]) t.equal(malformed, 0);
  await Promise.all([caller.bye(), called.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('another codec while media go past the box: they come back, and go again with it', async (t, office) => {
  const caller = await office.registered('201', { takesOffers: true });
  const called = await office.registered('202', { takesOffers: true, incoming: 'answer' });
  await caller.call('202');
  await office.ringdown.logs(/"isDirect":true/, 10_000);
  await hear(caller, called, 'adbfc', 'fcebd');
  t.match(await caller.offerAgain('sendrecv', { codecs: ['G729'] }), { status: 200, codec: 'G729' });
  await office.ringdown.logs(/"isDirect":true[\s\S]*"isDirect":false/, 10_000);
  await hear(caller, called, 'bdaec', 'cafdb');
  t.match(await called.offerAgain('sendrecv', { codecs: ['G729'] }), { status: 200, codec: 'G729' });
  await office.ringdown.logs(/"isDirect":true[\s\S]*"isDirect":false[\s\S]*"isDirect":true/, 10_000);
  await hear(caller, called, 'ecadf', 'dbfae');
  t.equal((await called.heard()).latestSource, caller.media);
  t.equal((await caller.heard()).latestSource, called.media);
  await Promise.all([caller.bye(), called.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

/** Waits until nothing comes from one to the other while it plays: 25 packets and more. */
async function heardNoMore(from: TestPhone, to: TestPhone): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (let before = -1, { packets } = await to.heard(); before !== packets; { packets } = await to.heard()) {
    if (performance.now() > deadline) throw new Error('it is still heard');
    before = packets;
    await from.play('a');
  }
}

for (const [title, who] of [
  ['the caller', 0],
  ['who was called', 1],
] as const) {
  officeTest(`SRTP: ${title} offers another key, and that one is taken alone in the end`, async (t, office) => {
    await configure(office.ringdown, ['system.media.security', 'enforced']);
    const caller = await office.registered('201', { srtp: 'required' });
    const called = await office.registered('202', { srtp: 'required', incoming: 'answer' });
    await caller.call('202');
    await hear(caller, called, 'adbfc', 'fcebd');
    const [own, other] = who === 0 ? [caller, called] : [called, caller];
    t.equal((await own.offerAgain('sendrecv', { rekeys: true })).status, 200);
    await hear(caller, called, 'bdaec', 'cafdb');
    own.stream.sendsUnderFormerKey = true;
    await heardNoMore(own, other);
    own.stream.sendsUnderFormerKey = false;
    await hear(caller, called, 'ecadf', 'ecbfa');
    t.equal((await own.offerAgain('sendrecv', { rekeys: true })).status, 200, 'and once more');
    await hear(caller, called, 'afebd', 'dfcad');
    const keys = new Set((await own.transcript()).match(/(?<= sent[^\]]*\]\n[^[]*inline:)[A-Za-z0-9+/=]+/g));
    t.equal(keys.size, 3, 'a key each time');
    for (const { malformed } of [await caller.heard(), await called.heard()]) t.equal(malformed, 0);
    await Promise.all([caller.bye(), called.ended()]);
    t.same(await office.mediaPortsLeft(), []);
  });
}
