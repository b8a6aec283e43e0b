import t from 'tap';
import { ConferencePins } from '../../../firmware/call/feature/conference-pin.ts';
import { DONE, NOT_DONE } from '../../../firmware/call/feature/confirmation.ts';
import type { PinVerdict } from '../../../firmware/call/pin-guard.ts';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { hashPassword } from '../../../firmware/config/secrets/scrypt.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import type { Sound } from '../../../firmware/media/client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { TestPhone } from '../../support/phone/test-phone.ts';
import { type FakeSession, settle } from '../fakes.ts';
import { configurationOf } from '../routing/support/office.ts';
import { type SipOffice, sipOfficeTest } from './sip-office.ts';

const conferencePin = await hashPassword('471147');

const OFFICE = {
  system: { telephony: { noAnswerSeconds: 20, conferenceCentre: 'ConfServer' } },
  users: { 201: { name: 'Anna', conferencePin }, 202: { name: 'Ben' }, 203: { name: 'Carla' }, 204: { name: 'Dora' } },
  shortCodes: {
    ...defaultShortCodes('en-GB'),
    '*66*N#': { feature: 'conference-meet-me', telephoneNumber: 'N' },
  },
};
const OPEN = {
  ...OFFICE,
  users: { ...OFFICE.users, 201: { name: 'Anna' } },
};

const roomOf = (phone: TestPhone): string => /<(sip:[^>;]+)/.exec(phone.answerContact)?.[1] ?? '';
const inside = (office: SipOffice, count: number): Promise<void> =>
  office.until(() => office.media.conferences.at(-1)?.parties.size === count, `${count} in the conference`);

/** Presses keys as the media worker tells of them. */
function press(session: FakeSession | undefined, keys: string): void {
  for (const digit of keys) session?.tell({ kind: 'digit', digit, durationMs: 100 });
}

/** What a party hears next is that. */
const hears = (office: SipOffice, session: FakeSession | undefined, sound: Sound): Promise<void> =>
  office.until(() => session?.sound === sound, sound === DONE ? 'a confirmation' : 'a refusal');

/** The newest session. */
const newest = (office: SipOffice): FakeSession | undefined => office.media.open.at(-1);

/** In a conference of 201, in the order of their numbers. */
async function conference(office: SipOffice) {
  const phones = [await office.phone('201'), await office.phone('202'), await office.phone('203')] as const;
  const [anna, ben, carla] = phones;
  await anna.call('ConfServer');
  await ben.call(roomOf(anna));
  await inside(office, 2);
  await carla.call(roomOf(anna));
  await inside(office, 3);
  const sessions = [...office.media.open] as [FakeSession, FakeSession, FakeSession];
  return { anna, ben, carla, room: roomOf(anna), sessions };
}

sipOfficeTest('the owner mutes and drops by keys, and others mute themselves alone', OPEN, async (t, office) => {
  const { anna, ben, carla, sessions } = await conference(office);
  const [annas, bens, carlas] = sessions;
  const muted = (): readonly number[] => [...(office.media.conferences[0]?.muted ?? [])];
  const until = (ids: readonly FakeSession[], what: string): Promise<void> =>
    office.until(() => `${muted()}` === `${ids.map(({ id }) => id)}`, what);
  press(bens, '*2');
  await hears(office, bens, NOT_DONE);
  press(bens, '*5203#');
  press(bens, '*9');
  t.equal(office.media.conferences[0]?.parties.size, 3);
  press(bens, '*1');
  await until([bens], 'one who mutes himself');
  t.equal(bens.hears, 'en/muted');
  press(bens, '*1');
  await until([], 'one who takes it back');
  press(annas, '*3203#');
  await hears(office, annas, DONE);
  await until([carlas], 'one to be muted');
  press(annas, '*2');
  await until([carlas, bens], 'all others to be muted');
  press(annas, '*2');
  await until([], 'nobody to be muted');
  press(annas, '*3999#');
  await hears(office, annas, NOT_DONE);
  press(annas, '*520');
  office.clock.advance(8000);
  press(annas, '3#');
  t.equal(office.media.conferences[0]?.parties.size, 3, 'a command that was not ended in time is none');
  press(annas, '*5202#');
  await ben.ended();
  press(annas, '*4');
  await Promise.all([carla.ended(), anna.ended()]);
});

sipOfficeTest('a conference goes on without its owner, or ends with him as he likes', OPEN, async (_t, office) => {
  const first = await conference(office);
  await first.anna.bye();
  await inside(office, 2);
  await Promise.all([first.ben.bye(), first.carla.ended()]);
  await office.until(() => office.media.open.length === 0, 'the end of the first one');
  const second = await conference(office);
  press(second.sessions[0], '*8');
  await hears(office, second.sessions[0], DONE);
  await second.anna.bye();
  await Promise.all([second.ben.ended(), second.carla.ended()]);
  const third = await conference(office);
  press(third.sessions[0], '*9');
  await Promise.all([third.anna.ended(), third.ben.ended(), third.carla.ended()]);
});

sipOfficeTest('keys are commands again after somebody was called in', OPEN, async (_t, office) => {
  const anna = await office.phone('201');
  await office.phone('203', { incoming: 486 });
  await anna.call('ConfServer');
  await anna.refer('<sip:203@box>');
  await anna.notified(486);
  press(newest(office), '*9');
  await anna.ended();
});

