/** REFER of ours outside of any session: what is told of it, by whom, and for how long. */
import { createSocket } from 'node:dgram';
import t from 'tap';
import type { OutgoingReferral, ReferralOptions } from '../../../firmware/sip/stack.ts';
import { MAX_REFERRALS } from '../../../firmware/sip/user-agent/outgoing-referral.ts';
import { Conversation } from '../support/called.ts';
import { header } from '../support/raw-peer.ts';
import { turns } from '../support/stacks.ts';

interface NotifyParts {
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly event?: string;
  readonly state?: string;
  readonly contentType?: string;
  readonly body?: string | Buffer;
  readonly from?: { readonly address: string; readonly port: number };
}

/** A stack that refers a peer to 203, and what it heard of it. */
async function referring(more: Partial<ReferralOptions> = {}) {
  const call = await Conversation.open(() => true);
  const { address, port } = call.peer;
  const [point] = call.stack.listening;
  const heard: string[] = [];
  const options: ReferralOptions = {
    flow: {
      protocol: 'udp',
      localAddress: address,
      localPort: point?.port ?? 0,
      remoteAddress: address,
      remotePort: port,
    },
    requestUri: `sip:201@${address}:${port}`,
    from: { displayName: 'Anna', uri: 'sip:201@127.0.0.1' },
    to: { uri: 'sip:201@127.0.0.1' },
    referTo: '<sip:203@127.0.0.1>',
    onNotified: ({ status, isOver }) => heard.push(`${status} ${isOver}`),
    ...more,
  };
  const referral: OutgoingReferral = call.stack.refer(options);
  const refer = await call.peer.next(/^REFER/);
  let branch = 0;
  const notifyOf = (cseq: number, parts: NotifyParts = {}): Buffer => {
    const { fromTag = 'phone', toTag, event = 'refer', state = 'active;expires=60', from = call.peer } = parts;
    const { contentType = 'message/sipfrag;version=2.0', body = 'SIP/2.0 100 Trying\r\n' } = parts;
    const bytes = Buffer.from(body as string);
    branch += 1;
    const lines = [
      'NOTIFY sip:201@127.0.0.1 SIP/2.0',
      `Via: SIP/2.0/UDP ${from.address}:${from.port};branch=z9hG4bKn${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:201@127.0.0.1>${fromTag === '' ? '' : `;tag=${fromTag}`}`,
      `To: ${toTag === undefined ? header(refer, 'From') : `<sip:201@127.0.0.1>;tag=${toTag}`}`,
      `Call-ID: ${header(refer, 'Call-ID')}`,
      `CSeq: ${cseq} NOTIFY`,
      `Contact: <sip:201@${from.address}:${from.port}>`,
      `Event: ${event}`,
      `Subscription-State: ${state}`,
      `Content-Type: ${contentType}`,
      `Content-Length: ${bytes.length}`,
    ];
    return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
  };
  /** The status of the answer to a NOTIFY of the peer. */
  const notify = async (cseq: number, parts: NotifyParts = {}): Promise<string> => {
    call.peer.send(notifyOf(cseq, parts));
    const answer = await call.peer.next(new RegExp(`^SIP/2.0 (.*\r\n)*CSeq: ${cseq} NOTIFY\r`));
    return answer.slice(8, 11);
  };
  return { call, referral, refer, heard, notify, notifyOf, options };
}

t.test('REFER outside of a session names who refers, whom to call, and where NOTIFYs go', async (t) => {
  const { call, referral, refer, heard, notify } = await referring({ headers: [['Referred-By', '<sip:201@x>']] });
  t.equal(header(refer, 'Refer-To'), '<sip:203@127.0.0.1>');
  t.equal(header(refer, 'Referred-By'), '<sip:201@x>');
  t.match(header(refer, 'From'), /^"?Anna"? <sip:201@127\.0\.0\.1>;tag=.{12}$/);
  t.match(header(refer, 'Contact'), /^<sip:201@127\.0\.0\.1:\d+>$/);
  t.notMatch(refer, /Refer-Sub/, 'NOTIFYs are wanted');
  // RFC 3515 §2.4.4: it may come before the answer.
  t.equal(await notify(1), '200');
  call.answer(refer, '202 Accepted', { tag: 'phone' });
  t.equal((await referral.response).status, 202);
  t.equal(await notify(2, { event: 'refer;id=1', body: 'SIP/2.0 180 Ringing\r\nTo: x\r\n' }), '200');
  t.equal(await notify(3, { state: 'terminated;reason=noresource', body: 'SIP/2.0 200 OK' }), '200');
  t.equal(await notify(4), '481', 'it is over');
  t.same(heard, ['100 false', '180 false', '200 true']);
  t.equal(await call.close(), 0, 'no timer is left');
});

