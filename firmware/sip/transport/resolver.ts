import { isIP, isIPv6 } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { hasParam, paramValue } from '../message/params.ts';
import type { SipUri } from '../message/uri.ts';
import { type DnsNames, inOrderOfService, inOrderOfWeight, type SrvRecord } from './dns.ts';
import type { Family, TransportProtocol } from './flow.ts';

/** One server, in the order in which it is to be tried. */
export interface Target {
  readonly protocol: TransportProtocol;
  /** At least one: those of both families in turn (RFC 8305 §4), each as good as the next. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The domain that was asked for: over TLS the certificate must name it (RFC 5922 §4). Absent for addresses. */
  readonly name?: string;
}

/** Whether there is a listener of the protocol and family; what has none is not looked up. */
export type Reach = (protocol: TransportProtocol, family: Family) => boolean;

/** Servers that one URI may lead to, and names of which addresses are asked. */
export const MAX_TARGETS = 16;
const MAX_ADDRESSES = 8;
/** Lookups that are remembered, and for how long: records that have no time to live here change by the minute at most. */
const MAX_REMEMBERED = 256;
const REMEMBERED_MS = 60_000;

/** The labels of a transport in names of SRV records, and its services in NAPTR records (RFC 3263 §4.1). */
const SERVICES = [
  { protocol: 'udp', srv: '_sip._udp', naptr: 'SIP+D2U' },
  { protocol: 'tcp', srv: '_sip._tcp', naptr: 'SIP+D2T' },
  { protocol: 'tls', srv: '_sips._tcp', naptr: 'SIPS+D2T' },
] as const;
type Service = (typeof SERVICES)[number];

/** RFC 3261 §19.1.2, RFC 7118 §5.2. */
export function defaultPort(protocol: TransportProtocol): number {
  switch (protocol) {
    case 'udp':
    case 'tcp':
      return 5060;
    case 'tls':
      return 5061;
    case 'ws':
      return 80;
    case 'wss':
      return 443;
  }
}

/** Where a URI leads whose host is an address or `localhost`. Undefined for others, and for transports that we do not speak. */
export function resolveTarget(uri: SipUri): Target | undefined {
  const address = uri.host === 'localhost' ? '127.0.0.1' : uri.host;
  if (isIP(address) === 0) return undefined;
  const [first] = transportsOf(uri);
  if (first === undefined) return undefined;
  const { protocol } = first;
  return { protocol, addresses: [address], port: uri.port ?? defaultPort(protocol) };
}

/**
 * The transports that a URI allows, the preferred one first: one where it names it (RFC 3263 §4.1). RFC 7118 §5: a
 * WebSocket server is never connected to, its clients are reached by the connections that they opened.
 */
function transportsOf(uri: SipUri): readonly Service[] {
  const isSecure = uri.scheme === 'sips';
  if (!hasParam(uri.params, 'transport')) return isSecure ? SERVICES.slice(2) : SERVICES;
  const named = paramValue(uri.params, 'transport')?.toLowerCase();
  // RFC 3261 §26.2.2: sips goes over TLS, whatever reliable transport the URI names.
  const protocol = isSecure && named === 'tcp' ? 'tls' : named;
  return SERVICES.filter((service) => service.protocol === protocol && (!isSecure || protocol === 'tls'));
}

/** Finds the servers of a URI (RFC 3263 §4). */
export class Resolver {
  readonly #names: DnsNames;
  readonly #clock: Clock;
  readonly #reach: Reach;
  readonly #remembered = new Map<string, { readonly targets: readonly Target[]; readonly untilMs: number }>();

  constructor(names: DnsNames, clock: Clock, reach: Reach) {
    this.#names = names;
    this.#clock = clock;
    this.#reach = reach;
  }

