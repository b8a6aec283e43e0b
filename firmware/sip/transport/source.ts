/*
 * Whom a limit counts. An IPv4 address is one. Of IPv6 it is the /64, since whoever has one address of it has them all;
 * but on a link of ours a /64 is the whole LAN, and there each address counts by itself.
 */

const MAPPED = '::ffff:';
/** Texts whose network is remembered: phones send from the same few addresses all day. */
const MAX_REMEMBERED = 4096;
const networks = new Map<string, string>();

/** The source that `remote` belongs to, seen from our address `local`: `192.0.2.7`, `2001:db8:0:1::/64`, `fe80::7%eth0`. */
export function sourceOf(remote: string, local: string): string {
  if (!remote.includes(':')) return remote;
  if (remote.startsWith(MAPPED) && remote.includes('.')) return remote.slice(MAPPED.length);
  const network = networkOf(remote);
  return remote.startsWith('fe80:') || network === networkOf(local) ? remote : network;
}

function networkOf(address: string): string {
  const known = networks.get(address);
  if (known !== undefined) return known;
  if (networks.size >= MAX_REMEMBERED) networks.clear();
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const groups = head === '' ? [] : head.split(':');
  // What stands behind `::` reaches into the first four groups only where it is long.
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const width = behind.at(-1)?.includes('.') === true ? behind.length + 1 : behind.length;
  while (groups.length < 8 - width && groups.length < 4) groups.push('0');
  const first = [...groups, ...behind].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  const network = `${first.join(':')}::/64`;
  networks.set(address, network);
  return network;
}
