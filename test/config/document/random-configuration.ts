import { complete } from '../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../firmware/config/schema/configuration.ts';
import { isText, type TextOptions } from '../../../firmware/config/schema/text.ts';
import { isEqual, nodeOf, type SchemaNode, type ValueNode } from '../../../firmware/config/schema/tree.ts';

/** A certificate like those that people paste: several lines, one of them empty. */
export const PEM = `-----BEGIN CERTIFICATE-----
MIIBszCCAVmgAwIBAgIUQ2Vyd GlmaWNhdGU=

${'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2'}
-----END CERTIFICATE-----
`;

/** What a writer of YAML gets wrong first, and something for each pattern of the schema. */
const SAMPLES: readonly string[] = [
  'yes',
  'no',
  'on',
  'null',
  'Null',
  '~',
  'true',
  'False',
  '1e3',
  '0123',
  '0x1F',
  '0o17',
  '.inf',
  '.nan',
  '-1',
  '1_000',
  '12:30',
  '2027-12-31',
  '<<',
  '=',
  '---',
  '...',
  '-',
  '?',
  '- x',
  '? x',
  ': x',
  'a: b',
  'a #b',
  '#b',
  '*17',
  '&a',
  '!a',
  '|',
  '>',
  '%a',
  '@a',
  '`a',
  '[a]',
  '{a}',
  ',',
  "it's",
  "'",
  '"',
  '""',
  'say "it\'s"',
  ' leading',
  'trailing ',
  'a\\nb',
  '\\',
  'a.b.c',
  '.',
  'a:',
  ':',
  'Zoë Ångström',
  '王小明',
  '😀',
  'e\u0301',
  '\u05d0\u05d1',
  `${'long words that a writer may fold '.repeat(7)}.`,
  PEM,
  'a\r\nb\r\n',
  'a\n\n\n',
  '\n a\n  b',
  'a\n ',
  '\t',
  'a\tb',
  '\x7f\x9b',
  '\ufeffa',
  'a\u0085b',
  'a\u2028b',
  '\u202eabc',
  'a\u200b',
  'fd00::1/64',
  '2001:db8::/32',
  '192.168.42.7',
  '192.168.42.0/24',
  '10.0.0.1',
  'en-US',
  'nl-BE',
  'sip.example.com',
  'https://updates.example.com/appcast.xml',
  'a@example.com',
  "o'brien+x@example.com",
  '~@example.com',
  '\x7f@example.com',
  '+44123',
  '123456',
  '99',
  '*#',
  '5NX',
  '7',
  '8',
  '9',
  ...Array.from({ length: 64 }, (_, index) => `+49${index}00`),
  ...Array.from({ length: 64 }, (_, index) => `${300 + index}`),
];

/** For secrets alone, so that they can be looked for. */
const SECRETS: readonly string[] = [
  'ha1$0123456789abcdef0123456789abcdef$0123',
  'scrypt$16384$8$1$c2FsdA==$a2V5',
  'sealed$c2VhbGVk',
];

export interface RandomOptions {
  readonly seed: number;
  /** Items in each collection at most; the schema's own limit counts too. */
  readonly items: number;
  /** Of collections within items. */
  readonly innerItems: number;
  /** Nothing outside of items has its default or is left out. */
  readonly dense?: boolean;
}

/**
 * A configuration with every field of the schema filled with something else than its default somewhere, the same for the
 * same seed. It fits the schema field by field, and makes no sense as a whole. Throws where a new field's pattern is met
 * by no sample: add one above.
 */
export function randomConfiguration(options: RandomOptions): Configuration {
  const random = mulberry32(options.seed);
  const made = new Generator(random, options).make(nodeOf(configurationSchema));
  return complete(nodeOf(configurationSchema), made) as Configuration;
}

class Generator {
  readonly #random: () => number;
  readonly #options: RandomOptions;
  readonly #pools = new Map<SchemaNode, readonly string[]>();