sipOfficeTest('a PIN that the owner sets by keys is asked of whoever comes by himself', OPEN, async (t, office) => {
  const { room, sessions, anna } = await conference(office);
  press(sessions[0], '*6123#');
  await hears(office, sessions[0], NOT_DONE);
  press(sessions[0], '*62580#');
  await hears(office, sessions[0], DONE);
  const dora = await office.phone('204', { incoming: 'answer' });
  t.match(await dora.call(room), { status: 200 });
  await office.until(() => newest(office)?.hears === 'en/mailbox-enter-pin', 'the question');
  press(newest(office), '2580#');
  await inside(office, 4);
  await dora.bye();
  await inside(office, 3);
  t.equal(await anna.refer('<sip:204@box>'), 202, 'and not of who is called in');
  await inside(office, 4);
});

sipOfficeTest('a PIN that is wrong three times: no way in', OFFICE, async (t, office) => {
  const anna = await office.phone('201');
  const ben = await office.phone('202');
  await anna.call('ConfServer');
  await ben.call(roomOf(anna));
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await office.until(() => newest(office)?.hears.includes('en/mailbox-enter-pin') === true, 'the question');
    const asked = newest(office)?.sound;
    press(newest(office), attempt === 2 ? '*1111#471147' : '0000#');
    if (attempt === 3) break;
    // What is pressed while it is looked at is none of the next one.
    await office.until(() => office.log.filter((line) => line.includes('wrong PIN')).length === attempt, 'the refusal');
    office.clock.advance(1000);
    await office.until(
      () => newest(office)?.sound !== undefined && newest(office)?.sound !== asked,
      'the next question',
    );
  }
  await office.until(() => office.log.filter((line) => line.includes('wrong PIN')).length === 3, 'the last refusal');
  office.clock.advance(2000);
  await office.until(() => newest(office)?.hears === 'en/mailbox-locked', 'the last word');
  t.equal(office.media.conferences[0]?.parties.size, 1);
  office.clock.advance(10_000);
  await ben.ended();
  const noted = (what: string): number => office.log.filter((line) => line.includes(what)).length;
  // Three more, and whoever calls again finds it closed; the right one is not looked at, and not called wrong either.
  for (const pins of [['0000#', '0000#', '0000#'], ['471147#']]) {
    await ben.call(roomOf(anna));
    for (const pin of pins) {
      const before = noted('PIN of a conference');
      await office.until(() => newest(office)?.hears.includes('en/mailbox-enter-pin') === true, 'the question');
      press(newest(office), pin);
      await office.until(() => noted('PIN of a conference') > before, 'the refusal');
      const asked = newest(office)?.sound;
      office.clock.advance(8000);
      await office.until(() => newest(office)?.sound !== asked, 'another question, or the last word');
    }
    t.equal(newest(office)?.hears, 'en/mailbox-locked');
    office.clock.advance(10_000);
    await ben.ended();
  }
  t.same([noted('wrong PIN'), noted('PIN of a conference not looked at')], [6, 1]);
  t.equal(office.media.conferences[0]?.parties.size, 1);
});

sipOfficeTest('who presses nothing is hung up on, and who leaves is forgotten', OFFICE, async (t, office) => {
  const anna = await office.phone('201');
  const [ben, carla] = [await office.phone('202'), await office.phone('203')];
  await anna.call('ConfServer');
  await carla.call(roomOf(anna));
  await carla.bye();
  await ben.call(roomOf(anna));
  await office.until(() => newest(office)?.hears === 'en/mailbox-enter-pin', 'the question');
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const asked = newest(office)?.sound;
    office.clock.advance(10_000);
    await office.until(
      () => newest(office)?.sound !== undefined && newest(office)?.sound !== asked,
      `after ${attempt}: another question, or the last word`,
    );
  }
  office.clock.advance(10_000);
  await ben.ended();
  t.notOk(
    office.log.some((line) => line.includes('wrong PIN')),
    'nothing was tried out',
  );
  t.equal(office.media.conferences[0]?.parties.size, 1);
  await anna.bye();
  await office.until(() => office.media.open.length === 0, 'every port to be free');
});

sipOfficeTest('the room of a user: whoever comes first waits there', OFFICE, async (t, office) => {
  const [anna, ben] = [await office.phone('201'), await office.phone('202')];
  t.match(await ben.call('*66*999#'), { status: 404 }, 'of nobody');
  await ben.call('*66*201#');
  await office.until(() => newest(office)?.hears === 'en/mailbox-enter-pin', 'the question');
  press(newest(office), '471147#');
  await inside(office, 1);
  await office.until(() => newest(office)?.hears === 'en/conference-alone', 'what one hears who is alone');
  t.match(await anna.call('*66*201#'), { status: 200 }, 'the owner is asked for nothing');
  await inside(office, 2);
  t.ok(office.media.open.every(({ sound }) => sound === undefined));
  t.equal(office.media.conferences.length, 1);
  await anna.bye();
  await inside(office, 1);
  office.clock.advance(600_000);
  await ben.ended();
  await office.until(() => office.media.open.length === 0, 'every port to be free');
});

t.test('many wrong PINs at once are answered as soon as one, and none is right after the sixth', async (t) => {
  const clock = new FakeClock();
  const pins = new ConferencePins(() => configurationOf(OPEN), clock, createLogger('silent'));
  const answers: PinVerdict[] = [];
  const tryPin = (pin: string): void => {
    void pins.verify({ owner: '201', pin: '2580' }, pin).then((verdict) => answers.push(verdict));
  };
  for (let count = 0; count < 5; count += 1) tryPin('0000');
  tryPin('2580');
  await settle();
  t.same(answers, ['right'], 'the right one waits for no other');
  for (let count = 0; count < 100; count += 1) tryPin('0000');
  tryPin('2580');
  for (let seconds = 0; seconds < 40; seconds += 1) {
    await settle();
    clock.advance(1000);
  }
  await settle();
  t.equal(answers.length, 107);
  t.same([answers.filter((each) => each === 'right').length, answers.at(-1)], [1, 'later']);
});
