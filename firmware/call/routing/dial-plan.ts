import type { Configuration, User } from '../../config/schema/configuration.ts';
import { type Numbering, numberingOf } from './numbering.ts';

type DialPlanFields = Omit<User['dialPlan'], 'use'>;

export interface DialPlan {
  /** Undefined: numbers are dialled as they are. */
  readonly rules: DialPlanFields | undefined;
  readonly numbering: Numbering;
}

/** The dial plan of a user; without one that of the system. */
export function dialPlanOf(configuration: Configuration, user: User | undefined): DialPlan {
  const { telephony, locale } = configuration.system;
  const system = telephony.dialPlan.enabled ? telephony.dialPlan : undefined;
  const use = user?.dialPlan.use ?? 'system';
  const rules = use === 'own' ? user?.dialPlan : use === 'none' ? undefined : system;
  return { rules, numbering: numberingOf(user?.locale || locale, rules) };
}

export interface Rewritten {
  readonly number: string;
  /** What the number was taken for, in words. */
  readonly as: string;
}

/**
 * A number as people write it, made into one that is dialled here (seeds: dialling settings of a calling profile). Undefined
 * where the rules say nothing of it: short codes, numbers that carry the prefix to outside already, and + unless asked for.
 */
export function rewriteNumber(number: string, { rules, numbering }: DialPlan): Rewritten | undefined {
  if (rules === undefined || !/^\+?[0-9]+$/.test(number)) return undefined;
  const { countryCode, internationalPrefix } = numbering;
  if (number.startsWith('+')) {
    if (!rules.applyToPlusNumbers) return undefined;
    const national = withoutPrefix(number, `+${countryCode}`);
    if (countryCode !== '' && national !== undefined) return nationalNumber(national, rules, numbering);
    return { number: `${rules.outsidePrefix}${internationalPrefix}${number.slice(1)}`, as: 'an international number' };
  }
  const lengths = (list: readonly string[], length: number) => list.includes(String(length));
  const internal = rules.pbxPrefix === '' ? undefined : withoutPrefix(number, rules.pbxPrefix);
  if (internal !== undefined && lengths(rules.extensionLengths, internal.length)) {
    return { number: internal, as: 'an internal number with the prefix of this system' };
  }
  if (lengths(rules.extensionLengths, number.length)) return undefined;
  if (lengths(rules.nationalLengths, number.length) && !number.startsWith(internationalPrefix)) {
    const withPrefix = withoutPrefix(number, numbering.nationalPrefix);
    const isPrefixed = withPrefix !== undefined && lengths(rules.nationalLengths, withPrefix.length);
    return nationalNumber(isPrefixed ? withPrefix : number, rules, numbering);
  }
  const { outsidePrefix } = rules;
  const isLonger = rules.nationalLengths.some((length) => number.length > Number(length));
  const foreign = isLonger || number.startsWith(internationalPrefix);
  if (foreign && number.startsWith(internationalPrefix)) {
    return { number: `${outsidePrefix}${number}`, as: 'an international number' };
  }
  for (const prefix of [numbering.nationalPrefix, countryCode]) {
    const national = prefix === '' ? undefined : withoutPrefix(number, prefix);
    if (national !== undefined && lengths(rules.nationalLengths, national.length)) {
      return nationalNumber(national, rules, numbering);
    }
  }
  // It leads to outside already, as people dial it who know the prefix.
  if (outsidePrefix !== '' && number.startsWith(outsidePrefix)) return undefined;
  const longestInternal = Math.max(0, ...rules.extensionLengths.map(Number));
  if (longestInternal === 0 || number.length <= longestInternal) return undefined;
  return { number: `${outsidePrefix}${number}`, as: 'a local number' };
}

/** `national`: with its area code, without any prefix. */
function nationalNumber(national: string, rules: DialPlanFields, numbering: Numbering): Rewritten {
  const { outsidePrefix, removeAreaCode, cityCodes } = rules;
  const area = cityCodes.find((code) => national.startsWith(code));
  if (area !== undefined && removeAreaCode) {
    return { number: `${outsidePrefix}${national.slice(area.length)}`, as: `a local number of area ${area}` };
  }
  // Where every call to outside needs the area code, a local one needs no prefix in North America and one elsewhere.
  const isLocal = area !== undefined && numbering.countryCode === '1';
  const prefix = isLocal ? '' : numbering.nationalPrefix;
  return {
    number: `${outsidePrefix}${prefix}${national}`,
    as: area === undefined ? 'a national number' : `a local number of area ${area}`,
  };
}

function withoutPrefix(number: string, prefix: string): string | undefined {
  return number.startsWith(prefix) ? number.slice(prefix.length) : undefined;
}
