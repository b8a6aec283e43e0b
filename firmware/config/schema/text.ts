import { Kind, type SchemaOptions, type TUnsafe, TypeRegistry, Unsafe } from '@sinclair/typebox';

/** The JSON Schema keywords that a text is checked against, with the meaning that JSON Schema gives them. */
export interface TextOptions extends SchemaOptions {
  /** Characters (Unicode code points). */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Read with the flag `u`, as JSON Schema §6.4 wants it. */
  readonly pattern?: string;
  readonly enum?: readonly string[];
}

const KIND = 'Text';

/**
 * A text. TypeBox's own strings count UTF-16 units and know no `\p{…}` in patterns; this kind counts characters, and
 * refuses half of a surrogate pair, which SQLite would turn into something else.
 */
export function text<Words extends string = string>(options: TextOptions): TUnsafe<Words> {
  return Unsafe<Words>({ [Kind]: KIND, type: 'string', ...options });
}

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  let expression = patterns.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(pattern, 'u');
    patterns.set(pattern, expression);
  }
  return expression;
}

/** Whether `value` is a text as `options` wants it. Bounded work for a value of any length. */
export function isText(options: TextOptions, value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (options.enum !== undefined) return options.enum.includes(value);
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = options;
  // A character is at most two units: what is longer needs no counting.
  if (value.length < minLength || value.length > 2 * maxLength || !value.isWellFormed()) return false;
  if (value.length > maxLength || minLength > 1) {
    const length = [...value].length;
    if (length < minLength || length > maxLength) return false;
  }
  return pattern === undefined || compiled(pattern).test(value);
}

TypeRegistry.Set<TextOptions>(KIND, isText);
