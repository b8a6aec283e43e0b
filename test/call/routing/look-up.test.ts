/** What counts first where a number is several things at once. */
import t from 'tap';
import type { Caller } from '../../../firmware/call/routing/plan.ts';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import { describeStep } from './support/describe-step.ts';
import { configurationOf, OFFICE, stateOf, user, WEDNESDAY_NOON } from './support/office.ts';

type Codes = Readonly<Record<string, { readonly feature: string; readonly telephoneNumber?: string }>>;

interface Tables {
  readonly user?: Codes;
  readonly rights?: Codes;
  readonly system?: Codes;
}

/** The office with these short codes alone: of user 200, of his rights, and of the system. */
function officeWith({ user: own = {}, rights = {}, system = {} }: Tables, isBarred = false) {
  return configurationOf({
    ...OFFICE,
    users: { ...OFFICE.users, 200: { ...OFFICE.users[200], userRights: 'Rights', shortCodes: own } },
    userRights: { ...OFFICE.userRights, Rights: { outgoingCallBar: isBarred, shortCodes: rights } },
    shortCodes: system,
  });
}

function stepOf(dialled: string, configuration: ReturnType<typeof officeWith>, caller: Caller = user('200')): string {
  return describeStep(routeCall({ caller, dialled, configuration, at: WEDNESDAY_NOON, state: stateOf() }).step);
}

t.test('extensions and groups count before short codes that are equal to them, or match them', async (t) => {
  const ROWS = [
    ['an extension of a user', '204', 'ring 204 [204-1] 20s {busy+declined+noAnswer+unreachable: leave 204}'],
    ['another extension of a user', '2012', 'ring 201 [201-1] 25s {busy+declined+noAnswer+unreachable: leave 201}'],
    ['an extension that is nobody’s', '290', 'ring 290 [290-1] 20s'],
    ['a hunt group', '301', 'hunt 301'],
  ] as const;
  for (const [title, dialled, step] of ROWS) {
    for (const code of [dialled, `${dialled.slice(0, -1)}X`, 'XN', '?']) {
      const codes = { [code]: { feature: 'busy' } };
      for (const tables of [{ user: codes }, { rights: codes }, { system: codes }]) {
        const where = Object.keys(tables)[0];
        t.equal(stepOf(dialled, officeWith(tables)), step, `${title}, and the code ${code} of the ${where}`);
      }
    }
  }
});

t.test('the first table with a match has the word: of the user, of his rights, of the system', async (t) => {
  const to = (number: string) => ({ feature: 'dial-extension', telephoneNumber: number });
  const [USER, RIGHTS, SYSTEM] = [to('206'), to('207'), to('210')];
  const [byUser, byRights, bySystem] = [/^ring 206 /, /^ring 207 /, /^ring 210 /] as const;
  const ROWS: readonly (readonly [title: string, tables: Tables, step: RegExp])[] = [
    ['of the user, less specific', { user: { '7N': USER }, system: { '71X': SYSTEM, 712: SYSTEM } }, byUser],
    ['of the user, less specific than of his rights', { user: { '7N': USER }, rights: { 712: RIGHTS } }, byUser],
    ['of his rights, less specific', { rights: { '7N': RIGHTS }, system: { '71X': SYSTEM, 712: SYSTEM } }, byRights],
    ['of the user, more specific', { user: { 712: USER }, rights: { '7N': RIGHTS }, system: { N: SYSTEM } }, byUser],
    ['of his rights, more specific', { rights: { 712: RIGHTS }, system: { '7N': SYSTEM } }, byRights],
    ['the same in each', { user: { '7XX': USER }, rights: { '7XX': RIGHTS }, system: { '7XX': SYSTEM } }, byUser],
    ['the same in two', { rights: { '7XX': RIGHTS }, system: { '7XX': SYSTEM } }, byRights],
    ['of the system alone', { user: { '8N': USER }, rights: { '72N': RIGHTS }, system: { '7N': SYSTEM } }, bySystem],
    [
      'the best within a table',
      { user: { '7N': RIGHTS, '7XX': RIGHTS, '71N': USER }, system: { 712: SYSTEM } },
      byUser,
    ],
    ['? of the user counts after each match', { user: { '?': USER }, system: { '7N': SYSTEM } }, bySystem],
    ['? of the user before that of others', { user: { '?': USER }, rights: { '?': RIGHTS } }, byUser],
    ['? of his rights before that of the system', { rights: { '?': RIGHTS }, system: { '?': SYSTEM } }, byRights],
  ];
  for (const [title, tables, step] of ROWS) t.match(stepOf('712', officeWith(tables)), step, title);
});

t.test('a code with the feature Dial Emergency calls for help, whoever dials it', async (t) => {
  const help = { '*999': { feature: 'dial-emergency', telephoneNumber: '999' } };
  const barring = { '*N': { feature: 'barred' } };
  const asHelp = (number: string, shown = '02079460000') =>
    `${[1, 2, 5].map((line) => `${line}:${number} as ${shown}`).join(', ')} HELP ${number} at nowhere`;
  const system = officeWith({ system: { ...help, '9N': { feature: 'dial', telephoneNumber: 'N' } } }, true);
  t.equal(stepOf('902079461111', system), '403 barred', 'the user is barred');
  t.equal(stepOf('*999', system), `line ${asHelp('999')}`);
  t.equal(stepOf('*999#', system), `line ${asHelp('999')}`, 'ended');
  t.equal(stepOf('*999', system, user('212')), `line ${asHelp('999', 'own')}`, 'from a disabled account');
  const nobody: Caller = { kind: 'nobody', extension: '290' };
  t.equal(stepOf('*999', system, nobody), `line ${asHelp('999', 'own')}`, 'where nobody is logged in');
  t.equal(stepOf('*999', system, { kind: 'line', line: '1' }), '404 no-such-number', 'not from outside');
  const ROWS: readonly (readonly [title: string, tables: Tables])[] = [
    ['of the user', { user: help }],
    ['of his rights', { rights: help }],
    ['of the system, where one of the user bars it', { user: barring, system: help }],
    [
      'of the system, where one of his rights bars it better',
      { rights: { '*999': { feature: 'barred' } }, system: help },
    ],
    ['of his rights, where one of the user bars it', { user: barring, rights: help }],
  ];
  for (const [title, tables] of ROWS) t.equal(stepOf('*999', officeWith(tables, true)), `line ${asHelp('999')}`, title);
  const open = officeWith({ system: { '*8N': { feature: 'dial-emergency', telephoneNumber: 'N' } } }, true);
  t.equal(stepOf('*8112', open), `line ${asHelp('112')}`, 'with the digits that stood for N');
  const whole = officeWith({ system: { 1234: { feature: 'dial-emergency' } } }, true);
  t.equal(stepOf('1234', whole), `line ${asHelp('1234')}`, 'without a number: what was dialled');
  const shadowed = officeWith({ system: { 201: { feature: 'dial-emergency', telephoneNumber: '999' } } });
  t.match(stepOf('201', shadowed), /^ring 201 /, 'never what is an extension');
});
