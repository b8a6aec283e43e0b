import t from 'tap';
import type { Call } from '../../../firmware/call/call.ts';
import { ConferenceRoom, type ConferenceRoomOptions } from '../../../firmware/call/feature/conference-room.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { FakeBox, FakeCaller, settle } from '../fakes.ts';

function newRoom(box: FakeBox, more: Partial<ConferenceRoomOptions> = {}): ConferenceRoom {
  return new ConferenceRoom({
    media: async () => box.media.client,
    locale: 'en-GB',
    speakers: 3,
    owner: '201',
    alone: 'ended',
    mayBeOutside: () => true,
    hasPlace: () => true,
    clock: box.clock,
    logger: createLogger('silent'),
    onChanged: () => undefined,
    onLeft: () => undefined,
    onOver: () => undefined,
    ...more,
  });
}

for (const mayBeOutside of [false, true]) {
  const what = mayBeOutside ? 'stay where that is allowed' : 'are hung up on';
  t.test(`those who came over lines, when everybody of the house has left, ${what}`, async (t) => {
    const box = new FakeBox();
    let isOver = false;
    const room = newRoom(box, {
      mayBeOutside: () => mayBeOutside,
      onOver: () => {
        isOver = true;
      },
    });
    const complete = room.expect();
    const enter = async (line?: string): Promise<{ readonly call: Call; readonly caller: FakeCaller }> => {
      const caller = new FakeCaller();
      const party = line === undefined ? {} : { number: '02079461111', line };
      const call = await box.call(caller, (context) => room.enter(context), { waiting: box.leg(caller, party) });
      caller.acknowledges();
      await settle();
      return { call, caller };
    };
    const [anna, first, second] = [await enter(), await enter('1'), await enter('2')];
    complete();
    const [conference] = box.media.conferences;
    t.equal(conference?.parties.size, 3);
    anna.call.hangUp(anna.call.waiting);
    await settle();
    t.equal(isOver, !mayBeOutside);
    if (mayBeOutside) {
      t.equal(conference?.parties.size, 2);
      first.call.hangUp(first.call.waiting);
      await settle();
    }
    for (const { caller, call } of [first, second]) t.same([caller.ended, call.phase], [true, 'ended']);
    t.equal(conference?.closed, true);
  });
}

t.test('who is muted as he comes in is not heard', async (t) => {
  const box = new FakeBox();
  const room = newRoom(box);
  room.expect();
  const enter = async (): Promise<Call> => {
    const caller = new FakeCaller();
    const call = await box.call(caller, (context) => room.enter(context));
    caller.acknowledges();
    await settle();
    return call;
  };
  await enter();
  const [conference] = box.media.conferences;
  if (conference === undefined) throw new Error('no conference');
  conference.join = async ({ session }) => {
    conference.parties.add(session);
    for (const { leg, isConnected } of room.members) if (!isConnected) room.mute(leg, true);
  };
  const { waiting } = await enter();
  t.equal(room.isMuted(waiting), true);
  t.same([...conference.muted], [(await waiting.media.session()).id]);
  room.end();
});
