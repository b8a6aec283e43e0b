import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' }, 204: { name: 'Dora' } },
  huntGroups: {
    300: { name: 'Sales', members: [{ user: '202' }, { user: '203' }] },
    301: { name: 'Help', members: [{ user: '204' }] },
  },
  shortCodes: defaultShortCodes('en-GB'),
};

/** Ben rings, Carla dials. */
const codes: readonly (readonly [title: string, dialled: string, status: number])[] = [
  ['any', '*30', 200],
  ['of a group of hers', '*31', 200],
  ['of an extension', '*32*202%23', 200],
  ['of an extension that does not ring', '*32*204%23', 480],
  ['of an extension that is none', '*32*999%23', 480],
  ['of members of a group', '*53*300%23', 200],
  ['of members of a group whose phones are quiet', '*53*301%23', 480],
  ['by the code to acquire a call', '*45*202%23', 200],
];
for (const [title, dialled, status] of codes) {
  sipOfficeTest(`pick-up ${title}`, OFFICE, async (t, office) => {
    const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
    await anna.invite('202');
    await ben.incomingCall();
    await anna.ringing();
    t.match(await carla.call(dialled), { status });
    if (status === 200) {
      t.match(await anna.answered(), { status: 200 });
      await ben.ended();
      t.match(await ben.transcript(), /\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n/);
      await office.until(() => office.conversations.includes('201 203'), 'both to talk');
      await Promise.all([carla.bye(), anna.ended()]);
    } else {
      await Promise.all([ben.answer(), anna.answered()]);
      await office.until(() => office.conversations.includes('201 202'), 'both to talk');
      await Promise.all([anna.bye(), ben.ended()]);
    }
    await office.until(() => office.media.open.length === 0, 'every port to be free');
  });
}

sipOfficeTest('nobody picks up of a group that he is not in, nor what does not ring', OFFICE, async (t, office) => {
  const [anna, ben, dora] = [await office.phone('201'), await office.phone('202'), await office.phone('204')];
  t.match(await dora.call('*30'), { status: 480 });
  await anna.invite('202');
  await ben.incomingCall();
  await anna.ringing();
  t.match(await dora.call('*31'), { status: 480 });
  await ben.answer();
  await anna.answered();
  await office.until(() => office.conversations.length === 1, 'both to talk');
  t.match(await dora.call('*30'), { status: 480 }, 'it is answered');
});

sipOfficeTest('steal: the call of a user goes on at his other device', OFFICE, async (t, office) => {
  const [anna, second, ben] = [await office.phone('201'), await office.phone('201'), await office.phone('202')];
  await office.conversation(ben, anna, '201');
  await second.ended();
  t.match(await second.call('*45*201%23'), { status: 200 });
  await anna.ended();
  await office.until(() => office.conversations.includes('201 202'), 'both to talk');
  t.ok(office.events.some((event) => event.kind === 'joined' && event.how === 'steal' && event.by?.user === '201'));
  t.equal(office.media.open.length, 2);
  t.match(await anna.call('*45*%23'), { status: 200 }, 'and back');
  await second.ended();
  await Promise.all([anna.bye(), ben.ended()]);
});

sipOfficeTest('nobody steals a conversation of somebody else', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(ben, anna, '201');
  t.match(await carla.call('*45*201%23'), { status: 403 });
  t.match(await carla.call('*45*203%23'), { status: 480 }, 'there is none of her own');
  t.same(office.conversations, ['201 202']);
});
