import t from 'tap';
import type { IncomingRefer, ReferProgress, SipStackOptions } from '../../../firmware/sip/stack.ts';
import { ANSWER, Conversation } from '../support/called.ts';
import { header, toTag } from '../support/raw-peer.ts';
import { turns } from '../support/stacks.ts';

const accept = (invite: { accept(options: { sdp: string }): boolean }): boolean => invite.accept({ sdp: ANSWER });
const REFER = [
  'Refer-To: <sip:203@127.0.0.1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>',
  'Referred-By: <sip:202@x>;cid="1"',
];

/** A stack that takes every REFER but those to 666. */
async function referring(options: Partial<SipStackOptions> = {}) {
  const refers: IncomingRefer[] = [];
  const progress: ReferProgress[] = [];
  const call = await Conversation.open(accept, {
    ...options,
    more: {
      onRefer(refer) {
        if (refer.referTo.uri.includes('666')) return false;
        refers.push(refer);
        progress.push(refer.accept());
        return true;
      },
    },
  });
  return { call, refers, progress };
}

t.test('a REFER that nobody takes gets 405, in a session and outside', async (t) => {
  const call = await Conversation.open(accept);
  const { tag, ok } = await call.establish();
  t.notMatch(header(ok, 'Allow'), /REFER/);
  t.match(await call.ask('REFER', 2, { toTag: tag, headers: REFER }), /^SIP\/2.0 405 (.*\r\n)*Allow: /);
  t.match(await call.ask('REFER', 1, { callId: 'out', headers: REFER }), /^SIP\/2.0 405 /);
  t.ok(call.invite.established);
  await call.close();
});

t.test('REFER: 202, a NOTIFY at once, one for each step, and the end (RFC 3515 §2.4.4)', async (t) => {
  const { call, refers, progress } = await referring();
  const { tag, ok } = await call.establish();
  t.match(header(ok, 'Allow'), /REFER/);
  t.match(header(ok, 'Supported'), /norefersub/);
  const accepted = await call.ask('REFER', 2, { toTag: tag, headers: REFER });
  t.match(accepted, /^SIP\/2.0 202 (.*\r\n)*Contact: /);
  const first = await call.peer.next(/^NOTIFY/);
  t.match(first, /\r\n\r\nSIP\/2\.0 100 Trying\r\n$/);
  t.equal(header(first, 'Event'), 'refer;id=2');
  t.equal(header(first, 'Content-Type'), 'message/sipfrag;version=2.0');
  t.equal(header(first, 'Subscription-State'), 'active;expires=180');
  t.equal(toTag(first), 'peer');
  t.match(header(first, 'From'), new RegExp(tag), 'in the dialog of the session');
  const [refer] = refers;
  t.match(refer, {
    referredBy: '<sip:202@x>;cid="1"',
    referTo: { uri: 'sip:203@127.0.0.1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc' },
    wantsProgress: true,
    dialog: { callId: 'raw', localTag: tag },
  });
  progress[0]?.notify(180);
  progress[0]?.notify(183);
  call.answer(first, '200 OK');
  const second = await call.peer.next(/^NOTIFY/);
  t.match(second, /SIP\/2\.0 183 Session Progress\r\n$/, 'the newest alone');
  call.answer(second, '200 OK');
  await turns();
  progress[0]?.notify(200);
  const last = await call.peer.next(/^NOTIFY/);
  t.equal(header(last, 'Subscription-State'), 'terminated;reason=noresource');
  t.match(last, /SIP\/2\.0 200 OK\r\n$/);
  call.answer(last, '200 OK');
  await turns();
  progress[0]?.notify(500);
  t.same(await call.silence(), []);
  t.equal(await call.close(), 0);
});

