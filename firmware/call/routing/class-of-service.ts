import type { Configuration, User } from '../../config/schema/configuration.ts';
import { CALL_RANGES } from '../../config/schema/dialling.ts';
import { type Numbering, type ReadNumber, withoutServiceCodes } from './numbering.ts';
import { rightsOf } from './planning.ts';
import { matchPattern } from './short-code.ts';
import { isWithin } from './time-profile.ts';

type ClassOfService = Configuration['classesOfService'][string];

/** Classes that name each other; validation refuses circles. */
const MAX_CLASSES = 8;

export interface Verdict {
  readonly isAllowed: boolean;
  /** A sentence. */
  readonly why: string;
}

/** Whether a user may call a number outside now. International numbers are for those alone whose class allows them. */
export function mayCall(
  configuration: Configuration,
  user: User | undefined,
  at: number,
  number: string,
  read: ReadNumber,
  numbering: Numbering,
): Verdict {
  const rights = rightsOf(configuration, user);
  if (rights?.outgoingCallBar === true) {
    return { isAllowed: false, why: `the user rights ${user?.userRights} bar every call to outside` };
  }
  const name = user?.classOfService ?? rights?.classOfService ?? configuration.system.telephony.classOfService;
  if (name === undefined) return within('national', read, 'without a class of service');
  const found = classAt(configuration, name, at);
  if (found === undefined) {
    return { isAllowed: false, why: `the class of service ${name} allows no call to outside at this time` };
  }
  const label = `the class of service ${found.name}`;
  const forms = formsOf(number, read, numbering);
  const allowed = matching(found.settings.allowed, forms);
  if (allowed !== undefined) return { isAllowed: true, why: `${label} allows ${allowed}` };
  const barred = matching(found.settings.barred, forms);
  if (barred !== undefined) return { isAllowed: false, why: `${label} bars ${barred}` };
  return within(found.settings.calls, read, `in ${label}`);
}

function within(calls: ClassOfService['calls'], { range }: ReadNumber, where: string): Verdict {
  const isAllowed = CALL_RANGES.indexOf(range) <= CALL_RANGES.indexOf(calls);
  const limit = calls === 'none' ? 'no call to outside is allowed' : `calls up to ${calls} are allowed`;
  return { isAllowed, why: `${where} ${limit}, and this one is ${range}` };
}

function classAt(
  configuration: Configuration,
  first: string,
  at: number,
): { readonly name: string; readonly settings: ClassOfService } | undefined {
  let name: string | undefined = first;
  for (let count = 0; name !== undefined && count < MAX_CLASSES; count += 1) {
    const settings: ClassOfService | undefined = configuration.classesOfService[name];
    if (settings === undefined) return undefined;
    if (isWithin(configuration, settings.timeProfile, at)) return { name, settings };
    name = settings.otherwise;
  }
  return undefined;
}

/**
 * How a number may be written in a pattern: as it is dialled, in its international form, and as it is dialled within the
 * country. Else a number that is barred as 0900N is reached as +49900 and as #31#0900 all the same.
 */
function formsOf(
  number: string,
  { e164 }: ReadNumber,
  { countryCode, nationalPrefix, internationalPrefix }: Numbering,
): readonly string[] {
  const forms = new Set([number, withoutServiceCodes(number)]);
  if (e164 !== undefined) {
    forms.add(e164).add(`${internationalPrefix}${e164.slice(1)}`);
    const own = `+${countryCode}`;
    if (countryCode !== '' && e164.startsWith(own)) {
      forms.add(`${nationalPrefix}${e164.slice(own.length)}`);
      // North America dials the same number with and without it.
      if (countryCode === '1') forms.add(e164.slice(own.length));
    }
  }
  return [...forms];
}

/** The first pattern that the number fits in one of its forms. */
function matching(patterns: readonly string[], forms: readonly string[]): string | undefined {
  return patterns.find((pattern) => forms.some((form) => matchPattern(pattern, form) !== undefined));
}
