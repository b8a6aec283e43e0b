import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Configuration } from './schema/configuration.ts';

/** Addresses that no one reaches from the internet: who has one is in the office, or in a network of it. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  // Carriers' own NATs (RFC 6598).
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}

const LANS = ['lan1', 'lan2'] as const;

const kept = new WeakMap<Configuration['lan1'], BlockList>();

/** Whether whoever has this address is outside of the office. False for what is no address. */
export function isRemoteClient(remoteAddress: string, configuration: Pick<Configuration, 'lan1' | 'lan2'>): boolean {
  const family = isIPv4(remoteAddress) ? 'ipv4' : isIPv6(remoteAddress) ? 'ipv6' : undefined;
  if (family === undefined || PRIVATE.check(remoteAddress, family)) return false;
  return !LANS.some((lan) => networksOf(configuration[lan]).check(remoteAddress, family));
}

/** Whether an address lies in the network of a LAN, as far as it is configured. False for what is no address. */
export function isInLan(remoteAddress: string, configuration: Pick<Configuration, 'lan1' | 'lan2'>): boolean {
  const family = isIPv4(remoteAddress) ? 'ipv4' : isIPv6(remoteAddress) ? 'ipv6' : undefined;
  return family !== undefined && LANS.some((lan) => networksOf(configuration[lan]).check(remoteAddress, family));
}

/** The networks of a LAN; worked out once for as long as its configuration stays. */
function networksOf(lan: Configuration['lan1']): BlockList {
  let networks = kept.get(lan);
  if (networks === undefined) {
    networks = new BlockList();
    networks.addSubnet(lan.ipv4.address, lan.ipv4.prefixLength, 'ipv4');
    if (lan.ipv6.mode === 'static') {
      for (const text of lan.ipv6.addresses) {
        const [address = '', length] = text.split('/');
        if (isIPv6(address)) networks.addSubnet(address, Number(length), 'ipv6');
      }
    }
    kept.set(lan, networks);
  }
  return networks;
}
