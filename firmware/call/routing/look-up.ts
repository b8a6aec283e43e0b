import type { Configuration } from '../../config/schema/configuration.ts';
import { dialPlanOf, rewriteNumber } from './dial-plan.ts';
import { readDialled } from './dialled.ts';
import { CONFERENCE_NAME, type Feature, type RefusalReason } from './plan.ts';
import { type Payer, type Planning, rightsOf, userOf } from './planning.ts';
import { expand, findCode, indexOf, type Match, mayGrow } from './short-code.ts';

/** Short codes that dial numbers that are short codes. */
const MAX_CODES = 4;

/** What a number is, for whoever dials it. */
export type Meaning =
  | { readonly kind: 'user' | 'extension' | 'group'; readonly number: string }
  | {
      readonly kind: 'outside';
      readonly number: string;
      readonly group: string;
      readonly isWithheld: boolean;
      readonly callerNumber: string | undefined;
    }
  | { readonly kind: 'feature'; readonly feature: Feature; readonly argument: string }
  /** Without a name: the factory. */
  | { readonly kind: 'conference'; readonly room: string | undefined }
  | { readonly kind: 'collect' | 'leave'; readonly mailbox: string }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly why: string };

const refused = (reason: RefusalReason, why: string): Meaning => ({ kind: 'refused', reason, why });

/** Extensions before everything, then the dial plan, then the short codes of the user, his rights and the system. */
export function lookUp(planning: Planning, text: string, payer: Payer, depth = 0): Meaning {
  const { configuration } = planning;
  const dialled = readDialled(text);
  if (dialled === undefined) return refused('no-such-number', 'what was dialled is no number');
  const { number, whole, isComplete } = dialled;
  const internal = internalNumber(planning, number);
  if (internal !== undefined) return internal;
  const conference = conferenceNamed(planning, number);
  if (conference !== undefined) return conference;
  const mailbox = payer.user === undefined ? undefined : mailboxNamed(planning, number, payer.user);
  if (mailbox !== undefined) return mailbox;
  const rewritten = depth > 0 ? undefined : rewriteNumber(number, dialPlanOf(configuration, payer.settings));
  if (rewritten !== undefined) {
    planning.note('dial-plan', `${number} is ${rewritten.as}: ${rewritten.number} is dialled`, {
      to: rewritten.number,
    });
    const rewrittenInternal = internalNumber(planning, rewritten.number);
    if (rewrittenInternal !== undefined) return rewrittenInternal;
  }
  const effective = rewritten?.number ?? whole;
  const tables = tablesOf(configuration, payer);
  const found = findIn(tables, effective) ?? (effective === number ? undefined : findIn(tables, number));
  if (found !== undefined) return obey(planning, found, effective, payer, depth);
  if (!isComplete && rewritten === undefined && tables.some(([, codes]) => mayGrow(indexOf(codes), number))) {
    return refused('incomplete', `${number} may become a short code`);
  }
  if (!isComplete && rewritten === undefined && mayBecomeInternal(configuration, number)) {
    return refused('incomplete', `${number} may become an extension`);
  }
  for (const [layer, codes] of tables) {
    const { fallback } = indexOf(codes);
    if (fallback !== undefined)
      return obey(planning, { layer, match: fallback }, rewritten?.number ?? number, payer, depth);
  }
  // A number in international form needs no prefix to be one to outside.
  if (/^\+[0-9]{3,15}$/.test(number)) {
    planning.note('number', `${number} is a number to outside`);
    return { kind: 'outside', number, group: '', isWithheld: false, callerNumber: undefined };
  }
  return refused('no-such-number', `${number} is no extension and no short code`);
}

function internalNumber(planning: Planning, number: string): Meaning | undefined {
  const { configuration } = planning;
  if (userOf(configuration, number) !== undefined) {
    planning.note('number', `${number} is a user`, { user: number });
    return { kind: 'user', number };
  }
  const extension = Object.hasOwn(configuration.extensions, number) ? configuration.extensions[number] : undefined;
  if (extension !== undefined) {
    const { user } = extension;
    planning.note(
      'number',
      user === undefined ? `${number} is an extension` : `${number} is an extension of user ${user}`,
    );
    return user === undefined ? { kind: 'extension', number } : { kind: 'user', number: user };
  }
  if (!Object.hasOwn(configuration.huntGroups, number)) return undefined;
  planning.note('number', `${number} is a hunt group`, { group: number });
  return { kind: 'group', number };
}

/** RFC 4579 §5.4: the factory by the name that phones have in their settings files; what came of it by a name that the box made. */
function conferenceNamed(planning: Planning, number: string): Meaning | undefined {
  const { conferenceCentre } = planning.configuration.system.telephony;
  if (CONFERENCE_NAME.test(number)) return { kind: 'conference', room: number };
  const factory = /^(?:sips?:)?([^@]*)/i.exec(conferenceCentre)?.[1] ?? '';
  return factory !== '' && readDialled(factory)?.number === number
    ? { kind: 'conference', room: undefined }
    : undefined;
}

/** `VM.` and whose mailbox it is, as clients write it in a URI. */
const MAILBOX_NAME = /^vm(.+)$/i;

