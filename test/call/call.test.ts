import t from 'tap';
import { summaryOf } from '../../firmware/call/call-summary.ts';
import { MediaError } from '../../firmware/media/client.ts';
import type { Flow, HeaderField } from '../../firmware/sip/stack.ts';
import { binding, description, FakeBox, FakeCaller, FLOW, settle, turn } from './fakes.ts';

t.test('a re-INVITE of the device that comes before its answer was taken waits for another time', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller);
  const [device] = box.devices;
  box.media.isSlow = true;
  device?.answers(description(9100));
  await turn();
  t.match(await device?.handlers.onReinvite?.(description(9200)), { status: 491 });
  await box.media.finish();
  t.equal(caller.accepted.length, 1);
  const later = device?.handlers.onReinvite?.(description(9200));
  await box.media.finish();
  const port = box.media.sessions[1]?.ports[0];
  t.match(await later, { sdp: new RegExp(`m=audio ${port} `) });
  t.same(
    box.media.sessions[1]?.configured.map(({ remotePort }) => remotePort),
    [9100, 9200],
    'what the device answered was not undone by what it asked for',
  );
});

t.test('the dialog of a device is told once, however many ring and however often', async (t) => {
  const box = new FakeBox();
  await box.call(new FakeCaller(), box.ring([{}, {}, {}]));
  for (const device of [...box.devices, ...box.devices]) device.rings();
  t.same(
    box.events.flatMap((event) => (event.kind === 'dialog' ? [event.leg] : [])),
    [1, 2, 3],
  );
});

t.test('each leg has one session of its own, and both are joined before the caller has its answer', async (t) => {
  const box = new FakeBox();
  const { call, device, caller } = await box.conversation();
  const [left, right] = box.media.sessions;
  t.equal(box.media.sessions.length, 2);
  t.equal(left?.peer, right);
  t.equal(call.phase, 'established');
  t.match(summaryOf(call), { from: '201', to: '202', codecs: 'PCMA' });
  device.hangsUp();
  await settle();
  t.same(caller.told, ['200', 'BYE']);
  t.equal(box.media.open.length, 0);
  t.equal(box.clock.pending, 0, 'no timer is left');
  t.same(box.history, ['started', 'ringing', 'dialog 1', 'answered 1', 'ended normal by connected']);
});

t.test('a call goes over the addresses of ours that its two sides are reached from', async (t) => {
  const box = new FakeBox();
  const elsewhere: Flow = { ...FLOW, localAddress: '192.0.2.3' };
  const call = await box.call(new FakeCaller(), box.ring([{ ways: [binding('sip:202@192.0.2.2', elsewhere)] }]));
  const over = (...addresses: readonly string[]): boolean => call.goesOver(addresses);
  t.equal(over('192.0.2.1'), true, "the caller's");
  t.equal(over('192.0.2.3'), false, 'a device that only rings may be one of several');
  box.devices[0]?.answers();
  await settle();
  t.equal(over('192.0.2.3'), true, 'that of the device that answered');
  t.equal(over('192.0.2.9', '192.0.2.1'), true);
  t.equal(over('192.0.2.9', '192.0.2.2'), false, "not the peers' addresses");
  t.equal(over(), false);
});

t.test('the reason of who hangs up reaches the other side (RFC 3326)', async (t) => {
  const byDevice = await new FakeBox().conversation();
  byDevice.device.hangsUp('Q.850;cause=16');
  t.same(byDevice.caller.told.at(-1), 'BYE Q.850;cause=16');
  const byCaller = await new FakeBox().conversation();
  byCaller.caller.hangsUp();
  t.same(byCaller.device.told, ['BYE']);
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller);
  caller.hangsUp('SIP;cause=487');
  t.same(box.devices[0]?.told, ['CANCEL SIP;cause=487']);
  t.same(box.history.at(-1), 'ended cancelled by caller');
});

t.test('a device that hangs up while the media are joined has answered: the caller gets 200, then BYE', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  box.media.isSlow = true;
  box.devices[0]?.answers();
  await turn();
  box.devices[0]?.hangsUp('Q.850;cause=16');
  t.equal(call.phase, 'answering');
  t.equal(box.media.open.length, 2, 'the ports that the caller is about to be told stay those of this call');
  await box.media.finish();
  t.same(caller.told, ['200', 'BYE Q.850;cause=16']);
  t.equal(call.phase, 'ended');
  t.equal(box.media.open.length, 0);
  t.same(box.lines, []);
});

