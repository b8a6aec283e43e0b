import { formatNameAddr, parseNameAddr } from './name-addr.ts';
import { type Param, type Params, paramValue } from './params.ts';
import { parseReason, type Reason } from './reason.ts';
import { formatSipUri, parseSipUri } from './uri.ts';
import { parseUriHeaders } from './uri-headers.ts';

/** One value of History-Info (RFC 7044 §5): a place that the request was sent to, the first one first. */
export interface HistoryEntry {
  readonly displayName: string | undefined;
  /** Without the headers that carry `reasons` and `privacy`. */
  readonly uri: string;
  /** Which entry came of which: `1`, `1.1`, `1.1.2`. */
  readonly index: string;
  /** How its target came to be, with the index that it came from: `rc` (configuration), `mp` (mapped), `np` (neither). */
  readonly target: { readonly kind: 'rc' | 'mp' | 'np'; readonly from: string } | undefined;
  /** Why the request went on from here (the Reason headers inside the URI). */
  readonly reasons: readonly Reason[];
  /** The Privacy header inside the URI. */
  readonly privacy: string | undefined;
  /** The other parameters. */
  readonly params: Params;
}

/** RFC 7044 §5.1: no leading zeros; bounded, so that an index is never longer than a name. */
const INDEX = /^[1-9]\d{0,2}(\.(0|[1-9]\d{0,2})){0,15}$/;
const KINDS = ['rc', 'mp', 'np'] as const;

/** Reads one value; undefined when it does not follow the grammar. */
export function parseHistoryEntry(text: string): HistoryEntry | undefined {
  const nameAddr = parseNameAddr(text);
  const index = nameAddr === undefined ? undefined : paramValue(nameAddr.params, 'index');
  if (nameAddr === undefined || index === undefined || !INDEX.test(index)) return undefined;
  const kind = KINDS.find((name) => paramValue(nameAddr.params, name) !== undefined);
  const from = kind === undefined ? '' : (paramValue(nameAddr.params, kind) ?? '');
  if (kind !== undefined && !INDEX.test(from)) return undefined;
  const parsed = parseSipUri(nameAddr.uri);
  const headers = parsed?.headers === undefined ? [] : parseUriHeaders(parsed.headers);
  if (headers === undefined) return undefined;
  const reasons = headers.filter(([name]) => name === 'Reason').map(([, value]) => parseReason(value));
  return {
    displayName: nameAddr.displayName,
    uri: parsed?.headers === undefined ? nameAddr.uri : formatSipUri({ ...parsed, headers: undefined }),
    index,
    target: kind === undefined ? undefined : { kind, from },
    reasons: reasons.filter((reason) => reason !== undefined),
    privacy: headers.find(([name]) => name === 'Privacy')?.[1],
    params: nameAddr.params.filter(([name]) => name !== 'index' && name !== kind),
  };
}

/** `text` of a reason is left out: it would have to be escaped twice, and the cause says the same. */
export function formatHistoryEntry(entry: HistoryEntry): string {
  const headers = entry.reasons.map(
    ({ protocol, cause }) => `Reason=${protocol}${cause === undefined ? '' : `%3Bcause%3D${cause}`}`,
  );
  if (entry.privacy !== undefined) headers.push(`Privacy=${encodeURIComponent(entry.privacy)}`);
  const uri = headers.length === 0 ? entry.uri : `${entry.uri}?${headers.join('&')}`;
  const params: Param[] = [['index', entry.index]];
  if (entry.target !== undefined) params.push([entry.target.kind, entry.target.from]);
  return formatNameAddr({ displayName: entry.displayName, uri, params: [...params, ...entry.params] });
}
