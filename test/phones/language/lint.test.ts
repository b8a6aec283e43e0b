import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { KNOWN_MODELS } from '../../../firmware/phones/language/client.ts';
import { type LintOptions, lintSettings, SPECIALS_FILE_NAME } from '../../../firmware/phones/language/lint.ts';
import { readSettings } from '../../../firmware/phones/language/reader.ts';
import { describeWarnings } from '../../../firmware/phones/language/report.ts';
import { MAX_WARNINGS, type Warning } from '../../../firmware/phones/language/warning.ts';

function lint(text: string, options: LintOptions = {}): readonly Warning[] {
  return lintSettings(readSettings(text), options);
}

/** `line code` of each. */
function codes(text: string, options: LintOptions = {}): readonly string[] {
  return lint(text, options).map(({ line, code }) => `${line} ${code}`);
}

/** A file with a section for each family and each group, as phones get their specials. */
function specials(sections: Readonly<Record<string, string>> = {}): string {
  const section = (name: string, next: string) => `# ${name}\n${sections[name] ?? ''}GOTO ${next}\n`;
  const groups = ['1', '2', '3', '4', '5'];
  return [
    ...KNOWN_MODELS.map(({ model, family }) => `IF $MODEL4 SEQ ${model} GOTO ${family}\n`),
    'GOTO GENERAL\n',
    ...['16xx', '96xx', '96x1', 'K100', 'Workplace'].map((family) => section(family, 'GENERAL')),
    '# J100\nIF $SIG_IN_USE SEQ H323 GOTO J100H323\nGOTO GENERAL\n',
    section('J100H323', 'GENERAL'),
    '# GENERAL\n',
    ...groups.map((group) => `IF $GROUP SEQ ${group} GOTO GROUP_${group}\n`),
    'GOTO END\n',
    ...groups.map((group) => section(`GROUP_${group}`, 'END')),
    '# END\n',
  ].join('');
}

/** The number of the line after this one. */
function lineAfter(line: string): number {
  return specials().split('\n').indexOf(line) + 2;
}

t.test('files as they should be have no warnings', async (t) => {
  const fixture = join(import.meta.dirname, '..', 'fixtures', '46xxsettings.txt');
  t.strictSame(lint(readFileSync(fixture, 'latin1')), []);
  t.strictSame(lint(specials(), { file: SPECIALS_FILE_NAME }), []);
  t.strictSame(lint(''), []);
});

interface Case {
  readonly title: string;
  readonly text: string;
  readonly expected: readonly string[];
  readonly options?: LintOptions;
}

