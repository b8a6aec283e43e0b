import { isIPv6 } from 'node:net';
import type { SipRequest } from '../message/request.ts';
import { serialize } from '../message/serializer.ts';
import { parseSipUri, type SipUri } from '../message/uri.ts';
import type { Flow } from '../transport/flow.ts';
import { noRoute } from '../transport/listen-error.ts';
import { resolveTarget, type Target } from '../transport/resolver.ts';

/** A longer request goes over TCP where that can be had, since UDP would break it in pieces (RFC 3261 §18.1.1). */
export const MAX_DATAGRAM_REQUEST_BYTES = 1300;

/** What a request has beside what its sender gave it: Via, and Contact where there is one. */
const OWN_HEADERS_BYTES = 250;
/** Ways that are tried for one request: beyond these its sender has waited long enough. */
const MAX_WAYS = 4;

export interface Connector {
  locate(uri: SipUri): Promise<readonly Target[]>;
  connect(target: Target): Promise<Flow>;
  isOpen(flow: Flow): boolean;
}

/**
 * The ways to where `uri` leads, each opened when it is asked for: whoever gets no answer by one, or 503, goes on to the
 * next (RFC 3263 §4.3). `draft` is the request as it will be sent, but for Via and Contact. Throws SIP_NO_ROUTE when there is none at all.
 */
export async function* waysToUri(
  uri: string,
  connector: Connector,
  draft?: SipRequest,
): AsyncGenerator<Flow, void, undefined> {
  const requestBytes = draft === undefined ? 0 : serialize(draft).length + OWN_HEADERS_BYTES;
  const parsed = parseSipUri(uri);
  const targets = parsed === undefined ? [] : await connector.locate(parsed);
  let error: unknown = noRoute(`${uri} names no address and transport that can be reached`);
  let reached = 0;
  for (const target of targets.flatMap((each) => attempts(each, requestBytes))) {
    let flow: Flow;
    try {
      flow = await connector.connect(target);
    } catch (cause) {
      error = cause;
      continue;
    }
    reached += 1;
    yield flow;
    if (reached === MAX_WAYS) return;
  }
  if (reached === 0) throw error;
}

/** The first of the ways to where `uri` leads. Rejects with SIP_NO_ROUTE. */
async function wayToUri(uri: string, connector: Connector): Promise<Flow> {
  for await (const flow of waysToUri(uri, connector)) return flow;
  throw noRoute(`${uri} cannot be reached`);
}

/** UDP says nothing of an address where nobody is, so that each is an attempt of its own; connections are tried together. */
function attempts(target: Target, requestBytes: number): readonly Target[] {
  if (target.protocol !== 'udp') return [target];
  const datagrams = target.addresses.map((address): Target => ({ ...target, addresses: [address] }));
  if (requestBytes <= MAX_DATAGRAM_REQUEST_BYTES) return datagrams;
  return [{ ...target, protocol: 'tcp' }, ...datagrams];
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
  // The peer itself, most often: an address needs no wait.
  const numeric = parsed === undefined ? undefined : resolveTarget(parsed);
  const targets = numeric !== undefined || parsed === undefined ? [numeric] : await connector.locate(parsed);
  const [target] = targets;
  const address = target?.addresses.find((each) => isIPv6(each) === isIPv6(flow.localAddress)) ?? target?.addresses[0];
  // RFC 2543 peers put 0.0.0.0 where they mean "nowhere".
  if (target === undefined || address === undefined || address === '0.0.0.0' || address === '::') return flow;
  if (target.protocol !== 'udp') return connector.connect(target);
  if (isIPv6(address) !== isIPv6(flow.localAddress)) return flow;
  return { ...flow, remoteAddress: address, remotePort: target.port };
}
