import { hash } from 'node:crypto';
import { xmlText } from '../../core/xml-text.ts';
import type { CallCause, CallParty } from './call-event.ts';
import type { UserLeg } from './user-presence.ts';

/** What a watcher may know of the calls of another one. */
export interface DialogView {
  /** With whom they are. */
  readonly identities: boolean;
  /** What INVITE with Replaces needs (RFC 3891). */
  readonly pickUp: boolean;
}

export interface DialogDocument {
  /** The address of record as a URI. */
  readonly entity: string;
  /** Counts the documents of one subscription from 0. */
  readonly version: number;
  /** In the order in which they came. */
  readonly legs: readonly UserLeg[];
  /** Those that ended of late. */
  readonly ended: readonly UserLeg[];
  readonly view: DialogView;
  /** The host in URIs of the other parties. */
  readonly domain: string;
}

/**
 * The dialogs of one user (RFC 4235 §4), always all of them (`state="full"`): a subscriber that missed a document knows
 * everything with the next one.
 */
export function dialogDocument({ entity, version, legs, ended, view, domain }: DialogDocument): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="${xmlText(entity)}">`,
    ...[...legs, ...ended].map((leg) => dialog(leg, entity, view, domain)),
    '</dialog-info>',
    '',
  ].join('\r\n');
}

function dialog(leg: UserLeg, entity: string, { identities, pickUp }: DialogView, domain: string): string {
  const known = pickUp ? leg.dialog : undefined;
  const attributes = [
    ['id', idOf(leg)],
    ['call-id', known?.callId],
    ['local-tag', known?.localTag],
    ['remote-tag', known?.remoteTag],
    ['direction', isCaller(leg) ? 'initiator' : 'recipient'],
  ];
  const text = attributes
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${xmlText(value)}"`]))
    .join(' ');
  const target = known?.target === undefined ? '' : `<target uri="${xmlText(known.target)}"/>`;
  const remote = identities ? remoteOf(leg, domain) : '';
  return `<dialog ${text}>${stateOf(leg)}<local><identity>${xmlText(entity)}</identity>${target}</local>${remote}</dialog>`;
}

function isCaller({ leg, call }: UserLeg): boolean {
  return leg === call.started.caller.leg;
}

/** RFC 4235 §4.1.2: the same as long as the dialog lasts, and nobody else's. */
function idOf({ call, leg }: UserLeg): string {
  return `d${hash('sha256', `${call.started.call} ${leg}`).slice(0, 16)}`;
}

/** RFC 4235 §3.7.1. */
function stateOf(leg: UserLeg): string {
  switch (leg.phase) {
    case 'trying':
      return '<state>trying</state>';
    case 'ringing':
      return '<state>early</state>';
    case 'talking':
      return '<state>confirmed</state>';
    case 'released': {
      const event = eventOf(leg);
      return `<state event="${event.event}"${event.code === undefined ? '' : ` code="${event.code}"`}>terminated</state>`;
    }
  }
}

const EVENTS: Readonly<Partial<Record<CallCause, { readonly event: string; readonly code?: number }>>> = {
  cancelled: { event: 'cancelled' },
  'answered-elsewhere': { event: 'cancelled' },
  busy: { event: 'rejected', code: 486 },
  declined: { event: 'rejected', code: 603 },
  forbidden: { event: 'rejected', code: 403 },
  'unknown-number': { event: 'rejected', code: 404 },
  'no-answer': { event: 'timeout' },
  transferred: { event: 'replaced' },
};

function eventOf(leg: UserLeg): { readonly event: string; readonly code?: number } {
  if (leg.cause !== 'normal') return EVENTS[leg.cause ?? 'failed'] ?? { event: 'error' };
  const by = leg.call.ended?.by;
  const isOwn = by === (isCaller(leg) ? 'caller' : 'connected');
  return { event: by === undefined || isOwn ? 'local-bye' : 'remote-bye' };
}

function remoteOf(leg: UserLeg, domain: string): string {
  const party = otherParty(leg);
  if (party === undefined || party.isPrivate === true || party.number === '') return '';
  const display = party.name === undefined ? '' : ` display="${xmlText(party.name)}"`;
  const uri = `sip:${encodeURIComponent(party.number.toWellFormed()).replaceAll('%2B', '+')}@${domain}`;
  return `<remote><identity${display}>${xmlText(uri)}</identity></remote>`;
}

function otherParty(leg: UserLeg): CallParty | undefined {
  const { started, legs, connected } = leg.call;
  const others = legs.filter((each) => each.leg !== leg.leg);
  const talking = others.find(({ phase }) => phase === 'talking');
  if (talking !== undefined) return talking.party;
  if (!isCaller(leg)) return started.caller.party;
  return others.find((each) => each.leg === connected)?.party ?? others[0]?.party ?? { number: started.dialled };
}
