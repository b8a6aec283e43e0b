/**
 * The codecs against a folder of the recommendations' test sequences, which are copyrighted and not in the repository:
 *
 *   node test/media/vectors.ts FOLDER        what is bit exact, by file
 *
 * README.md says which files are known by their names.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;

interface Comparison {
  readonly codec: string;
  readonly input: string;
  readonly expected: string;
  /** Arguments of media-check. */
  readonly args: readonly string[];
  /** Bytes as they are, not words of 16 bits, on either side. */
  readonly bytes: { readonly input: boolean; readonly expected: boolean };
}

export interface Outcome extends Comparison {
  readonly words: number;
  /** Words that differ or are missing. */
  readonly wrong: number;
}

const WORDS = { input: false, expected: false };

/** What follows from the name of an input: which outputs there may be, and how they are made. */
function comparisonsOf(input: string): readonly Omit<Comparison, 'input'>[] {
  const stem = basename(input, extname(input)).toLowerCase();
  switch (extname(input).toLowerCase()) {
    case '.xmt': {
      // T1C1.XMT is encoded to T2R1.COD; the binary editions of the files begin with a B.
      const expected = `${stem.replace(/t1c(\d)$/, 't2r$1')}.cod`;
      return [{ codec: 'G.722', expected, args: ['words', 'g722-encode'], bytes: WORDS }];
    }
    case '.cod': {
      // T2R1.COD and T1D3.COD are decoded to T3L1.RC1 and so on.
      const number = stem.at(-1) ?? '';
      const prefix = stem.startsWith('b') ? 'b' : '';
      const low = [1, 2, 3].map((mode) => ({
        codec: 'G.722',
        expected: `${prefix}t3l${number}.rc${mode}`,
        args: ['words', `g722-low${mode}`],
        bytes: WORDS,
      }));
      return [
        ...low,
        { codec: 'G.722', expected: `${prefix}t3h${number}.rc0`, args: ['words', 'g722-high'], bytes: WORDS },
      ];
    }
    case '.bit':
      return ['.pst', '.out'].map((extension) => ({
        codec: 'G.729',
        expected: stem + extension,
        args: ['words', 'g729-decode'],
        bytes: WORDS,
      }));
    case '.in':
    case '.bin': {
      const kind = extname(input).toLowerCase() === '.in' ? 'g729-encode' : 'g729b-encode';
      return [{ codec: 'G.729', expected: `${stem}.bit`, args: ['words', kind], bytes: WORDS }];
    }
    case '.src':
      return [
        { codec: 'G.711', expected: `${stem}.a`, args: ['encode', 'pcma'], bytes: { input: false, expected: true } },
        { codec: 'G.711', expected: `${stem}.u`, args: ['encode', 'pcmu'], bytes: { input: false, expected: true } },
      ];
    case '.a':
      return [
        { codec: 'G.711', expected: `${stem}.a-a`, args: ['decode', 'pcma'], bytes: { input: true, expected: false } },
      ];
    case '.u':
      return [
        { codec: 'G.711', expected: `${stem}.u-u`, args: ['decode', 'pcmu'], bytes: { input: true, expected: false } },
      ];
    default:
      return [];
  }
}

/** A file as words of this machine: written in hexadecimal, or binary in either byte order. */
function wordsOf(path: string): Buffer {
  const bytes = readFileSync(path);
  const text = bytes.every((byte) => byte < 0x80) ? bytes.toString('latin1') : '';
  if (/^[\dA-Fa-f]{64}/m.test(text)) {
    // A line has 16 words of 4 digits, and may have their sum behind them.
    const lines = text.match(/^[\dA-Fa-f]{64}/gm) ?? [];
    return Buffer.from(lines.join(''), 'hex').swap16();
  }
  const even = bytes.subarray(0, bytes.length & ~1);
  // The serial bits of G.729 tell their byte order themselves.
  return even.length >= 2 && [0x216b, 0x206b].includes(even.readUInt16LE(0)) ? Buffer.from(even).swap16() : even;
}

async function compare(folder: string, comparison: Comparison): Promise<Outcome> {
  const read = (name: string, bytes: boolean): Buffer =>
    bytes ? readFileSync(join(folder, name)) : wordsOf(join(folder, name));
  const expected = read(comparison.expected, comparison.bytes.expected);
  const made = await outputOf(check, comparison.args, read(comparison.input, comparison.bytes.input));
  const size = comparison.bytes.expected ? 1 : 2;
  const words = Math.ceil(expected.length / size);
  let wrong = 0;
  for (let index = 0; index < words; index += 1) {
    const [want, have] = [expected, made].map((bytes) => bytes.subarray(index * size, (index + 1) * size));
    // G.722: while a coder is reset, what it says means nothing.
    if (comparison.codec === 'G.722' && ((want?.[0] ?? 0) & 1) === 1) continue;
    if (want === undefined || have === undefined || !want.equals(have)) wrong += 1;
  }
  return { ...comparison, words, wrong };
}

/** Every sequence in `folder` of which both ends are there. */
export async function runVectors(folder: string): Promise<readonly Outcome[]> {
  const names = readdirSync(folder).sort();
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  const outcomes: Outcome[] = [];
  for (const input of names) {
    for (const comparison of comparisonsOf(input)) {
      const expected = byLowerCase.get(comparison.expected);
      if (expected !== undefined) outcomes.push(await compare(folder, { ...comparison, input, expected }));
    }
  }
  return outcomes;
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined || folder === '') {
    process.stderr.write('usage: make test-vectors DIR=FOLDER\n');
    process.exit(2);
  }
  const outcomes = await runVectors(folder);
  for (const { codec, input, expected, words, wrong } of outcomes) {
    const found = wrong === 0 ? 'bit exact' : `${wrong} of ${words} words differ`;
    process.stdout.write(`${codec}  ${input} -> ${expected}: ${found}\n`);
  }
  const exact = outcomes.filter(({ wrong }) => wrong === 0).length;
  process.stdout.write(`${exact} of ${outcomes.length} are bit exact\n`);
  process.exit(exact === outcomes.length && exact > 0 ? 0 : 1);
}
