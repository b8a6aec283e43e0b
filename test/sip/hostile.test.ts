import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { UsageError } from '../../firmware/core/errors.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import type { Flow, IncomingRequest, SipHandlers } from '../../firmware/sip/stack.ts';
import { header, RawPeer, toTag } from './support/raw-peer.ts';
import { openStack, testIdentity, turns, within } from './support/stacks.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const files = ['valid', 'invalid', 'garbage'].flatMap((folder) =>
  readdirSync(join(fixtures, folder)).map((name) => readFileSync(join(fixtures, folder, name))),
);

t.test('what nobody took is answered in one place', async (t) => {
  const { stack, port } = await openStack(['udp'], '127.0.0.1', { methods: ['REGISTER'], supported: ['path'] });
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  let branch = 0;
  const ask = async (method: string, more: object = {}): Promise<string> => {
    branch += 1;
    peer.send(peer.request(method, `u${branch}`, { callId: `u${branch}`, ...more }));
    return peer.next(new RegExp(`^SIP/2.0 [2-6](.*\r\n)*Call-ID: u${branch}\r`));
  };
  const options = await ask('OPTIONS');
  t.match(options, /^SIP\/2.0 200/);
  t.equal(header(options, 'Allow'), 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REGISTER');
  t.equal(header(options, 'Supported'), '100rel, timer, path');
  t.match(await ask('REGISTER'), /^SIP\/2.0 405 Method Not Allowed\r\n(.*\r\n)*Allow: /);
  t.match(await ask('FROBNICATE'), /^SIP\/2.0 501 Not Implemented\r\n(.*\r\n)*Allow: /);
  t.match(await ask('INVITE', { body: 'v=0\r\n' }), /^SIP\/2.0 404/);
  t.match(await ask('BYE', { toTag: 'x' }), /^SIP\/2.0 481/);
  t.match(await ask('NOTIFY', { toTag: 'x' }), /^SIP\/2.0 481/);
  t.match(await ask('OPTIONS', { uri: 'nobodyknows:a' }), /^SIP\/2.0 416/);
  t.equal(header(await ask('OPTIONS', { headers: ['Require: path, x-a', 'Require: x-b'] }), 'Unsupported'), 'x-a, x-b');
  t.match(await ask('INVITE', { headers: ['Content-Type: text/plain'], body: '' }), /^SIP\/2.0 404/);
  const routed = peer.request('INVITE', 'mf', { callId: 'mf' }).replace('Max-Forwards: 70', 'Max-Forwards: 0');
  peer.send(routed);
  t.match(await peer.next(/Call-ID: mf\r/), /^SIP\/2.0 483/);
  const text = peer.request('INVITE', 'ct', { callId: 'ct', body: 'hello' }).replace('application/sdp', 'text/plain');
  peer.send(text);
  t.match(await peer.next(/Call-ID: ct\r/), /^SIP\/2.0 415(.*\r\n)*Accept: application\/sdp/);
  peer.send(peer.request('OPTIONS', 'v7', { callId: 'v7' }).replace('SIP/2.0\r\nVia', 'SIP/7.0\r\nVia'));
  t.match(await peer.next(/Call-ID: v7\r/), /^SIP\/2.0 505/);
  peer.close();
  await stack.close();
});

t.test('responses go back to where the request came from, and say so (RFC 3581)', async (t) => {
  const { stack, port } = await openStack(['udp'], '127.0.0.1');
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  const via = async (value: string, branch: string): Promise<string> => {
    peer.send(peer.request('OPTIONS', branch, { via: value, callId: branch }));
    return header(await peer.next(new RegExp(`Call-ID: ${branch}\r`)), 'Via');
  };
  t.equal(
    await via('SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bKn1', 'n1'),
    'SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bKn1;received=127.0.0.1',
  );
  t.equal(
    await via('SIP/2.0/UDP 10.1.2.3;rport;branch=z9hG4bKn2', 'n2'),
    `SIP/2.0/UDP 10.1.2.3;rport=${peer.port};branch=z9hG4bKn2;received=127.0.0.1`,
  );
  t.equal(
    await via('SIP/2.0/UDP 10.1.2.3;branch=z9hG4bKn3, SIP/2.0/TCP later.example', 'n3'),
    'SIP/2.0/UDP 10.1.2.3;branch=z9hG4bKn3;received=127.0.0.1, SIP/2.0/TCP later.example',
  );
  peer.close();
  await stack.close();
});

t.test('a phone that sends from one port hears on the one in its Via (RFC 3261 §18.2.2)', async (t) => {
  for (const [address, host] of [
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '[::1]'],
  ] as const) {
    const flows: Flow[] = [];
    const { stack, port } = await openStack(['udp'], address, {
      methods: ['REGISTER'],
      handlers: {
        onInvite: () => false,
        onRequest(request) {
          flows.push(request.flow);
          request.respond(200);
          return true;
        },
      },
    });
    const [speaks, listens] = [await RawPeer.udp(address, port('udp')), await RawPeer.udp(address, port('udp'))];
    speaks.send(speaks.request('REGISTER', 'v1', { via: `SIP/2.0/UDP ${host}:${listens.port};branch=z9hG4bKv1` }));
    t.match(await listens.next(), /^SIP\/2.0 200/);
    t.match(flows, [{ remoteAddress: address, remotePort: listens.port }], 'it is called there, too');
    speaks.send(
      speaks.request('REGISTER', 'v2', {
        callId: 'v2',
        via: `SIP/2.0/UDP ${host}:${listens.port};branch=z9hG4bKv2;rport`,
      }),
    );
    t.match(await speaks.next(), /^SIP\/2.0 200/, 'RFC 3581');
    t.same([...speaks.waiting, ...listens.waiting], []);
    speaks.close();
    listens.close();
    await stack.close();
  }
});

