import {
  type Contact,
  type Flow,
  type HeaderField,
  hasParam,
  paramValue,
  parseNameAddr,
  parseSipUri,
  type SipRequest,
} from '../sip/stack.ts';
import { supports } from './path.ts';

/** Flows of one device at a time; one more pushes its oldest out. */
export const MAX_FLOWS = 4;
/** RFC 5626 §4.2: 1 to 2^31 - 1. */
const MAX_REG_ID = 2 ** 31 - 1;
/** How often a device has to send a keep-alive: what NATs of the field keep open (RFC 5626 §4.4). */
const FLOW_TIMER_SECONDS = { udp: 29, stream: 120 } as const;

/** Whether the device can be reached only by the flows that it registers: RFC 5626 §6 with reg-id. */
export type Outbound =
  | { readonly kind: 'none' }
  | { readonly kind: 'flow'; readonly regId: number }
  /** RFC 5626 §6: the first proxy does not keep flows apart (439). */
  | { readonly kind: 'first-hop-lacks-it' };

const NONE: Outbound = { kind: 'none' };

/** What a contact of a REGISTER says of outbound; without an instance a reg-id means nothing. */
export function outboundOf(
  message: SipRequest,
  contact: Contact,
  instance: string | undefined,
  path: readonly string[],
): Outbound {
  if (instance === undefined || !hasParam(contact.params, 'reg-id')) return NONE;
  const text = paramValue(contact.params, 'reg-id') ?? '';
  const regId = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (regId < 1 || regId > MAX_REG_ID || !supports(message, 'outbound')) return NONE;
  if (isDirect(message) || isOutboundProxy(path.at(-1))) return { kind: 'flow', regId };
  return { kind: 'first-hop-lacks-it' };
}

/** For the 200 to a REGISTER whose flow was taken (RFC 5626 §6, §5.4). */
export function outboundHeaders({ protocol }: Flow): readonly HeaderField[] {
  const seconds = protocol === 'udp' ? FLOW_TIMER_SECONDS.udp : FLOW_TIMER_SECONDS.stream;
  return [
    ['Require', 'outbound'],
    ['Flow-Timer', String(seconds)],
  ];
}

/** One Via: nobody stands between. */
function isDirect(message: SipRequest): boolean {
  return (message.headers.list('Via')?.length ?? 0) <= 1;
}

/** RFC 5626 §5.1: the proxy at the device, last in the path, says `ob`. */
function isOutboundProxy(value: string | undefined): boolean {
  const uri = value === undefined ? undefined : parseSipUri(parseNameAddr(value)?.uri ?? '');
  return uri !== undefined && hasParam(uri.params, 'ob');
}
