/** A party of whom nothing is heard: whether it has vanished, or only says nothing. */
import t from 'tap';
import { description, FakeBox, FakeCaller, responseOf, settle } from '../fakes.ts';

const WITH_NOISE = (port: number): string => description(port, 'a=rtpmap:13 CN/8000').replace('AVP 8', 'AVP 8 13');

async function conversation(pauses: boolean) {
  const box = new FakeBox();
  const caller = new FakeCaller({ offer: pauses ? WITH_NOISE(9000) : description(9000) });
  const call = await box.call(caller);
  box.devices[0]?.answers(pauses ? WITH_NOISE(9100) : description(9100));
  await box.media.finish();
  caller.acknowledges();
  await settle();
  const session = box.media.sessions.find(({ id }) => id === 1);
  if (session === undefined) throw new Error('no session');
  const asked: string[] = [];
  const fallsSilent = async (): Promise<void> => {
    session.tell({ kind: 'silent', durationMs: session.configured.at(-1)?.silenceMs ?? 0 });
    await settle();
  };
  return { box, call, caller, session, asked, fallsSilent };
}

t.test('who pauses, is muted and answers OPTIONS stays, each time that he is asked', async (t) => {
  const { call, caller, session, asked, fallsSilent } = await conversation(true);
  t.equal(session.configured.at(-1)?.silenceMs, 600_000);
  caller.requested = async (method) => {
    asked.push(method);
    return responseOf(200);
  };
  for (const time of [1, 2, 3]) {
    const before = session.configured.length;
    await fallsSilent();
    t.equal(call.phase, 'established', `${time}`);
    const since = session.configured.slice(before).map(({ silenceMs }) => silenceMs);
    t.same(since, [undefined, 600_000], 'the worker listens anew');
  }
  t.same(asked, ['OPTIONS', 'OPTIONS', 'OPTIONS']);
  call.hangUp();
});

for (const status of [405, 501]) {
  t.test(`who answers with ${status} is there too`, async (t) => {
    const { call, caller, fallsSilent } = await conversation(true);
    caller.requested = async () => responseOf(status);
    await fallsSilent();
    t.equal(call.phase, 'established');
    call.hangUp();
  });
}

for (const status of [408, 481, 503]) {
  t.test(`a call whose silent party answers with ${status} ends`, async (t) => {
    const { box, call, caller, fallsSilent } = await conversation(true);
    caller.requested = async () => responseOf(status);
    await fallsSilent();
    t.equal(call.phase, 'ended');
    t.match(caller.told.at(-1), /^BYE Q\.850;cause=102/);
    t.match(box.devices[0]?.told.at(-1), /^BYE Q\.850;cause=102/);
  });
}

t.test('nobody is asked who never agreed on pauses', async (t) => {
  const { call, caller, session, asked, fallsSilent } = await conversation(false);
  t.equal(session.configured.at(-1)?.silenceMs, 60_000);
  caller.requested = async (method) => {
    asked.push(method);
    return responseOf(200);
  };
  await fallsSilent();
  t.same([call.phase, asked], ['ended', []]);
});

t.test('who hangs up while he is asked has hung up', async (t) => {
  const { box, call, caller, fallsSilent } = await conversation(true);
  caller.requested = async () => {
    caller.hangsUp();
    return responseOf(481);
  };
  await fallsSilent();
  t.equal(call.phase, 'ended');
  t.same(box.devices[0]?.told, ['BYE']);
});
