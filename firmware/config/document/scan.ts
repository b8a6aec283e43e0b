import { UsageError } from '../../core/errors.ts';

type Yaml = typeof import('yaml');

/** Characters. An export of everything that the tables can hold is a fraction of it; reading takes about a second a MiB. */
export const MAX_DOCUMENT_CHARACTERS = 8 * 1024 * 1024;

/** Of YAML's tokens, an escape counting as one. The library keeps an object for each, and for each mistake. */
const MAX_TOKENS = 1_000_000;

/** Brackets within brackets; the configuration itself is six levels deep. */
const MAX_BRACKETS = 32;

/** What a configuration has no use for and a trap may be made of; by the library's name of the token. */
const REFUSED: Readonly<Record<string, string>> = {
  tag: 'a tag (!…)',
  anchor: 'an anchor (&…)',
  alias: 'an alias (*…)',
  'directive-line': 'a directive (%…)',
  'doc-end': 'an end of a document (...)',
};

/** YAML 1.2.2 §5.1 allows no others; NUL and escape sequences among them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are looked for
const CONTROL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f]/;

/** The words of the library's lexer that stand for no text of the file: document, error in brackets, scalar follows. */
const NO_TEXT = new Set(['\x02', '\x18', '\x1f']);

/**
 * A first look at the tokens alone, so that nothing hostile is ever built up. Throws UsageError CONFIG_DOCUMENT_TOO_LONG,
 * CONFIG_DOCUMENT_NOT_TEXT, CONFIG_DOCUMENT_REFUSED.
 */
export function scanDocument(yaml: Yaml, text: string, fileName: string): void {
  if (text.length > MAX_DOCUMENT_CHARACTERS) throw tooLong(fileName);
  const strange = CONTROL_CHARACTER.exec(text);
  if (strange !== null) throw notText(fileName, lineAt(text, strange.index));
  const { Lexer, CST } = yaml;
  let line = 1;
  let tokens = 0;
  let brackets = 0;
  let isScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    tokens += 1 + (lexeme.startsWith('"') ? count(lexeme, '\\') : 0);
    if (tokens > MAX_TOKENS) throw tooLong(fileName);
    if (!isScalar) {
      const type = CST.tokenType(lexeme) ?? '';
      const refused = REFUSED[type];
      if (refused !== undefined) throw notAllowed(fileName, line, refused);
      if (type === 'flow-map-start' || type === 'flow-seq-start') brackets += 1;
      if (type === 'flow-map-end' || type === 'flow-seq-end') brackets -= 1;
      if (brackets > MAX_BRACKETS) throw notAllowed(fileName, line, `more than ${MAX_BRACKETS} brackets in brackets`);
    }
    isScalar = lexeme === '\x1f';
    if (!NO_TEXT.has(lexeme)) line += count(lexeme, '\n');
  }
}

/** From 1. */
function lineAt(text: string, index: number): number {
  return count(text.slice(0, index), '\n') + 1;
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found += 1;
  return found;
}

function tooLong(fileName: string): UsageError {
  return new UsageError(
    'CONFIG_DOCUMENT_TOO_LONG',
    `${fileName} is longer than any configuration can be`,
    `Give a file of at most ${MAX_DOCUMENT_CHARACTERS / 1024 / 1024} MiB, as ringdown config export writes it.`,
  );
}

function notText(fileName: string, line: number): UsageError {
  return new UsageError(
    'CONFIG_DOCUMENT_NOT_TEXT',
    `${fileName}:${line}: there is a control character`,
    'Give a text file in UTF-8; within double quotes such a character is written as \\x1b.',
  );
}

function notAllowed(fileName: string, line: number, what: string): UsageError {
  return new UsageError(
    'CONFIG_DOCUMENT_REFUSED',
    `${fileName}:${line}: ${what} has no place in a configuration`,
    'Write names and values alone; text that begins with such a character goes into double quotes.',
  );
}
