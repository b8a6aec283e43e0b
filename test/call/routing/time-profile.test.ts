import t from 'tap';
import { holds, isWithin, localTime } from '../../../firmware/call/routing/time-profile.ts';
import { configurationOf } from './support/office.ts';

const ZONE = 'Europe/London';

t.test('the time on the wall', async (t) => {
  t.strictSame(localTime(Date.UTC(2026, 6, 1, 23, 30), ZONE), {
    day: 'thu',
    dayBefore: 'wed',
    date: '2026-07-02',
    dateBefore: '2026-07-01',
    minute: 30,
  });
  t.match(localTime(Date.UTC(2026, 0, 1, 0, 0), ZONE), { date: '2026-01-01', dateBefore: '2025-12-31', minute: 0 });
  t.match(localTime(Date.UTC(2026, 0, 1, 0, 0), 'Asia/Kolkata'), { minute: 330 });
});

t.test('whether a profile holds', async (t) => {
  const configuration = configurationOf({
    timeProfiles: {
      Day: { times: [{}], exceptDates: ['2026-12-25'] },
      Night: { times: [{ days: ['fri'], begins: '22:00', ends: '06:00' }], exceptDates: ['2026-12-25'] },
      Whole: { times: [{ days: ['sat'], begins: '00:00', ends: '24:00' }] },
      On: { override: 'on' },
      Off: { override: 'off', times: [{}] },
      Never: {},
    },
  });
  const at = (name: string, text: string) => {
    const profile = configuration.timeProfiles[name];
    return profile !== undefined && holds(profile, localTime(Date.parse(`${text}:00Z`), 'UTC'));
  };
  const cases: readonly (readonly [name: string, at: string, holds: boolean])[] = [
    // 2026-11-27 is a Friday.
    ['Day', '2026-11-27T08:59', false],
    ['Day', '2026-11-27T09:00', true],
    ['Day', '2026-11-27T16:59', true],
    ['Day', '2026-11-27T17:00', false],
    ['Day', '2026-11-28T12:00', false],
    ['Day', '2026-12-25T12:00', false],
    ['Night', '2026-11-27T21:59', false],
    ['Night', '2026-11-27T22:00', true],
    ['Night', '2026-11-28T05:59', true],
    ['Night', '2026-11-28T06:00', false],
    ['Night', '2026-11-27T05:00', false],
    ['Night', '2026-12-25T23:00', false],
    ['Night', '2026-12-26T05:00', false],
    ['Whole', '2026-11-28T00:00', true],
    ['Whole', '2026-11-28T23:59', true],
    ['Whole', '2026-11-29T00:00', false],
    ['On', '2026-11-29T00:00', true],
    ['Off', '2026-11-27T12:00', false],
    ['Never', '2026-11-27T12:00', false],
  ];
  for (const [name, time, expected] of cases) t.equal(at(name, time), expected, `${name} at ${time}`);
  t.equal(isWithin(configuration, undefined, 0), true, 'no profile is always');
  t.equal(isWithin(configuration, 'Gone', 0), false);
});
