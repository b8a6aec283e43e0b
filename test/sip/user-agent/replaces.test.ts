import t from 'tap';
import { parseReplaces } from '../../../firmware/sip/dialog/replaces.ts';
import { ANSWER, Conversation, OFFER } from '../support/called.ts';
import { header } from '../support/raw-peer.ts';

const replacing = (callId: string, toTag: string, fromTag = 'peer', more = ''): readonly string[] => [
  `Replaces: ${callId};to-tag=${toTag};from-tag=${fromTag}${more}`,
];

t.test('Replaces as it is written (RFC 3891 §6.1)', async (t) => {
  t.same(parseReplaces('a@b ;to-tag=x ;from-tag=y;early-only'), {
    callId: 'a@b',
    localTag: 'x',
    remoteTag: 'y',
    earlyOnly: true,
  });
  for (const text of [
    '',
    'a',
    'a;to-tag=x',
    ';to-tag=x;from-tag=y',
    'a b;to-tag=x;from-tag=y',
    'a;to-tag="x;from-tag=y',
  ]) {
    t.equal(parseReplaces(text), undefined, text);
  }
});

t.test('INVITE with Replaces (RFC 3891 §3)', async (t) => {
  const call = await Conversation.open(
    (invite) => {
      if (invite.message.sipUri?.user === 'ring') invite.provisional(180);
      else invite.accept({ sdp: ANSWER });
      return true;
    },
    { supported: ['replaces'] },
  );
  const { tag } = await call.establish();
  const replaced = call.invite;
  const ask = (callId: string, headers: readonly string[]): Promise<string> =>
    call.ask('INVITE', 1, { callId, headers, body: OFFER });
  t.match(await ask('a', replacing('raw', 'other')), /^SIP\/2.0 481 /, 'no such dialog');
  t.match(await ask('b', replacing('raw', tag, 'stranger')), /^SIP\/2.0 481 /, 'both tags MUST match');
  t.match(await ask('c', replacing('raw', tag, 'peer', ';early-only')), /^SIP\/2.0 486 /, 'confirmed, and early-only');
  t.match(await ask('d', ['Replaces: raw']), /^SIP\/2.0 400 /);
  t.match(await ask('e', [...replacing('raw', tag), ...replacing('raw', tag)]), /^SIP\/2.0 400 /, 'more than one');
  call.say('INVITE', 1, { callId: 'early', uri: 'sip:ring@127.0.0.1', body: OFFER });
  const ringing = await call.peer.next(/^SIP\/2.0 180/);
  const early = /tag=(\S+)/.exec(header(ringing, 'To'))?.[1] ?? '';
  t.match(await ask('f', replacing('early', early)), /^SIP\/2.0 481 /, 'an early dialog that we did not begin');
  t.equal(call.invites.length, 2, 'none of these is offered');
  t.match(await ask('g', replacing('raw', tag)), /^SIP\/2.0 200 /);
  t.equal(call.invite.replaces, replaced);
  t.equal(call.invites[0]?.replaces, undefined);
  await call.close();

  const plain = await Conversation.open((invite) => invite.accept({ sdp: ANSWER }));
  const first = await plain.establish();
  const headers = [...replacing('raw', first.tag), 'Require: replaces'];
  t.match(await plain.ask('INVITE', 1, { callId: 'x', headers, body: OFFER }), /^SIP\/2.0 420 /);
  t.match(await plain.ask('INVITE', 1, { callId: 'y', headers: replacing('raw', 'z'), body: OFFER }), /^SIP\/2.0 200 /);
  t.equal(plain.invite.replaces, undefined, 'who does not know the extension ignores the header');
  await plain.close();
});

t.test('an early dialog of ours can be taken over', async (t) => {
  const call = await Conversation.open((invite) => invite.accept({ sdp: ANSWER }), { supported: ['replaces'] });
  const outgoing = call.stack.invite({
    requestUri: `sip:201@127.0.0.1:${call.peer.port}`,
    from: { uri: 'sip:202@ringdown' },
    to: { uri: 'sip:201@ringdown' },
    offer: OFFER,
    handlers: {},
  });
  const invite = await call.peer.next(/^INVITE/);
  call.answer(invite, '180 Ringing', { tag: 'phone' });
  await call.silence();
  const tag = /tag=(\S+)/.exec(header(invite, 'From'))?.[1] ?? '';
  const headers = replacing(header(invite, 'Call-ID'), tag, 'phone', ';early-only');
  t.match(await call.ask('INVITE', 1, { callId: 'new', headers, body: OFFER }), /^SIP\/2.0 200 /);
  t.equal(call.invite.replaces, outgoing);
  void call.invite.replaces?.bye();
  t.match(await call.peer.next(/^CANCEL/), /^CANCEL/);
  await call.close();
});
