import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { SourceLog } from '../../../firmware/core/logger.ts';
import { Admission, type IncomingRequest, type SipHandlers, type TlsIdentity } from '../../../firmware/sip/stack.ts';
import { IDLE_TIMEOUT_MS, MESSAGE_TIMEOUT_MS } from '../../../firmware/sip/transport/connection.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../../firmware/sip/transport/stream-listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { outputOf } from '../../support/process-output.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { openStack, silent, testIdentity, turns, within } from '../support/stacks.ts';

const LOOPBACK = '127.0.0.1';

async function secure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: LOOPBACK, port, ca: testIdentity.ca as string, ...options });
  try {
    await within(once(socket, 'secureConnect'), 'handshake');
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.on('error', () => undefined);
  return socket;
}

async function plain(t: Test, port: number): Promise<Socket> {
  const socket = connectTcp(port, LOOPBACK);
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await within(once(socket, 'connect'), 'connection');
  return socket;
}

const closeOf = (socket: Socket): Promise<unknown> =>
  within(new Promise((resolve) => socket.resume().once('close', resolve)), 'end of the connection');

for (const protocol of ['tls', 'wss'] as const) {
  t.test(`${protocol}: TLS 1.2 and 1.3 are spoken, older ones refused`, async (t) => {
    const { stack, port } = await openStack([protocol], LOOPBACK);
    t.teardown(() => stack.close());
    const speak = async (version: SecureVersion): Promise<string | null> => {
      // Level 0: otherwise it is OpenSSL on our side that refuses to ask.
      const only = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' };
      const socket = await secure(port(protocol), only);
      const spoken = socket.getProtocol();
      socket.destroy();
      return spoken;
    };
    t.equal(await speak('TLSv1.2'), 'TLSv1.2');
    t.equal(await speak('TLSv1.3'), 'TLSv1.3');
    for (const old of ['TLSv1', 'TLSv1.1'] as const) {
      await t.rejects(speak(old), { message: /protocol version/ }, old);
    }
  });
}

