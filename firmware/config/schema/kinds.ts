import {
  Array as ArrayType,
  Boolean as BooleanType,
  Integer,
  Object as ObjectType,
  Optional,
  Record as RecordType,
  String as StringType,
  type TArray,
  type TBoolean,
  type TInteger,
  type TObject,
  type TOptional,
  type TProperties,
  type TSchema,
  type TUnsafe,
} from '@sinclair/typebox';
import { text } from './text.ts';

/*
 * The kinds of field that the schema is built of. Each carries, beside its JSON Schema keywords, what people read: `title`
 * names it, `rule` completes the sentence "must be …", `unit` stands behind the number in exports and help.
 */

/** How a secret is kept, and so what becomes of the text that a person gives. */
export type SecretKind =
  /** HA1 for MD5 and SHA-256 (RFC 8760): a SIP password. */
  | 'sip-password'
  /** scrypt, after the rule for passwords. */
  | 'password'
  /** scrypt, after the rule for PINs: digits. */
  | 'pin'
  /** Encrypted under the box's own key, since the box must be able to say it: to a carrier, or in a settings file. */
  | 'recoverable';

export interface Extra {
  /** Kept and checked, but no part of this version acts on it; said wherever it is edited. */
  readonly unused?: true;
  /** Of a number, as it stands behind it: `s`, `ms`. */
  readonly unit?: string;
}

/** Control and formatting characters can turn a line around on a terminal or a phone. */
const NOT_IN_A_LINE = '\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}';

/** Text of one line, up to `max` characters; may be empty. */
export function line(title: string, max: number, extra: Extra & { readonly default?: string } = {}): TUnsafe<string> {
  const rule = `one line of at most ${max} characters, none of them a control character`;
  return text({ title, maxLength: max, pattern: `^[^${NOT_IN_A_LINE}]*$`, rule, default: '', ...extra });
}

/** A name of one line that must be there and not blank, 1 to `max` characters. */
export function name(title: string, max: number): TUnsafe<string> {
  const rule = `1 to ${max} characters on one line, none of them a control character`;
  return text({ title, minLength: 1, maxLength: max, pattern: `^(?=.*\\S)[^${NOT_IN_A_LINE}]*$`, rule });
}

/** Text after a pattern, 253 characters at most; `rule` says in words what the pattern says in signs. */
export function shaped(
  title: string,
  pattern: string,
  rule: string,
  extra: Extra & { readonly default?: string; readonly maxLength?: number } = {},
): TUnsafe<string> {
  return text({ title, pattern, rule, maxLength: 253, ...extra });
}

/** One of a fixed set of words, as an item of a list. */
export function word<const Word extends string>(title: string, words: readonly Word[]): TUnsafe<Word> {
  return text<Word>({ title, enum: words, rule: `one of ${words.join(', ')}` });
}

/** One of a fixed set of words. */
export function choice<const Word extends string>(
  title: string,
  words: readonly Word[],
  preset: NoInfer<Word>,
  extra: Extra = {},
): TUnsafe<Word> {
  return text<Word>({ title, enum: words, default: preset, rule: `one of ${words.join(', ')}`, ...extra });
}

export function whole(title: string, minimum: number, maximum: number, preset: number, extra: Extra = {}): TInteger {
  return Integer({ ...numberNotes(title, minimum, maximum, extra), default: preset });
}

/** A whole number that may be left out: then counts what the title says. */
export function wholeOrLeftOut(
  title: string,
  minimum: number,
  maximum: number,
  extra: Extra = {},
): TOptional<TInteger> {
  return Optional(Integer(numberNotes(title, minimum, maximum, extra)));
}

function numberNotes(title: string, minimum: number, maximum: number, extra: Extra) {
  const unit = extra.unit === undefined ? '' : ` ${extra.unit}`;
  return { title, minimum, maximum, rule: `a whole number from ${minimum} to ${maximum}${unit}`, ...extra };
}

export function flag(title: string, preset: boolean, extra: Extra = {}): TBoolean {
  return BooleanType({ title, default: preset, rule: 'true or false', ...extra });
}

/** A list of different values whose order counts. */
export function list<Item extends TSchema>(
  title: string,
  item: Item,
  max: number,
  extra: Extra & { readonly default?: readonly string[] } = {},
): TArray<Item> {
  const rule = `a list of at most ${max} different values`;
  return ArrayType(item, { title, maxItems: max, uniqueItems: true, default: [], rule, ...extra });
}

