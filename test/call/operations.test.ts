/** What features do with calls: legs that go from one to another. */
import t from 'tap';
import type { Call } from '../../firmware/call/call.ts';
import type { StepRun } from '../../firmware/call/step/step-runner.ts';
import { MediaError } from '../../firmware/media/client.ts';
import { FakeBox, FakeCaller, settle } from './fakes.ts';

t.test('a leg takes the place of another: an attended transfer', async (t) => {
  const box = new FakeBox();
  const first = await box.conversation();
  const second = await box.conversation();
  const replacement = second.call.other;
  if (replacement === undefined) throw new Error('nobody answered');
  await second.call.take([replacement]);
  t.same(second.caller.told, ['200', 'BYE'], 'who transfers is out of the consultation');
  const reason = 'SIP;cause=200;text="Transferred"';
  t.equal(await first.call.replaceLeg(first.call.waiting, replacement, { how: 'transfer', reason }), true);
  await settle();
  t.equal(first.call.phase, 'established');
  t.same(first.caller.told.at(-1), `BYE ${reason}`);
  t.equal(box.media.open.length, 2);
  t.equal(box.media.open[0]?.peer, box.media.open[1], 'the two who are left hear each other');
  second.device.hangsUp();
  await settle();
  t.same(first.device.told, ['BYE']);
  t.match(box.history, ['started', 'ringing']);
  t.ok(box.events.some((event) => event.kind === 'joined' && event.replaces === 0 && event.how === 'transfer'));
});

t.test('who is replaced may hang up meanwhile, and nobody loses his call by that', async (t) => {
  const box = new FakeBox();
  const first = await box.conversation();
  const second = await box.conversation();
  const replacement = second.call.other;
  if (replacement === undefined) throw new Error('nobody answered');
  await second.call.take([replacement]);
  const replaced = first.call.replaceLeg(first.call.waiting, replacement, { how: 'transfer' });
  await Promise.resolve();
  await Promise.resolve();
  first.caller.hangsUp();
  t.equal(await replaced, true);
  await settle();
  t.equal(first.call.phase, 'established');
});

t.test('one who has not been answered yet takes a place: INVITE with Replaces', async (t) => {
  const box = new FakeBox();
  const { call, device } = await box.conversation();
  const newcomer = new FakeCaller();
  const leg = box.leg(newcomer, { number: '203', name: 'Warehouse', user: '203', extension: '203' });
  leg.readInvite();
  const old = call.other;
  if (old === undefined) throw new Error('nobody answered');
  t.equal(await call.replaceLeg(old, leg, { how: 'steal' }), true);
  await settle();
  t.same(newcomer.told, ['200']);
  t.same(newcomer.shown, [['P-Asserted-Identity', 'Reception <sip:201@192.0.2.1>']]);
  t.same(device.told, ['BYE']);
  t.equal(call.other?.party.number, '203');
});

t.test('nothing can be agreed on with the new one: all is as it was', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  const newcomer = new FakeCaller();
  const leg = box.leg(newcomer);
  leg.readInvite();
  leg.media.answerInvite = async () => ({ status: 488, why: 'no codec' });
  const old = call.other;
  if (old === undefined) throw new Error('nobody answered');
  t.equal(await call.replaceLeg(old, leg, { how: 'steal' }), false);
  t.equal(call.phase, 'established');
  t.same([caller.told, device.told], [['200'], []]);
  t.equal(box.media.sessions[0]?.peer, box.media.sessions[1]);
});

t.test('a call that rings is picked up', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller, box.ring([{}, {}]));
  box.devices[0]?.rings();
  const picker = new FakeCaller();
  const leg = box.leg(picker, { number: '203', name: 'Warehouse' });
  leg.readInvite();
  t.equal(call.pickUp(leg), true);
  await settle();
  t.equal(call.phase, 'established');
  t.same([caller.told, picker.told], [['180', '200'], ['200']]);
  for (const device of box.devices) t.same(device.told, ['CANCEL SIP;cause=200;text="Call completed elsewhere"']);
  t.equal(call.pickUp(leg), false, 'too late');
});

t.test('somebody else rings beside the plan: whoever answers first has the call', async (t) => {
  for (const first of ['beside', 'plan'] as const) {
    const box = new FakeBox();
    const call = await box.call(new FakeCaller());
    const outcome = call.runBeside(box.runners.runnerOf(box.ring([{ extension: '203' }])) as StepRun);
    t.equal(await call.runBeside(() => ({ stop: () => undefined })), 'over', 'one at a time');
    await settle();
    const [winner, loser] = first === 'beside' ? [1, 0] : [0, 1];
    box.devices[winner]?.answers();
    t.equal(await outcome, first === 'beside' ? 'answered' : 'over');
    await settle();
    t.equal(call.phase, 'established');
    t.same(box.devices[loser]?.told, ['CANCEL SIP;cause=200;text="Call completed elsewhere"']);
    t.equal(await call.runBeside(() => ({ stop: () => undefined })), 'over', 'too late');
    t.equal(box.clock.pending, 0);
  }
});

t.test('nobody takes what rings beside the plan: the plan goes on, as far as it came meanwhile', async (t) => {
  for (const isPlanOver of [false, true]) {
    const box = new FakeBox();
    const after = { unreachable: box.ring([{ extension: '204' }]) };
    const call = await box.call(new FakeCaller(), box.ring([{}], { after }));
    const outcome = call.runBeside(box.runners.runnerOf(box.ring([{ extension: '203' }])) as StepRun);
    await settle();
    if (isPlanOver) box.devices[0]?.refuses(480);
    await settle();
    t.equal(box.devices.length, 2, 'what is to follow waits');
    box.devices[1]?.refuses(480);
    t.equal(await outcome, 'failed');
    await settle();
    t.equal(box.devices.length, isPlanOver ? 3 : 2);
    box.devices.at(isPlanOver ? 2 : 0)?.answers();
    await settle();
    t.equal(call.phase, 'established');
  }
});

