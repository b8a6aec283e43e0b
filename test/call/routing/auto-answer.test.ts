import t from 'tap';
import type { Step } from '../../../firmware/call/routing/plan.ts';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import { describeStep } from './support/describe-step.ts';
import { configurationOf, OFFICE, stateOf, user, WEDNESDAY_NOON } from './support/office.ts';

/** What becomes of a call of 201 to 210, who has that beside his name. */
function called(settings: object): Step {
  const configuration = configurationOf({ ...OFFICE, users: { ...OFFICE.users, 210: { name: 'Jim', ...settings } } });
  const request = { caller: user('201'), dialled: '210', configuration, at: WEDNESDAY_NOON, state: stateOf() };
  return routeCall(request).step;
}

t.test('the devices of a user answer by themselves as he wants', async (t) => {
  t.equal(describeStep(called({ autoAnswer: 'all' })), 'ring 210 [210-1] 20s auto-answer');
  t.equal(describeStep(called({})), 'ring 210 [210-1] 20s');
});

t.test('those of somebody else whom he follows never do', async (t) => {
  t.equal(describeStep(called({ autoAnswer: 'all', followMe: '202' })), 'ring 210 [202-1] 20s');
});

t.test('nor those of whom he is twinned with', async (t) => {
  const step = called({ autoAnswer: 'all', internalTwinning: '200' });
  t.match(step, { kind: 'ring', autoAnswer: true });
  if (step.kind !== 'ring') return;
  t.match(step.targets, [
    { device: '210-1', onlyRings: undefined },
    { device: '200-1', onlyRings: true },
  ]);
});
