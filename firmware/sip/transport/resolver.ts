import { createSocket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import { paramValue } from '../message/params.ts';
import type { SipUri } from '../message/uri.ts';
import type { TransportProtocol } from './flow.ts';

export interface Target {
  readonly protocol: TransportProtocol;
  readonly address: string;
  readonly port: number;
}

/** RFC 3261 §19.1.2. */
export function defaultPort(protocol: TransportProtocol): number {
  return protocol === 'tls' ? 5061 : 5060;
}

/**
 * Where a URI leads (RFC 3263 §4 for addresses). Undefined for host names other than `localhost`, and for
 * transports that we do not speak.
 */
export function resolveTarget(uri: SipUri): Target | undefined {
  const transport = paramValue(uri.params, 'transport')?.toLowerCase() ?? 'udp';
  let protocol: TransportProtocol;
  if (uri.scheme === 'sips' || transport === 'tls') {
    // RFC 3261 §26.2.2: sips goes over TLS, whatever reliable transport the URI names.
    if (transport !== 'tls' && transport !== 'tcp' && paramValue(uri.params, 'transport') !== undefined)
      return undefined;
    protocol = 'tls';
  } else if (transport === 'udp' || transport === 'tcp') {
    protocol = transport;
  } else {
    return undefined;
  }
  const address = uri.host === 'localhost' ? '127.0.0.1' : uri.host;
  if (isIP(address) === 0) return undefined;
  return { protocol, address, port: uri.port ?? defaultPort(protocol) };
}

/** The address that the system would send from to `remoteAddress`; undefined when there is no route. */
export function sourceAddress(remoteAddress: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createSocket(isIPv6(remoteAddress) ? 'udp6' : 'udp4');
    const finish = (address: string | undefined): void => {
      probe.close();
      resolve(address);
    };
    probe.once('error', () => finish(undefined));
    // Connecting a datagram socket sends nothing: it only asks the routing table.
    probe.connect(9, remoteAddress, () => finish(probe.address().address));
  });
}
