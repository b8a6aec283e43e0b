/** The media worker dies in every state of a call: whoever is in it hears something again, or is hung up on, and never silence. */
import type { Test } from 'tap';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { hearEachOther, type Office, officeTest, talk } from './office.ts';
import { configure } from './sipp-bench.ts';

const ANYTHING = { takesOffers: true } as const;

/** Kills the media worker, and waits until another one has taken its place. */
async function loseWorker(t: Test, { ringdown }: Office): Promise<void> {
  const before = ringdown.children();
  t.ok(before.length > 0, 'there is one');
  const lines = ringdown.log.length;
  for (const worker of before) process.kill(worker, 'SIGKILL');
  await ringdown.logs(/media worker lost, replacing it[\s\S]*media worker is back/, 20_000);
  t.ok(ringdown.log.length > lines);
}

async function phones(office: Office): Promise<readonly [TestPhone, TestPhone, TestPhone]> {
  return [
    await office.registered('201', ANYTHING),
    await office.registered('202', ANYTHING),
    await office.registered('203', ANYTHING),
  ];
}

async function connect(from: TestPhone, to: TestPhone, number: string): Promise<void> {
  await from.invite(number);
  await to.incomingCall();
  await Promise.all([from.answered(), to.answer()]);
}

async function relayed(office: Office): Promise<void> {
  await configure(office.ringdown, ['system.media.directMedia', 'false']);
}

officeTest('the media worker dies while a phone rings: it is answered, and both hear each other', async (t, office) => {
  await relayed(office);
  const [reception, workshop] = await phones(office);
  await reception.invite('202');
  await workshop.incomingCall();
  await loseWorker(t, office);
  await Promise.all([reception.answered(), workshop.answer()]);
  await talk(t, reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('the media worker dies in early media: what the phone sends is heard again', async (t, office) => {
  await relayed(office);
  const [reception, workshop] = await phones(office);
  await reception.invite('202');
  await workshop.incomingCall();
  await workshop.sendEarly();
  await reception.received(/SIP\/2\.0 183/);
  await Promise.all([workshop.play('adbfc'), reception.hears('adbfc')]);
  await loseWorker(t, office);
  await Promise.all([workshop.play('fcebd'), reception.hears('fcebd')]);
  await Promise.all([reception.answered(), workshop.answer()]);
  await hearEachOther(workshop, reception);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('the media worker dies in a conversation: both hear each other again', async (t, office) => {
  await relayed(office);
  const [reception, workshop] = await phones(office);
  await connect(reception, workshop, '202');
  await hearEachOther(reception, workshop);
  await loseWorker(t, office);
  await hearEachOther(workshop, reception);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('the media worker dies while one holds the other: music goes on, and both come back', async (t, office) => {
  await relayed(office);
  const [reception, workshop] = await phones(office);
  await connect(reception, workshop, '202');
  t.equal((await reception.offerAgain('sendonly')).status, 200);
  await workshop.hearsSound();
  await loseWorker(t, office);
  await workshop.hearsSound();
  t.equal((await reception.offerAgain('sendrecv')).status, 200);
  await hearEachOther(reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('the media worker dies while a call is parked: music goes on, and it is taken out', async (t, office) => {
  const [reception, workshop, warehouse] = await phones(office);
  await connect(workshop, reception, '201');
  t.equal(await reception.refer('<sip:*37*9%23@box>'), 202);
  await Promise.all([reception.notified(200), reception.ended()]);
  await workshop.hearsSound();
  await loseWorker(t, office);
  await workshop.hearsSound();
  t.match(await warehouse.call('*38*9#'), { status: 200 });
  await hearEachOther(workshop, warehouse);
  await Promise.all([warehouse.bye(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('the media worker dies in a conference: all hear each other again', async (t, office) => {
  const [reception, workshop, warehouse] = await phones(office);
  await connect(reception, workshop, '202');
  const second = await office.phone('201', ANYTHING);
  await connect(second, warehouse, '203');
  const third = await office.phone('201', ANYTHING);
  t.equal((await third.call('*47')).status, 200);
  await Promise.all([reception.ended(), second.ended()]);
  await hearEachOther(third, workshop);
  await loseWorker(t, office);
  await hearEachOther(workshop, third);
  await warehouse.play('cdabe');
  await Promise.all([third.hears('cdabe'), workshop.hears('cdabe')]);
  await Promise.all([third.bye(), warehouse.bye()]);
  await workshop.ended();
  t.same(await office.mediaPortsLeft(), []);
});

officeTest(
  'the media worker dies while somebody talks to a mailbox: words go on, and it hangs up',
  async (t, office) => {
    await configure(office.ringdown, ['users.202.voicemail.enabled', 'true']);
    const [reception] = await phones(office);
    const away = await office.phone('202');
    await away.register({ expiresSeconds: 0 });
    // In its greeting.
    t.match(await reception.call('202'), { status: 200 });
    await reception.hearsSound();
    await loseWorker(t, office);
    await reception.hearsSound();
    await reception.bye();
  },
);

officeTest('the media worker dies while somebody waits in a queue: music, and then a member', async (t, office) => {
  const group = { name: 'Sales', members: [{ user: '203' }], wrapUpSeconds: 0 };
  await configure(office.ringdown, ['huntGroups.300', JSON.stringify(group)]);
  const [reception, workshop, warehouse] = await phones(office);
  await connect(reception, warehouse, '300');
  t.match(await workshop.call('300'), { status: 200 });
  await workshop.hearsSound();
  await loseWorker(t, office);
  await workshop.hearsSound();
  await Promise.all([reception.bye(), warehouse.ended()]);
  await warehouse.incomingCall();
  await warehouse.answer();
  await hearEachOther(workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});
