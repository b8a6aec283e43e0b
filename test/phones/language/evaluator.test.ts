import t from 'tap';
import { type ClientVariables, type Evaluation, evaluateSettings } from '../../firmware/phones/language/evaluator.ts';
import { readSettings } from '../../firmware/phones/language/reader.ts';
import { SettingsWriter } from '../../firmware/phones/language/writer.ts';

const WINDOWS: ClientVariables = { MODEL4: 'acw', GROUP: '0', MACADDR: '00aa11bb22cc' };

function evaluate(text: string, variables = WINDOWS): Evaluation {
  return evaluateSettings(readSettings(text), variables);
}

function values(text: string, variables = WINDOWS): Record<string, string> {
  return Object.fromEntries(evaluate(text, variables).settings.map(({ name, value }) => [name, value]));
}

interface Case {
  readonly title: string;
  readonly text: string;
  readonly expected: Readonly<Record<string, string>>;
  readonly warnings?: number;
}

const CASES: readonly Case[] = [
  { title: 'a value', text: 'SET A 1', expected: { A: '1' } },
  { title: 'CRLF and trailing spaces', text: 'SET A 1  \r\nSET B "x y" \r\n', expected: { A: '1', B: 'x y' } },
  { title: 'a quoted list stays as it is', text: 'SET A "911","9911"', expected: { A: '"911","9911"' } },
  { title: 'an explicit empty value', text: 'SET A " "', expected: { A: ' ' } },
  {
    title: 'a bare value with a semicolon',
    text: 'SET A h:5060;transport=tcp',
    expected: { A: 'h:5060;transport=tcp' },
  },
  { title: 'a value on the next line', text: 'SET A \n"x,y"\nSET B 1', expected: { A: 'x,y', B: '1' } },
  { title: 'no value', text: 'SET A\nSET B 1', expected: { B: '1' }, warnings: 1 },
  { title: 'the last one wins', text: 'SET A 1\nSET B 1\nSET A 2', expected: { B: '1', A: '2' } },
  { title: 'comments', text: '## SET A 1\n##SET B 1\n SET C 1\nset D 1\n# SET E 1\n#SET F 1', expected: {} },
  { title: 'a jump', text: 'GOTO X\nSET A 1\n# X\nSET B 1', expected: { B: '1' } },
  {
    title: 'a tag has exactly one space',
    text: 'GOTO X\n#  X\nSET A 1\n#X\nSET B 1\n# X\nSET C 1',
    expected: { C: '1' },
  },
  { title: 'a tag that is not there', text: 'SET A 1\nGOTO X\nSET B 1', expected: { A: '1' }, warnings: 1 },
  { title: 'a condition that holds', text: 'IF $MODEL4 SEQ acw GOTO X\nSET A 1\n# X\nSET B 1', expected: { B: '1' } },
  { title: 'one that does not', text: 'IF $MODEL4 SEQ aci GOTO X\nSET A 1\n# X', expected: { A: '1' } },
  { title: 'case counts', text: 'IF $MODEL4 SEQ ACW GOTO X\nSET A 1\n# X', expected: { A: '1' } },
  { title: 'an unknown variable', text: 'IF $NOWHERE SEQ $NOWHERE GOTO X\nSET A 1\n# X', expected: { A: '1' } },
  { title: 'a macro on the right', text: 'IF acw SEQ $MODEL4 GOTO X\nSET A 1\n# X', expected: {} },
  { title: 'there is no SNE', text: 'IF $MODEL4 SNE aci GOTO X\nSET A 1\n# X', expected: { A: '1' }, warnings: 1 },
  {
    title: 'a macro in a value',
    text: 'SET A "$MACADDR.txt"\nSET B $WHAT',
    expected: { A: '00aa11bb22cc.txt', B: '$WHAT' },
  },
  { title: 'no property of an object is a variable', text: 'SET A $constructor', expected: { A: '$constructor' } },
  { title: 'a loop', text: '# X\nSET A 1\nGOTO X\nSET B 1', expected: { A: '1' }, warnings: 1 },
  { title: 'of two tags the next one below', text: '# X\nGOTO X\nSET A 1\n# X\nSET B 1', expected: { B: '1' } },
  {
    title: 'a name that could reach a prototype',
    text: 'SET __proto__ 1',
    expected: Object.fromEntries([['__proto__', '1']]),
  },
  { title: 'no file at all', text: '', expected: {} },
];

