import type { NetworkList } from '../core/network-list.ts';
import type { Flow } from '../sip/stack.ts';

/** What an INVITE from a line may be known by. */
export interface LinePeer {
  readonly line: string;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** The flow of its registration, or by which its peer answered last. */
  readonly flow: Flow | undefined;
  /** `address port` of the servers that its hosts lead to. */
  readonly servers: ReadonlySet<string>;
  /** Addresses alone, of the same. */
  readonly addresses: ReadonlySet<string>;
  readonly peers: NetworkList;
  readonly certificateNames: readonly string[];
  /** Of the Contact that it registered; nobody but the carrier knows it. */
  readonly token: string | undefined;
  /** The user part of that Contact. */
  readonly user: string;
}

export interface Arrival {
  readonly flow: Flow;
  /** The name that the certificate of the connection was checked against, where we opened it. */
  readonly provenName: string | undefined;
  /** Of the Request-URI: its user part, and its parameter `line`. */
  readonly requestUser: string | undefined;
  readonly lineToken: string | undefined;
  /** Of To. */
  readonly toUser: string | undefined;
  /** The same way is that of a phone that has registered. */
  readonly isDevices: () => boolean;
}

/**
 * The line that an INVITE comes from; undefined for a stranger. The token of a registration is proof by itself; else the way
 * must be one of the line's, and where several lines share it, the names in the request tell them apart.
 */
export function lineOf(arrival: Arrival, lines: readonly LinePeer[]): string | undefined {
  const { lineToken, requestUser, toUser } = arrival;
  if (lineToken !== undefined) {
    const named = lines.find((line) => line.token === lineToken && isNoLesser(arrival.flow, line));
    if (named !== undefined) return named.line;
  }
  const candidates = lines.filter((line) => comesFrom(arrival, line));
  const [first, ...others] = candidates;
  if (first === undefined || others.length === 0) return first?.line;
  const byUser = candidates.find(({ user }) => user === requestUser) ?? candidates.find(({ user }) => user === toUser);
  const byFlow = candidates.find(({ flow }) => flow !== undefined && isSameFlow(flow, arrival.flow));
  return (byUser ?? byFlow ?? first).line;
}

function comesFrom({ flow, provenName, isDevices }: Arrival, line: LinePeer): boolean {
  if (!isNoLesser(flow, line)) return false;
  if (line.flow !== undefined && isSameFlow(line.flow, flow)) return true;
  if (provenName !== undefined) return line.certificateNames.includes(provenName);
  const { remoteAddress, remotePort } = flow;
  if (flow.protocol === 'udp') {
    return line.servers.has(`${remoteAddress} ${remotePort}`) || isOfPeers(line, remoteAddress, isDevices);
  }
  // A connection from there has any port, and so has that of a phone behind the same address.
  const isServers = line.transport !== 'udp' && line.addresses.has(remoteAddress) && !isDevices();
  return isServers || isOfPeers(line, remoteAddress, isDevices);
}

/** What came by a lesser transport than the line has may be forged. */
function isNoLesser({ protocol }: Flow, { transport }: LinePeer): boolean {
  if (protocol === 'tls') return true;
  return protocol === 'tcp' ? transport !== 'tls' : protocol === 'udp' && transport === 'udp';
}

function isOfPeers({ peers }: LinePeer, address: string, isDevices: () => boolean): boolean {
  return peers.has(address) && !isDevices();
}

export function isSameFlow(one: Flow, other: Flow): boolean {
  return (
    one.protocol === other.protocol &&
    one.remoteAddress === other.remoteAddress &&
    one.remotePort === other.remotePort &&
    one.connection === other.connection
  );
}
