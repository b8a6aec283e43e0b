import type { Configuration } from '../../config/schema/configuration.ts';
import type { CallRange } from '../../config/schema/dialling.ts';

/** How numbers are written where the office is. */
export interface Numbering {
  readonly countryCode: string;
  /** In front of an area code; empty where there is none. */
  readonly nationalPrefix: string;
  readonly internationalPrefix: string;
  readonly areaCodes: readonly string[];
  /** Of national numbers with their area code; empty: not known. */
  readonly nationalLengths: readonly number[];
}

/** Country code, national and international prefix by region (ITU-T E.164, national numbering plans). */
const BY_REGION: Readonly<Record<string, readonly [string, string, string]>> = {
  AT: ['43', '0', '00'],
  AU: ['61', '0', '0011'],
  BE: ['32', '0', '00'],
  BR: ['55', '0', '00'],
  CA: ['1', '1', '011'],
  CH: ['41', '0', '00'],
  CN: ['86', '0', '00'],
  CZ: ['420', '', '00'],
  DE: ['49', '0', '00'],
  DK: ['45', '', '00'],
  ES: ['34', '', '00'],
  FI: ['358', '0', '00'],
  FR: ['33', '0', '00'],
  GB: ['44', '0', '00'],
  HK: ['852', '', '001'],
  IE: ['353', '0', '00'],
  IN: ['91', '0', '00'],
  IT: ['39', '', '00'],
  JP: ['81', '0', '010'],
  KR: ['82', '0', '00'],
  MX: ['52', '', '00'],
  NL: ['31', '0', '00'],
  NO: ['47', '', '00'],
  NZ: ['64', '0', '00'],
  PL: ['48', '', '00'],
  PT: ['351', '', '00'],
  SE: ['46', '0', '00'],
  SG: ['65', '', '001'],
  US: ['1', '1', '011'],
  ZA: ['27', '0', '00'],
};

type DialPlan = Omit<Configuration['users'][string]['dialPlan'], 'use'>;

/** The dial plan that counts for a user, with the region's habits where it says nothing. */
export function numberingOf(locale: string, plan: DialPlan | undefined): Numbering {
  const [countryCode, nationalPrefix, internationalPrefix] = BY_REGION[locale.slice(3)] ?? ['', '0', '00'];
  return {
    countryCode: plan?.countryCode || countryCode,
    nationalPrefix: plan?.longDistancePrefix || nationalPrefix,
    internationalPrefix: plan?.internationalPrefix || internationalPrefix,
    areaCodes: plan?.cityCodes ?? [],
    nationalLengths: (plan?.nationalLengths ?? []).map(Number),
  };
}

/** Of a line that has a plan of its own: where it ends is where its numbers are read. */
export function numberingOfLine(
  own: Numbering,
  {
    countryCode,
    areaCode,
    nationalPrefix,
    internationalPrefix,
  }: Omit<Configuration['lines'][string]['numbers'], 'send' | 'receive'>,
): Numbering {
  if (countryCode === '') return own;
  return {
    countryCode,
    nationalPrefix,
    internationalPrefix: internationalPrefix || own.internationalPrefix,
    areaCodes: areaCode === '' ? [] : [areaCode],
    nationalLengths: [],
  };
}

const NORTH_AMERICA = '1';
/** National numbers of country code 1 have ten digits with the area code. */
const NANP_LENGTH = 10;
/** Of country code 1, and yet abroad: what toll fraud calls first. */
const CARIBBEAN = new Set(
  '242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876'.split(' '),
);
/** Longer national numbers than this nobody has without a prefix (E.164: 15 digits with the country code). */
const LONGEST_NATIONAL = 11;

export interface ReadNumber {
  /** `+` and up to 15 digits; undefined for a short number of a network, and where the region says too little. */
  readonly e164: string | undefined;
  readonly range: Exclude<CallRange, 'none'>;
}

/** A code of the network before the number that is called, as #31# and *67* withhold the own one. */
const SERVICE_CODE = /^[*#]{1,2}[0-9]{1,4}[*#]/;
/** Digits of a code that a number follows without a mark, as in *67: what is longer calls somebody. */
const SERVICE_DIGITS = 4;

/** The number that a carrier is likely to call where codes of the network stand before it. */
export function withoutServiceCodes(number: string): string {
  let rest = number;
  while (SERVICE_CODE.test(rest)) rest = rest.replace(SERVICE_CODE, '');
  return rest;
}

/** A number to outside, without the prefix that leads there. */
export function readNumber(text: string, numbering: Numbering): ReadNumber {
  const { countryCode, nationalPrefix, internationalPrefix, areaCodes, nationalLengths } = numbering;
  const number = withoutServiceCodes(text);
  // What of it the carrier takes for the number is not known here: it may lead anywhere.
  if (!/^\+?[0-9]*(?:[*#,].*)?$/.test(number) || /^[*#,]/.test(number)) {
    return {
      e164: undefined,
      range: number.replace(/[^0-9]/g, '').length > SERVICE_DIGITS ? 'international' : 'local',
    };
  }
  const digits = number.replace(/[^0-9+].*$/, '');
  const international = (e164: string): ReadNumber => ({ e164: bounded(e164), range: rangeOf(e164, numbering) });
  if (digits.startsWith('+')) return international(digits);
  if (digits.startsWith(internationalPrefix)) return international(`+${digits.slice(internationalPrefix.length)}`);
  // No area begins so: it is the prefix of another carrier, as 0033 in Japan, or that of another country.
  if (nationalPrefix === '0' && digits.startsWith('00')) return { e164: undefined, range: 'international' };
  if (countryCode === NORTH_AMERICA) {
    const national = digits.length === NANP_LENGTH + 1 && digits.startsWith('1') ? digits.slice(1) : digits;
    if (national.length === NANP_LENGTH) return international(`+1${national}`);
  } else if (nationalPrefix !== '' && digits.startsWith(nationalPrefix) && digits.length > nationalPrefix.length + 3) {
    if (countryCode === '') return { e164: undefined, range: 'national' };
    return international(`+${countryCode}${digits.slice(nationalPrefix.length)}`);
  }
  if (countryCode !== '' && nationalLengths.includes(digits.length)) return international(`+${countryCode}${digits}`);
  const [area] = areaCodes;
  const isLocal = area !== undefined && nationalLengths.includes(area.length + digits.length);
  if (countryCode !== '' && isLocal) return { e164: bounded(`+${countryCode}${area}${digits}`), range: 'local' };
  // Carriers take such a number for one with its country code: without a prefix, but not from here.
  return { e164: undefined, range: digits.length > LONGEST_NATIONAL ? 'international' : 'local' };
}

function rangeOf(e164: string, { countryCode, areaCodes }: Numbering): ReadNumber['range'] {
  if (countryCode === '' || !e164.startsWith(`+${countryCode}`)) return 'international';
  const national = e164.slice(1 + countryCode.length);
  if (countryCode === NORTH_AMERICA && CARIBBEAN.has(national.slice(0, 3))) return 'international';
  return areaCodes.some((area) => national.startsWith(area)) ? 'local' : 'national';
}

function bounded(e164: string): string | undefined {
  return /^\+[0-9]{3,15}$/.test(e164) ? e164 : undefined;
}
