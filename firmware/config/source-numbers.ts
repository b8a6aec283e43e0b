/*
 * NoUser source numbers (seeds: NoUser source numbers): entries such as `SET_CDNL="911","9911"` that change what settings
 * files say. Here stands what an entry may be; what it does to the file stands in phones/.
 */

/** What follows the `=` of an entry. */
export type SourceNumberValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly minimum: number; readonly maximum: number }
  /** A host name or an IP address, IPv6 in brackets or not. */
  | { readonly kind: 'host' }
  /** `DISABLED`, or numbers in quotes with commas between. */
  | { readonly kind: 'numbers' }
  | { readonly kind: 'text'; readonly pattern: RegExp; readonly rule: string };

export interface SourceNumberRule {
  readonly value: SourceNumberValue;
  /** Several entries are merged; of all others there is one. */
  readonly repeatable?: true;
  /** Its value opens something: it never stands in a file that a stranger can fetch. */
  readonly confidential?: true;
}

const PORT = { kind: 'whole', minimum: 1, maximum: 65535 } as const;

/** Every entry that something is known of. One more is one more row, and its effect in phones/source-number-effects.ts. */
export const SOURCE_NUMBER_RULES = {
  EQNX_CONTACT_MATCHING_MIN_DIGITS: { value: { kind: 'whole', minimum: 1, maximum: 32 } },
  SET_CDNL: { value: { kind: 'numbers' }, repeatable: true },
  BRANCH_PHONES_GROUP: { value: { kind: 'whole', minimum: 1, maximum: 5 } },
  SET_46xx_PROCPSWD: {
    value: { kind: 'text', pattern: /^\d{1,7}$/, rule: '1 to 7 digits' },
    confidential: true,
  },
  SET_ADMINPSWD: {
    value: {
      kind: 'text',
      pattern: /^[!#-~]{6,31}$/,
      rule: '6 to 31 printable ASCII characters without double quotes',
    },
    confidential: true,
  },
  SET_HEADSYS_1: { value: { kind: 'none' } },
  RW_SBC_REG: { value: { kind: 'host' } },
  RW_SBC_PROV: { value: { kind: 'host' } },
  RW_SBC_TLS: { value: PORT },
  RW_SBC_TCP: { value: PORT },
  RW_SBC_UDP: { value: PORT },
  PUBLIC_HTTP: { value: { kind: 'host' } },
} as const satisfies Readonly<Record<string, SourceNumberRule>>;

export type SourceNumberName = keyof typeof SOURCE_NUMBER_RULES;

/** Characters of one SET_CDNL entry, and of the list that all of them make (seeds: the SET_CDNL source number). */
const MAX_CDNL_ENTRY_CHARACTERS = 63;
const MAX_CDNL_LIST_CHARACTERS = 127;

export interface SourceNumber {
  /** What takes effect: of SET_CDNL all numbers of all entries, `"911","9911"`. */
  readonly value: string;
  /** The entries as they stand in the configuration. */
  readonly entries: readonly string[];
}

export type SourceNumbers = ReadonlyMap<SourceNumberName, SourceNumber>;

/** What is wrong with one entry, or unknown about it. */
export interface SourceNumberProblem {
  readonly severity: 'error' | 'warning';
  /** Its place in the list, from 0. */
  readonly index: number;
  /** Continues "the entry …". */
  readonly problem: string;
  readonly cure: string;
}

export interface ReadSourceNumbers {
  readonly known: SourceNumbers;
  readonly problems: readonly SourceNumberProblem[];
}

/** Reads the entries of NoUser; those that are wrong are told of and have no effect. */
export function readSourceNumbers(entries: readonly string[]): ReadSourceNumbers {
  const known = new Map<SourceNumberName, SourceNumber>();
  const problems: SourceNumberProblem[] = [];
  for (const [index, entry] of entries.entries()) {
    const add = (severity: 'error' | 'warning', problem: string, cure: string) =>
      void problems.push({ severity, index, problem, cure });
    const equals = entry.indexOf('=');
    const name = equals === -1 ? entry : entry.slice(0, equals);
    const value = equals === -1 ? undefined : entry.slice(equals + 1);
    if (!isSourceNumberName(name)) {
      const lookalike = Object.keys(SOURCE_NUMBER_RULES).find((each) => each.toLowerCase() === name.toLowerCase());
      if (lookalike !== undefined) add('error', 'is in the wrong case', `Write ${lookalike}.`);
      else add('warning', 'is unknown and has no effect', `Known: ${Object.keys(SOURCE_NUMBER_RULES).join(', ')}.`);
      continue;
    }
    const rule: SourceNumberRule = SOURCE_NUMBER_RULES[name];
    const wrong = problemOf(rule.value, value);
    const before = known.get(name);
    if (wrong !== undefined) add('error', wrong.problem, wrong.cure);
    else if (before === undefined) known.set(name, { value: value ?? '', entries: [entry] });
    else if (rule.repeatable !== true) add('error', `gives ${name} a second time`, 'Keep one of them.');
    else if (before.value === 'DISABLED' || value === 'DISABLED')
      add('error', 'contradicts another one: disabled, and a list', 'Keep either DISABLED or the numbers.');
    else {
      const merged = mergeNumbers(before.value, value ?? '');
      if (merged.length > MAX_CDNL_LIST_CHARACTERS) {
        add(
          'error',
          `makes the list of ${name} ${merged.length} characters long`,
          `Name fewer numbers: ${MAX_CDNL_LIST_CHARACTERS} characters with quotes and commas at most.`,
        );
      } else known.set(name, { value: merged, entries: [...before.entries, entry] });
    }
  }
  return { known, problems };
}

/** Whether an entry, right or wrong, holds what must not be shown. */
export function isConfidential(entry: string): boolean {
  const name = entry.split('=')[0] ?? '';
  if (!isSourceNumberName(name)) return false;
  const rule: SourceNumberRule = SOURCE_NUMBER_RULES[name];
  return rule.confidential === true;
}

function isSourceNumberName(name: string): name is SourceNumberName {
  return Object.hasOwn(SOURCE_NUMBER_RULES, name);
}

interface Wrong {
  readonly problem: string;
  readonly cure: string;
}

/** Undefined where `value` is right. */
function problemOf(rule: SourceNumberValue, value: string | undefined): Wrong | undefined {
  if (rule.kind === 'none') {
    return value === undefined ? undefined : { problem: 'has a value', cure: 'Leave out what follows the name.' };
  }
  if (value === undefined || value === '') {
    return { problem: 'has no value', cure: 'Write the name, an equals sign and the value, without spaces.' };
  }
  switch (rule.kind) {
    case 'whole': {
      const { minimum, maximum } = rule;
      const isRight = /^(?:0|[1-9]\d{0,5})$/.test(value) && Number(value) >= minimum && Number(value) <= maximum;
      return isRight
        ? undefined
        : { problem: 'has a value out of range', cure: `Give a whole number from ${minimum} to ${maximum}.` };
    }
    case 'host':
      return /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?|\[?[0-9a-fA-F:.]{2,45}\]?)$/.test(value)
        ? undefined
        : { problem: 'names no host', cure: 'Give a host name or an IP address.' };
    case 'numbers':
      return problemOfNumbers(value);
    case 'text':
      return rule.pattern.test(value)
        ? undefined
        : { problem: 'has a value that cannot be', cure: `Give ${rule.rule}.` };
  }
}

function problemOfNumbers(value: string): Wrong | undefined {
  if (value === 'DISABLED') return undefined;
  if (!/^"\+?[0-9*#]+"(?:,"\+?[0-9*#]+")*$/.test(value)) {
    return {
      problem: 'is no list of numbers',
      cure: 'Put each number into double quotes, with commas and no spaces between: SET_CDNL="911","9911"; or write SET_CDNL=DISABLED.',
    };
  }
  const length = 'SET_CDNL='.length + value.length;
  if (length <= MAX_CDNL_ENTRY_CHARACTERS) return undefined;
  return {
    problem: `has ${length} characters`,
    cure: `Write ${MAX_CDNL_ENTRY_CHARACTERS} at most; further numbers go into another SET_CDNL.`,
  };
}

/** Each number once, in the order in which they were named. */
function mergeNumbers(before: string, more: string): string {
  return [...new Set([...before.split(','), ...more.split(',')])].join(',');
}
