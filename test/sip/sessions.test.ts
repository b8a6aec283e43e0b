import t from 'tap';
import type { IncomingInvite, SipHandlers } from '../../firmware/sip/stack.ts';
import { header, RawPeer, toTag } from './support/raw-peer.ts';
import { Events, openStack, turns } from './support/stacks.ts';

const SDP = 'v=0\r\n';

/** A stack that answers each INVITE with 200 at once, and a peer over UDP that has called it. */
async function answered(more: Partial<SipHandlers> = {}) {
  const events = new Events();
  let session: IncomingInvite | undefined;
  const { stack, clock, port } = await openStack(['udp'], '127.0.0.1', {
    handlers: {
      onRequest: () => false,
      onInvite(invite) {
        session = invite;
        invite.handlers = {
          onAck: (sdp) => events.push(`ack ${sdp ?? 'empty'}`),
          onBye: () => events.push('bye'),
          onEnded: (cause) => events.push(`ended ${cause}`),
        };
        invite.accept({ sdp: 'v=0\r\ns=ours\r\n' });
        return true;
      },
      ...more,
    },
  });
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  peer.send(peer.request('INVITE', 'i', { body: SDP }));
  const ok = await peer.next(/^SIP\/2.0 200/);
  const close = async (): Promise<void> => {
    peer.close();
    const closing = stack.close();
    await turns();
    clock.advance(40_000);
    await closing;
  };
  return { stack, clock, peer, events, ok, tag: toTag(ok), session: () => session, close };
}

t.test('2xx MUST be sent again until ACK, doubling from T1 to T2 (RFC 3261 §13.3.1.4)', async (t) => {
  const { clock, peer, events, ok, tag, close } = await answered();
  t.match(header(ok, 'Contact'), /^<sip:201@127\.0\.0\.1:\d+>$/);
  t.match(header(ok, 'Allow'), /INVITE, ACK, CANCEL, BYE, OPTIONS, INFO/);
  for (const delay of [500, 1000, 2000, 4000, 4000]) {
    clock.advance(delay - 1);
    await turns();
    t.equal(peer.waiting.length, 0);
    clock.advance(1);
    t.equal(await peer.next(), ok, `again after ${delay} ms, byte for byte`);
  }
  peer.send(peer.request('INVITE', 'i', { body: SDP }));
  peer.send(peer.request('ACK', 'a', { toTag: tag }));
  t.equal(await events.next(), 'ack empty');
  clock.advance(10_000);
  await turns();
  t.same(peer.waiting, [], 'a retransmitted INVITE is absorbed, and after the ACK nothing is sent');
  peer.send(peer.request('ACK', 'a', { toTag: tag }));
  peer.send(peer.request('BYE', 'b', { toTag: tag, cseq: 2 }));
  t.match(await peer.next(), /^SIP\/2.0 200 OK\r\n(.*\r\n)*CSeq: 2 BYE/);
  t.same(await events.take(2), ['bye', 'ended bye-received'], 'a second ACK is no event');
  peer.send(peer.request('BYE', 'b', { toTag: tag, cseq: 2 }));
  t.match(await peer.next(), /^SIP\/2.0 200 OK/, 'a retransmitted BYE gets the same answer');
  peer.send(peer.request('BYE', 'c', { toTag: tag, cseq: 3 }));
  t.match(await peer.next(), /^SIP\/2.0 481/);
  await close();
});

t.test('without ACK for 64*T1 the session SHOULD be ended with BYE', async (t) => {
  const { clock, peer, events, close } = await answered();
  clock.advance(32_000);
  const bye = await peer.next(/^BYE/);
  t.match(bye, /^BYE sip:202@127\.0\.0\.1:\d+ SIP\/2\.0/);
  t.equal(header(bye, 'To'), '<sip:202@127.0.0.1>;tag=peer');
  t.equal(await events.next(), 'ended no-ack');
  await close();
});

t.test('a session ends even where the handlers above throw', async (t) => {
  const { clock, peer, events, session, tag, close } = await answered();
  const invite = session();
  if (invite === undefined) throw new Error('no session');
  const fail = (): never => {
    events.push('threw');
    throw new Error('of the layer above');
  };
  invite.handlers = { onAck: () => events.push('ack'), onBye: fail, onEnded: fail };
  peer.send(peer.request('ACK', 'a', { toTag: tag }));
  t.equal(await events.next(), 'ack');
  peer.send(peer.request('BYE', 'b', { toTag: tag, cseq: 2 }));
  t.match(await peer.next(/CSeq: 2 BYE/), /^SIP\/2.0 200/);
  t.same(await events.take(2), ['threw', 'threw']);
  t.ok(invite.ended);
  clock.advance(40_000);
  await close();
});

