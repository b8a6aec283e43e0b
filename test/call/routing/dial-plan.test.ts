import t from 'tap';
import { dialPlanOf, rewriteNumber } from '../../../firmware/call/routing/dial-plan.ts';
import { numberingOf, numberingOfLine, readNumber } from '../../../firmware/call/routing/numbering.ts';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import { describeStep } from './support/describe-step.ts';
import { configurationOf, stateOf, user, WEDNESDAY_NOON } from './support/office.ts';

/** The values that the manuals name as examples. */
const NORTH_AMERICA = {
  outsidePrefix: '9',
  countryCode: '1',
  cityCodes: ['555', '777'],
  pbxPrefix: '88',
  longDistancePrefix: '1',
  internationalPrefix: '011',
  extensionLengths: ['3', '4'],
  nationalLengths: ['10'],
  removeAreaCode: true,
  applyToPlusNumbers: true,
};
const BRITAIN = {
  outsidePrefix: '9',
  countryCode: '44',
  cityCodes: ['20'],
  extensionLengths: ['3', '4'],
  nationalLengths: ['10'],
};

function planOf(locale: string, dialPlan: object) {
  const configuration = configurationOf({
    system: { locale, telephony: { dialPlan: { enabled: true, ...dialPlan } } },
  });
  return dialPlanOf(configuration, undefined);
}

t.test('numbers as people write them are dialled as the system wants them', async (t) => {
  const plans = {
    america: planOf('en-US', NORTH_AMERICA),
    'with area codes': planOf('en-US', { ...NORTH_AMERICA, removeAreaCode: false }),
    'without plus': planOf('en-US', { ...NORTH_AMERICA, applyToPlusNumbers: false }),
    britain: planOf('en-GB', { ...BRITAIN, applyToPlusNumbers: true }),
    'britain, local': planOf('en-GB', { ...BRITAIN, removeAreaCode: true, applyToPlusNumbers: true }),
    none: planOf('en-US', { ...NORTH_AMERICA, enabled: false }),
  };
  const cases: readonly (readonly [plan: keyof typeof plans, number: string, dialled: string | undefined])[] = [
    // Internal numbers, and what is a code or has its prefix already.
    ['america', '201', undefined],
    ['america', '2010', undefined],
    ['america', '*17', undefined],
    ['america', '88201', '201'],
    ['america', '95551234', undefined],
    ['america', '912125550123', undefined],
    // National numbers, those of the own areas without their area code.
    ['america', '2125550123', '912125550123'],
    ['america', '5550123456', '90123456'],
    ['america', '7770123456', '90123456'],
    ['america', '12125550123', '912125550123'],
    ['america', '15550123456', '90123456'],
    ['america', '9135550123', '919135550123'],
    ['with area codes', '5550123456', '95550123456'],
    ['with area codes', '2125550123', '912125550123'],
    // Local and international ones.
    ['america', '0123456', '90123456'],
    ['america', '011442079460123', '9011442079460123'],
    // In international form, where that is asked for.
    ['america', '+12125550123', '912125550123'],
    ['america', '+15550123456', '90123456'],
    ['america', '+442079460123', '9011442079460123'],
    ['without plus', '+442079460123', undefined],
    ['britain', '2079460123', '902079460123'],
    ['britain', '02079460123', '902079460123'],
    ['britain', '442079460123', '902079460123'],
    ['britain', '+442079460123', '902079460123'],
    ['britain', '+12125550123', '90012125550123'],
    ['britain', '0012125550123', '90012125550123'],
    ['britain, local', '02079460123', '979460123'],
    ['britain, local', '01632960123', '901632960123'],
    ['none', '2125550123', undefined],
  ];
  for (const [plan, number, dialled] of cases)
    t.equal(rewriteNumber(number, plans[plan])?.number, dialled, `${plan}: ${number}`);
});