  constructor(random: () => number, options: RandomOptions) {
    this.#random = random;
    this.#options = options;
  }

  make(node: SchemaNode, inItem = false): unknown {
    switch (node.kind) {
      case 'group': {
        const members = [...node.fields].map(([name, field]) => {
          const left = this.#mayLeaveOut(field, inItem) && this.#below(4) === 0;
          return [name, left ? undefined : this.make(field, inItem)] as const;
        });
        return Object.fromEntries(members.filter(([, value]) => value !== undefined));
      }
      case 'collection': {
        const most = Math.min(node.max, inItem ? this.#options.innerItems : this.#options.items);
        const keys = new Set<string>();
        for (let tries = 0; keys.size < most && tries < 20 * most; tries += 1) keys.add(this.#key(node.keyPattern));
        return Object.fromEntries([...keys].map((key) => [key, this.make(node.item, true)]));
      }
      case 'sequence':
        return this.#several(0, 3).map(() => this.make(node.item, true));
      case 'list': {
        const values = this.#several(this.#options.dense === true ? 1 : 0, 3).map(() => this.#value(node.item));
        return [...new Set(values)];
      }
      case 'value':
        return this.#value(node);
    }
  }

  #value(node: ValueNode): string | number | boolean {
    if (node.type === 'boolean') return this.#options.dense === true ? !node.default : this.#below(2) === 0;
    if (node.type === 'integer') {
      const { minimum, maximum } = node.schema;
      const number = Number(minimum) + this.#below(Number(maximum) - Number(minimum) + 1);
      return number === node.default && number < maximum ? number + 1 : number;
    }
    let pool = this.#pools.get(node);
    if (pool === undefined) {
      const options = node.schema as unknown as TextOptions;
      const samples = node.secret === undefined ? SAMPLES : SECRETS;
      pool = [...(node.words ?? []), ...samples].filter((sample) => isText(options, sample) && sample !== node.default);
      if (pool.length === 0) throw new Error(`no sample fits the field “${node.title}”: ${options.pattern}`);
      this.#pools.set(node, pool);
    }
    return this.#pick(pool);
  }

  #key(pattern: RegExp): string {
    const digits = Array.from({ length: 2 + this.#below(5) }, () => this.#below(10)).join('');
    for (;;) {
      const words = ['', 'Acme ', 'x.', '0'].map((before) => before + digits);
      const alternatives = pattern.source.replace(/^\^\(\?:|\)\$$/g, '').split('|');
      const key = this.#pick([...SAMPLES, ...words, ...words, ...words, ...alternatives, String(this.#below(999))]);
      if (pattern.test(key)) return key;
    }
  }

  #several(least: number, most: number): readonly unknown[] {
    return Array.from({ length: least + this.#below(most - least + 1) });
  }

  #mayLeaveOut(field: SchemaNode, inItem: boolean): boolean {
    if (this.#options.dense === true && !inItem) return false;
    return field.optional || field.kind !== 'value' || field.default !== undefined;
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#below(values.length)] as T;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

/** Fields of the schema, as `users.name`, that hold nothing but their default anywhere in `configuration`. */
export function untouchedFields(configuration: unknown): readonly string[] {
  const all = new Set<string>();
  const touched = new Set<string>();
  const walk = (node: SchemaNode, value: unknown, path: string) => {
    switch (node.kind) {
      case 'group':
        for (const [name, field] of node.fields)
          walk(field, Object(value)[name], path === '' ? name : `${path}.${name}`);
        break;
      case 'collection':
      case 'sequence':
        walk(node.item, undefined, path);
        for (const item of Object.values(Object(value))) walk(node.item, item, path);
        break;
      default:
        all.add(path);
        if (value !== undefined && !isEqual(value, node.default)) touched.add(path);
    }
  };
  walk(nodeOf(configurationSchema), configuration, '');
  return [...all].filter((path) => !touched.has(path));
}

/** Small and the same everywhere; nothing here needs more. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
