import fc from 'fast-check';
import t from 'tap';
import { MAX_DIALLED_CHARACTERS } from '../../../firmware/call/routing/dialled.ts';
import { type Caller, MAX_DIVERSIONS, type Plan, type Step } from '../../../firmware/call/routing/plan.ts';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import { complete } from '../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../../firmware/config/schema/tree.ts';
import { configurationOf, OFFICE, stateOf, user, WEDNESDAY_NOON } from './support/office.ts';

/** More than any plan has: each step stands for a ring or a group, and for what may follow it. */
const MAX_STEPS = 200;
const MAX_DEPTH = 2 * MAX_DIVERSIONS;

function after(step: Step): readonly Step[] {
  return 'after' in step ? Object.values(step.after).filter((each) => each !== undefined) : [];
}

/** Walks all of a plan; the number of steps. Throws where it is no plan. */
function checkPlan({ step, decisions }: Plan): number {
  let count = 0;
  const walk = (each: Step, depth: number): void => {
    count += 1;
    if (depth > MAX_DEPTH) throw new Error('deeper than any plan');
    if (each.kind === 'ring' && each.targets.length === 0) throw new Error('a ring of nobody');
    if (each.kind === 'line' && each.call.attempts.length === 0) throw new Error('a call without a line');
    if (each.kind === 'refuse' && each.why === '') throw new Error('a refusal without a reason');
    if ('diversions' in each && each.diversions.length > MAX_DIVERSIONS) throw new Error('too many diversions');
    for (const next of after(each)) walk(next, depth + 1);
  };
  walk(step, 0);
  if (count > MAX_STEPS) throw new Error(`${count} steps`);
  if (decisions.length === 0) throw new Error('no decision');
  return count;
}

const NUMBERS = ['200', '201', '202', '203', '204', '300', '301'];
const target = fc.constantFrom(...NUMBERS, '*1', '9123', '+4412345', '', '0', '*', '99999');
const forward = fc.record({ enabled: fc.boolean(), number: target });
const code = fc.string({ unit: fc.constantFrom(...'0123456789XNZ.*#?;+'), minLength: 1, maxLength: 31 });
const feature = fc.constantFrom(
  'dial',
  'dial-extension',
  'speed-dial',
  'barred',
  'busy',
  'call-park',
  'dial-emergency',
  'voicemail-collect',
);
const shortCodes = fc.dictionary(
  code,
  fc.record({ feature, telephoneNumber: fc.constantFrom('N', '.', '201', '', '*1', '9N', 'NNNN', '203') }),
  {
    maxKeys: 12,
  },
);
const person = fc.record({
  enabled: fc.boolean(),
  callWaiting: fc.boolean(),
  followMe: target,
  coverageNumber: target,
  forwardUnconditional: forward,
  forwardOnBusy: forward,
  forwardOnNoAnswer: forward,
  internalTwinning: fc.option(fc.constantFrom('200', '201', '202'), { nil: undefined }),
  twinning: fc.record({ enabled: fc.boolean(), number: target }),
  doNotDisturb: fc.record({ enabled: fc.boolean(), exceptions: fc.constant(['20NN']) }),
  voicemail: fc.record({ enabled: fc.boolean() }),
  shortCodes,
});
const group = fc.record({
  overflow: fc.record({ seconds: fc.nat({ max: 20 }), group: fc.constantFrom('300', '301') }),
  nightService: fc.record({ active: fc.boolean(), group: fc.constantFrom('300', '301') }),
  voicemail: fc.boolean(),
});
const route = fc.record({
  inService: fc.boolean(),
  alternateRoute: fc.constantFrom('Main', 'Other'),
  outOfServiceRoute: fc.constantFrom('Main', 'Other'),
  codes: fc.array(fc.record({ code, number: fc.constantFrom('N', '.', '1') }), { maxLength: 5 }),
});

