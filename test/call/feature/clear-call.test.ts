import type { TestPhone } from '../../support/phone/test-phone.ts';
import { sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: { '*52': { feature: 'clear-call' } },
};

sipOfficeTest('the call that was put on hold last is cleared, and no other', OFFICE, async (t, office) => {
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  const line = () => office.phone('201', {}, '201 0');
  const [first, second, third, elsewhere] = [await line(), await line(), await line(), await office.phone('201')];
  await office.conversation(first, ben, '202');
  const clear = async (phone: TestPhone): Promise<void> => {
    t.match(await phone.call('*52'), { status: 200 });
    // The tone that says what came of it.
    office.clock.advance(5000);
    await phone.ended();
  };
  await clear(third);
  t.same(office.conversations, ['201 202'], 'what is not on hold goes on');
  await first.offerAgain('sendonly');
  office.clock.advance(1000);
  await office.conversation(second, carla, '203');
  await second.offerAgain('sendonly');
  await clear(elsewhere);
  t.same(office.conversations, ['201 202', '201 203'], 'nor what is on hold at another telephone');
  await clear(third);
  await Promise.all([second.ended(), carla.ended()]);
  t.same(office.conversations, ['201 202']);
  await first.bye();
});
