/** Local time as phones are told of it. */
export interface LocalTime {
  /** Of standard time, `+1:00`. */
  readonly gmtOffset: string;
  /** Undefined where the clocks stay as they are, or the rule cannot be said. */
  readonly daylightSaving:
    | {
        /** What the clocks are put forward by, in hours. */
        readonly hours: number;
        /** Ordinal, day, month, hour, and L for local time or U for UTC: `2SunMar2L`. */
        readonly start: string;
        readonly stop: string;
      }
    | undefined;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
/** A fourth Sunday is the last one in some years: after so many it shows which of the two is meant. */
const YEARS_OF_A_RULE = 7;
/** The rule has one digit for the hour. */
const MAX_HOUR = 9;

const kept = new Map<string, LocalTime>();
const MAX_KEPT = 64;

/**
 * What holds in a zone of the IANA database in `year`. A rule is told from the changes of this and the following years.
 * Throws RangeError for a zone that there is not.
 */
export function localTime(zone: string, year: number): LocalTime {
  const key = `${zone} ${year}`;
  let found = kept.get(key);
  if (found === undefined) {
    found = computeLocalTime(zone, year);
    // Asking the database takes milliseconds.
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(key, found);
  }
  return found;
}

interface Change {
  /** The first moment of the new offset. */
  readonly atMs: number;
  readonly beforeMinutes: number;
  readonly afterMinutes: number;
}

function computeLocalTime(zone: string, year: number): LocalTime {
  const offset = offsetReader(zone);
  const years = Array.from({ length: YEARS_OF_A_RULE }, (_, index) => changesOf(offset, year + index));
  const changes = years[0] ?? [];
  const offsets = changes.flatMap(({ beforeMinutes, afterMinutes }) => [beforeMinutes, afterMinutes]);
  const standard = offsets.length === 0 ? offset(Date.UTC(year, 0, 1)) : Math.min(...offsets);
  const gmtOffset = formatOffset(standard);
  const isStart = ({ beforeMinutes, afterMinutes }: Change) => afterMinutes > beforeMinutes;
  const start = changes.find(isStart);
  const stop = changes.find((change) => !isStart(change));
  if (start === undefined || stop === undefined) return { gmtOffset, daylightSaving: undefined };
  const rules = [isStart, (change: Change) => !isStart(change)].map((which) =>
    ruleOf(years.flatMap((each) => each.find(which) ?? [])),
  );
  const [startRule, stopRule] = rules;
  if (startRule === undefined || stopRule === undefined) return { gmtOffset, daylightSaving: undefined };
  const hours = Math.max(1, Math.round((start.afterMinutes - start.beforeMinutes) / 60));
  return { gmtOffset, daylightSaving: { hours, start: startRule, stop: stopRule } };
}

/** From a moment to minutes east of UTC. */
function offsetReader(zone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  return (atMs) => {
    const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
    const match = /^GMT(?<sign>[+-])(?<hours>\d\d):(?<minutes>\d\d)/.exec(name)?.groups;
    if (match === undefined) return 0;
    const minutes = Number(match.hours) * 60 + Number(match.minutes);
    return match.sign === '-' ? -minutes : minutes;
  };
}

function changesOf(offset: (atMs: number) => number, year: number): readonly Change[] {
  const changes: Change[] = [];
  const end = Date.UTC(year + 1, 0, 1);
  let low = Date.UTC(year, 0, 1);
  for (let high = low + 7 * DAY_MS; low < end; low = high, high = Math.min(high + 7 * DAY_MS, end)) {
    const [beforeMinutes, afterMinutes] = [offset(low), offset(high)];
    if (beforeMinutes !== afterMinutes) {
      let [from, to] = [low, high];
      while (to - from > MINUTE_MS) {
        const middle = Math.floor((from + to) / 2 / MINUTE_MS) * MINUTE_MS;
        if (offset(middle) === beforeMinutes) from = middle;
        else to = middle;
      }
      changes.push({ atMs: to, beforeMinutes, afterMinutes });
    }
    if (high === end) break;
  }
  return changes;
}

/** One rule for the same change of several years; that of the first where they follow none. */
function ruleOf(changes: readonly Change[]): string | undefined {
  const first = changes[0];
  if (first === undefined) return undefined;
  // Local time is the wall clock before the change; where that shows too late an hour, UTC may do.
  const local = changes.map(({ atMs, beforeMinutes }) => new Date(atMs + beforeMinutes * MINUTE_MS));
  const utc = changes.map(({ atMs }) => new Date(atMs));
  const isSayable = (dates: readonly Date[]) => dates.every((date) => date.getUTCHours() <= MAX_HOUR);
  const dates = isSayable(local) ? local : isSayable(utc) ? utc : undefined;
  const date = dates?.[0];
  if (dates === undefined || date === undefined) return undefined;
  const ordinal = dates.every(isLastOfItsDay) ? 'L' : Math.ceil(date.getUTCDate() / 7);
  const suffix = dates === local ? 'L' : 'U';
  return `${ordinal}${DAYS[date.getUTCDay()]}${MONTHS[date.getUTCMonth()]}${date.getUTCHours()}${suffix}`;
}

/** Whether no other such day of the week follows in its month. */
function isLastOfItsDay(date: Date): boolean {
  return new Date(date.getTime() + 7 * DAY_MS).getUTCMonth() !== date.getUTCMonth();
}

function formatOffset(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const sign = minutes === 0 ? '' : minutes < 0 ? '-' : '+';
  return `${sign}${hours}:${String(rest).padStart(2, '0')}`;
}
