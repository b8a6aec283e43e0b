import t from 'tap';
import type { ClientVariables } from '../../../firmware/phones/language/client.ts';
import {
  type Evaluation,
  type EvaluationOptions,
  evaluateSettings,
  pathTo,
} from '../../../firmware/phones/language/evaluator.ts';
import { MAX_FILE_CHARACTERS, readSettings } from '../../../firmware/phones/language/reader.ts';
import { MAX_WARNINGS, type WarningCode } from '../../../firmware/phones/language/warning.ts';

const WINDOWS: ClientVariables = { MODEL4: 'acw', MACADDR: '00AA11bb22cc', SIG_IN_USE: 'SIP' };
const J179: ClientVariables = { ...WINDOWS, MODEL4: 'J179', MODEL: 'J179D03A', SERIALNO: '12WZ' };

function evaluate(text: string, variables = WINDOWS, options: EvaluationOptions = {}): Evaluation {
  return evaluateSettings(readSettings(text), variables, options);
}

function values({ settings }: Evaluation): Record<string, string> {
  return Object.fromEntries(settings.map(({ name, value }) => [name, value]));
}

/** Files by name, as a fetcher. */
function served(files: Readonly<Record<string, string>>): EvaluationOptions {
  return { fetchFile: (name) => (Object.hasOwn(files, name) ? files[name] : undefined) };
}

interface Case {
  readonly title: string;
  readonly text: string;
  readonly expected: Readonly<Record<string, string>>;
  readonly variables?: ClientVariables;
  readonly warnings?: readonly WarningCode[];
}

const LINES: readonly Case[] = [
  { title: 'a value', text: 'SET A 1', expected: { A: '1' } },
  { title: 'CRLF and trailing spaces', text: 'SET A 1  \r\nSET B "x y" \r\n', expected: { A: '1', B: 'x y' } },
  { title: 'a quoted list stays as it is', text: 'SET A "911","9911"', expected: { A: '"911","9911"' } },
  { title: 'an explicit empty value', text: 'SET A " "', expected: { A: ' ' } },
  { title: 'a transport', text: 'SET A h:5060;transport=tcp', expected: { A: 'h:5060;transport=tcp' } },
  { title: 'a bare list', text: 'SET A 1,2', expected: { A: '1,2' }, warnings: ['unquoted-value'] },
  { title: 'a bare space', text: 'SET A x y', expected: { A: 'x y' }, warnings: ['unquoted-value'] },
  { title: 'an open quote', text: 'SET A "x\nSET B 1', expected: { A: '"x', B: '1' }, warnings: ['bad-quoting'] },
  {
    title: 'a value on the next line',
    text: 'SET A \n"x,y"\nSET B 1',
    expected: { A: 'x,y', B: '1' },
    warnings: ['split-value'],
  },
  { title: 'no value', text: 'SET A\nSET B 1', expected: { B: '1' }, warnings: ['invalid-statement'] },
  {
    title: 'a value gone wrong keeps the one before',
    text: 'SET A 1\nSET A',
    expected: { A: '1' },
    warnings: ['invalid-statement'],
  },
  {
    title: 'the last one wins',
    text: 'SET A 1\nSET B 1\nSET A 2',
    expected: { B: '1', A: '2' },
    warnings: ['duplicate'],
  },
  { title: 'off the path it is no duplicate', text: 'SET A 1\nGOTO X\nSET A 2\n# X', expected: { A: '1' } },
  { title: 'comments', text: '## SET A 1\n##SET B 1\n SET C 1\nset D 1\n# SET E 1\n#SET F 1', expected: {} },
  {
    title: 'bad bytes',
    text: 'SET A \u00e4\n## \u00e4\n## \u00e4',
    expected: { A: '\u00e4' },
    warnings: ['not-ascii', 'not-ascii'],
  },
  {
    title: 'the longest real line and a longer one',
    text: `SET A ${'x'.repeat(356)}\n##${'x'.repeat(1023)}`,
    expected: { A: 'x'.repeat(356) },
    warnings: ['line-too-long'],
  },
  {
    title: 'a name that could reach a prototype',
    text: 'SET __proto__ 1',
    expected: Object.fromEntries([['__proto__', '1']]),
  },
  { title: 'no file at all', text: '', expected: {} },
];

