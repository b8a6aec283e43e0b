import { DEVICE_RULES } from './device-rules.ts';

/** Of each a user has one at a time (seeds: simultaneous mode). */
export type DeviceClass = 'desk' | 'desktop' | 'mobile' | 'webrtc';

export interface Device {
  readonly deviceClass: DeviceClass;
  /** A program rather than a telephone: the maker's own, or anybody's. Its use is for the user's profile to allow. */
  readonly client?: 'workplace' | 'softphone';
}

/** What a device shows of itself. */
export interface DeviceTraits {
  readonly userAgent?: string | undefined;
  /** Of its flow: `udp`, `tls`, `ws` … */
  readonly protocol: string;
  /** Its feature tags (RFC 3840), as parameters. */
  readonly capabilities?: string | undefined;
}

const DESK: Device = { deviceClass: 'desk' };
const BROWSER: Device = { deviceClass: 'webrtc', client: 'softphone' };
const MOBILE: Device = { deviceClass: 'mobile', client: 'softphone' };

/** User agents whose device is remembered: an office has a few dozen, a stranger gets none in. */
const MAX_REMEMBERED = 1024;
const remembered = new Map<string, Device | undefined>();

/**
 * Which class of device registers, by User-Agent, transport and feature tags. What nobody knows is a desk phone, as generic
 * SIP phones are: it needs no licence, and a user who has one more than allowed sees it at once.
 */
export function deviceOf({ userAgent = '', protocol, capabilities = '' }: DeviceTraits): Device {
  const known = byUserAgent(userAgent);
  // Only browsers speak SIP over WebSocket (RFC 7118), with whichever library.
  if (protocol === 'ws' || protocol === 'wss') return known?.client === 'workplace' ? known : BROWSER;
  if (known !== undefined) return known;
  return /;mobility="?mobile"?(?:;|$)/i.test(capabilities) ? MOBILE : DESK;
}

function byUserAgent(userAgent: string): Device | undefined {
  if (remembered.has(userAgent)) return remembered.get(userAgent);
  const device = DEVICE_RULES.find(({ pattern }) => pattern.test(userAgent))?.device;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(userAgent, device);
  return device;
}
