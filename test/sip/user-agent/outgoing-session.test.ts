import t from 'tap';
import { parseMessage } from '../../../firmware/sip/message/parser.ts';
import type { SipRequest } from '../../../firmware/sip/message/request.ts';
import { createResponse } from '../../../firmware/sip/message/response.ts';
import type { InviteOptions } from '../../../firmware/sip/stack.ts';
import { TransactionLayer } from '../../../firmware/sip/transaction/transaction-layer.ts';
import type { Flow } from '../../../firmware/sip/transport/flow.ts';
import type { Context } from '../../../firmware/sip/user-agent/context.ts';
import { OutgoingSession } from '../../../firmware/sip/user-agent/outgoing-session.ts';
import { DEFAULT_SESSION_TIMER } from '../../../firmware/sip/user-agent/session-interval.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ANSWER, Conversation, OFFER } from '../support/called.ts';
import { header } from '../support/raw-peer.ts';
import { Events, silent, turns, within } from '../support/stacks.ts';

const contact = (call: Conversation, user = '202'): string => `Contact: <sip:${user}@127.0.0.1:${call.peer.port}>`;

function calling(call: Conversation, events: Events, more: Partial<InviteOptions> = {}) {
  return call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: {
      onAnswered: (sdp) => events.push(`answered ${sdp}`),
      onRejected: (status) => events.push(`rejected ${status}`),
      onEnded: (cause) => events.push(`ended ${cause}`),
    },
    ...more,
  });
}

t.test('a dialog has the tag of who rings before it has that of who answers (RFC 3261 §12.1.2)', async (t) => {
  const call = await Conversation.open(() => false);
  const rung = new Events();
  const handlers = {
    onProvisional: (status: number) => rung.push(`rings ${status}`),
    onAnswered: () => rung.push('answered'),
  };
  const outgoing = calling(call, new Events(), { handlers });
  const invite = await call.peer.next(/^INVITE/);
  t.equal(outgoing.dialog.remoteTag, '');
  call.answer(invite, '180 Ringing', { tag: 'first', headers: [contact(call)] });
  t.equal(await rung.next(), 'rings 180');
  t.equal(outgoing.dialog.remoteTag, 'first');
  call.answer(invite, '200 OK', { tag: 'second', body: ANSWER, headers: [contact(call)] });
  t.equal(await rung.next(), 'answered');
  t.equal(outgoing.dialog.remoteTag, 'second');
  await call.close();
});

t.test(
  'a fork that was sent PRACK and answers too late gets BYE with a CSeq of its own (RFC 3261 §12.2.1.1)',
  async (t) => {
    for (const isOut of [false, true]) {
      const call = await Conversation.open(() => false);
      const events = new Events();
      const outgoing = calling(call, events);
      const invite = await call.peer.next(/^INVITE/);
      const early = { tag: 'late', headers: [contact(call, 'late'), 'Require: 100rel', 'RSeq: 7'] };
      call.answer(invite, '180 Ringing', early);
      const prack = await call.peer.next(/^PRACK/);
      t.equal(header(prack, 'CSeq'), '2 PRACK');
      call.answer(prack, '200 OK');
      if (isOut) call.answer(invite, '199 Early Dialog Terminated', { tag: 'late' });
      call.answer(invite, '200 OK', { tag: 'first', body: ANSWER, headers: [contact(call)] });
      await call.peer.next(/^ACK sip:202@/);
      t.equal(await events.next(), `answered ${ANSWER}`);
      call.answer(invite, '200 OK', { tag: 'late', body: ANSWER, headers: [contact(call, 'late')] });
      await call.peer.next(/^ACK sip:late@/);
      const bye = await call.peer.next(/^BYE sip:late@/);
      t.equal(header(bye, 'CSeq'), '3 BYE');
      call.answer(bye, '200 OK');
      t.ok(outgoing.established);
      await call.close();
    }
  },
);