const JUMPS: readonly Case[] = [
  { title: 'a jump', text: 'GOTO X\nSET A 1\n# X\nSET B 1', expected: { B: '1' } },
  {
    title: 'a tag has exactly one space',
    text: 'GOTO X\n#  X\nSET A 1\n#X\nSET B 1\n# X Y\nSET C 1\n# X\nSET D 1',
    expected: { D: '1' },
  },
  { title: 'no such tag', text: 'SET A 1\nGOTO X\nSET B 1', expected: { A: '1' }, warnings: ['unknown-tag'] },
  { title: 'tags are compared exactly', text: 'GOTO X\n# x', expected: {}, warnings: ['unknown-tag'] },
  { title: 'no such tag, no jump', text: 'IF $MODEL4 SEQ aci GOTO X\nSET A 1', expected: { A: '1' } },
  { title: 'a loop', text: '# X\nSET A 1\nGOTO X\nSET B 1', expected: { A: '1' }, warnings: ['loop'] },
  { title: 'a jump to itself', text: 'GOTO X\n# X\n# Y\nGOTO Y', expected: {}, warnings: ['loop'] },
  { title: 'of two tags the next one below', text: '# X\nGOTO X\nSET A 1\n# X\nSET B 1', expected: { B: '1' } },
  { title: 'a jump back that ends', text: 'GOTO Y\n# X\nSET A 1\nGOTO END\n# Y\nGOTO X\n# END', expected: { A: '1' } },
];

const CONDITIONS: readonly Case[] = [
  { title: 'one that holds', text: 'IF $MODEL4 SEQ acw GOTO X\nSET A 1\n# X\nSET B 1', expected: { B: '1' } },
  { title: 'one that does not', text: 'IF $MODEL4 SEQ aci GOTO X\nSET A 1\n# X', expected: { A: '1' } },
  { title: 'the signalling', text: 'IF $SIG_IN_USE SEQ H323 GOTO X\nSET A 1\n# X', expected: { A: '1' } },
  { title: 'group 0 by default', text: 'IF $GROUP SEQ 0 GOTO X\nSET A 1\n# X', expected: {} },
  {
    title: 'another group',
    text: 'IF $GROUP SEQ 2 GOTO X\nSET A 1\n# X',
    variables: { ...WINDOWS, GROUP: '2' },
    expected: {},
  },
  { title: 'a MAC address in lower case', text: 'IF $MACADDR SEQ 00aa11bb22cc GOTO X\nSET A 1\n# X', expected: {} },
  { title: 'case counts', text: 'IF $MODEL4 SEQ ACW GOTO X\nSET A 1\n# X', expected: { A: '1' } },
  {
    title: 'on J100 too',
    text: 'IF $MODEL4 SEQ j179 GOTO X\nSET A 1\n# X',
    variables: J179,
    expected: { A: '1' },
  },
  {
    title: 'on 96x1 too',
    text: 'IF $SIG_IN_USE SEQ sip GOTO X\nSET A 1\n# X',
    variables: { MODEL4: '9611', SIG_IN_USE: 'SIP' },
    expected: { A: '1' },
  },
  {
    title: 'not on 1600',
    text: 'IF $SIG_IN_USE SEQ h323 GOTO X\nSET A 1\n# X',
    variables: { MODEL4: '1608', SIG_IN_USE: 'H323' },
    expected: {},
  },
  {
    title: 'nor on 4600',
    text: 'IF $SIG_IN_USE SEQ h323 GOTO X\nSET A 1\n# X',
    variables: { MODEL4: '4610', SIG_IN_USE: 'H323' },
    expected: {},
  },
  {
    title: 'no client knows the variable',
    text: 'IF $NOWHERE SEQ $NOWHERE GOTO X\nIF $NOWHERE SEQ 1 GOTO X\nSET A 1\n# X',
    expected: { A: '1' },
    warnings: ['unsupported-condition', 'unknown-variable'],
  },
  {
    title: 'nor does a J100',
    text: 'IF $NOWHERE SEQ $NOWHERE GOTO X\nSET A 1\n# X',
    variables: J179,
    expected: { A: '1' },
    warnings: ['unknown-variable'],
  },
  {
    title: 'a variable that this client was not given',
    text: 'IF $VPNACTIVE SEQ 0 GOTO X\nSET A 1\n# X',
    expected: { A: '1' },
    warnings: ['variable-not-given'],
  },
  {
    title: 'a property of every object is no variable',
    text: 'IF $constructor SEQ x GOTO X\nIF $__PROTO__ SEQ x GOTO X\nSET A $constructor\n# X',
    expected: { A: '$constructor' },
    warnings: ['unsupported-condition', 'unknown-variable'],
  },
  {
    title: 'macros on both sides on J100',
    text: 'IF x$GROUP.$MODEL4 SEQ x0.$MODEL4 GOTO X\nSET A 1\n# X\nIF J179 SEQ $MODEL4 GOTO Y\nSET B 1\n# Y',
    variables: J179,
    expected: {},
  },
  {
    title: 'the longer of two names',
    text: 'IF $MODEL SEQ J179D03A GOTO X\nSET A 1\n# X\nIF $MODEL4-$MODEL SEQ J179-J179D03A GOTO Y\nSET B 1\n# Y',
    variables: J179,
    expected: {},
  },
  {
    title: 'a J100 that lacks one of them',
    text: 'IF $MODEL4$VPNACTIVE SEQ J1790 GOTO X\nSET A 1\n# X',
    variables: J179,
    expected: { A: '1' },
    warnings: ['variable-not-given'],
  },
  {
    title: 'macros on both sides nowhere else',
    text: 'IF acw SEQ $MODEL4 GOTO X\nIF $MODEL4 SEQ $MODEL4 GOTO X\nSET A 1\n# X',
    expected: { A: '1' },
    warnings: ['unsupported-condition', 'unsupported-condition'],
  },
  {
    title: 'there is no SNE',
    text: 'IF $MODEL4 SNE aci GOTO X\nSET A 1\n# X',
    expected: { A: '1' },
    warnings: ['invalid-statement'],
  },
];

