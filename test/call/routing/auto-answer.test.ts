import t from 'tap';
import { explainPlan } from '../../../firmware/call/routing/explain.ts';
import type { Plan } from '../../../firmware/call/routing/plan.ts';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import { describeStep } from './support/describe-step.ts';
import { configurationOf, OFFICE, type Present, stateOf, user, WEDNESDAY_NOON } from './support/office.ts';

/** A call of 202 to 201, who has extension 2012, too, and that beside his name. */
function called(settings: object, present: Present = {}, extensions: object = OFFICE.extensions): Plan {
  const configuration = configurationOf({
    ...OFFICE,
    extensions,
    users: { ...OFFICE.users, 201: { name: 'Anna', ...settings } },
  });
  return routeCall({ caller: user('202'), dialled: '201', configuration, at: WEDNESDAY_NOON, state: stateOf(present) });
}

const step = (settings: object): string => describeStep(called({ autoAnswer: 'all', ...settings }).step);

t.test('the devices of a user answer by themselves as he wants', async (t) => {
  t.equal(step({}), 'ring 201 [201-1] 20s auto-answer');
  t.equal(step({ autoAnswer: 'never' }), 'ring 201 [201-1] 20s');
});

t.test('a device of an extension that is set not to only rings', async (t) => {
  const extensions = { ...OFFICE.extensions, 201: { user: '201', autoAnswer: false } };
  const there = called({ autoAnswer: 'all' }, { devices: { 2012: [0] } }, extensions);
  t.equal(describeStep(there.step), 'ring 201 [201-1! 2012-1] 20s auto-answer');
  const alone = called({ autoAnswer: 'all' }, {}, extensions);
  t.equal(describeStep(alone.step), 'ring 201 [201-1] 20s');
});

t.test('those of somebody else whom he follows never do, and his own there do', async (t) => {
  t.equal(step({ followMe: '203' }), 'ring 201 [203-1] 20s');
  const there = called({ autoAnswer: 'all', followMe: '2012' }, { devices: { 2012: [0] } });
  t.equal(describeStep(there.step), 'ring 201 [2012-1] 20s auto-answer');
});

t.test('nor those of whom he is twinned with', async (t) => {
  const plan = called({ autoAnswer: 'all', internalTwinning: '200' });
  t.equal(describeStep(plan.step), 'ring 201 [201-1 200-1!] 20s auto-answer');
  const lines = explainPlan(plan).join('\n');
  t.match(lines, /answered by itself/);
  t.match(lines, /at once: 201-1 \(extension 201\)\n.*200-1 \(extension 200\), which only rings/);
});