t.test('the identity of a caller who wants none shown is kept (RFC 3325 §7)', async (t) => {
  const shown = new FakeBox();
  await shown.call(new FakeCaller());
  t.equal(shown.devices[0]?.header('P-Asserted-Identity'), 'Reception <sip:201@192.0.2.1>');
  const hidden = new FakeBox();
  await hidden.call(new FakeCaller(), hidden.ring(), {
    shown: { number: '201', name: 'Reception', isWithheld: true },
  });
  t.match(hidden.devices[0]?.options, { privacy: ['id'] });
  t.equal(hidden.devices[0]?.header('P-Asserted-Identity'), undefined);
});

t.test('who answers is told to the caller', async (t) => {
  const { caller } = await new FakeBox().conversation();
  t.same(caller.shown, [['P-Asserted-Identity', 'Workshop <sip:202@192.0.2.1>']]);
});

t.test('who answers is not told to a carrier (RFC 3325 §5)', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const waiting = box.leg(caller, { number: '02071234567', name: 'A customer', line: '1' });
  await box.conversation(caller, { waiting });
  t.same(caller.told, ['200']);
  t.same(caller.shown, []);
});

const alerts: readonly (readonly [alert: 'internal' | 'external' | 'ring-back', autoAnswer: boolean, HeaderField[]])[] =
  [
    ['internal', false, [['Alert-Info', '<urn:alert:source:internal>;info=alert-internal']]],
    ['external', false, [['Alert-Info', '<urn:alert:source:external>;info=alert-external']]],
    ['ring-back', false, [['Alert-Info', '<urn:alert:service:recall:callback>;info=alert-ring-back']]],
    [
      'internal',
      true,
      [
        ['Alert-Info', '<urn:alert:source:internal>;info=alert-autoanswer;delay=0'],
        ['Call-Info', '<sip:192.0.2.1>;answer-after=0'],
      ],
    ],
  ];
for (const [alert, autoAnswer, expected] of alerts) {
  t.test(`how a device alerts: ${alert}${autoAnswer ? ', and answers by itself' : ''}`, async (t) => {
    const box = new FakeBox();
    await box.call(new FakeCaller(), box.ring([{}], { alert, autoAnswer }));
    const headers = box.devices[0]?.options.headers?.filter(([name]) => name.endsWith('-Info'));
    t.same(headers, expected);
  });
}

t.test('of two devices one answers by itself, and that of somebody else rings', async (t) => {
  const box = new FakeBox();
  await box.call(new FakeCaller(), box.ring([{}, { extension: '203', onlyRings: true }], { autoAnswer: true }));
  const asked = box.devices.map(({ options }) => options.headers?.some(([, value]) => value.includes('answer-after')));
  t.same(asked, [true, false]);
});

t.test('a forwarded call tells whom it was for (RFC 5806, RFC 7044)', async (t) => {
  const box = new FakeBox();
  await box.call(
    new FakeCaller(),
    box.ring([{}], {
      diversions: [
        { from: '203', reason: 'unconditional' },
        { from: '204', reason: 'no-answer' },
      ],
    }),
  );
  const headers = box.devices[0]?.options.headers ?? [];
  t.same(
    headers.filter(([name]) => name === 'Diversion').map(([, value]) => value),
    [
      '<sip:204@192.0.2.1>;reason=no-answer;counter=1;screen=yes',
      '<sip:203@192.0.2.1>;reason=unconditional;counter=1;screen=yes',
    ],
    'the last one first',
  );
  t.equal(
    headers.find(([name]) => name === 'History-Info')?.[1],
    '<sip:203@192.0.2.1?Reason=SIP%3Bcause%3D302>;index=1, <sip:204@192.0.2.1?Reason=SIP%3Bcause%3D408>;index=1.1;mp=1, ' +
      '<sip:202@192.0.2.1>;index=1.1.1;mp=1.1',
  );
});