const MACROS: readonly Case[] = [
  {
    title: 'in a value',
    text: 'SET A "$MACADDR.txt"\nSET B $MACADDR_UPPER\nSET C $MODEL4-$SERIALNO',
    variables: J179,
    expected: { A: '00aa11bb22cc.txt', B: '00AA11BB22CC', C: 'J179-12WZ' },
  },
  { title: 'before more text', text: 'SET A $MACADDR_x$MODEL46', expected: { A: '00aa11bb22cc_xacw6' } },
  {
    title: 'those for IF alone stay',
    text: 'SET A $GROUP\nSET B $WHAT\nSET C $\nSET D $$',
    expected: { A: '$GROUP', B: '$WHAT', C: '$', D: '$$' },
  },
  {
    title: 'one that is not known',
    text: 'SET A $SERIALNO',
    expected: { A: '$SERIALNO' },
    warnings: ['variable-not-given'],
  },
  {
    title: 'a value with signs of replacement',
    text: 'SET A $MODEL4',
    variables: { MODEL4: "$&$'$1" },
    expected: { A: "$&$'$1" },
  },
];

t.test('a file is followed as a client follows it', async (t) => {
  for (const { title, text, expected, variables, warnings = [] } of [...LINES, ...JUMPS, ...CONDITIONS, ...MACROS]) {
    const evaluation = evaluate(text, variables);
    t.strictSame(values(evaluation), expected, title);
    t.strictSame(
      evaluation.warnings.map(({ code }) => code),
      warnings,
      `${title}: warnings`,
    );
  }
});

t.test('how a client takes an IF can be given', async (t) => {
  const dialect = { ignoresCase: true, conditionMacros: undefined };
  t.strictSame(values(evaluate('IF $MODEL4 SEQ ACW GOTO X\nSET A 1\n# X', WINDOWS, { dialect })), {});
});