  /** In the order in which they are to be tried; empty when there is none. Never rejects; takes 5 s at the most. */
  async locate(uri: SipUri): Promise<readonly Target[]> {
    const numeric = resolveTarget(uri);
    if (numeric !== undefined) return [numeric];
    if (isIP(uri.host) !== 0 || uri.host === 'localhost') return [];
    const allowed = transportsOf(uri).filter(({ protocol }) => this.#families(protocol).length > 0);
    const key = `${allowed.map(({ protocol }) => protocol).join()} ${uri.host} ${uri.port ?? ''}`;
    const now = this.#clock.elapsed();
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && remembered.untilMs > now) return remembered.targets;
    this.#remembered.delete(key);
    const lookup = this.#names.begin();
    try {
      const targets = (await this.#locate(uri, allowed, lookup)).slice(0, MAX_TARGETS);
      const lifetimeMs = Math.min(REMEMBERED_MS, 1000 * lookup.leastTtlSeconds);
      if (targets.length > 0) this.#remember(key, targets, now + lifetimeMs);
      return targets;
    } finally {
      lookup.end();
    }
  }

  async #locate(uri: SipUri, allowed: readonly Service[], lookup: Lookup): Promise<readonly Target[]> {
    const [first] = allowed;
    if (first === undefined) return [];
    const { host: name, port } = uri;
    const isNamed = hasParam(uri.params, 'transport');
    // §4.2: with a port no SRV is asked for, and §4.1: then the transport is UDP, or TLS for sips.
    if (port !== undefined) return this.#at(name, first, port, name, lookup);

    const services = isNamed ? [] : await this.#byNaptr(name, allowed, lookup);
    const places =
      services.length > 0 ? services : allowed.map((service) => ({ service, name: `${service.srv}.${name}` }));
    const records = await Promise.all(places.map((place) => lookup.srv(place.name)));
    const found: Promise<readonly Target[]>[] = [];
    let isOffered = false;
    for (const [index, { service }] of places.entries()) {
      const ordered = inOrderOfWeight(records[index] ?? []);
      isOffered ||= ordered.length > 0;
      for (const record of ordered.filter(isService)) {
        if (found.length < MAX_TARGETS) found.push(this.#at(record.name, service, record.port, name, lookup));
      }
    }
    if (isOffered) return (await Promise.all(found)).flat();
    return this.#at(name, first, defaultPort(first.protocol), name, lookup);
  }

  /** The names of SRV records in the order that the domain wants; empty where it says nothing for us. */
  async #byNaptr(
    domain: string,
    allowed: readonly Service[],
    lookup: Lookup,
  ): Promise<readonly { readonly service: Service; readonly name: string }[]> {
    return inOrderOfService(await lookup.naptr(domain)).flatMap((record) => {
      const service = allowed.find(({ naptr }) => naptr === record.service.toUpperCase());
      const leadsToSrv = record.flags.toLowerCase() === 's' && record.replacement !== '';
      return service === undefined || !leadsToSrv ? [] : { service, name: record.replacement };
    });
  }

  async #at(host: string, service: Service, port: number, name: string, lookup: Lookup): Promise<readonly Target[]> {
    const { protocol } = service;
    const families = this.#families(protocol);
    const found = await Promise.all(families.map((family) => lookup.addresses(host, family)));
    const addresses = inTurn(found).slice(0, MAX_ADDRESSES);
    return addresses.length === 0 ? [] : [{ protocol, addresses, port, name }];
  }

  /** IPv6 first (RFC 8305 §4), where we speak it. */
  #families(protocol: TransportProtocol): readonly Family[] {
    return ([6, 4] as const).filter((family) => this.#reach(protocol, family));
  }

  #remember(key: string, targets: readonly Target[], untilMs: number): void {
    const [oldest] = this.#remembered.size >= MAX_REMEMBERED ? this.#remembered.keys() : [];
    if (oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(key, { targets, untilMs });
  }
}

type Lookup = ReturnType<DnsNames['begin']>;

/** RFC 2782: the target "." says that the service is decidedly not there. */
function isService({ name, port }: SrvRecord): boolean {
  return name !== '' && name !== '.' && port > 0;
}

/** One of each list, then the next of each. */
function inTurn(lists: readonly (readonly string[])[]): readonly string[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat();
}

export function familyOf(address: string): Family {
  return isIPv6(address) ? 6 : 4;
}
