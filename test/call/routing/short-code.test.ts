import t from 'tap';
import {
  bySpecificity,
  expand,
  findCode,
  makeIndex,
  matchPattern,
  mayGrow,
} from '../../../firmware/call/routing/short-code.ts';

t.test('patterns', async (t) => {
  const cases: readonly (readonly [pattern: string, dialled: string, digits: string | undefined])[] = [
    ['*17', '*17', ''],
    ['*17', '*1', undefined],
    ['*17', '*170', undefined],
    ['9N', '9', ''],
    ['9N', '9123', '123'],
    ['9N', '9*12', '*12'],
    ['9N', '9+44', '+44'],
    ['9N', '912#', undefined],
    ['9.', '9', undefined],
    ['9.', '91', '1'],
    ['9.', '9123', '123'],
    ['XXX', '123', '123'],
    ['XXX', '12', undefined],
    ['XXX', '1*3', undefined],
    ['Z23', '023', undefined],
    ['Z23', '123', '1'],
    ['*07*N#', '*07*300#', '300'],
    ['*07*N#', '*07*#', ''],
    ['*07*N#', '*07*300', undefined],
    ['*7*N*N#', '*7*12*34#', '1234'],
    ['0XXN5', '01295', '129'],
    ['0XXN5', '0125', '12'],
    ['0XXN5', '015', undefined],
    ['NN1', '991', '99'],
    ['N1N', '2133', '233'],
    ['.', '5', '5'],
    ['DSSN', 'DSS1', '1'],
    ['', '', ''],
    ['', '1', undefined],
    ['9N', '', undefined],
    ['NX', '', undefined],
    ['NX', '5', '5'],
  ];
  for (const [pattern, dialled, digits] of cases)
    t.equal(matchPattern(pattern, dialled), digits, `${pattern} and ${dialled}`);
});

t.test('matching takes what a slow and simple matcher takes', async (t) => {
  const slow = (pattern: string): RegExp =>
    new RegExp(
      `^${pattern.replace(/[*+#]/g, '\\$&').replace(/\./g, '[0-9*+]+').replace(/N/g, '[0-9*+]*').replace(/X/g, '[0-9]').replace(/Z/g, '[1-9]')}$`.replace(
        /\\\[/g,
        '[',
      ),
    );
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  const text = (letters: string, length: number) =>
    Array.from({ length }, () => letters[random(letters.length)]).join('');
  let matches = 0;
  for (let count = 0; count < 20_000; count += 1) {
    // Characters that stand for something in both need no care here: * and + are left to the table above.
    const pattern = text('01#XZN.', random(7));
    const dialled = text('01#', random(8));
    const expected = slow(pattern).test(dialled);
    if (expected) matches += 1;
    if ((matchPattern(pattern, dialled) !== undefined) !== expected) t.fail(`${pattern} and ${dialled}: ${expected}`);
    // Whatever is matched may have begun so.
    if (expected && dialled.length > 0) {
      const index = makeIndex([[pattern || '0', 1]]);
      if (pattern !== '' && !mayGrow(index, dialled.slice(0, -1)))
        t.fail(`${pattern} may begin with ${dialled.slice(0, -1)}`);
    }
  }
  t.ok(matches > 500, `${matches} matches`);
});

t.test('the best match', async (t) => {
  const find = (codes: readonly string[], dialled: string) =>
    findCode(makeIndex(codes.map((code) => [code, code] as const)), dialled)?.code;
  const cases: readonly (readonly [codes: readonly string[], dialled: string, code: string | undefined])[] = [
    [['9N', '90N', '901N'], '90123', '901N'],
    [['9N', '9XXXX'], '91234', '9XXXX'],
    [['9N', '9XXXX'], '912345', '9N'],
    [['9XXXX', '9ZXXX'], '91234', '9ZXXX'],
    [['9XXXX', '9ZXXX'], '90234', '9XXXX'],
    [['9N', '9.'], '91', '9.'],
    [['9N', '9.'], '9', '9N'],
    [['9N;', '91N'], '912', '91N'],
    [['X', 'N', '?'], '5', 'X'],
    [['N', 'XX'], '5', 'N'],
    [['*1', '*17'], '*17', '*17'],
    [['XX5', '12N'], '125', '12N'],
    [['?'], '5', undefined],
    [['?D', '?D(5)'], '5', undefined],
  ];
  for (const [codes, dialled, code] of cases) {
    t.equal(find(codes, dialled), code, `${codes.join(' ')} and ${dialled}`);
    t.equal(find([...codes].reverse(), dialled), code, 'in whichever order they stand');
  }
  t.equal(makeIndex([['?', 7]]).fallback?.entry, 7);
  const tokens = ['9N', '9XXXX', '9ZXXX', '9.', '91N', 'X', 'Z', 'N', '.'].map((each) => ({ tokens: each }));
  for (const a of tokens) {
    for (const b of tokens)
      t.equal(Math.sign(bySpecificity(a, b)) + Math.sign(bySpecificity(b, a)), 0, 'the order is one');
  }
});

t.test('what may grow into a code', async (t) => {
  const index = makeIndex(['*07*N#', '90XX', '8N5', '?'].map((code) => [code, code] as const));
  for (const dialled of ['*', '*0', '*07*', '*07*123', '9', '90', '901', '8', '81', '855'])
    t.ok(mayGrow(index, dialled), dialled);
  for (const dialled of ['1', '*08', '91', '9012', '*07*1#2', '8#']) t.notOk(mayGrow(index, dialled), dialled);
});

t.test('the telephone number of a code', async (t) => {
  const parts = { digits: '12', dialled: '*7*12#', extension: '2012', user: '201' };
  const cases = [
    ['N', '12'],
    ['00N', '0012'],
    ['.', '*7*12#'],
    ['E', '2012'],
    ['U', '201'],
    ['NN', '1212'],
    ['"N"', 'N'],
    ['555,N', '555,12'],
    ['', ''],
  ] as const;
  for (const [template, number] of cases) t.equal(expand(template, parts).number, number, template);
  t.strictSame(expand('NW', parts), { number: '12', isWithheld: true, callerNumber: undefined });
  t.strictSame(expand('NS555', parts), { number: '12', isWithheld: false, callerNumber: '555' });
});
