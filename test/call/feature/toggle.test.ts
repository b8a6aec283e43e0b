import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};

sipOfficeTest('*29 goes round the calls that are on hold, the longest held first', OFFICE, async (t, office) => {
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  // A phone of one call: the other lines are other phones that the box takes for the same device.
  const line = () => office.phone('201', {}, '201 0');
  const [first, second, third, fourth] = [await line(), await line(), await line(), await line()];
  t.match(await third.call('*29'), { status: 480 }, 'without a call');
  await office.conversation(first, ben, '202');
  t.match(await third.call('*29'), { status: 480 }, 'what is not on hold is not toggled');
  await first.offerAgain('sendonly');
  office.clock.advance(1000);
  await office.conversation(second, carla, '203');
  await second.offerAgain('sendonly');
  office.clock.advance(1000);
  t.match(await third.call('*29'), { status: 200 });
  await first.ended();
  await third.offerAgain('sendonly');
  t.match(await fourth.call('*29'), { status: 200 });
  await second.ended();
  await Promise.all([third.bye(), ben.ended()]);
  await Promise.all([fourth.bye(), carla.ended()]);
});

sipOfficeTest('*29 brings nobody the calls of another device', OFFICE, async (t, office) => {
  const [ben, desk, other] = [await office.phone('202'), await office.phone('201'), await office.phone('201')];
  await office.conversation(desk, ben, '202');
  await desk.offerAgain('sendonly');
  t.match(await other.call('*29'), { status: 480 });
  t.same(office.conversations, ['201 202']);
});
