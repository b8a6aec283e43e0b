import type { TestPhone } from '../../support/phone/test-phone.ts';
import { sipOfficeTest } from './sip-office.ts';

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } } };

/** Replaces for the box, of a call that a phone is in, or that rings there. */
function replaces({ dialog }: TestPhone, more = ''): { readonly headers: readonly (readonly [string, string])[] } {
  const { callId, localTag, remoteTag } = dialog;
  return { headers: [['Replaces', `${callId};to-tag=${remoteTag};from-tag=${localTag}${more}`]] };
}

sipOfficeTest('INVITE with Replaces: a user takes the call of his other device', OFFICE, async (t, office) => {
  const [anna, second, ben] = [await office.phone('201'), await office.phone('201'), await office.phone('202')];
  await office.conversation(anna, ben, '202');
  t.match(await second.call('201', replaces(anna, ';early-only')), { status: 486 }, 'it is not early');
  t.match(await second.call('201', replaces(anna)), { status: 200 });
  await anna.ended();
  await office.until(() => office.conversations.includes('201 202'), 'both to talk');
  t.equal(office.media.open.length, 2);
  await Promise.all([second.bye(), ben.ended()]);
});

sipOfficeTest('INVITE with Replaces of a call of others is refused, and theirs goes on', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await office.conversation(anna, ben, '202');
  t.match(await carla.call('201', replaces(anna)), { status: 403 });
  t.match(await carla.call('202', replaces(ben)), { status: 403 });
  t.match(await carla.call('202', { headers: [['Replaces', 'a;to-tag=b;from-tag=c']] }), { status: 481 });
  t.same(office.conversations, ['201 202']);
  t.equal(office.media.open.length, 2);
  await Promise.all([anna.bye(), ben.ended()]);
});

sipOfficeTest('INVITE with Replaces of what rings elsewhere picks it up', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await anna.invite('202');
  await ben.incomingCall();
  await anna.ringing();
  t.match(await carla.call('202', replaces(ben, ';early-only')), { status: 200 });
  t.match(await anna.answered(), { status: 200 });
  await ben.ended();
  t.match(await ben.transcript(), /\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n/);
  await office.until(() => office.conversations.includes('201 203'), 'both to talk');
});
