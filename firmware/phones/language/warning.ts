/** `README.md` says what each means and what a client does with such a line. */
export type WarningCode =
  | 'address-mode'
  | 'bad-quoting'
  | 'duplicate'
  | 'duplicate-tag'
  | 'file-already-read'
  | 'file-not-readable'
  | 'invalid-statement'
  | 'line-too-long'
  | 'loop'
  | 'more-warnings'
  | 'not-ascii'
  | 'not-checked'
  | 'secret'
  | 'split-value'
  | 'too-many-files'
  | 'unknown-tag'
  | 'unknown-variable'
  | 'unquoted-value'
  | 'unreached-section'
  | 'unsupported-condition'
  | 'variable-not-given';

/** Something in a file that a client would silently pass over, or that does not do what it seems to. */
export interface Warning {
  readonly file: string;
  readonly line: number;
  readonly code: WarningCode;
  readonly text: string;
}

/** A file of nonsense must not make an endless answer. */
export const MAX_WARNINGS = 500;

/** Collects warnings: one of a kind for a line, and no more than MAX_WARNINGS with the last one saying so. */
export class WarningList {
  readonly #warnings = new Map<string, Warning>();

  add(file: string, line: number, code: WarningCode, text: string): void {
    this.addAll([{ file, line, code, text }]);
  }

  addAll(warnings: Iterable<Warning>): void {
    for (const warning of warnings) {
      const { file, line, code } = warning;
      const key = `${line} ${code} ${file}`;
      if (this.#warnings.has(key)) continue;
      if (this.#warnings.size === MAX_WARNINGS) return;
      const isLast = this.#warnings.size === MAX_WARNINGS - 1;
      this.#warnings.set(
        key,
        isLast ? { file, line, code: 'more-warnings', text: 'more warnings are left out' } : warning,
      );
    }
  }

  /** In the order in which they were found. */
  list(): readonly Warning[] {
    return [...this.#warnings.values()];
  }
}

/** What a file says, as it may stand in a message: no longer than that, ASCII, and with nothing in it that a terminal acts on. */
export function quote(text: string, maxCharacters = 60): string {
  const shown = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}...` : text;
  return `"${shown.replaceAll(/[^\x20-\x7e]/g, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
