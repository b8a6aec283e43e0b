import { UsageError } from '../core/errors.ts';

/**
 * Splits a command line into words: blanks part them, single or double quotes keep blanks, a backslash keeps the next
 * character (not inside single quotes). Throws CONSOLE_OPEN_QUOTE when a quote does not end.
 */
export function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i);
    if (character === '\\' && quote !== "'" && i + 1 < line.length) {
      i += 1;
      word = (word ?? '') + line.charAt(i);
    } else if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== undefined) throw new UsageError('CONSOLE_OPEN_QUOTE', `The quote ${quote} is not closed`, 'Close it.');
  if (word !== undefined) words.push(word);
  return words;
}
