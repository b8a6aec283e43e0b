import type { Configuration } from '../../config/schema/configuration.ts';
import { type Numbering, numberingOf, readNumber } from './numbering.ts';
import type { Caller } from './plan.ts';
import type { Planning } from './planning.ts';
import { isWithin } from './time-profile.ts';

type IncomingRoute = Configuration['incomingRoutes'][string];

/** Of a called number that carriers give with more or fewer digits in front: fewer would be found in too many. */
const MIN_COMMON_DIGITS = 3;
/** As many are those of a subscriber: with fewer another number of the office would do. */
const MIN_SAME_DIGITS = 7;
/** More than any number has digits. */
const EXACT = 100;

interface Given {
  readonly number: string;
  readonly e164: string | undefined;
}

/** Shorter ones begin with the digits of the country code by chance. */
const WITH_COUNTRY_CODE = /^[0-9]{10,15}$/;

/** Carriers often leave the plus of E.164 out. */
function given(number: string, numbering: Numbering): Given {
  const { countryCode, nationalPrefix } = numbering;
  const isNational = nationalPrefix !== '' && number.startsWith(nationalPrefix);
  const lacksPlus = countryCode !== '' && number.startsWith(countryCode) && WITH_COUNTRY_CODE.test(number);
  const { e164 } = readNumber(number, numbering);
  return { number, e164: e164 ?? (lacksPlus && !isNational ? `+${number}` : undefined) };
}

/** How well a number fits what a route says; undefined: not at all. What a route leaves empty fits any, and least. */
function fit(
  wanted: Given,
  given: Given | undefined,
  part: (longer: string, shorter: string) => boolean,
): number | undefined {
  if (wanted.number === '') return 0;
  if (given === undefined) return undefined;
  const isSame = wanted.number === given.number || (wanted.e164 !== undefined && wanted.e164 === given.e164);
  if (isSame) return EXACT;
  const pairs = [
    [wanted.number, given.number],
    [wanted.e164, given.e164],
    [wanted.number, given.e164],
  ] as const;
  return pairs.some(([a, b]) => a !== undefined && b !== undefined && part(a, b)) ? wanted.number.length : undefined;
}

/** A called number is compared from its end: carriers give it with and without its beginning. */
function isEnd(a: string, b: string): boolean {
  const [longer, shorter] = a.length > b.length ? [a, b] : [b, a];
  return shorter.length >= MIN_COMMON_DIGITS && longer.endsWith(shorter);
}

/** A caller's number is compared from its beginning: an area may be named. */
function isBeginning(wanted: string, given: string): boolean {
  return given.startsWith(wanted);
}

/** Whether both are the same number here, in whatever form a carrier gives it. */
export function isSameNumber({ configuration: { system } }: Planning, a: string, b: string): boolean {
  const numbering = numberingOf(system.locale, system.telephony.dialPlan);
  const read = (number: string): Given => given(number, numbering);
  const isPart = (longer: string, shorter: string): boolean =>
    Math.min(longer.length, shorter.length) >= MIN_SAME_DIGITS && isEnd(longer, shorter);
  return a !== '' && b !== '' && fit(read(a), read(b), isPart) !== undefined;
}

/** Where a call over a line goes. */
export interface Destination {
  /** The number of a user or hunt group. */
  readonly number: string;
  /** Of another one, for what that one does not take; empty: nobody. */
  readonly fallback: string;
}

/** Where a call over a line goes; undefined where no route takes it. */
export function incomingDestination(
  planning: Planning,
  caller: Extract<Caller, { kind: 'line' }>,
  called: string,
): Destination | undefined {
  const { configuration, request } = planning;
  const group = configuration.lines[caller.line]?.incomingGroup;
  const numbering = numberingOf(configuration.system.locale, configuration.system.telephony.dialPlan);
  const read = (number: string): Given => given(number, numbering);
  const to = read(called);
  const from = caller.callerNumber === undefined ? undefined : read(caller.callerNumber);
  let best: { readonly name: string; readonly route: IncomingRoute; readonly score: number } | undefined;
  for (const [name, route] of Object.entries(configuration.incomingRoutes)) {
    if (route.lineGroup !== group) continue;
    const byCalled = fit(read(route.incomingNumber), to, isEnd);
    const byCaller = fit(read(route.callerNumber), from, isBeginning);
    if (byCalled === undefined || byCaller === undefined) continue;
    // The called number counts more than the caller's, and that more than the priority.
    const score = byCalled * 1000 + byCaller * 4 + route.priority;
    if (best === undefined || score > best.score) best = { name, route, score };
  }
  if (best === undefined) {
    planning.note('route', `no incoming route of line group ${group ?? 'none'} takes ${called}`, { called });
    return undefined;
  }
  const { name, route } = best;
  const isDay = isWithin(configuration, route.timeProfile, request.at);
  const destination = isDay || route.nightDestination === '' ? route.destination : route.nightDestination;
  const when = route.timeProfile === undefined ? '' : isDay ? ' by day' : ' at night';
  planning.note('route', `the incoming route ${name} leads to ${destination}${when}`, { route: name, destination });
  return { number: destination, fallback: route.fallback };
}
