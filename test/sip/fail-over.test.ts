import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import type { Flow, SipHandlers, SipStack } from '../../firmware/sip/stack.ts';
import { connectStream, STAGGER_MS, type StreamTarget } from '../../firmware/sip/transport/outgoing.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePorts } from '../support/free-ports.ts';
import { type DnsRecord, NameServer } from '../support/name-server.ts';
import { Events, openStack, testIdentity, turns, within } from './support/stacks.ts';

const LOOPBACK = '127.0.0.1';
const FROM = { uri: 'sip:202@ringdown' };

/** A server that answers each request with `status`, and the flows of what it got. */
async function answering(t: Test, status: number, protocols: readonly ('udp' | 'tcp')[], port: number) {
  const flows: Flow[] = [];
  const handlers: SipHandlers = {
    onInvite(invite) {
      flows.push(invite.flow);
      invite.reject(status);
      return true;
    },
    onRequest(request) {
      flows.push(request.flow);
      request.respond(status);
      return true;
    },
  };
  const listen = protocols.map((protocol) => ({ protocol, address: LOOPBACK, port }));
  const { stack } = await openStack([], LOOPBACK, { handlers, listen, methods: ['MESSAGE'] });
  t.teardown(() => stack.close());
  return { flows };
}

async function setUp(t: Test, records: readonly (readonly [port: number, priority: number])[]) {
  const srv = records.map(
    ([port, priority]): DnsRecord => ({ type: 'SRV', priority, weight: 1, port, target: 'host.example' }),
  );
  const names = await NameServer.start({
    'carrier.example': [],
    '_sip._tcp.carrier.example': srv,
    '_sip._udp.carrier.example': srv,
    'host.example': [{ type: 'A', address: LOOPBACK }],
  });
  t.teardown(() => names.close());
  const opened = await openStack(['udp', 'tcp'], LOOPBACK, { nameServers: [names.address] });
  t.teardown(() => opened.stack.close());
  return opened;
}

const send = (stack: SipStack, requestUri: string, body = 'x') =>
  within(
    stack.request({
      method: 'MESSAGE',
      requestUri,
      from: FROM,
      to: { uri: requestUri },
      body,
      contentType: 'text/plain',
    }),
    'response',
  );

function invite(stack: SipStack, requestUri: string): Events {
  const events = new Events();
  stack.invite({
    requestUri,
    from: FROM,
    to: { uri: requestUri },
    offer: 'v=0\r\n',
    handlers: {
      onRejected: (status) => events.push(`rejected ${status}`),
      onEnded: (cause) => events.push(`ended ${cause}`),
    },
  });
  return events;
}

t.test('a server that is not there or says 503 is passed over for the next (RFC 3263 §4.3)', async (t) => {
  const port = await freePorts([LOOPBACK], 4);
  const { stack } = await setUp(t, [
    [port, 1],
    [port + 1, 2],
    [port + 2, 3],
    [port + 3, 4],
  ]);
  const busy = await answering(t, 503, ['tcp'], port + 1);
  const good = await answering(t, 486, ['tcp'], port + 2);
  const spare = await answering(t, 486, ['tcp'], port + 3);
  const uri = 'sip:201@carrier.example;transport=tcp';
  t.equal((await send(stack, uri)).status, 486, 'any other answer is the answer');
  t.same(await invite(stack, uri).take(2), ['rejected 486', 'ended rejected']);
  t.equal(busy.flows.length, 2);
  t.equal(good.flows.length, 2);
  t.equal(spare.flows.length, 0);
});

t.test('where all of them say 503 or nothing, so do we, and after four it is enough', async (t) => {
  const port = await freePorts([LOOPBACK], 6);
  const records = [0, 1, 2, 3, 4, 5].map((index) => [port + index, index] as const);
  const { stack, clock } = await setUp(t, records);
  const servers = await Promise.all(records.map(([each]) => answering(t, 503, ['tcp'], each)));
  const uri = 'sip:201@carrier.example;transport=tcp';
  t.equal((await send(stack, uri)).status, 503);
  t.same(await invite(stack, uri).take(2), ['rejected 503', 'ended rejected']);
  t.same(
    servers.map(({ flows }) => flows.length),
    [2, 2, 2, 2, 0, 0],
  );
  // Nobody answers over UDP.
  const silent = stack.request({
    method: 'OPTIONS',
    requestUri: 'sip:carrier.example;transport=udp',
    from: FROM,
    to: FROM,
  });
  let isDone = false;
  void silent.finally(() => {
    isDone = true;
  });
  for (let way = 0; way < 4; way += 1) {
    t.equal(isDone, false);
    await turns(30);
    clock.advance(32_000);
  }
  t.equal((await within(silent, 'end')).status, 408);
});

