import t from 'tap';
import { TONE_REGIONS, type ToneName, type TonePattern, toneOf } from '../../firmware/media/tones.ts';
import { country } from '../../firmware/phones/locale.ts';

const NAMES: readonly ToneName[] = [
  'dial',
  'ringBack',
  'busy',
  'congestion',
  'callWaiting',
  'recordingWarning',
  'conferenceEntry',
  'conferenceExit',
];

/** `400+450/400 0/200`, as a reader of ITU-T E.180 would note it down. */
function noted({ steps, repeatFrom }: TonePattern): string {
  const words = steps.map(
    ({ durationMs, frequencies }) => `${frequencies.map(({ hz }) => hz).join('+') || '0'}/${durationMs}`,
  );
  if (repeatFrom === undefined) return `${words.join(' ')} once`;
  return repeatFrom === 0 ? words.join(' ') : `${words.join(' ')} again from ${repeatFrom}`;
}

const cases = [
  ['en-GB', 'ringBack', '400+450/400 0/200 400+450/400 0/2000'],
  ['en-GB', 'dial', '350+440/1000'],
  ['en-GB', 'busy', '400/375 0/375'],
  ['en-GB', 'congestion', '400/400 0/350 400/225 0/525'],
  ['en-GB', 'callWaiting', '400/100 0/4000'],
  ['en-US', 'ringBack', '440+480/2000 0/4000'],
  ['en-US', 'busy', '480+620/500 0/500'],
  ['en-US', 'congestion', '480+620/250 0/250'],
  ['fr-CA', 'callWaiting', '440/300 0/10000'],
  ['de-DE', 'ringBack', '425/1000 0/4000'],
  ['de-DE', 'busy', '425/480 0/480'],
  ['de-DE', 'congestion', '425/240 0/240'],
  ['fr-FR', 'ringBack', '440/1500 0/3500'],
  ['fr-FR', 'busy', '440/500 0/500'],
  ['it-IT', 'dial', '425/200 0/200 425/600 0/1000'],
  ['it-IT', 'congestion', '425/200 0/200'],
  ['es-ES', 'ringBack', '425/1500 0/3000'],
  ['es-ES', 'busy', '425/200 0/200'],
  ['nl-NL', 'congestion', '425/250 0/250'],
  ['zh-CN', 'busy', '450/350 0/350'],
  ['zh-CN', 'congestion', '450/700 0/700'],
  ['ja-JP', 'ringBack', '400+384+416/1000 0/2000'],
  ['ja-JP', 'busy', '400/500 0/500'],
  ['en-AU', 'ringBack', '413+438/400 0/200 413+438/400 0/2000'],
  ['en-AU', 'recordingWarning', '425/1000 0/15000 425/360 0/15000 again from 2'],
  ['xx-XX', 'ringBack', '425/1000 0/4000'],
  ['xx-XX', 'recordingWarning', '1400/500 0/14500'],
  ['__proto__', 'busy', '425/500 0/500'],
  ['en-GB', 'conferenceEntry', '660/100 880/150 once'],
  ['en-GB', 'conferenceExit', '880/100 660/150 once'],
] as const;

for (const [locale, name, wanted] of cases) {
  t.test(`${name} of ${locale}: ${wanted}`, async (t) => {
    t.equal(noted(toneOf(locale, name)), wanted);
  });
}

t.test('every region that phones know by name has tones of its own, and so have some more', async (t) => {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const regions = letters.flatMap((first) => letters.map((second) => first + second));
  const named = regions.filter((region) => country(`xx-${region}`) !== region);
  t.ok(named.length > 20);
  t.same(
    named.filter((region) => !TONE_REGIONS.includes(region)),
    [],
  );
});

t.test('no tone is out of the ranges that the worker takes, or too loud', async (t) => {
  for (const region of [...TONE_REGIONS, 'XX']) {
    for (const name of NAMES) {
      const { steps, repeatFrom } = toneOf(`en-${region}`, name);
      const what = `${name} of ${region}`;
      t.ok(steps.length >= 1 && steps.length <= 16, what);
      t.ok(repeatFrom === undefined || (repeatFrom >= 0 && repeatFrom < steps.length), what);
      for (const { durationMs, frequencies } of steps) {
        t.ok(Number.isInteger(durationMs) && durationMs >= 1 && durationMs <= 60_000, what);
        t.ok(frequencies.length <= 4, what);
        let power = 0;
        for (const { hz, dbm0 } of frequencies) {
          t.ok(Number.isInteger(hz) && hz >= 300 && hz <= 1400, `${what}: ${hz} Hz`);
          t.ok(Number.isInteger(dbm0) && dbm0 >= -60, what);
          power += 10 ** (dbm0 / 10);
        }
        if (power > 0) t.ok(power < 10 ** -0.9 && power > 10 ** -2.1, `${what}: ${10 * Math.log10(power)} dBm0`);
      }
    }
  }
});