async function madeIdentity(t: Test): Promise<TlsIdentity> {
  const folder = mkdtempSync(join(tmpdir(), 'ringdown-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=renewed', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-x509', '-days', '2'];
  await outputOf('openssl', ['req', ...kind, ...subject, '-keyout', keyFile, '-out', certFile]);
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
}

t.test('a new certificate: WebSockets stand, tickets of before still count', async (t) => {
  const { stack, port } = await openStack(['tls', 'wss'], LOOPBACK);
  t.teardown(() => stack.close());
  const browser = await RawPeer.webSocket(LOOPBACK, port('wss'), { secure: true });
  t.teardown(() => browser.close());
  const sessions: Buffer[] = [];
  const first = await secure(port('tls'), { maxVersion: 'TLSv1.2' });
  first.on('session', (session: Buffer) => sessions.push(session));
  const [session] = [first.getSession() ?? sessions[0]];
  t.equal(first.isSessionReused(), false);
  first.destroy();

  const renewed = await madeIdentity(t);
  stack.useCertificate(renewed);
  for (const name of ['tls', 'wss'] as const) {
    const fresh = await secure(port(name), { ca: renewed.cert as string });
    t.equal(fresh.getPeerCertificate().subject.CN, 'renewed', name);
    fresh.destroy();
  }
  const again = await secure(port('tls'), { maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) });
  t.equal(again.isSessionReused(), true, 'a phone that comes back needs no whole handshake');
  again.destroy();
  browser.send('\r\n\r\n');
  t.equal(await browser.next(), '\r\n', 'the WebSocket of before is served on');
});

for (const protocol of ['tls', 'ws', 'wss'] as const) {
  t.test(`${protocol}: handshakes that do not end hold up nobody`, async (t) => {
    const { stack, clock, port } = await openStack([protocol], LOOPBACK, { limits: { connections: 4 } });
    t.teardown(() => stack.close());
    const idle: Socket[] = [];
    for (let count = 0; count < 4; count += 1) idle.push(await plain(t, port(protocol)));
    await turns();
    const [oldest, ...others] = idle;
    const ends = closeOf(oldest as Socket);
    if (protocol === 'tls') {
      const phone = await secure(port('tls'));
      phone.write('\r\n\r\n');
      t.equal(String((await within(once(phone, 'data'), 'pong'))[0]), '\r\n');
      t.teardown(() => phone.destroy());
    } else {
      const phone = await RawPeer.webSocket(LOOPBACK, port(protocol), { secure: protocol === 'wss' });
      phone.send('\r\n\r\n');
      t.equal(await phone.next(), '\r\n');
      t.teardown(() => phone.close());
    }
    await ends;
    t.ok(
      others.every(({ destroyed }) => !destroyed),
      'only the oldest made room',
    );
    const rest = Promise.all(others.map(closeOf));
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    await rest;
  });
}

t.test('one address has its share of the connections, and gets it back', async (t) => {
  const { stack, port } = await openStack(['tcp', 'tls'], LOOPBACK, { limits: { connectionsPerSource: 2 } });
  t.teardown(() => stack.close());
  const first = await plain(t, port('tcp'));
  const half = await plain(t, port('tls'));
  await turns();
  const third = connectTcp(port('tcp'), LOOPBACK);
  third.on('error', () => undefined);
  await closeOf(third);
  const ends = closeOf(half);
  half.destroy();
  await ends;
  await turns(10);
  const fourth = await plain(t, port('tcp'));
  for (const socket of [first, fourth]) {
    socket.write('\r\n\r\n');
    t.equal(String((await within(once(socket, 'data'), 'pong'))[0]), '\r\n');
  }
});

t.test('where all connections are taken, the quietest that nobody has logged in by makes room', async (t) => {
  const clock = new FakeClock();
  const limits = { packetsPerSecond: 20, blockSeconds: 600, allowList: [] };
  const admission = new Admission({ limits, clock, logger: silent, sourceLog: new SourceLog(silent, clock) });
  const { stack, port } = await openStack(['tcp'], LOOPBACK, { clock, admission, limits: { connections: 3 } });
  t.teardown(() => stack.close());
  const peers: RawPeer[] = [];
  const speak = async (peer: RawPeer, branch: string): Promise<void> => {
    clock.advance(1000);
    peer.send(peer.request('OPTIONS', branch, { protocol: 'TCP' }));
    t.match(await peer.next(), /^SIP\/2.0 200/, branch);
  };
  const come = async (branch: string): Promise<RawPeer> => {
    const peer = await RawPeer.tcp(LOOPBACK, port('tcp'));
    t.teardown(() => peer.close());
    peers.push(peer);
    await speak(peer, branch);
    return peer;
  };
  const phone = await come('phone');
  const flow = { protocol: 'tcp', localAddress: LOOPBACK, localPort: port('tcp') } as const;
  admission.know({ ...flow, remoteAddress: LOOPBACK, remotePort: phone.port }, 'login', '201');
  const quiet = await come('quiet');
  const other = await come('other');
  await come('late');
  await quiet.closed();
  await speak(other, 'other-again');
  await speak(phone, 'phone-again');
});

t.test('slow or silent: no first message, pings alone, half a message are cut after 30 s', async (t) => {
  const { stack, clock, port } = await openStack(['tcp'], LOOPBACK);
  t.teardown(() => stack.close());
  const mute = await plain(t, port('tcp'));
  const pinging = await plain(t, port('tcp'));
  const spoke = await RawPeer.tcp(LOOPBACK, port('tcp'));
  spoke.send(spoke.request('OPTIONS', 's', { protocol: 'TCP' }));
  t.match(await spoke.next(), /^SIP\/2.0 200/);
  const ends = [closeOf(mute), closeOf(pinging)];
  for (let seconds = 0; seconds < MESSAGE_TIMEOUT_MS / 1000; seconds += 1) {
    // A byte now and then is no message; nor does a ping make a phone of anybody.
    spoke.send('O');
    pinging.write('\r\n\r\n');
    await within(once(pinging, 'data'), 'pong');
    await turns();
    if (seconds === 0) continue;
    clock.advance(1000);
  }
  clock.advance(1000);
  await Promise.all(ends);
  await turns();
  clock.advance(1000);
  await spoke.closed();
  await stack.close();
  clock.advance(64_000);
  t.equal(clock.pending, 0);
});

t.test(
  'who has been silent for hours is cut, and nobody else, also where the time of day is set meanwhile',
  async (t) => {
    for (const years of [0, 50, -50]) {
      const { stack, clock, port } = await openStack(['tcp'], LOOPBACK);
      t.teardown(() => stack.close());
      const peer = await RawPeer.tcp(LOOPBACK, port('tcp'));
      t.teardown(() => peer.close());
      const speak = async (): Promise<void> => {
        peer.send(peer.request('OPTIONS', 's', { protocol: 'TCP' }));
        t.match(await peer.next(), /^SIP\/2.0 200/);
      };
      await speak();
      clock.advance(IDLE_TIMEOUT_MS / 2);
      await speak();
      clock.jump(years * 365 * 86_400_000);
      clock.advance(IDLE_TIMEOUT_MS / 2);
      await turns();
      clock.advance(IDLE_TIMEOUT_MS / 2 - 1);
      await speak();
      clock.advance(IDLE_TIMEOUT_MS);
      await peer.closed();
    }
  },
);

for (const protocol of ['tcp', 'ws'] as const) {
  t.test(`${protocol}: a flood of pings is a flood`, async (t) => {
    const clock = new FakeClock();
    const limits = { packetsPerSecond: 20, blockSeconds: 600, allowList: [] };
    const sourceLog = new SourceLog(silent, clock);
    const admission = new Admission({ limits, clock, logger: silent, sourceLog });
    const { stack, port } = await openStack([protocol], LOOPBACK, { clock, admission });
    t.teardown(() => stack.close());
    const to = port(protocol);
    const flooding = protocol === 'tcp' ? await RawPeer.tcp(LOOPBACK, to) : await RawPeer.webSocket(LOOPBACK, to);
    t.teardown(() => flooding.close());
    // A burst of four seconds.
    for (let count = 0; count < 80; count += 1) {
      flooding.send('\r\n\r\n');
      t.equal(await flooding.next(), '\r\n');
    }
    flooding.send('\r\n\r\n');
    await flooding.closed();
  });
}

t.test('one who does not read is not read from, and cut', async (t) => {
  const { stack, clock, port } = await openStack(['tcp'], LOOPBACK);
  t.teardown(() => stack.close());
  const socket = await plain(t, port('tcp'));
  socket.pause();
  const ask = (branch: number): string => {
    const via = `Via: SIP/2.0/TCP ${LOOPBACK};branch=z9hG4bK${branch};y=${'x'.repeat(7500)}\r\n`;
    return `OPTIONS sip:a@b SIP/2.0\r\n${via.repeat(7)}From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: ${branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`;
  };
  for (let count = 0; count < 3000 && socket.writableLength < 4_000_000; count += 1) {
    socket.write(ask(count));
    await turns(1);
  }
  t.ok(socket.writableLength > 1_000_000, 'the box stopped to read');
  clock.advance(MESSAGE_TIMEOUT_MS);
  await closeOf(socket);
});

/** Holds each request until the test answers it. */
function holding(): { handlers: SipHandlers; requests: IncomingRequest[] } {
  const requests: IncomingRequest[] = [];
  const handlers: SipHandlers = {
    onInvite: () => false,
    onRequest(request) {
      requests.push(request);
      return true;
    },
  };
  return { handlers, requests };
}

t.test('a response whose connection is gone goes to the sent-by (RFC 3261 §18.2.2)', async (t) => {
  const { handlers, requests } = holding();
  const { stack, port } = await openStack(['tcp'], LOOPBACK, { handlers });
  t.teardown(() => stack.close());
  const listens = createServer().listen(0, LOOPBACK);
  await once(listens, 'listening');
  t.teardown(() => listens.close());
  const bound = listens.address();
  const sentBy = bound !== null && typeof bound === 'object' ? bound.port : 0;
  const peer = await RawPeer.tcp(LOOPBACK, port('tcp'));
  for (const branch of ['a', 'b']) {
    const via = `SIP/2.0/TCP ${LOOPBACK}:${sentBy};branch=z9hG4bK${branch}`;
    peer.send(peer.request('OPTIONS', branch, { via, callId: branch }));
  }
  while (requests.length < 2) await turns(1);
  peer.close();
  const [request] = requests;
  while (request !== undefined && stack.isOpen(request.flow)) await turns(1);
  const connected = once(listens, 'connection');
  for (const each of requests) each.respond(200);
  const [socket] = await within(connected, 'connection');
  let text = '';
  (socket as Socket).on('data', (bytes) => {
    text += String(bytes);
  });
  while (!/Call-ID: a\r/.test(text)) await turns(1);
  t.match(text, /^SIP\/2.0 200/);
  (socket as Socket).destroy();
});

t.test('a connection is used in both directions: alias (RFC 5923), and what is sent from it', async (t) => {
  const { handlers, requests } = holding();
  const { stack, port } = await openStack(['tcp'], LOOPBACK, { handlers });
  t.teardown(() => stack.close());
  const peer = await RawPeer.tcp(LOOPBACK, port('tcp'));
  t.teardown(() => peer.close());
  const ask = (branch: string, host: string): void =>
    peer.send(
      peer.request('OPTIONS', branch, { via: `SIP/2.0/TCP ${host};branch=z9hG4bK${branch};alias`, callId: branch }),
    );
  ask('a', `${LOOPBACK}:5999`);
  while (requests.length < 1) await turns(1);
  const to = { uri: `sip:x@${LOOPBACK}:5999;transport=tcp` };
  void stack.request({ method: 'OPTIONS', requestUri: to.uri, from: to, to });
  t.match(await peer.next(/^OPTIONS/), /^OPTIONS sip:x@127\.0\.0\.1:5999;transport=tcp/);
  ask('b', '192.0.2.1:5998');
  while (requests.length < 2) await turns(1);
  const other = await stack.request({
    method: 'OPTIONS',
    requestUri: `sip:x@${LOOPBACK}:5998;transport=tcp`,
    from: to,
    to,
  });
  t.equal(other.status, 503, 'nobody draws requests for another address to himself');

  const accepted = createServer().listen(0, LOOPBACK);
  await once(accepted, 'listening');
  t.teardown(() => accepted.close());
  const bound = accepted.address();
  const uri = `sip:y@${LOOPBACK}:${bound !== null && typeof bound === 'object' ? bound.port : 0};transport=tcp`;
  const connected = once(accepted, 'connection');
  void stack.request({ method: 'OPTIONS', requestUri: uri, from: to, to });
  const [socket] = await within(connected, 'connection');
  const [bytes] = await within(once(socket as Socket, 'data'), 'request');
  t.match(String(bytes), new RegExp(`^Via: SIP/2.0/TCP ${LOOPBACK}:${port('tcp')};branch=[^;]*;rport;alias\r$`, 'm'));
  (socket as Socket).destroy();
});

t.test('each LAN is spoken to from its own address', async (t) => {
  const [lan1, lan2] = ['127.0.0.1', '::1'] as const;
  const listen = [lan1, '127.0.0.2', lan2].flatMap((address) =>
    (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address, port: 0 })),
  );
  const { stack } = await openStack([], lan1, { listen });
  t.teardown(() => stack.close());
  for (const address of [lan1, lan2]) {
    const accepted = createServer().listen(0, address);
    await once(accepted, 'listening');
    t.teardown(() => accepted.close());
    const bound = accepted.address();
    const host = address.includes(':') ? `[${address}]` : address;
    const uri = `sip:y@${host}:${bound !== null && typeof bound === 'object' ? bound.port : 0};transport=tcp`;
    const connected = once(accepted, 'connection');
    void stack.request({ method: 'OPTIONS', requestUri: uri, from: { uri }, to: { uri } });
    const [socket] = await within(connected, 'connection');
    t.equal((socket as Socket).remoteAddress, address);
    const ours = stack.listening.find((point) => point.protocol === 'tcp' && point.address === address);
    const [bytes] = await within(once(socket as Socket, 'data'), 'request');
    t.match(String(bytes), `Via: SIP/2.0/TCP ${host}:${ours?.port};branch=`);
    (socket as Socket).destroy();
  }
});