t.test('a request over 1300 bytes goes over TCP, or over UDP where there is none (RFC 3261 §18.1.1)', async (t) => {
  const port = await freePorts([LOOPBACK], 2);
  const both = await answering(t, 200, ['udp', 'tcp'], port);
  const datagrams = await answering(t, 200, ['udp'], port + 1);
  const { stack } = await openStack(['udp', 'tcp'], LOOPBACK);
  t.teardown(() => stack.close());
  const long = 'x'.repeat(1300);
  for (const [uri, body, flows, protocol] of [
    [`sip:201@${LOOPBACK}:${port}`, 'short', both.flows, 'udp'],
    [`sip:201@${LOOPBACK}:${port}`, long, both.flows, 'tcp'],
    [`sip:201@${LOOPBACK}:${port + 1}`, long, datagrams.flows, 'udp'],
  ] as const) {
    t.equal((await send(stack, uri, body)).status, 200);
    t.equal(flows.at(-1)?.protocol, protocol, `${body.length} bytes`);
  }
  const flow: Flow = {
    protocol: 'udp',
    localAddress: LOOPBACK,
    localPort: stack.listening[0]?.port ?? 0,
    remoteAddress: LOOPBACK,
    remotePort: port,
  };
  const given = { method: 'MESSAGE', requestUri: 'sip:201@x', from: FROM, to: FROM, flow, body: long };
  t.equal((await within(stack.request(given), 'response')).status, 200);
  t.equal(both.flows.at(-1)?.protocol, 'udp', 'a flow that is given is kept');
});

async function listening(t: Test, address: string, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(port, address);
  await once(server, 'listening');
  t.teardown(() => server.close());
  const bound = server.address();
  return { server, port: bound !== null && typeof bound === 'object' ? bound.port : 0 };
}

t.test('addresses are tried beside each other, 250 ms apart (RFC 8305 §5)', async (t) => {
  const clock = new FakeClock();
  const localAddress = (): Promise<undefined> => Promise.resolve(undefined);
  const target = { name: undefined, ca: undefined, localAddress } as const;

  const open = await listening(t, LOOPBACK);
  const refused = { ...target, protocol: 'tcp', addresses: ['::1', LOOPBACK], port: open.port } as const;
  const socket = await within(connectStream(refused, clock), 'connection');
  t.equal(socket.remoteAddress, LOOPBACK, 'one that refuses is not waited for');
  socket.destroy();

  // One that accepts and then says nothing: the handshake of TLS hangs.
  const deaf = await listening(t, '127.0.0.2');
  const answers = await listening(t, '127.0.0.3', deaf.port);
  const came: string[] = [];
  deaf.server.on('connection', () => came.push('first'));
  answers.server.on('connection', () => came.push('second'));
  const hanging = connectStream(
    { ...target, protocol: 'tls', addresses: ['127.0.0.2', '127.0.0.3'], port: deaf.port },
    clock,
  );
  while (came.length < 1) await turns(1);
  await turns(20);
  t.same(came, ['first']);
  clock.advance(STAGGER_MS);
  while (came.length < 2) await turns(1);
  t.same(came, ['first', 'second']);
  clock.advance(5000);
  await t.rejects(hanging, { code: 'SIP_NO_ROUTE' });
  t.equal(clock.pending, 0, 'no timer is left');
});

t.test('what is wrong with the certificate of a peer is said in words of ours (RFC 5922 §7)', async (t) => {
  const { key, cert } = testIdentity;
  const server = createTlsServer({ key: String(key), cert: String(cert) }).listen(0, LOOPBACK);
  await once(server, 'listening');
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  t.teardown(() => server.close());
  const reason = async (way: Pick<StreamTarget, 'protocol' | 'port' | 'name' | 'ca'>): Promise<string> => {
    const target = { ...way, addresses: [LOOPBACK], localAddress: () => Promise.resolve(undefined) };
    const error: unknown = await connectStream(target, new FakeClock()).then(
      () => new Error('connected'),
      (cause: unknown) => cause,
    );
    return String(error instanceof Error ? error.message : error).replace(/^.* over /, '');
  };
  const tls = { protocol: 'tls', port, name: undefined, ca: undefined } as const;
  const named = { ...tls, ca: String(cert), name: 'peer.test' };
  t.equal(await reason(named), 'tls: its certificate is for another name');
  t.equal(await reason(tls), 'tls: its certificate is vouched for by nobody whom this box trusts');
  const nobody = await listening(t, LOOPBACK);
  nobody.server.close();
  t.equal(await reason({ ...named, port: nobody.port }), 'tls', 'nothing of a certificate where none came');
  t.equal(await reason({ ...named, port: nobody.port, protocol: 'tcp' }), 'tcp');
});

t.test('what Node refuses to try is a connection that failed, and the next address is tried', async (t) => {
  const clock = new FakeClock();
  const { port } = await listening(t, LOOPBACK);
  const target = { protocol: 'tcp', port, name: undefined, ca: undefined } as const;
  // connect() throws at once.
  const wrong = (address: string) => Promise.resolve(address === LOOPBACK ? undefined : 'not an address');
  const socket = await within(
    connectStream({ ...target, addresses: ['127.0.0.2', LOOPBACK], localAddress: wrong }, clock),
    'connection',
  );
  t.equal(socket.remoteAddress, LOOPBACK);
  socket.destroy();
  const refused = connectStream({ ...target, addresses: ['127.0.0.2'], localAddress: wrong }, clock);
  await t.rejects(refused, { code: 'SIP_NO_ROUTE' });
  const failing = { ...target, addresses: [LOOPBACK], localAddress: () => Promise.reject(new Error('no descriptor')) };
  await t.rejects(connectStream(failing, clock), { code: 'SIP_NO_ROUTE' });
  t.equal(clock.pending, 0, 'no timer is left');
});
