import { RecentMap } from '../core/recent-map.ts';

export interface FraudLimits {
  readonly action: 'notice' | 'block';
  /** Of one user; 0 everywhere: any number. */
  readonly callsAtOnce: number;
  readonly callsPerHour: number;
  readonly internationalPerHour: number;
  readonly nightCallsPerHour: number;
  readonly repeatedCalls: number;
  /** E.164 prefixes that count as five. */
  readonly suspectPrefixes: readonly string[];
}

export type FraudPattern = 'calls' | 'international' | 'night' | 'repeated' | 'at-once';

export interface FraudInput {
  readonly user: string;
  /** In international form where that is known. */
  readonly number: string;
  readonly isInternational: boolean;
  readonly isNight: boolean;
  /** Milliseconds since some moment. */
  readonly atMs: number;
}

export interface FraudVerdict {
  readonly isAllowed: boolean;
  /** What it looks like; undefined where it looks like nothing. */
  readonly pattern: FraudPattern | undefined;
  /** People have not been told of this in the last hour. */
  readonly isNews: boolean;
}

const HOUR_MS = 3_600_000;
const REPEAT_MS = 600_000;
/** An answered call that ends within this is made for the fee of the connection. */
const SHORT_CALL_MS = 10_000;
const SUSPECT_WEIGHT = 5;
const SHORT_WEIGHT = 3;
/** Calls of one user that are remembered: beyond them it is over every limit of an hour that is worth having. */
const MAX_REMEMBERED = 512;
/** As many users as a box has, and some more. */
const MAX_USERS = 1024;

interface Made {
  readonly atMs: number;
  readonly number: string;
  readonly isInternational: boolean;
  readonly isNight: boolean;
  readonly isSuspect: boolean;
  isShort: boolean;
}

interface Calls {
  readonly made: Made[];
  up: number;
  readonly toldAtMs: Map<FraudPattern, number>;
  blockedUntilMs: number;
}

/** What is held of a call that was let through, to be told how it went. */
export interface WatchedCall {
  answered(atMs: number): void;
  /** Idempotent. */
  ended(atMs: number): void;
}

/**
 * Counts the outside calls of each user and says when they look like those of somebody who has stolen a password: too many,
 * abroad, by night, short ones to the same number. Bounded in users and in calls of one.
 */
export class TollFraudGuard {
  readonly #users = new RecentMap<string, Calls>(MAX_USERS);

  /** Counts a call that is about to be made, unless it is not allowed. */
  check(input: FraudInput, limits: FraudLimits): FraudVerdict {
    const { user, atMs } = input;
    const calls: Calls = this.#users.get(user) ?? { made: [], up: 0, toldAtMs: new Map(), blockedUntilMs: 0 };
    this.#users.set(user, calls);
    forget(calls, atMs);
    if (calls.blockedUntilMs > atMs && limits.action === 'block') {
      return { isAllowed: false, pattern: undefined, isNews: false };
    }
    if (limits.callsAtOnce > 0 && calls.up >= limits.callsAtOnce) {
      return { isAllowed: false, pattern: 'at-once', isNews: tell(calls, 'at-once', atMs) };
    }
    const { number, isInternational, isNight } = input;
    const isSuspect = limits.suspectPrefixes.some((prefix) => number.startsWith(prefix));
    calls.made.push({ atMs, number, isInternational, isNight, isSuspect, isShort: false });
    if (calls.made.length > MAX_REMEMBERED) calls.made.shift();
    const pattern = patternOf(calls.made, input, limits);
    if (pattern === undefined) return { isAllowed: true, pattern, isNews: false };
    const isNews = tell(calls, pattern, atMs);
    if (limits.action === 'block') {
      calls.blockedUntilMs = atMs + HOUR_MS;
      return { isAllowed: false, pattern, isNews };
    }
    return { isAllowed: true, pattern, isNews };
  }

  /** The call that `check` has let through is being made. */
  begin(user: string): WatchedCall {
    const calls = this.#users.get(user);
    if (calls !== undefined) calls.up += 1;
    const made = calls?.made.at(-1);
    let answeredAtMs: number | undefined;
    let isOver = false;
    return {
      answered: (atMs) => {
        answeredAtMs ??= atMs;
      },
      ended: (atMs) => {
        if (isOver) return;
        isOver = true;
        if (calls !== undefined) calls.up -= 1;
        const isShort = answeredAtMs !== undefined && atMs - answeredAtMs < SHORT_CALL_MS;
        if (isShort && made !== undefined) made.isShort = true;
      },
    };
  }
}

function patternOf(
  made: readonly Made[],
  { number, isInternational, isNight, atMs }: FraudInput,
  limits: FraudLimits,
): FraudPattern | undefined {
  const sum = (of: (call: Made) => boolean): number =>
    made.reduce((total, call) => (of(call) ? total + weightOf(call) : total), 0);
  const exceeds = (limit: number, of: (call: Made) => boolean): boolean => limit > 0 && sum(of) > limit;
  if (isInternational && exceeds(limits.internationalPerHour, (call) => call.isInternational)) return 'international';
  if (isNight && exceeds(limits.nightCallsPerHour, (call) => call.isNight)) return 'night';
  const isRepeat = (call: Made): boolean => call.number === number && atMs - call.atMs < REPEAT_MS;
  const repeats = made.reduce((total, call) => (isRepeat(call) ? total + (call.isShort ? SHORT_WEIGHT : 1) : total), 0);
  if (limits.repeatedCalls > 0 && repeats > limits.repeatedCalls) return 'repeated';
  if (exceeds(limits.callsPerHour, () => true)) return 'calls';
  return undefined;
}

function weightOf({ isSuspect, isShort }: Made): number {
  return Math.max(isSuspect ? SUSPECT_WEIGHT : 1, isShort ? SHORT_WEIGHT : 1);
}

function forget(calls: Calls, atMs: number): void {
  const { made } = calls;
  let old = 0;
  while (old < made.length && atMs - (made[old]?.atMs ?? 0) >= HOUR_MS) old += 1;
  if (old > 0) made.splice(0, old);
}

function tell(calls: Calls, pattern: FraudPattern, atMs: number): boolean {
  const told = calls.toldAtMs.get(pattern);
  if (told !== undefined && atMs - told < HOUR_MS) return false;
  calls.toldAtMs.set(pattern, atMs);
  return true;
}

/** Whether an hour of the day lies in the night; one that ends when it begins never is. */
export function isNightHour(hour: number, fromHour: number, toHour: number): boolean {
  return fromHour <= toHour ? hour >= fromHour && hour < toHour : hour >= fromHour || hour < toHour;
}
