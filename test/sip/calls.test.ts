import t from 'tap';
import type {
  Flow,
  IncomingInvite,
  OutgoingInvite,
  OutgoingInviteHandlers,
  SipHandlers,
  SipStack,
  TransportProtocol,
} from '../../firmware/sip/stack.ts';
import { NameServer } from '../support/name-server.ts';
import { header, RawPeer, toTag } from './support/raw-peer.ts';
import { Events, openStack, uriFor, within } from './support/stacks.ts';

const OFFER = 'v=0\r\no=offer\r\n';
const ANSWER = 'v=0\r\no=answer\r\n';

/** A callee that writes down what happens to it, and hands out its session. */
function callee() {
  const events = new Events();
  let resolve: (invite: IncomingInvite) => void = () => undefined;
  const invited = new Promise<IncomingInvite>((done) => {
    resolve = done;
  });
  const handlers: SipHandlers = {
    onRequest: () => false,
    onInvite(invite) {
      invite.handlers = {
        onCancel: () => events.push('cancel'),
        onAck: (sdp) => events.push(`ack ${sdp ?? 'empty'}`),
        onBye: () => events.push('bye'),
        onEnded: (cause) => events.push(`ended ${cause}`),
      };
      resolve(invite);
      return true;
    },
  };
  return { events, handlers, invited: () => within(invited, 'INVITE') };
}

function caller() {
  const events = new Events();
  const handlers: OutgoingInviteHandlers = {
    onProvisional: (status, sdp) => events.push(`${status} ${sdp ?? 'empty'}`),
    onAnswered: (sdp) => events.push(`answered ${sdp}`),
    onRejected: (status, reason) => events.push(`rejected ${status} ${reason}`),
    onBye: () => events.push('bye'),
    onEnded: (cause) => events.push(`ended ${cause}`),
  };
  return { events, handlers };
}

function call(stack: SipStack, requestUri: string, handlers: OutgoingInviteHandlers): OutgoingInvite {
  const from = { displayName: 'Ädä "the" caller', uri: 'sip:202@ringdown' };
  return stack.invite({ requestUri, from, to: { uri: requestUri }, offer: OFFER, handlers });
}

const paths: readonly (readonly [TransportProtocol, string])[] = [
  ['udp', '127.0.0.1'],
  ['udp', '::1'],
  ['tcp', '127.0.0.1'],
  ['tcp', '::1'],
  ['tls', '127.0.0.1'],
  ['tls', '::1'],
];

for (const [protocol, address] of paths) {
  for (const side of ['caller', 'callee'] as const) {
    t.test(`a call over ${protocol} and ${address}, ended by the ${side}`, async (t) => {
      const { events: called, handlers, invited } = callee();
      const b = await openStack([protocol], address, { handlers });
      const a = await openStack([protocol], address);
      const { events: calling, handlers: callerHandlers } = caller();
      const outgoing = call(a.stack, uriFor('201', address, b.port(protocol), protocol), callerHandlers);
      const incoming = await invited();
      t.equal(incoming.offer, OFFER);
      t.equal(incoming.message.from.displayName, 'Ädä "the" caller');
      t.equal(incoming.flow.protocol, protocol);
      incoming.provisional(180);
      incoming.provisional(183, { sdp: ANSWER });
      t.same(await calling.take(2), ['180 empty', `183 ${ANSWER}`]);
      t.equal(incoming.accept({ sdp: ANSWER }), true);
      t.equal(incoming.accept({ sdp: ANSWER }), false);
      t.equal(await calling.next(), `answered ${ANSWER}`);
      t.equal(await called.next(), 'ack empty');
      t.same(outgoing.dialog, {
        callId: incoming.dialog.callId,
        localTag: incoming.dialog.remoteTag,
        remoteTag: incoming.dialog.localTag,
      });
      t.ok(outgoing.established && incoming.established);
      await within((side === 'caller' ? outgoing : incoming).bye(), 'answer to BYE');
      const [ended, heard] = side === 'caller' ? [calling, called] : [called, calling];
      t.equal(await ended.next(), 'ended bye-sent');
      t.same(await heard.take(2), ['bye', 'ended bye-received']);
      t.ok(outgoing.ended && incoming.ended);
      await Promise.all([a.stack.close(), b.stack.close()]);
      t.equal(a.clock.pending + b.clock.pending, 0, 'no timer is left');
    });
  }
}

const browserPaths = [
  ['ws', '127.0.0.1'],
  ['ws', '::1'],
  ['wss', '127.0.0.1'],
  ['wss', '::1'],
] as const;

