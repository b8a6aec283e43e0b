import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range that the kernel gives out, so that no test's own socket takes one of these in between. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** The first port of a range of `count` that is free at this moment on every address, for UDP and for TCP. */
export async function freePorts(addresses: readonly string[], count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // Even, as RTP wants it.
    const first = 2 * randomInt(LOWEST / 2, (HIGHEST - count) / 2);
    if (await allFree(addresses, first, count)) return first;
  }
  throw new Error(`no ${count} free ports on ${addresses.join(' ')}`);
}

/** Those of the UDP ports first to last that somebody holds on `address`. */
export async function takenUdpPorts(address: string, first: number, last: number): Promise<readonly number[]> {
  const taken: number[] = [];
  for (let port = first; port <= last; port += 1) if (!(await udpIsFree(address, port))) taken.push(port);
  return taken;
}

async function allFree(addresses: readonly string[], first: number, count: number): Promise<boolean> {
  for (const address of addresses) {
    for (let port = first; port < first + count; port += 1) {
      if (!(await udpIsFree(address, port)) || !(await tcpIsFree(address, port))) return false;
    }
  }
  return true;
}

async function udpIsFree(address: string, port: number): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  try {
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

async function tcpIsFree(address: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    const listening = once(server, 'listening');
    server.listen({ port, host: address, ipv6Only: true });
    await listening;
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