t.test('media follow a peer that answers a refresh from another port', async (t) => {
  const box = new FakeBox();
  const { device, caller } = await box.conversation();
  device.handlers.onRefreshed?.(description(9300));
  await settle();
  t.equal(box.media.sessions[1]?.configured.at(-1)?.remotePort, 9300);
  caller.handlers.onRefreshed?.(description(9400));
  await settle();
  t.equal(box.media.sessions[0]?.configured.at(-1)?.remotePort, 9400);
});

t.test('hanging up while the media are joined is no error', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  box.media.isSlow = true;
  box.devices[0]?.answers();
  await turn();
  caller.hangsUp();
  t.equal(call.phase, 'ended');
  box.media.waiting.shift()?.(new Error('the media session is closed'));
  await settle();
  t.same(box.lines, []);
  t.equal(box.media.open.length, 0);
});

t.test('a device is tried by its other flows where one leads nowhere, and by no other answer', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(
    caller,
    box.ring([
      {
        ways: [
          binding('sip:first'),
          binding('sip:closed', { ...FLOW, remotePort: 1 }),
          binding('sip:elsewhere', { ...FLOW, localAddress: '192.0.2.77' }),
          binding('sip:second', { ...FLOW, remotePort: 5080 }, { path: ['<sip:near;lr>', '<sip:edge;lr>'] }),
          binding('sip:third', { ...FLOW, remotePort: 5081 }),
        ],
      },
    ]),
  );
  const refuse = async (status: number): Promise<void> => {
    box.devices.at(-1)?.refuses(status);
    await settle();
  };
  await refuse(430);
  t.match(box.devices.at(-1)?.options, { requestUri: 'sip:second', flow: { remotePort: 5080 } });
  t.same(
    box.devices.at(-1)?.options.headers?.filter(([name]) => name === 'Route'),
    [
      ['Route', '<sip:near;lr>'],
      ['Route', '<sip:edge;lr>'],
    ],
  );
  await refuse(408);
  t.match(box.devices.at(-1)?.options, { requestUri: 'sip:third' });
  t.equal(call.phase, 'starting');
  await refuse(486);
  t.equal(call.phase, 'ended');
  t.same(caller.told, ['486']);
  t.equal(box.devices.length, 3);
  t.equal(box.media.open.length, 0);
});

t.test('a device that sends media before it answers is heard by the caller', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  const [device] = box.devices;
  device?.rings();
  device?.sendsEarly(description(9100));
  await settle();
  t.same(caller.told, ['180', '183 m=audio 4000 RTP/AVP 8']);
  t.equal(box.media.sessions[0]?.peer, box.media.sessions[1]);
  t.equal(call.phase, 'ringing');
  device?.answers(description(9102));
  await settle();
  t.match(caller.accepted, [/m=audio 4000 RTP\/AVP 8/], 'RFC 3264 §4: the same description in the 200');
  t.equal(box.media.sessions[1]?.configured.at(-1)?.remotePort, 9102, 'the device may have moved');
  t.equal(call.phase, 'established');
});

t.test('early media that are of no use ring', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  box.devices[0]?.sendsEarly('no description');
  await settle();
  t.same(caller.told, ['180']);
  t.equal(call.phase, 'ringing');
});

t.test('early media that come as the device answers change nothing', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller);
  box.devices[0]?.sendsEarly(description(9100));
  box.devices[0]?.answers();
  await settle();
  t.same(caller.told, ['200']);
});

t.test('a device that sends media and refuses at once: the call goes on with what follows', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller, box.ring([{}], { after: { busy: box.ring([{ extension: '203' }]) } }));
  box.media.isSlow = true;
  box.devices[0]?.sendsEarly(description(9100));
  await turn();
  box.devices[0]?.refuses(486);
  box.media.waiting.shift()?.(new MediaError('MEDIA_UNKNOWN_SESSION', 'the media session is closed'));
  box.media.isSlow = false;
  await settle();
  t.equal(box.devices.length, 2, 'who is next rings');
  box.devices[1]?.answers();
  await settle();
  t.equal(call.phase, 'established');
  t.same([caller.told, box.lines], [['200'], []]);
});

t.test('a call that is picked up as a device begins to send media has who picked it up', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  const call = await box.call(caller);
  box.media.isSlow = true;
  box.devices[0]?.sendsEarly(description(9100));
  await turn();
  const leg = box.leg(new FakeCaller(), { number: '203', extension: '203' });
  leg.readInvite();
  t.equal(call.pickUp(leg), true);
  await box.media.finish();
  t.equal(call.phase, 'established');
  t.equal(box.media.sessions[0]?.hears, 'session 3');
  t.same(box.lines, []);
});

