/** Where a call over a line goes that its destination does not take. */
import t from 'tap';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import { describeStep, texts } from './support/describe-step.ts';
import { configurationOf, OFFICE, type Present, stateOf, WEDNESDAY_NIGHT, WEDNESDAY_NOON } from './support/office.ts';

function planOf(route: object, present: Present = {}, at = WEDNESDAY_NOON) {
  const configuration = configurationOf({ ...OFFICE, incomingRoutes: { Only: { lineGroup: 1, ...route } } });
  const caller = { kind: 'line', line: '1' } as const;
  return routeCall({ caller, dialled: '02079460123', configuration, at, state: stateOf(present) });
}

interface Row {
  readonly title: string;
  readonly route: object;
  readonly present?: Present;
  readonly at?: number;
  readonly step: string;
}

const NOBODY_THERE = { devices: { 200: [], 201: [], 202: [], 210: [], 215: [] } };

const ROWS: readonly Row[] = [
  {
    title: 'nobody answers, cannot be reached, is busy, and has set nothing',
    route: { destination: '207', fallback: '301' },
    step: 'ring 207 [207-1] 20s external {busy+declined+noAnswer+unreachable: hunt 301 <207 unavailable}',
  },
  {
    title: 'what the user has set goes before it, and the fallback comes after that',
    route: { destination: '213', fallback: '207' },
    step: 'ring 213 [213-1] 20s external {busy+declined: ring 207 [207-1] 20s external <213 unavailable; noAnswer: ring 214 [214-1] 20s external <213 no-answer {busy+declined+noAnswer+unreachable: ring 207 [207-1] 20s external <213 unavailable}; unreachable: ring 214 [214-1] 20s external <213 unavailable {busy+declined+noAnswer+unreachable: ring 207 [207-1] 20s external <213 unavailable}}',
  },
  {
    title: 'a mailbox takes it',
    route: { destination: '201', fallback: '200' },
    step: 'ring 201 [201-1] 25s external {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'who declines with 603 wants that told',
    route: { destination: '211', fallback: '207' },
    present: { devices: { 200: [] } },
    step: 'ring 211 [211-1] 20s external 603 {busy+noAnswer+unreachable: ring 207 [207-1] 20s external <211 unavailable}',
  },
  {
    title: 'do not disturb',
    route: { destination: '215', fallback: '207' },
    step: 'ring 207 [207-1] 20s external <215 unavailable',
  },
  {
    title: 'no device is registered',
    route: { destination: '207', fallback: '200' },
    present: { devices: { 207: [] } },
    step: 'ring 200 [200-1] 20s external <207 unavailable',
  },
  {
    title: 'a group that nobody answers',
    route: { destination: '301', fallback: '207' },
    step: 'hunt 301 {busy+noAnswer+unreachable: ring 207 [207-1] 20s external <301 unavailable}',
  },
  {
    title: 'a group by night',
    route: { destination: '200', nightDestination: '212', timeProfile: 'Office hours', fallback: '207' },
    at: WEDNESDAY_NIGHT,
    step: 'ring 207 [207-1] 20s external <212 unavailable',
  },
  {
    title: 'whoever was rung already does not ring again',
    route: { destination: '202', fallback: '200' },
    step: 'ring 202 [202-1] 20s external {busy+declined: ring 200 [200-1] 20s external <202 user-busy; noAnswer+unreachable: ring 200 [200-1] 20s external <202 unavailable}',
  },
  {
    title: 'to itself',
    route: { destination: '200', fallback: '200' },
    step: 'ring 200 [200-1] 20s external',
  },
  {
    title: 'neither is there: what the fallback says is told',
    route: { destination: '207', fallback: '215' },
    present: { devices: { ...NOBODY_THERE.devices, 207: [] } },
    step: '486 do-not-disturb',
  },
  {
    title: 'forwards that go round',
    route: { destination: '208', fallback: '200' },
    step: 'ring 200 [200-1] 20s external <208 unavailable',
  },
];

for (const { title, route, present, at, step } of ROWS) {
  t.test(`fallback of a route: ${title}`, async (t) => {
    t.equal(describeStep(planOf(route, present, at).step), step);
  });
}

t.test('the decisions say that it falls back, and where', async (t) => {
  const plan = planOf({ destination: '215', fallback: '207' });
  t.ok(texts(plan).includes('where nobody takes it, the route falls back on 207'), texts(plan).join('\n'));
});

t.test('a group that leads on when it is full, and at no time, has its callers wait', async (t) => {
  const { huntGroups } = OFFICE;
  const configuration = configurationOf({
    ...OFFICE,
    huntGroups: { ...huntGroups, 305: { name: 'Shop', overflow: { group: '301' }, members: [{ user: '202' }] } },
    incomingRoutes: { Only: { lineGroup: 1, destination: '305', fallback: '207' } },
  });
  const caller = { kind: 'line', line: '1' } as const;
  const request = { caller, dialled: '1', configuration, at: WEDNESDAY_NOON, state: stateOf() };
  t.equal(
    describeStep(routeCall(request).step),
    'hunt 305 {busy+unreachable: hunt 301 <305 no-answer {busy+noAnswer+unreachable: ring 207 [207-1] 20s external <305 unavailable}}',
  );
});
