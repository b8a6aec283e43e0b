import t from 'tap';
import { ANSWER, Conversation, OFFER } from '../support/called.ts';
import { header, toTag } from '../support/raw-peer.ts';
import { Events, turns } from '../support/stacks.ts';

const accepting = { sessionTimer: { expiresSeconds: 600, minSeconds: 90 } };
const accept = (invite: { accept(options: { sdp: string }): boolean }): boolean => invite.accept({ sdp: ANSWER });

t.test('a refresher that is silent is sent BYE before the interval ends (RFC 4028 §10)', async (t) => {
  const call = await Conversation.open(accept, accepting);
  const { ok, tag } = await call.establish(['Supported: timer', 'Session-Expires: 300;refresher=uac']);
  t.equal(header(ok, 'Session-Expires'), '300;refresher=uac');
  t.equal(header(ok, 'Require'), 'timer');
  await call.advance(267_000);
  const refreshed = await call.ask('UPDATE', 2, { toTag: tag, headers: ['Supported: timer', 'Session-Expires: 300'] });
  t.match(refreshed, /^SIP\/2.0 200 /);
  t.equal(header(refreshed, 'Session-Expires'), '300;refresher=uac');
  t.match(header(refreshed, 'Contact'), /^<sip:/);
  await call.advance(267_999);
  t.same(await call.silence(), []);
  await call.advance(1);
  t.match(await call.peer.next(), /^BYE /);
  t.equal(await call.events.next(), 'ended vanished');
  t.equal(await call.close(), 0);
});

t.test('a phone that knows no session timers and vanishes ends the call', async (t) => {
  const call = await Conversation.open(accept, accepting);
  const { ok } = await call.establish();
  t.equal(header(ok, 'Session-Expires'), '600;refresher=uas');
  t.equal(header(ok, 'Require'), '');
  await call.advance(300_000);
  const refresh = await call.peer.next();
  t.match(refresh, /^INVITE sip:202@/, 're-INVITE, since it names no UPDATE in Allow');
  t.match(refresh, /\r\n\r\nv=0\r\ns=ours\r\n$/, 'with what was agreed');
  t.equal(header(refresh, 'Session-Expires'), '600;refresher=uac');
  call.answer(refresh, '200 OK', { body: OFFER, headers: [`Contact: <sip:202@127.0.0.1:${call.peer.port}>`] });
  t.match(await call.peer.next(), /^ACK /);
  await call.advance(300_000);
  const second = await call.peer.next(/^INVITE/);
  t.equal(header(second, 'CSeq'), '2 INVITE');
  await call.advance(32_000);
  while (!(await call.peer.next()).startsWith('BYE ')) t.pass('retransmissions');
  t.equal(await call.events.next(), 'ended vanished');
  t.equal(await call.close(), 0);
});

t.test('a refresh goes by UPDATE where the peer takes it, and by re-INVITE where it does not after all', async (t) => {
  const call = await Conversation.open(accept, accepting);
  await call.establish(['Allow: INVITE, UPDATE', 'Supported: timer', 'Session-Expires: 600;refresher=uas']);
  await call.advance(300_000);
  const update = await call.peer.next();
  t.match(update, /^UPDATE (.*\r\n)*Content-Length: 0/);
  t.equal(header(update, 'Session-Expires'), '600;refresher=uac');
  call.answer(update, '422 Session Interval Too Small', { headers: ['Min-SE: 900'] });
  const raised = await call.peer.next();
  t.equal(header(raised, 'Session-Expires'), '900;refresher=uac');
  t.equal(header(raised, 'Min-SE'), '900');
  call.answer(raised, '200 OK', { headers: ['Session-Expires: 900;refresher=uac', 'Contact: <sip:202@127.0.0.1:9>'] });
  await turns();
  await call.advance(449_999);
  t.same(await call.silence(), []);
  await call.advance(1);
  await call.close();

  const fickle = await Conversation.open(accept, accepting);
  await fickle.establish(['Allow: UPDATE']);
  await fickle.advance(300_000);
  fickle.answer(await fickle.peer.next(), '501 Not Implemented');
  const invite = await fickle.peer.next(/^INVITE/);
  fickle.answer(invite, '488 Not Acceptable Here');
  t.match(await fickle.peer.next(), /^ACK/);
  t.same(fickle.events.pending, [], 'whoever refuses is there');
  await fickle.advance(300_000);
  const again = await fickle.peer.next(/^UPDATE|^INVITE/);
  fickle.answer(again, '481 Call Does Not Exist');
  t.match(await fickle.peer.next(/^BYE/), /^BYE/);
  t.equal(await fickle.events.next(), 'ended vanished');
  t.equal(await fickle.close(), 0);
});

t.test('too small an interval MUST get 422 (RFC 4028 §9), in UPDATE and re-INVITE too', async (t) => {
  const call = await Conversation.open(accept, accepting);
  const headers = ['Supported: timer', 'Session-Expires: 89'];
  const refused = await call.ask('INVITE', 1, { headers, body: OFFER, callId: 'small' });
  t.match(refused, /^SIP\/2.0 422 (.*\r\n)*Min-SE: 90\r/);
  const { tag } = await call.establish();
  t.match(await call.ask('UPDATE', 2, { headers, toTag: tag }), /^SIP\/2.0 422 /);
  t.match(await call.ask('INVITE', 3, { headers, toTag: tag, body: OFFER }), /^SIP\/2.0 422 /);
  await call.close();
});

