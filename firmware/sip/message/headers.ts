import { COMMA, splitOutside, trimBlanks } from './grammar.ts';
import { canonicalName } from './header-names.ts';

export type HeaderField = readonly [name: string, value: string];

/** What would begin a header of someone else's making; a NUL may stand in a quoted pair only (RFC 3261 §25.1). */
const UNSAFE = /[\r\n\0]/;
const UNSAFE_RUNS = /[\r\n]+|(?<!\\)\0+/g;

/** The text without line ends. */
export function oneLine(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_RUNS, ' ') : text;
}

/** The header fields of one message, in their order; none has a line end in its value. */
export class Headers {
  readonly fields: readonly HeaderField[];

  /**
   * Names may come in any case or in compact form, values with anything in them. `areClean` says that neither is so,
   * as it is with what the parser read.
   */
  constructor(fields: readonly HeaderField[], areClean = false) {
    this.fields = areClean ? fields : fields.map(cleanField);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The value of the first field of that name. */
  get(name: string): string | undefined {
    const canonical = canonicalName(name);
    for (const field of this.fields) {
      if (field[0] === canonical) return field[1];
    }
    return undefined;
  }

  /** The values field by field, commas untouched: for Authorization and WWW-Authenticate (RFC 3261 §7.3.1). */
  all(name: string): readonly string[] {
    const canonical = canonicalName(name);
    const values: string[] = [];
    for (const field of this.fields) {
      if (field[0] === canonical) values.push(field[1]);
    }
    return values;
  }

  /** The comma-separated values of all fields of that name; undefined when a quote or bracket stays open. */
  list(name: string): readonly string[] | undefined {
    const canonical = canonicalName(name);
    const values: string[] = [];
    for (const [fieldName, value] of this.fields) {
      if (fieldName !== canonical) continue;
      if (!value.includes(',')) {
        const only = trimBlanks(value);
        if (only.length > 0) values.push(only);
        continue;
      }
      const parts = splitOutside(value, COMMA);
      if (parts === undefined) return undefined;
      for (const part of parts) {
        if (part.length > 0) values.push(part);
      }
    }
    return values;
  }
}

/** The field as a message may hold it; the same object where it is so already. */
export function cleanField(field: HeaderField): HeaderField {
  const name = canonicalName(field[0]);
  const value = oneLine(field[1]);
  return name === field[0] && value === field[1] ? field : [name, value];
}
