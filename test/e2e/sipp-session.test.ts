import { alone, call, sippTests } from './sipp-bench.ts';

sippTests([
  call('whoever requires it gets reliable provisional responses', 'call/reliable', 'call/answer-later'),
  call('a reliable provisional response is acknowledged', 'call/progress', 'call/answer-reliably'),
  call('early media are heard before the answer', 'call/early-media', 'call/answer-with-early-media'),
  call('UPDATE holds, retrieves and moves', 'call/update', 'call/hang-up-later'),
  call('a session gets the time that both sides agree on', 'call/timed', 'call/answer-timed'),
  call('a caller that wants privacy is shown to nobody', 'call/call-secretly', 'call/answer-nobody'),
  call('the reason of a CANCEL is passed on', 'call/cancel-for-a-reason', 'call/cancelled-for-a-reason'),
  call('the reason of a BYE is passed on', 'call/hang-up-for-a-reason', 'call/hung-up-for-a-reason'),
  call('an INVITE that comes back is a loop', 'call/refused-in-the-end', 'call/loops'),
  call('a transfer to nowhere is refused', 'call/transfer', 'call/answer-any'),
  alone('a call that is not there is not replaced', 'call/replaces'),
]);
