import { emergencyNumbersOf } from '../config/emergency.ts';
import type { PhoneConfiguration } from './settings-input.ts';

/** Names that phones know for tones; of others they get the region's code and keep their own. */
const COUNTRIES: Readonly<Record<string, string>> = {
  AT: 'Austria',
  AU: 'Australia',
  BE: 'Belgium',
  BR: 'Brazil',
  CA: 'Canada',
  CH: 'Switzerland',
  CN: 'China',
  DE: 'Germany',
  ES: 'Spain',
  FR: 'France',
  GB: 'UK',
  HK: 'Hong Kong',
  IE: 'Ireland',
  IN: 'India',
  IT: 'Italy',
  JP: 'Japan',
  MX: 'Mexico',
  NL: 'Netherlands',
  NZ: 'New Zealand',
  PL: 'Poland',
  SG: 'Singapore',
  US: 'USA',
  ZA: 'South Africa',
};

export function country(locale: string): string {
  const region = locale.slice(3);
  return COUNTRIES[region] ?? region;
}

/** As J100 phones call their language files; English is built in. */
const LANGUAGE_FILES: Readonly<Record<string, string>> = {
  ar: 'Arabic',
  de: 'German',
  es: 'LatinAmericanSpanish',
  'es-ES': 'CastilianSpanish',
  fr: 'ParisianFrench',
  'fr-CA': 'CanadianFrench',
  he: 'Hebrew',
  it: 'Italian',
  ja: 'Japanese',
  ko: 'Korean',
  nl: 'Dutch',
  pl: 'Polish',
  pt: 'BrazilianPortuguese',
  ru: 'Russian',
  th: 'Thai',
  tr: 'Turkish',
  zh: 'Chinese',
};

/** Undefined where phones need no file, or know none. */
export function languageFile(locale: string): string | undefined {
  return LANGUAGE_FILES[locale] ?? LANGUAGE_FILES[locale.slice(0, 2)];
}

/** Where people know another number than 112, which reaches help too. */
const NATIONAL_EMERGENCY_NUMBER: Readonly<Record<string, string>> = {
  AU: '000',
  CA: '911',
  GB: '999',
  HK: '999',
  IE: '999',
  MX: '911',
  NZ: '111',
  SG: '995',
  US: '911',
};

/** The number behind a phone's emergency key, and every other that it lets through when locked. */
export function emergencyNumbers(configuration: PhoneConfiguration): {
  readonly first: string;
  readonly others: readonly string[];
} {
  const all = emergencyNumbersOf(configuration);
  const first = NATIONAL_EMERGENCY_NUMBER[configuration.system.locale.slice(3)] ?? '112';
  return { first, others: [...all].filter((number) => number !== first) };
}
