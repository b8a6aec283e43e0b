import { IllegalTransitionError } from '../../core/errors.ts';
import type { Input, Machine, Step } from './machine.ts';

export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';

const NAME = 'INVITE server transaction';

/** RFC 3261 §17.2.1, with the Accepted state of RFC 6026 §7.1. It begins once the user has had its say. */
export const inviteServer: Machine<InviteServerState> = {
  name: NAME,
  begin: { state: 'proceeding', effects: ['start-trying'] },

  next(state: InviteServerState, input: Input): Step<InviteServerState> {
    const stay = { state, effects: [] };
    switch (state) {
      case 'proceeding':
        switch (input) {
          case 'request':
            return { state, effects: ['send'] };
          case 'provisional':
            return { state, effects: ['stop-repeat', 'send'] };
          case 'timer-trying':
            return { state, effects: ['send-trying'] };
          case 'success':
            return { state: 'accepted', effects: ['stop-repeat', 'start-l', 'send'] };
          case 'failure':
            return { state: 'completed', effects: ['stop-repeat', 'start-g', 'start-h', 'send'] };
          case 'ack':
            return stay;
          case 'transport-error':
            // RFC 6026 §7.1: it stays, so that an INVITE that comes again is not taken for a new one.
            return { state, effects: ['report-transport-error'] };
        }
        break;
      case 'completed':
        switch (input) {
          case 'request':
            return { state, effects: ['send'] };
          case 'timer-g':
            return { state, effects: ['start-g', 'send'] };
          case 'timer-h':
            return { state: 'terminated', effects: ['report-timeout'] };
          case 'ack':
            return { state: 'confirmed', effects: ['stop-repeat', 'stop-end', 'start-i'] };
          case 'transport-error':
            return { state, effects: ['report-transport-error'] };
        }
        break;
      case 'confirmed':
        switch (input) {
          case 'request':
          case 'ack':
          case 'transport-error':
            return stay;
          case 'timer-i':
            return { state: 'terminated', effects: [] };
        }
        break;
      case 'accepted':
        switch (input) {
          case 'request':
            return stay;
          case 'success':
            return { state, effects: ['send'] };
          case 'ack':
            return { state, effects: ['deliver'] };
          case 'transport-error':
            return { state, effects: ['report-transport-error'] };
          case 'timer-l':
            return { state: 'terminated', effects: [] };
        }
        break;
    }
    throw new IllegalTransitionError(NAME, state, input);
  },
};
