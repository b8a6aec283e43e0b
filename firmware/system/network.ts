import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { RingdownError } from '../core/errors.ts';
import { canonicalAddress } from './canonical-address.ts';

export type Lan = 'lan1' | 'lan2';
export const LANS: readonly Lan[] = ['lan1', 'lan2'];

/** Stands for the address that the box makes for a LAN from its own IPv6 prefix. */
export const OWN_PREFIX = 'ula';

/** What sets the addresses of this machine's LANs. */
export interface NetworkControl {
  /**
   * Asks that a LAN have these addresses and no others, now and after the next boot: at most one IPv4 and four IPv6
   * addresses, each with prefix length, OWN_PREFIX counting as one. Returns before they are set: what the LAN has
   * stands in its file (network-addresses.ts). Throws RingdownError SYSTEM_NETWORK_INVALID, SYSTEM_NETWORK_UNAVAILABLE.
   */
  apply(lan: Lan, addresses: readonly string[]): void;
}

const MAX_IPV4 = 1;
const MAX_IPV6 = 4;

/** Sends requests to the board's service `network`, which alone may change addresses, and checks each again. */
export class NetworkPipe implements NetworkControl {
  readonly #path: string;

  /** `path` is the service's named pipe. */
  constructor(path: string) {
    this.#path = path;
  }

  apply(lan: Lan, addresses: readonly string[]): void {
    const line = `${[lan, ...checked(lan, addresses)].join(' ')}\n`;
    try {
      // Without O_NONBLOCK this would wait for ever for a service that does not run.
      const pipe = openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        // Shorter than PIPE_BUF: the whole line or nothing (pipe(7)).
        writeSync(pipe, line);
      } finally {
        closeSync(pipe);
      }
    } catch (error) {
      throw new RingdownError(
        'SYSTEM_NETWORK_UNAVAILABLE',
        `the addresses of ${lan.toUpperCase()} cannot be changed: nobody reads ${this.#path}`,
        'See that the service network runs (sv status /run/service/network), or restart the box.',
        { cause: error },
      );
    }
  }
}

/** In one form each; nothing else than addresses may reach the service's line. */
function checked(lan: Lan, addresses: readonly string[]): readonly string[] {
  const list = addresses.map((text) => {
    if (text === OWN_PREFIX) return text;
    const [address = '', length = '', ...rest] = text.split('/');
    const longest = isIPv6(address) ? 128 : 32;
    const isLength = /^[1-9][0-9]{0,2}$/.test(length) && Number(length) <= longest;
    if (isIP(address) !== 0 && !address.includes('%') && isLength && rest.length === 0) {
      return `${canonicalAddress(address)}/${length}`;
    }
    throw invalid(lan, `${JSON.stringify(text.slice(0, 80))} is no address with prefix length`);
  });
  if (list.length === 0) throw invalid(lan, 'it would have no address at all');
  const ipv4 = list.filter((text) => text.includes('.')).length;
  if (ipv4 > MAX_IPV4) throw invalid(lan, `${ipv4} IPv4 addresses are too many`);
  if (list.length - ipv4 > MAX_IPV6) throw invalid(lan, `${list.length - ipv4} IPv6 addresses are too many`);
  if (new Set(list).size < list.length) throw invalid(lan, 'an address is named twice');
  return list;
}

function invalid(lan: Lan, why: string): RingdownError {
  return new RingdownError(
    'SYSTEM_NETWORK_INVALID',
    `${lan.toUpperCase()} cannot have these addresses: ${why}`,
    `Give at most one IPv4 and four IPv6 addresses, as 192.168.42.1/24; ${OWN_PREFIX} stands for the box's own prefix.`,
  );
}
