import t from 'tap';
import type { InviteOptions, OutgoingInvite } from '../../../firmware/sip/stack.ts';
import { ANSWER, Conversation, OFFER } from '../support/called.ts';
import { header } from '../support/raw-peer.ts';
import { Events, turns } from '../support/stacks.ts';

const HELD = 'v=0\r\ns=held\r\n';
const accept = (invite: { accept(options: { sdp: string }): boolean }): boolean => invite.accept({ sdp: ANSWER });
const contact = (call: Conversation): string => `Contact: <sip:202@127.0.0.1:${call.peer.port}>`;

/** The stack has called the peer, which has answered. */
async function calling(
  call: Conversation,
  { handlers, ...more }: Partial<InviteOptions> = {},
  allow = 'Allow: INVITE, UPDATE',
) {
  const events = new Events();
  const outgoing = call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: {
      onAnswered: (sdp) => events.push(`answered ${sdp}`),
      onEnded: (cause) => events.push(`ended ${cause}`),
      onReinvite: (offer) => ({ sdp: `answer to ${offer}` }),
      ...handlers,
    },
    ...more,
  });
  const invite = await call.peer.next(/^INVITE/);
  call.answer(invite, '200 OK', { tag: 'y', body: ANSWER, headers: [contact(call), allow] });
  await call.peer.next(/^ACK/);
  await events.next();
  const tag = /tag=([^;\s]+)/.exec(header(invite, 'From'))?.[1] ?? '';
  return { outgoing, events, tag, callId: header(invite, 'Call-ID') };
}

/** A request of the peer in the dialog of a call that the stack has made. */
function fromCallee(call: Conversation, method: string, cseq: number, tag: string, callId: string, body = ''): void {
  const request = call.peer.request(method, `r${method}${cseq}`, { cseq, toTag: tag, callId, body });
  call.peer.send(request.replace(';tag=peer', ';tag=y'));
}

t.test('re-INVITE of ours: offer, answer, ACK, and the remote target moves', async (t) => {
  const call = await Conversation.open(accept);
  await call.establish();
  const result = call.invite.reinvite(HELD);
  const reinvite = await call.peer.next(/^INVITE/);
  t.match(reinvite, /\r\n\r\nv=0\r\ns=held\r\n$/);
  t.match(header(reinvite, 'Contact'), /^<sip:201@/);
  const moved = { body: OFFER, headers: [`Contact: <sip:moved@127.0.0.1:${call.peer.port}>`] };
  call.answer(reinvite, '200 OK', moved);
  const ack = await call.peer.next(/^ACK sip:moved@/);
  t.equal(header(ack, 'CSeq'), '1 ACK');
  call.answer(reinvite, '200 OK', moved);
  t.equal(await call.peer.next(), ack, 'the same ACK for the same 2xx');
  t.same(await result, { status: 200, sdp: OFFER });
  t.same(await call.invite.update(HELD), { status: 405, sdp: undefined }, 'it did not say that it takes UPDATE');
  const refused = call.invite.reinvite(HELD);
  call.answer(await call.peer.next(/^INVITE/), '488 Not Acceptable Here');
  t.same(await refused, { status: 488, sdp: undefined });
  t.ok(call.invite.established, 'and the session goes on as it was (RFC 3261 §14.1)');
  await call.peer.next(/^ACK/);
  await call.close();
});

for (const side of ['caller', 'callee'] as const) {
  t.test(`collision (491): the ${side} waits its time and tries again (RFC 3261 §14.1)`, async (t) => {
    const call = await Conversation.open(accept);
    let session: { reinvite(sdp: string): Promise<{ status: number }> };
    if (side === 'caller') {
      session = (await calling(call)).outgoing;
    } else {
      await call.establish();
      session = call.invite;
    }
    const result = session.reinvite(HELD);
    const first = await call.peer.next(/^INVITE/);
    call.answer(first, '491 Request Pending');
    await call.peer.next(/^ACK/);
    const [least, most] = side === 'caller' ? [2100, 4000] : [0, 2000];
    if (least > 0) {
      await call.advance(least - 1);
      t.same(await call.silence(), []);
    }
    await call.advance(most - Math.max(0, least - 1));
    const second = await call.peer.next(/^INVITE/);
    t.equal(Number.parseInt(header(second, 'CSeq'), 10), Number.parseInt(header(first, 'CSeq'), 10) + 1);
    call.answer(second, '200 OK', { body: OFFER, headers: [contact(call)] });
    t.equal((await result).status, 200);
    await call.peer.next(/^ACK/);
    await call.close();
  });
}