t.test('a call that is picked up as the box answers it is answered by who picked it up', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  box.media.isSlow = true;
  let answered: boolean | undefined;
  const call = await box.call(caller, (context) => {
    void context.answer('queue').then((isAnswered) => {
      answered = isAnswered;
    });
    return { stop: () => undefined };
  });
  const leg = box.leg(new FakeCaller(), { number: '203', extension: '203' });
  leg.readInvite();
  call.pickUp(leg);
  await box.media.finish();
  t.equal(answered, false);
  t.equal(call.phase, 'established');
  t.same(
    box.events.flatMap((event) => (event.kind === 'answered' ? [event.leg] : [])),
    [1],
  );
});

t.test('a step that throws ends its call, and nothing else', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller, () => {
    throw new Error('a defect');
  });
  t.same(caller.told, ['500']);
  t.match(box.lines.join(), /call failed/);
});

t.test('a caller without an offer hears no early media', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller({ offer: 'none' });
  await box.call(caller);
  box.devices[0]?.sendsEarly(description(9100));
  await settle();
  t.same(caller.told, ['180']);
  box.devices[0]?.answers();
  await settle();
  t.match(caller.accepted, [/m=audio 4000 RTP\/AVP 8 0 18/]);
  caller.acknowledges(description(9000));
  await settle();
  t.equal(box.media.sessions[0]?.configured.at(-1)?.remotePort, 9000);
});

t.test('RFC 3261 §13.2.2.4: an ACK without the answer that is due ends the call', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller({ offer: 'none' });
  await box.call(caller);
  box.devices[0]?.answers();
  await settle();
  caller.acknowledges(undefined);
  await settle();
  t.same(caller.told.at(-1), 'BYE SIP;cause=488');
  t.same(box.devices[0]?.told, ['BYE SIP;cause=488']);
});

t.test('a re-INVITE without an offer gets ours, and its answer comes with the ACK', async (t) => {
  const box = new FakeBox();
  const { call, caller, device } = await box.conversation();
  for (const [handlers, port, index] of [
    [caller.handlers, 9200, 0],
    [device.handlers, 9300, 1],
  ] as const) {
    const session = box.media.sessions[index];
    t.match(await handlers.onReinvite?.(undefined), { sdp: `m=audio ${session?.ports[0]} RTP/AVP 8 0 18` });
    handlers.onAck?.(description(port));
    await settle();
    t.equal(session?.configured.at(-1)?.remotePort, port);
    handlers.onAck?.(description(port + 2));
    await settle();
    t.equal(session?.configured.at(-1)?.remotePort, port, 'no offer waits for that');
    await handlers.onReinvite?.(undefined);
    handlers.onAck?.(undefined);
    await settle();
    t.equal(call.phase, 'established', 'all stays as it was where none comes');
  }
});

t.test('RFC 3261 §20.43: a Warning says what is wrong with an offer', async (t) => {
  const opus = description(9000).replace('RTP/AVP 8', 'RTP/AVP 96\r\na=rtpmap:96 opus/48000/2');
  const box = new FakeBox();
  const { caller } = await box.conversation();
  t.match(await caller.handlers.onReinvite?.(opus), { status: 488, headers: [['Warning', /^305 /]] });
});

t.test('no port is left: 503, and nobody rings on', async (t) => {
  const box = new FakeBox();
  box.media.refusal = new MediaError('MEDIA_NO_PORTS', 'none');
  const caller = new FakeCaller();
  await box.call(caller);
  t.same(caller.told, ['503']);
  t.equal(box.devices.length, 0);
  t.same(box.history, ['started', 'ringing', 'ended failed by box']);
});

t.test('a kind of step that nobody runs is refused with 501', async (t) => {
  const box = new FakeBox();
  const caller = new FakeCaller();
  await box.call(caller, { kind: 'mailbox', purpose: 'leave', mailbox: '202', because: 'dialled' });
  t.same(caller.told, ['501']);
  t.match(box.lines.join(), /nothing in this version does that/);
});
