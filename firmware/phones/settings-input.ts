import { isIPv6 } from 'node:net';
import type { Configuration } from '../config/schema/configuration.ts';
import type { Profile } from '../config/schema/user.ts';

/** The ports that clients can reach, as they see them. One that is left out is not served. */
export interface ServedPorts {
  readonly sipUdp?: number;
  readonly sipTcp?: number;
  readonly sipTls?: number;
  readonly http?: number;
  readonly https?: number;
}

/** What the running box does, apart from its configuration. */
export interface RunningBox {
  /** The product's version. */
  readonly version: string;
  readonly ports: ServedPorts;
  /** UDP ports for media, both ends included. */
  readonly mediaPorts: { readonly low: number; readonly high: number };
  /** The year (UTC) whose rule of daylight saving phones are told. */
  readonly year: number;
}

/** The part of the configuration that settings files are made of. */
export type PhoneConfiguration = Pick<Configuration, 'system' | 'lan1' | 'lan2' | 'noUser' | 'emergencyNumbers'>;

/** Who asks, as far as the file depends on it. */
export interface AskingClient {
  /** The box as the client reaches it: an IPv4 or IPv6 address without brackets or zone. */
  readonly address: string;
  /** The LAN of that address; undefined where it is on neither. */
  readonly lan: 'lan1' | 'lan2' | undefined;
  /** Outside of the office: it is told names and ports that are reached from there. */
  readonly isRemote: boolean;
  readonly userAgent: string;
  /** The profile of the user where the request is authenticated; undefined for a stranger. */
  readonly profile?: Profile | undefined;
}

/** All that a settings file depends on. */
export interface SettingsInput extends RunningBox {
  readonly configuration: PhoneConfiguration;
  readonly client: AskingClient;
}

/** As it stands in a URI: an IPv6 address in brackets (RFC 3986 §3.2.2). */
export function uriHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** The ports that the configuration asks for, HTTP and HTTPS on their own numbers. */
export function configuredPorts({ sip }: PhoneConfiguration['system']): ServedPorts {
  return { sipUdp: sip.udp.port, sipTcp: sip.tcp.port, sipTls: sip.tls.port, http: 80, https: 443 };
}
