import type { Configuration } from './schema/configuration.ts';

/** By region (ISO 3166-1). 112 works in every mobile network and is dialled by visitors everywhere, so it is always one. */
const BY_REGION: Readonly<Record<string, readonly string[]>> = {
  AT: ['122', '133', '144'],
  AU: ['000'],
  BE: ['100', '101'],
  BR: ['190', '192', '193'],
  CA: ['911'],
  CH: ['117', '118', '144'],
  CN: ['110', '119', '120', '122'],
  DE: ['110'],
  ES: ['061', '062', '080', '091', '092'],
  FR: ['15', '17', '18', '114'],
  GB: ['999'],
  HK: ['999'],
  IE: ['999'],
  IN: ['100', '101', '102', '108'],
  IT: ['113', '115', '118'],
  JP: ['110', '118', '119'],
  MX: ['911'],
  NZ: ['111'],
  PL: ['997', '998', '999'],
  SG: ['995', '999'],
  US: ['911'],
  ZA: ['10111', '10177'],
};
const EVERYWHERE = ['112'];

/** Every number that must reach help: those of the locale's region and those that the configuration adds. */
export function emergencyNumbersOf(
  configuration: Pick<Configuration, 'emergencyNumbers'> & { readonly system: Pick<Configuration['system'], 'locale'> },
): ReadonlySet<string> {
  const region = configuration.system.locale.slice(3);
  return new Set([...EVERYWHERE, ...(BY_REGION[region] ?? []), ...Object.keys(configuration.emergencyNumbers)]);
}
