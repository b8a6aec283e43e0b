import { RecordCall } from '../../../firmware/call/feature/record-call.ts';
import { SHORT_CODE_FEATURES } from '../../../firmware/config/schema/short-code.ts';
import { sipOfficeTest } from './sip-office.ts';

const CODES = SHORT_CODE_FEATURES.map((feature, index) => [`*9${String(index).padStart(2, '0')}`, feature] as const);
const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben' } },
  shortCodes: Object.fromEntries(CODES.map(([code, feature]) => [code, { feature, telephoneNumber: '202' }])),
};

sipOfficeTest('whatever a short code can be configured to do is done', OFFICE, async (t, { calls, ...office }) => {
  new RecordCall({
    ...{ calls, mailboxes: () => undefined, configuration: () => office.configuration },
    ...{ clock: calls.services.clock, logger: calls.services.logger },
  }).register();
  for (const [code, feature] of CODES) {
    const { step } = calls.plan({ kind: 'user', user: '201', extension: '201' }, code);
    if (step.kind === 'feature') t.type(calls.runners.runnerOf(step), 'function', feature);
    else t.not(step.kind === 'refuse' && step.reason, 'no-such-number', feature);
  }
});
