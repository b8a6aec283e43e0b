import t from 'tap';
import { PresentState, type PresentStateOptions } from '../../firmware/call/present-state.ts';
import type { EmergencyCall } from '../../firmware/call/routing/plan.ts';
import { FakeClock } from '../support/fake-clock.ts';

t.test('help may call back for as long as is configured, wherever the time of day is set meanwhile', async (t) => {
  for (const years of [0, 50, -50]) {
    const clock = new FakeClock();
    const state = new PresentState({ clock } as unknown as PresentStateOptions);
    const call: Partial<EmergencyCall> = { extension: '201', callBackSeconds: 600 };
    state.noteEmergency('+4930555201', call as EmergencyCall);
    const calledBack = (): string | undefined => state.emergencyCallBack((shown) => shown === '+4930555201');
    clock.jump(years * 365 * 86_400_000);
    t.equal(calledBack(), '201', `${years} years`);
    clock.advance(599_999);
    t.equal(calledBack(), '201');
    clock.advance(1);
    t.equal(calledBack(), undefined);
  }
});
