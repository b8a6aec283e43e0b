import { isIPv6 } from 'node:net';

/** Without a zone, in lower case, and an IPv6 address without an embedded IPv4 one (RFC 5952): one text for one address. */
export function canonicalAddress(address: string): string {
  const withoutZone = address.replace(/%.*$/, '');
  return isIPv6(withoutZone) ? new URL(`http://[${withoutZone}]/`).hostname.slice(1, -1) : withoutZone;
}
