import t from 'tap';
import {
  type LineContent,
  MAX_FILE_CHARACTERS,
  MAX_FILE_LINES,
  printSettings,
  readSettings,
} from '../../../firmware/phones/language/reader.ts';
import type { Quoting, Statement } from '../../../firmware/phones/language/statement.ts';

function contents(input: string | Uint8Array): readonly LineContent[] {
  return readSettings(input).lines.map(({ content }) => content);
}

interface StatementCase {
  readonly title: string;
  readonly source: string;
  readonly expected: Statement;
}

function set(name: string, value: string, quoting: Quoting): Statement {
  return { kind: 'set', name, value, quoting };
}

const STATEMENTS: readonly StatementCase[] = [
  { title: 'a value', source: 'SET A 1', expected: set('A', '1', 'bare') },
  { title: 'several spaces', source: 'SET  A   1', expected: set('A', '1', 'bare') },
  { title: 'spaces at the end', source: 'SET A 1 \t ', expected: set('A', '1', 'bare') },
  { title: 'quotes', source: 'SET A "x, y"', expected: set('A', 'x, y', 'quoted') },
  { title: 'spaces within quotes', source: 'SET A " x " ', expected: set('A', ' x ', 'quoted') },
  { title: 'an explicit empty value', source: 'SET A " "', expected: set('A', ' ', 'quoted') },
  { title: 'nothing in quotes', source: 'SET A ""', expected: set('A', '', 'quoted') },
  { title: 'a list of quoted values', source: 'SET A "911","9911"', expected: set('A', '"911","9911"', 'list') },
  { title: 'a bare comma list', source: 'SET A 1,2,9', expected: set('A', '1,2,9', 'bare') },
  { title: 'a bare value with spaces', source: 'SET A x y', expected: set('A', 'x y', 'bare') },
  { title: 'a transport', source: 'SET A h:5060;transport=tcp', expected: set('A', 'h:5060;transport=tcp', 'bare') },
  { title: 'an open quote', source: 'SET A "x', expected: set('A', '"x', 'broken') },
  { title: 'a quote within', source: 'SET A x"y"', expected: set('A', 'x"y"', 'broken') },
  { title: 'three quotes', source: 'SET A "x"y"', expected: set('A', '"x"y"', 'broken') },
  { title: 'a list with a space', source: 'SET A "1", "2"', expected: set('A', '"1", "2"', 'broken') },
  {
    title: 'half a UTF-8 character at the end',
    source: 'SET A \u00c3\u00a0',
    expected: set('A', '\u00c3\u00a0', 'bare'),
  },
  {
    title: 'a condition',
    source: 'IF $MODEL4 SEQ acw GOTO X',
    expected: { kind: 'if', left: '$MODEL4', right: 'acw', tag: 'X' },
  },
  {
    title: 'a condition between strings',
    source: 'IF x$GROUP  SEQ x2 GOTO  X ',
    expected: { kind: 'if', left: 'x$GROUP', right: 'x2', tag: 'X' },
  },
  { title: 'a jump', source: 'GOTO X-1', expected: { kind: 'goto', tag: 'X-1' } },
  { title: 'a tag', source: '# X', expected: { kind: 'tag', tag: 'X' } },
  { title: 'a tag with spaces at the end', source: '# X  ', expected: { kind: 'tag', tag: 'X' } },
  { title: 'a file', source: 'GET $MACADDR.txt', expected: { kind: 'get', file: '$MACADDR.txt' } },
];

t.test('what begins as a statement and is one', async (t) => {
  for (const { title, source, expected } of STATEMENTS) {
    for (const ending of ['', '\n', '\r\n']) {
      t.strictSame(contents(source + ending), [{ kind: 'statement', statement: expected }], title);
    }
  }
});

t.test('everything else is a comment', async (t) => {
  const comments = [
    '##SET A 1',
    '## SET A 1',
    '# SET A 1',
    '#SET A 1',
    '#X',
    '#  X',
    '# ',
    ' SET A 1',
    'set A 1',
    'SETA 1',
    'SET',
    'SET\tA 1',
    'SNE $A B GOTO C',
    '"x"',
    '\u00ef\u00bb\u00bfSET A 1',
    '...',
  ];
  for (const line of comments) t.strictSame(contents(line), [{ kind: 'comment' }], JSON.stringify(line));
  for (const line of ['', ' ', '\t', '\r'])
    t.strictSame(contents(`${line}\n`), [{ kind: 'blank' }], JSON.stringify(line));
});

