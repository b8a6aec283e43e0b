import { numberSound, promptSound } from '../../media/client.ts';
import { prompt, type Spoken } from './dialogue.ts';
import { mailboxSound } from './message.ts';

/** Numbers that the box can say as a word in each language. */
const MAX_WORD = 59;
/** Of a caller's number: 15 at most by E.164, and as many words. */
const MAX_SPOKEN_DIGITS = 15;
const DAY_MS = 86_400_000;

export function spokenNumber(value: number): readonly Spoken[] {
  return value <= MAX_WORD ? [{ kind: 'number', value }] : [{ kind: 'digits', digits: String(value) }];
}

/** When a message came, in few words: the day as today sees it, the hour and the minute. */
export function received(atMs: number, nowMs: number, timeZone: string): readonly Spoken[] {
  const days = dayOf(nowMs, timeZone) - dayOf(atMs, timeZone);
  const day: readonly Spoken[] =
    days <= 0
      ? [prompt('mailbox-today')]
      : days === 1
        ? [prompt('mailbox-yesterday')]
        : [prompt('mailbox-days-ago'), ...spokenNumber(days)];
  const { hour, minute } = clockOf(atMs, timeZone);
  return [...day, { kind: 'number', value: hour }, { kind: 'number', value: minute }];
}

/** The sounds of the media worker, in order: what is to be said in the language of a locale. A beep is none of them. */
export function soundsOf(
  what: readonly Spoken[],
  locale: string,
  user: string,
  draft: string | undefined,
): readonly string[] {
  return what.flatMap((each) => soundsOfOne(each, locale, user, draft));
}

function soundsOfOne(spoken: Spoken, locale: string, user: string, draft: string | undefined): readonly string[] {
  switch (spoken.kind) {
    case 'prompt':
      return [promptSound(locale, spoken.name)];
    case 'number':
      return [numberSound(locale, spoken.value)];
    case 'digits':
      return [...spoken.digits.replace(/[^0-9]/g, '').slice(-MAX_SPOKEN_DIGITS)].map((digit) =>
        numberSound(locale, Number(digit)),
      );
    case 'file': {
      const id = spoken.id === '' ? draft : spoken.id;
      return id === undefined ? [] : [mailboxSound(user, id)];
    }
    case 'beep':
      return [];
  }
}

/** Days since some day in the past. */
function dayOf(ms: number, timeZone: string): number {
  const parts = partsOf(ms, timeZone, { year: 'numeric', month: 'numeric', day: 'numeric' });
  return Math.round(Date.UTC(parts('year'), parts('month') - 1, parts('day')) / DAY_MS);
}

function clockOf(ms: number, timeZone: string): { readonly hour: number; readonly minute: number } {
  const parts = partsOf(ms, timeZone, { hour: 'numeric', minute: 'numeric', hourCycle: 'h23' });
  return { hour: parts('hour'), minute: parts('minute') };
}

function partsOf(ms: number, timeZone: string, options: Intl.DateTimeFormatOptions): (type: string) => number {
  const parts = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: known(timeZone) }).formatToParts(ms);
  return (type) => Number(parts.find((part) => part.type === type)?.value ?? 0);
}

/** What is configured may be no zone that there is. */
function known(timeZone: string): string {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone });
    return timeZone;
  } catch {
    return 'UTC';
  }
}