/**
 * A mailbox by what clients call: the number or URI in their settings files, or `VM.user`, for one's own; `VM.` and a number or a
 * name for that of another, where a message is left, and of a group, whose members hear what is in it.
 */
function mailboxNamed(planning: Planning, number: string, caller: string): Meaning | undefined {
  const { configuration } = planning;
  const { users, huntGroups, system } = configuration;
  const [, configured = ''] = /^(?:sips?:)?([^@]*)/i.exec(system.telephony.voicemailNumber) ?? [];
  if (configured !== '' && readDialled(configured)?.number === number) return collect(planning, caller);
  const name = MAILBOX_NAME.exec(number)?.[1]?.toLowerCase();
  if (name === undefined) return undefined;
  if (name === 'user' || name === caller) return collect(planning, caller);
  const isNamed = ([key, item]: readonly [string, { readonly name: string }]): boolean =>
    key === name || readDialled(item.name)?.number.toLowerCase() === name;
  const group = Object.entries(huntGroups).find(isNamed);
  if (group !== undefined) {
    const [mailbox, { members, voicemail }] = group;
    if (members.some(({ user }) => user === caller)) return collect(planning, mailbox);
    if (voicemail) return { kind: 'leave', mailbox };
  }
  const user = Object.hasOwn(configuration.extensions, name) ? configuration.extensions[name]?.user : undefined;
  const [mailbox] = (user === undefined ? Object.entries(users).find(isNamed) : [user]) ?? [];
  if (mailbox === caller) return collect(planning, caller);
  const isOn = mailbox !== undefined && userOf(configuration, mailbox)?.voicemail.enabled === true;
  return isOn ? { kind: 'leave', mailbox } : refused('no-such-number', `there is no mailbox ${name}`);
}

type Layer = 'user' | 'user rights' | 'system';
type Tables = readonly (readonly [layer: Layer, codes: Configuration['shortCodes']])[];

function tablesOf(configuration: Configuration, { settings }: Payer): Tables {
  const rights = rightsOf(configuration, settings);
  const tables: (readonly [Layer, Configuration['shortCodes']])[] = [];
  if (settings !== undefined) tables.push(['user', settings.shortCodes]);
  if (rights !== undefined) tables.push(['user rights', rights.shortCodes]);
  tables.push(['system', configuration.shortCodes]);
  return tables;
}

interface Found {
  readonly layer: Layer;
  readonly match: Match;
}

/** The first table that has a match has the word. */
function findIn(tables: Tables, dialled: string): Found | undefined {
  for (const [layer, codes] of tables) {
    const match = findCode(indexOf(codes), dialled);
    if (match !== undefined) return { layer, match };
  }
  return undefined;
}

function obey(planning: Planning, { layer, match }: Found, dialled: string, payer: Payer, depth: number): Meaning {
  const { feature, telephoneNumber, lineGroup } = match.entry;
  const { caller } = planning.request;
  const extension = caller.kind === 'line' ? '' : caller.extension;
  const parts = { digits: match.digits, dialled, extension, user: payer.user ?? '' };
  const { number, isWithheld, callerNumber } = expand(telephoneNumber, parts);
  planning.note('short-code', `the short code ${match.code} of the ${layer}: ${feature} ${number}`.trimEnd(), {
    code: match.code,
    layer,
    feature,
    number,
    lineGroup,
  });
  switch (feature) {
    case 'dial':
    case 'dial-3k1':
    case 'dial-emergency':
      return { kind: 'outside', number, group: lineGroup, isWithheld, callerNumber };
    case 'dial-extension':
      return internalNumber(planning, number) ?? refused('no-such-number', `there is no extension ${number}`);
    case 'speed-dial':
      if (depth >= MAX_CODES) return refused('forward-loop', `more than ${MAX_CODES} short codes lead to each other`);
      return lookUp(planning, number, payer, depth + 1);
    case 'barred':
      return refused('barred', `the short code ${match.code} bars it`);
    case 'busy':
      return refused('busy', `the short code ${match.code} is always busy`);
    case 'voicemail-collect':
      return collect(planning, number || payer.user || '');
    default:
      return { kind: 'feature', feature, argument: number };
  }
}

function collect({ configuration }: Planning, number: string): Meaning {
  if (userOf(configuration, number) !== undefined || Object.hasOwn(configuration.huntGroups, number)) {
    return { kind: 'collect', mailbox: number };
  }
  return refused('no-such-number', `there is no mailbox ${number}`.trimEnd());
}

const keptNumbers = new WeakMap<Configuration['users'], ReadonlySet<string>>();

/** Whether longer numbers of users and groups begin so; extensions without a user are rare, and have none. */
function mayBecomeInternal({ users, huntGroups }: Configuration, number: string): boolean {
  let beginnings = keptNumbers.get(users);
  if (beginnings === undefined) {
    const set = new Set<string>();
    for (const each of [...Object.keys(users), ...Object.keys(huntGroups)]) {
      for (let length = 1; length < each.length; length += 1) set.add(each.slice(0, length));
    }
    beginnings = set;
    keptNumbers.set(users, beginnings);
  }
  return beginnings.has(number);
}
