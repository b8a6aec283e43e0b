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
