import { BlockList, isIP } from 'node:net';

/** Whether it is an IP address, or a network as 192.168.42.0/24. */
export function isNetwork(text: string): boolean {
  const [address = '', length] = text.split('/');
  const family = isIP(address);
  if (family === 0) return false;
  if (length === undefined) return true;
  try {
    new BlockList().addSubnet(address, Number(length), family === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}
