/** The media worker dies in a conference, in paging and in an announcement: who is there hears it again, or is hung up on. */
import type { TestPhone } from '../support/phone/test-phone.ts';
import { runRingdown } from '../support/ringdown.ts';
import { carriers, everyLine, isFree } from './carriers.ts';
import { loseWorker, nothingLeft, relayed, talking } from './lost-worker.ts';
import { conversation, hearEachOther, officeTest, press, three } from './office.ts';
import { configure } from './sipp-bench.ts';

officeTest('the media worker dies in a conference: all hear each other again', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  await conversation(reception, workshop, '202');
  const second = await office.phone('201', { takesOffers: true });
  await conversation(second, warehouse, '203');
  const third = await office.phone('201', { takesOffers: true });
  t.equal((await third.call('*47')).status, 200);
  await Promise.all([reception.ended(), second.ended()]);
  await hearEachOther(third, workshop);
  await loseWorker(t, office);
  await hearEachOther(workshop, third);
  await warehouse.play('cdabe');
  await Promise.all([third.hears('cdabe'), workshop.hears('cdabe')]);
  await Promise.all([third.bye(), warehouse.bye()]);
  await workshop.ended();
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies while somebody waits alone in a conference: music, then the others',
  async (t, office) => {
    await configure(office.ringdown, ['system.telephony.conferenceCentre', 'ConfServer']);
    const [reception, workshop] = await three(office);
    t.match(await reception.call('ConfServer'), { status: 200 });
    await reception.hearsSound();
    await loseWorker(t, office);
    await reception.hearsSound();
    t.match(await workshop.call(roomOf(reception)), { status: 200 });
    await hearEachOther(reception, workshop);
    await Promise.all([reception.bye(), workshop.ended()]);
    await nothingLeft(t, office);
  },
);

const roomOf = (phone: TestPhone): string => /<(sip:[^>;]+)/.exec(phone.answerContact)?.[1] ?? '';

officeTest(
  'the media worker dies while the PIN of a conference is asked: its keys are heard, and it is let in',
  async (t, office) => {
    await configure(office.ringdown, ['system.telephony.conferenceCentre', 'ConfServer']);
    const pin = ['config', 'set', 'users.201.conferencePin', '-', '--data', office.ringdown.dataDirectory];
    t.equal((await runRingdown(pin, '471147\n')).status, 0);
    const [reception, workshop] = await three(office);
    t.match(await reception.call('ConfServer'), { status: 200 });
    t.match(await workshop.call(roomOf(reception)), { status: 200 });
    await workshop.hearsSound();
    await press(workshop, '47');
    await loseWorker(t, office);
    await press(workshop, '*471147#');
    await hearEachOther(reception, workshop);
    await press(reception, '*9');
    await Promise.all([reception.ended(), workshop.ended()]);
    await nothingLeft(t, office);
  },
);

officeTest(
  'the media worker dies while the PIN of a conference is asked: wrong keys are told, and end the call',
  async (t, office) => {
    await configure(office.ringdown, ['system.telephony.conferenceCentre', 'ConfServer']);
    const pin = ['config', 'set', 'users.201.conferencePin', '-', '--data', office.ringdown.dataDirectory];
    t.equal((await runRingdown(pin, '471147\n')).status, 0);
    const [reception, workshop] = await three(office);
    t.match(await reception.call('ConfServer'), { status: 200 });
    t.match(await workshop.call(roomOf(reception)), { status: 200 });
    await workshop.hearsSound();
    await loseWorker(t, office);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await workshop.pressKey('#');
      await workshop.hearsSound();
    }
    await workshop.ended();
    await reception.bye();
    await nothingLeft(t, office);
  },
);

officeTest(
  'the media worker dies in paging: the telephones hear who speaks again, and are not heard',
  async (t, office) => {
    const group = { name: 'Shop', members: [{ user: '202' }, { user: '203' }] };
    const code = { feature: 'dial-paging', telephoneNumber: 'N' };
    await configure(office.ringdown, [
      'huntGroups.300',
      JSON.stringify(group),
      'shortCodes.*70*N#',
      JSON.stringify(code),
    ]);
    const [reception, workshop, warehouse] = await three(office);
    t.match(await reception.call('*70*300#'), { status: 200 });
    await workshop.incomingCall();
    await workshop.answer();
    await warehouse.incomingCall();
    await reception.play('adbfc');
    await workshop.hears('adbfc');
    await loseWorker(t, office);
    // The one is in, the other comes in now.
    await warehouse.answer();
    await workshop.play('ebadc');
    await reception.play('cdabe');
    await Promise.all([workshop.hears('cdabe'), warehouse.hears('cdabe')]);
    t.notMatch((await reception.heard()).notes, 'ebadc');
    await Promise.all([reception.bye(), workshop.ended(), warehouse.ended()]);
    await nothingLeft(t, office);
  },
);

officeTest('the media worker dies while paging rings: it is heard ringing on', async (t, office) => {
  const code = { feature: 'dial-paging', telephoneNumber: 'N' };
  await configure(office.ringdown, ['shortCodes.*70*N#', JSON.stringify(code)]);
  const [reception, workshop] = await three(office);
  t.match(await reception.call('*70*202#'), { status: 200 });
  await workshop.incomingCall();
  await reception.hearsSound();
  await loseWorker(t, office);
  await reception.hearsSound();
  await workshop.reject(486);
  await reception.ended();
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies while somebody hears of an emergency: he hears it, and help is heard',
  async (t, office) => {
    const [carrier] = await carriers(office, {});
    await configure(office.ringdown, ['system.emergency.notify', '202']);
    const [reception, workshop] = await relayed(office);
    await talking(reception, carrier, '999');
    await workshop.incomingCall();
    await workshop.answer();
    await workshop.hearsSound();
    await loseWorker(t, office);
    await workshop.hearsSound();
    await workshop.ended();
    await hearEachOther(carrier, reception);
    await Promise.all([carrier.bye(), reception.ended()]);
    await everyLine(office, isFree);
    await nothingLeft(t, office);
  },
);