t.test('a BYE of ours waits for the ACK (RFC 3261 §15)', async (t) => {
  const { peer, events, session, tag, close } = await answered();
  void session()?.bye('Q.850;cause=16');
  await turns();
  t.same(peer.waiting, []);
  peer.send(peer.request('ACK', 'a', { toTag: tag, body: 'v=0\r\ns=late\r\n' }));
  t.equal(await events.next(), 'ack v=0\r\ns=late\r\n');
  t.equal(header(await peer.next(/^BYE/), 'Reason'), 'Q.850;cause=16');
  await close();
});

t.test('requests in the dialog', async (t) => {
  const { peer, events, session, tag, close } = await answered();
  peer.send(peer.request('ACK', 'a', { toTag: tag }));
  await events.next();
  let branch = 0;
  const ask = async (method: string, cseq: number, more: object = {}): Promise<string> => {
    branch += 1;
    peer.send(peer.request(method, `d${branch}`, { toTag: tag, cseq, ...more }));
    return peer.next(new RegExp(`^SIP/2.0 [2-6](.*\r\n)*CSeq: ${cseq} ${method}`));
  };
  t.match(await ask('INVITE', 10, { body: SDP }), /^SIP\/2.0 488/, 'nobody takes a re-INVITE');
  peer.send(peer.request('ACK', 'd1', { toTag: tag, cseq: 10 }));
  t.match(await ask('OPTIONS', 9), /^SIP\/2.0 500/, 'a lower CSeq');
  t.match(await ask('OPTIONS', 11), /^SIP\/2.0 200/);
  t.match(await ask('INFO', 12), /^SIP\/2.0 405/);
  t.match(await ask('INFO', 13, { headers: ['Info-Package: x'] }), /^SIP\/2.0 469/);
  t.match(await ask('PRACK', 14), /^SIP\/2.0 481/);
  t.match(await ask('BYE', 15, { callId: 'other' }), /^SIP\/2.0 481/);
  const invite = session();
  if (invite === undefined) throw new Error('no session');
  const offers: string[] = [];
  invite.handlers = {
    ...invite.handlers,
    onReinvite: async (offer) => {
      offers.push(offer ?? 'none');
      return { sdp: 'v=0\r\ns=held\r\n' };
    },
    onInfo: (request) => {
      request.respond(200);
      return true;
    },
  };
  t.match(await ask('INFO', 16), /^SIP\/2.0 200/);
  const held = await ask('INVITE', 17, { body: SDP, headers: ['Contact: <sip:moved@127.0.0.1:9>'] });
  t.match(held, /^SIP\/2.0 200 OK\r\n(.*\r\n)*\r\nv=0\r\ns=held/);
  peer.send(peer.request('ACK', 'a17', { toTag: tag, cseq: 17 }));
  t.equal(await events.next(), 'ack empty');
  t.same(offers, [SDP]);
  await close();
});

t.test('CANCEL and the end of an INVITE nobody answers', async (t) => {
  const ended: string[] = [];
  const handlers: SipHandlers = {
    onRequest: () => false,
    onInvite(invite) {
      invite.handlers = { onEnded: (cause) => ended.push(cause), onCancel: () => ended.push('cancel') };
      invite.provisional(180);
      return true;
    },
  };
  const { stack, clock, port } = await openStack(['udp'], '127.0.0.1', { handlers });
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  peer.send(peer.request('CANCEL', 'i'));
  t.match(await peer.next(), /^SIP\/2.0 481/, 'nothing to cancel');
  peer.send(peer.request('INVITE', 'j', { callId: 'j', headers: ['Record-Route: <sip:127.0.0.1;lr>'] }));
  const ringing = await peer.next(/^SIP\/2.0 180/);
  t.equal(header(ringing, 'Record-Route'), '<sip:127.0.0.1;lr>');
  clock.advance(60_000);
  t.equal(await peer.next(), ringing, 'said again each minute');
  peer.send(peer.request('CANCEL', 'j', { callId: 'j' }));
  const cancelled = await peer.next(/CSeq: 1 CANCEL/);
  t.match(cancelled, /^SIP\/2.0 200/);
  t.equal(toTag(cancelled), toTag(ringing), 'the tag of both answers is the same');
  const terminated = await peer.next(/CSeq: 1 INVITE/);
  t.match(terminated, /^SIP\/2.0 487/);
  clock.advance(500);
  t.equal(await peer.next(), terminated, 'timer G');
  peer.send(peer.request('ACK', 'j', { callId: 'j', toTag: toTag(ringing) }));
  await turns();
  clock.advance(30_000);
  await turns();
  t.same(peer.waiting, []);
  peer.send(peer.request('INVITE', 'k', { callId: 'k', headers: ['Expires: 20'] }));
  await peer.next(/^SIP\/2.0 180/);
  clock.advance(20_000);
  t.match(await peer.next(/^SIP\/2.0 487/), /Call-ID: k/);
  t.same(ended, ['cancel', 'cancelled', 'cancel', 'cancelled']);
  peer.close();
  await stack.close();
});

