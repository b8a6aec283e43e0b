import t from 'tap';
import { splitWords } from '../../firmware/console/words.ts';

const CASES: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['', []],
  ['   ', []],
  ['status', ['status']],
  ['  extension\tlist ', ['extension', 'list']],
  ['extension add 201 --name "Front desk"', ['extension', 'add', '201', '--name', 'Front desk']],
  ["a 'b \"c' d", ['a', 'b "c', 'd']],
  ['a "" b', ['a', '', 'b']],
  ['a\\ b "c\\"d"', ['a b', 'c"d']],
  ['tail\\', ['tail\\']],
];

for (const [line, words] of CASES) {
  t.test(`splits ${JSON.stringify(line)}`, async (t) => t.same(splitWords(line), words));
}

t.test('an open quote is refused', async (t) => {
  t.throws(() => splitWords('extension add "Front'), { code: 'CONSOLE_OPEN_QUOTE' });
});