const CASES: readonly Case[] = [
  {
    title: 'each warning once for all models',
    text: 'SET A 1\nSET A 2\nGOTO X',
    expected: ['2 duplicate', '3 unknown-tag'],
  },
  { title: 'what one model alone runs into', text: 'IF $MODEL4 SEQ K155 GOTO X', expected: ['1 unknown-tag'] },
  {
    title: 'what one group alone runs into',
    text: 'SET A 1\nIF $GROUP SEQ 77 GOTO X\nGOTO END\n# X\nSET A 2\n# END',
    expected: ['5 duplicate'],
  },
  {
    title: 'what one signalling alone runs into',
    text: 'SET A 1\nIF $SIG_IN_USE SEQ H323 GOTO X\nGOTO END\n# X\nSET A 2\n# END',
    expected: ['5 duplicate'],
  },
  {
    title: 'a jump that no model comes to',
    text: 'GOTO END\nGOTO X\nIF $NOWHERE SEQ 1 GOTO END\n# END',
    expected: ['2 unknown-tag', '3 unknown-variable'],
  },
  {
    title: 'a section that no model comes to',
    text: 'IF $MODEL4 SEQ 9999 GOTO X\nGOTO END\n# X\nGOTO END\n# END\n# AFTER',
    expected: ['3 unreached-section'],
  },
  {
    title: 'SIP is never in use on a 1608',
    text: 'IF $MODEL4 SEQ 1608 GOTO X\nGOTO END\n# X\nIF $SIG_IN_USE SEQ H323 GOTO END\n# Y\n# END',
    expected: ['5 unreached-section'],
  },
  {
    title: 'whoever can come to a section may: group, VPN, address, MAC',
    text: [
      'IF $VPNACTIVE SEQ 1 GOTO A',
      'IF $GROUP SEQ 999 GOTO B',
      'IF $MACADDR SEQ 00aa11bb22cc GOTO C',
      'IF $SUBNET SEQ 10.0.0 GOTO D',
      'GOTO END',
      '# A\nGOTO END\n# B\nGOTO END\n# C\nGOTO END\n# D\nGOTO END\n# END',
    ].join('\n'),
    expected: [],
  },
  {
    title: 'a tag twice',
    text: 'GOTO X\n# X\nIF $MODEL4 SEQ acw GOTO X\nGOTO END\n# X\n# END',
    expected: ['5 duplicate-tag'],
  },
  { title: 'a loop', text: '# X\nIF $MODEL4 SEQ J179 GOTO X', expected: ['1 loop'] },
  {
    title: 'what only J100 phones understand',
    text: 'IF $MODEL4$GROUP SEQ J1790 GOTO X\nGOTO END\n# X\n# END',
    expected: ['1 unsupported-condition'],
  },
  {
    title: 'only where J100 phones come it is none',
    text: 'IF $MODEL4 SEQ J179 GOTO J\nGOTO END\n# J\nIF $MODEL4$GROUP SEQ J1790 GOTO END\nSET A 1\n# END',
    expected: [],
  },
  {
    title: 'macros that every phone has',
    text: 'SET A $MACADDR\nSET B $SERIALNO\nGET $MACADDR_UPPER.txt',
    expected: [],
  },
  {
    title: 'one alone of what is wrong with a line by itself',
    text: 'SET A\nSET B x y\nSET C "x',
    expected: ['1 invalid-statement', '2 unquoted-value', '3 bad-quoting'],
  },
  {
    title: 'secrets, wherever they stand',
    text: [
      'SET PROCPSWD 27238',
      'SET SIPUSERPASSWORD "x"',
      'SET ADMIN_PASSWORD x',
      'SET VPNPSWD x',
      'SET DIRPASSWORD " "',
      'SET OBSCURE_PREFERENCES "DIRPASSWORD"',
      'SET PRESERVE_LOGIN_PASSWORD 1',
      'SET PHONE_LOCK_PASSWORD_FAILED_ATTEMPTS 10',
      'GOTO END',
      'SET PHONE_LOCK_PIN 1694',
      '# END',
    ].join('\n'),
    expected: ['1 secret', '2 secret', '3 secret', '4 secret', '10 secret'],
  },
  {
    title: 'address modes for Workplace in specials',
    text: specials({ Workplace: 'SET SIGNALING_ADDR_MODE 6\nSET MEDIA_ADDR_MODE 64\n' }),
    options: { file: SPECIALS_FILE_NAME },
    expected: [`${lineAfter('# Workplace')} address-mode`, `${lineAfter('# Workplace') + 1} address-mode`],
  },
  {
    title: 'for a group, which Workplace clients are in too',
    text: specials({ GROUP_3: 'SET MEDIA_ADDR_MODE 64\n' }),
    options: { file: SPECIALS_FILE_NAME },
    expected: [`${lineAfter('# GROUP_3')} address-mode`],
  },
  {
    title: 'but not for J100 phones',
    text: specials({ J100H323: 'SET SIGNALING_ADDR_MODE 6\n' }),
    options: { file: SPECIALS_FILE_NAME },
    expected: [],
  },
  { title: 'nor in another file', text: 'SET SIGNALING_ADDR_MODE 6', expected: [] },
  {
    title: 'for models of choice',
    text: 'IF $MODEL4 SEQ acw GOTO X\nGOTO END\n# X\n# END',
    options: { models: [{ model: 'J179', family: 'J100', signalling: ['SIP'] }] },
    expected: ['3 unreached-section'],
  },
];

t.test('warnings over every model', async (t) => {
  for (const { title, text, options, expected } of CASES) t.strictSame(codes(text, options), expected, title);
});

t.test('files that it gets are followed, each fetched once, and come after its own lines', async (t) => {
  const asked: string[] = [];
  const fetchFile = (name: string) => {
    asked.push(name);
    return name === SPECIALS_FILE_NAME ? 'SET A 2\nGOTO X' : undefined;
  };
  const warnings = lint('SET A 1\nGET other.txt\nGET 46xxspecials.txt\nSET A', { fetchFile });
  t.strictSame(asked, ['other.txt', SPECIALS_FILE_NAME]);
  t.strictSame(
    warnings.map(({ file, line, code }) => `${file}:${line} ${code}`),
    ['46xxsettings.txt:4 invalid-statement', '46xxspecials.txt:1 duplicate', '46xxspecials.txt:2 unknown-tag'],
  );
});

t.test('what is read of it', async (t) => {
  t.equal(
    describeWarnings(lint('SET A 1\r\nGOTO \u001b[2J', { file: 'a\nb' })),
    [
      'a\\u000ab:2: characters other than printable ASCII (not-ascii)',
      'a\\u000ab:2: no tag "\\u001b[2J": the rest is ignored (unknown-tag)',
      '',
    ].join('\n'),
  );
  t.equal(describeWarnings([]), '');
});

t.test('hostile files end, and say that not all was checked', async (t) => {
  const long = '#\n'.repeat(250_000);
  t.strictSame(codes(long), ['1 not-checked']);
  t.strictSame(codes(`GOTO END\n# X\n${long}# END`), ['1 not-checked'], 'no guess at what is reached');
  const groups = Array.from({ length: 1000 }, (_, index) => `IF $GROUP SEQ ${index} GOTO END\n`).join('');
  t.strictSame(codes(`${groups}# END`), ['1 not-checked']);
  const many = lint('SET A\nGOTO X\n'.repeat(50_000));
  t.equal(many.length, MAX_WARNINGS);
  t.ok(many.some(({ code }) => code === 'more-warnings'));
  t.strictSame(codes('GET b', { fetchFile: () => 'x'.repeat(3_000_000) }), ['1 file-not-readable']);
  t.ok(lint(`SET A ${'$MODEL4'.repeat(290_000)}`).length > 0);
  t.ok(lint(`IF ${'$A'.repeat(500_000)} SEQ x GOTO T\n# T`).length > 0);
});
