/** The media worker dies in every state of a call: whoever is in it hears something again, or is hung up on, and never silence. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { carriers, everyLine, isFree } from './carriers.ts';
import { clientOf } from './directing.ts';
import { killWorker, killWorkers, loseWorker, nothingLeft, relayed, talking } from './lost-worker.ts';
import { conversation, hearEachOther, officeTest, talk, three } from './office.ts';
import { configure } from './sipp-bench.ts';

officeTest('the media worker dies while a phone rings: it is answered, and both hear each other', async (t, office) => {
  const [reception, workshop] = await relayed(office);
  await reception.invite('202');
  await workshop.incomingCall();
  await loseWorker(t, office);
  await Promise.all([reception.answered(), workshop.answer()]);
  await talk(t, reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies in early media: what the phone sends is heard again', async (t, office) => {
  const [reception, workshop] = await relayed(office);
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
  await nothingLeft(t, office);
});

officeTest('the media worker dies in a conversation: both hear each other again', async (t, office) => {
  const [reception, workshop] = await relayed(office);
  await talking(reception, workshop, '202');
  await loseWorker(t, office);
  await hearEachOther(workshop, reception);
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies while a conversation goes past the box: nobody notices', async (t, office) => {
  const [reception, workshop] = await three(office);
  await conversation(reception, workshop, '202');
  await office.ringdown.logs(/"isDirect":true/, 10_000);
  await hearEachOther(reception, workshop);
  const isBack = killWorker(t, office);
  await Promise.all([reception.play('cdabe'), workshop.play('ebadc')]);
  const [toReception, toWorkshop] = await Promise.all([reception.hears('ebadc'), workshop.hears('cdabe')]);
  t.equal(toReception.latestSource, workshop.media);
  t.equal(toWorkshop.latestSource, reception.media);
  await isBack();
  t.equal((await reception.offerAgain('sendonly')).status, 200);
  await workshop.hearsSound();
  t.equal((await reception.offerAgain('sendrecv')).status, 200);
  await hearEachOther(workshop, reception);
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies while media go past the box: who is parked then hears music', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  await conversation(workshop, reception, '201');
  await office.ringdown.logs(/"isDirect":true/, 10_000);
  await loseWorker(t, office);
  t.equal(await reception.refer('<sip:*37*9%23@box>'), 202);
  await Promise.all([reception.notified(200), reception.ended()]);
  await workshop.hearsSound();
  t.match(await warehouse.call('*38*9#'), { status: 200 });
  await hearEachOther(workshop, warehouse);
  await Promise.all([warehouse.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies while one holds the other: music goes on, and both come back', async (t, office) => {
  const [reception, workshop] = await relayed(office);
  await conversation(reception, workshop, '202');
  t.equal((await reception.offerAgain('sendonly')).status, 200);
  await workshop.hearsSound();
  await loseWorker(t, office);
  await workshop.hearsSound();
  t.equal((await reception.offerAgain('sendrecv')).status, 200);
  await hearEachOther(reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies while the box holds for a client: music goes on, and both come back',
  async (t, office) => {
    const [reception, workshop] = await relayed(office);
    const client = await clientOf(t, office, '201', 'desk-phone');
    await talking(reception, workshop, '202');
    await client.until(() => client.told.some(({ state }) => state === 'talking'));
    const call = client.told.find(({ state }) => state === 'talking')?.call;
    t.match(await client.ask('hold', { call }), { ok: true });
    await workshop.hearsSound();
    await loseWorker(t, office);
    await workshop.hearsSound();
    await reception.play('cacac');
    await workshop.hearsSound();
    t.notMatch((await workshop.heard()).notes, 'cacac', 'who is on hold does not hear the other');
    t.match(await client.ask('retrieve', { call }), { ok: true });
    await hearEachOther(workshop, reception);
    t.match(await client.ask('drop', { call }), { ok: true });
    await Promise.all([reception.ended(), workshop.ended()]);
    await nothingLeft(t, office);
  },
);

officeTest('no media worker lives for 5 s: who is put on hold meanwhile hears music after all', async (t, office) => {
  const [reception, workshop] = await relayed(office);
  const client = await clientOf(t, office, '201', 'desk-phone');
  await talking(reception, workshop, '202');
  await client.until(() => client.told.some(({ state }) => state === 'talking'));
  const call = client.told.find(({ state }) => state === 'talking')?.call;
  const isBack = killWorker(t, office);
  const letLive = killWorkers(office);
  try {
    t.match(await client.ask('hold', { call }), { ok: true });
    await office.ringdown.logs(/sound not played/, 10_000);
  } finally {
    letLive();
  }
  await isBack();
  await workshop.hearsSound();
  t.match(await client.ask('retrieve', { call }), { ok: true });
  await hearEachOther(workshop, reception);
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies while a call that a client makes rings: ringing is heard on', async (t, office) => {
  const [, workshop] = await relayed(office);
  const desk = await office.registered('201', { takesOffers: true, incoming: 'answer' });
  const client = await clientOf(t, office, '201', 'desk-phone');
  const make = client.ask('make', { number: '202' });
  await workshop.incomingCall();
  await desk.hearsSound();
  await loseWorker(t, office);
  await desk.hearsSound();
  await workshop.answer();
  t.match(await make, { ok: true });
  await hearEachOther(desk, workshop);
  await Promise.all([desk.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies while a transfer rings: it is heard ringing on, and it is answered',
  async (t, office) => {
    const [reception, workshop, warehouse] = await relayed(office);
    await talking(workshop, reception, '201');
    t.equal(await reception.refer('<sip:203@box>'), 202);
    await warehouse.incomingCall();
    await workshop.hearsSound();
    await loseWorker(t, office);
    await workshop.hearsSound();
    await warehouse.answer();
    await Promise.all([reception.notified(200), reception.ended()]);
    await hearEachOther(warehouse, workshop);
    await Promise.all([warehouse.bye(), workshop.ended()]);
    await nothingLeft(t, office);
  },
);

officeTest('the media worker dies while a transfer rings that nobody takes: both are back', async (t, office) => {
  const [reception, workshop, warehouse] = await relayed(office);
  await talking(workshop, reception, '201');
  t.equal(await reception.refer('<sip:203@box>'), 202);
  await warehouse.incomingCall();
  await loseWorker(t, office);
  await warehouse.reject(486);
  await reception.notified(486);
  await hearEachOther(reception, workshop);
  await Promise.all([reception.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies in a call over a line: both hear each other again', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const reception = await office.registered('201', { takesOffers: true });
  await talking(reception, carrier, '01632960123');
  await loseWorker(t, office);
  await hearEachOther(carrier, reception);
  await Promise.all([carrier.bye(), reception.ended()]);
  await everyLine(office, isFree);
  await nothingLeft(t, office);
});

officeTest('the media worker dies while a call is parked: music goes on, and it is taken out', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  await conversation(workshop, reception, '201');
  t.equal(await reception.refer('<sip:*37*9%23@box>'), 202);
  await Promise.all([reception.notified(200), reception.ended()]);
  await workshop.hearsSound();
  await loseWorker(t, office);
  await workshop.hearsSound();
  t.match(await warehouse.call('*38*9#'), { status: 200 });
  await hearEachOther(workshop, warehouse);
  await Promise.all([warehouse.bye(), workshop.ended()]);
  await nothingLeft(t, office);
});

officeTest('the media worker dies while somebody waits in a queue: music, and then a member', async (t, office) => {
  const group = { name: 'Sales', members: [{ user: '203' }], wrapUpSeconds: 0 };
  await configure(office.ringdown, ['huntGroups.300', JSON.stringify(group)]);
  const [reception, workshop, warehouse] = await three(office);
  await conversation(reception, warehouse, '300');
  t.match(await workshop.call('300'), { status: 200 });
  await workshop.hearsSound();
  await loseWorker(t, office);
  await workshop.hearsSound();
  await Promise.all([reception.bye(), warehouse.ended()]);
  await warehouse.incomingCall();
  await warehouse.answer();
  await hearEachOther(workshop, warehouse);
  await Promise.all([workshop.bye(), warehouse.ended()]);
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies, and somebody takes its ports: both are hung up on, and told why',
  async (t, office) => {
    const [reception, workshop] = await relayed(office);
    await talking(reception, workshop, '202');
    const taken = (await office.takenMediaPorts()).map((place) => place.split(' '));
    const isBack = killWorker(t, office);
    const squatters = taken.map(([, port]) => ({ socket: createSocket('udp4'), port: Number(port) }));
    try {
      await Promise.all(squatters.map(({ socket, port }) => takePort(socket, port)));
      await isBack();
      await Promise.all([reception.ended(), workshop.ended()]);
      for (const phone of [reception, workshop]) {
        t.match(await phone.transcript(), /received\]\nBYE [\s\S]*Reason: SIP;cause=503;text="Media lost"/);
      }
    } finally {
      for (const { socket } of squatters) socket.close();
    }
    await nothingLeft(t, office);
    await talking(workshop, reception, '201');
  },
);

/** As soon as whoever has it is gone. */
async function takePort(socket: ReturnType<typeof createSocket>, port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      const listening = once(socket, 'listening');
      socket.bind(port, '127.0.0.1');
      await listening;
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
