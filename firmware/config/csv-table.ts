import type { CsvError, Info, Options } from 'csv-parse/sync';
import { UsageError } from '../core/errors.ts';

/** Characters, and rows without the header: more than any box has users. */
export const MAX_CSV_CHARACTERS = 1024 * 1024;
export const MAX_CSV_ROWS = 1000;

/** Of one row: an unbalanced quote must not swallow the file. */
const MAX_ROW_CHARACTERS = 8192;

const MAX_SHOWN_CHARACTERS = 40;

export interface CsvOptions {
  /** One character, a comma unless given. */
  readonly separator?: string;
  /** One character, written twice for itself; a double quote unless given, none where empty. */
  readonly quote?: string;
}

export type CsvRow<Column extends string> = {
  /** Where the row begins in the file, from 1. */
  readonly line: number;
} & (
  | { readonly kind: 'cells'; readonly cells: ReadonlyMap<Column, string> }
  /** Continues "the row". */
  | { readonly kind: 'broken'; readonly problem: string }
);

export interface CsvTable<Column extends string> {
  /** Those that the header names. */
  readonly columns: readonly Column[];
  readonly rows: readonly CsvRow<Column>[];
}

/**
 * A table with a header (RFC 4180): columns by name, in any order and whichever case; cells without blanks around them,
 * empty ones left out; rows without a single value passed over. Throws UsageError CONFIG_CSV_TOO_LONG, CONFIG_CSV_INVALID
 * with the line, CONFIG_CSV_COLUMNS, CONFIG_CSV_OPTION.
 */
export async function readCsv<Column extends string>(
  text: string,
  columns: readonly Column[],
  { separator = ',', quote = '"' }: CsvOptions,
): Promise<CsvTable<Column>> {
  if (text.length > MAX_CSV_CHARACTERS) throw tooLong();
  checkCharacter('separator', separator);
  if (quote !== '') checkCharacter('quote', quote);
  if (separator === quote) throw badOption('quote', quote);
  const [header, ...records] = await parse(text, separator, quote);
  if (header === undefined) {
    throw new UsageError('CONFIG_CSV_COLUMNS', 'the file is empty', 'Its first line must name the columns.');
  }
  if (records.length > MAX_CSV_ROWS) throw tooLong();
  const names = readHeader(header.record, columns);
  return { columns: names, rows: records.map(({ line, record }) => readRow(line, record, names)) };
}

interface CsvRecord {
  readonly line: number;
  readonly record: readonly string[];
}

async function parse(text: string, delimiter: string, quote: string): Promise<readonly CsvRecord[]> {
  const csv = await import('csv-parse/sync');
  const options: Options = {
    bom: true,
    delimiter,
    quote: quote === '' ? false : quote,
    escape: quote === '' ? false : quote,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    info: true,
    max_record_size: MAX_ROW_CHARACTERS,
    // One more than is allowed says that it is too many.
    to: MAX_CSV_ROWS + 2,
  };
  try {
    // With `info` there is an object around each record, which the types of the package do not say.
    const found: readonly unknown[] = csv.parse(text, options);
    return (found as readonly { readonly info: Info; readonly record: readonly string[] }[]).map(({ info, record }) => {
      const lineEnds = record.join('').match(/\r\n|\r|\n/g)?.length ?? 0;
      return { line: info.lines - lineEnds, record };
    });
  } catch (error) {
    if (error instanceof csv.CsvError) throw invalid(error);
    throw error;
  }
}

function readHeader<Column extends string>(header: readonly string[], columns: readonly Column[]): readonly Column[] {
  const names = header.map((name) => name.trim().toLowerCase());
  const known = names.flatMap((name) => columns.find((column) => column === name) ?? []);
  const unknown = names.filter((name) => !columns.some((column) => column === name));
  if (unknown.length > 0) {
    throw new UsageError(
      'CONFIG_CSV_COLUMNS',
      `the first line names columns that there are not: ${unknown.slice(0, 10).map(showCell).join(', ')}`,
      `There are: ${columns.join(', ')}. If the file has another separator, give it with --separator.`,
    );
  }
  const twice = known.find((name, index) => known.indexOf(name) !== index);
  if (twice === undefined) return known;
  throw new UsageError('CONFIG_CSV_COLUMNS', `the first line names the column ${twice} twice`, 'Remove one of them.');
}

function readRow<Column extends string>(
  line: number,
  record: readonly string[],
  names: readonly Column[],
): CsvRow<Column> {
  const values = record.map((cell) => cell.trim());
  // Spreadsheets leave separators behind the last column.
  while (values.length > names.length && values.at(-1) === '') values.pop();
  if (values.length !== names.length) {
    const problem = `has ${values.length} values where the first line names ${names.length} columns`;
    return { line, kind: 'broken', problem };
  }
  const cells = names.map((name, index) => [name, values[index] ?? ''] as const).filter(([, value]) => value !== '');
  return { line, kind: 'cells', cells: new Map(cells) };
}

/** For people: quoted, bounded, and printable. */
export function showCell(value: string): string {
  const short = value.length > MAX_SHOWN_CHARACTERS ? `${value.slice(0, MAX_SHOWN_CHARACTERS)}…` : value;
  return `"${printable(short)}"`;
}

/** Without what turns a terminal around. */
export function printable(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

function checkCharacter(option: string, character: string): void {
  if (character.length !== 1 || /[\s\w]/.test(character.replace('\t', ''))) throw badOption(option, character);
}

function badOption(option: string, character: string): UsageError {
  return new UsageError(
    'CONFIG_CSV_OPTION',
    `the ${option} ${showCell(character)} cannot be used`,
    'Give one character that is no letter, digit or blank (a tab may separate), and another for each.',
  );
}

function tooLong(): UsageError {
  return new UsageError(
    'CONFIG_CSV_TOO_LONG',
    `the file is longer than ${MAX_CSV_ROWS} rows or ${MAX_CSV_CHARACTERS / 1024} KiB`,
    'Import it in parts, each with the header.',
  );
}

const MISTAKES: Readonly<Partial<Record<CsvError['code'], string>>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote opens and is never closed',
  INVALID_OPENING_QUOTE: 'a quote stands within a value',
  CSV_INVALID_CLOSING_QUOTE: 'something follows a closing quote',
  CSV_MAX_RECORD_SIZE: `a row is longer than ${MAX_ROW_CHARACTERS} characters, as when a quote is not closed`,
};

function invalid(error: CsvError): UsageError {
  const line = typeof error.lines === 'number' ? `line ${error.lines}: ` : '';
  return new UsageError(
    'CONFIG_CSV_INVALID',
    `${line}${MISTAKES[error.code] ?? 'this is no table of values'}`,
    'A value with a separator, a line end or a quote goes into quotes, and a quote within is written twice.',
    { cause: error },
  );
}