t.test('a REFER that is refused, gets no answer, or is one too many', async (t) => {
  const refused = await referring();
  refused.call.answer(refused.refer, '603 Decline', { tag: 'phone' });
  t.equal((await refused.referral.response).status, 603);
  t.equal(await refused.notify(1), '481');
  t.same(refused.heard, []);
  t.equal(await refused.call.close(), 0);

  const silent = await referring();
  silent.call.clock.advance(32_000);
  t.equal((await silent.referral.response).status, 408);
  t.equal(await silent.notify(1), '481');
  const more = Array.from({ length: MAX_REFERRALS }, () => silent.call.stack.refer(silent.options));
  t.equal((await silent.call.stack.refer(silent.options).response).status, 503);
  for (const { end } of more) end();
  const again = silent.call.stack.refer(silent.options);
  await silent.call.peer.next(/^REFER/);
  again.end();
  again.end();
  t.equal(await silent.call.close(), 0);
});

t.test('nothing is heard after the end, nor after three minutes', async (t) => {
  const ended = await referring();
  ended.call.answer(ended.refer, '202 Accepted', { tag: 'phone' });
  await ended.referral.response;
  ended.referral.end();
  t.equal(await ended.notify(1), '481', 'RFC 6665 §4.2.2: the subscription is over by that');
  t.equal(await ended.call.close(), 0);
  const long = await referring();
  long.call.answer(long.refer, '202 Accepted', { tag: 'phone' });
  await long.referral.response;
  t.equal(await long.notify(1), '200');
  long.call.clock.advance(180_000);
  t.equal(await long.notify(2), '481');
  t.equal(await long.call.close(), 0);
});

const HOSTILE: readonly (readonly [what: string, parts: NotifyParts, status: string])[] = [
  ['of a stranger who knows no tag', { toTag: 'guessed' }, '481'],
  ['without a tag of its sender', { fromTag: '' }, '481'],
  ['of another one than told first (a fork)', { fromTag: 'other' }, '481'],
  ['of another event', { event: 'dialog' }, '489'],
  ['of another REFER', { event: 'refer;id=7' }, '489'],
  ['with an event that is no token', { event: 'refer dialog' }, '489'],
  ['with a body of another type', { contentType: 'text/plain' }, '415'],
  ['with a type that is none', { contentType: '*/*' }, '415'],
];
for (const [what, parts, status] of HOSTILE) {
  t.test(`a NOTIFY ${what} gets ${status} and tells nothing`, async (t) => {
    const { call, refer, referral, heard, notify } = await referring();
    call.answer(refer, '202 Accepted', { tag: 'phone' });
    await referral.response;
    t.equal(await notify(1, { body: 'SIP/2.0 603 Decline', state: 'terminated', ...parts }), status);
    t.same(heard, []);
    t.equal(await notify(2), '200', 'the right one is heard all the same');
    await call.close();
  });
}

t.test('a NOTIFY from another address than that of the peer tells nothing, though it knows all tags', async (t) => {
  const { call, refer, heard, notifyOf } = await referring();
  call.answer(refer, '202 Accepted', { tag: 'phone' });
  const stranger = createSocket('udp4');
  await new Promise<void>((resolve) => stranger.bind(0, '127.0.0.2', resolve));
  const answered = new Promise<string>((resolve) => stranger.once('message', (bytes) => resolve(String(bytes))));
  const { port } = stranger.address();
  stranger.send(notifyOf(1, { from: { address: '127.0.0.2', port } }), call.stack.listening[0]?.port ?? 0, '127.0.0.1');
  t.match(await answered, /^SIP\/2\.0 481 /);
  t.same(heard, []);
  stranger.close();
  await call.close();
});

const BODIES: readonly (readonly [what: string, body: string | Buffer, told: string])[] = [
  ['nothing', '', 'undefined'],
  ['no status line', 'nonsense', 'undefined'],
  ['a request', 'INVITE sip:203@x SIP/2.0\r\n', 'undefined'],
  ['a status that is none', 'SIP/2.0 999 Odd', 'undefined'],
  ['a status of too many digits', 'SIP/2.0 2000 OK', '200'],
  ['bytes that are no text', Buffer.from([0, 255, 254, 13, 10]), 'undefined'],
  ['a status line without an end', `SIP/2.0 486 ${'x'.repeat(20_000)}`, '486'],
  ['a status line behind much else', `${'\r\n'.repeat(400)}SIP/2.0 200 OK`, 'undefined'],
];
for (const [what, body, told] of BODIES) {
  t.test(`the body of a NOTIFY has ${what}`, async (t) => {
    const { call, refer, heard, notify } = await referring();
    call.answer(refer, '202 Accepted', { tag: 'phone' });
    t.equal(await notify(1, { body }), '200');
    t.same(heard, [`${told} false`]);
    await call.close();
  });
}

t.test('a flood of NOTIFYs: each has a CSeq of its own, and costs one answer', async (t) => {
  const { call, refer, heard, notify } = await referring();
  call.answer(refer, '202 Accepted', { tag: 'phone' });
  for (let cseq = 10; cseq < 60; cseq += 1) t.equal(await notify(cseq), '200');
  t.equal(await notify(9, { body: 'SIP/2.0 200 OK' }), '500', 'an old one');
  t.equal(heard.length, 50);
  await turns();
  t.equal(await call.close(), 0);
});
