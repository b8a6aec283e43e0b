import t from 'tap';
import type { IncomingInvite } from '../../../firmware/sip/stack.ts';
import { ANSWER, Conversation, OFFER } from '../support/called.ts';
import { header, toTag } from '../support/raw-peer.ts';
import { Events, turns } from '../support/stacks.ts';

const ring = (invite: IncomingInvite): undefined => invite.provisional(180) as undefined;
const rack = (response: string, cseq = 1): string => `RAck: ${header(response, 'RSeq')} ${cseq} INVITE`;

t.test('a caller that requires 100rel MUST get reliable responses, sent again until PRACK (RFC 3262 §3)', async (t) => {
  const call = await Conversation.open(ring);
  call.say('INVITE', 1, { headers: ['Require: 100rel'], body: OFFER });
  const ringing = await call.peer.next(/^SIP\/2.0 180/);
  t.equal(header(ringing, 'Require'), '100rel');
  t.match(header(ringing, 'RSeq'), /^[1-9]\d*$/);
  for (const delay of [500, 1000, 2000, 4000, 8000]) {
    await call.advance(delay - 1);
    t.same(await call.silence(), []);
    await call.advance(1);
    t.equal(await call.peer.next(), ringing, `again after ${delay} ms, without an upper bound`);
  }
  call.invite.provisional(183);
  t.same(await call.silence(), [], 'one at a time');
  const tag = toTag(ringing);
  t.match(await call.ask('PRACK', 2, { toTag: tag, headers: [rack(ringing)] }), /^SIP\/2.0 200 /);
  const progress = await call.peer.next(/^SIP\/2.0 183/);
  t.equal(Number(header(progress, 'RSeq')), Number(header(ringing, 'RSeq')) + 1, 'RSeq MUST grow by one');
  t.match(await call.ask('PRACK', 3, { toTag: tag, headers: [rack(progress)] }), /^SIP\/2.0 200 /);
  await call.advance(20_000);
  t.same(await call.silence(), []);
  t.ok(call.invite.accept({ sdp: ANSWER }));
  t.match(await call.peer.next(), /^SIP\/2.0 200 /);
  await call.close();
});

t.test('PRACK that fits nothing MUST get 481 (RFC 3262 §3), whatever stands in RAck', async (t) => {
  const call = await Conversation.open(ring);
  call.say('INVITE', 1, { headers: ['Require: 100rel'], body: OFFER });
  const ringing = await call.peer.next(/^SIP\/2.0 180/);
  const tag = toTag(ringing);
  const rseq = Number(header(ringing, 'RSeq'));
  const nonsense = [
    ...[`${rseq + 1} 1 INVITE`, `${rseq} 2 INVITE`, `${rseq} 1 BYE`, `${rseq}`, '', '-1 1 INVITE', `${rseq}  1 invite`],
    ...['99999999999999999999 1 INVITE', 'x'.repeat(3000), `${rseq} 1 INVITE INVITE`],
  ];
  let cseq = 2;
  for (const value of nonsense) {
    t.match(
      await call.ask('PRACK', cseq, { toTag: tag, headers: [`RAck: ${value}`] }),
      /^SIP\/2.0 481 /,
      value.slice(0, 40),
    );
    cseq += 1;
  }
  t.match(await call.ask('PRACK', cseq, { toTag: tag }), /^SIP\/2.0 481 /, 'no RAck');
  t.match(
    await call.ask('PRACK', 1, { toTag: 'x', callId: 'y', headers: [rack(ringing)] }),
    /^SIP\/2.0 481 /,
    'no dialog',
  );
  t.match(await call.ask('PRACK', cseq + 1, { toTag: tag, headers: [rack(ringing)] }), /^SIP\/2.0 200 /);
  t.match(await call.ask('PRACK', cseq + 2, { toTag: tag, headers: [rack(ringing)] }), /^SIP\/2.0 481 /, 'once');
  await call.close();
});

t.test('without PRACK for 64*T1 the INVITE SHOULD be refused with a 5xx', async (t) => {
  const call = await Conversation.open(ring);
  call.say('INVITE', 1, { headers: ['Require: 100rel'], body: OFFER });
  await call.peer.next(/^SIP\/2.0 180/);
  await call.advance(32_000);
  t.match(await call.peer.next(/^SIP\/2.0 5/), /^SIP\/2.0 504 /);
  t.same(await call.events.take(2), ['cancel ', 'ended no-ack']);
  t.equal(await call.close(), 0);
});

