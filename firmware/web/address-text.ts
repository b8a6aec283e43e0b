import type { Socket } from 'node:net';

/** The address that a connection comes from. */
export function sourceOf(socket: Pick<Partial<Socket>, 'remoteAddress'>): string {
  return addressText(socket.remoteAddress);
}

/** An IPv4 address as such also where it came in on an IPv6 socket; an IPv6 address without its zone. */
export function addressText(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}
