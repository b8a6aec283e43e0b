import { call, extensionOf, forkedCall, type Rule, sippTests, WAYS } from './sipp-bench.ts';

const DATAGRAMS = WAYS.filter(({ via }) => via === 'UDP');
/** sipp takes what comes again for another message, rather than for nothing. */
const SEES_REPETITIONS = { extra: ['-nr'] };

/** RFC 5626 §1: nobody reaches a device behind NAT but by the connection that it made. */
const cutOff: Rule = {
  title: 'a device whose connection was cut is reached when it comes back',
  ways: WAYS.filter(({ via }) => via !== 'UDP'),
  run: async (bench, way) => {
    const [left, right] = await Promise.all([bench.device(way, 'caller'), bench.registered(way, 'callee')]);
    right.cut();
    const unreachable = await left.run('call/unreachable', right.extension);
    await right.succeeds('register/bind');
    const listening = await right.listen('call/answer', left.extension);
    return [unreachable, await left.run('call/call', extensionOf(way, 'callee')), await listening.result];
  },
};

sippTests([
  call('a call is answered, and the caller hangs up', 'call/call', 'call/answer'),
  call('the called device hangs up', 'call/called-hangs-up', 'call/answer-and-hang-up'),
  call('a caller that gives up cancels the call', 'call/cancel', 'call/cancelled'),
  call('a call ends when nobody answers in time', 'call/no-answer', 'call/cancelled'),
  call('a busy device refuses the call', 'call/refused', 'call/busy'),
  call('ten calls follow each other', 'call/call', 'call/answer', { calls: 10 }),
  call('a call is held and retrieved', 'call/hold', 'call/answer-any'),
  call('the called device holds the call and retrieves it', 'call/is-held', 'call/answer-and-hold'),
  call('an INVITE without an offer gets one', 'call/late-offer', 'call/answer-any'),
  call('a re-INVITE without an offer gets one', 'call/offers-late-again', 'call/answer-any'),
  call('a re-INVITE moves the remote target', 'call/moves', 'call/hang-up-later'),
  call('the route set of the caller is kept', 'call/by-proxies', 'call/answer-and-hang-up'),
  call('the route set of the called device is kept', 'call/call-quietly', 'call/by-proxies-called'),
  call('an answer without an ACK comes again', 'call/lost-ack', 'call/answer-any', SEES_REPETITIONS),
  call('an answer that comes again gets another ACK', 'call/call', 'call/answer-again', SEES_REPETITIONS),
  call('an INVITE that comes again makes no second call', 'call/sent-twice', 'call/answer-later', {
    ...SEES_REPETITIONS,
    ways: DATAGRAMS,
  }),
  forkedCall(
    'a device that rings while another answers is told so',
    'call/call-later',
    'call/answer-later',
    'call/rings-elsewhere',
  ),
  forkedCall(
    'a caller that gives up cancels the call everywhere',
    'call/cancel',
    'call/cancelled',
    'call/cancelled-quietly',
  ),
  forkedCall('a call is refused when every device refuses it', 'call/all-busy', 'call/busy', 'call/busy'),
  call('a device is called by the route that it registered', 'call/call', 'call/answer-by-path', {
    registers: 'register/bind-by-path',
  }),
  call('a device is called by its own name', 'call/call-gruu', 'call/answer-any', {
    registers: 'register/bind-instance',
  }),
  cutOff,
  call('requests within a call get what is due to them', 'call/in-call', 'call/answer-any'),
]);
