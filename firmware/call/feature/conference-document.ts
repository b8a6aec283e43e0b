import { xmlText } from '../../core/xml-text.ts';
import type { LegParty } from '../leg/leg-party.ts';
import { type ConferenceMember, type ConferenceRoom, MAX_MEMBERS } from './conference-room.ts';

/** What a document says of a conference, ready to be written, and to be compared with what it said before. */
export interface ConferenceView {
  /** The element `conference-state`. */
  readonly state: string;
  /** The elements `user`, by entity, in the order in which they came. */
  readonly users: ReadonlyMap<string, string>;
}

/** No element of RFC 4575 says who speaks. */
const SPEAKER_NAMESPACE = 'urn:ringdown:conference';

/** `domain`: the host in URIs of the parties. */
export function viewOf({ members, owner, speaker }: ConferenceRoom, domain: string): ConferenceView {
  const byEntity = new Map<string, ConferenceMember[]>();
  for (const member of members) {
    const entity = entityOf(member, domain);
    byEntity.set(entity, [...(byEntity.get(entity) ?? []), member]);
  }
  const users = [...byEntity].map(([entity, all]): [string, string] => [entity, user(entity, all, owner)]);
  const loudest = members.find(({ leg }) => leg === speaker);
  const state = [
    `<conference-state><user-count>${byEntity.size}</user-count><active>true</active><locked>false</locked>`,
    loudest === undefined
      ? ''
      : `<speaker xmlns="${SPEAKER_NAMESPACE}">${xmlText(entityOf(loudest, domain))}</speaker>`,
    '</conference-state>',
  ];
  return { state: state.join(''), users: new Map(users) };
}

/**
 * A document of one subscription (RFC 4575 §5): all, or, where the subscriber knows what was `before`, what is something else
 * since.
 */
export function conferenceDocument(
  entity: string,
  version: number,
  view: ConferenceView,
  before: ConferenceView | undefined,
): string {
  const uri = xmlText(entity);
  const state = before === undefined ? 'full' : 'partial';
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="${uri}" state="${state}" version="${version}">`,
    ...(before === undefined ? [description(uri)] : []),
    ...(before?.state === view.state ? [] : [view.state]),
    ...users(view, before),
    '</conference-info>',
    '',
  ].join('\r\n');
}

function description(uri: string): string {
  const uris = `<conf-uris><entry><uri>${uri}</uri><purpose>participation</purpose></entry></conf-uris>`;
  const media =
    '<available-media><entry label="1"><type>audio</type><status>sendrecv</status></entry></available-media>';
  const most = `<maximum-user-count>${MAX_MEMBERS}</maximum-user-count>`;
  return `<conference-description>${uris}${most}${media}</conference-description>`;
}

function users({ users: now }: ConferenceView, before: ConferenceView | undefined): readonly string[] {
  if (before === undefined) return ['<users>', ...now.values(), '</users>'];
  const changed = [...now].filter(([entity, text]) => before.users.get(entity) !== text).map(([, text]) => text);
  const gone = [...before.users.keys()].filter((entity) => !now.has(entity));
  if (changed.length === 0 && gone.length === 0) return [];
  const deleted = gone.map((entity) => `<user entity="${xmlText(entity)}" state="deleted"/>`);
  return ['<users state="partial">', ...changed, ...deleted, '</users>'];
}

function user(entity: string, members: readonly ConferenceMember[], owner: string): string {
  const party = members[0]?.leg.party;
  const isHidden = party === undefined || isAnonymous(party);
  const name = isHidden ? '' : `<display-text>${xmlText(party.name)}</display-text>`;
  const role = party?.user === owner ? 'moderator' : 'participant';
  const endpoints = members.map((member) => endpoint(entity, member));
  return `<user entity="${xmlText(entity)}" state="full">${name}<roles><entry>${role}</entry></roles>${endpoints.join('')}</user>`;
}

/** RFC 4575 §5.7. */
function endpoint(entity: string, { leg, method, joinedAtMs, isMuted, isConnected }: ConferenceMember): string {
  // Of one who is both, others need to know first that he does not hear them.
  const isHolding = isConnected && leg.isHolding;
  const status = !isConnected ? 'dialing-in' : isHolding ? 'on-hold' : isMuted ? 'muted-via-focus' : 'connected';
  const joined = `<joining-method>${method}</joining-method><joining-info><when>${new Date(joinedAtMs).toISOString()}</when></joining-info>`;
  const direction = isHolding ? (isMuted ? 'inactive' : 'sendonly') : isMuted ? 'recvonly' : 'sendrecv';
  const media = `<media id="1"><type>audio</type><label>1</label><status>${direction}</status></media>`;
  return `<endpoint entity="${xmlText(`${entity};endpoint=${leg.id}`)}"><status>${status}</status>${joined}${media}</endpoint>`;
}

/** Who withholds his number is the same one for as long as he is in it. */
function entityOf({ leg }: ConferenceMember, domain: string): string {
  const { party } = leg;
  if (isAnonymous(party)) return `sip:anonymous-${leg.id}@anonymous.invalid`;
  return `sip:${encodeURIComponent(party.number.toWellFormed()).replaceAll('%2B', '+')}@${domain}`;
}

function isAnonymous({ number, isPrivate }: LegParty): boolean {
  return isPrivate === true || number === '';
}
