import t from 'tap';
import type { Call } from '../../../firmware/call/call.ts';
import { ConferenceRoom } from '../../../firmware/call/feature/conference-room.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { FakeBox, FakeCaller, settle } from '../fakes.ts';

for (const mayBeOutside of [false, true]) {
  const what = mayBeOutside ? 'stay where that is allowed' : 'are hung up on';
  t.test(`those who came over lines, when everybody of the house has left, ${what}`, async (t) => {
    const box = new FakeBox();
    let isOver = false;
    const room = new ConferenceRoom({
      media: async () => box.media.client,
      locale: 'en-GB',
      owner: '201',
      alone: 'ended',
      mayBeOutside: () => mayBeOutside,
      hasPlace: () => true,
      clock: box.clock,
      logger: createLogger('silent'),
      onChanged: () => undefined,
      onLeft: () => undefined,
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
