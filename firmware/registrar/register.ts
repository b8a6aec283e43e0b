import {
  type Contact,
  type Flow,
  formatSipUri,
  type HeaderField,
  paramValue,
  parseContacts,
  parseSipUri,
  type SipRequest,
} from '../sip/stack.ts';
import type { Binding } from './location.ts';

/** RFC 3261 §10.2.1.1 leaves the default to the registrar and §10.3 step 6 the least; an hour and a minute are usual. */
export const DEFAULT_EXPIRES_SECONDS = 3600;
export const MIN_EXPIRES_SECONDS = 60;
export const MAX_EXPIRES_SECONDS = 3600;
/** Contacts of one address of record; one more pushes the oldest out. */
export const MAX_CONTACTS = 5;
/** A longer Contact URI is refused: it would have to go into the start line of every request to the device. */
const MAX_CONTACT_LENGTH = 512;
const MAX_TEXT_LENGTH = 256;

export type RegisterOutcome =
  /** The bindings are to be these from now on, or stay as they are. */
  | { readonly kind: 'bindings'; readonly bindings: readonly Binding[] }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly HeaderField[];
    };

/**
 * What an authenticated REGISTER makes of the bindings of its address of record (RFC 3261 §10.3, steps 6 and 7). All of
 * its contacts take effect or none does.
 */
export function applyRegister(
  message: SipRequest,
  flow: Flow,
  present: readonly Binding[],
  nowMs: number,
): RegisterOutcome {
  const contacts = parseContacts(message.headers);
  if (contacts === undefined) {
    // Without a Contact header it is a query; with one that cannot be read it is a bad request.
    return message.headers.has('Contact')
      ? { kind: 'refused', status: 400, reason: 'Malformed Contact' }
      : { kind: 'bindings', bindings: present };
  }
  const callId = message.headers.get('Call-ID') ?? '';
  const cSeq = Number.parseInt(message.headers.get('CSeq') ?? '', 10);
  const header = message.headers.get('Expires');
  const defaultExpires = header !== undefined && /^\d{1,10}$/.test(header.trim()) ? Number(header) : undefined;

  if (contacts === '*') {
    // §10.3 step 6: the wildcard goes with `Expires: 0` and nothing else.
    if (defaultExpires !== 0) return { kind: 'refused', status: 400, reason: 'Contact * needs Expires 0' };
    return present.some((binding) => isOutOfOrder(binding, callId, cSeq))
      ? OUT_OF_ORDER
      : { kind: 'bindings', bindings: [] };
  }

  let bindings = present;
  for (const contact of contacts) {
    const uri = parseSipUri(contact.uri);
    if (uri === undefined || contact.uri.length > MAX_CONTACT_LENGTH) {
      return { kind: 'refused', status: 400, reason: 'Contact is no SIP URI' };
    }
    const wanted = contact.expiresSeconds ?? defaultExpires ?? DEFAULT_EXPIRES_SECONDS;
    // §10.3 step 6: too brief is refused, save for the removal.
    if (wanted > 0 && wanted < MIN_EXPIRES_SECONDS) {
      return { kind: 'refused', status: 423, headers: [['Min-Expires', String(MIN_EXPIRES_SECONDS)]] };
    }
    const instance = instanceOf(contact);
    const same = bindings.filter((binding) => isSameDevice(binding, formatSipUri(uri), instance));
    if (same.some((binding) => isOutOfOrder(binding, callId, cSeq))) return OUT_OF_ORDER;
    bindings = bindings.filter((binding) => !same.includes(binding));
    if (wanted === 0) continue;
    const userAgent = message.headers.get('User-Agent');
    const binding: Binding = {
      contact: contact.uri,
      callId,
      cSeq,
      expiresAtMs: nowMs + Math.min(wanted, MAX_EXPIRES_SECONDS) * 1000,
      flow,
      ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, MAX_TEXT_LENGTH) }),
      ...(instance === undefined ? {} : { instance }),
    };
    bindings = [binding, ...bindings].slice(0, MAX_CONTACTS);
  }
  return { kind: 'bindings', bindings };
}

/** Contact header fields for the 200 (RFC 3261 §10.3 step 8): all bindings with the time that each has left. */
export function contactFields(bindings: readonly Binding[], nowMs: number): readonly HeaderField[] {
  return bindings.map((binding) => {
    const expiresSeconds = Math.max(0, Math.ceil((binding.expiresAtMs - nowMs) / 1000));
    const instance = binding.instance === undefined ? '' : `;+sip.instance="${binding.instance}"`;
    return ['Contact', `<${binding.contact}>;expires=${expiresSeconds}${instance}`];
  });
}

/** §10.3 step 7: the same Call-ID with a CSeq that is not higher is old or sent twice. */
function isOutOfOrder(binding: Binding, callId: string, cSeq: number): boolean {
  return binding.callId === callId && cSeq <= binding.cSeq;
}

const OUT_OF_ORDER: RegisterOutcome = { kind: 'refused', status: 500, reason: 'CSeq out of order' };

/** Instance ids are compared letter by letter (RFC 5626 §4.1); one device has one binding, wherever it moved. */
function isSameDevice(binding: Binding, contact: string, instance: string | undefined): boolean {
  if (instance !== undefined && binding.instance === instance) return true;
  const uri = parseSipUri(binding.contact);
  return uri !== undefined && formatSipUri(uri) === contact;
}

function instanceOf(contact: Contact): string | undefined {
  const instance = paramValue(contact.params, '+sip.instance');
  // Only what can stand in a quoted string again: a URN in angle brackets.
  return instance !== undefined && instance.length <= MAX_TEXT_LENGTH && /^<[^<>"\\\s]+>$/.test(instance)
    ? instance
    : undefined;
}