t.test(
  'while our offer is on its way, theirs gets 491; while theirs waits, another one 500 (RFC 3311 §5.2)',
  async (t) => {
    const call = await Conversation.open(accept);
    const { tag } = await call.establish(['Allow: UPDATE']);
    const result = call.invite.update(HELD);
    const update = await call.peer.next(/^UPDATE/);
    t.match(await call.ask('INVITE', 2, { toTag: tag, body: OFFER }), /^SIP\/2.0 491 /);
    t.match(await call.ask('UPDATE', 3, { toTag: tag, body: OFFER }), /^SIP\/2.0 491 /);
    t.match(await call.ask('UPDATE', 4, { toTag: tag }), /^SIP\/2.0 200 /, 'without an offer there is no collision');
    call.answer(update, '200 OK', { body: OFFER, headers: [contact(call)] });
    t.same(await result, { status: 200, sdp: OFFER });

    let answer: (value: { sdp: string }) => void = () => undefined;
    call.invite.handlers = {
      ...call.invite.handlers,
      onReinvite: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    };
    call.say('UPDATE', 5, { toTag: tag, body: OFFER });
    await turns();
    const again = await call.ask('UPDATE', 6, { toTag: tag, body: OFFER });
    t.match(again, /^SIP\/2.0 500 (.*\r\n)*Retry-After: \d+\r/);
    t.match(await call.ask('INVITE', 7, { toTag: tag, body: OFFER }), /^SIP\/2.0 500 (.*\r\n)*Retry-After: /);
    t.same(await call.invite.reinvite(HELD), { status: 491, sdp: undefined }, 'nor do we offer now');
    answer({ sdp: HELD });
    t.match(await call.peer.next(/CSeq: 5 UPDATE/), /^SIP\/2.0 200 (.*\r\n)*Contact: (.*\r\n)*\r\nv=0\r\ns=held/);
    await call.close();
  },
);

