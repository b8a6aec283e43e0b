import { call, sippTests, WAYS } from './sipp-bench.ts';

const DATAGRAMS = WAYS.filter(({ via }) => via === 'UDP');
/** sipp takes what comes again for another message, rather than for nothing. */
const SEES_REPETITIONS = { extra: ['-nr'] };

sippTests([
  call('a call is answered, and the caller hangs up', 'call/call', 'call/answer'),
  call('the called device hangs up', 'call/called-hangs-up', 'call/answer-and-hang-up'),
  call('a caller that gives up cancels the call', 'call/cancel', 'call/cancelled'),
  call('a call ends when nobody answers in time', 'call/no-answer', 'call/cancelled'),
  call('a busy device refuses the call', 'call/refused', 'call/busy'),
  call('ten calls follow each other', 'call/call', 'call/answer', { calls: 10 }),
  call('a call is held and retrieved', 'call/hold', 'call/answer-any'),
  call('an INVITE without an offer gets one', 'call/late-offer', 'call/answer-any'),
  call('a re-INVITE moves the remote target', 'call/moves', 'call/hang-up-later'),
  call('the route set of the caller is kept', 'call/by-proxies', 'call/answer-and-hang-up'),
  call('the route set of the called device is kept', 'call/call-quietly', 'call/by-proxies-called'),
  call('an answer without an ACK comes again', 'call/lost-ack', 'call/answer-any', SEES_REPETITIONS),
  call('an answer that comes again gets another ACK', 'call/call', 'call/answer-again', SEES_REPETITIONS),
  call('an INVITE that comes again makes no second call', 'call/sent-twice', 'call/answer-later', {
    ...SEES_REPETITIONS,
    ways: DATAGRAMS,
  }),
  call('requests within a call get what is due to them', 'call/in-call', 'call/answer-any'),
]);
