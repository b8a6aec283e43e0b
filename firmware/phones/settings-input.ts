import { isIPv6 } from 'node:net';
import type { Configuration } from '../config/schema/configuration.ts';
import type { AudioCodec } from '../sdp/codec.ts';

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
  /** All that the media worker speaks, in order of preference. */
  readonly codecs: readonly AudioCodec[];
}

/** All that a settings file depends on. */
export interface SettingsInput extends RunningBox {
  /** The box as the asking client reaches it: an IPv4 or IPv6 address without brackets or zone, or a host name. */
  readonly address: string;
  readonly system: Pick<Configuration['system'], 'locale'> & {
    readonly sip: Pick<Configuration['system']['sip'], 'domain'>;
  };
}

/** As it stands in a URI: an IPv6 address in brackets (RFC 3986 §3.2.2). */
export function uriHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}
