import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range that the kernel gives out, so that no test's own socket takes one of these in between. */
const ALL_LOWEST = 20_000;
const ALL_HIGHEST = 32_000;
/** Files that run side by side (scripts/test) have a part each: what one has found free, another one could take before it is used. */
const PARTS = 2;
const PART = Number(process.env.TAP_JOB_ID ?? 0) % PARTS;
const LOWEST = ALL_LOWEST + ((ALL_HIGHEST - ALL_LOWEST) / PARTS) * PART;
const HIGHEST = LOWEST + (ALL_HIGHEST - ALL_LOWEST) / PARTS;

/** The first port of a range of `count` that is free at this moment on every address, for UDP and for TCP. */
export async function freePorts(addresses: readonly string[], count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // Even, as RTP wants it.
    const first = 2 * randomInt(LOWEST / 2, (HIGHEST - count) / 2);
    if (await allFree(addresses, first, count)) return first;
  }
  throw new Error(`no ${count} free ports on ${addresses.join(' ')}`);
}

export interface ReservedPort {
  readonly port: number;
  /** Lets others have it again. */
  readonly release: () => void;
}

/**
 * A port for a program that binds it at times only. In between it is free for that protocol, and so that of the other
 * protocol is held, which keeps freePorts() and reservePort() of other tests away.
 */
export async function reservePort(address: string, protocol: 'udp' | 'tcp'): Promise<ReservedPort> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    const release = await (protocol === 'udp' ? holdTcp : holdUdp)(address, port);
    if (release === undefined) continue;
    if (await (protocol === 'udp' ? udpIsFree : tcpIsFree)(address, port)) return { port, release };
    release();
  }
  throw new Error(`no free port on ${address}`);
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
  const release = await holdUdp(address, port);
  release?.();
  return release !== undefined;
}

async function tcpIsFree(address: string, port: number): Promise<boolean> {
  const release = await holdTcp(address, port);
  release?.();
  return release !== undefined;
}

/** Binds it; undefined where somebody else has. */
async function holdUdp(address: string, port: number): Promise<(() => void) | undefined> {
  const socket = createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  const close = (): void => void socket.close();
  try {
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
    return close;
  } catch {
    close();
    return undefined;
  }
}

async function holdTcp(address: string, port: number): Promise<(() => void) | undefined> {
  const server = createServer((socket) => socket.destroy());
  const close = (): void => void server.close();
  try {
    const listening = once(server, 'listening');
    server.listen({ port, host: address, ipv6Only: true });
    await listening;
    return close;
  } catch {
    close();
    return undefined;
  }
}