/** What answers `request` with this status line, from its own headers. */
function answerTo(request: string, status: string, more = ''): string {
  const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}`).join('\r\n');
  const to = header(request, 'To');
  const tagged = to.includes(';tag=') ? to : `${to};tag=browser`;
  return `SIP/2.0 ${status}\r\n${copied}\r\nTo: ${tagged}\r\n${more}\r\n`;
}

for (const [protocol, address] of browserPaths) {
  const transport = protocol.toUpperCase();
  const open = async (port: number): Promise<RawPeer> =>
    RawPeer.webSocket(address, port, { secure: protocol === 'wss' });
  const flowOf = async (peer: RawPeer, flows: Flow[]): Promise<Flow> => {
    const via = `SIP/2.0/${transport} nobody.invalid;branch=z9hG4bKreg`;
    peer.send(peer.request('REGISTER', 'reg', { via, callId: 'reg' }));
    await peer.next(/^SIP\/2.0 200/);
    const [flow] = flows;
    if (flow === undefined) throw new Error('no flow');
    return flow;
  };

  t.test(`a browser calls over ${protocol} and ${address}, and hangs up`, async (t) => {
    const { events: called, handlers, invited } = callee();
    const b = await openStack([protocol], address, { handlers });
    const peer = await open(b.port(protocol));
    const via = (branch: string): { readonly via: string } => ({
      via: `SIP/2.0/${transport} nobody.invalid;branch=z9hG4bK${branch}`,
    });
    peer.send(peer.request('INVITE', 'i', { ...via('i'), body: OFFER }));
    const incoming = await invited();
    t.equal(incoming.flow.protocol, protocol);
    incoming.accept({ sdp: ANSWER });
    const ok = await peer.next(/^SIP\/2.0 200/);
    const host = address.includes(':') ? `[${address}]` : address;
    t.equal(header(ok, 'Contact'), `<sip:201@${host}:${b.port(protocol)};transport=ws>`);
    peer.send(peer.request('ACK', 'a', { ...via('a'), toTag: toTag(ok) }));
    t.equal(await called.next(), 'ack empty');
    peer.send(peer.request('BYE', 'b', { ...via('b'), toTag: toTag(ok), cseq: 2 }));
    t.match(await peer.next(/CSeq: 2 BYE/), /^SIP\/2.0 200/);
    t.same(await called.take(2), ['bye', 'ended bye-received']);
    peer.close();
    await b.stack.close();
    t.equal(b.clock.pending, 0, 'no timer is left');
  });

  t.test(
    `a browser is called over ${protocol} and ${address} by its connection, whatever its Contact says`,
    async (t) => {
      const flows: Flow[] = [];
      const handlers: SipHandlers = {
        onInvite: () => false,
        onRequest(request) {
          flows.push(request.flow);
          request.respond(200);
          return true;
        },
      };
      const { stack, port } = await openStack([protocol], address, { handlers, methods: ['REGISTER'] });
      const peer = await open(port(protocol));
      const flow = await flowOf(peer, flows);
      const { events, handlers: callerHandlers } = caller();
      const requestUri = 'sip:201@nobody.invalid;transport=ws';
      const outgoing = stack.invite({
        flow,
        requestUri,
        from: { uri: 'sip:202@ringdown' },
        to: { uri: requestUri },
        offer: OFFER,
        handlers: callerHandlers,
      });
      const invite = await peer.next(/^INVITE/);
      const host = address.includes(':') ? `[${address}]` : address;
      t.match(header(invite, 'Via'), `SIP/2.0/${transport} ${host}:${port(protocol)};branch=`);
      const answer = `Contact: <${requestUri}>\r\nContent-Type: application/sdp\r\n\r\n${ANSWER}`;
      peer.send(answerTo(invite, '200 OK', answer).trimEnd().concat('\r\n'));
      t.match(await peer.next(/^ACK/), `ACK ${requestUri} SIP/2.0\r\n`);
      t.equal(await events.next(), `answered ${ANSWER}`);
      const ended = outgoing.bye();
      peer.send(answerTo(await peer.next(/^BYE/), '200 OK'));
      await within(ended, 'answer to BYE');
      t.equal(await events.next(), 'ended bye-sent');

      peer.close();
      while (stack.isOpen(flow)) await new Promise((resolve) => setImmediate(resolve));
      const late = caller();
      stack.invite({
        flow,
        requestUri,
        from: { uri: 'sip:a@b' },
        to: { uri: requestUri },
        offer: OFFER,
        handlers: late.handlers,
      });
      t.match(await late.events.next(), /^rejected 503/, 'without it there is no way');
      await stack.close();
    },
  );
}

for (const protocol of ['udp', 'tcp'] as const) {
  t.test(`CANCEL over ${protocol}: 200 to it, 487 to the INVITE`, async (t) => {
    const { events: called, handlers, invited } = callee();
    const b = await openStack([protocol], '127.0.0.1', { handlers });
    const a = await openStack([protocol], '127.0.0.1');
    const { events: calling, handlers: callerHandlers } = caller();
    const outgoing = call(a.stack, uriFor('201', '127.0.0.1', b.port(protocol), protocol), callerHandlers);
    (await invited()).provisional(180);
    t.equal(await calling.next(), '180 empty');
    outgoing.cancel();
    outgoing.cancel();
    t.same(await called.take(2), ['cancel', 'ended cancelled']);
    t.same(await calling.take(2), ['rejected 487 Request Terminated', 'ended cancelled']);
    await Promise.all([a.stack.close(), b.stack.close()]);
  });
}

t.test('a rejection reaches the caller, once', async (t) => {
  const { events: called, handlers, invited } = callee();
  const b = await openStack(['udp'], '127.0.0.1', { handlers });
  const a = await openStack(['udp'], '127.0.0.1');
  const { events: calling, handlers: callerHandlers } = caller();
  call(a.stack, uriFor('201', '127.0.0.1', b.port('udp'), 'udp'), callerHandlers);
  const incoming = await invited();
  incoming.reject(486, { reason: 'At Lunch' });
  incoming.reject(603);
  t.equal(incoming.accept({ sdp: ANSWER }), false);
  t.same(await calling.take(2), ['rejected 486 At Lunch', 'ended rejected']);
  t.equal(await called.next(), 'ended rejected');
  await Promise.all([a.stack.close(), b.stack.close()]);
  t.same(calling.pending, []);
});

t.test('nobody there, no name, nobody home', async (t) => {
  const names = await NameServer.start({});
  t.teardown(() => names.close());
  const b = await openStack(['udp'], '127.0.0.1');
  const a = await openStack(['udp', 'tcp'], '127.0.0.1', { nameServers: [names.address] });
  const silentUri = 'sip:201@127.0.0.1:9';
  const results: readonly (readonly [uri: string, rejected: RegExp, advanceMs: number])[] = [
    [uriFor('201', '127.0.0.1', b.port('udp'), 'udp'), /^rejected 404 Not Found$/, 0],
    [silentUri, /^rejected 408 /, 32_000],
    [`${silentUri};transport=tcp`, /^rejected 503 no connection/, 0],
    ['sip:201@carrier.example.com', /^rejected 503 .*no address/, 0],
    ['sip:201@[::1]', /^rejected 503 no UDP listener/, 0],
  ];
  for (const [uri, rejected, advanceMs] of results) {
    const { events, handlers } = caller();
    call(a.stack, uri, handlers);
    if (advanceMs > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      a.clock.advance(advanceMs);
    }
    t.match(await events.next(), rejected, uri);
    t.equal(await events.next(), 'ended rejected');
  }
  await Promise.all([a.stack.close(), b.stack.close()]);
});

t.test('BYE from both sides at once ends both', async (t) => {
  const { handlers, invited } = callee();
  const b = await openStack(['udp'], '127.0.0.1', { handlers });
  const a = await openStack(['udp'], '127.0.0.1');
  const { events, handlers: callerHandlers } = caller();
  const outgoing = call(a.stack, uriFor('201', '127.0.0.1', b.port('udp'), 'udp'), callerHandlers);
  const incoming = await invited();
  incoming.accept({ sdp: ANSWER });
  await events.next();
  await within(Promise.all([outgoing.bye(), incoming.bye()]), 'end of both');
  t.ok(outgoing.ended && incoming.ended);
  await Promise.all([a.stack.close(), b.stack.close()]);
});

t.test('close() sends BYE to what stands, and 480 or CANCEL to what rings', async (t) => {
  const { events: called, handlers } = callee();
  const invites: IncomingInvite[] = [];
  const both: SipHandlers = {
    ...handlers,
    onInvite(invite) {
      invites.push(invite);
      return handlers.onInvite(invite);
    },
  };
  const b = await openStack(['tcp'], '127.0.0.1', { handlers: both });
  const a = await openStack(['tcp'], '127.0.0.1');
  const uri = uriFor('201', '127.0.0.1', b.port('tcp'), 'tcp');
  const first = caller();
  call(a.stack, uri, first.handlers);
  const second = caller();
  while (invites.length < 1) await new Promise((resolve) => setImmediate(resolve));
  invites[0]?.accept({ sdp: ANSWER });
  await first.events.next();
  t.equal(await called.next(), 'ack empty');
  call(a.stack, uri, second.handlers);
  while (invites.length < 2) await new Promise((resolve) => setImmediate(resolve));
  invites[1]?.provisional(180);
  await second.events.next();
  await within(a.stack.close(), 'close');
  await a.stack.close();
  const ends = (await called.take(4)).sort();
  t.same(ends, ['bye', 'cancel', 'ended bye-received', 'ended cancelled']);
  t.equal(await first.events.next(), 'ended bye-sent');
  t.equal(a.clock.pending, 0);
  await b.stack.close();
});
