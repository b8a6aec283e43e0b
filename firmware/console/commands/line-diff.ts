/** Lines of context around a change, as diff -u has them. */
const CONTEXT = 3;
/** Lines that differ, beyond which the rest counts as replaced: the search costs their square. */
const MAX_EDITS = 1500;

/** One line of both texts, of the old one alone, or of the new one alone. */
interface Line {
  readonly kind: ' ' | '-' | '+';
  readonly text: string;
}

/** From one text to another as `diff -u` writes it; empty where they have the same lines. Line ends do not count. */
export function unifiedDiff(before: string, after: string, names: readonly [before: string, after: string]): string {
  const lines = compare(linesOf(before), linesOf(after));
  if (lines.every(({ kind }) => kind === ' ')) return '';
  const hunks = hunksOf(lines).map(([from, to]) => formatHunk(lines, from, to));
  return [`--- ${names[0]}\n`, `+++ ${names[1]}\n`, ...hunks].join('');
}

function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  const same = (lines: readonly string[]): readonly Line[] => lines.map((text) => ({ kind: ' ', text }));
  return [
    ...same(before.slice(0, start)),
    ...shortestEdit(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ];
}

/**
 * Myers, "An O(ND) difference algorithm and its variations" (1986): `furthest[k]` is how far the old text is reached on
 * the diagonal k with so many edits.
 */
function shortestEdit(before: readonly string[], after: readonly string[]): readonly Line[] {
  const most = Math.min(before.length + after.length, MAX_EDITS);
  const furthest = new Int32Array(2 * most + 3);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(furthest.slice(most + 1 - edits - 1, most + 1 + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const [left, right] = [furthest[most + k] ?? 0, furthest[most + k + 2] ?? 0];
      let x = k === -edits || (k !== edits && left < right) ? right : left + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x += 1;
      furthest[most + 1 + k] = x;
      if (x >= before.length && x - k >= after.length) return backtrack(before, after, trace);
    }
  }
  return [...before.map((text): Line => ({ kind: '-', text })), ...after.map((text): Line => ({ kind: '+', text }))];
}

function backtrack(before: readonly string[], after: readonly string[], trace: readonly Int32Array[]): readonly Line[] {
  const lines: Line[] = [];
  let x = before.length;
  let y = after.length;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const at = (k: number): number => trace[edits]?.[k + edits + 1] ?? 0;
    const k = x - y;
    const isInsertion = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
    const fromK = isInsertion ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : at(fromK);
    const fromY = edits === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      lines.push({ kind: ' ', text: before[x] ?? '' });
    }
    if (edits === 0) break;
    lines.push(isInsertion ? { kind: '+', text: after[fromY] ?? '' } : { kind: '-', text: before[fromX] ?? '' });
    x = fromX;
    y = fromY;
  }
  return lines.reverse();
}

/** From where to where, the end not included; changes whose context touches share one. */
function hunksOf(lines: readonly Line[]): readonly (readonly [from: number, to: number])[] {
  const hunks: [number, number][] = [];
  for (const [index, { kind }] of lines.entries()) {
    if (kind === ' ') continue;
    const last = hunks.at(-1);
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(lines.length, index + 1 + CONTEXT);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  }
  return hunks;
}

function formatHunk(lines: readonly Line[], from: number, to: number): string {
  const count = (part: readonly Line[], other: Line['kind']): number =>
    part.filter(({ kind }) => kind !== other).length;
  const range = (other: Line['kind']): string => {
    const length = count(lines.slice(from, to), other);
    const first = count(lines.slice(0, from), other) + (length === 0 ? 0 : 1);
    return length === 1 ? `${first}` : `${first},${length}`;
  };
  const text = lines.slice(from, to).map((line) => `${line.kind}${line.text}\n`);
  return `@@ -${range('+')} +${range('-')} @@\n${text.join('')}`;
}
