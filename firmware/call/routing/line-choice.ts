import type { Configuration } from '../../config/schema/configuration.ts';
import type { LineAttempt, RoutingState, ShownIdentity } from './plan.ts';
import type { Planning } from './planning.ts';
import { type CodeIndex, expand, findCode, makeIndex } from './short-code.ts';
import { isWithin } from './time-profile.ts';

type Lines = Configuration['lines'];
type Route = Configuration['arsRoutes'][string];
type RouteCode = Route['codes'][number];

/** Ways that a call tries: each may take some seconds to fail. */
const MAX_ATTEMPTS = 8;
/** Routes that lead to each other; validation refuses circles. */
const MAX_ROUTES = 8;

/** The route that is taken where a short code names none. */
export const MAIN_ROUTE = 'Main';

export interface Outgoing {
  /** Without the prefix that leads to outside. */
  readonly number: string;
  /** Outgoing group, name of an ARS route, or empty. */
  readonly group: string;
  readonly identity: ShownIdentity;
}

export type LineChoice =
  | { readonly kind: 'attempts'; readonly attempts: readonly LineAttempt[] }
  | {
      readonly kind: 'refused';
      readonly reason: 'barred' | 'busy' | 'no-route' | 'no-line-in-service';
      readonly why: string;
    };

/** A way that routes lead to. */
interface Way {
  readonly number: string;
  readonly lineGroup: number;
}

/** The lines for a call, the one to try first in front. */
export function chooseLines(planning: Planning, { number, group, identity }: Outgoing): LineChoice {
  const { configuration, request } = planning;
  const name = group === '' && Object.hasOwn(configuration.arsRoutes, MAIN_ROUTE) ? MAIN_ROUTE : group;
  let candidates: readonly (readonly [line: string, number: string])[];
  if (Object.hasOwn(configuration.arsRoutes, name)) {
    const ways = waysOf(planning, name, number);
    if (ways.length === 0) return { kind: 'refused', reason: 'no-route', why: `no ARS route takes ${number}` };
    const [barred] = ways;
    if (typeof barred === 'string') return refusedBy(barred, number);
    candidates = ways.flatMap((way) => {
      if (typeof way === 'string') return [];
      return linesOf(configuration.lines, way.lineGroup).map((line) => [line, way.number] as const);
    });
  } else if (name === '') {
    candidates = Object.keys(configuration.lines).map((line) => [line, number] as const);
  } else {
    candidates = linesOf(configuration.lines, Number(name)).map((line) => [line, number] as const);
  }
  return usable(planning, candidates, request.state, identity, name);
}

function refusedBy(feature: 'barred' | 'busy', number: string): LineChoice {
  return { kind: 'refused', reason: feature, why: `the ARS route has ${feature} for ${number}` };
}

function usable(
  planning: Planning,
  candidates: readonly (readonly [line: string, number: string])[],
  state: RoutingState,
  identity: ShownIdentity,
  group: string,
): LineChoice {
  const attempts: LineAttempt[] = [];
  let isFull = false;
  const { lines } = planning.configuration;
  for (const [line, number] of candidates) {
    const settings = lines[line];
    if (settings === undefined || attempts.length >= MAX_ATTEMPTS) continue;
    if (attempts.some((attempt) => attempt.line === line && attempt.number === number)) continue;
    if (!settings.enabled) {
      planning.note('line', `line ${line} is switched off`, { line });
      continue;
    }
    const { isInService, channelsInUse } = state.lineState(line);
    const data = { line, channelsInUse, channels: settings.channels };
    if (!isInService) planning.note('line', `line ${line} is out of service`, data);
    else if (channelsInUse >= settings.channels) {
      isFull = true;
      planning.note('line', `line ${line} has all of its ${settings.channels} channels in use`, data);
    } else {
      planning.note('line', `line ${line} sends ${number}, as number ${attempts.length + 1} in the order`, data);
      attempts.push({ line, number, identity });
    }
  }
  if (attempts.length > 0) return { kind: 'attempts', attempts };
  if (isFull) return { kind: 'refused', reason: 'no-line-in-service', why: 'every line that may take it is full' };
  const where = group === '' ? 'no line' : `no line of ${group}`;
  if (candidates.length === 0) return { kind: 'refused', reason: 'no-route', why: `there is ${where}` };
  return { kind: 'refused', reason: 'no-line-in-service', why: `${where} is in service` };
}

/** By the number of the line. */
function linesOf(lines: Lines, group: number): readonly string[] {
  return Object.keys(lines).filter((line) => lines[line]?.outgoingGroup === group);
}

/** Ways of a route, then those of its alternates; `barred` or `busy` in front where the best code says so. */
function waysOf(planning: Planning, first: string, number: string): readonly (Way | 'barred' | 'busy')[] {
  const ways: (Way | 'barred' | 'busy')[] = [];
  let name: string | undefined = first;
  for (let count = 0; name !== undefined && count < MAX_ROUTES; count += 1) {
    const found = routeAt(planning, name);
    if (found === undefined) break;
    const own = matched(planning, found.name, found.route, number);
    ways.push(...own);
    if (typeof own[0] === 'string') break;
    name = found.route.alternateRoute;
    if (name !== undefined) planning.note('route', `then ARS route ${name}`, { route: name });
  }
  return ways;
}

/** The route that counts now in place of the one named. */
function routeAt(planning: Planning, first: string): { readonly name: string; readonly route: Route } | undefined {
  const { configuration, request } = planning;
  let name: string | undefined = first;
  for (let count = 0; name !== undefined && count < MAX_ROUTES; count += 1) {
    const route: Route | undefined = Object.hasOwn(configuration.arsRoutes, name)
      ? configuration.arsRoutes[name]
      : undefined;
    if (route === undefined) return undefined;
    if (!route.inService) {
      planning.note('route', `ARS route ${name} is out of service`, { route: name });
      name = route.outOfServiceRoute;
    } else if (!isWithin(configuration, route.timeProfile, request.at)) {
      planning.note('route', `ARS route ${name} is for other times (${route.timeProfile})`, { route: name });
      name = route.outOfHoursRoute;
    } else return { name, route };
  }
  return undefined;
}

function matched(planning: Planning, name: string, route: Route, number: string): readonly (Way | 'barred' | 'busy')[] {
  const index = indexOfRoute(route.codes);
  const match = findCode(index, number) ?? index.fallback;
  if (match === undefined) {
    planning.note('route', `ARS route ${name} has no code for ${number}`, { route: name });
    return [];
  }
  const rows = match.entry.filter(({ timeProfile }) =>
    isWithin(planning.configuration, timeProfile, planning.request.at),
  );
  planning.note('route', `ARS route ${name}: the code ${match.code} is the best match of ${number}`, {
    route: name,
    code: match.code,
  });
  return rows.map((row) => {
    if (row.feature !== 'dial') return row.feature;
    const parts = { digits: match.digits, dialled: number, extension: '', user: '' };
    return { number: expand(row.number, parts).number, lineGroup: row.lineGroup };
  });
}

const kept = new WeakMap<Route['codes'], CodeIndex<readonly RouteCode[]>>();

function indexOfRoute(codes: Route['codes']): CodeIndex<readonly RouteCode[]> {
  let index = kept.get(codes);
  if (index === undefined) {
    const rows = new Map<string, RouteCode[]>();
    for (const row of codes) {
      const others = rows.get(row.code);
      if (others === undefined) rows.set(row.code, [row]);
      else others.push(row);
    }
    index = makeIndex(rows);
    kept.set(codes, index);
  }
  return index;
}
