import { BlockList, isIP } from 'node:net';

/** Of IPv4 addresses as IPv6 writes them (RFC 4291 §2.5.5.2). */
const MAPPED = new BlockList();
const MAPPED_LENGTH = 96;
MAPPED.addSubnet('::ffff:0:0', MAPPED_LENGTH, 'ipv6');

/**
 * Addresses and networks (`192.168.42.17`, `192.168.42.0/24`, `fd00::/64`). Each family has a list of its own, since a
 * BlockList takes an IPv4 address for an IPv6 one: `::/64` would hold all of them.
 */
export class NetworkList {
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  /** Throws a RangeError or TypeError for what is neither address nor network. */
  add(network: string): void {
    const [address = '', length] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const isMapped = family === 'ipv6' && MAPPED.check(address, family) && Number(length ?? 128) >= MAPPED_LENGTH;
    const list = family === 'ipv4' || isMapped ? this.#ipv4 : this.#ipv6;
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, /^\d{1,3}$/.test(length) ? Number(length) : -1, family);
  }

  /** Whether the address, which may have a zone, is in the list. False for what is no address. */
  has(address: string): boolean {
    const plain = address.includes('%') ? address.slice(0, address.indexOf('%')) : address;
    switch (isIP(plain)) {
      case 4:
        return this.#ipv4.check(plain, 'ipv4');
      case 6:
        return MAPPED.check(plain, 'ipv6') ? this.#ipv4.check(plain, 'ipv6') : this.#ipv6.check(plain, 'ipv6');
      default:
        return false;
    }
  }
}
