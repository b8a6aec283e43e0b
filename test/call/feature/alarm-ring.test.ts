import t from 'tap';
import { AlarmRing } from '../../../firmware/call/feature/alarm-ring.ts';
import type { OutgoingLegOptions } from '../../../firmware/call/leg/outgoing-leg.ts';
import { FakeBox, type FakeDevice, FLOW, SETTINGS, settle } from '../fakes.ts';

/** Devices of one person that ring for an alarm. */
async function ringing(count: number) {
  const box = new FakeBox();
  const devices = Array.from({ length: count }, (_, index): OutgoingLegOptions => {
    const uri = `sip:20${index}@192.0.2.2`;
    return {
      services: box.services,
      party: { number: `20${index}`, name: 'Workshop' },
      settings: SETTINGS,
      ways: [{ flow: FLOW, requestUri: uri, from: { uri: 'sip:box' }, to: { uri }, maxForwards: 70 }],
    };
  });
  const seen = { over: 0, errors: [] as unknown[] };
  const ring = new AlarmRing({
    devices,
    says: ['en/number-2'],
    onFailed: (error) => seen.errors.push(error),
    onOver: () => {
      seen.over += 1;
    },
  });
  await settle();
  const [first, second] = box.devices as [FakeDevice, FakeDevice];
  const heardOut = async () => {
    for (const session of box.media.open) session.tell({ kind: 'playbackEnded', playback: 1 });
    await settle();
  };
  return { box, ring, seen, first, second, heardOut };
}

t.test('whoever answers hears it, and then it is over', async (t) => {
  const { box, seen, first, second, heardOut } = await ringing(2);
  second.answers();
  await settle();
  t.match(first.told, [/^CANCEL .*completed elsewhere/]);
  t.equal(seen.over, 0, 'not before he has heard it');
  t.match(
    box.media.open.map(({ hears }) => hears),
    ['en/number-2'],
  );
  await heardOut();
  t.equal(seen.over, 1);
  t.equal(second.ended, true);
  t.equal(box.media.open.length, 0);
});

t.test('it is over where whoever answered hangs up', async (t) => {
  const { box, seen, first } = await ringing(1);
  first.answers();
  await settle();
  first.hangsUp();
  await settle();
  t.equal(seen.over, 1);
  t.equal(box.media.open.length, 0);
});

t.test('it is over where nothing of his rings any more', async (t) => {
  const { seen, first, second } = await ringing(2);
  first.refuses(486);
  await settle();
  t.equal(seen.over, 0);
  second.vanishes();
  await settle();
  t.equal(seen.over, 1);
  t.equal((await ringing(0)).seen.over, 1, 'nor where nothing ever did');
});

t.test('one that is stopped says nothing', async (t) => {
  const { ring, seen, first } = await ringing(1);
  ring.stop();
  first.refuses(487);
  await settle();
  t.equal(seen.over, 0);
  t.strictSame(seen.errors, []);
});
