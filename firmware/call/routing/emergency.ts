import { emergencyNumbersOf } from '../../config/emergency.ts';
import type { Configuration, User } from '../../config/schema/configuration.ts';
import { NetworkList } from '../../core/network-list.ts';
import { chooseLines } from './line-choice.ts';
import type { Caller, LineAttempt, LineStep, RefuseStep, ShownIdentity, Step } from './plan.ts';
import { type Planning, rightsOf, userOf } from './planning.ts';
import { expand, findCode, indexOf } from './short-code.ts';

/** What people dial for a line to outside by habit of the region, whether or not it is configured. */
const USUAL_PREFIX: Readonly<Record<string, string>> = {
  AT: '0',
  CA: '9',
  CH: '0',
  DE: '0',
  GB: '9',
  HK: '9',
  IE: '9',
  SG: '9',
  US: '9',
  ZA: '9',
};

type Location = Configuration['locations'][string];

/** The bare emergency number, where that is what was dialled; looked for before anything else, from anybody. */
export function emergencyNumber(planning: Planning, dialled: string): string | undefined {
  const { configuration, request } = planning;
  const { caller } = request;
  if (caller.kind === 'line') return undefined;
  const numbers = numbersOf(configuration);
  const here = locationOf(configuration, caller)?.name;
  const isHere = (number: string) => {
    if (!numbers.has(number)) return false;
    if (emergencyNumbersOf({ system: configuration.system, emergencyNumbers: {} }).has(number)) return true;
    const place = configuration.emergencyNumbers[number]?.location;
    return place === undefined || place === here || here === undefined;
  };
  if (isHere(dialled)) {
    planning.note('emergency', `${dialled} is an emergency number`);
    return dialled;
  }
  // A prefix in front, unless that is somebody's number.
  if (isInternal(configuration, dialled)) return undefined;
  for (const prefix of prefixesOf(configuration, caller)) {
    if (!dialled.startsWith(prefix) || !isHere(dialled.slice(prefix.length))) continue;
    const number = dialled.slice(prefix.length);
    planning.note('emergency', `${dialled} is the emergency number ${number} with the prefix ${prefix}`);
    return number;
  }
  return byShortCode(planning, dialled, caller);
}

/** Codes with the feature Dial Emergency count before those of every other table; within one table it has to be the best match. */
function byShortCode(planning: Planning, dialled: string, caller: Caller): string | undefined {
  const { configuration } = planning;
  const user = caller.kind === 'user' ? userOf(configuration, caller.user) : undefined;
  for (const codes of [user?.shortCodes, rightsOf(configuration, user)?.shortCodes, configuration.shortCodes]) {
    if (codes === undefined) continue;
    const match = findCode(indexOf(codes), dialled);
    if (match?.entry.feature !== 'dial-emergency') continue;
    const parts = { digits: match.digits, dialled, extension: '', user: '' };
    const number = expand(match.entry.telephoneNumber || '.', parts).number;
    if (number === '') continue;
    planning.note('emergency', `the short code ${match.code} dials the emergency number ${number}`, {
      code: match.code,
    });
    return number;
  }
  return undefined;
}

/** Help is called by this. */
export function isForHelp(step: Step): boolean {
  return step.kind === 'line' && step.call.emergency !== undefined;
}