t.test(
  'as caller: each 2xx gets its ACK, a fork ACK and BYE, and CANCEL waits for a provisional response',
  async (t) => {
    const { stack, clock, port } = await openStack(['udp'], '127.0.0.1');
    const peer = await RawPeer.udp('127.0.0.1', port('udp'));
    const events = new Events();
    const start = (): ReturnType<typeof stack.invite> =>
      stack.invite({
        requestUri: `sip:201@127.0.0.1:${peer.port}`,
        from: { uri: 'sip:202@ringdown' },
        to: { uri: 'sip:201@ringdown' },
        offer: SDP,
        handlers: {
          onAnswered: (sdp) => events.push(`answered ${sdp}`),
          onRejected: (status) => events.push(`rejected ${status}`),
          onEnded: (cause) => events.push(`ended ${cause}`),
        },
      });
    const respond = (request: string, status: string, tag: string, more = '', body = ''): void => {
      const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}\r\n`).join('');
      const type = body.length > 0 ? 'Content-Type: application/sdp\r\n' : '';
      const to = `To: ${header(request, 'To')};tag=${tag}\r\n`;
      peer.send(`SIP/2.0 ${status}\r\n${copied}${to}${more}${type}Content-Length: ${body.length}\r\n\r\n${body}`);
    };

    const outgoing = start();
    const invite = await peer.next(/^INVITE/);
    t.equal(header(invite, 'Max-Forwards'), '70');
    t.match(header(invite, 'Via'), /^SIP\/2\.0\/UDP 127\.0\.0\.1:\d+;branch=z9hG4bK[^;]+;rport$/);
    const routes =
      'Record-Route: <sip:127.0.0.1:1;lr>\r\nRecord-Route: <sip:127.0.0.1:' +
      `${peer.port};lr>\r\nContact: <sip:phone@127.0.0.1:7>\r\n`;
    respond(invite, '200 OK', 'one', routes, SDP);
    const ack = await peer.next(/^ACK/);
    t.match(ack, /^ACK sip:phone@127\.0\.0\.1:7 SIP/, 'to the remote target, by the last Record-Route first');
    t.match(ack, new RegExp(`Route: <sip:127.0.0.1:${peer.port};lr>\r\nRoute: <sip:127.0.0.1:1;lr>`));
    t.equal(header(ack, 'CSeq'), '1 ACK');
    t.not(header(ack, 'Via'), header(invite, 'Via'));
    t.equal(await events.next(), `answered ${SDP}`);
    respond(invite, '200 OK', 'one', routes, SDP);
    t.equal(await peer.next(), ack, 'the same ACK for the same 2xx');
    respond(invite, '200 OK', 'two', `Contact: <sip:fork@127.0.0.1:${peer.port}>\r\n`, SDP);
    t.match(header(await peer.next(/^ACK sip:fork/), 'To'), /tag=two/);
    t.match(header(await peer.next(/^BYE sip:fork/), 'To'), /tag=two/);
    t.equal(outgoing.dialog.remoteTag, 'one');
    t.same(events.pending, []);

    const second = start();
    const ringing = await peer.next(/^INVITE/);
    second.cancel();
    await turns();
    t.notOk(peer.waiting.some((text) => text.startsWith('CANCEL')));
    respond(ringing, '180 Ringing', 'x');
    const cancel = await peer.next(/^CANCEL/);
    t.equal(header(cancel, 'Via'), header(ringing, 'Via'));
    t.equal(header(cancel, 'CSeq'), '1 CANCEL');
    respond(ringing, '200 OK', 'x', `Contact: <sip:late@127.0.0.1:${peer.port}>\r\n`, SDP);
    await peer.next(/^ACK sip:late/);
    await peer.next(/^BYE sip:late/);
    peer.close();
    const closing = stack.close();
    t.same((await events.take(3)).sort(), ['ended bye-sent', 'ended cancelled', 'rejected 487']);
    clock.advance(2000);
    await closing;
  },
);
