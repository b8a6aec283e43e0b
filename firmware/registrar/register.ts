import {
  type Contact,
  type Flow,
  type HeaderField,
  hasParam,
  paramValue,
  parseContacts,
  parseSipUri,
  type SipRequest,
} from '../sip/stack.ts';
import type { Binding, EndedBinding } from './binding.ts';
import { isSameBinding } from './contact-matching.ts';
import { featureTags } from './feature-tags.ts';
import { publicGruu } from './gruu.ts';
import { isBehindNat } from './nat.ts';
import { MAX_FLOWS, outboundHeaders, outboundOf } from './outbound.ts';
import { readPath, supports } from './path.ts';

/** RFC 3261 §10.2.1.1 leaves the time without Expires to the registrar; an hour is usual. */
export const DEFAULT_EXPIRES_SECONDS = 3600;
/** Contacts of one address of record; one more pushes the oldest out. Four classes of five devices. */
export const MAX_CONTACTS = 20;
/** A longer Contact URI is refused: it would have to go into the start line of every request to the device. */
const MAX_CONTACT_LENGTH = 512;
const MAX_TEXT_LENGTH = 256;
const MAX_EXPIRES = 2 ** 32 - 1;
const REFER = /(?:^|[,\s])REFER(?:$|[,\s])/;

/** How long a device may register for. */
export interface ExpiryLimits {
  readonly minExpirySeconds: number;
  readonly maxExpirySeconds: number;
}

export type RegisterOutcome =
  /** Nothing changes. */
  | { readonly kind: 'query' }
  | {
      readonly kind: 'bindings';
      /** What the bindings are to be from now on, the newest first. */
      readonly bindings: readonly Binding[];
      /** Those of them that this request made or refreshed. */
      readonly fresh: readonly Binding[];
      readonly ended: readonly EndedBinding[];
      /** For the 200. */
      readonly headers: readonly HeaderField[];
    }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly HeaderField[];
    };

type Refusal = Extract<RegisterOutcome, { kind: 'refused' }>;

const OUT_OF_ORDER: Refusal = { kind: 'refused', status: 500, reason: 'CSeq out of order' };

/**
 * What an authenticated REGISTER makes of the bindings of its address of record (RFC 3261 §10.3, steps 6 and 7). All of
 * its contacts take effect or none does.
 */
export function applyRegister(
  message: SipRequest,
  flow: Flow,
  present: readonly Binding[],
  nowMs: number,
  limits: ExpiryLimits,
): RegisterOutcome {
  const contacts = parseContacts(message.headers);
  if (contacts === undefined) return refused(400, 'Malformed Contact');
  const { callId } = message;
  const cSeq = message.cseq.number;
  const expires = wholeSeconds(message.headers.get('Expires'));

  if (contacts === '*') {
    // §10.3 step 6: the wildcard goes with `Expires: 0` and nothing else.
    if (expires !== 0) return refused(400, 'Contact * needs Expires 0');
    if (present.some((binding) => isOutOfOrder(binding, callId, cSeq))) return OUT_OF_ORDER;
    const ended = present.map((binding): EndedBinding => ({ binding, event: 'unregistered' }));
    return { kind: 'bindings', bindings: [], fresh: [], ended, headers: [] };
  }
  if (contacts.length === 0) return { kind: 'query' };
  if (contacts.length > MAX_CONTACTS) return refused(400, 'Too Many Contacts');
  const path = readPath(message);
  if (path.kind === 'refused') return path;

  const reading: Reading = { message, flow, path: path.path, expires, nowMs, limits, callId, cSeq };
  const fresh: Binding[] = [];
  let kept = present;
  let flows = 0;
  for (const contact of contacts) {
    const asked = read(contact, reading, present);
    if ('status' in asked) return asked;
    const same = present.filter((binding) => isSameBinding(binding, asked.binding));
    if (same.some((binding) => isOutOfOrder(binding, callId, cSeq))) return OUT_OF_ORDER;
    kept = kept.filter((binding) => !same.includes(binding));
    if (!asked.isRemoval) {
      if (asked.binding.regId !== undefined) flows += 1;
      // RFC 5626 §4.2: each flow registers by itself.
      if (flows > 1) return refused(400, 'Several Flows In One Request');
      const again = fresh.findIndex((other) => isSameBinding(other, asked.binding));
      if (again !== -1) fresh.splice(again, 1);
      fresh.unshift(same.length === 0 ? asked.binding : { ...asked.binding, refreshed: true });
    }
  }
  return outcome(message, flow, present, kept, fresh, path.path);
}

interface Reading {
  readonly message: SipRequest;
  readonly flow: Flow;
  readonly path: readonly string[];
  readonly expires: number | undefined;
  readonly nowMs: number;
  readonly limits: ExpiryLimits;
  readonly callId: string;
  readonly cSeq: number;
}

