import { IllegalTransitionError } from '../../core/errors.ts';
import type { Input, Machine, Step } from './machine.ts';

export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated';

const NAME = 'non-INVITE server transaction';

// Made once: this machine runs for every REGISTER.
type ServerStep = Step<NonInviteServerState>;
const STAY_TRYING: ServerStep = { state: 'trying', effects: [] };
const PROCEED: ServerStep = { state: 'proceeding', effects: ['stop-repeat', 'send'] };
const TRY: ServerStep = { state: 'proceeding', effects: ['send-trying'] };
const COMPLETE: ServerStep = { state: 'completed', effects: ['stop-repeat', 'start-j', 'send'] };
const REPEAT: ServerStep = { state: 'completed', effects: ['send'] };
const END: ServerStep = { state: 'terminated', effects: [] };
const FAIL: ServerStep = { state: 'terminated', effects: ['report-transport-error'] };

/**
 * RFC 3261 §17.2.2. It begins once the user has had its say: a request that is answered at once needs no timer but J.
 * RFC 4320 §4.1 has it send 100 where there is no answer for long, and after 64*T1 nobody waits for one.
 */
export const nonInviteServer: Machine<NonInviteServerState> = {
  name: NAME,
  begin: { state: 'trying', effects: ['start-late', 'start-lapse'] },

  next(state: NonInviteServerState, input: Input): ServerStep {
    switch (state) {
      case 'trying':
      case 'proceeding':
        switch (input) {
          case 'request':
            return state === 'trying' ? STAY_TRYING : { state, effects: ['send'] };
          case 'provisional':
            return PROCEED;
          case 'success':
          case 'failure':
            return COMPLETE;
          case 'transport-error':
            return FAIL;
          case 'timer-late':
            return TRY;
          case 'timer-lapse':
            return END;
        }
        break;
      case 'completed':
        switch (input) {
          case 'request':
            return REPEAT;
          case 'timer-j':
            return END;
          case 'transport-error':
            return FAIL;
        }
        break;
    }
    throw new IllegalTransitionError(NAME, state, input);
  },
};
