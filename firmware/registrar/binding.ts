import type { Flow } from '../sip/stack.ts';

/** What ties an address of record to one contact (RFC 3261 §10), and the way by which it registered. */
export interface Binding {
  /** The Contact URI exactly as the device wrote it: it must get it back as Request-URI. */
  readonly contact: string;
  readonly callId: string;
  readonly cSeq: number;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  /** The way to the device. It outranks the host in the Contact URI, which is wrong behind every port forward. */
  readonly flow: Flow;
  readonly userAgent?: string;
  /** `+sip.instance` (RFC 5626 §4.1): the same device after a restart, whatever its address is now. */
  readonly instance?: string;
  /** RFC 5626 §4.2: which of several flows of the instance this is. */
  readonly regId?: number;
  /** The preference that the device gave it, 0 to 1 (RFC 3261 §20.10). */
  readonly q?: number;
  /** Proxies between the box and the device, the nearest first (RFC 3327): the Route of what goes to it. */
  readonly path?: readonly string[];
  /** What the device says it can do (RFC 3840), as parameters: `;audio;mobility="mobile"`. */
  readonly capabilities?: string;
  /** The public GRUU that it was told (RFC 5627 §3.1). */
  readonly publicGruu?: string;
  /** Over UDP from behind a NAT, and nobody keeps the way open but us. */
  readonly needsKeepAlive?: true;
  /** It says that it takes REFER (RFC 3261 §20.5, RFC 3840 §9); not kept over a restart. */
  readonly takesRefer?: true;
  /** Whether it was registered before; not kept over a restart. */
  readonly refreshed?: true;
}

/** Why a binding is no more (RFC 3680 §5.1). */
export type EndEvent =
  /** The device, or a newer one, took it away. */
  | 'unregistered'
  | 'expired'
  /** It may register again at once, as after a change of its password. */
  | 'deactivated'
  /** It shall not register again by itself: another device took its place, or it is no longer allowed. */
  | 'rejected';

export interface EndedBinding {
  readonly binding: Binding;
  readonly event: EndEvent;
}

/** Bindings of one device have the same text here: several flows or several contacts of it are still one device. */
export function deviceKey(binding: Binding): string {
  // RFC 3261 §10.2: a user agent registers all that it has under one Call-ID.
  return binding.instance ?? binding.callId;
}
