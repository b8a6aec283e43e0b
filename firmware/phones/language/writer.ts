import { RingdownError } from '../../core/errors.ts';
import { quotingOf, type Statement } from './statement.ts';

export interface SettingsWriterOptions {
  /** LF where it is left out. Real files have CRLF; every client takes both. */
  readonly lineEnding?: '\n' | '\r\n';
}

/**
 * Collects the lines of a settings file and refuses what would read back as something else: each method that takes text
 * throws RingdownError PHONES_VALUE_NOT_WRITABLE.
 */
export class SettingsWriter {
  readonly #lines: string[] = [];
  readonly #lineEnding: string;

  constructor({ lineEnding = '\n' }: SettingsWriterOptions = {}) {
    this.#lineEnding = lineEnding;
  }

  /** A comment that no client takes for a tag, since tags have one `#`. */
  comment(text: string): this {
    return this.#add(`## ${checked(text)}`);
  }

  tag(name: string): this {
    return this.#add(`# ${word(name)}`);
  }

  goto(tag: string): this {
    return this.#add(`GOTO ${word(tag)}`);
  }

  /** Jumps where `left` equals `right`. `left` is a variable with its `$`; J100 phones take macros on both sides. */
  if(left: string, right: string, tag: string): this {
    return this.#add(`IF ${word(left)} SEQ ${word(right)} GOTO ${word(tag)}`);
  }

  /** One line for each model. */
  gotoForModels(models: readonly string[], tag: string): this {
    for (const model of models) this.if('$MODEL4', model, tag);
    return this;
  }

  /** A client that gets the file reads that and nothing more of this one. */
  get(file: string): this {
    return this.#add(`GET ${word(file)}`);
  }

  /** The value is put into quotes where the language wants them: with a space or a comma, or when it is empty. */
  set(name: string, value: string | number): this {
    const text = checked(String(value));
    // Clients take a space for "empty"; they keep their old value when nothing stands there.
    if (text === '') return this.setQuoted(name, ' ');
    return /[ ,]/.test(text) ? this.setQuoted(name, text) : this.setBare(name, text);
  }

  /** For settings whose value stands in quotes whatever it is. */
  setQuoted(name: string, value: string): this {
    return this.#add(`SET ${settingName(name)} "${checked(value)}"`);
  }

  /** For settings whose comma list stands without quotes, as real files have it. */
  setBare(name: string, value: string): this {
    return this.#add(`SET ${settingName(name)} ${word(value)}`);
  }

  /** Each value in quotes of its own: `"911","9911"`. */
  setList(name: string, values: readonly string[]): this {
    if (values.length === 0) return this.set(name, '');
    return this.#add(`SET ${settingName(name)} ${values.map((value) => `"${checked(value)}"`).join(',')}`);
  }

  /** As it was read. Throws for a value with broken quotes too. */
  statement(statement: Statement): this {
    switch (statement.kind) {
      case 'set':
        return this.#setAsRead(statement);
      case 'if':
        return this.if(statement.left, statement.right, statement.tag);
      case 'goto':
        return this.goto(statement.tag);
      case 'tag':
        return this.tag(statement.tag);
      case 'get':
        return this.get(statement.file);
    }
  }

  /** ASCII, one statement a line, each line ended. */
  toString(): string {
    return this.#lines.map((line) => line + this.#lineEnding).join('');
  }

  #setAsRead({ name, value, quoting }: Extract<Statement, { kind: 'set' }>): this {
    switch (quoting) {
      case 'bare':
        return this.setBare(name, value);
      case 'quoted':
        return this.setQuoted(name, value);
      case 'list':
        if (quotingOf(value) !== 'list') throw unwritable(value);
        checked(value.replaceAll('"', ''));
        return this.#add(`SET ${settingName(name)} ${value}`);
      case 'broken':
        throw unwritable(value);
    }
  }

  #add(line: string): this {
    this.#lines.push(line);
    return this;
  }
}

/** A quote or a line end in a value would let it write statements of its own. */
function checked(text: string): string {
  if (/^[\x20-\x21\x23-\x7e]*$/.test(text)) return text;
  throw unwritable(text);
}

function word(text: string): string {
  if (/^[\x21\x23-\x7e]+$/.test(text)) return text;
  throw unwritable(text);
}

function settingName(text: string): string {
  if (/^[A-Za-z0-9_]+$/.test(text)) return text;
  throw unwritable(text);
}

function unwritable(text: string): RingdownError {
  return new RingdownError(
    'PHONES_VALUE_NOT_WRITABLE',
    `${JSON.stringify(text.slice(0, 80))} cannot stand in a settings file`,
    'Use printable ASCII without a double quote.',
  );
}
