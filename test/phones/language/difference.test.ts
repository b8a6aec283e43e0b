import t from 'tap';
import {
  type DifferenceOptions,
  diffSettings,
  type SettingsDifference,
} from '../../../firmware/phones/language/difference.ts';
import { readSettings } from '../../../firmware/phones/language/reader.ts';
import { describeDifference } from '../../../firmware/phones/language/report.ts';

function diff(before: string, after: string, model = 'acw', options: DifferenceOptions = {}): SettingsDifference {
  return diffSettings(readSettings(before), readSettings(after), { MODEL4: model }, options);
}

interface Case {
  readonly title: string;
  readonly before: string;
  readonly after: string;
  readonly model?: string;
  readonly options?: DifferenceOptions;
  readonly expected: string;
}

const CASES: readonly Case[] = [
  { title: 'nothing', before: 'SET A 1', after: 'SET A 1', expected: '' },
  {
    title: 'other text, the same effect',
    before: 'SET A x\nSET B " "\nSET C 2',
    after: '## new\r\n# X\r\nSET C 1\r\nSET B " "\r\nSET C "2"\r\nSET A "x" \r\n',
    expected: '',
  },
  {
    title: 'all at once',
    before: 'SET A 1\nSET B "x y"\nSET C 1',
    after: 'SET C 2\n\nSET D 1\nSET A 1',
    expected: [
      '+ D "1" (46xxsettings.txt:3)',
      '- B "x y" (46xxsettings.txt:2)',
      '~ C "1" (46xxsettings.txt:3) is now "2" (46xxsettings.txt:1)',
      '',
    ].join('\n'),
  },
  {
    title: 'what another model reads makes no difference',
    before: 'IF $MODEL4 SEQ aci GOTO X\nGOTO END\n# X\nSET A 1\n# END',
    after: 'IF $MODEL4 SEQ aci GOTO X\nGOTO END\n# X\nSET A 2\n# END',
    expected: '',
  },
  {
    title: 'but to that model it does',
    before: 'IF $MODEL4 SEQ aci GOTO X\nGOTO END\n# X\nSET A 1\n# END',
    after: 'IF $MODEL4 SEQ aci GOTO X\nGOTO END\n# X\nSET A 2\n# END',
    model: 'aci',
    expected: '~ A "1" (46xxsettings.txt:4) is now "2" (46xxsettings.txt:4)\n',
  },
  {
    title: 'files that each of them gets',
    before: 'GET b',
    after: 'GET b',
    options: { before: { fetchFile: () => 'SET A 1' }, after: { file: 'new', fetchFile: () => 'SET A 2\u001b' } },
    expected: '~ A "1" (b:1) is now "2\\u001b" (b:1)\n',
  },
  {
    title: 'codecs in another order',
    before: 'SET ENABLE_G711A 1\nSET ENABLE_G722 1\nSET ENABLE_OPUS 0',
    after: 'SET ENABLE_OPUS 0\nSET ENABLE_G722 1\nSET ENABLE_G711A 1',
    expected: '~ codecs in order of preference: ENABLE_G711A, ENABLE_G722 are now ENABLE_G722, ENABLE_G711A\n',
  },
  {
    title: 'a codec more is no other order',
    before: 'SET ENABLE_G711A 1\nSET ENABLE_G722 0',
    after: 'SET ENABLE_G722 1\nSET ENABLE_G711A 1',
    expected: '~ ENABLE_G722 "0" (46xxsettings.txt:2) is now "1" (46xxsettings.txt:1)\n',
  },
];

t.test('by effect on one model', async (t) => {
  for (const { title, before, after, model, options, expected } of CASES) {
    t.equal(describeDifference(diff(before, after, model, options)), expected, title);
  }
});

t.test('both sides of a change are there whole', async (t) => {
  const { added, removed, changed, codecOrder } = diff('# X\nSET A 1\nSET B 1', 'SET A 2');
  t.strictSame(added, []);
  t.strictSame(
    removed.map(({ name }) => name),
    ['B'],
  );
  t.strictSame(changed, [
    {
      before: { name: 'A', value: '1', file: '46xxsettings.txt', line: 2, section: 'X', jumpCount: 0 },
      after: { name: 'A', value: '2', file: '46xxsettings.txt', line: 1, section: '', jumpCount: 0 },
    },
  ]);
  t.equal(codecOrder, undefined);
});
