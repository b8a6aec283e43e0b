import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { hasParam } from './params.ts';
import { parseSipUri, type SipUri } from './uri.ts';

/** One value of Route, Record-Route, Path (RFC 3327) or Service-Route (RFC 3608). */
export interface Route extends NameAddr {
  readonly sipUri: SipUri;
  /** `lr` (RFC 3261 §19.1.1): without it the next hop wants to be the Request-URI (§12.2.1.1). */
  readonly isLoose: boolean;
}

/** More hops than that are between a phone and the box of its office never. */
export const MAX_ROUTES = 20;

/** Values as Headers.list gives them; undefined when one is no SIP URI, or there are too many. */
export function parseRoutes(values: readonly string[] | undefined): readonly Route[] | undefined {
  if (values === undefined || values.length > MAX_ROUTES) return undefined;
  const routes: Route[] = [];
  for (const value of values) {
    const nameAddr = parseNameAddr(value);
    const sipUri = nameAddr === undefined ? undefined : parseSipUri(nameAddr.uri);
    if (nameAddr === undefined || sipUri === undefined) return undefined;
    routes.push({ ...nameAddr, sipUri, isLoose: hasParam(sipUri.params, 'lr') });
  }
  return routes;
}
