import { SocketAddress } from 'node:net';
import { type Flow, parseSipUri, type SipRequest } from '../sip/stack.ts';

/**
 * Whether there is a NAT between a device and the box, whose way closes within half a minute of silence: the REGISTER came
 * by UDP from another address than the device believes to have. Over a connection the device keeps it open by itself.
 */
export function isBehindNat(message: SipRequest, flow: Flow, contact: string): boolean {
  if (flow.protocol !== 'udp') return false;
  const source = flow.remoteAddress.replace(/%.*$/, '');
  if (isElsewhere(message.via.host, source)) return true;
  // Of nearly every phone: nothing needs to be parsed.
  if (contact.endsWith(source) || contact.includes(`${source}:`) || contact.includes(`${source};`)) return false;
  const host = parseSipUri(contact)?.host;
  return host !== undefined && isElsewhere(host, source);
}

function isElsewhere(host: string, source: string): boolean {
  if (host === source || !isAddress(host)) return false;
  // An IPv6 address has many spellings, of which the socket gives the canonical one.
  return !host.includes(':') || canonicalIPv6(host) !== source;
}

function canonicalIPv6(address: string): string | undefined {
  return SocketAddress.parse(`[${address}]`)?.address;
}

/** A name may lead anywhere; what looks like an address says where the device believes itself to be. */
function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}
