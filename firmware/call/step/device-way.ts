import type { ReachableDevice } from '../../registrar/reachable-devices.ts';
import {
  formatDiversion,
  formatHistoryEntry,
  formatNameAddr,
  type HeaderField,
  type SipStack,
} from '../../sip/stack.ts';
import type { OutgoingWay } from '../leg/outgoing-leg.ts';
import type { Alert, Diversion, DiversionReason, ShownIdentity } from '../routing/plan.ts';

/** What a device is told with its INVITE. */
export interface DeviceCall {
  /** Who calls. */
  readonly shown: ShownIdentity;
  /** Whom the caller called. */
  readonly party: { readonly number: string; readonly name: string };
  readonly alert: Alert;
  readonly autoAnswer: boolean;
  readonly diversions: readonly Diversion[];
  readonly maxForwards: number;
  /** The value of Referred-By (RFC 3892). */
  readonly referredBy?: string;
}

/** RFC 7462, and `info` as most phones know it. */
const ALERTS: Readonly<Record<Alert, string>> = {
  internal: '<urn:alert:source:internal>;info=alert-internal',
  external: '<urn:alert:source:external>;info=alert-external',
  'ring-back': '<urn:alert:service:recall:callback>;info=alert-ring-back',
  emergency: '<urn:alert:priority:high>;info=alert-emergency',
};

/** RFC 4458 §6 has these causes for History-Info and retargeting. */
const CAUSES: Readonly<Record<DiversionReason, number>> = {
  unconditional: 302,
  'user-busy': 486,
  'no-answer': 408,
  unavailable: 503,
  'do-not-disturb': 480,
  'follow-me': 302,
};

/** The INVITEs that lead to a device, the one to try first in front. */
export function deviceWays(
  { ways }: ReachableDevice,
  call: DeviceCall,
  stack: Pick<SipStack, 'advertisedAddress'>,
): readonly [OutgoingWay, ...OutgoingWay[]] {
  const [first, ...rest] = ways.map((binding): OutgoingWay => {
    const host = bracketed(stack.advertisedAddress(binding.flow.localAddress));
    const { shown, party, maxForwards } = call;
    const number = shown.number ?? 'anonymous';
    const from = { displayName: shown.name ?? number, uri: `sip:${number}@${host}` };
    const isHidden = shown.isWithheld;
    return {
      flow: binding.flow,
      requestUri: binding.contact,
      from,
      to: { displayName: party.name, uri: `sip:${party.number}@${host}` },
      maxForwards,
      headers: [
        // RFC 3325 §7: a phone shows the name from here, not from From; and no name where the caller wants none shown.
        ...(isHidden ? [] : [assertedIdentity(from)]),
        ...diversionHeaders(call, host),
        ...alertHeaders(call, host),
        ...(call.referredBy === undefined ? [] : [['Referred-By', call.referredBy] as const]),
        ...(binding.path ?? []).map((value): HeaderField => ['Route', value]),
      ],
      ...(isHidden ? { privacy: ['id'] } : {}),
    };
  });
  return [first as OutgoingWay, ...rest];
}

/** P-Asserted-Identity of somebody (RFC 3325 §9.1). */
export function assertedIdentity(party: { readonly displayName: string; readonly uri: string }): HeaderField {
  return ['P-Asserted-Identity', formatNameAddr(party)];
}

function alertHeaders({ alert, autoAnswer }: DeviceCall, host: string): readonly HeaderField[] {
  if (!autoAnswer) return [['Alert-Info', ALERTS[alert]]];
  return [
    [
      'Alert-Info',
      `<urn:alert:source:${alert === 'external' ? 'external' : 'internal'}>;info=alert-autoanswer;delay=0`,
    ],
    ['Call-Info', `<sip:${host}>;answer-after=0`],
  ];
}

/** RFC 5806: the last one first; RFC 7044: the first one first, and where the call is now at the end. */
function diversionHeaders({ diversions, party }: DeviceCall, host: string): readonly HeaderField[] {
  if (diversions.length === 0) return [];
  const uriOf = (number: string): string => `sip:${number}@${host}`;
  const diverted = [...diversions].reverse().map(
    ({ from, reason }): HeaderField => [
      'Diversion',
      formatDiversion({
        displayName: undefined,
        uri: uriOf(from),
        reason,
        counter: 1,
        limit: undefined,
        privacy: undefined,
        screen: 'yes',
      }),
    ],
  );
  const numbers = [...diversions.map(({ from }) => from), party.number];
  const history = numbers.map((number, place) => {
    const index = Array.from({ length: place + 1 }, () => '1').join('.');
    const before = Array.from({ length: place }, () => '1').join('.');
    const diversion = diversions[place];
    return formatHistoryEntry({
      displayName: undefined,
      uri: uriOf(number),
      index,
      target: place === 0 ? undefined : { kind: 'mp', from: before },
      reasons: diversion === undefined ? [] : [{ protocol: 'SIP', cause: CAUSES[diversion.reason], text: undefined }],
      privacy: undefined,
      params: [],
    });
  });
  return [...diverted, ['History-Info', history.join(', ')]];
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