t.test(
  'the ACK to a 2xx has the credentials of its INVITE, each fork and each re-INVITE (RFC 3261 §13.2.2.4)',
  async (t) => {
    const credentials = () => ({ username: 'box', password: 'secret' });
    const call = await Conversation.open(() => false, { credentials });
    const asks = (name: string) => ({ tag: 'x', headers: [`${name}: Digest realm="ours", nonce="n", qop="auth"`] });
    const events = new Events();
    const outgoing = calling(call, events);
    call.answer(await call.peer.next(/^INVITE/), '407 Proxy Authentication Required', asks('Proxy-Authenticate'));
    t.notMatch(await call.peer.next(/^ACK/), /Authorization/);
    const invite = await call.peer.next(/^INVITE/);
    const proof = header(invite, 'Proxy-Authorization');
    t.match(proof, /^Digest username="box"/);
    call.answer(invite, '200 OK', { tag: 'first', body: ANSWER, headers: [contact(call)] });
    t.equal(header(await call.peer.next(/^ACK sip:202@/), 'Proxy-Authorization'), proof);
    t.equal(await events.next(), `answered ${ANSWER}`);
    call.answer(invite, '200 OK', { tag: 'late', body: ANSWER, headers: [contact(call, 'late')] });
    t.equal(header(await call.peer.next(/^ACK sip:late@/), 'Proxy-Authorization'), proof);
    call.answer(await call.peer.next(/^BYE sip:late@/), '200 OK');

    void outgoing.reinvite(OFFER);
    call.answer(await call.peer.next(/^INVITE/), '401 Unauthorized', { headers: asks('WWW-Authenticate').headers });
    await call.peer.next(/^ACK/);
    const again = await call.peer.next(/^INVITE/);
    call.answer(again, '200 OK', { body: ANSWER, headers: [contact(call)] });
    t.equal(header(await call.peer.next(/^ACK/), 'Authorization'), header(again, 'Authorization'));
    t.match(header(again, 'Authorization'), /^Digest username="box"/);
    await call.close();
  },
);

t.test('an answer whose ACK found no way is acknowledged when it comes again, and the call goes on', async (t) => {
  const call = await Conversation.open(() => false);
  const events = new Events();
  const outgoing = calling(call, events);
  const invite = await call.peer.next(/^INVITE/);
  // There is no TCP here.
  const nowhere = 'Record-Route: <sip:127.0.0.1:1;transport=tcp;lr>';
  call.answer(invite, '200 OK', { tag: 'y', body: ANSWER, headers: [contact(call), nowhere] });
  t.equal(await events.next(), `answered ${ANSWER}`);
  t.same(await call.silence(), []);
  call.answer(invite, '200 OK', { tag: 'y', body: ANSWER, headers: [contact(call)] });
  await call.peer.next(/^ACK/);
  t.same(await call.silence(), []);
  t.same(events.pending, []);
  t.ok(outgoing.established);
  await call.close();
});

t.test('after the end of a call its 2xx gets its ACK again, and that of another fork an ACK and a BYE', async (t) => {
  const call = await Conversation.open(() => false);
  const events = new Events();
  const outgoing = calling(call, events);
  const invite = await call.peer.next(/^INVITE/);
  const answer = { tag: 'y', body: ANSWER, headers: [contact(call)] };
  call.answer(invite, '200 OK', answer);
  t.equal(await events.next(), `answered ${ANSWER}`);
  const ack = await call.peer.next(/^ACK/);
  const over = outgoing.bye();
  call.answer(await call.peer.next(/^BYE/), '200 OK');
  await over;
  t.equal(await events.next(), 'ended bye-sent');
  call.answer(invite, '200 OK', answer);
  t.equal(await call.peer.next(/^ACK/), ack);
  call.answer(invite, '200 OK', { ...answer, tag: 'late', headers: [contact(call, 'late')] });
  await call.peer.next(/^ACK sip:late@/);
  const bye = await call.peer.next(/^BYE sip:late@/);
  t.equal(header(bye, 'CSeq'), '2 BYE');
  call.answer(bye, '200 OK');
  t.same(events.pending, []);
  await call.close();
});

t.test(
  'all who wait for the end of a call that nobody answered hear of it, also who asks when it is over',
  async (t) => {
    for (const crosses of [false, true]) {
      const call = await Conversation.open(() => false);
      const events = new Events();
      const outgoing = calling(call, events);
      const invite = await call.peer.next(/^INVITE/);
      let over = 0;
      const waiting = [outgoing.bye(), outgoing.bye()].map((each) => each.then(() => (over += 1)));
      call.answer(invite, '180 Ringing', { tag: 'y', headers: [contact(call)] });
      call.answer(await call.peer.next(/^CANCEL/), '200 OK');
      await turns();
      t.equal(over, 0);
      if (crosses) {
        call.answer(invite, '200 OK', { tag: 'y', body: ANSWER, headers: [contact(call)] });
        await call.peer.next(/^ACK/);
        call.answer(await call.peer.next(/^BYE/), '200 OK');
      } else call.answer(invite, '487 Request Terminated', { tag: 'y' });
      await within(Promise.all(waiting), 'end');
      await within(outgoing.bye(), 'end that was');
      t.equal(await events.next(), 'rejected 487');
      t.equal(await events.next(), 'ended cancelled');
      await call.close();
    }
  },
);