/** The binding that a contact asks for, or for whose end it asks. */
function read(
  contact: Contact,
  { message, flow, path, expires, nowMs, limits, callId, cSeq }: Reading,
  present: readonly Binding[],
): Refusal | { readonly binding: Binding; readonly isRemoval: boolean } {
  const refusal = isKnown(contact.uri, present) ? undefined : refusalOf(contact.uri, flow, path, message);
  if (refusal !== undefined) return refusal;
  const wanted = contact.expiresSeconds ?? expires ?? Math.min(DEFAULT_EXPIRES_SECONDS, limits.maxExpirySeconds);
  // §10.3 step 6: too brief is refused, save for the removal.
  if (wanted > 0 && wanted < limits.minExpirySeconds) {
    return { ...refused(423), headers: [['Min-Expires', String(limits.minExpirySeconds)]] };
  }
  const instance = instanceOf(contact);
  const outbound = outboundOf(message, contact, instance, path);
  if (outbound.kind === 'first-hop-lacks-it') return refused(439);
  const userAgent = message.headers.get('User-Agent');
  const capabilities = featureTags(contact.params);
  const aor = instance !== undefined && supports(message, 'gruu') ? parseSipUri(message.to.uri) : undefined;
  const needsKeepAlive = outbound.kind === 'none' && path.length === 0 && isBehindNat(message, flow, contact.uri);
  const binding: Binding = {
    contact: contact.uri,
    callId,
    cSeq,
    expiresAtMs: nowMs + Math.min(wanted, limits.maxExpirySeconds) * 1000,
    flow,
    ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, MAX_TEXT_LENGTH) }),
    ...(instance === undefined ? {} : { instance }),
    ...(outbound.kind === 'flow' ? { regId: outbound.regId } : {}),
    ...(contact.q === undefined ? {} : { q: contact.q }),
    ...(path.length === 0 ? {} : { path }),
    ...(capabilities === '' ? {} : { capabilities }),
    ...(aor === undefined || instance === undefined ? {} : { publicGruu: publicGruu(aor, instance) }),
    ...(needsKeepAlive ? { needsKeepAlive } : {}),
    ...(takesRefer(message, contact) ? { takesRefer: true } : {}),
  };
  return { binding, isRemoval: wanted === 0 };
}

function outcome(
  message: SipRequest,
  flow: Flow,
  present: readonly Binding[],
  kept: readonly Binding[],
  fresh: readonly Binding[],
  path: readonly string[],
): RegisterOutcome {
  const wanted = [...fresh, ...kept];
  const bindings = withinLimits(wanted);
  const ended: EndedBinding[] = [];
  for (const binding of present) {
    if (bindings.includes(binding)) continue;
    if (wanted.includes(binding)) ended.push({ binding, event: 'rejected' });
    else if (!fresh.some((other) => isSameBinding(binding, other))) ended.push({ binding, event: 'unregistered' });
  }
  const headers: HeaderField[] = [];
  if (fresh.some(({ regId }) => regId !== undefined)) headers.push(...outboundHeaders(flow));
  // RFC 3327 §5.3: the device sees which proxies have put themselves between.
  if (path.length > 0 && supports(message, 'path')) for (const value of path) headers.push(['Path', value]);
  return { kind: 'bindings', bindings, fresh: fresh.filter((binding) => bindings.includes(binding)), ended, headers };
}

/** The newest of them, and of the flows of one instance the newest few. */
function withinLimits(bindings: readonly Binding[]): readonly Binding[] {
  if (bindings.length <= MAX_FLOWS) return bindings;
  const flows = new Map<string, number>();
  const taken = bindings.filter(({ instance, regId }) => {
    if (instance === undefined || regId === undefined) return true;
    const count = (flows.get(instance) ?? 0) + 1;
    flows.set(instance, count);
    return count <= MAX_FLOWS;
  });
  return taken.slice(0, MAX_CONTACTS);
}

/** A Contact URI that was taken before need not be looked at again. */
function isKnown(uri: string, present: readonly Binding[]): boolean {
  return !uri.startsWith('sips:') && present.some(({ contact }) => contact === uri);
}

function refusalOf(text: string, flow: Flow, path: readonly string[], message: SipRequest): Refusal | undefined {
  const uri = parseSipUri(text);
  if (uri === undefined || text.length > MAX_CONTACT_LENGTH) return refused(400, 'Contact is no SIP URI');
  // RFC 5630 §3.1: SIPS asks for TLS on each hop, and this one is known already.
  if (uri.scheme === 'sips' && path.length === 0 && (flow.protocol === 'udp' || flow.protocol === 'tcp')) {
    return refused(400, 'SIPS Contact Without TLS');
  }
  // RFC 5627 §5.1: requests to it would come back here.
  if (hasParam(uri.params, 'gr') && uri.user === parseSipUri(message.to.uri)?.user) {
    return refused(403, 'Contact Is A GRUU');
  }
  return undefined;
}

function refused(status: number, reason?: string): Refusal {
  return { kind: 'refused', status, ...(reason === undefined ? {} : { reason }) };
}

/** §10.2.1.1: an Expires that is malformed counts as none. */
function wholeSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,10}\s*$/.test(text) ? Math.min(Number(text), MAX_EXPIRES) : undefined;
}

/** §10.3 step 7: the same Call-ID with a CSeq that is not higher is old or sent twice. */
function isOutOfOrder(binding: Binding, callId: string, cSeq: number): boolean {
  return binding.callId === callId && cSeq <= binding.cSeq;
}

/** Allow of the device, or the methods of its contact (RFC 3840 §9), name REFER. */
function takesRefer({ headers }: SipRequest, { params }: Contact): boolean {
  return REFER.test(paramValue(params, 'methods') ?? '') || headers.all('Allow').some((value) => REFER.test(value));
}

function instanceOf(contact: Contact): string | undefined {
  const instance = paramValue(contact.params, '+sip.instance');
  // Only what can stand in a quoted string again: a URN in angle brackets.
  return instance !== undefined && instance.length <= MAX_TEXT_LENGTH && /^<[^<>"\\\s]+>$/.test(instance)
    ? instance
    : undefined;
}