t.test('a 2xx waits for the PRACK of a description (RFC 3262 §3)', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.provisional(183, { sdp: ANSWER, reliable: true });
    return true;
  });
  call.say('INVITE', 1, { headers: ['Supported: 100rel'], body: OFFER });
  const early = await call.peer.next(/^SIP\/2.0 183/);
  t.equal(header(early, 'Require'), '100rel');
  t.equal(call.invite.accept({ sdp: ANSWER }), true);
  t.equal(call.invite.accept({ sdp: ANSWER }), false);
  t.same(await call.silence(), []);
  call.say('PRACK', 2, { toTag: toTag(early), headers: [rack(early)] });
  t.match(await call.peer.next(/CSeq: 2 PRACK/), /^SIP\/2.0 200/);
  t.match(await call.peer.next(/CSeq: 1 INVITE/), /^SIP\/2.0 200/);
  call.say('ACK', 1, { toTag: toTag(early) });
  t.equal(await call.events.next(), 'ack empty');
  await call.close();
});

t.test('a caller that supports it gets it where it is asked for only, and nobody else', async (t) => {
  for (const [headers, reliable, expected] of [
    [['Supported: 100rel'], false, ''],
    [['Supported: 100rel'], true, '100rel'],
    [[], true, ''],
  ] as const) {
    const call = await Conversation.open((invite) => {
      invite.provisional(183, { sdp: ANSWER, reliable });
      return true;
    });
    call.say('INVITE', 1, { headers, body: OFFER });
    t.equal(header(await call.peer.next(/^SIP\/2.0 183/), 'Require'), expected);
    await call.close();
  }
});

t.test('offer in the response, answer in PRACK; and a further offer in PRACK (RFC 3262 §5)', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.provisional(183, { sdp: ANSWER, reliable: true });
    invite.handlers = { ...invite.handlers, onReinvite: (offer) => ({ sdp: `to ${offer}` }) };
    return true;
  });
  call.say('INVITE', 1, { headers: ['Supported: 100rel'] });
  const early = await call.peer.next(/^SIP\/2.0 183/);
  const tag = toTag(early);
  t.match(await call.ask('PRACK', 2, { toTag: tag, headers: [rack(early)], body: OFFER }), /^SIP\/2.0 200 /);
  t.equal(await call.events.next(), `prack ${OFFER}`);
  call.invite.provisional(180, { reliable: true });
  const ringing = await call.peer.next(/^SIP\/2.0 180/);
  const further = await call.ask('PRACK', 3, { toTag: tag, headers: [rack(ringing)], body: OFFER });
  t.match(further, /^SIP\/2.0 200 (.*\r\n)*\r\nto v=0/);
  t.match(
    await call.ask('UPDATE', 4, { toTag: tag, body: OFFER }),
    /^SIP\/2.0 200 (.*\r\n)*\r\nto v=0/,
    'RFC 3311 §5.1',
  );
  call.invite.accept({ sdp: ANSWER });
  t.match(await call.peer.next(/CSeq: 1 INVITE/), /^SIP\/2.0 200 (.*\r\n)*Content-Length: 0/, 'no offer again');
  await call.close();
});

t.test('a handler that throws costs its PRACK a 500, not the box its life', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.provisional(183, { sdp: ANSWER, reliable: true });
    invite.handlers = {
      ...invite.handlers,
      onReinvite: () => {
        throw new Error('of the layer above');
      },
    };
    return true;
  });
  call.say('INVITE', 1, { headers: ['Supported: 100rel'], body: OFFER });
  const early = await call.peer.next(/^SIP\/2.0 183/);
  const tag = toTag(early);
  t.match(await call.ask('PRACK', 2, { toTag: tag, headers: [rack(early)], body: OFFER }), /^SIP\/2.0 500 /);
  t.match(await call.ask('UPDATE', 3, { toTag: tag, body: OFFER }), /^SIP\/2.0 500 /);
  t.match(await call.ask('OPTIONS', 4, { toTag: tag }), /^SIP\/2.0 200 /);
  await call.close();
});

t.test('CANCEL and BYE end what waits for PRACK', async (t) => {
  for (const method of ['CANCEL', 'BYE']) {
    const call = await Conversation.open(ring);
    const invite = call.peer.request('INVITE', 'same', { headers: ['Require: 100rel'], body: OFFER });
    call.peer.send(invite);
    const ringing = await call.peer.next(/^SIP\/2.0 180/);
    if (method === 'CANCEL') {
      call.peer.send(
        call.peer.request('CANCEL', 'same', {
          headers: ['Reason: SIP;cause=200;text="elsewhere"', 'Reason: Q.850;cause=26'],
        }),
      );
    } else {
      call.say('BYE', 2, { toTag: toTag(ringing) });
    }
    t.match(await call.peer.next(new RegExp(`CSeq: \\d ${method}`)), /^SIP\/2.0 200/);
    t.match(await call.peer.next(/CSeq: 1 INVITE/), /^SIP\/2.0 487/);
    t.match(
      await call.events.next(),
      method === 'CANCEL' ? 'cancel SIP;cause=200;text="elsewhere", Q.850;cause=26' : /^cancel/,
    );
    t.equal(await call.close(), 0);
  }
});

