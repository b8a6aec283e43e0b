/** What counts first where a number is several things at once. */
import t from 'tap';
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
function officeWith({ user: own = {}, rights = {}, system = {} }: Tables) {
  return configurationOf({
    ...OFFICE,
    users: { ...OFFICE.users, 200: { ...OFFICE.users[200], userRights: 'Rights', shortCodes: own } },
    userRights: { ...OFFICE.userRights, Rights: { shortCodes: rights } },
    shortCodes: system,
  });
}

function stepOf(dialled: string, configuration: ReturnType<typeof officeWith>): string {
  return describeStep(
    routeCall({ caller: user('200'), dialled, configuration, at: WEDNESDAY_NOON, state: stateOf() }).step,
  );
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
