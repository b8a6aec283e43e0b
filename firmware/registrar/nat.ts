import { type Flow, parseSipUri, type SipRequest } from '../sip/stack.ts';

/**
 * Whether there is a NAT between a device and the box, whose way closes within half a minute of silence: the REGISTER came
 * by UDP from another address than the device believes to have. Over a connection the device keeps it open by itself.
 */
export function isBehindNat(message: SipRequest, flow: Flow, contact: string): boolean {
  if (flow.protocol !== 'udp') return false;
  const source = flow.remoteAddress.replace(/%.*$/, '');
  const { host } = message.via;
  if (host !== source && isAddress(host)) return true;
  if (contact.includes(source)) return false;
  const uri = parseSipUri(contact);
  return uri !== undefined && uri.host !== source && isAddress(uri.host);
}

/** A name may lead anywhere; what looks like an address says where the device believes itself to be. */
function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}
