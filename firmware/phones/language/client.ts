import { Macros } from './macros.ts';

/*
 * What is known of the clients that read settings files: their models, what they compare and what they put in for macros.
 */

/** What a client knows of itself, by names without `$`: `MODEL4`, `GROUP`, `SIG_IN_USE` … */
export type ClientVariables = Readonly<Record<string, string>>;

export type Signalling = 'H323' | 'SIP';
export type ModelFamily = '16xx' | '96xx' | '96x1' | 'J100' | 'K100' | 'Workplace';

export interface KnownModel {
  /** As it names itself in `$MODEL4`. */
  readonly model: string;
  readonly family: ModelFamily;
  /** What `$SIG_IN_USE` can be. Where it is not certain that a model speaks both, both are here. */
  readonly signalling: readonly Signalling[];
}

/** Every model that the box's settings files speak of. */
export const KNOWN_MODELS: readonly KnownModel[] = [
  ...models('16xx', ['H323'], ['1603', '1608', '1616']),
  ...models('96xx', ['SIP', 'H323'], ['9620', '9630', '9640', '9650']),
  ...models('96x1', ['SIP', 'H323'], ['9608', '9611', '9621', '9641']),
  ...models('J100', ['SIP'], ['J129', 'J139']),
  ...models('J100', ['SIP', 'H323'], ['J159', 'J169', 'J179', 'J189']),
  ...models('K100', ['SIP'], ['K155', 'K165', 'K175']),
  // Android, iOS, macOS, Windows.
  ...models('Workplace', ['SIP'], ['aca', 'aci', 'acm', 'acw']),
];

/** What an IF may ask for. A line that asks for anything else is ignored by every client. */
export const VARIABLES: readonly string[] = [
  'APPNAME_IN_USE',
  'GEN',
  'GROUP',
  'HWVERS',
  'IPADD',
  'MACADDR',
  'MACADDR_UPPER',
  'MODEL',
  'MODEL4',
  'MODEL6',
  'SERIALNO',
  'SIG',
  'SIG_IN_USE',
  'SUBNET',
  'VPNACTIVE',
];

/** How a client takes an IF. */
export interface Dialect {
  readonly ignoresCase: boolean;
  /** Variables that it puts in on either side of an IF, within other text too. Undefined: it takes `IF $NAME SEQ value` alone. */
  readonly conditionMacros: Macros | undefined;
}

const CONDITION_MACROS = new Macros(VARIABLES);

/** By `$MODEL4`. One that is not known compares exactly. */
export function dialectOf(model: string | undefined): Dialect {
  return {
    // 1600 and 4600.
    ignoresCase: /^(?:16|46)/.test(model ?? ''),
    conditionMacros: /^J1/.test(model ?? '') ? CONDITION_MACROS : undefined,
  };
}

/** With what follows from them: group 0 where none is set, and the MAC address in lower and in upper case. */
export function completeVariables(variables: ClientVariables): ReadonlyMap<string, string> {
  const complete = new Map([['GROUP', '0'], ...Object.entries(variables)]);
  const mac = complete.get('MACADDR');
  if (mac !== undefined) {
    complete.set('MACADDR', mac.toLowerCase());
    complete.set('MACADDR_UPPER', mac.toUpperCase());
  }
  return complete;
}

function models(family: ModelFamily, signalling: readonly Signalling[], names: readonly string[]): KnownModel[] {
  return names.map((model) => ({ model, family, signalling }));
}
