import t from 'tap';
import { unifiedDiff } from '../../../firmware/console/commands/line-diff.ts';

const NAMES = ['old', 'new'] as const;
const lines = (...texts: readonly (string | number)[]): string => texts.map((text) => `${text}\n`).join('');
const numbers = (from: number, to: number): string =>
  lines(...Array.from({ length: to - from + 1 }, (_, i) => from + i));

const CASES: readonly (readonly [what: string, before: string, after: string])[] = [
  ['a change', lines('a', 'b', 'c'), lines('a', 'x', 'c')],
  ['an insertion at the start', lines('b'), lines('a', 'b')],
  ['an insertion at the end', lines('a'), lines('a', 'b')],
  ['everything new', '', lines('a', 'b')],
  ['everything gone', lines('a', 'b'), ''],
  ['nothing in common', numbers(1, 20), numbers(101, 130)],
  ['two hunks', numbers(1, 40), numbers(1, 4) + lines('x') + numbers(6, 30) + numbers(32, 40)],
  ['hunks that touch', numbers(1, 20), numbers(1, 4) + lines('x') + numbers(6, 10) + lines('y') + numbers(12, 20)],
  ['lines that repeat', lines('a', 'a', 'b', 'a', 'a', 'c'), lines('a', 'b', 'a', 'c', 'c', 'a')],
  ['the classic', lines(...'ABCABBA'), lines(...'CBABAC')],
];

/** Applies it as patch does, and holds it to its line numbers. */
function applied(before: string, difference: string): string {
  const old = before.split('\n').slice(0, -1);
  const result: string[] = [];
  let position = 0;
  for (const line of difference.split('\n').slice(2, -1)) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[1]) - (hunk[2] === '0' ? 0 : 1);
      while (position < start) result.push(old[position++] ?? '?');
      if (result.length !== Number(hunk[3]) - (hunk[4] === '0' ? 0 : 1)) throw new Error(`${line}: a wrong number`);
    } else if (line.startsWith('+')) result.push(line.slice(1));
    else if (old[position++] !== line.slice(1)) throw new Error(`${line}: not there`);
    else if (line.startsWith(' ')) result.push(line.slice(1));
  }
  return [...result, ...old.slice(position)].map((line) => `${line}\n`).join('');
}

t.test('it says how to come from one text to the other', async (t) => {
  for (const [what, before, after] of CASES) {
    t.equal(applied(before, unifiedDiff(before, after, NAMES)), after, what);
    t.equal(unifiedDiff(before, before, NAMES), '', what);
  }
  t.equal(unifiedDiff('a\r\nb\r\n', 'a\nb', NAMES), '', 'line ends do not count');
  t.equal(
    unifiedDiff(numbers(1, 9), `${numbers(1, 4)}x\n${numbers(6, 9)}`, NAMES),
    '--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n',
  );
});

t.test('random texts, and texts that have nothing in common, come out right', async (t) => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const text = (): string => lines(...Array.from({ length: random(60) }, () => random(6)));
  for (let round = 0; round < 300; round += 1) {
    const [before, after] = [text(), text()];
    if (applied(before, unifiedDiff(before, after, NAMES)) !== after) t.fail(JSON.stringify({ before, after }));
  }
  const [long, other] = [numbers(1, 20_000), numbers(100_001, 120_000)];
  t.equal(applied(long, unifiedDiff(long, other, NAMES)), other);
});
