/** What goes wrong in the signalling of calls: each ends, or goes on, and says why. What goes wrong with media: media-faults.test.ts. */
import { join } from 'node:path';
import { requestCommand } from '../../firmware/console/control.ts';
import { runRingdown } from '../support/ringdown.ts';
import { hearEachOther, type Office, officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

const ANYTHING = { takesOffers: true } as const;

/** Waits until the box holds no port for a call; those that it does, and the calls that it still has. */
async function left(office: Office): Promise<readonly string[]> {
  const held = await office.mediaPortsLeft(10_000);
  const { output } = await requestCommand(join(office.ringdown.dataDirectory, 'control.sock'), ['status']);
  const calls = /^\d+ calls?$/m.exec(output)?.[0] ?? `no line of calls in ${output}`;
  return calls === '0 calls' ? held : [...held, calls];
}

officeTest(
  'glare (491): offers of the box and of a phone cross, and media are direct all the same',
  async (t, office) => {
    const reception = await office.registered('201', ANYTHING);
    const workshop = await office.registered('202', ANYTHING);
    reception.faults = { collides: 'sendrecv' };
    workshop.faults = { collides: 'sendrecv' };
    await reception.invite('202');
    await workshop.incomingCall();
    await Promise.all([reception.answered(), workshop.answer()]);
    t.equal(await reception.collided(), 491, 'an offer of the box is open');
    // RFC 3261 §14.1: whoever called waits 2.1 s or longer, so the box, which was called, is first.
    await office.ringdown.logs(/"isDirect":true/, 30_000);
    await hearEachOther(reception, workshop);
    t.equal((await reception.offerAgain('sendonly')).status, 200, 'and it may offer again');
    await Promise.all([reception.bye(), workshop.ended()]);
    t.same(await left(office), []);
  },
);

officeTest('CANCEL and 200 cross: who cancels has the call, and hangs up', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  reception.faults = { holdsAck: true };
  await reception.invite('202');
  await workshop.incomingCall();
  await workshop.answer();
  await reception.answered();
  t.equal(await reception.cancelLate(), 200, 'RFC 3261 §9.2: it finds the INVITE answered');
  reception.acknowledge();
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await left(office), []);
});

officeTest('CANCEL and 200 cross: a device that answers after all is acknowledged, and gets BYE', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  workshop.faults = { answersCancel: true };
  await reception.invite('202');
  await workshop.incomingCall();
  t.match(await reception.cancel(), { status: 487 });
  await workshop.ended();
  t.match(await workshop.received(/\nACK sip/), 'ACK');
  t.same(await left(office), []);
});

officeTest('CANCEL and 200 cross: two devices of a user answer, and one of them has the call', async (t, office) => {
  const reception = await office.registered('201');
  const slow = await office.registered('202');
  const fast = await office.registered('202', { userAgent: 'Avaya Workplace/3.1 (Android 9)' });
  slow.faults = { answersCancel: true };
  await reception.invite('202');
  await Promise.all([slow.incomingCall(), fast.incomingCall()]);
  await Promise.all([reception.answered(), fast.answer()]);
  await slow.ended();
  await talk(t, reception, fast);
  await Promise.all([reception.bye(), fast.ended()]);
  t.same(await left(office), []);
});

officeTest('BYE before ACK: a caller hangs up before he acknowledges', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  reception.faults = { holdsAck: true };
  await reception.invite('202');
  await workshop.incomingCall();
  await Promise.all([reception.answered(), workshop.answer()]);
  t.equal(await reception.bye(), 200);
  await workshop.ended();
  reception.acknowledge();
  t.same(await left(office), []);
});

officeTest('BYE before ACK: a device answers and hangs up at once', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  await reception.invite('202');
  await workshop.incomingCall();
  t.equal(await workshop.answerAndLeave(), 200);
  t.match(await reception.answered(), { status: 200 }, 'it was answered');
  await reception.ended();
  t.same(await left(office), []);
});

officeTest('a re-INVITE during a transfer, of the party and of who transfers', async (t, office) => {
  const reception = await office.registered('201', ANYTHING);
  const workshop = await office.registered('202', ANYTHING);
  const warehouse = await office.registered('203', ANYTHING);
  await workshop.invite('201');
  await reception.incomingCall();
  await Promise.all([reception.answer(), workshop.answered()]);
  // The way of many phones: hold, and transfer while the answer to it is on its way.
  const [held, referred] = await Promise.all([reception.offerAgain('sendonly'), reception.refer('<sip:203@box>')]);
  t.same([held.status, referred], [200, 202]);
  await warehouse.incomingCall();
  t.equal((await workshop.offerAgain('sendonly')).status, 200, 'the party holds while it rings');
  t.equal((await reception.offerAgain('sendrecv')).status, 200);
  t.equal((await workshop.offerAgain('sendrecv')).status, 200);
  await warehouse.answer();
  await reception.notified(200);
  await reception.ended();
  await hearEachOther(workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
  t.same(await left(office), []);
});

officeTest('a fork with two 200s: the second is acknowledged and ended, and the call goes on', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  workshop.faults = { answersTwice: true };
  await reception.invite('202');
  await workshop.incomingCall();
  await Promise.all([reception.answered(), workshop.answer()]);
  await workshop.forkEnded();
  await talk(t, reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await left(office), []);
});

