import t from 'tap';
import { isConfidential, readSourceNumbers } from '../../firmware/config/source-numbers.ts';

interface Case {
  readonly title: string;
  readonly entries: readonly string[];
  /** What takes effect, as `name value`. */
  readonly known?: readonly string[];
  /** As `index severity problem`. */
  readonly problems?: readonly RegExp[];
}

const LONG = '"1234567890123","2234567890123","3234567"';

const CASES: readonly Case[] = [
  { title: 'none', entries: [] },
  {
    title: 'digits to match',
    entries: ['EQNX_CONTACT_MATCHING_MIN_DIGITS=8'],
    known: ['EQNX_CONTACT_MATCHING_MIN_DIGITS 8'],
  },
  ...['0', '33', '08', '8 ', '', '8.5', '-1', '1e1', '99999999999'].map((value) => ({
    title: `digits: ${value}`,
    entries: [`EQNX_CONTACT_MATCHING_MIN_DIGITS=${value}`],
    problems: [value === '' ? /^0 error has no value/ : /^0 error has a value out of range/],
  })),
  { title: 'no equals sign', entries: ['EQNX_CONTACT_MATCHING_MIN_DIGITS'], problems: [/^0 error has no value/] },
  { title: 'disabled numbers', entries: ['SET_CDNL=DISABLED'], known: ['SET_CDNL DISABLED'] },
  { title: 'numbers', entries: ['SET_CDNL="911","9911"'], known: ['SET_CDNL "911","9911"'] },
  {
    title: 'numbers of several entries, each once',
    entries: ['SET_CDNL="911","9911"', 'SET_CDNL="112","911"'],
    known: ['SET_CDNL "911","9911","112"'],
  },
  ...['911', '"911', '"911" ,"112"', '"911";"112"', '"9a1"', '""', 'disabled', '"911",', '"911"\nSET X 1'].map(
    (value) => ({
      title: `numbers: ${value}`,
      entries: [`SET_CDNL=${value}`],
      problems: [/^0 error is no list of numbers/],
    }),
  ),
  {
    title: 'an entry of 63 characters',
    entries: [`SET_CDNL="${'1'.repeat(52)}"`],
    known: [`SET_CDNL "${'1'.repeat(52)}"`],
  },
  { title: 'an entry of 64', entries: [`SET_CDNL="${'1'.repeat(53)}"`], problems: [/^0 error has 64 characters/] },
  {
    title: 'a list that grows beyond 127 characters',
    entries: [
      `SET_CDNL=${LONG}`,
      `SET_CDNL=${LONG.replaceAll('3', '4')}`,
      `SET_CDNL=${LONG.replaceAll('3', '5')}`,
      'SET_CDNL="1"',
      'SET_CDNL="22222"',
    ],
    known: [`SET_CDNL ${LONG},${LONG.replaceAll('3', '4')},${LONG.replaceAll('3', '5')}`],
    problems: [/^3 error makes the list of SET_CDNL 129/, /^4 error makes the list of SET_CDNL 133/],
  },
  {
    title: 'disabled and a list',
    entries: ['SET_CDNL=DISABLED', 'SET_CDNL="911"'],
    known: ['SET_CDNL DISABLED'],
    problems: [/^1 error contradicts/],
  },
  { title: 'group of branch phones', entries: ['BRANCH_PHONES_GROUP=5'], known: ['BRANCH_PHONES_GROUP 5'] },
  ...['0', '6', 'x'].map((value) => ({
    title: `group ${value}`,
    entries: [`BRANCH_PHONES_GROUP=${value}`],
    problems: [/^0 error has a value out of range/],
  })),
  {
    title: 'the same twice',
    entries: ['BRANCH_PHONES_GROUP=1', 'BRANCH_PHONES_GROUP=2'],
    known: ['BRANCH_PHONES_GROUP 1'],
    problems: [/^1 error gives BRANCH_PHONES_GROUP a second time/],
  },
  { title: 'procedure code', entries: ['SET_46xx_PROCPSWD=27238'], known: ['SET_46xx_PROCPSWD 27238'] },
  {
    title: 'a code of letters',
    entries: ['SET_46xx_PROCPSWD=craft'],
    problems: [/^0 error has a value that cannot be/],
  },
  { title: 'administrator’s password', entries: ['SET_ADMINPSWD=s3cret!'], known: ['SET_ADMINPSWD s3cret!'] },
  { title: 'one with a quote', entries: ['SET_ADMINPSWD=s3cre"t'], problems: [/^0 error has a value that cannot be/] },
  { title: 'headset', entries: ['SET_HEADSYS_1'], known: ['SET_HEADSYS_1 '] },
  { title: 'headset with a value', entries: ['SET_HEADSYS_1=1'], problems: [/^0 error has a value/] },
  {
    title: 'remote extensions',
    entries: ['RW_SBC_REG=sbc.example.com', 'RW_SBC_PROV=[2001:db8::1]', 'RW_SBC_TLS=5061', 'PUBLIC_HTTP=203.0.113.9'],
    known: ['RW_SBC_REG sbc.example.com', 'RW_SBC_PROV [2001:db8::1]', 'RW_SBC_TLS 5061', 'PUBLIC_HTTP 203.0.113.9'],
  },
  { title: 'a host with a port', entries: ['RW_SBC_REG=sbc.example.com:5061'], problems: [/^0 error names no host/] },
  { title: 'a port that is none', entries: ['RW_SBC_TLS=65536'], problems: [/^0 error has a value out of range/] },
  { title: 'unknown', entries: ['VMPRO_OTHER=1', ''], problems: [/^0 warning is unknown/, /^1 warning is unknown/] },
  { title: 'the name of a method', entries: ['constructor=1', '__proto__=1'], problems: [/^0 warning/, /^1 warning/] },
  { title: 'another case', entries: ['set_cdnl=DISABLED'], problems: [/^0 error is in the wrong case/] },
];

t.test('what NoUser may say, and what is wrong with it', async (t) => {
  for (const { title, entries, known = [], problems = [] } of CASES) {
    const read = readSourceNumbers(entries);
    t.strictSame(
      [...read.known].map(([name, { value }]) => `${name} ${value}`),
      known,
      title,
    );
    const told = read.problems.map(({ index, severity, problem }) => `${index} ${severity} ${problem}`);
    t.equal(told.length, problems.length, title);
    for (const [index, pattern] of problems.entries()) t.match(told[index], pattern, title);
    for (const { cure } of read.problems) t.match(cure, /\w.*\.$/, title);
  }
});

t.test('an entry that opens something is known, right or wrong', async (t) => {
  t.ok(isConfidential('SET_46xx_PROCPSWD=wrong'));
  t.ok(isConfidential('SET_ADMINPSWD'));
  t.notOk(isConfidential('SET_CDNL="911"'));
  t.notOk(isConfidential('toString=1'));
});