t.test('a retransmission gets the same answer, and the handler hears of it once', async (t) => {
  const heard: IncomingRequest[] = [];
  const handlers: SipHandlers = {
    onInvite: () => false,
    onRequest(request) {
      heard.push(request);
      request.respond(200, { headers: [['X-Count', String(heard.length)]] });
      request.respond(500);
      return true;
    },
  };
  const { stack, port } = await openStack(['udp'], '::1', { handlers });
  const peer = await RawPeer.udp('::1', port('udp'));
  const request = peer.request('MESSAGE', 'm');
  peer.send(request);
  const first = await peer.next();
  peer.send(request);
  t.equal(await peer.next(), first);
  t.equal(heard.length, 1);
  t.not(toTag(first), '');
  peer.close();
  await stack.close();
});

t.test('an ACK and a response are never answered', async (t) => {
  const { stack, port } = await openStack(['udp'], '127.0.0.1');
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  peer.send(peer.request('ACK', 'a', { toTag: 'x' }));
  peer.send(peer.request('ACK', 'b').replace('Call-ID: raw\r\n', ''));
  peer.send(readFileSync(join(fixtures, 'valid', 'response-utf8-reason.dat')));
  peer.send('\r\n\r\n');
  peer.send(Buffer.alloc(4));
  peer.send(peer.request('OPTIONS', 'o'));
  t.match(await peer.next(), /CSeq: 1 OPTIONS/);
  await turns();
  t.same(peer.waiting, []);
  peer.close();
  await stack.close();
});

t.test('TCP: split and glued requests, a ping, an answer before the end', async (t) => {
  const { stack, port, clock } = await openStack(['tcp'], '127.0.0.1');
  const peer = await RawPeer.tcp('127.0.0.1', port('tcp'));
  const one = peer.request('OPTIONS', 't1', { protocol: 'TCP', callId: 't1' });
  const two = peer.request('OPTIONS', 't2', { protocol: 'TCP', callId: 't2' });
  peer.send('\r\n\r\n');
  t.equal(await peer.next(), '\r\n');
  peer.send(one.slice(0, 30));
  await turns(20);
  peer.send(one.slice(30) + two);
  let text = '';
  while (!text.includes('Call-ID: t2')) text += await peer.next();
  t.match(text, /Call-ID: t1(.|\r\n)*Call-ID: t2/);
  peer.send(one.replace('Content-Length: 0\r\n', ''));
  t.match(await peer.next(), /^SIP\/2.0 400 Missing Content-Length/);
  await peer.closed();

  const slow = await RawPeer.tcp('127.0.0.1', port('tcp'));
  slow.send(one.slice(0, 30));
  await turns(20);
  clock.advance(30_000);
  await slow.closed();
  const idle = await RawPeer.tcp('127.0.0.1', port('tcp'));
  idle.send(one.replace('t1', 't3'));
  await idle.next();
  clock.advance(60 * 60 * 1000);
  idle.send('\r\n\r\n');
  t.equal(await idle.next(), '\r\n');
  clock.advance(2 * 60 * 60 * 1000);
  await idle.closed();
  await stack.close();
  t.equal(clock.pending, 0);
});

t.test('garbage over UDP, TCP and TLS: one log line, and OPTIONS is answered afterwards', async (t) => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(line) });
  const { stack, port } = await openStack(['udp', 'tcp', 'tls'], '127.0.0.1', { logger });
  const udp = await RawPeer.udp('127.0.0.1', port('udp'));
  for (const bytes of files) udp.send(bytes);
  for (const bytes of files) {
    const tcp = await RawPeer.tcp('127.0.0.1', port('tcp'));
    tcp.send(bytes);
    tcp.send(Buffer.alloc(200_000, 'x'));
    await tcp.closed();
    const raw = await RawPeer.tcp('127.0.0.1', port('tls'));
    raw.send(bytes.length > 0 ? bytes : 'x');
    raw.close();
  }
  const tls = connectTls({ port: port('tls'), host: '127.0.0.1', ca: testIdentity.ca ?? '' });
  await within(new Promise<void>((resolve) => tls.once('secureConnect', resolve)), 'TLS');
  tls.write(Buffer.alloc(70_000, 'y'));
  tls.on('error', () => undefined);
  await within(new Promise<void>((resolve) => tls.once('close', () => resolve())), 'close');
  udp.send(udp.request('OPTIONS', 'after', { callId: 'after' }));
  t.match(await udp.next(/Call-ID: after\r/), /^SIP\/2.0 200/);
  t.equal(lines.length, 1, 'the clock stands still');
  udp.close();
  await stack.close();
});

