/** What goes wrong in calls: each ends cleanly, and nobody hears silence for ever. */
import t from 'tap';
import { MediaError } from '../../firmware/media/client.ts';
import { description, FakeBox, FakeCaller, settle, turn } from './fakes.ts';

t.test('a device whose RTP stops has vanished: BYE to both, with the cause', async (t) => {
  for (const index of [0, 1]) {
    const box = new FakeBox();
    const { call, caller, device } = await box.conversation();
    t.equal(box.media.sessions[index]?.configured.at(-1)?.silenceMs, 60_000);
    box.media.sessions[index]?.tell({ kind: 'silent', durationMs: 60_000 });
    await settle();
    t.equal(call.phase, 'ended');
    t.same(
      [caller.told.at(-1), device.told.at(-1)],
      Array(2).fill('BYE Q.850;cause=102;text="Recovery on timer expiry"'),
    );
    t.equal(box.history.at(-1), `ended device-lost by ${index === 0 ? 'caller' : 'connected'}`);
    t.equal(box.media.open.length, 0);
  }
});

t.test(
  'nobody has to send who is on hold, or has not answered; who pauses where nobody speaks has ten times as long',
  async (t) => {
    const box = new FakeBox();
    const caller = new FakeCaller();
    await box.call(caller);
    const [device] = box.devices;
    device?.sendsEarly(description(9100));
    await settle();
    t.same(
      box.media.sessions.map(({ configured }) => configured.at(-1)?.silenceMs),
      [undefined, undefined],
      'before the answer',
    );
    device?.answers(description(9100));
    await settle();
    t.same(
      box.media.sessions.map(({ configured }) => configured.at(-1)?.silenceMs),
      [60_000, 60_000],
    );
    await caller.handlers.onReinvite?.(description(9000, 'a=inactive'));
    await settle();
    t.equal(box.media.sessions[0]?.configured.at(-1)?.silenceMs, undefined, 'on hold');
    const pausing = new FakeBox();
    const noisy = description(9000).replace('RTP/AVP 8', 'RTP/AVP 8 13');
    await pausing.conversation(new FakeCaller({ offer: noisy }));
    t.equal(pausing.media.sessions[0]?.configured.at(-1)?.silenceMs, 60_000, 'nothing was agreed with the other');
    const both = new FakeBox();
    await both.call(new FakeCaller({ offer: noisy }));
    both.devices[0]?.answers(description(9100).replace('RTP/AVP 8', 'RTP/AVP 8 13'));
    await settle();
    t.same(
      both.media.sessions.map(({ configured }) => configured.at(-1)?.silenceMs),
      [600_000, 600_000],
    );
    const never = new FakeBox();
    never.silenceSeconds = 0;
    const talking = await never.conversation();
    t.equal(never.media.sessions[0]?.configured.at(-1)?.silenceMs, undefined, 'switched off');
    never.silenceSeconds = 20;
    for (const leg of talking.call.legs) leg.media.watchAnew();
    t.equal(never.media.sessions[0]?.configured.at(-1)?.silenceMs, 20_000, 'and on again, for calls that are up');
  },
);

t.test('a device that answers no refresh any more has vanished', async (t) => {
  const box = new FakeBox();
  const { caller, device } = await box.conversation();
  device.vanishes();
  t.equal(caller.told.at(-1), 'BYE Q.850;cause=27;text="Destination out of order"');
  t.equal(box.history.at(-1), 'ended device-lost by connected');
});

t.test('the media of a call are lost in every state', async (t) => {
  const ringing = new FakeBox();
  const waits = new FakeCaller();
  await ringing.call(waits);
  ringing.media.sessions[0]?.tell({ kind: 'lost', reason: 'port taken' });
  await settle();
  t.same(waits.told, ['503']);
  t.match(ringing.devices[0]?.told, [/^CANCEL/]);
  const answering = new FakeBox();
  const caller = new FakeCaller();
  await answering.call(caller);
  answering.media.isSlow = true;
  answering.devices[0]?.answers();
  await turn();
  answering.media.waiting.shift()?.(new MediaError('MEDIA_WORKER_LOST', 'it died'));
  await settle();
  t.same(caller.told, ['503']);
  t.match(answering.devices[0]?.told, [/^BYE/]);
  const up = new FakeBox();
  const talks = await up.conversation();
  up.media.sessions[1]?.tell({ kind: 'lost', reason: 'port taken' });
  await settle();
  t.same([talks.caller.told.at(-1), talks.device.told.at(-1)], Array(2).fill('BYE SIP;cause=503;text="Media lost"'));
  for (const box of [ringing, answering, up]) {
    t.equal(box.media.open.length, 0);
    t.equal(box.clock.pending, 0);
  }
});

