import t from 'tap';
import { description, FakeBox, FakeCaller, settle } from '../fakes.ts';

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
  t.equal(call.summary.state, 'established');
  t.same(
    box.history.filter((event) => event.startsWith('held') || event.startsWith('retrieved')),
    ['held 0', 'retrieved 0', 'held 0', 'retrieved 0', 'held 1', 'held 0', 'retrieved 0'],
  );
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