t.test('500 mutated messages never stop the stack', async (t) => {
  const { stack, port, clock } = await openStack(['udp', 'tcp'], '127.0.0.1');
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  let seed = 0x5eed;
  const random = (below: number): number => {
    // A linear congruential generator: the same messages in each run.
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const sources = [
    ...files,
    Buffer.from(peer.request('INVITE', 'f', { body: 'v=0\r\n', callId: 'f' })),
    Buffer.from(peer.request('BYE', 'g', { toTag: 'x' })),
    Buffer.from(peer.request('CANCEL', 'f', { callId: 'f' })),
    Buffer.from(peer.request('REGISTER', 'r', { headers: ['Authorization: Digest a="b", c=d'] })),
  ];
  let tcp = await RawPeer.tcp('127.0.0.1', port('tcp'));
  for (let round = 0; round < 500; round += 1) {
    const bytes = Buffer.from(sources[random(sources.length)] ?? '');
    for (let change = random(8) + 1; change > 0; change -= 1) {
      const at = random(bytes.length);
      switch (random(3)) {
        case 0:
          bytes[at] = random(256);
          break;
        case 1:
          bytes.copyWithin(at, random(bytes.length));
          break;
        default:
          bytes[at] = '\r\n\t ,;:<>"@[]\\=%'.charCodeAt(random(17));
      }
    }
    peer.send(bytes);
    tcp.send(bytes);
    if (round % 20 === 0) {
      await turns(2);
      tcp.close();
      tcp = await RawPeer.tcp('127.0.0.1', port('tcp'));
    }
  }
  tcp.close();
  peer.send(peer.request('OPTIONS', 'after', { callId: 'after' }));
  t.match(await peer.next(/Call-ID: after\r/), /^SIP\/2.0 200/);
  clock.advance(3 * 60 * 60 * 1000);
  peer.send(peer.request('OPTIONS', 'later', { callId: 'later' }));
  t.match(await peer.next(/Call-ID: later\r/), /^SIP\/2.0 200/);
  peer.close();
  await stack.close();
  t.equal(clock.pending, 0, 'nothing is left over');
});

t.test('what cannot be opened is one clear error, and nothing stays open', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const cases: readonly (readonly [point: object, code: string, message: RegExp])[] = [
    [{ protocol: 'tcp', address: '127.0.0.1', port }, 'SIP_PORT_IN_USE', new RegExp(`127.0.0.1:${port} over TCP`)],
    [{ protocol: 'udp', address: '192.0.2.77', port: 0 }, 'SIP_ADDRESS_NOT_HERE', /192\.0\.2\.77:0 over UDP/],
    [{ protocol: 'tcp', address: '2001:db8::77', port: 5060 }, 'SIP_ADDRESS_NOT_HERE', /\[2001:db8::77\]:5060/],
    [{ protocol: 'udp', address: '0.0.0.0', port: 0 }, 'SIP_ADDRESS_UNSPECIFIED', /0\.0\.0\.0/],
    [{ protocol: 'tls', address: '127.0.0.1', port: 0 }, 'SIP_CERTIFICATE', /certificate/],
    [{ protocol: 'tls', address: '127.0.0.1', port: 0, tls: { key: 'x', cert: 'y' } }, 'SIP_CERTIFICATE', /PEM|use/],
  ];
  for (const [point, code, message] of cases) {
    const listen = [{ protocol: 'udp', address: '127.0.0.1', port: 0 } as const, point as never];
    const error = await openStack([], '127.0.0.1', { listen }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof UsageError, code);
    t.match(error, { code, message });
  }
  server.close();
});

t.test('the advertised address stands in Via and Contact', async (t) => {
  const advertise = new Map([['127.0.0.1', '203.0.113.9']]);
  const { stack, port } = await openStack(['udp'], '127.0.0.1', { advertise });
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  t.equal(stack.advertisedAddress('127.0.0.1'), '203.0.113.9');
  t.equal(stack.advertisedAddress('::1'), '::1');
  const answer = stack.request({
    method: 'OPTIONS',
    requestUri: `sip:127.0.0.1:${peer.port}`,
    from: { uri: 'sip:box@ringdown' },
    to: { uri: 'sip:phone@ringdown' },
  });
  const request = await peer.next();
  t.match(header(request, 'Via'), new RegExp(`^SIP/2.0/UDP 203.0.113.9:${port('udp')};branch=`));
  const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}\r\n`);
  peer.send(`SIP/2.0 200 OK\r\n${copied.join('')}\r\n`);
  t.equal((await within(answer, 'answer')).status, 200);
  peer.close();
  await stack.close();
});