/** The call for help: over any line there is, with the number of the place where it is made. */
export function planEmergency(planning: Planning, number: string): LineStep | RefuseStep {
  const { configuration, request } = planning;
  const { caller, state } = request;
  const { emergency } = configuration.system;
  const place = locationOf(configuration, caller);
  const user = planning.user;
  const callerNumber = place?.location.callerNumber || user?.callerNumber || undefined;
  planning.note(
    'emergency',
    place === undefined
      ? 'no location is configured for this extension'
      : `the call is made at ${place.name}, found by ${place.by}`,
    place === undefined ? undefined : { location: place.name, address: place.location.address },
  );
  planning.note('identity', `shown is ${callerNumber ?? 'the number of the line'}, never withheld`);
  const identity: ShownIdentity = { number: callerNumber, name: user?.fullName || user?.name, isWithheld: false };
  const group = place?.location.lineGroup || emergency.lineGroup;
  const chosen = chooseLines(planning, { number, group, identity });
  const attempts: LineAttempt[] = chosen.kind === 'attempts' ? [...chosen.attempts] : [];
  // Help must be reached over whatever line there is: the free ones, those where a call can make way, then the rest.
  const rank = (line: string) => {
    const { isInService, channelsInUse, hasCallToDrop } = state.lineState(line);
    if (!isInService) return 3;
    if (channelsInUse < (configuration.lines[line]?.channels ?? 0)) return 0;
    return hasCallToDrop ? 1 : 2;
  };
  const isMeant = (line: string) => String(configuration.lines[line]?.outgoingGroup) === group;
  const others = Object.keys(configuration.lines)
    .filter((line) => configuration.lines[line]?.enabled === true && !attempts.some((each) => each.line === line))
    .map((line) => ({
      line,
      rank: rank(line),
      isOwn: isMeant(line),
      youngest: state.lineState(line).youngestToDrop ?? 0,
    }))
    // Of the full ones those that such calls are for, and then the one with the call that was begun last.
    .sort((a, b) => a.rank - b.rank || Number(b.isOwn) - Number(a.isOwn) || b.youngest - a.youngest);
  for (const { line, rank: order } of others) {
    const how = [
      'has a channel free',
      'drops its youngest other call',
      'is full of emergency calls',
      'is out of service',
    ];
    planning.note('line', `line ${line} ${how[order]}: number ${attempts.length + 1} in the order`, { line });
    attempts.push({ line, number, identity });
  }
  if (attempts.length === 0) return planning.refuse('no-route', 'there is no line that could reach help');
  const extension = caller.kind === 'line' ? '' : caller.extension;
  return {
    kind: 'line',
    call: {
      attempts,
      emergency: {
        number,
        location: place?.name,
        address: place?.location.address || undefined,
        callBackSeconds: emergency.callBackSeconds,
        extension,
        notify: emergency.notify,
      },
    },
    diversions: [],
    after: {},
  };
}

interface Place {
  readonly name: string;
  readonly location: Location;
  /** How it was found. */
  readonly by: string;
}

/** Where a caller is: by the extension, then by the smallest subnet with its address, then as the system says. */
export function locationOf(configuration: Configuration, caller: Caller): Place | undefined {
  if (caller.kind === 'line') return undefined;
  const { locations, extensions, system } = configuration;
  const named = (name: string | undefined, by: string): Place | undefined => {
    const location = name === undefined ? undefined : locations[name];
    return name === undefined || location === undefined ? undefined : { name, location, by };
  };
  const byExtension = named(extensions[caller.extension]?.location, 'the extension');
  if (byExtension !== undefined) return byExtension;
  const { remoteAddress } = caller;
  const subnet =
    remoteAddress === undefined ? undefined : subnetsOf(locations).find(({ network }) => network.has(remoteAddress));
  return named(subnet?.name, 'the subnet') ?? named(system.emergency.location, 'default');
}

interface Subnet {
  readonly name: string;
  readonly network: NetworkList;
  readonly prefixLength: number;
}

const keptSubnets = new WeakMap<Configuration['locations'], readonly Subnet[]>();

/** The smallest first. */
function subnetsOf(locations: Configuration['locations']): readonly Subnet[] {
  let subnets = keptSubnets.get(locations);
  if (subnets === undefined) {
    const made: Subnet[] = [];
    for (const [name, { subnet }] of Object.entries(locations)) {
      if (subnet === '') continue;
      const network = new NetworkList();
      network.add(subnet);
      made.push({ name, network, prefixLength: Number(subnet.split('/')[1]) });
    }
    subnets = made.sort((a, b) => b.prefixLength - a.prefixLength);
    keptSubnets.set(locations, subnets);
  }
  return subnets;
}

const keptNumbers = new WeakMap<
  Configuration['emergencyNumbers'],
  { readonly locale: string; readonly numbers: ReadonlySet<string> }
>();

function numbersOf(configuration: Configuration): ReadonlySet<string> {
  const { locale } = configuration.system;
  let known = keptNumbers.get(configuration.emergencyNumbers);
  if (known?.locale !== locale) {
    known = { locale, numbers: emergencyNumbersOf(configuration) };
    keptNumbers.set(configuration.emergencyNumbers, known);
  }
  return known.numbers;
}

function prefixesOf(configuration: Configuration, caller: Caller): readonly string[] {
  const user: User | undefined = caller.kind === 'user' ? userOf(configuration, caller.user) : undefined;
  const { locale, telephony } = configuration.system;
  const prefixes = [user?.dialPlan.outsidePrefix, telephony.dialPlan.outsidePrefix, USUAL_PREFIX[locale.slice(3)]];
  return prefixes.filter((prefix) => prefix !== undefined && prefix !== '').map(String);
}

function isInternal({ users, extensions, huntGroups }: Configuration, number: string): boolean {
  return Object.hasOwn(users, number) || Object.hasOwn(extensions, number) || Object.hasOwn(huntGroups, number);
}
