import t from 'tap';
import { ANSWER, Conversation, OFFER } from '../support/called.ts';
import { header } from '../support/raw-peer.ts';
import { turns, within } from '../support/stacks.ts';

const accept = (invite: { accept(options: { sdp: string }): boolean }): boolean => invite.accept({ sdp: ANSWER });

t.test('an option that we do not know MUST get 420, in Require and Proxy-Require (RFC 3261 §8.2.2.3)', async (t) => {
  const call = await Conversation.open(accept);
  const ask = (callId: string, headers: readonly string[]): Promise<string> =>
    call.ask('INVITE', 1, { callId, headers, body: OFFER });
  t.equal(header(await ask('a', ['Require: 100rel, x-y', 'Require: TIMER']), 'Unsupported'), 'x-y');
  t.equal(header(await ask('b', ['Proxy-Require: x-z']), 'Unsupported'), 'x-z');
  await call.close();
});

t.test('what loops gets 482, a spiral passes, and nothing comes over hops without number (RFC 5393)', async (t) => {
  const call = await Conversation.open(accept);
  call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: {},
  });
  const sent = await call.peer.next(/^INVITE/);
  call.answer(sent, '100 Trying');
  const uri = /^INVITE (\S+)/.exec(sent)?.[1] ?? '';
  const ours = `Via: ${header(sent, 'Via')}`;
  t.match(await call.ask('INVITE', 1, { callId: 'loop', uri, headers: [ours], body: OFFER }), /^SIP\/2.0 482 /);
  const other = 'sip:300@127.0.0.1';
  t.match(
    await call.ask('INVITE', 1, { callId: 'spiral', uri: other, headers: [ours], body: OFFER }),
    /^SIP\/2.0 200 /,
  );
  const stranger = 'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx';
  t.match(await call.ask('INVITE', 1, { callId: 's', uri, headers: [stranger], body: OFFER }), /^SIP\/2.0 200 /);
  const far = [stranger + ', SIP/2.0/UDP h;branch=z9hG4bKx'.repeat(70)];
  t.match(await call.ask('INVITE', 1, { callId: 'far', headers: far, body: OFFER }), /^SIP\/2.0 400 Too Many Via/);
  await call.close();
});

t.test('From is anonymous where the caller wants privacy (RFC 3323 §4.1), and Privacy goes with it', async (t) => {
  const call = await Conversation.open(() => false);
  for (const [privacy, from] of [
    [['id'], /^Anonymous <sip:anonymous@anonymous\.invalid>;tag=|^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/],
    [['none'], /^<sip:202@ringdown>;tag=/],
  ] as const) {
    const answer = call.stack.request({
      method: 'MESSAGE',
      requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
      from: { uri: 'sip:202@ringdown' },
      to: { uri: 'sip:201@ringdown' },
      privacy,
    });
    const sent = await call.peer.next(/^MESSAGE/);
    t.match(header(sent, 'From'), from);
    t.equal(header(sent, 'Privacy'), privacy[0]);
    call.answer(sent, '200 OK', { tag: 'x' });
    t.equal((await within(answer, 'answer')).status, 200);
  }
  await call.close();
});

t.test('nothing in an INVITE shows a caller who wants privacy (RFC 3323 §4.1)', async (t) => {
  const call = await Conversation.open(() => false);
  call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { displayName: 'Reception', uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    privacy: ['id'],
    offer: OFFER,
    handlers: {},
  });
  const sent = await call.peer.next(/^INVITE/);
  t.match(header(sent, 'Contact'), /^<sip:anonymous@127\.0\.0\.1:\d+>$/);
  t.notMatch(sent, /202|Reception/);
  call.answer(sent, '486 Busy Here', { tag: 'x' });
  await call.close();
});

t.test('INVITE, requests in and out of a dialog, and NOTIFY answer challenges', async (t) => {
  const call = await Conversation.open(accept, {
    credentials: (realm) => (realm === 'ours' ? { username: 'box', password: 'secret' } : undefined),
    eventPackages: [
      {
        event: 'lamp',
        contentType: 'text/plain',
        defaultExpiresSeconds: 600,
        minExpiresSeconds: 60,
        maxExpiresSeconds: 600,
        authorize: () => ({ kind: 'accepted', resource: '201' }),
        state: () => 'on',
      },
    ],
  });
  const asks = { tag: 'x', headers: ['WWW-Authenticate: Digest realm="ours", nonce="n", qop="auth"'] };
  const parties = { from: { uri: 'sip:202@ringdown' }, to: { uri: 'sip:201@ringdown' } };
  const requestUri = `sip:201@127.0.0.1:${call.peer.port}`;

  call.stack.invite({ requestUri, ...parties, offer: OFFER, handlers: {} });
  const invite = await call.peer.next(/^INVITE/);
  call.answer(invite, '407 Proxy Authentication Required', {
    tag: 'x',
    headers: ['Proxy-Authenticate: Digest realm="ours", nonce="n", algorithm=SHA-256, qop="auth"'],
  });
  await call.peer.next(/^ACK/);
  const again = await call.peer.next(/^INVITE/);
  t.match(header(again, 'Proxy-Authorization'), /^Digest username="box", realm="ours", nonce="n", uri="sip:201@/);
  t.equal(header(again, 'CSeq'), '2 INVITE');
  t.equal(header(again, 'Call-ID'), header(invite, 'Call-ID'));
  call.answer(again, '603 Decline', { tag: 'y' });
  await call.peer.next(/^ACK/);

  const answer = call.stack.request({ method: 'OPTIONS', requestUri, ...parties });
  call.answer(await call.peer.next(/^OPTIONS/), '401 Unauthorized', asks);
  const proven = await call.peer.next(/^OPTIONS/);
  t.match(header(proven, 'Authorization'), /response="[0-9a-f]{32}"/);
  call.answer(proven, '401 Unauthorized', asks);
  t.equal((await within(answer, 'answer')).status, 401, 'the same answer would be refused again');

  await call.establish();
  const info = call.invite.request('INFO');
  call.answer(await call.peer.next(/^INFO/), '401 Unauthorized', asks);
  const second = await call.peer.next(/^INFO/);
  t.equal(header(second, 'CSeq'), '2 INFO');
  t.match(header(second, 'Authorization'), /^Digest /);
  call.answer(second, '200 OK');
  t.equal((await info).status, 200);

  call.say('SUBSCRIBE', 1, { callId: 'sub', headers: ['Event: lamp'] });
  const notify = await call.peer.next(/^NOTIFY/);
  call.answer(notify, '401 Unauthorized', asks);
  const told = await call.peer.next(/^NOTIFY/);
  t.match(header(told, 'Authorization'), /^Digest /);
  t.match(told, /\r\n\r\non$/);
  call.answer(told, '200 OK');
  await turns();
  await call.close();
});
