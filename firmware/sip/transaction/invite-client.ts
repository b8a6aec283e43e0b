import { IllegalTransitionError } from '../../core/errors.ts';
import type { Input, Machine, Step } from './machine.ts';

export type InviteClientState = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';

const NAME = 'INVITE client transaction';

/** RFC 3261 §17.1.1, with the Accepted state of RFC 6026 §7.2. */
export const inviteClient: Machine<InviteClientState> = {
  name: NAME,
  begin: { state: 'calling', effects: ['start-a', 'start-b', 'send'] },

  next(state: InviteClientState, input: Input): Step<InviteClientState> {
    const stay = { state, effects: [] };
    switch (state) {
      case 'calling':
      case 'proceeding':
        switch (input) {
          case 'timer-a':
            if (state === 'calling') return { state, effects: ['start-a', 'send'] };
            break;
          case 'timer-b':
            if (state === 'calling') return { state: 'terminated', effects: ['report-timeout'] };
            break;
          case 'provisional':
            return { state: 'proceeding', effects: ['stop-repeat', 'stop-end', 'deliver'] };
          case 'success':
            return { state: 'accepted', effects: ['stop-repeat', 'stop-end', 'start-m', 'deliver'] };
          case 'failure':
            return { state: 'completed', effects: ['stop-repeat', 'stop-end', 'start-d', 'send-ack', 'deliver'] };
          case 'transport-error':
            // In Proceeding the request has arrived: a late error of an earlier copy means nothing.
            return state === 'calling' ? { state: 'terminated', effects: ['report-transport-error'] } : stay;
        }
        break;
      case 'completed':
        switch (input) {
          case 'failure':
            return { state, effects: ['send-ack'] };
          case 'provisional':
          case 'success':
            return stay;
          case 'timer-d':
            return { state: 'terminated', effects: [] };
          case 'transport-error':
            return { state: 'terminated', effects: ['report-transport-error'] };
        }
        break;
      case 'accepted':
        switch (input) {
          case 'success':
            return { state, effects: ['deliver'] };
          case 'provisional':
          case 'failure':
          case 'transport-error':
            return stay;
          case 'timer-m':
            return { state: 'terminated', effects: [] };
        }
        break;
    }
    throw new IllegalTransitionError(NAME, state, input);
  },
};
