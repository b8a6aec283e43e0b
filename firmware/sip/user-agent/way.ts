import { isIPv6 } from 'node:net';
import { parseSipUri } from '../message/uri.ts';
import type { Flow } from '../transport/flow.ts';
import { noRoute } from '../transport/listen-error.ts';
import { resolveTarget, type Target } from '../transport/resolver.ts';

export interface Connector {
  connect(target: Target): Promise<Flow>;
  isOpen(flow: Flow): boolean;
}

/** A flow to where `uri` leads. Rejects with SIP_NO_ROUTE, for host names too: they are not looked up yet. */
export async function wayToUri(uri: string, connector: Connector): Promise<Flow> {
  const parsed = parseSipUri(uri);
  const target = parsed === undefined ? undefined : resolveTarget(parsed);
  if (target === undefined) throw noRoute(`${uri} names no address and transport that can be reached`);
  return connector.connect(target);
}

/**
 * The way of a dialog's next request. RFC 3261 §12.2.1.1 sends it to the next hop; a peer behind NAT, or one on a
 * connection, is only reached where its messages came from (RFC 5626 §5.3), and `staysOnFlow` says so.
 */
export async function wayInDialog(
  flow: Flow,
  nextHop: string,
  staysOnFlow: boolean,
  connector: Connector,
): Promise<Flow> {
  if (flow.protocol !== 'udp') return connector.isOpen(flow) ? flow : wayToUri(nextHop, connector);
  if (staysOnFlow) return flow;
  const parsed = parseSipUri(nextHop);
  const target = parsed === undefined ? undefined : resolveTarget(parsed);
  // RFC 2543 peers put 0.0.0.0 where they mean "nowhere".
  if (target === undefined || target.address === '0.0.0.0' || target.address === '::') return flow;
  if (target.protocol !== 'udp') return connector.connect(target);
  if (isIPv6(target.address) !== isIPv6(flow.localAddress)) return flow;
  return { ...flow, remoteAddress: target.address, remotePort: target.port };
}