t.test('a user has the plan of the system, one of his own, or none', async (t) => {
  const own = { use: 'own', ...BRITAIN, outsidePrefix: '0' };
  const configuration = configurationOf({
    system: { locale: 'en-GB', telephony: { dialPlan: { enabled: true, ...BRITAIN } } },
    users: {
      201: { name: 'a' },
      202: { name: 'b', dialPlan: own },
      203: { name: 'c', dialPlan: { use: 'none' } },
    },
    shortCodes: { '9N': { telephoneNumber: 'N' }, '00N': { telephoneNumber: '7N' } },
    lines: { 1: { domain: 'example.com', userName: 'x' } },
  });
  const dial = (from: string, dialled: string) =>
    describeStep(routeCall({ caller: user(from), dialled, configuration, at: WEDNESDAY_NOON, state: stateOf() }).step);
  t.equal(dial('201', '02079460123'), 'line 1:02079460123 as own');
  t.equal(dial('202', '02079460123'), 'line 1:72079460123 as own', 'by his own prefix');
  t.equal(dial('203', '02079460123'), '404 no-such-number');
  t.equal(dial('201', '+442079460123'), 'line 1:+442079460123 as own', 'left as it is');
  t.equal(dial('201', '999'), 'line 1:999 as own HELP 999 at nowhere', 'help needs no plan');
});

t.test('numbers in international form, and how far away they are', async (t) => {
  const fields = { ...configurationOf({}).system.telephony.dialPlan };
  const london = numberingOf('en-GB', { ...fields, cityCodes: ['20'], nationalLengths: ['10'] });
  const cases: readonly (readonly [
    numbering: ReturnType<typeof numberingOf>,
    number: string,
    e164: string | undefined,
    range: string,
  ])[] = [
    [london, '02079460123', '+442079460123', 'local'],
    [london, '79460123', '+442079460123', 'local'],
    [london, '01632960123', '+441632960123', 'national'],
    [london, '0012125550123', '+12125550123', 'international'],
    [london, '+442079460123', '+442079460123', 'local'],
    [london, '+8816123456', '+8816123456', 'international'],
    [london, '118118', undefined, 'local'],
    [london, '442079460123', undefined, 'international'],
    [numberingOf('en-US', undefined), '2125550123', '+12125550123', 'national'],
    [numberingOf('en-US', undefined), '12125550123', '+12125550123', 'national'],
    [numberingOf('en-US', undefined), '18095550123', '+18095550123', 'international'],
    [numberingOf('en-US', undefined), '011442079460123', '+442079460123', 'international'],
    [numberingOf('de-DE', undefined), '0301234567', '+49301234567', 'national'],
    [numberingOf('xx-QQ', undefined), '0301234567', undefined, 'national'],
    [london, '00', undefined, 'international'],
    // Codes of the network hide nothing.
    [london, '#31#0012125550123', '+12125550123', 'international'],
    [london, '*31##31#02079460123', '+442079460123', 'local'],
    [london, '*67', undefined, 'local'],
    [london, '*670012125550123', undefined, 'international'],
    [london, '0+12125550123', undefined, 'international'],
    [london, 'x0012125550123', undefined, 'international'],
    [numberingOf('ja-JP', undefined), '0033010442079460123', undefined, 'international'],
    [numberingOf('en-AU', undefined), '0014442079460123', undefined, 'international'],
    [london, '', undefined, 'local'],
  ];
  for (const [numbering, number, e164, range] of cases)
    t.strictSame(readNumber(number, numbering), { e164, range }, number);
});

t.test('how far away a number is depends on where the line ends', async (t) => {
  const NOWHERE = { countryCode: '', areaCode: '', nationalPrefix: '0', internationalPrefix: '00' };
  const BERLIN = { ...NOWHERE, countryCode: '49', areaCode: '30' };
  const NEW_YORK = { countryCode: '1', areaCode: '212', nationalPrefix: '1', internationalPrefix: '' };
  for (const [locale, plan, number, isAbroad] of [
    ['en-US', BERLIN, '0301234567', false],
    ['en-US', BERLIN, '+49301234567', false],
    ['en-US', BERLIN, '0049301234567', false],
    ['en-US', BERLIN, '+12125550123', true],
    ['en-US', BERLIN, '011', false],
    ['en-US', NOWHERE, '011442079460000', true],
    ['en-US', NOWHERE, '12125550123', false],
    ['en-US', NEW_YORK, '011442079460000', true],
    ['en-US', NEW_YORK, '18765550123', true],
    ['en-US', NEW_YORK, '2125550123', false],
    ['xx-QQ', NOWHERE, '0049301234567', true],
    ['xx-QQ', NOWHERE, '0301234567', false],
  ] as const) {
    const { range } = readNumber(number, numberingOfLine(numberingOf(locale, undefined), plan));
    t.equal(range === 'international', isAbroad, `${locale}, ${plan.countryCode}: ${number}`);
  }
});