officeTest('a REFER to oneself is refused, and leaves the call as it was', async (t, office) => {
  const reception = await office.registered('201', ANYTHING);
  const workshop = await office.registered('202', ANYTHING);
  await reception.invite('202');
  await workshop.incomingCall();
  await Promise.all([reception.answered(), workshop.answer()]);
  t.equal(await reception.refer('<sip:201@box>'), 486, 'his own phone would ring for himself');
  const { callId, localTag, remoteTag } = reception.dialog;
  const own = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
  t.equal(await reception.refer(`<sip:202@box?Replaces=${own}>`), 481, 'nor does a call take its own place');
  t.equal(await reception.refer('<sip:202@box>'), 486, 'nor is the party called for itself');
  await hearEachOther(reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await left(office), []);
});

officeTest('loops of forwards end at once, with 482 and the reason', async (t, office) => {
  const { ringdown } = office;
  const forward = (from: string, to: string) => [
    `users.${from}.forwardUnconditional`,
    JSON.stringify({ enabled: true, number: to, huntGroupCalls: false }),
  ];
  await configure(ringdown, [...forward('202', '203'), ...forward('203', '202')]);
  const reception = await office.registered('201');
  const outcome = await reception.call('202');
  t.match(outcome, { status: 482, reason: 'Loop Detected' });
  t.match(await reception.received(/SIP\/2\.0 482/), /\nWarning: 399 \S+ "[^"]*202[^"]*203[^"]*"/, 'why, for people');
  await ringdown.logs(/"reason":"forward-loop"/, 5000);
  const explain = ['call', 'explain', '--from', '201', '--dial', '202', '--data', ringdown.dataDirectory];
  t.match(await runRingdown(explain), { stdout: /482/ });
  t.same(await left(office), []);
});

officeTest('loops of forwards end: a chain longer than the limit', async (t, office) => {
  const { ringdown } = office;
  const numbers = Array.from({ length: 10 }, (_each, index) => String(210 + index));
  for (const number of numbers) await ringdown.addExtension(number, `User ${number}`, 'only-for-tests');
  const links = numbers.map((number, index) => [number, numbers[index + 1] ?? '202'] as const);
  await configure(
    ringdown,
    links.flatMap(([from, to]) => [
      `users.${from}.forwardUnconditional`,
      JSON.stringify({ enabled: true, number: to, huntGroupCalls: false }),
    ]),
  );
  const reception = await office.registered('201');
  const workshop = await office.registered('202', { incoming: 'answer' });
  t.match(await reception.call('210'), { status: 482 });
  await ringdown.logs(/"reason":"too-many-forwards"/, 5000);
  t.match(await reception.call('215'), { status: 200 }, 'half of it is within the limit');
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await left(office), []);
});

const LOCAL = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'];
const unoffered: readonly (readonly [string, string])[] = [
  ['a codec that was not in the offer', [...LOCAL, 'm=audio 9000 RTP/AVP 9', 'a=rtpmap:9 G722/8000', ''].join('\r\n')],
  ['SRTP, where plain RTP was offered', [...LOCAL, 'm=audio 9000 RTP/SAVP 8', ''].join('\r\n')],
  ['video alone', [...LOCAL, 'm=video 9000 RTP/AVP 96', 'a=rtpmap:96 H264/90000', ''].join('\r\n')],
  ['audio refused', [...LOCAL, 'm=audio 0 RTP/AVP 8', ''].join('\r\n')],
  ['what is no description', 'this is not a session description'],
  ['nothing at all', ''],
];
officeTest('a phone that answers with SDP we never offered gets BYE, and the caller 488', async (t, office) => {
  const reception = await office.registered('201');
  const workshop = await office.registered('202');
  for (const [name, sdp] of unoffered) {
    workshop.faults = { answer: sdp };
    await reception.invite('202');
    await workshop.incomingCall();
    await workshop.answer();
    t.match(await reception.answered(), { status: 488 }, name);
    await workshop.ended();
  }
  workshop.faults = {};
  await reception.invite('202');
  await workshop.incomingCall();
  await Promise.all([reception.answered(), workshop.answer()]);
  await talk(t, reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await left(office), []);
});