/** Not checked as an edit is: routing must end with whatever stands there, circles among it. */
const anyConfiguration = fc
  .record({
    users: fc.tuple(person, person, person, person, person),
    groups: fc.tuple(group, group),
    routes: fc.tuple(route, route),
    shortCodes,
    trunkToTrunk: fc.constantFrom('never', 'forwarded'),
  })
  .map(({ users, groups, routes, shortCodes: codes, trunkToTrunk }) => {
    const parts = {
      system: { telephony: { trunkToTrunk } },
      users: Object.fromEntries(users.map((each, index) => [String(200 + index), { name: `User ${index}`, ...each }])),
      extensions: Object.fromEntries(users.map((_each, index) => [String(200 + index), { user: String(200 + index) }])),
      huntGroups: Object.fromEntries(
        groups.map((each, index) => [String(300 + index), { name: `Group ${index}`, ...each }]),
      ),
      shortCodes: codes,
      lines: { 1: {}, 2: { incomingGroup: 1 } },
      incomingRoutes: { All: { destination: '200' }, Other: { lineGroup: 1, destination: '300' } },
      arsRoutes: { Main: routes[0], Other: routes[1] },
      classesOfService: { A: { otherwise: 'A', timeProfile: 'Gone' } },
    };
    return complete(nodeOf(configurationSchema), parts) as Configuration;
  });

const anyDialled = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.string({ unit: fc.constantFrom(...'0123456789*#+;XN'), maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const anyCaller: fc.Arbitrary<Caller> = fc.constantFrom<Caller>(
  user('200'),
  user('204'),
  user('999'),
  { kind: 'line', line: '1', callerNumber: '123' },
  { kind: 'line', line: '2' },
  { kind: 'line', line: '99' },
  { kind: 'nobody', extension: '290' },
);

t.test('every plan ends, whatever is configured and dialled', async (t) => {
  let steps = 0;
  fc.assert(
    fc.property(
      anyConfiguration,
      fc.array(fc.tuple(anyCaller, anyDialled), { minLength: 8, maxLength: 8 }),
      fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
      (configuration, calls, busy) => {
        const state = stateOf({ devices: { 201: busy, 202: [] } });
        for (const [caller, dialled] of calls) {
          steps = Math.max(steps, checkPlan(routeCall({ caller, dialled, configuration, at: WEDNESDAY_NOON, state })));
        }
      },
    ),
    { numRuns: 1500, seed: 20261126 },
  );
  t.ok(steps > 5, `plans of up to ${steps} steps`);
});

t.test('what no phone dials is refused, and quickly', async (t) => {
  const configuration = configurationOf({
    ...OFFICE,
    shortCodes: Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`${'N1'.repeat(10)}N${index}`, {}])),
  });
  const hostile = [
    '1'.repeat(100_000),
    '1'.repeat(MAX_DIALLED_CHARACTERS),
    `${'1'.repeat(MAX_DIALLED_CHARACTERS - 1)}2`,
    ';;;;',
    ';'.repeat(5000),
    '#'.repeat(60),
    '*'.repeat(60),
    '\0',
    '201\0',
    '２０１',
    '20١',
    '😀',
    '\ud800',
    '‮201',
    '__proto__',
    'constructor',
    'toString',
    ' '.repeat(10_000),
    "201'--",
    '201\r\nVia: x',
    'NNNN',
    '????',
  ];
  for (const dialled of hostile) {
    const { step } = routeCall({ caller: user('200'), dialled, configuration, at: WEDNESDAY_NOON, state: stateOf() });
    t.match(step, { kind: 'refuse', status: /^4/ }, JSON.stringify(dialled.slice(0, 20)));
  }
});

t.test('matching takes time in proportion to what was dialled, and not more', async (t) => {
  const configuration = configurationOf({
    ...OFFICE,
    shortCodes: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${'N1'.repeat(11)}N${index}`, {}])),
  });
  const time = (length: number): number => {
    const dialled = '1'.repeat(length);
    const samples = Array.from({ length: 7 }, () => {
      const began = performance.now();
      for (let count = 0; count < 20; count += 1) {
        routeCall({ caller: user('200'), dialled, configuration, at: WEDNESDAY_NOON, state: stateOf() });
      }
      return performance.now() - began;
    });
    return samples.sort((a, b) => a - b)[0] ?? 0;
  };
  time(60);
  const [short, long] = [time(20), time(60)];
  // Three times the digits: exponential matching would take 2^40 times as long.
  t.ok(long < 40 * short, `${short.toFixed(1)} ms and ${long.toFixed(1)} ms`);
});
