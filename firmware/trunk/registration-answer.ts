import {
  type Contact,
  hasParam,
  paramValue,
  parseContacts,
  parseRoutes,
  parseSipUri,
  type SipResponse,
} from '../sip/stack.ts';

/** What became of one REGISTER, whichever server answered it. */
export type RegistrationOutcome =
  | {
      readonly kind: 'registered';
      /** As granted, from 1. */
      readonly expiresSeconds: number;
      /** Values for Route of what goes out by this registration (RFC 3608). */
      readonly serviceRoute: readonly string[];
      /** Identities that the registrar knows us by (RFC 7315 §4.1): URIs, the default first. */
      readonly associated: readonly string[];
      /** The registrar keeps flows (RFC 5626): it answers keep-alives, and wants them at this interval where it says one. */
      readonly keepsFlow: boolean;
      readonly flowTimerSeconds: number | undefined;
    }
  /** 423 (RFC 3261 §10.3 step 7). */
  | { readonly kind: 'too-brief'; readonly minExpirySeconds: number }
  /** 3xx: URIs in the order of preference. */
  | { readonly kind: 'redirected'; readonly targets: readonly string[]; readonly reason: string }
  /** The name or the password is wrong, or the registrar will not have us. */
  | { readonly kind: 'credentials'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterSeconds: number | undefined }
  /** No server of the line could be sent anything. */
  | { readonly kind: 'no-way'; readonly reason: string };

/** Nobody waits longer because a server says so, nor asks again at once. */
export const MAX_RETRY_AFTER_SECONDS = 3600;
const MIN_RETRY_AFTER_SECONDS = 1;
/** A registrar that wants more than a day has something else in mind. */
export const MAX_EXPIRY_SECONDS = 86_400;
const MAX_SERVICE_ROUTES = 8;
const MAX_ASSOCIATED = 16;
const MAX_REDIRECTS = 4;

export interface OwnContact {
  /** As it stands in our Contact: a parameter that nobody else has. */
  readonly token: string;
  readonly user: string;
}

/** Reads the final response to a REGISTER of ours. */
export function registrationOutcome(response: SipResponse, own: OwnContact): RegistrationOutcome {
  const { status } = response;
  const reason = `${status} ${response.reason}`.trim().slice(0, 80);
  if (status >= 200 && status < 300) return registered(response, own, reason);
  if (status >= 300 && status < 400) return redirected(response, reason);
  if (status === 423) {
    const minExpirySeconds = decimal(response.headers.get('Min-Expires'));
    if (minExpirySeconds === undefined) return { kind: 'failed', reason, retryAfterSeconds: undefined };
    return { kind: 'too-brief', minExpirySeconds };
  }
  // The stack has answered the challenges: what is refused after that is refused.
  if (status === 401 || status === 403 || status === 404 || status === 407) return { kind: 'credentials', reason };
  return { kind: 'failed', reason, retryAfterSeconds: retryAfterOf(response) };
}

/** Retry-After in seconds (RFC 3261 §20.33), between 1 s and an hour; undefined where there is none that can be read. */
export function retryAfterOf({ headers }: SipResponse): number | undefined {
  const text = headers.get('Retry-After');
  // A comment and parameters may follow.
  const seconds = decimal(/^\s*(\d+)/.exec(text ?? '')?.[1]);
  if (seconds === undefined) return undefined;
  return Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(MIN_RETRY_AFTER_SECONDS, seconds));
}

function registered(response: SipResponse, own: OwnContact, reason: string): RegistrationOutcome {
  const { headers } = response;
  const failed = (why: string): RegistrationOutcome => ({
    kind: 'failed',
    reason: `${reason}, but ${why}`,
    retryAfterSeconds: undefined,
  });
  const contacts = headers.has('Contact') ? parseContacts(headers) : [];
  if (contacts === undefined || contacts === '*') return failed('its Contact cannot be read');
  const contact = ownContact(contacts, own);
  // RFC 3261 §10.3 step 8 has every binding in the answer; some registrars say how long and nothing else.
  if (contact === undefined && contacts.length > 0) return failed('without our contact');
  const expires = contact?.expiresSeconds ?? decimal(headers.get('Expires'));
  if (expires === undefined) return failed('it does not say for how long');
  if (expires < 1) return failed('for no time at all');
  const required = headers.list('Require') ?? [];
  const flowTimerSeconds = decimal(headers.get('Flow-Timer'));
  return {
    kind: 'registered',
    expiresSeconds: Math.min(expires, MAX_EXPIRY_SECONDS),
    serviceRoute: serviceRouteOf(response),
    associated: (headers.list('P-Associated-URI') ?? []).slice(0, MAX_ASSOCIATED).flatMap((value) => {
      const uri = /<([^<>]{1,255})>/.exec(value)?.[1];
      return uri === undefined ? [] : [uri];
    }),
    keepsFlow: flowTimerSeconds !== undefined || required.some((tag) => tag.toLowerCase() === 'outbound'),
    flowTimerSeconds,
  };
}

/** Ours among those that the registrar lists; others are those of strangers, or of ours from before a restart. */
function ownContact(contacts: readonly Contact[], own: OwnContact): Contact | undefined {
  const parsed = contacts.map((contact) => ({ contact, uri: parseSipUri(contact.uri) }));
  const byToken = parsed.find(({ uri }) => uri !== undefined && paramValue(uri.params, 'line') === own.token);
  if (byToken !== undefined) return byToken.contact;
  // Proxies on the way may rewrite what they do not know; then it is ours where there is no other.
  const [only, another] = parsed;
  const isLikelyOurs = another === undefined && only?.uri?.user === own.user && !hasParam(only.uri.params, 'line');
  return isLikelyOurs ? only.contact : undefined;
}

function serviceRouteOf({ headers }: SipResponse): readonly string[] {
  const routes = parseRoutes(headers.list('Service-Route') ?? []);
  if (routes === undefined || routes.length > MAX_SERVICE_ROUTES) return [];
  return routes.map(({ uri }) => `<${uri}>`);
}

function redirected(response: SipResponse, reason: string): RegistrationOutcome {
  const contacts = parseContacts(response.headers);
  const listed = contacts === undefined || contacts === '*' ? [] : [...contacts];
  const targets = listed
    .sort((one, other) => (other.q ?? 1) - (one.q ?? 1))
    .map(({ uri }) => uri)
    .filter((uri) => parseSipUri(uri) !== undefined)
    .slice(0, MAX_REDIRECTS);
  if (targets.length === 0) return { kind: 'failed', reason, retryAfterSeconds: retryAfterOf(response) };
  return { kind: 'redirected', targets, reason };
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : undefined;
}
