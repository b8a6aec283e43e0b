/** A call on hold whose telephones are gone: nothing is heard of either, and no media are watched. */
import { FakeClock } from '../support/fake-clock.ts';
import { sipOfficeTest } from './feature/sip-office.ts';

const OFFICE = { users: { 201: { name: 'Anna' }, 202: { name: 'Ben' } } };
/** The box refreshes each session after half of its time. */
const REFRESH_MS = 900_000;
/** And waits so long for the answer (RFC 3261 §17.1, timers B and F). */
const ANSWER_MS = 32_000;

const sipClock = new FakeClock();

sipOfficeTest(
  'a call on hold ends a quarter of an hour and half a minute after both of its telephones are gone',
  OFFICE,
  async (t, office) => {
    const [anna, ben] = [await office.phone('201'), await office.phone('202')];
    await office.conversation(anna, ben, '202');
    await anna.offerAgain('sendonly');
    await office.until(
      () => office.media.open.some(({ hears }) => hears !== 'nothing' && !/^session/.test(hears)),
      'music',
    );
    // Whatever it sent before has come by then.
    await anna.options();
    await Promise.all([anna.close(), ben.close()]);
    const sinceMs = sipClock.elapsed();
    sipClock.advance(REFRESH_MS - 1000);
    t.same(office.conversations, ['201 202'], 'nobody knows yet');
    // Goes on while the office closes, which waits for the answers to its BYEs.
    const running = setInterval(() => sipClock.advance(250), 5);
    t.teardown(() => clearInterval(running));
    await office.until(() => office.conversations.length === 0, 'the end of the call');
    const tookMs = sipClock.elapsed() - sinceMs;
    t.ok(tookMs < REFRESH_MS + ANSWER_MS + 5000, `it ended after ${tookMs} ms`);
    await office.until(() => office.media.open.length === 0, 'every port to be free');
  },
  sipClock,
);
