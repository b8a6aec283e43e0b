/** Control and formatting characters, separators of lines, halves of surrogate pairs: what can steer or upset a terminal. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** On one line, with an escape (`\u{1b}`) for each character that a terminal would obey instead of showing it. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
