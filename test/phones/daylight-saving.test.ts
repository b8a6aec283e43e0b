import t from 'tap';
import { localTime } from '../../firmware/phones/daylight-saving.ts';

interface Case {
  readonly zone: string;
  readonly year?: number;
  /** As `offset hours start stop`, or the offset alone. */
  readonly expected: string;
}

const CASES: readonly Case[] = [
  { zone: 'UTC', expected: '0:00' },
  { zone: 'Europe/London', expected: '0:00 1 LSunMar1L LSunOct2L' },
  { zone: 'Europe/Berlin', expected: '+1:00 1 LSunMar2L LSunOct3L' },
  // The last Sunday is the fourth one in some of these years.
  { zone: 'Europe/Berlin', year: 2025, expected: '+1:00 1 LSunMar2L LSunOct3L' },
  { zone: 'Europe/Berlin', year: 2027, expected: '+1:00 1 LSunMar2L LSunOct3L' },
  { zone: 'Europe/Dublin', expected: '0:00 1 LSunMar1L LSunOct2L' },
  { zone: 'America/New_York', expected: '-5:00 1 2SunMar2L 1SunNov2L' },
  { zone: 'America/St_Johns', expected: '-3:30 1 2SunMar2L 1SunNov2L' },
  { zone: 'Australia/Sydney', expected: '+10:00 1 1SunOct2L 1SunApr3L' },
  { zone: 'America/Phoenix', expected: '-7:00' },
  { zone: 'Asia/Tokyo', expected: '+9:00' },
  { zone: 'Asia/Kolkata', expected: '+5:30' },
  { zone: 'Asia/Kathmandu', expected: '+5:45' },
  // It starts at 22 h local time, which has two digits: told in UTC.
  { zone: 'America/Nuuk', expected: '-2:00 1 LSunMar1U LSunOct0L' },
];

t.test('a zone is told as phones want it', async (t) => {
  for (const { zone, year = 2026, expected } of CASES) {
    const { gmtOffset, daylightSaving: rule } = localTime(zone, year);
    const found = rule === undefined ? gmtOffset : `${gmtOffset} ${rule.hours} ${rule.start} ${rule.stop}`;
    t.equal(found, expected, `${zone} ${year}`);
  }
});

t.test('every zone of the system can be told', async (t) => {
  for (const zone of Intl.supportedValuesOf('timeZone').filter((_zone, index) => index % 12 === 0)) {
    const { gmtOffset, daylightSaving: rule } = localTime(zone, 2026);
    t.match(gmtOffset, /^(?:0:00|[+-]\d{1,2}:\d\d)$/, zone);
    if (rule === undefined) continue;
    for (const each of [rule.start, rule.stop]) t.match(each, /^[1-5L][A-Z][a-z]{2}[A-Z][a-z]{2}\d[LU]$/, zone);
  }
});

t.test('a zone that there is not is refused', async (t) => {
  t.throws(() => localTime('Mars/Olympus', 2026), RangeError);
});
