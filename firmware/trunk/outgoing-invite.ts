import {
  formatDiversion,
  formatHistoryEntry,
  formatNameAddr,
  formatSipUri,
  type HeaderField,
  type InviteOptions,
  type Party,
  parseSipUri,
} from '../sip/stack.ts';
import type { LineSettings } from './line-settings.ts';
import { formatNumber } from './number.ts';

/** A call that is to go out over a line. */
export interface OutgoingCall {
  /** As the user dialled it, or as routing made it. */
  readonly number: string;
  readonly identity: {
    readonly number: string | undefined;
    readonly name: string | undefined;
    readonly isWithheld: boolean;
  };
  /** Whom the call was for before, the first one first: numbers as the outside knows them. */
  readonly diversions: readonly { readonly number: string; readonly reason: string }[];
  readonly isEmergency: boolean;
  readonly maxForwards: number;
}

/** What a registration adds to it. */
export interface RegisteredWay {
  /** Values for Route (RFC 3608). */
  readonly serviceRoute: readonly string[];
  /** URIs of P-Associated-URI, the default first. */
  readonly associated: readonly string[];
}

export type OutgoingInvite = Omit<InviteOptions, 'offer' | 'handlers' | 'flow' | 'target'>;

const MAX_DIVERSIONS = 8;

/** Everything of an INVITE but its way and its offer. */
export function outgoingInvite(call: OutgoingCall, settings: LineSettings, way: RegisteredWay): OutgoingInvite {
  const { configured, domain, credentials } = settings;
  const called = call.isEmergency ? call.number : written(call.number, settings);
  const requestUri = uriOf(called, domain);
  const caller = callerOf(call, settings, way);
  const isWithheld = call.identity.isWithheld && !call.isEmergency;
  const from: Party =
    configured.identity.from === 'user-name' && configured.userName !== ''
      ? { ...named(caller.displayName), uri: uriOf(configured.userName, domain) }
      : caller;
  return {
    requestUri,
    from,
    to: { uri: requestUri },
    maxForwards: call.maxForwards,
    headers: [
      ...way.serviceRoute.map((route): HeaderField => ['Route', route]),
      ...identityHeaders(caller, isWithheld, configured.identity.outgoing),
      ...(call.isEmergency ? [['Priority', 'emergency'] as const] : forwardedHeaders(call, settings, requestUri)),
    ],
    ...(isWithheld ? { privacy: ['id'] } : {}),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Whom the called one is to see, with the name where there is one. */
function callerOf(call: OutgoingCall, settings: LineSettings, way: RegisteredWay): Party {
  const { configured, domain } = settings;
  const { identity } = configured;
  const forwarder = call.diversions.at(-1)?.number;
  const isForwarders = identity.forwardedCaller === 'forwarder' && forwarder !== undefined && !call.isEmergency;
  let number = isForwarders ? forwarder : call.identity.number;
  // Help calls back by it: better the number of the line than none.
  if (call.isEmergency && number === undefined && identity.emergencyNumber !== '') number = identity.emergencyNumber;
  if (number !== undefined) return { ...named(call.identity.name), uri: uriOf(knownOf(number, settings), domain) };
  // As it is configured: the carrier knows it so.
  const { ownNumber } = settings;
  if (ownNumber !== undefined) return { ...named(call.identity.name), uri: uriOf(ownNumber, domain) };
  const [associated] = way.associated;
  const user = configured.userName === '' ? 'anonymous' : configured.userName;
  const uri = associated !== undefined && parseSipUri(associated) !== undefined ? associated : uriOf(user, domain);
  return { ...named(call.identity.name), uri };
}

/** Who somebody is, in the header that a line has for it. */
export function identityHeaders(
  caller: Party,
  isWithheld: boolean,
  header: LineSettings['configured']['identity']['outgoing'],
  role: 'calling' | 'called' = 'calling',
): readonly HeaderField[] {
  switch (header) {
    case 'p-asserted-identity':
      return [['P-Asserted-Identity', formatNameAddr(caller)]];
    case 'p-preferred-identity':
      return [['P-Preferred-Identity', formatNameAddr(caller)]];
    case 'remote-party-id': {
      const privacy = isWithheld ? 'full' : 'off';
      const params = [
        ['party', role],
        ['privacy', privacy],
        ['screen', 'yes'],
      ] as const;
      return [['Remote-Party-ID', formatNameAddr({ ...caller, params })]];
    }
    case 'from':
      return [];
  }
}

function forwardedHeaders(call: OutgoingCall, settings: LineSettings, requestUri: string): readonly HeaderField[] {
  const { domain, configured } = settings;
  const wanted = configured.identity.forwarded;
  const diversions = call.diversions.slice(-MAX_DIVERSIONS);
  if (wanted === 'none' || diversions.length === 0) return [];
  const steps = diversions.map(({ number, reason }) => ({ uri: uriOf(knownOf(number, settings), domain), reason }));
  const headers: HeaderField[] = [];
  if (wanted !== 'history-info') {
    // RFC 5806 §4.2: the last one stands first.
    for (const { uri, reason } of [...steps].reverse()) {
      const plain = { displayName: undefined, counter: 1, limit: undefined, privacy: undefined, screen: undefined };
      headers.push(['Diversion', formatDiversion({ ...plain, uri, reason })]);
    }
  }
  if (wanted !== 'diversion') {
    const entries = steps.map(({ uri, reason }, index) =>
      formatHistoryEntry({
        displayName: undefined,
        uri,
        index: indexOf(index),
        target: index === 0 ? undefined : { kind: 'mp', from: indexOf(index - 1) },
        reasons: [{ protocol: 'SIP', cause: causeOf(reason), text: undefined }],
        privacy: undefined,
        params: [],
      }),
    );
    const last = formatHistoryEntry({
      displayName: undefined,
      uri: requestUri,
      index: indexOf(steps.length),
      target: { kind: 'mp', from: indexOf(steps.length - 1) },
      reasons: [],
      privacy: undefined,
      params: [],
    });
    headers.push(['History-Info', [...entries, last].join(', ')]);
  }
  return headers;
}

/** `1`, `1.1`, `1.1.1`: each entry came of the one before it (RFC 7044 §10.3). */
function indexOf(depth: number): string {
  return ['1', ...Array.from({ length: depth }, () => '1')].join('.');
}

/** RFC 4458 §4. */
function causeOf(reason: string): number {
  switch (reason) {
    case 'user-busy':
      return 486;
    case 'no-answer':
      return 408;
    case 'unavailable':
      return 503;
    default:
      return 302;
  }
}

/** As the peer of the line knows it: the number of the line itself is known to it as it is. */
export function knownOf(number: string, settings: LineSettings): string {
  return number === settings.ownNumber ? number : written(number, settings);
}

function written(number: string, { configured, plan }: LineSettings): string {
  return formatNumber(number, configured.numbers.send, plan);
}

/** Of a user part, which is escaped. */
export function uriOf(user: string, bracketedDomain: string): string {
  const host = bracketedDomain.replace(/^\[(.*)\]$/, '$1');
  const rest = { password: undefined, port: undefined, params: [], headers: undefined } as const;
  return formatSipUri({ scheme: 'sip', user, host, ...rest });
}

function named(name: string | undefined): { readonly displayName?: string } {
  return name === undefined || name === '' ? {} : { displayName: name };
}
