import { spawnSync } from 'node:child_process';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { headerValue, type SipMessage } from '../../support/phone/sip-message.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import { type SipOffice, sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20, conferenceCentre: 'ConfServer' } },
  users: { 201: { name: 'Anna & <Co>' }, 202: { name: 'Ben' }, 203: { name: 'Carla' } },
  shortCodes: defaultShortCodes('en-GB'),
};

const roomOf = (phone: TestPhone): string => /<(sip:[^>;]+)/.exec(phone.answerContact)?.[1] ?? '';
const subscribe = (phone: TestPhone, uri: string, more: SipMessage['headers'] = []): Promise<SipMessage> =>
  phone.send('SUBSCRIBE', uri, [['Event', 'conference'], ['Expires', '600'], ...more]);

/** Reads a document with a parser that is not ours: the element `conference-info` as words. */
function read(document: string): { readonly [name: string]: unknown } {
  const program = [
    'import sys, json, xml.etree.ElementTree as tree',
    'ns = "{urn:ietf:params:xml:ns:conference-info}"',
    'root = tree.fromstring(sys.stdin.buffer.read())',
    'assert root.tag == ns + "conference-info", root.tag',
    'users = [{"entity": u.get("entity"), "state": u.get("state"), "name": u.findtext(ns + "display-text"),',
    '  "role": u.findtext(ns + "roles/" + ns + "entry"), "status": [e.findtext(ns + "status") for e in u.iter(ns + "endpoint")],',
    '  "media": [e.findtext(ns + "status") for e in u.iter(ns + "media")]} for u in root.iter(ns + "user")]',
    'print(json.dumps({"entity": root.get("entity"), "state": root.get("state"), "version": root.get("version"),',
    '  "count": root.findtext(ns + "conference-state/" + ns + "user-count"), "users": users,',
    '  "speaker": root.findtext(ns + "conference-state/{urn:ringdown:conference}speaker")}))',
  ].join('\n');
  const { status, stdout, stderr } = spawnSync('python3', ['-c', program], { input: document, encoding: 'utf8' });
  if (status !== 0) throw new Error(`no well-formed document: ${stderr}\n${document}`);
  return JSON.parse(stdout) as { readonly [name: string]: unknown };
}

/** The NOTIFY of that version; `office.clock` is not that of SIP, whose pause between two is a second. */
const version = (phone: TestPhone, number: number): Promise<SipMessage> =>
  phone.event(({ body }) => body.includes(`version="${number}"`), `version ${number}`);

const inside = (office: SipOffice, count: number): Promise<void> =>
  office.until(() => office.media.conferences[0]?.parties.size === count, `${count} in the conference`);

sipOfficeTest(
  'SUBSCRIBE to the conference: the full state, then what changes, then the end',
  OFFICE,
  async (t, office) => {
    const anna = await office.phone('201', { takesEvents: true });
    const [ben, carla] = [await office.phone('202'), await office.phone('203')];
    await anna.call('ConfServer');
    const room = roomOf(anna);
    const entity = room.replace(/@.*/, '@box.example');
    await ben.call(room);
    await inside(office, 2);
    t.equal((await subscribe(anna, room)).status, 200);
    const first = await version(anna, 0);
    t.equal(headerValue(first, 'content-type'), 'application/conference-info+xml');
    t.match(headerValue(first, 'subscription-state'), /^active;expires=600/);
    const user = (number: string, name: string, more = {}) => ({
      entity: `sip:${number}@box.example`,
      ...{ state: 'full', name, role: 'participant', status: ['connected'], media: ['sendrecv'], ...more },
    });
    const annas = user('201', 'Anna & <Co>', { role: 'moderator' });
    t.same(read(first.body), {
      ...{ entity, state: 'full', version: '0', count: '2', speaker: null },
      users: [annas, user('202', 'Ben')],
    });
    await carla.call(room);
    t.same(read((await version(anna, 1)).body), {
      ...{ entity, state: 'partial', version: '1', count: '3', speaker: null },
      users: [user('203', 'Carla')],
    });
    await anna.refer('<sip:202@box;mute=on>');
    t.same(read((await version(anna, 2)).body), {
      ...{ entity, state: 'partial', version: '2', count: null, speaker: null },
      users: [user('202', 'Ben', { status: ['muted-via-focus'], media: ['recvonly'] })],
    });
    office.media.conferences[0]?.tellSpeaker(office.media.open[2]?.id);
    t.match(read((await version(anna, 3)).body), { users: [], count: '3', speaker: 'sip:203@box.example' });
    await carla.bye();
    t.match(read((await version(anna, 4)).body), {
      ...{ count: '2', speaker: null },
      users: [{ entity: 'sip:203@box.example', state: 'deleted' }],
    });
    await ben.bye();
    await anna.ended();
    const last = await anna.event(
      (notify) => /^terminated;reason=noresource/.test(headerValue(notify, 'subscription-state')),
      'the end of the conference',
    );
    t.equal(last.body, '');
  },
);

sipOfficeTest('SUBSCRIBE is for who is in the conference, as long as he is', OFFICE, async (t, office) => {
  const phones = [
    await office.phone('201'),
    await office.phone('202', { takesEvents: true }),
    await office.phone('203'),
  ];
  const [anna, ben, carla] = phones as [TestPhone, TestPhone, TestPhone];
  await anna.call('ConfServer');
  const room = roomOf(anna);
  t.equal((await subscribe(ben, room)).status, 403, 'not in it yet');
  t.equal((await subscribe(ben, 'sip:ConfServer@box')).status, 404);
  t.equal((await subscribe(ben, `sip:conf${'0'.repeat(24)}@box`)).status, 404);
  t.equal((await subscribe(ben, `sip:${'%20'.repeat(400)}@box`)).status, 404);
  await Promise.all([ben.call(room), carla.call(room)]);
  await inside(office, 3);
  t.equal((await subscribe(ben, room, [['Accept', 'application/sdp']])).status, 406);
  t.equal((await subscribe(ben, room)).status, 200);
  await version(ben, 0);
  await ben.bye();
  const last = await ben.event(
    (notify) => /^terminated;reason=rejected/.test(headerValue(notify, 'subscription-state')),
    'the end of the subscription',
  );
  t.equal(last.body, '', 'whoever has left knows nothing more');
  await Promise.all([anna.bye(), carla.ended()]);
});

sipOfficeTest('a party that holds is told as such, and as connected once it goes on', OFFICE, async (t, office) => {
  const anna = await office.phone('201', { takesEvents: true });
  const ben = await office.phone('202');
  await anna.call('ConfServer');
  const room = roomOf(anna);
  await ben.call(room);
  await inside(office, 2);
  await subscribe(anna, room);
  await version(anna, 0);
  const told = async (number: number): Promise<unknown> => {
    const { users } = read((await version(anna, number)).body);
    return (users as readonly { readonly status: unknown; readonly media: unknown }[]).map(({ status, media }) => [
      status,
      media,
    ]);
  };
  t.equal((await ben.offerAgain('sendonly')).status, 200);
  t.same(await told(1), [[['on-hold'], ['sendonly']]]);
  t.equal((await ben.offerAgain('sendrecv')).status, 200);
  t.same(await told(2), [[['connected'], ['sendrecv']]]);
  await Promise.all([anna.bye(), ben.ended()]);
});
