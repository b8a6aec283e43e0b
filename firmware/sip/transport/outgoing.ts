import { createSocket } from 'node:dgram';
import { connect as connectTcp, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import { formatHostPort } from '../message/uri.ts';
import type { TlsIdentity } from './flow.ts';
import { noRoute } from './listen-error.ts';
import { MIN_TLS_VERSION } from './stream-listener.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** RFC 8305 §5: how long an address is waited for before the next is tried beside it. */
export const STAGGER_MS = 250;

export interface StreamTarget {
  readonly protocol: 'tcp' | 'tls';
  readonly addresses: readonly string[];
  readonly port: number;
  /** Over TLS the certificate must name it, else the address. */
  readonly name: string | undefined;
  /** Whom TLS trusts. */
  readonly ca: TlsIdentity['ca'] | readonly string[];
  /** The address of ours to connect from. */
  readonly localAddress: (remoteAddress: string) => Promise<string | undefined>;
}

/** Connects to the first of these addresses that answers; rejects with SIP_NO_ROUTE after 5 s at the latest. */
export function connectStream(target: StreamTarget, clock: Clock): Promise<Socket> {
  const { protocol, addresses, port, name } = target;
  const where = name ?? addresses.map((address) => formatHostPort(address)).join(', ');
  return new Promise((resolve, reject) => {
    const attempts = new Set<Socket>();
    const waiting = [...addresses];
    let running = 0;
    let isOver = false;
    let stagger: Timer | undefined;
    const finish = (): void => {
      isOver = true;
      stagger?.cancel();
      timeout.cancel();
      for (const attempt of attempts) attempt.destroy();
    };
    const fail = (cause?: Error): void => {
      finish();
      const fault = certificateFault(cause);
      const why = fault === undefined ? '' : `: its certificate ${fault}`;
      reject(noRoute(`no connection to ${where} port ${port} over ${protocol}${why}`, cause));
    };
    const timeout = clock.schedule(CONNECT_TIMEOUT_MS, fail);
    const failed = (error: Error): void => {
      if (isOver) return;
      running -= 1;
      if (waiting.length > 0) next();
      else if (running === 0) fail(error);
    };
    const next = (): void => {
      stagger?.cancel();
      const address = waiting.shift();
      if (address === undefined) return;
      running += 1;
      if (waiting.length > 0) stagger = clock.schedule(STAGGER_MS, next);
      // What Node refuses to try at all is one that failed, and must not be an error that nobody awaits.
      attempt(address).catch(failed);
    };
    const attempt = async (address: string): Promise<void> => {
      const localAddress = await target.localAddress(address);
      if (isOver) return;
      const socket = open(target, address, localAddress);
      attempts.add(socket);
      socket.on('error', (error) => {
        socket.destroy();
        if (attempts.delete(socket)) failed(error);
      });
      socket.once(protocol === 'tls' ? 'secureConnect' : 'connect', () => {
        if (isOver) return;
        attempts.delete(socket);
        finish();
        resolve(socket);
      });
    };
    next();
  });
}

function open(target: StreamTarget, address: string, localAddress: string | undefined): Socket {
  const { protocol, port, name, ca } = target;
  const way = { host: address, port, ...(localAddress === undefined ? {} : { localAddress }) };
  if (protocol === 'tcp') return connectTcp(way);
  const trusted = ca === undefined ? {} : { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] };
  return connectTls({
    ...way,
    minVersion: MIN_TLS_VERSION,
    ...trusted,
    ...(name === undefined ? {} : { servername: name }),
  });
}

/** What is wrong with a certificate (RFC 5922 §7), in words of ours: those of the error are in part the peer's. */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_REVOKED: 'was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is vouched for by nobody whom this box trusts',
  SELF_SIGNED_CERT_IN_CHAIN: 'is vouched for by nobody whom this box trusts',
  UNABLE_TO_GET_ISSUER_CERT: 'is vouched for by nobody whom this box trusts',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is vouched for by nobody whom this box trusts',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is vouched for by nobody whom this box trusts',
};

/** Undefined where the connection failed by something else. */
function certificateFault(cause: Error | undefined): string | undefined {
  const code = cause !== undefined && 'code' in cause ? String(cause.code) : '';
  return Object.hasOwn(CERTIFICATE_FAULTS, code) ? CERTIFICATE_FAULTS[code] : undefined;
}

/** The address that the system would send from to `remoteAddress`; undefined when there is no route. */
export function sourceAddress(remoteAddress: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createSocket({
      type: isIPv6(remoteAddress) ? 'udp6' : 'udp4',
      // It is an address: nobody is to be asked.
      lookup: (hostname, _options, done) => done(null, hostname, isIPv6(hostname) ? 6 : 4),
    });
    const finish = (address: string | undefined): void => {
      probe.close();
      resolve(address);
    };
    probe.once('error', () => finish(undefined));
    // Connecting a datagram socket sends nothing: it only asks the routing table.
    probe.connect(9, remoteAddress, () => finish(probe.address().address));
  });
}