t.test('a file is followed as a client follows it', async (t) => {
  for (const { title, text, expected, warnings = 0 } of CASES) {
    t.strictSame(values(text), expected, title);
    t.equal(evaluate(text).warnings.length, warnings, `${title}: warnings`);
  }
});

t.test('each setting knows its line and its section', async (t) => {
  const { settings, files, warnings } = evaluate('SET A 1\n# X\nSET B 1\nSET\nGET $MACADDR.txt\nSET C 1');
  t.strictSame(settings, [
    { name: 'A', value: '1', line: 1, section: '' },
    { name: 'B', value: '1', line: 3, section: 'X' },
    { name: 'C', value: '1', line: 6, section: 'X' },
  ]);
  t.strictSame(files, ['00aa11bb22cc.txt'], 'a file that is not there: the first one goes on');
  t.strictSame(warnings, []);
});

t.test('hostile files end soon', async (t) => {
  const jumps = Array.from({ length: 40_000 }, (_, index) => `GOTO T\n# T\nSET S${index} 1\n`).join('');
  t.equal(Object.keys(values(jumps)).length, 40_000, 'as many jumps as tags');
  const knot = Array.from({ length: 20_000 }, (_, index) => `# T${index}\nGOTO T${(index * 7919) % 20_000}\n`).join('');
  t.equal(evaluate(knot).warnings.length, 1, 'a knot of loops');
  t.equal(values(`SET A${' '.repeat(500_000)}x\u2028y`).A, 'x\u2028y', 'spaces without end');
  t.strictSame(values(`IF ${'$'.repeat(500_000)} SEQ`), {}, 'a condition without an end');
  t.strictSame(values('\0\ufffd\u001b[2J\nSET A 1'), { A: '1' }, 'bytes that are no text');
  t.throws(() => readSettings('x'.repeat(2_000_000)), { code: 'PHONES_SETTINGS_TOO_LONG' });
});

t.test('reading and following any text ends and does not throw', async (t) => {
  // A small generator with a fixed seed: the same texts each time.
  let state = 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const words = [
    'SET',
    'IF',
    'GOTO',
    'GET',
    '#',
    'SEQ',
    '$MODEL4',
    'acw',
    'X',
    'Y',
    '"',
    ' ',
    '\n',
    '\r\n',
    '\n',
    ',',
    '$',
  ];
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from(
      { length: random(80) },
      () => `${words[random(words.length)]}${random(3) === 0 ? '' : ' '}`,
    );
    evaluate(text.join(''));
  }
  t.pass('2000 texts');
});

t.test('what is written reads back', async (t) => {
  const text = new SettingsWriter()
    .comment('no tag')
    .set('A', 'x')
    .set('B', 'x,y z')
    .set('C', '')
    .setQuoted('D', 'x')
    .gotoForModels(['acw', 'aci'], 'T')
    .set('E', 1)
    .tag('T')
    .set('F', 2)
    .goto('T2')
    .tag('T2')
    .toString();
  t.strictSame(values(text), { A: 'x', B: 'x,y z', C: ' ', D: 'x', F: '2' });
  t.ok(text.endsWith('\n') && !text.includes('\r'));
});

t.test('a value that would break the line is refused', async (t) => {
  for (const value of ['x"\nSET EVIL 1', 'x\ny', 'x\ry', 'x"y', 'ä', '\0']) {
    t.throws(() => new SettingsWriter().set('A', value), { code: 'PHONES_VALUE_NOT_WRITABLE' });
    t.throws(() => new SettingsWriter().setQuoted('A', value), { code: 'PHONES_VALUE_NOT_WRITABLE' });
  }
  t.throws(() => new SettingsWriter().tag('two words'), { code: 'PHONES_VALUE_NOT_WRITABLE' });
});