t.test('a callee of RFC 2543 that gives no tag can hang up (RFC 3261 §12.1.2)', async (t) => {
  const call = await Conversation.open(() => false);
  const events = new Events();
  calling(call, events);
  const invite = await call.peer.next(/^INVITE/);
  call.answer(invite, '200 OK', { body: ANSWER, headers: [contact(call)] });
  await call.peer.next(/^ACK/);
  t.equal(await events.next(), `answered ${ANSWER}`);
  const toTag = /tag=([^;\s]+)/.exec(header(invite, 'From'))?.[1] ?? '';
  const bye = call.peer.request('BYE', 'untagged', { toTag, callId: header(invite, 'Call-ID') });
  call.peer.send(bye.replace(';tag=peer', ''));
  t.match(await call.peer.next(/CSeq: 1 BYE/), /^SIP\/2.0 200 /);
  t.equal(await events.next(), 'ended bye-received');
  await call.close();
});

t.test('handlers that throw end their session all the same', async (t) => {
  const fails = (): never => {
    throw new Error('of the layer above');
  };
  const call = await Conversation.open((invite) => {
    invite.handlers = { ...invite.handlers, onCancel: fails };
    return true;
  });
  const events = new Events();
  const onEnded = (cause: string): void => events.push(`ended ${cause}`);
  calling(call, events, { handlers: { onRejected: fails, onEnded } });
  call.answer(await call.peer.next(/^INVITE/), '486 Busy Here', { tag: 'y' });
  await call.peer.next(/^ACK/);
  t.equal(await events.next(), 'ended rejected');

  calling(call, events, { handlers: { onRejected: fails, onEnded } });
  await call.peer.next(/^INVITE/);
  await call.advance(32_000);
  t.equal(await events.next(), 'ended rejected', 'nobody answered, which a timer tells');

  calling(call, events, { handlers: { onAnswered: fails, onEnded } });
  await turns();
  // Before it stand those that were sent again above.
  while (call.peer.waiting.length > 1) await call.peer.next();
  const invite = await call.peer.next(/^INVITE/);
  call.answer(invite, '200 OK', { tag: 'y', body: ANSWER, headers: [contact(call)] });
  await call.peer.next(/^ACK/);
  call.answer(await call.peer.next(/^BYE/), '200 OK');
  t.equal(await events.next(), 'ended bye-sent');

  call.say('INVITE', 1, { headers: ['Expires: 5'], body: OFFER });
  await turns();
  await call.advance(5000);
  t.match(await call.peer.next(/^SIP\/2.0 4/), /^SIP\/2.0 487 /);
  t.equal(await call.events.next(), 'ended cancelled');
  await call.close();
});

t.test('an ACK that is lost after a challenge does not end the INVITE that answers it', async (t) => {
  const flow: Flow = {
    protocol: 'udp',
    localAddress: '192.0.2.1',
    localPort: 5060,
    remoteAddress: '192.0.2.2',
    remotePort: 5060,
  };
  const clock = new FakeClock();
  const sent: SipRequest[] = [];
  const send = (_: Flow, bytes: Buffer, onFailed: (error: Error) => void): void => {
    const parsed = parseMessage(bytes);
    if (parsed.kind !== 'request') throw new Error('no request');
    sent.push(parsed.request);
    if (parsed.request.method === 'ACK') queueMicrotask(() => onFailed(new Error('gone')));
  };
  const sentBy = (): { host: string; port: number } => ({ host: '192.0.2.1', port: 5060 });
  const transactions = new TransactionLayer({
    clock,
    transport: { send, respond: () => undefined, isOutgoing: () => false, sentBy },
    onRequest: () => undefined,
    onAck: () => undefined,
  });
  const context = {
    ...{ clock, logger: silent, transactions, sentBy, sessionTimer: DEFAULT_SESSION_TIMER, credentials: undefined },
    capabilities: { userAgent: 'test', allow: 'INVITE', supported: '', allowEvents: '' },
    addSession: () => undefined,
    removeSession: () => undefined,
  };
  const events: string[] = [];
  const options: InviteOptions = {
    ...{ flow, requestUri: 'sip:201@192.0.2.2', offer: OFFER },
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    credentials: () => ({ username: 'box', password: 'secret' }),
    handlers: { onRejected: (status) => events.push(`rejected ${status}`) },
  };
  const session = new OutgoingSession(options, context as unknown as Context);
  await session.begin();
  const [invite] = sent;
  if (invite === undefined) throw new Error('nothing was sent');
  const headers = [['WWW-Authenticate', 'Digest realm="ours", nonce="n", qop="auth"']] as const;
  transactions.receiveResponse(createResponse(invite, 401, 'y', { headers }));
  await turns();
  t.same(
    sent.map(({ cseq }) => `${cseq.number} ${cseq.method}`),
    ['1 INVITE', '1 ACK', '2 INVITE'],
  );
  t.same(events, []);
  t.notOk(session.ended);
  session.drop();
  transactions.close();
});
