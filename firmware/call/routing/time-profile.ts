import type { Configuration } from '../../config/schema/configuration.ts';
import { DAYS, type Day } from '../../config/schema/dialling.ts';

type TimeProfile = Configuration['timeProfiles'][string];

export interface LocalTime {
  readonly day: Day;
  /** The day before. */
  readonly dayBefore: Day;
  /** `2026-12-25`. */
  readonly date: string;
  readonly dateBefore: string;
  /** Minutes since midnight. */
  readonly minute: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const MAX_ZONES = 16;
const DAY_MS = 86_400_000;

let latest: { readonly minuteAt: number; readonly timeZone: string; readonly time: LocalTime } | undefined;

/** What the clock on the wall says at `at` (ms since 1970). An unknown zone counts as UTC: the configuration has none such. */
export function localTime(at: number, timeZone: string): LocalTime {
  const minuteAt = Math.floor(at / 60_000);
  if (latest?.minuteAt !== minuteAt || latest.timeZone !== timeZone) {
    const { date, minute } = wallClock(at, timeZone);
    const midnight = Date.parse(`${date}T00:00:00Z`);
    const today = new Date(midnight).getUTCDay();
    const time = {
      // getUTCDay() counts from Sunday.
      day: DAYS[(today + 6) % 7] ?? 'mon',
      dayBefore: DAYS[(today + 5) % 7] ?? 'sun',
      date,
      dateBefore: new Date(midnight - DAY_MS).toISOString().slice(0, 10),
      minute,
    };
    latest = { minuteAt, timeZone, time };
  }
  return latest.time;
}

function wallClock(at: number, timeZone: string): { readonly date: string; readonly minute: number } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const date = `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`;
  return { date, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const fields = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const;
    format = new Intl.DateTimeFormat('en-GB', { ...fields, timeZone, hourCycle: 'h23', calendar: 'gregory' });
    if (formats.size >= MAX_ZONES) formats.clear();
    formats.set(timeZone, format);
  }
  return format;
}

/** Whether a profile holds. A time that ends before it begins goes on until the next day; its first day counts. */
export function holds(profile: TimeProfile, time: LocalTime): boolean {
  if (profile.override !== 'times') return profile.override === 'on';
  return profile.times.some(({ days, begins, ends }) => {
    const [from, to] = [minutes(begins), minutes(ends)];
    if (from < to) {
      return days.includes(time.day) && !excepted(profile, time.date) && time.minute >= from && time.minute < to;
    }
    if (days.includes(time.day) && !excepted(profile, time.date) && time.minute >= from) return true;
    return days.includes(time.dayBefore) && !excepted(profile, time.dateBefore) && time.minute < to;
  });
}

/** Whether the named profile holds; what names none always does. One that is gone never does. */
export function isWithin(configuration: Configuration, name: string | undefined, at: number): boolean {
  if (name === undefined) return true;
  const profile = configuration.timeProfiles[name];
  return profile !== undefined && holds(profile, localTime(at, configuration.system.timeZone));
}

function excepted(profile: TimeProfile, date: string): boolean {
  return profile.exceptDates.includes(date);
}

function minutes(text: string): number {
  const [hours = '', rest = ''] = text.split(':');
  return Number(hours) * 60 + Number(rest);
}
