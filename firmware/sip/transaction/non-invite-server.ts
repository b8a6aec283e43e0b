import { IllegalTransitionError } from '../../core/errors.ts';
import type { Input, Machine, Step } from './machine.ts';

export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated';

const NAME = 'non-INVITE server transaction';

/** RFC 3261 §17.2.2. */
export const nonInviteServer: Machine<NonInviteServerState> = {
  name: NAME,
  begin: { state: 'trying', effects: [] },

  next(state: NonInviteServerState, input: Input): Step<NonInviteServerState> {
    switch (state) {
      case 'trying':
      case 'proceeding':
        switch (input) {
          case 'request':
            return { state, effects: state === 'trying' ? [] : ['send'] };
          case 'provisional':
            return { state: 'proceeding', effects: ['send'] };
          case 'success':
          case 'failure':
            return { state: 'completed', effects: ['start-j', 'send'] };
          case 'transport-error':
            return { state: 'terminated', effects: ['report-transport-error'] };
        }
        break;
      case 'completed':
        switch (input) {
          case 'request':
            return { state, effects: ['send'] };
          case 'timer-j':
            return { state: 'terminated', effects: [] };
          case 'transport-error':
            return { state: 'terminated', effects: ['report-transport-error'] };
        }
        break;
    }
    throw new IllegalTransitionError(NAME, state, input);
  },
};
