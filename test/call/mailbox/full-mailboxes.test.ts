import t from 'tap';
import { FullMailboxes } from '../../../firmware/call/mailbox/full-mailboxes.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { configurationOf } from '../routing/support/office.ts';

t.test('a full mailbox is a notice, once a day however many callers find it so', async (t) => {
  const clock = new FakeClock();
  const notices: string[] = [];
  const full = new FullMailboxes({ onNotice: (code, message) => notices.push(`${code} ${message}`), clock });
  for (const mailbox of ['202', '202', '203', '202']) full.turnedAway(mailbox);
  const told = (mailbox: string) =>
    `MAILBOX_FULL a caller found no room in the mailbox of ${mailbox}: messages have to be deleted`;
  t.same(notices, [told('202'), told('203')]);
  clock.advance(86_400_000);
  full.turnedAway('202');
  t.same(notices, [told('202'), told('203'), told('202')]);
});

t.test('messages of all users are 15 hours at most, on a new box and on any', async (t) => {
  t.equal(configurationOf({}).system.voicemail.totalMinutes, 15 * 60);
  const more = (): unknown => configurationOf({ system: { voicemail: { totalMinutes: 15 * 60 + 1 } } });
  t.throws(more);
});