t.test('before the INVITE is answered there is no other offer (RFC 3311 §5.1, §5.2)', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.provisional(183, { sdp: ANSWER });
    return true;
  });
  call.say('INVITE', 1, { body: OFFER, headers: ['Allow: UPDATE'] });
  const tag = /tag=(\S+)/.exec(header(await call.peer.next(/^SIP\/2.0 183/), 'To'))?.[1] ?? '';
  t.match(await call.ask('UPDATE', 2, { toTag: tag, body: OFFER }), /^SIP\/2.0 500 (.*\r\n)*Retry-After: /);
  t.same(await call.invite.update(HELD), { status: 491, sdp: undefined });
  t.same(await call.invite.reinvite(HELD), { status: 481, sdp: undefined });
  t.match(await call.ask('UPDATE', 3, { toTag: tag }), /^SIP\/2.0 200 /, 'a refresh of the target may be');
  call.invite.accept({ sdp: ANSWER });
  await call.peer.next(/^SIP\/2.0 200 (.*\r\n)*CSeq: 1 INVITE/);
  await call.close();

  const caller = await Conversation.open(() => false);
  const outgoing = caller.stack.invite({
    requestUri: `sip:201@127.0.0.1:${caller.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: {},
  });
  t.equal((await outgoing.update()).status, 481, 'no dialog yet');
  const invite = await caller.peer.next(/^INVITE/);
  caller.answer(invite, '183 Progress', { tag: 'y', body: ANSWER, headers: [contact(caller), 'Allow: UPDATE'] });
  await turns();
  t.equal((await outgoing.update(HELD)).status, 491);
  const early = header(invite, 'From').split('tag=')[1] ?? '';
  fromCallee(caller, 'UPDATE', 1, early, header(invite, 'Call-ID'), HELD);
  t.match(await caller.peer.next(/CSeq: 1 UPDATE/), /^SIP\/2.0 491 /);
  fromCallee(caller, 'BYE', 2, early, header(invite, 'Call-ID'));
  t.match(
    await caller.peer.next(/CSeq: 2 BYE/),
    /^SIP\/2.0 481 /,
    'a callee does not end an early dialog (RFC 3261 §15)',
  );
  await caller.close();
});

t.test('an UPDATE that nobody takes gets 488, one with a strange body 415, and the session lives on', async (t) => {
  const call = await Conversation.open(accept);
  const { tag } = await call.establish();
  t.match(await call.ask('UPDATE', 2, { toTag: tag, body: OFFER }), /^SIP\/2.0 488 /);
  const strange = call.peer.request('UPDATE', 'strange', { toTag: tag, cseq: 3, body: 'x' });
  call.peer.send(strange.replace('application/sdp', 'text/plain'));
  t.match(await call.peer.next(/CSeq: 3 UPDATE/), /^SIP\/2.0 415 /);
  t.match(await call.ask('UPDATE', 4, { toTag: 'nobody' }), /^SIP\/2.0 481 /);
  t.match(await call.ask('UPDATE', 2, { toTag: tag }), /^SIP\/2.0 500 /, 'an old CSeq');
  t.ok(call.invite.established);
  await call.close();
});

t.test('481 to an offer of ours ends the session (RFC 3261 §12.2.1.2)', async (t) => {
  const call = await Conversation.open(accept);
  await call.establish();
  const result = call.invite.reinvite(HELD);
  call.answer(await call.peer.next(/^INVITE/), '481 Call Does Not Exist');
  t.equal((await result).status, 481);
  t.equal(await call.events.next(), 'ended vanished');
  t.same(await call.invite.reinvite(HELD), { status: 481, sdp: undefined });
  await call.close();
});

t.test('a re-INVITE of ours that is answered 100 and nothing more is given up', async (t) => {
  const call = await Conversation.open(accept);
  await call.establish();
  const result = call.invite.reinvite(HELD);
  call.answer(await call.peer.next(/^INVITE/), '100 Trying');
  await turns();
  await call.advance(64_000);
  t.equal((await result).status, 408);
  t.equal(await call.events.next(), 'ended vanished');
  t.equal(await call.close(), 0);
});

t.test('the callee can re-INVITE and UPDATE a call that we made', async (t) => {
  const call = await Conversation.open(() => false);
  const { outgoing, tag, callId, events } = await calling(call);
  fromCallee(call, 'UPDATE', 1, tag, callId, HELD);
  t.match(await call.peer.next(/CSeq: 1 UPDATE/), /^SIP\/2.0 200 (.*\r\n)*\r\nanswer to v=0/);
  fromCallee(call, 'INVITE', 2, tag, callId, HELD);
  t.match(await call.peer.next(/CSeq: 2 INVITE/), /^SIP\/2.0 200 (.*\r\n)*\r\nanswer to v=0/);
  fromCallee(call, 'ACK', 2, tag, callId);
  await turns();
  const info = (outgoing as OutgoingInvite).request('INFO', {
    body: 'Signal=1',
    contentType: 'application/dtmf-relay',
  });
  const sent = await call.peer.next(/^INFO/);
  t.match(sent, /Content-Type: application\/dtmf-relay\r\n(.*\r\n)*\r\nSignal=1$/);
  call.answer(sent, '200 OK');
  t.equal((await info).status, 200);
  fromCallee(call, 'BYE', 3, tag, callId);
  t.match(await call.peer.next(/CSeq: 3 BYE/), /^SIP\/2.0 200/);
  t.equal(await events.next(), 'ended bye-received');
  t.equal(await call.close(), 0);
});

t.test('who acknowledges no answer gets no further one: each is sent again until its ACK comes', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.handlers = { ...invite.handlers, onReinvite: () => ({ sdp: ANSWER }) };
    return invite.accept({ sdp: ANSWER });
  });
  const tag = /tag=(\S+)/.exec(header(await call.ask('INVITE', 1, { body: OFFER }), 'To'))?.[1] ?? '';
  t.match(await call.ask('INVITE', 2, { toTag: tag, body: OFFER }), /^SIP\/2.0 200 /, 'an ACK may come late');
  for (const cseq of [3, 4]) {
    const refused = await call.ask('INVITE', cseq, { toTag: tag, body: OFFER });
    t.match(refused, /^SIP\/2.0 500 (.*\r\n)*Retry-After: /);
    call.say('ACK', cseq, { toTag: tag });
  }
  call.say('ACK', 1, { toTag: tag });
  call.say('ACK', 2, { toTag: tag });
  t.match(await call.ask('INVITE', 5, { toTag: tag, body: OFFER }), /^SIP\/2.0 200 /);
  call.say('ACK', 5, { toTag: tag });
  await turns();
  await call.advance(32_000);
  t.ok(call.invite.established);
  await call.close();
});

t.test('a refresh without an offer collides with no offer of the peer (RFC 3311 §5.2)', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.handlers = { ...invite.handlers, onReinvite: () => ({ sdp: HELD }) };
    return invite.accept({ sdp: ANSWER });
  });
  const { tag } = await call.establish(['Allow: UPDATE']);
  const result = call.invite.update();
  const update = await call.peer.next(/^UPDATE/);
  t.same(await call.invite.reinvite(HELD), { status: 491, sdp: undefined }, 'ours go one after the other');
  t.match(await call.ask('INVITE', 2, { toTag: tag, body: OFFER }), /^SIP\/2.0 200 /);
  call.say('ACK', 2, { toTag: tag });
  call.answer(update, '200 OK', { headers: [contact(call)] });
  t.equal((await result).status, 200);
  await call.close();
});

t.test(
  'what the peer says of itself in a request is told once that has its 2xx, and not where it is refused',
  async (t) => {
    const call = await Conversation.open(accept);
    const said: string[] = [];
    let isRefused = false;
    const { tag, callId } = await calling(call, {
      handlers: {
        onReinvite: () => (isRefused ? { status: 488 } : { sdp: ANSWER }),
        onChanged: ({ method, headers }) => {
          said.push(`${method} ${headers.get('P-Asserted-Identity')}`);
          throw new Error('a handler that fails ends nothing');
        },
      },
    });
    const ask = async (method: string, cseq: number, body = ''): Promise<string> => {
      const request = call.peer.request(method, `c${cseq}`, { cseq, toTag: tag, callId, body });
      call.peer.send(
        request.replace(';tag=peer', ';tag=y').replace('\r\n', `\r\nP-Asserted-Identity: <sip:${cseq}@b>\r\n`),
      );
      return (await call.peer.next(/^SIP\/2\.0 [2-6]/)).split('\r\n', 1)[0] ?? '';
    };
    t.match(await ask('UPDATE', 101), /200/);
    t.match(await ask('INVITE', 102, HELD), /200/);
    isRefused = true;
    t.match(await ask('UPDATE', 103, HELD), /488/);
    t.same(said, ['UPDATE <sip:101@b>', 'INVITE <sip:102@b>']);
    await call.close();
  },
);