t.test('whom the plan rings does not want the call, by what rings beside it: the call is declined', async (t) => {
  const ways = [
    ['by the phone', ({ devices }: FakeBox) => devices[2]?.refuses(603)],
    ['by the box', (_: FakeBox, call: Call) => t.equal(call.decline(), true)],
  ] as const;
  for (const [way, declines] of ways) {
    for (const isPlanOver of [false, true]) {
      const box = new FakeBox();
      const caller = new FakeCaller();
      const after = { noAnswer: box.ring([{ extension: '204' }]), unreachable: box.ring([{ extension: '204' }]) };
      const call = await box.call(caller, box.ring([{}, {}], { after, declineStatus: 486 }));
      const outcome = call.runBeside(box.runners.runnerOf(box.ring([{ extension: '203' }])) as StepRun);
      await settle();
      if (isPlanOver) for (const device of box.devices.slice(0, 2)) device.refuses(480);
      await settle();
      declines(box, call);
      t.equal(await outcome, way === 'by the phone' ? 'failed' : 'over');
      await settle();
      t.match(caller.told, ['486'], `${way}, ${isPlanOver ? 'after' : 'while'} the others ring`);
      t.same([call.phase, box.devices.length, box.clock.pending], ['ended', 3, 0]);
      for (const device of box.devices.slice(0, isPlanOver ? 0 : 2)) t.match(device.told, ['CANCEL']);
      t.equal(call.decline(), false, 'too late');
    }
  }
});

t.test('what follows a decline follows; where the plan rings no user nothing is declined', async (t) => {
  const box = new FakeBox();
  const after = { declined: box.ring([{ extension: '204' }]) };
  const call = await box.call(new FakeCaller(), box.ring([{}], { after }));
  t.equal(call.decline(), true);
  await settle();
  t.match(box.devices[0]?.told, ['CANCEL']);
  box.devices[1]?.answers();
  await settle();
  t.equal(call.phase, 'established');
  const run: StepRun = () => ({ stop: () => undefined });
  const waiting = await box.call(new FakeCaller(), run);
  const outcome = waiting.runBeside(box.runners.runnerOf(box.ring([{ extension: '203' }])) as StepRun);
  await settle();
  t.equal(waiting.decline(), false);
  box.devices.at(-1)?.refuses(603);
  t.equal(await outcome, 'failed');
  t.equal(waiting.isRinging, true, 'who waits goes on waiting');
  waiting.shutDown();
});

t.test('the caller hangs up, or the step throws: nothing is left of what ran beside', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  t.equal(
    await call.runBeside(() => {
      throw new Error('for the test');
    }),
    'failed',
  );
  const outcome = call.runBeside(box.runners.runnerOf(box.ring([{ extension: '203' }])) as StepRun);
  await settle();
  caller.hangsUp();
  t.equal(await outcome, 'over');
  await settle();
  t.same([call.phase, box.clock.pending], ['ended', 0]);
  for (const device of box.devices) t.match(device.told, ['CANCEL']);
});

t.test('what runs beside the plan breaks: it rings nobody any more, and the plan goes on', async (t) => {
  const box = new FakeBox();
  const call = await box.call(new FakeCaller());
  const ring = box.runners.runnerOf(box.ring([{ extension: '203' }])) as StepRun;
  let fail: ((error: unknown) => void) | undefined;
  const outcome = call.runBeside((context) => {
    fail = context.fail;
    return ring(context);
  });
  await settle();
  fail?.(new Error('for the test'));
  t.equal(await outcome, 'failed');
  await settle();
  t.same(box.devices[1]?.told, ['CANCEL']);
  box.devices[0]?.answers();
  await settle();
  t.equal(call.phase, 'established');
});

t.test('one party hangs up by order of the box', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  call.hangUp(call.other);
  await settle();
  t.same([caller.told, device.told], [['200', 'BYE'], ['BYE']]);
  t.equal(box.history.at(-1), 'ended normal by connected');
});

t.test('the media worker fails the newcomer: the conversation goes on', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  const leg = box.leg(new FakeCaller());
  leg.readInvite();
  box.media.refusal = new MediaError('MEDIA_NO_PORTS', 'none');
  const old = call.other;
  if (old === undefined) throw new Error('nobody answered');
  t.equal(await call.replaceLeg(old, leg, { how: 'steal' }), false);
  t.equal(call.phase, 'established');
  t.same([caller.told, device.told], [['200'], []]);
  leg.close();
});

t.test('the media worker fails as somebody is replaced: nobody is left behind', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  const newcomer = new FakeCaller();
  const leg = box.leg(newcomer);
  leg.readInvite();
  for (const session of box.media.sessions) {
    session.part = async () => {
      throw new MediaError('MEDIA_WORKER_LOST', 'it died');
    };
    session.close = async () => undefined;
  }
  const old = call.other;
  if (old === undefined) throw new Error('nobody answered');
  t.equal(await call.replaceLeg(old, leg, { how: 'steal' }), false);
  t.equal(call.phase, 'ended');
  t.match([caller.told.at(-1), device.told.at(-1)], [/^BYE/, /^BYE/]);
  t.equal(newcomer.ended, true);
});