t.test('a REFER without subscription (RFC 4488), outside a session, malformed, unwelcome', async (t) => {
  const { call, refers, progress } = await referring();
  const quiet = await call.ask('REFER', 1, {
    callId: 'a',
    headers: [...REFER, 'Refer-Sub: false', 'Require: norefersub'],
  });
  t.match(quiet, /^SIP\/2.0 202 (.*\r\n)*Refer-Sub: false/);
  progress[0]?.notify(200);
  t.same(await call.silence(), []);
  t.equal(refers[0]?.wantsProgress, false);
  t.match(await call.ask('REFER', 1, { callId: 'b', headers: REFER }), /^SIP\/2.0 202 /);
  t.equal(refers[1]?.dialog, undefined);
  const notify = await call.peer.next(/^NOTIFY/);
  t.equal(header(notify, 'Call-ID'), 'b');
  call.answer(notify, '481 Gone');
  await turns();
  progress[1]?.notify(200);
  t.same(await call.silence(), [], '481 ends it');
  t.match(await call.ask('REFER', 1, { callId: 'c' }), /^SIP\/2.0 400 /, 'no Refer-To');
  t.match(await call.ask('REFER', 1, { callId: 'd', headers: [...REFER, ...REFER] }), /^SIP\/2.0 400 /, 'two');
  t.match(await call.ask('REFER', 1, { callId: 'e', headers: ['Refer-To: <sip:203'] }), /^SIP\/2.0 400 /);
  t.match(await call.ask('REFER', 1, { callId: 'f', headers: ['Refer-To: sip:666@x'] }), /^SIP\/2.0 603 /);
  t.match(await call.ask('REFER', 1, { callId: 'g', toTag: 'x', headers: REFER }), /^SIP\/2.0 481 /);
  t.equal(await call.close(), 0);
});

t.test('REFER of ours, and what its NOTIFYs tell', async (t) => {
  const call = await Conversation.open(accept);
  const { tag } = await call.establish();
  const heard: string[] = [];
  const answered = call.invite.refer({
    referTo: '<sip:203@ringdown>',
    referredBy: '<sip:201@ringdown>',
    onProgress: (status, reason, isOver) => heard.push(`${status} ${reason} ${isOver}`),
  });
  const refer = await call.peer.next(/^REFER/);
  t.equal(header(refer, 'Refer-To'), '<sip:203@ringdown>');
  t.equal(header(refer, 'Referred-By'), '<sip:201@ringdown>');
  t.equal(header(refer, 'Refer-Sub'), '');
  call.answer(refer, '202 Accepted');
  t.equal((await answered).status, 202);
  const notify = async (cseq: number, state: string, fragment: string, event = 'refer;id=1'): Promise<string> =>
    call.ask('NOTIFY', cseq, {
      toTag: tag,
      headers: [`Event: ${event}`, `Subscription-State: ${state}`],
      body: fragment,
    });
  t.match(await notify(2, 'active;expires=60', 'SIP/2.0 100 Trying\r\n', 'refer'), /^SIP\/2.0 200 /);
  t.match(await notify(3, 'active', 'SIP/2.0 180 Ringing\r\nTo: x\r\n'), /^SIP\/2.0 200 /);
  t.match(await notify(4, 'active', 'nonsense'), /^SIP\/2.0 200 /);
  t.match(await notify(5, 'active', 'SIP/2.0 200 OK', 'refer;id=7'), /^SIP\/2.0 481 /, 'of no REFER of ours');
  t.match(await notify(6, 'terminated;reason=noresource', 'SIP/2.0 603 Decline'), /^SIP\/2.0 200 /);
  t.match(await notify(7, 'active', 'SIP/2.0 200 OK'), /^SIP\/2.0 481 /, 'it is over');
  t.same(heard, ['100 Trying false', '180 Ringing false', '603 Decline true']);
  const quiet = call.invite.refer({ referTo: '<sip:203@ringdown>' });
  const second = await call.peer.next(/^REFER/);
  t.equal(header(second, 'Refer-Sub'), 'false');
  call.answer(second, '603 Decline');
  t.equal((await quiet).status, 603);
  await call.close();
});

t.test('a flood of REFERs is bounded', async (t) => {
  const { call, progress } = await referring({ subscriptionLimits: { total: 2, perSource: 2, perResource: 2 } });
  for (const [callId, status] of [
    ['a', 202],
    ['b', 202],
    ['c', 503],
  ] as const) {
    t.match(await call.ask('REFER', 1, { callId, headers: REFER }), new RegExp(`^SIP/2.0 ${status} `));
  }
  t.same(
    progress.map(({ isAccepted }) => isAccepted),
    [true, true, false],
  );
  for (const { notify } of progress) notify(200);
  t.equal(await call.close(), 0);
});