t.test('each setting knows its file, its line, its section and the jumps that led there', async (t) => {
  const evaluation = evaluate(
    'SET A 1\nIF $MODEL4 SEQ aci GOTO Y\nIF $MODEL4 SEQ acw GOTO X\n# Y\n# X\nSET B 1\nGOTO END\n# END\nGET more.txt\nSET C 1',
    WINDOWS,
    { ...served({ 'more.txt': 'SET D 1\n# Z\nSET A 2' }), file: 'first.txt' },
  );
  t.strictSame(evaluation.settings, [
    { name: 'B', value: '1', file: 'first.txt', line: 6, section: 'X', jumpCount: 1 },
    { name: 'D', value: '1', file: 'more.txt', line: 1, section: '', jumpCount: 3 },
    { name: 'A', value: '2', file: 'more.txt', line: 3, section: 'Z', jumpCount: 3 },
  ]);
  const paths = evaluation.settings.map((setting) => pathTo(evaluation, setting));
  t.strictSame(paths[0], [{ kind: 'if', file: 'first.txt', line: 3, tag: 'X' }]);
  t.strictSame(paths[2], [
    { kind: 'if', file: 'first.txt', line: 3, tag: 'X' },
    { kind: 'goto', file: 'first.txt', line: 7, tag: 'END' },
    { kind: 'get', file: 'first.txt', line: 9, name: 'more.txt' },
  ]);
  t.strictSame([...evaluation.texts.keys()], ['first.txt', 'more.txt']);
  t.match(evaluation.warnings, [
    {
      file: 'more.txt',
      line: 3,
      code: 'duplicate',
      text: '"A" stood in line 1 of "first.txt" already: the last one wins',
    },
  ]);
});

interface GetCase {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, string>>;
  /** Line, name and outcome of each. */
  readonly gets: readonly string[];
  readonly warnings?: readonly WarningCode[];
}

const GETS: readonly GetCase[] = [
  {
    title: 'one that is there: the rest is not read',
    files: { '46xxsettings.txt': 'SET A 1\nGET b\nSET C 1', b: 'SET B 1' },
    expected: { A: '1', B: '1' },
    gets: ['46xxsettings.txt:2 b fetched'],
  },
  {
    title: 'one that is not: the first goes on',
    files: { '46xxsettings.txt': 'GET $MACADDR.txt\nSET C 1' },
    expected: { C: '1' },
    gets: ['46xxsettings.txt:1 00aa11bb22cc.txt missing'],
  },
  {
    title: 'an empty one is there',
    files: { '46xxsettings.txt': 'GET b\nSET C 1', b: '' },
    expected: {},
    gets: ['46xxsettings.txt:1 b fetched'],
  },
  {
    title: 'one after another',
    files: { '46xxsettings.txt': 'GET a\nGET b', b: 'GET c\nGET d', d: 'SET D 1' },
    expected: { D: '1' },
    gets: ['46xxsettings.txt:1 a missing', '46xxsettings.txt:2 b fetched', 'b:1 c missing', 'b:2 d fetched'],
  },
  {
    title: 'tags are those of the file itself',
    files: { '46xxsettings.txt': '# X\nGET b', b: 'SET B 1\nGOTO X\nSET C 1' },
    expected: { B: '1' },
    gets: ['46xxsettings.txt:2 b fetched'],
    warnings: ['unknown-tag'],
  },
  {
    title: 'itself',
    files: { '46xxsettings.txt': 'SET A 1\nGET 46xxsettings.txt\nSET B 1' },
    expected: { A: '1' },
    gets: ['46xxsettings.txt:2 46xxsettings.txt loop'],
    warnings: ['file-already-read'],
  },
  {
    title: 'in a circle',
    files: { '46xxsettings.txt': 'GET b', b: 'GET c', c: 'SET A 1\nGET b\nSET B 1' },
    expected: { A: '1' },
    gets: ['46xxsettings.txt:1 b fetched', 'b:1 c fetched', 'c:2 b loop'],
    warnings: ['file-already-read'],
  },
  {
    title: 'one that is too long: the first goes on',
    files: { '46xxsettings.txt': 'GET b\nSET A 1', b: 'x'.repeat(MAX_FILE_CHARACTERS + 1) },
    expected: { A: '1' },
    gets: ['46xxsettings.txt:1 b refused'],
    warnings: ['file-not-readable'],
  },
  {
    title: 'a macro that is not known',
    files: { '46xxsettings.txt': 'GET $SERIALNO.txt' },
    expected: {},
    gets: ['46xxsettings.txt:1 $SERIALNO.txt missing'],
    warnings: ['variable-not-given'],
  },
];