export const NUMBER_KEY = { pattern: '^[0-9]{2,15}$', rule: '2 to 15 digits' };
/** Names of things as keys; `__proto__` is no key of an object. Quotes would need escaping in a path. */
export const NAME_KEY = {
  pattern: `^(?!__proto__$)(?=.*\\S)[^"${NOT_IN_A_LINE}]{1,64}$`,
  rule: 'a name of 1 to 64 characters on one line, without double quotes',
};

/** A number to dial, or empty. */
export function dialString(title: string, extra: Extra = {}): TUnsafe<string> {
  const rule = 'digits, * or #, with a leading + and commas for pauses if wanted, at most 63 characters';
  return shaped(title, '^\\+?[0-9*#,]*$', rule, { default: '', maxLength: 63, ...extra });
}

const HOST_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';

/** A host name (RFC 1123 §2.1), or empty. An address passes too where it looks like one: a cross check decides. */
export function hostName(title: string, extra: Extra & { readonly default?: string } = {}): TUnsafe<string> {
  const rule = 'a host name of letters, digits, hyphens and dots';
  return shaped(title, `^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*)?$`, rule, { default: '', ...extra });
}

/** A host name, an IPv4 or an IPv6 address, or empty; a cross check looks at the address. */
export function hostOrAddress(title: string): TUnsafe<string> {
  const rule = 'a host name of letters, digits, hyphens and dots, or an IP address';
  const pattern = `^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|[0-9a-fA-F.]*:[0-9a-fA-F:.]+)?$`;
  return shaped(title, pattern, rule, { default: '' });
}

/** The key of an item elsewhere, or left out. */
export function reference(title: string, key: { readonly pattern: string; readonly rule: string }, extra: Extra = {}) {
  return Optional(shaped(title, key.pattern, key.rule, extra));
}

const SECRET_RULES: Readonly<Record<SecretKind, string>> = {
  'sip-password': 'set with a password of 9 to 128 printable ASCII characters',
  password: 'set with a password of 9 to 128 characters',
  pin: 'set with a PIN of 4 to 15 digits',
  recoverable: 'set with a password of 1 to 128 printable ASCII characters',
};

/** Holds what the box keeps of a secret, never what a person typed. Not shown, not logged, not exported in the clear. */
export function secret(title: string, kind: SecretKind, extra: Extra = {}): TOptional<TUnsafe<string>> {
  const prefix = { 'sip-password': 'ha1', password: 'scrypt', pin: 'scrypt', recoverable: 'sealed' }[kind];
  const pattern = `^${prefix}\\$[A-Za-z0-9+/=$]+$`;
  return Optional(text({ title, maxLength: 1024, pattern, secret: kind, rule: SECRET_RULES[kind], ...extra }));
}

/** Fields that belong together. */
export function group<Fields extends TProperties>(title: string, fields: Fields, extra: Extra = {}): TObject<Fields> {
  return ObjectType(fields, { title, additionalProperties: false, rule: 'a group of fields', ...extra });
}

/** A group that is the one row of a table. */
export function single<Fields extends TProperties>(title: string, table: string, fields: Fields): TObject<Fields> {
  return ObjectType(fields, { title, table, additionalProperties: false, rule: 'a group of fields' });
}

export interface CollectionNotes extends Extra {
  readonly title: string;
  /** The table that keeps it, one row an item. */
  readonly table: string;
  /** The column of the key, the key's pattern, and the pattern in words. */
  readonly key: { readonly column: string; readonly pattern: string; readonly rule: string };
  /** Items at most. */
  readonly max: number;
}

/** Items under a key that people know them by: an extension number, a name, a code. */
export function collection<Item extends TObject>(notes: CollectionNotes, item: Item) {
  const { max, key, ...rest } = notes;
  return RecordType(StringType({ pattern: key.pattern }), item, {
    ...rest,
    keyColumn: key.column,
    keyRule: key.rule,
    maxProperties: max,
    additionalProperties: false,
    default: {},
    rule: `at most ${max} items, each under ${key.rule}`,
  });
}

/** A list of groups whose order counts, one row an item. */
export function sequence<Item extends TObject>(title: string, table: string, item: Item, max: number): TArray<Item> {
  return ArrayType(item, {
    title,
    table,
    maxItems: max,
    default: [],
    rule: `a list of at most ${max} groups of fields`,
  });
}
