import { BlockList, isIPv6 } from 'node:net';

const kept = new WeakMap<readonly string[], BlockList>();

/** Whether an address is one of these addresses or lies in one of these networks (`192.168.42.0/24`, `fd00::/64`). */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const plain = address.replace(/%.*$/, '');
  return listOf(networks).check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}

/** Made once for as long as the list stays. */
function listOf(networks: readonly string[]): BlockList {
  const known = kept.get(networks);
  if (known !== undefined) return known;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', length] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  kept.set(networks, list);
  return list;
}