t.test('as caller: 422 is answered with what it asks for, and refreshes are accepted', async (t) => {
  const call = await Conversation.open(() => false, accepting);
  const events = new Events();
  call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: { onAnswered: (sdp) => events.push(sdp), onEnded: (cause) => events.push(cause) },
  });
  const first = await call.peer.next(/^INVITE/);
  t.equal(header(first, 'Session-Expires'), '600');
  t.equal(header(first, 'Supported'), '100rel, timer');
  call.answer(first, '422 Session Interval Too Small', { tag: 'x', headers: ['Min-SE: 1000'] });
  await call.peer.next(/^ACK/);
  const second = await call.peer.next(/^INVITE/);
  t.equal(header(second, 'CSeq'), '2 INVITE');
  t.equal(header(second, 'Session-Expires'), '1000');
  t.equal(header(second, 'Call-ID'), header(first, 'Call-ID'));
  t.equal(header(second, 'From'), header(first, 'From'));
  t.equal(toTag(second), '');
  call.answer(second, '200 OK', {
    tag: 'y',
    body: ANSWER,
    headers: [
      'Session-Expires: 1000;refresher=uas',
      'Require: timer',
      `Contact: <sip:201@127.0.0.1:${call.peer.port}>`,
    ],
  });
  await call.peer.next(/^ACK/);
  t.equal(await events.next(), ANSWER);
  await call.advance(967_999);
  t.same(await call.silence(), [], 'the peer refreshes');
  await call.advance(1);
  t.match(await call.peer.next(), /^BYE sip:201@/);
  t.equal(await events.next(), 'vanished');
  t.equal(await call.close(), 0);
});

t.test('an UPDATE before the answer begins no session interval: there is no session yet (RFC 4028 §4)', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.provisional(180);
    return true;
  }, accepting);
  call.say('INVITE', 1, { headers: ['Supported: timer', 'Allow: UPDATE'], body: OFFER });
  const tag = toTag(await call.peer.next(/^SIP\/2.0 180/));
  const headers = ['Supported: timer', 'Session-Expires: 90;refresher=uac'];
  const update = await call.ask('UPDATE', 2, { toTag: tag, headers });
  t.match(update, /^SIP\/2.0 200 /);
  t.equal(header(update, 'Session-Expires'), '');
  await call.advance(59_000);
  while (call.peer.waiting.length > 0) await call.peer.next();
  await call.advance(31_000);
  t.same(
    (await call.silence()).filter((message) => !message.startsWith('SIP/2.0 180')),
    [],
    'a callee MUST NOT send BYE on an early dialog (RFC 3261 §15)',
  );
  t.same(call.events.pending, []);
  t.ok(call.invite.accept({ sdp: ANSWER }));
  t.match(await call.peer.next(/CSeq: 1 INVITE/), /^SIP\/2.0 (180|200)/);
  await call.close();
});

t.test('an UPDATE of ours before the answer asks for no session interval', async (t) => {
  const call = await Conversation.open((invite) => {
    invite.provisional(180);
    return true;
  }, accepting);
  call.say('INVITE', 1, { headers: ['Supported: timer', 'Allow: UPDATE'], body: OFFER });
  await call.peer.next(/^SIP\/2.0 180/);
  const result = call.invite.update();
  const update = await call.peer.next(/^UPDATE/);
  t.equal(header(update, 'Session-Expires'), '');
  call.answer(update, '481 Call Does Not Exist');
  t.equal((await result).status, 481);
  t.same(call.events.pending, [], 'the INVITE alone can end what it began');
  t.ok(call.invite.accept({ sdp: ANSWER }));
  await call.close();
});

t.test('a callee that wants ever more time is asked twice more and no further (RFC 4028 §7.4)', async (t) => {
  const call = await Conversation.open(() => false, accepting);
  const events = new Events();
  call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: { onRejected: (status) => events.push(`rejected ${status}`) },
  });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const invite = await call.peer.next(/^INVITE/);
    call.answer(invite, '422 Session Interval Too Small', { tag: 'x', headers: [`Min-SE: ${1000 + attempt}`] });
    await call.peer.next(/^ACK/);
  }
  t.equal(await events.next(), 'rejected 422');
  t.same(await call.silence(), []);
  t.equal(await call.close(), 0);
});

t.test('an interval that no timer can wait is waited for as long as one can', async (t) => {
  const delays: number[] = [];
  const call = await Conversation.open(accept, accepting);
  const schedule = call.clock.schedule.bind(call.clock);
  call.clock.schedule = (delayMs, callback) => {
    delays.push(delayMs);
    return schedule(delayMs, callback);
  };
  const { ok } = await call.establish(['Supported: timer', 'Min-SE: 2147483647', 'Session-Expires: 2147483647']);
  t.equal(header(ok, 'Session-Expires'), '2147483647;refresher=uac');
  t.ok(Math.max(...delays) < 2 ** 31, 'Node fires at once what is to wait longer');
  await call.close();
});
