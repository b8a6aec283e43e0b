import { parseDecimal, quote } from './grammar.ts';
import { formatNameAddr, parseNameAddr } from './name-addr.ts';
import { type Param, type Params, paramValue } from './params.ts';

/** One value of Diversion (RFC 5806 §4): who passed the call on, the last one first. */
export interface Diversion {
  readonly displayName: string | undefined;
  readonly uri: string;
  /** `unconditional`, `user-busy`, `no-answer`, `deflection` …; `unknown` where it is left out. */
  readonly reason: string;
  /** How many diversions this value stands for, at least 1. */
  readonly counter: number;
  /** The most that are allowed; undefined for any number. */
  readonly limit: number | undefined;
  /** `full`, `name`, `uri` or `off`. */
  readonly privacy: string | undefined;
  /** `yes` when somebody vouches for the URI. */
  readonly screen: string | undefined;
}

const MAX_COUNT = 99;
const TOKENS = new Set(['unknown', 'user-busy', 'no-answer', 'unavailable', 'unconditional', 'time-of-day']);
for (const token of ['do-not-disturb', 'deflection', 'follow-me', 'out-of-service', 'away']) TOKENS.add(token);

/** Reads one value; undefined when it does not follow the grammar. */
export function parseDiversion(text: string): Diversion | undefined {
  const nameAddr = parseNameAddr(text);
  if (nameAddr === undefined) return undefined;
  const { displayName, uri, params } = nameAddr;
  const lower = (name: string): string | undefined => paramValue(params, name)?.toLowerCase();
  return {
    displayName,
    uri,
    reason: lower('reason') ?? 'unknown',
    counter: Math.max(1, count(params, 'counter') ?? 1),
    limit: count(params, 'limit'),
    privacy: lower('privacy'),
    screen: lower('screen'),
  };
}

export function formatDiversion(diversion: Diversion): string {
  const { displayName, uri, reason, counter, limit, privacy, screen } = diversion;
  const params: Param[] = [
    ['reason', TOKENS.has(reason) ? reason : quote(reason)],
    ['counter', String(counter)],
  ];
  if (limit !== undefined) params.push(['limit', String(limit)]);
  if (privacy !== undefined) params.push(['privacy', privacy]);
  if (screen !== undefined) params.push(['screen', screen]);
  return formatNameAddr({ displayName, uri, params });
}

/** How often the call was diverted so far, all values together. */
export function diversionCount(diversions: readonly Diversion[]): number {
  return diversions.reduce((sum, { counter }) => sum + counter, 0);
}

function count(params: Params, name: string): number | undefined {
  return parseDecimal(paramValue(params, name) ?? '', MAX_COUNT);
}
