/** What a phone agrees on anew in mid-call is what both hear by from then on. */
import type { Phone } from '../support/phone/phone.ts';
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
