import { RingdownError } from '../../core/errors.ts';

/** Collects the lines of a settings file and refuses what would read back as something else. */
export class SettingsWriter {
  readonly #lines: string[] = [];

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

  /** One line for each model. */
  gotoForModels(models: readonly string[], tag: string): this {
    for (const model of models) this.#add(`IF $MODEL4 SEQ ${word(model)} GOTO ${word(tag)}`);
    return this;
  }

  /** The value is put into quotes where the language wants them: with a space or a comma, or when it is empty. */
  set(name: string, value: string | number): this {
    const text = checked(String(value));
    // Clients take a space for "empty"; they keep their old value when nothing stands there.
    if (text === '') return this.#add(`SET ${word(name)} " "`);
    return /[ ,]/.test(text) ? this.setQuoted(name, text) : this.#add(`SET ${word(name)} ${text}`);
  }

  /** For settings whose value stands in quotes whatever it is. */
  setQuoted(name: string, value: string): this {
    return this.#add(`SET ${word(name)} "${checked(value)}"`);
  }

  /** ASCII, one statement a line, each line ended by LF. */
  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
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

function unwritable(text: string): RingdownError {
  return new RingdownError(
    'PHONES_VALUE_NOT_WRITABLE',
    `${JSON.stringify(text.slice(0, 80))} cannot stand in a settings file`,
    'Use printable ASCII without a double quote.',
  );
}