t.test('GET', async (t) => {
  for (const { title, files, expected, gets, warnings = [] } of GETS) {
    const evaluation = evaluate(files['46xxsettings.txt'] ?? '', WINDOWS, served(files));
    t.strictSame(values(evaluation), expected, title);
    t.strictSame(
      evaluation.gets.map(({ file, line, name, outcome }) => `${file}:${line} ${name} ${outcome}`),
      gets,
      `${title}: files`,
    );
    t.strictSame(
      evaluation.warnings.map(({ code }) => code),
      warnings,
      `${title}: warnings`,
    );
  }
});

t.test('files without end are bounded', async (t) => {
  let fetched = 0;
  const fetchFile = () => {
    fetched += 1;
    return `SET S${fetched} 1\nGET file${fetched}\nSET LAST 1`;
  };
  const evaluation = evaluate('GET file0', WINDOWS, { fetchFile, maxFiles: 5 });
  t.equal(fetched, 4);
  t.equal(evaluation.texts.size, 5);
  t.strictSame(values(evaluation), { S1: '1', S2: '1', S3: '1', S4: '1', LAST: '1' });
  t.match(evaluation.warnings, [{ file: 'file3', line: 2, code: 'too-many-files' }]);
  evaluate('GET file', WINDOWS, { fetchFile });
  t.equal(fetched, 11, 'eight without the option');
});

t.test('a file that a fetcher has read already is taken as it is', async (t) => {
  const more = readSettings('SET A 1');
  t.equal(evaluate('GET b', WINDOWS, { fetchFile: () => more }).texts.get('b'), more);
  t.strictSame(values(evaluate('GET b', WINDOWS, { fetchFile: () => Buffer.from('SET A \xff', 'latin1') })), {
    A: '\xff',
  });
});

t.test('hostile files end, and their warnings are bounded', async (t) => {
  const jumps = Array.from(
    { length: 100_000 },
    (_, index) => `GOTO T\n# T\n${index % 4 === 0 ? `SET S${index} 1\n` : ''}`,
  );
  const followed = evaluate(jumps.join(''));
  t.equal(followed.jumps.length, 100_000, 'as many jumps as tags');
  t.equal(followed.settings.length, 25_000);
  t.equal(evaluate('GOTO T\n'.repeat(100_000)).warnings.length, 1, 'jumps to nowhere');
  const knot = Array.from({ length: 20_000 }, (_, index) => `# T${index}\nGOTO T${(index * 7919) % 20_000}\n`).join('');
  t.strictSame(
    evaluate(knot).warnings.map(({ code }) => code),
    ['loop'],
    'a knot of loops',
  );
  t.strictSame(values(evaluate('\0\ufffd\u001b[2J\nSET A 1')), { A: '1' }, 'bytes that are no text');
  const invalid = evaluate('SET\u0001 \nSET \n'.repeat(50_000));
  t.equal(invalid.warnings.length, MAX_WARNINGS);
  t.equal(invalid.warnings.at(-1)?.code, 'more-warnings');
  t.ok(invalid.warnings.every(({ text }) => text.length < 300));
  const long = evaluate(`GOTO \u001b${'x'.repeat(1_000_000)}`).warnings;
  t.ok(
    long.every(({ text }) => /^[\x20-\x7e]{1,200}$/.test(text)),
    'short, and nothing that a terminal acts on',
  );
});