t.test('CANCEL and 200 cross', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  const [device] = box.devices;
  caller.hangsUp();
  device?.answers();
  await settle();
  t.equal(call.phase, 'ended');
  t.same(caller.told, []);
  t.equal(box.media.open.length, 0);
});

t.test('BYE before ACK', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller);
  box.devices[0]?.answers();
  await settle();
  caller.hangsUp();
  await settle();
  t.same(box.devices[0]?.told, ['BYE']);
  t.equal(box.media.open.length, 0);
  t.equal(box.history.at(-1), 'ended normal by caller');
});

t.test('nobody acknowledges the 200', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller);
  box.devices[0]?.answers();
  await settle();
  caller.handlers.onEnded?.('no-ack');
  t.same(box.devices[0]?.told, ['BYE SIP;cause=408;text="Request Timeout"']);
});

t.test('a phone that answers with SDP that was never offered', async (t) => {
  for (const answer of [description(9100).replace('AVP 8', 'AVP 9'), 'no description', description(0)]) {
    const box = new FakeBox();
    const caller = new FakeCaller();
    await box.call(caller);
    box.devices[0]?.answers(answer);
    await settle();
    t.same(caller.told, ['488']);
    t.match(box.devices[0]?.told, ['BYE']);
    t.equal(box.media.open.length, 0);
  }
});

t.test('two devices answer at the same time: the second gets BYE, and hears of who was faster', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller, box.ring([{}, {}]));
  const [slow, fast] = box.devices;
  fast?.answers(description(9300));
  t.match(slow?.told, ['CANCEL SIP;cause=200;text="Call completed elsewhere"']);
  slow?.answers(description(9400));
  await settle();
  t.equal(call.phase, 'established');
  t.equal(box.media.sessions.find(({ peer }) => peer !== undefined)?.closed, false);
  t.equal(box.media.open.length, 2, 'the ports of the slower one are free');
});

t.test('a re-INVITE that comes before the answer was taken is told to come again (491)', async (t) => {
  const box = new FakeBox();
  await box.call(new FakeCaller());
  const [device] = box.devices;
  box.media.isSlow = true;
  device?.answers();
  t.match(await device?.handlers.onReinvite?.(description(9300)), { status: 491 });
});

t.test('a re-INVITE that comes while another change is on its way waits for it', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller({ offer: 'none' });
  await box.call(caller);
  box.devices[0]?.answers();
  await settle();
  box.media.isSlow = true;
  caller.acknowledges(description(9200));
  const later = caller.handlers.onReinvite?.(description(9300));
  await turn();
  t.equal(box.media.sessions[0]?.configured.length, 1);
  await box.media.finish();
  t.match(await later, { sdp: /m=audio/ });
  t.same(
    box.media.sessions[0]?.configured.map(({ remotePort }) => remotePort),
    [9200, 9300],
  );
});

t.test('the box stops in every state', async (t) => {
  const ringing = new FakeBox();
  const waits = new FakeCaller();
  const call = await ringing.call(waits, ringing.ring([{}, { delaySeconds: 5 }]));
  call.shutDown();
  t.same([waits.told, ringing.devices[0]?.told], [['503'], ['CANCEL']]);
  t.equal(ringing.clock.pending, 0);
  t.equal(ringing.history.at(-1), 'ended shut-down by box');
  const up = await new FakeBox().conversation();
  up.call.shutDown();
  up.call.shutDown();
  t.same([up.caller.told.at(-1), up.device.told], ['BYE', ['BYE']]);
});