t.test('as caller: PRACK for each reliable response, in order, once; the early answer counts', async (t) => {
  const call = await Conversation.open(() => false);
  const events = new Events();
  const outgoing = call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: {
      onProvisional: (status, sdp, response) => events.push(`${status} ${response.toTag} ${sdp ?? ''}`),
      onAnswered: (sdp) => events.push(`answered ${sdp}`),
      onEnded: (cause) => events.push(`ended ${cause}`),
    },
  });
  const invite = await call.peer.next(/^INVITE/);
  const contact = (tag: string): string => `Contact: <sip:${tag}@127.0.0.1:${call.peer.port}>`;
  const say = (status: string, tag: string, rseq: number, body = ''): void =>
    call.answer(invite, status, { tag, body, headers: ['Require: 100rel', `RSeq: ${rseq}`, contact(tag)] });
  say('183 Session Progress', 'a', 10, ANSWER);
  t.equal(await events.next(), `183 a ${ANSWER}`);
  const prack = await call.peer.next();
  t.match(prack, /^PRACK sip:a@/);
  t.equal(header(prack, 'RAck'), '10 1 INVITE');
  t.equal(header(prack, 'CSeq'), '2 PRACK');
  call.answer(prack, '200 OK');
  say('183 Session Progress', 'a', 10, ANSWER);
  say('180 Ringing', 'a', 12);
  t.same(await call.silence(), [], 'what comes again or out of order is not acknowledged');
  say('180 Ringing', 'a', 11);
  const second = await call.peer.next(/^PRACK/);
  t.equal(header(second, 'RAck'), '11 1 INVITE');
  t.equal(header(second, 'CSeq'), '3 PRACK');
  call.answer(second, '200 OK');
  say('180 Ringing', 'b', 5);
  const other = await call.peer.next(/^PRACK sip:b@/);
  t.equal(header(other, 'CSeq'), '2 PRACK', 'another fork is another dialog');
  call.answer(other, '200 OK');
  say('180 Ringing', 'b', 7);
  t.same(await call.silence(), []);
  t.same(await events.take(2), ['180 a ', '180 b ']);
  call.answer(invite, '199 Early Dialog Terminated', { tag: 'b' });
  t.equal(await events.next(), '199 b ');
  call.answer(invite, '200 OK', { tag: 'a', headers: [contact('a')] });
  t.equal(header(await call.peer.next(/^ACK sip:a@/), 'CSeq'), '1 ACK');
  t.equal(await events.next(), `answered ${ANSWER}`, 'of the response that was acknowledged');
  await turns();
  void outgoing.bye();
  t.equal(header(await call.peer.next(/^BYE/), 'CSeq'), '4 BYE', 'one count for the dialog');
  t.equal(await call.close(), 0);
});

t.test('a second PRACK for the same response gets 481 while the first waits for its answer', async (t) => {
  let answer: (value: { sdp: string }) => void = () => undefined;
  const call = await Conversation.open((invite) => {
    invite.provisional(183, { sdp: ANSWER, reliable: true });
    invite.provisional(180, { reliable: true });
    invite.handlers = {
      ...invite.handlers,
      onReinvite: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    };
    return true;
  });
  call.say('INVITE', 1, { headers: ['Supported: 100rel'], body: OFFER });
  const early = await call.peer.next(/^SIP\/2.0 183/);
  const tag = toTag(early);
  call.say('PRACK', 2, { toTag: tag, headers: [rack(early)], body: OFFER });
  await turns();
  t.match(await call.ask('PRACK', 3, { toTag: tag, headers: [rack(early)], body: OFFER }), /^SIP\/2.0 481 /);
  await call.advance(500);
  t.same(await call.silence(), [], 'what was acknowledged is not sent again');
  answer({ sdp: ANSWER });
  t.match(await call.peer.next(/CSeq: 2 PRACK/), /^SIP\/2.0 200 /);
  const ringing = await call.peer.next(/^SIP\/2.0 180/);
  t.equal(Number(header(ringing, 'RSeq')), Number(header(early, 'RSeq')) + 1);
  t.match(await call.ask('PRACK', 4, { toTag: tag, headers: [rack(ringing)] }), /^SIP\/2.0 200 /);
  await call.close();
});
