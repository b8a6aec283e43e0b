import { hasParam, type Params, withParam } from '../message/params.ts';
import type { SipRequest } from '../message/request.ts';
import type { Flow } from './flow.ts';
import { defaultPort } from './resolver.ts';

/**
 * The way back to the sender of a request. Without `rport` it leads to the port in its Via (RFC 3261 §18.2.2), since some
 * phones send from one port and listen on another. Where the Via names another address than the source there is a NAT
 * between, and only the way by which the request came leads back, `rport` or not.
 */
export function wayBack(request: SipRequest, flow: Flow): Flow {
  const { via } = request;
  if (flow.protocol !== 'udp' || hasParam(via.params, 'rport')) return flow;
  if (via.host !== flow.remoteAddress.replace(/%.*$/, '')) return flow;
  return { ...flow, remotePort: via.port ?? defaultPort('udp') };
}

/** Writes into the top Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4). */
export function withReceived(request: SipRequest, flow: Flow): SipRequest {
  const { via } = request;
  const address = flow.remoteAddress.replace(/%.*$/, '');
  const wantsPort = hasParam(via.params, 'rport');
  let params: Params = via.params;
  if (wantsPort) params = withParam(params, 'rport', String(flow.remotePort));
  if (wantsPort || via.host !== address) params = withParam(params, 'received', address);
  else params = params.filter(([name]) => name !== 'received');
  if (params === via.params || (params.length === via.params.length && !wantsPort && via.host === address)) {
    return request;
  }
  return request.withTopVia({ ...via, params });
}

/** True when the top Via names another place than the one that the request came from: there is a NAT between. */
export function cameThroughNat(request: SipRequest, flow: Flow): boolean {
  const { via } = request;
  const port = via.port ?? defaultPort(flow.protocol);
  return via.host !== flow.remoteAddress.replace(/%.*$/, '') || (flow.protocol === 'udp' && port !== flow.remotePort);
}
