import { SettingsWriter } from './language/writer.ts';
import { fixed, type Origin } from './origin.ts';

/** One line of a generated file, and what made it. */
export interface SettingsLine {
  readonly text: string;
  readonly origin: Origin;
}

const STRUCTURE = fixed('the structure of the file');

/**
 * Collects the lines of a settings file, each with its origin. Every method that takes text throws RingdownError
 * PHONES_VALUE_NOT_WRITABLE for what would read back as something else.
 */
export class SettingsLines {
  readonly #writer = new SettingsWriter();
  /** One for each line. */
  readonly #origins: Origin[] = [];

  get all(): readonly SettingsLine[] {
    const texts = this.toString().split('\n');
    return this.#origins.map((origin, index) => ({ text: texts[index] ?? '', origin }));
  }

  comment(text: string, origin: Origin = STRUCTURE): this {
    this.#writer.comment(text);
    return this.#from(origin);
  }

  tag(name: string): this {
    this.#writer.tag(name);
    return this.#from(STRUCTURE);
  }

  goto(tag: string): this {
    this.#writer.goto(tag);
    return this.#from(STRUCTURE);
  }

  /** One line for each model. */
  gotoForModels(models: readonly string[], tag: string): this {
    for (const model of models) this.gotoIf('$MODEL4', model, tag);
    return this;
  }

  /** `variable` with its `$`. */
  gotoIf(variable: string, value: string, tag: string, origin: Origin = STRUCTURE): this {
    this.#writer.if(variable, value, tag);
    return this.#from(origin);
  }

  get(file: string, origin: Origin = STRUCTURE): this {
    this.#writer.get(file);
    return this.#from(origin);
  }

  /** The value is put into quotes where the language wants them. */
  set(name: string, value: string | number, origin: Origin): this {
    this.#writer.set(name, value);
    return this.#from(origin);
  }

  /** For settings whose value stands in quotes whatever it is. */
  setQuoted(name: string, value: string, origin: Origin): this {
    // Clients take a space for "empty".
    this.#writer.setQuoted(name, value === '' ? ' ' : value);
    return this.#from(origin);
  }

  /** A list whose items stand in quotes of their own, `"911","9911"`. */
  setList(name: string, items: readonly string[], origin: Origin): this {
    this.#writer.setList(name, items);
    return this.#from(origin);
  }

  /** ASCII, one statement a line, each line ended by LF. */
  toString(): string {
    return this.#writer.toString();
  }

  #from(origin: Origin): this {
    this.#origins.push(origin);
    return this;
  }
}
