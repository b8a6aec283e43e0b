import { IllegalTransitionError } from '../../core/errors.ts';
import type { Input, Machine, Step } from './machine.ts';

export type NonInviteClientState = 'trying' | 'proceeding' | 'completed' | 'terminated';

const NAME = 'non-INVITE client transaction';

/** RFC 3261 §17.1.2. */
export const nonInviteClient: Machine<NonInviteClientState> = {
  name: NAME,
  begin: { state: 'trying', effects: ['start-e', 'start-f', 'send'] },

  next(state: NonInviteClientState, input: Input): Step<NonInviteClientState> {
    const stay = { state, effects: [] };
    switch (state) {
      case 'trying':
      case 'proceeding':
        switch (input) {
          case 'timer-e':
            return { state, effects: [state === 'trying' ? 'start-e' : 'start-e-at-t2', 'send'] };
          case 'timer-f':
            return { state: 'terminated', effects: ['report-timeout'] };
          case 'provisional':
            return { state: 'proceeding', effects: ['deliver'] };
          case 'success':
          case 'failure':
            return { state: 'completed', effects: ['stop-repeat', 'stop-end', 'start-k', 'deliver'] };
          case 'transport-error':
            return { state: 'terminated', effects: ['report-transport-error'] };
        }
        break;
      case 'completed':
        switch (input) {
          case 'provisional':
          case 'success':
          case 'failure':
          case 'transport-error':
            return stay;
          case 'timer-k':
            return { state: 'terminated', effects: [] };
        }
        break;
    }
    throw new IllegalTransitionError(NAME, state, input);
  },
};
