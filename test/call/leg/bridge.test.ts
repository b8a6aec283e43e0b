import t from 'tap';
import type { RenegotiationResult } from '../../../firmware/sip/stack.ts';
import { description, FakeBox, FakeCaller, FLOW, responseOf, settle } from '../fakes.ts';

const RELAY = ['Content-Type', 'application/dtmf-relay'] as const;

t.test('a party on hold hears music, until it is taken back', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  const [left, right] = box.media.sessions;
  for (const how of ['sendonly', 'inactive']) {
    t.match(await caller.handlers.onReinvite?.(description(9000, `a=${how}`)), { sdp: /a=(recvonly|inactive)/ });
    await settle();
    t.equal(right?.hears, 'music/default');
    t.equal(left?.hears, `session ${right?.id}`, 'and who holds none');
    await caller.handlers.onReinvite?.(description(9000));
    await settle();
    t.equal(right?.hears, `session ${left?.id}`);
  }
  await device.handlers.onReinvite?.(description(9100, 'a=sendonly'));
  await settle();
  t.equal(left?.hears, 'music/default', 'the same for the other one');
  await caller.handlers.onReinvite?.(description(9000, 'a=sendonly'));
  await settle();
  t.equal(left?.sound, undefined, 'nobody plays music to one who holds as well');
  t.equal(right?.sound, undefined);
  await caller.handlers.onReinvite?.(description(9000));
  await settle();
  t.equal(left?.hears, 'music/default', 'who is still held');
  t.equal(call.phase, 'established');
  t.same(
    box.history.filter((event) => event.startsWith('held') || event.startsWith('retrieved')),
    ['held 0', 'retrieved 0', 'held 0', 'retrieved 0', 'held 1', 'held 0', 'retrieved 0'],
  );
});

t.test('a party that the box holds for hears nobody, also where it was on hold before', async (t) => {
  const box = new FakeBox();
  const { call, device } = await box.conversation();
  const [left, right] = box.media.sessions;
  await device.handlers.onReinvite?.(description(9100, 'a=sendonly'));
  await settle();
  t.equal(left?.hears, 'music/default');
  t.ok(call.hold(call.waiting, true));
  await settle();
  t.equal(left?.hears, 'silence');
  await device.handlers.onReinvite?.(description(9100));
  await settle();
  t.equal(left?.hears, 'silence');
  t.equal(right?.hears, 'music/default');
  t.ok(call.hold(call.waiting, false));
  await settle();
  t.equal(left?.hears, `session ${right?.id}`);
  t.equal(right?.hears, `session ${left?.id}`);
});

t.test('a digit in INFO is pressed for the other leg', async (t) => {
  const box = new FakeBox();
  const { caller } = await box.conversation();
  const request = {
    message: {
      headers: { has: () => false, get: (name: string) => (name === RELAY[0] ? RELAY[1] : undefined) },
      body: Buffer.from('Signal=5\r\n'),
    },
    respond: () => undefined,
  };
  t.equal(caller.handlers.onInfo?.(request as never), true);
  await settle();
  t.same(box.media.pressed, ['5 on 2']);
});

t.test('legs come apart and hear nothing of each other, and neither is ended', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  const legs = [call.waiting, call.other].flatMap((leg) => leg ?? []);
  await call.take(legs);
  t.equal(call.phase, 'ended');
  t.same([caller.told, device.told], [['200'], []]);
  t.same(
    box.media.sessions.map(({ hears }) => hears),
    ['nothing', 'nothing'],
  );
  t.equal(box.media.open.length, 2);
  t.equal(box.history.at(-1), 'ended transferred by box');
  for (const leg of legs) leg.close();
  t.equal(new FakeCaller().established, false);
});

/** Two in conversation whose media go past the box. */
async function direct(box: FakeBox, caller = new FakeCaller()) {
  caller.reinvited = async () => ({ status: 200, sdp: description(9000) });
  const { call, device } = await conversing(box, caller);
  return { call, caller, device };
}

async function conversing(box: FakeBox, caller: FakeCaller) {
  const call = await box.call(caller, box.ring(), { mayBeDirect: () => true });
  const device = box.devices.at(-1);
  if (device === undefined) throw new Error('nobody was called');
  device.reinvited = async () => ({ status: 200, sdp: description(9100) });
  device.answers();
  await settle();
  caller.acknowledges();
  await settle();
  box.clock.advance(500);
  await settle();
  if (!call.isDirect) throw new Error('media are not direct');
  return { call, device };
}

t.test('a call ends while a phone is being brought back to the box', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await direct(box);
  let answer: (result: RenegotiationResult) => void = () => undefined;
  device.reinvited = () => new Promise((resolve) => (answer = resolve));
  await caller.handlers.onReinvite?.(description(9000, 'a=sendonly'));
  await settle();
  caller.hangsUp();
  t.equal(call.phase, 'ended');
  answer({ status: 200, sdp: description(9100) });
  await settle();
  t.same(device.told, ['BYE']);
  t.same(box.lines, [], 'an answer that comes too late is no error');
  t.equal(box.media.open.length, 0);
});

