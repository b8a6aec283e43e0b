import type { PhoneOptions } from '../support/phone/phone.ts';
import { officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

const IPV6: Partial<PhoneOptions> = { localAddress: '::1' };

officeTest('A-law on IPv4 calls G.729 on IPv6: both hear each other, keys pass, ports are freed', async (t, office) => {
  const reception = await office.registered('201', { codecs: ['PCMA'] });
  const workshop = await office.registered('202', { ...IPV6, codecs: ['G729'] });
  t.same(await office.takenMediaPorts(), [], 'no port is held before the call');
  await reception.invite('202');
  t.match(await workshop.incomingCall(), { fromUri: /^sips?:201@/, fromName: 'Reception', offered: /G729/ });
  t.equal(await reception.ringing(), 180);
  const [outcome] = await Promise.all([reception.answered(), workshop.answer()]);
  t.match(outcome, { status: 200, codec: 'PCMA' });
  await talk(t, reception, workshop);
  await reception.pressKey('5');
  t.match(await workshop.receivesKey('5'), { digit: '5', endPackets: 3 });
  await workshop.pressKey('#');
  t.match(await reception.receivesKey('#'), { digit: '#' });

  const { first, last } = office.ringdown.mediaPorts;
  for (const phone of [reception, workshop]) {
    const { sources, payloadTypes } = await phone.heard();
    t.equal(sources.length, 1, `the box sends from one port, and nobody else from another: ${sources.join(', ')}`);
    const port = Number(sources[0]?.split(' ')[1]);
    t.ok(port >= first && port <= last, `${port} is a media port`);
    t.ok(payloadTypes.length <= 2, 'audio and telephone-event alone');
  }
  t.ok((await office.takenMediaPorts()).length >= 2, 'the call holds ports');
  const [status] = await Promise.all([reception.bye(), workshop.ended()]);
  t.equal(status, 200);
  t.same(await office.mediaPortsLeft(), [], 'no port is held after the call');
});

const pairs: readonly (readonly [string, Partial<PhoneOptions>, Partial<PhoneOptions>])[] = [
  ['G.729 to mu-law, TCP to UDP', { ...IPV6, codecs: ['G729'], transport: 'tcp' }, { codecs: ['PCMU'] }],
  ['A-law to A-law, UDP to TCP', { codecs: ['PCMA'] }, { codecs: ['PCMA'], transport: 'tcp' }],
  ['mu-law to A-law, MD5', { codecs: ['PCMU'], algorithms: ['MD5'] }, { codecs: ['PCMA'], algorithms: ['MD5'] }],
  ['G.729 to G.729', { codecs: ['G729'] }, { ...IPV6, codecs: ['G729'] }],
];
for (const [name, caller, callee] of pairs) {
  officeTest(`${name}; the called side hangs up`, async (t, office) => {
    const left = await office.registered('201', caller);
    const right = await office.registered('202', { ...callee, incoming: 'answer' });
    t.match(await left.call('202'), { status: 200, codec: caller.codecs?.[0] });
    await talk(t, left, right);
    const [status] = await Promise.all([right.bye(), left.ended()]);
    t.equal(status, 200);
    t.same(await office.mediaPortsLeft(), []);
  });
}

for (const other of ['PCMA', 'G729', 'G722'] as const) {
  officeTest(`G.722, where it is enabled, to ${other}`, async (t, office) => {
    await configure(office.ringdown, ['system.media.codecs', 'G722,PCMA,PCMU,G729']);
    const left = await office.registered('201', { codecs: ['G722'] });
    const right = await office.registered('202', { ...IPV6, codecs: [other], incoming: 'answer' });
    t.match(await left.call('202'), { status: 200, codec: 'G722' });
    await talk(t, left, right);
    await Promise.all([left.bye(), right.ended()]);
  });
}

officeTest('more calls one after the other than there are ports', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202', { ...IPV6, codecs: ['G729'], incoming: 'answer' });
  const { first, last } = office.ringdown.mediaPorts;
  // Each call takes two ports or more.
  const calls = (last - first + 1) / 2 + 1;
  let answered = 0;
  for (let count = 0; count < calls; count += 1) {
    if ((await left.call('202')).status === 200) answered += 1;
    await Promise.all([left.bye(), right.ended()]);
  }
  t.equal(answered, calls);
  t.same(await office.mediaPortsLeft(), []);
});
