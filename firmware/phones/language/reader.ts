import { RingdownError } from '../../core/errors.ts';
import { quotingOf, type Statement } from './statement.ts';

/** Above the maker's own template with all its comments, about half of this; a larger file is no settings file. */
export const MAX_FILE_CHARACTERS = 2_097_152;
/** Bounds the memory that a file of line ends alone would take. */
export const MAX_FILE_LINES = 262_144;

/** What a line is to a client. `value` is a value that belongs to the SET on the line above. */
export type LineContent =
  | { readonly kind: 'statement'; readonly statement: Statement }
  | { readonly kind: 'value' }
  | { readonly kind: 'comment' }
  | { readonly kind: 'blank' }
  | { readonly kind: 'invalid'; readonly reason: string };

export interface SettingsLine {
  /** Counts from 1. */
  readonly number: number;
  /** Where it begins, in characters from the start of the file; of a file given as bytes, in bytes. */
  readonly offset: number;
  /** The line as it stands, without what ends it. */
  readonly source: string;
  /** Empty for a last line that nothing ends. A CR that no LF follows belongs to the line. */
  readonly ending: '\n' | '\r\n' | '';
  readonly content: LineContent;
}

/** A settings file, nothing of it lost. */
export interface SettingsText {
  readonly lines: readonly SettingsLine[];
  /** Where each tag stands, as indices into `lines`, in ascending order. */
  readonly tags: ReadonlyMap<string, readonly number[]>;
}

// One shape each, since a file has them by the thousand.
const COMMENT: LineContent = { kind: 'comment' };
const BLANK: LineContent = { kind: 'blank' };
const VALUE: LineContent = { kind: 'value' };

/** The value of OBSCURE_PREFERENCES stands on the next line in some copies. */
const SET_ALONE = /^SET +[A-Za-z0-9_]+[ \t\r]*$/;
const SET = /^SET +(?<name>[A-Za-z0-9_]+)(?: +(?<value>.*))?$/s;
const IF = /^IF +(?<left>[^ ]+) +(?<operator>[^ ]+) +(?<right>[^ ]+) +GOTO +(?<tag>[^ ]+)$/;
const GOTO = /^GOTO +(?<tag>[^ ]+)$/;
/** Exactly one space, and none after it: `# SET NAME value` is a comment. */
const TAG = /^# (?<tag>[^ ]+)$/;
const GET = /^GET +(?<file>[^ ]+)$/;

/**
 * Reads a settings file as the clients do: what does not begin as a statement is a comment, and a statement that is not
 * valid is passed over. CRLF, trailing spaces, bad bytes and a quoted value on the line after its SET are taken as they
 * occur in the field. Bytes are read as latin1, a character for each byte, so that none is lost whatever they are.
 * Throws RingdownError PHONES_SETTINGS_TOO_LONG above MAX_FILE_CHARACTERS or MAX_FILE_LINES, and nothing else.
 */
export function readSettings(input: string | Uint8Array): SettingsText {
  if (input.length > MAX_FILE_CHARACTERS) throw tooLong(`${MAX_FILE_CHARACTERS} characters`);
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('latin1');
  const lines: SettingsLine[] = [];
  const tags = new Map<string, number[]>();
  let isValue = false;
  for (let offset = 0, next = 0; offset < text.length; offset = next) {
    if (lines.length === MAX_FILE_LINES) throw tooLong(`${MAX_FILE_LINES} lines`);
    const feed = text.indexOf('\n', offset);
    next = feed === -1 ? text.length : feed + 1;
    const ending = feed === -1 ? '' : feed > offset && text[feed - 1] === '\r' ? '\r\n' : '\n';
    const source = text.slice(offset, next - ending.length);
    const valueBelow = text[next] === '"' && SET_ALONE.test(source) ? lineAt(text, next) : undefined;
    const content = isValue ? VALUE : readLine(source, valueBelow);
    isValue = valueBelow !== undefined;
    if (content.kind === 'statement' && content.statement.kind === 'tag') {
      addTag(tags, content.statement.tag, lines.length);
    }
    lines.push({ number: lines.length + 1, offset, source, ending, content });
  }
  return { lines, tags };
}

/** The text that was read, character for character. Of a file given as bytes: `Buffer.from(text, 'latin1')` gives them again. */
export function printSettings(text: SettingsText): string {
  return text.lines.map(({ source, ending }) => source + ending).join('');
}

/** `valueBelow`: the next line, where that is the value of a SET that has none in its own. */
function readLine(source: string, valueBelow: string | undefined): LineContent {
  const line = trimEnd(source);
  if (line === '') return BLANK;
  const statement = readStatement(source, line, valueBelow);
  if (statement === undefined) return COMMENT;
  return typeof statement === 'string' ? { kind: 'invalid', reason: statement } : { kind: 'statement', statement };
}

/** Text: why a live line is no statement. Undefined: a comment. */
function readStatement(source: string, line: string, valueBelow: string | undefined): Statement | string | undefined {
  switch (/^(?:SET|IF|GOTO|GET|#) /.exec(source)?.[0]) {
    case 'SET ':
      return readSet(line, valueBelow);
    case 'IF ':
      return readIf(line);
    case 'GOTO ':
      return readGoto(line);
    case 'GET ':
      return readGet(line);
    case '# ':
      return readTag(line);
    default:
      return undefined;
  }
}

function readSet(line: string, valueBelow: string | undefined): Statement | string {
  const { name, value = valueBelow } = SET.exec(line)?.groups ?? {};
  if (name === undefined) return 'SET wants a name of letters, digits and _, and a value';
  if (value === undefined) return `SET ${name} has no value`;
  const quoting = quotingOf(value);
  return { kind: 'set', name, value: quoting === 'quoted' ? value.slice(1, -1) : value, quoting };
}

function readIf(line: string): Statement | string {
  const { left, operator, right, tag } = IF.exec(line)?.groups ?? {};
  if (left === undefined || right === undefined || tag === undefined) return 'it wants IF $NAME SEQ value GOTO tag';
  return operator === 'SEQ' ? { kind: 'if', left, right, tag } : 'IF compares with SEQ alone';
}

function readGoto(line: string): Statement | string {
  const tag = GOTO.exec(line)?.groups?.tag;
  return tag === undefined ? 'GOTO wants one tag, without a space' : { kind: 'goto', tag };
}

function readGet(line: string): Statement | string {
  const file = GET.exec(line)?.groups?.file;
  return file === undefined ? 'GET wants one file name, without a space' : { kind: 'get', file };
}

function readTag(line: string): Statement | undefined {
  const tag = TAG.exec(line)?.groups?.tag;
  return tag === undefined ? undefined : { kind: 'tag', tag };
}

/** The line that begins there, as it is read. */
function lineAt(text: string, offset: number): string {
  const feed = text.indexOf('\n', offset);
  return trimEnd(text.slice(offset, feed === -1 ? text.length : feed));
}

/** Spaces, tabs and CRs only: to String.trimEnd the byte A0 is a space too, and may be half of a UTF-8 character. */
function trimEnd(line: string): string {
  let end = line.length;
  while (end > 0 && ' \t\r'.includes(line.charAt(end - 1))) end -= 1;
  return line.slice(0, end);
}

function addTag(tags: Map<string, number[]>, tag: string, index: number): void {
  const known = tags.get(tag);
  if (known === undefined) tags.set(tag, [index]);
  else known.push(index);
}

function tooLong(limit: string): RingdownError {
  return new RingdownError(
    'PHONES_SETTINGS_TOO_LONG',
    `a settings file has at most ${limit}`,
    'Give a settings file, not another kind of file.',
  );
}
