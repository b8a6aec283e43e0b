/** Keys of telephones that know no telephone-event: the box hears them in their audio, whatever codec that has. */
import { officeTest } from './office.ts';

for (const codec of ['PCMU', 'G729'] as const) {
  officeTest(
    `the tones of a telephone with ${codec} are keys of telephone-event for the other one`,
    async (t, office) => {
      const caller = await office.registered('201', { codecs: [codec], telephoneEvent: false });
      const called = await office.registered('202');
      await caller.invite('202');
      await called.incomingCall();
      await Promise.all([caller.answered(), called.answer()]);
      for (const key of '36#') {
        await caller.pressKey(key);
        t.match(await called.receivesKey(key), { digit: key, endPackets: 3 });
      }
      await Promise.all([caller.bye(), called.ended()]);
      t.same(await office.mediaPortsLeft(), []);
    },
  );
}
