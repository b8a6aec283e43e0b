/** How numbers are written where a line ends. */
export interface NumberPlan {
  /** Empty: nothing is known, and numbers stay as they are. */
  readonly countryCode: string;
  readonly areaCode: string;
  readonly nationalPrefix: string;
  readonly internationalPrefix: string;
}

export type NumberFormat = 'as-dialled' | 'national' | 'e164';

/** E.164 has 15 digits and the plus; a number of fewer than this is a service of its own, such as 110 or 1800. */
const MAX_E164_DIGITS = 15;
const MIN_LOCAL_DIGITS = 5;
/** North America: seven digits behind the area code, and ten that need no prefix. */
const NANP_NATIONAL = /^[2-9]\d{9}$/;
/** What people and phones put between digits. */
const SEPARATORS = /[\s().-]/g;

/** Digits, `*` and `#`, with a plus in front perhaps, and no separators; undefined for what is no number. */
export function plainNumber(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const number = text.replace(SEPARATORS, '');
  return /^\+?[0-9*#]{1,32}$/.test(number) ? number : undefined;
}

/** With plus and country code where it is a number of the public network, else as it is. */
export function toE164(number: string, plan: NumberPlan): string {
  const { countryCode, areaCode, nationalPrefix, internationalPrefix } = plan;
  if (countryCode === '' || !/^\d+$/.test(number)) return number;
  const known = (national: string): string => bounded(`+${countryCode}${national}`, number);
  if (internationalPrefix !== '' && number.startsWith(internationalPrefix)) {
    return bounded(`+${number.slice(internationalPrefix.length)}`, number);
  }
  if (countryCode === '1' && NANP_NATIONAL.test(number)) return known(number);
  if (nationalPrefix !== '' && number.startsWith(nationalPrefix) && number.length >= MIN_LOCAL_DIGITS) {
    return known(number.slice(nationalPrefix.length));
  }
  if (number.length < MIN_LOCAL_DIGITS) return number;
  // Without a prefix every number of such a country has all its digits.
  if (nationalPrefix === '') return known(number);
  return areaCode === '' ? number : known(`${areaCode}${number}`);
}

/** As it is dialled in the country of the plan. */
export function toNational(number: string, plan: NumberPlan): string {
  const { countryCode, nationalPrefix, internationalPrefix } = plan;
  if (countryCode === '' || !number.startsWith('+')) return number;
  const digits = number.slice(1);
  if (digits.startsWith(countryCode)) return `${nationalPrefix}${digits.slice(countryCode.length)}`;
  return `${internationalPrefix}${digits}`;
}

/** A number in the format that a line wants. */
export function formatNumber(number: string, format: NumberFormat, plan: NumberPlan): string {
  switch (format) {
    case 'as-dialled':
      return number;
    case 'e164':
      return toE164(number, plan);
    case 'national':
      return toNational(toE164(number, plan), plan);
  }
}

/** As formatNumber for a number that a carrier sent: many leave the plus of E.164 out. */
export function formatReceivedNumber(number: string, format: NumberFormat, plan: NumberPlan): string {
  const { countryCode, nationalPrefix, internationalPrefix } = plan;
  const hasPrefix =
    (nationalPrefix !== '' && number.startsWith(nationalPrefix)) ||
    (internationalPrefix !== '' && number.startsWith(internationalPrefix));
  const lacksPlus =
    countryCode !== '' && /^\d+$/.test(number) && !hasPrefix && number.startsWith(countryCode) && number.length >= 10;
  const isWhole = lacksPlus && !(countryCode === '1' && NANP_NATIONAL.test(number));
  return formatNumber(isWhole && format !== 'as-dialled' ? `+${number}` : number, format, plan);
}

function bounded(international: string, number: string): string {
  return international.length - 1 <= MAX_E164_DIGITS ? international : number;
}
