import { isIP, isIPv6 } from 'node:net';
import { NetworkList } from '../core/network-list.ts';
import type { Configuration } from './schema/configuration.ts';

/** Addresses that no one reaches from the internet: who has one is in the office, or in a network of it. */
const PRIVATE = new NetworkList();
for (const network of [
  '10.0.0.0/8',
  // Carriers' own NATs (RFC 6598).
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]) {
  PRIVATE.add(network);
}

const LANS = ['lan1', 'lan2'] as const;

const kept = new WeakMap<Configuration['lan1'], NetworkList>();

/** Whether whoever has this address is outside of the office. False for what is no address. */
export function isRemoteClient(remoteAddress: string, configuration: Pick<Configuration, 'lan1' | 'lan2'>): boolean {
  if (isIP(remoteAddress) === 0 || PRIVATE.has(remoteAddress)) return false;
  return !isInLan(remoteAddress, configuration);
}

/** Whether an address lies in the network of a LAN, as far as it is configured. False for what is no address. */
export function isInLan(remoteAddress: string, configuration: Pick<Configuration, 'lan1' | 'lan2'>): boolean {
  return LANS.some((lan) => networksOf(configuration[lan]).has(remoteAddress));
}

/** The networks of a LAN; worked out once for as long as its configuration stays. */
function networksOf(lan: Configuration['lan1']): NetworkList {
  let networks = kept.get(lan);
  if (networks === undefined) {
    networks = new NetworkList();
    networks.add(`${lan.ipv4.address}/${lan.ipv4.prefixLength}`);
    if (lan.ipv6.mode === 'static') {
      for (const text of lan.ipv6.addresses) {
        if (isIPv6(text.replace(/\/.*$/, ''))) networks.add(text);
      }
    }
    kept.set(lan, networks);
  }
  return networks;
}