t.test('a live line that is no statement says why', async (t) => {
  const invalid: readonly (readonly [line: string, reason: RegExp])[] = [
    ['SET ', /wants a name/],
    ['SET A', /A has no value/],
    ['SET A-B 1', /wants a name of letters/],
    ['IF ', /wants IF/],
    ['IF $MODEL4 SNE acw GOTO X', /SEQ alone/],
    ['IF $MODEL4 SEQ acw', /wants IF/],
    ['IF $MODEL4 SEQ "a b" GOTO X', /wants IF/],
    ['GOTO ', /one tag/],
    ['GOTO X Y', /one tag/],
    ['GET ', /one file/],
    ['GET a b', /one file/],
  ];
  for (const [line, reason] of invalid) {
    const [content] = contents(line);
    t.equal(content?.kind, 'invalid', line);
    t.match(content, { reason }, line);
  }
});

t.test('a quoted value on the line after its SET', async (t) => {
  t.strictSame(contents('SET OBSCURE_PREFERENCES \r\n"A,B" \r\n"C"\r\n'), [
    { kind: 'statement', statement: set('OBSCURE_PREFERENCES', 'A,B', 'quoted') },
    { kind: 'value' },
    { kind: 'comment' },
  ]);
  t.strictSame(
    contents('SET A 1\n"x"').map(({ kind }) => kind),
    ['statement', 'comment'],
    'one that has a value takes no other',
  );
  t.strictSame(
    contents('SET A\nx').map(({ kind }) => kind),
    ['invalid', 'comment'],
    'only a quoted one',
  );
});

t.test('each line knows its place and its ending', async (t) => {
  const text = readSettings('SET A 1\r\n\n# X\r\r\nGOTO X');
  t.strictSame(
    text.lines.map(({ number, offset, source, ending }) => ({ number, offset, source, ending })),
    [
      { number: 1, offset: 0, source: 'SET A 1', ending: '\r\n' },
      { number: 2, offset: 9, source: '', ending: '\n' },
      { number: 3, offset: 10, source: '# X\r', ending: '\r\n' },
      { number: 4, offset: 16, source: 'GOTO X', ending: '' },
    ],
  );
  t.strictSame([...text.tags], [['X', [2]]]);
  t.strictSame(readSettings('').lines, []);
  t.equal(readSettings('\n').lines.length, 1);
});

t.test('bytes are read as latin1, and none is lost', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
  t.strictSame(Buffer.from(printSettings(readSettings(bytes)), 'latin1'), bytes);
  const line = Buffer.from([...Buffer.from('SET A '), 0xff, 0xc3, 0xa0, 0x0a]);
  t.strictSame(contents(line), [{ kind: 'statement', statement: set('A', '\u00ff\u00c3\u00a0', 'bare') }]);
  t.strictSame(contents(new Uint8Array(line)), contents(line));
});

t.test('what is too long is refused, what is just not is read', async (t) => {
  const tooLong = { code: 'PHONES_SETTINGS_TOO_LONG' };
  t.throws(() => readSettings('x'.repeat(MAX_FILE_CHARACTERS + 1)), tooLong);
  t.throws(() => readSettings(Buffer.alloc(10_000_000)), tooLong);
  t.throws(() => readSettings('\n'.repeat(MAX_FILE_LINES + 1)), tooLong);
  t.equal(readSettings('\n'.repeat(MAX_FILE_LINES)).lines.length, MAX_FILE_LINES);
  t.equal(readSettings('x'.repeat(MAX_FILE_CHARACTERS)).lines.length, 1);
});

t.test('lines made to take long are read all the same', async (t) => {
  const spaces = ' '.repeat(500_000);
  t.strictSame(contents(`SET A${spaces}x\u2028y`), [{ kind: 'statement', statement: set('A', 'x\u2028y', 'bare') }]);
  t.equal(contents(`IF ${'$'.repeat(500_000)} SEQ`)[0]?.kind, 'invalid');
  t.equal(contents(`IF${spaces}x${spaces}`)[0]?.kind, 'invalid');
  t.equal(contents(`SET A "x"${',"x"'.repeat(400_000)}y`)[0]?.kind, 'statement');
  t.equal(contents(`# ${spaces}`)[0]?.kind, 'comment');
  t.equal(contents('SET A\n"'.repeat(200_000)).length, 200_001);
});
