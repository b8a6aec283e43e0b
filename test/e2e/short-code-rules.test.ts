/** What a user does by codes, each with telephones over sockets. */
import type { TestPhone } from '../support/phone/test-phone.ts';
import { runRingdown } from '../support/ringdown.ts';
import { carriers } from './carriers.ts';
import { conversation, hearEachOther, officeTest, three } from './office.ts';
import { configure } from './sipp-bench.ts';

const OTHER_DEVICE = { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)' };

const code = (dialled: string, feature: string, telephoneNumber = ''): readonly string[] => [
  `shortCodes.${dialled}`,
  JSON.stringify({ feature, telephoneNumber }),
];

/** The box answers, and hangs up once it has said by a tone what came of it. */
async function dial(phone: TestPhone, dialled: string): Promise<number> {
  const { status } = await phone.call(dialled);
  if (status === 200) await phone.ended();
  return status;
}

officeTest('overlap dialling: 484 to each part of a number or code, and the whole of it rings', async (t, office) => {
  const [reception, workshop] = await three(office);
  for (const part of ['2', '20', '*3', '*38*']) t.match(await reception.call(part), { status: 484 }, part);
  await reception.invite('202');
  await workshop.incomingCall();
  await reception.cancel();
});

officeTest('codes that are busy, barred, dial outside (Dial 3K1), or an extension', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const [reception, workshop] = await three(office);
  await configure(office.ringdown, [
    ...code('*81', 'busy'),
    ...code('*82', 'barred'),
    ...code('*83*N#', 'dial-extension', 'N'),
    ...code('*84', 'dial-3k1', '07700900123'),
  ]);
  t.match(await reception.call('*81'), { status: 486 });
  t.match(await reception.call('*82'), { status: 403 });
  await reception.invite('*84');
  t.match(await carrier.incomingCall(), { requestUri: /^sip:07700900123@/ });
  await reception.cancel();
  await reception.invite('*83*202#');
  await workshop.incomingCall();
  await reception.cancel();
});

officeTest('ride: a parked call is taken out by who dials the code; the slot is nobody’s then', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  await configure(office.ringdown, ['system.telephony.parkReminderSeconds', '10']);
  await conversation(reception, workshop, '202');
  t.equal(await workshop.refer('<sip:*37*7%23@box>'), 202);
  await workshop.notified(200);
  await workshop.bye().catch(() => 0);
  // Nobody comes for it: who parked is reminded.
  t.match(await workshop.incomingCall(), { fromName: 'Reception' });
  t.match(await warehouse.call('*38*7%23'), { status: 200 });
  await workshop.ended();
  await hearEachOther(reception, warehouse);
  await Promise.all([reception.bye(), warehouse.ended()]);
  t.match(await warehouse.call('*38*7%23'), { status: 404 });
});

officeTest('steal: the call goes on at the other telephone of its user', async (t, office) => {
  const [reception, workshop] = await three(office);
  const other = await office.registered('202', { takesOffers: true, ...OTHER_DEVICE });
  await conversation(workshop, reception, '201');
  t.match(await other.call('*45*202#'), { status: 200 });
  await workshop.ended();
  await hearEachOther(reception, other);
  await Promise.all([reception.bye(), other.ended()]);
});

officeTest('night service of a group by its codes', async (t, office) => {
  const [reception, workshop] = await three(office);
  const group = { name: 'Shop', members: [{ user: '202' }] };
  await configure(office.ringdown, ['huntGroups.300', JSON.stringify(group)]);
  t.equal(await dial(workshop, '*20*300#'), 200);
  t.match(await reception.call('300'), { status: 480 });
  t.equal(await dial(workshop, '*21*300#'), 200);
  await reception.invite('300');
  await workshop.incomingCall();
  await reception.cancel();
});

officeTest('call waiting: on and off by a code', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  t.equal(await dial(workshop, '*16'), 200);
  await conversation(reception, workshop, '202');
  t.match(await warehouse.call('202'), { status: 486 });
  t.notMatch(await workshop.transcript(), /From: "?Warehouse/, 'his telephone is not told');
  await Promise.all([reception.bye(), workshop.ended()]);
  t.equal(await dial(workshop, '*15'), 200);
  await conversation(reception, workshop, '202');
  // A phone of one call says itself that it is busy.
  t.match(await warehouse.call('202'), { status: 486 });
  t.match(await workshop.transcript(), /From: "?Warehouse/, 'his telephone is');
  await Promise.all([reception.bye(), workshop.ended()]);
});

officeTest('toggle and clear: what is on hold goes on, or ends', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  await configure(office.ringdown, code('*52', 'clear-call'));
  await conversation(reception, workshop, '202');
  await reception.offerAgain('sendonly');
  const line = await office.phone('201', { takesOffers: true });
  t.equal(await dial(line, '*52'), 200);
  await Promise.all([reception.ended(), workshop.ended()]);
  await conversation(reception, warehouse, '203');
  await reception.offerAgain('sendonly');
  t.match(await line.call('*29'), { status: 200 });
  await reception.ended();
  await hearEachOther(line, warehouse);
  await Promise.all([line.bye(), warehouse.ended()]);
});

officeTest(
  'login and logout: a telephone of nobody is that of who logs in there, until he logs out',
  async (t, office) => {
    const data = ['--data', office.ringdown.dataDirectory];
    for (const [path, secret] of [
      ['users.201.loginCode', '4711'],
      ['extensions.290.password', 'only-for-tests-290'],
    ] as const) {
      const { status, stderr } = await runRingdown(['config', 'set', path, '-', ...data], `${secret}\n`);
      t.equal(status, 0, stderr);
    }
    const workshop = await office.registered('202', { takesOffers: true });
    const desk = await office.registered('203', { takesOffers: true, user: '290', password: 'only-for-tests-290' });
    t.match(await workshop.call('201'), { status: 480 }, 'he is nowhere');
    t.match(await desk.call('202'), { status: 403 }, 'nobody calls from there');
    t.equal(await dial(desk, '*35*201*4712#'), 200);
    t.match(await workshop.call('201'), { status: 480 }, 'a wrong code');
    t.equal(await dial(desk, '*35*201*4711#'), 200);
    await workshop.invite('201');
    await desk.incomingCall();
    await Promise.all([desk.answer(), workshop.answered()]);
    await hearEachOther(workshop, desk);
    await Promise.all([workshop.bye(), desk.ended()]);
    await desk.invite('202');
    t.match(await workshop.incomingCall(), { fromName: 'Reception' });
    await desk.cancel();
    t.equal(await dial(desk, '*36'), 200);
    t.match(await workshop.call('201'), { status: 480 });
    t.match(await desk.call('202'), { status: 403 });
  },
);

officeTest('paging: telephones of a group answer by themselves, and hear who speaks', async (t, office) => {
  const [reception] = await three(office);
  const group = { name: 'Shop', members: [{ user: '202' }, { user: '203' }] };
  await configure(office.ringdown, ['huntGroups.300', JSON.stringify(group), ...code('*70*N#', 'dial-paging', 'N')]);
  const workshop = await office.registered('202', { takesOffers: true, incoming: 'answer' });
  t.match(await reception.call('*70*300#'), { status: 200 });
  t.match(await workshop.incomingCall(), { fromName: 'Reception' });
  await reception.play('adbfc');
  await workshop.hears('adbfc');
  await Promise.all([reception.bye(), workshop.ended()]);
});