t.test('who stays is brought back to the box, whatever becomes of the other', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await direct(box);
  const { other } = call;
  if (other === undefined) throw new Error('nobody answered');
  caller.reinvited = () => new Promise(() => undefined);
  const [callerOffers, deviceOffers] = [caller.offers.length, device.offers.length];
  await call.take([other]);
  t.equal(caller.offers.length, callerOffers, 'one who gets BYE is offered nothing');
  t.equal(device.offers.length, deviceOffers + 1);
  t.equal(caller.told.at(-1), 'BYE');
  t.equal(box.media.sessions[1]?.configured.at(-1)?.silenceMs, 60_000, 'and is watched again');
  other.close();
});

t.test('a phone whose connection ends while its media go past the box: they come back, and stay', async (t) => {
  const box = new FakeBox();
  const flow = { ...FLOW, protocol: 'tcp' as const };
  const { call, caller, device } = await direct(box, new FakeCaller({ flow }));
  box.clock.advance(20_000);
  await settle();
  t.ok(call.isDirect, 'as long as it is connected');
  // What the stack of these tests takes for a connection that is closed.
  flow.remotePort = 1;
  caller.reinvited = async () => ({ status: 503, sdp: undefined });
  box.clock.advance(5000);
  await settle();
  t.notOk(call.isDirect);
  t.match(
    device.offers.at(-1),
    /c=IN IP4 192\.0\.2\.1/,
    'the other one sends to the box, which misses the silent one in its time',
  );
  const { length } = device.offers;
  for (let seconds = 0; seconds < 30; seconds += 1) {
    box.clock.advance(1000);
    await settle();
  }
  t.equal(device.offers.length, length);
  device.hangsUp();
  await settle();
  t.equal(box.media.open.length, 0);
});

t.test('phones by UDP have no connection that is looked at', async (t) => {
  const box = new FakeBox();
  const { call, device } = await direct(box);
  t.ok(call.isDirect);
  const { pending } = box.clock;
  box.clock.advance(5000);
  t.equal(box.clock.pending, pending);
  device.hangsUp();
});

/** Lets so many seconds pass, and notes what phones are asked meanwhile. */
function questions({
  box,
  caller,
  device,
}: { box: FakeBox } & Pick<Awaited<ReturnType<typeof direct>>, 'caller' | 'device'>) {
  const asked: string[] = [];
  for (const [name, phone] of [['caller', caller] as const, ['device', device] as const]) {
    phone.requested = async (method) => {
      asked.push(`${method} ${name}`);
      return responseOf(200);
    };
  }
  const pass = async (seconds: number): Promise<void> => {
    box.clock.advance(seconds * 1000);
    await settle();
  };
  return { asked, pass };
}

t.test(
  'phones whose media go past the box are asked whether they are there, as often as they might be silent',
  async (t) => {
    const box = new FakeBox();
    const { call, caller, device } = await direct(box);
    const { asked, pass } = questions({ box, caller, device });
    await pass(59);
    t.same(asked, []);
    await pass(1);
    t.same(asked, ['OPTIONS caller', 'OPTIONS device']);
    await pass(60);
    t.equal(asked.length, 4);
    t.equal(call.phase, 'established');
    call.hangUp();
    await pass(120);
    t.equal(asked.length, 4);
    t.equal(box.clock.pending, 0);
  },
);

for (const status of [408, 481, 503]) {
  t.test(`one of them that answers with ${status} is gone, and the other one is hung up on`, async (t) => {
    const box = new FakeBox();
    const { call, caller, device } = await direct(box);
    const { pass } = questions({ box, caller, device });
    device.requested = async () => responseOf(status);
    await pass(60);
    t.equal(call.phase, 'ended');
    for (const phone of [caller, device]) t.match(phone.told.at(-1), /^BYE Q\.850;cause=102/);
  });
}

t.test('whose media come back to the box while they are asked are heard there, and asked no more', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await direct(box);
  const { asked, pass } = questions({ box, caller, device });
  let answer = (): void => undefined;
  device.requested = () => new Promise((resolve) => (answer = () => resolve(responseOf(408))));
  await pass(60);
  await caller.handlers.onReinvite?.(description(9000, 'a=sendonly'));
  await settle();
  answer();
  await settle();
  t.equal(call.phase, 'established');
  await pass(120);
  t.same(asked, ['OPTIONS caller']);
  call.hangUp();
});

t.test('nobody is asked where silence ends no call', async (t) => {
  const box = new FakeBox();
  box.silenceSeconds = 0;
  const { call, caller, device } = await direct(box);
  const { asked, pass } = questions({ box, caller, device });
  await pass(600);
  t.same(asked, []);
  call.hangUp();
});
