import type { Test } from 'tap';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { runRingdown } from '../support/ringdown.ts';
import { type Office, officeTest } from './office.ts';

async function configure(t: Test, { ringdown }: Office, ...words: readonly string[]): Promise<void> {
  const { status, stderr } = await runRingdown(['config', 'set', ...words, '--data', ringdown.dataDirectory], '');
  t.equal(status, 0, stderr);
}

const roomOf = (phone: TestPhone): string => /<(sip:[^>;]+)/.exec(phone.answerContact)?.[1] ?? '';

officeTest(
  'three phones by the factory, REFER and Replaces: all hear each other; the owner mutes one, and drops him',
  async (t, office) => {
    await configure(t, office, 'system.telephony.conferenceCentre', 'ConfServer');
    const reception = await office.registered('201', { takesOffers: true, takesEvents: true });
    const workshop = await office.registered('202', { takesOffers: true, codecs: ['PCMU'] });
    const warehouse = await office.registered('203', { takesOffers: true, codecs: ['G729'], incoming: 'answer' });
    const consulting = await office.phone('201', { takesOffers: true });
    await Promise.all([consulting.call('202'), workshop.incomingCall().then(() => workshop.answer())]);
    t.match(await reception.call('ConfServer'), { status: 200 });
    t.match(reception.answerContact, ';isfocus');
    const room = roomOf(reception);
    t.equal(
      (await workshop.send('REFER', room, [['Refer-To', '<sip:203@box>']])).status,
      403,
      'not by who is not in it',
    );
    t.equal((await workshop.send('SUBSCRIBE', room, [['Event', 'conference']])).status, 403);
    const stranger = await office.phone('203', { password: 'not the password' });
    t.equal((await stranger.send('REFER', room, [['Refer-To', '<sip:203@box>']])).status, 401);
    t.match(await stranger.call(room), { status: 401 });
    t.equal((await reception.send('SUBSCRIBE', room, [['Event', 'conference']])).status, 200);
    const { callId, localTag, remoteTag } = consulting.dialog;
    const replaces = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
    t.equal(await reception.refer(`<sip:202@box?Replaces=${replaces}>`), 202);
    await Promise.all([reception.notified(200), consulting.ended()]);
    t.equal(await reception.refer('<sip:203@box>'), 202);
    await warehouse.incomingCall();
    await reception.notified(200, 15_000, 2);
    await hearEachOther([reception, workshop, warehouse]);

    await reception.event(({ body }) => /sip:203@.*connected/.test(body), 'the document with the third one');
    t.equal(await reception.refer('<sip:203@box;mute=on>'), 202);
    await reception.event(({ body }) => /sip:203@.*muted-via-focus/.test(body), 'the document with one muted');
    // Whoever is muted hears it said, and then all the others.
    await workshop.play('cafdecafdecafde');
    await warehouse.hears('cafde');
    await warehouse.play('eaeae');
    await reception.play('dcdcd');
    const heard = await workshop.hears('dcdcd');
    t.notMatch(heard.notes, 'eaeae', 'who is muted is not heard');

    t.equal(await reception.refer('<sip:203@box;method=BYE>'), 202);
    await warehouse.ended();
    await workshop.play('bebeb');
    await reception.hears('bebeb');
    await Promise.all([reception.bye(), workshop.ended()]);
    const isOver = ({ headers }: { readonly headers: readonly (readonly [string, string])[] }): boolean =>
      headers.some(([name, value]) => /^subscription-state$/i.test(name) && value.startsWith('terminated'));
    await reception.event(isOver, 'the end of the subscription');
    t.same(await office.mediaPortsLeft(), []);
  },
);

/** One after another says something of his own, which both others hear. */
async function hearEachOther(phones: readonly TestPhone[]): Promise<void> {
  const sequences = ['adbfc', 'fcebd', 'becda'] as const;
  for (const [index, speaker] of phones.entries()) {
    const sequence = sequences[index] ?? 'adbfc';
    await speaker.play(sequence);
    await Promise.all(phones.filter((phone) => phone !== speaker).map((phone) => phone.hears(sequence)));
  }
}

officeTest('a PIN is asked of whoever comes by himself: wrong three times it ends the call', async (t, office) => {
  await configure(t, office, 'system.telephony.conferenceCentre', 'ConfServer');
  const pin = ['config', 'set', 'users.201.conferencePin', '-', '--data', office.ringdown.dataDirectory];
  t.equal((await runRingdown(pin, '471147\n')).status, 0);
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  await reception.call('ConfServer');
  const room = roomOf(reception);
  t.match(await workshop.call(room), { status: 200 });
  const isEnded = workshop.ended().then(() => true);
  // Keys that are pressed while one is looked at do not count: more are pressed than three times.
  for (let attempt = 0; attempt < 20; attempt += 1) {
    await workshop.pressKey('0');
    await workshop.pressKey('#');
    if (await Promise.race([isEnded, workshop.pressKey('9').then(() => false)])) break;
  }
  t.ok(await isEnded, 'the box hangs up');
  t.match(await workshop.call(room), { status: 200 });
  for (const digit of '471147#') await workshop.pressKey(digit);
  await office.ringdown.logs(/wrong PIN of a conference/, 1000);
  await workshop.play('adbfcadbfc');
  await reception.hears('adbfc');
  for (const digit of '*9') await reception.pressKey(digit);
  await Promise.all([reception.ended(), workshop.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});
