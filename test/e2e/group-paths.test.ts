/** Where a call to a hunt group goes that its members do not take, and that this is never the voicemail of one of them. */
import type { TestPhone } from '../support/phone/test-phone.ts';
import { hearEachOther, type Office, officeTest } from './office.ts';
import { configure } from './sipp-bench.ts';

/** Group 300 of the workshop, and 301 of the warehouse; the workshop has voicemail, and a short no-answer time. */
async function groups({ ringdown }: Office, settings: object): Promise<void> {
  await configure(ringdown, [
    ...['users.202.voicemail.enabled', 'on', 'users.202.noAnswerSeconds', '6'],
    ...['timeProfiles.Day', '{"override":"off"}'],
    ...['huntGroups.301', JSON.stringify({ name: 'Behind', members: [{ user: '203' }] })],
    ...[
      'huntGroups.300',
      JSON.stringify({ name: 'Shop', noAnswerSeconds: 6, members: [{ user: '202' }], ...settings }),
    ],
  ]);
}

async function talksTo(from: TestPhone, to: TestPhone): Promise<void> {
  await Promise.all([from.answered(), to.answer()]);
  await hearEachOther(from, to);
  await Promise.all([from.bye(), to.ended()]);
}

officeTest('overflow: after its time the next group rings, and the first one no more', async (t, office) => {
  await groups(office, { overflow: { seconds: 9, group: '301' } });
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true });
  await reception.invite('300');
  await workshop.incomingCall();
  // Beyond the no-answer times of the member and of the group: his voicemail would have answered.
  t.match(await warehouse.incomingCall(), { fromUri: /^sips?:201@/ });
  t.match(await warehouse.transcript(), /\r\nDiversion: [^\r]*sip:300@/);
  await workshop.ended();
  await talksTo(reception, warehouse);
});

officeTest('fallback: nobody of the group is there, or may take its calls: the next one rings', async (t, office) => {
  await groups(office, { overflow: { group: '301' } });
  const reception = await office.registered('201', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true });
  await reception.invite('300');
  await warehouse.incomingCall();
  await talksTo(reception, warehouse);
  const workshop = await office.registered('202');
  await groups(office, { overflow: { group: '301' }, members: [{ user: '202', enabled: false }] });
  await reception.invite('300');
  await warehouse.incomingCall();
  await talksTo(reception, warehouse);
  t.notMatch(await workshop.transcript(), 'INVITE sip', 'who takes no calls of the group does not ring');
});

officeTest('night service: by its time profile the group of the night rings, or that of the day', async (t, office) => {
  await groups(office, { nightService: { timeProfile: 'Day', group: '301' } });
  const reception = await office.registered('201', { takesOffers: true });
  const workshop = await office.registered('202', { takesOffers: true });
  const warehouse = await office.registered('203', { takesOffers: true });
  await reception.invite('300');
  await warehouse.incomingCall();
  await talksTo(reception, warehouse);
  t.notMatch(await workshop.transcript(), 'INVITE sip', 'it is night');
  await configure(office.ringdown, ['timeProfiles.Day.override', 'on']);
  await reception.invite('300');
  await workshop.incomingCall();
  await talksTo(reception, workshop);
});
