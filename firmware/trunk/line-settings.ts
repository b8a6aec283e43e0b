import { isIPv6 } from 'node:net';
import type { Configuration } from '../config/schema/configuration.ts';
import { NetworkList } from '../core/network-list.ts';
import type { CredentialsFor } from '../sip/stack.ts';
import { type NumberPlan, plainNumber } from './number.ts';

export type ConfiguredLine = Configuration['lines'][string];

/** What a line is made of, worked out of its configuration once. */
export interface LineSettings {
  /** Its key in the configuration. */
  readonly number: string;
  readonly configured: ConfiguredLine;
  /** Of the From, To and Request-URI of what goes out; an IPv6 address in brackets. */
  readonly domain: string;
  /** Where requests go: resolved by RFC 3263. */
  readonly target: string;
  /** Request-URI of REGISTER, and where that goes. */
  readonly registrar: { readonly uri: string; readonly target: string };
  /** The address of record. */
  readonly aor: string;
  /** User part of our Contact. */
  readonly contactUser: string;
  /** Undefined where the line has no password. */
  readonly credentials: CredentialsFor | undefined;
  /** Names that the certificate of the peer may be for. */
  readonly certificateNames: readonly string[];
  readonly peers: NetworkList;
  /** The number of the line itself, where it has one. */
  readonly ownNumber: string | undefined;
  readonly plan: NumberPlan;
  /** What it lacks to work, in words. */
  readonly lacks: string | undefined;
}

/**
 * `openSecret` gives the password that `sealed` stands for; undefined where this box did not seal it. The password is in
 * `credentials` alone, which is a function, and so in no log.
 */
export function lineSettings(
  number: string,
  configured: ConfiguredLine,
  openSecret: (path: string, sealed: string) => string | undefined,
): LineSettings {
  const { domain, proxy, registrar, userName, identity } = configured;
  const host = domain === '' ? proxy : domain;
  const registrarHost = registrar === '' ? host : registrar;
  const contactUser = userName === '' ? `line-${number}` : userName;
  const peers = new NetworkList();
  for (const network of configured.peers) peers.add(network);
  const password =
    configured.password === undefined ? undefined : openSecret(`lines.${number}.password`, configured.password);
  const username = configured.authenticationName === '' ? userName : configured.authenticationName;
  return {
    number,
    configured,
    domain: bracketed(host),
    target: targetUri(proxy === '' ? host : proxy, configured),
    registrar: {
      uri: `sip:${bracketed(registrarHost)}`,
      // RFC 3261 §8.1.2: an outbound proxy takes what is for the registrar too.
      target: targetUri(proxy === '' ? registrarHost : proxy, configured),
    },
    aor: `sip:${encodeURIComponent(contactUser)}@${bracketed(host)}`,
    contactUser,
    credentials: password === undefined ? undefined : () => ({ username, password }),
    certificateNames: [
      ...new Set([proxy, domain, registrar].filter((name) => name !== '').map((name) => name.toLowerCase())),
    ],
    peers,
    ownNumber: plainNumber(identity.callerNumber === '' ? userName : identity.callerNumber),
    plan: configured.numbers,
    lacks: lackOf(configured, password),
  };
}

function lackOf(configured: ConfiguredLine, password: string | undefined): string | undefined {
  if (configured.domain === '' && configured.proxy === '') return 'neither domain nor proxy is configured';
  if (configured.registers && configured.userName === '') return 'it registers, and has no user name';
  if (configured.password !== undefined && password === undefined) {
    return 'its password was sealed by another box: set it anew';
  }
  return undefined;
}

/** RFC 3263 §4: a port means that no SRV is asked for, a transport which services are. */
function targetUri(host: string, { port, transport }: ConfiguredLine): string {
  return `sip:${bracketed(host)}${port === 0 ? '' : `:${port}`};transport=${transport}`;
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
