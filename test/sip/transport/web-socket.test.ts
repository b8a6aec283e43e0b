import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { IDLE_TIMEOUT_MS, MESSAGE_TIMEOUT_MS } from '../../../firmware/sip/transport/connection.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../../firmware/sip/transport/stream-listener.ts';
import { WEB_SOCKET_PING_MS } from '../../../firmware/sip/transport/web-socket.ts';
import { header, RawPeer } from '../support/raw-peer.ts';
import { openStack, within } from '../support/stacks.ts';

const VIA = 'df7jal23ls0d.invalid';

/** As RFC 7118 §5.2.1 wants it of a client that does not know its own address. */
function register(peer: RawPeer, branch: string, protocol: 'WS' | 'WSS' = 'WS'): string {
  return peer.request('OPTIONS', branch, {
    via: `SIP/2.0/${protocol} ${VIA};branch=z9hG4bK${branch}${peer.port}`,
    callId: branch,
  });
}

for (const [protocol, address] of [
  ['ws', '127.0.0.1'],
  ['ws', '::1'],
  ['wss', '127.0.0.1'],
  ['wss', '::1'],
] as const) {
  t.test(`one SIP message in one of ${protocol} on ${address}, text or binary`, async (t) => {
    const { stack, clock, port } = await openStack([protocol], address);
    t.teardown(() => stack.close());
    for (const binary of [false, true]) {
      const peer = await RawPeer.webSocket(address, port(protocol), { secure: protocol === 'wss', binary });
      const name = protocol === 'ws' ? 'WS' : 'WSS';
      peer.send(register(peer, 'a', name));
      const answer = await peer.next();
      t.match(answer, /^SIP\/2.0 200 OK\r\n/);
      t.match(header(answer, 'Via'), `SIP/2.0/${name} ${VIA};branch=z9hG4bKa${peer.port};received=${address}`);
      t.equal(peer.lastWasBinary, false, 'text goes as text');
      peer.send(`${register(peer, 'b', name)}`.replace('Content-Length: 0\r\n', ''));
      t.match(await peer.next(), /^SIP\/2.0 200/, 'the frame says how long it is');
      peer.send('\r\n\r\n');
      t.equal(await peer.next(), '\r\n', 'CRLF keep-alive');
      peer.send('\r\n');
      peer.send('INVITE sip:x SIP/2.0\r\n\r\n');
      peer.send(register(peer, 'c', name));
      t.match(await peer.next(), /^SIP\/2.0 200/, 'what is no message ends nothing');
      peer.close();
    }
    await within(stack.close(), 'end of the stack');
    clock.advance(2 * IDLE_TIMEOUT_MS);
    t.equal(clock.pending, 0, 'no timer is left');
  });
}

t.test('bytes that are no text go as binary', async (t) => {
  const { stack, port } = await openStack(['ws'], '127.0.0.1');
  t.teardown(() => stack.close());
  const peer = await RawPeer.webSocket('127.0.0.1', port('ws'), { binary: true });
  const text = register(peer, 'a').replace('Call-ID: a', 'Call-ID: a\xff');
  peer.send(Buffer.from(text, 'latin1'));
  t.match(await peer.next(), /^SIP\/2.0/);
  t.equal(peer.lastWasBinary, false, 'the parser mends them');
  peer.close();
  await stack.close();
});

async function http(port: number, ...lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString();
    if (text.startsWith('HTTP/1.1 101')) socket.destroy();
  });
  socket.on('error', () => undefined);
  await within(once(socket, 'close'), 'end of the connection');
  return text;
}

t.test('the handshake: "sip" is demanded (RFC 7118 §4.1), the Origin is not looked at', async (t) => {
  const { stack, port } = await openStack(['ws'], '127.0.0.1');
  t.teardown(() => stack.close());
  const get = ['GET / HTTP/1.1', 'Host: box'];
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
  const version = 'Sec-WebSocket-Version: 13';
  const sip = 'Sec-WebSocket-Protocol: sip';
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [/^HTTP\/1.1 101 .*\r\n(.*\r\n)*Sec-WebSocket-Protocol: sip\r\n/, [...get, ...upgrade, version, sip]],
    [
      /^HTTP\/1.1 101 .*\r\n(.*\r\n)*Sec-WebSocket-Protocol: sip\r\n/,
      [...get, ...upgrade, version, 'Sec-WebSocket-Protocol: chat, sip', 'Origin: http://evil.example'],
    ],
    [/^HTTP\/1.1 400 /, [...get, ...upgrade, version]],
    [/^HTTP\/1.1 400 /, [...get, ...upgrade, version, 'Sec-WebSocket-Protocol: chat']],
    [/^HTTP\/1.1 400 /, [...get, ...upgrade, version, 'Sec-WebSocket-Protocol: SIP']],
    [/^HTTP\/1.1 400 (.*\r\n)*Sec-WebSocket-Version: 13/, [...get, ...upgrade, 'Sec-WebSocket-Version: 99', sip]],
    [/^HTTP\/1.1 426 (.*\r\n)*Upgrade: websocket/i, get],
    [/^HTTP\/1.1 426 /, ['POST /x HTTP/1.1', 'Host: box', 'Content-Length: 0']],
    [/^$/, ['OPTIONS sip:201@127.0.0.1 SIP/2.0', 'Via: SIP/2.0/TCP 127.0.0.1']],
    [/^$/, ['GET / HTTP/1.1', `X: ${'x'.repeat(20_000)}`]],
  ];
  for (const [expected, lines] of cases)
    t.match(await http(port('ws'), ...lines), expected, lines.join(' | ').slice(0, 200));
  const peer = await RawPeer.webSocket('127.0.0.1', port('ws'), { origin: 'null' });
  peer.send(register(peer, 'a'));
  t.match(await peer.next(), /^SIP\/2.0 200/, 'and others are served');
  peer.close();
  await stack.close();
});

t.test('a message over 64 KB and too many pieces of one end the connection', async (t) => {
  const { stack, port } = await openStack(['ws'], '127.0.0.1');
  t.teardown(() => stack.close());
  const large = await RawPeer.webSocket('127.0.0.1', port('ws'));
  large.send('x'.repeat(65_537));
  await large.closed();
  t.equal(large.closeCode, 1009);
  const socket = connect(port('ws'), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n',
  );
  const ended = once(socket.resume(), 'close');
  await within(once(socket, 'data'), '101');
  // Masked, one byte each, never the last one.
  socket.write(Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x41]));
  for (let count = 0; count < 100; count += 1) socket.write(Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x41]));
  await within(ended, 'end of the connection');
  await stack.close();
});

t.test('who shows no life is cut: no handshake, no message, no pong, no message for hours', async (t) => {
  const { stack, clock, port } = await openStack(['ws'], '127.0.0.1');
  t.teardown(() => stack.close());
  const dumb = connect(port('ws'), '127.0.0.1');
  await within(once(dumb, 'connect'), 'connection');
  dumb.write('GET / HTTP/1.1\r\n');
  const silent = await RawPeer.webSocket('127.0.0.1', port('ws'));
  const deaf = await RawPeer.webSocket('127.0.0.1', port('ws'), { autoPong: false });
  const alive = await RawPeer.webSocket('127.0.0.1', port('ws'));
  for (const peer of [deaf, alive]) {
    peer.send(register(peer, `x${peer.port}`));
    t.match(await peer.next(), /^SIP\/2.0 200/);
  }
  const dumbEnds = once(dumb.resume(), 'close');
  clock.advance(HANDSHAKE_TIMEOUT_MS);
  await within(dumbEnds, 'end of the one without a handshake');
  clock.advance(WEB_SOCKET_PING_MS - HANDSHAKE_TIMEOUT_MS);
  await silent.closed();
  t.equal(await deaf.next(), 'ping');
  t.equal(await alive.next(), 'ping');
  await alive.pinged();
  clock.advance(WEB_SOCKET_PING_MS);
  await deaf.closed();
  t.equal(await alive.next(), 'ping', 'who answers pings stays');
  clock.jump(365 * 86_400_000);
  for (let atMs = 2 * WEB_SOCKET_PING_MS; atMs + WEB_SOCKET_PING_MS < IDLE_TIMEOUT_MS; atMs += WEB_SOCKET_PING_MS) {
    await alive.pinged();
    clock.advance(WEB_SOCKET_PING_MS);
    t.equal(await alive.next(), 'ping');
  }
  await alive.pinged();
  clock.advance(WEB_SOCKET_PING_MS);
  await alive.closed();
  await stack.close();
  t.equal(clock.pending, 0);
});

t.test('one who does not read is not read from, and cut after 30 s', async (t) => {
  const { stack, clock, port } = await openStack(['ws'], '127.0.0.1');
  t.teardown(() => stack.close());
  const socket: Socket = connect(port('ws'), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n',
  );
  await within(once(socket, 'data'), '101');
  socket.pause();
  const asks = (branch: number): Buffer => {
    const via = `Via: SIP/2.0/WS ${VIA};branch=z9hG4bK${branch};y=${'x'.repeat(7500)}\r\n`;
    const text = `OPTIONS sip:a@b SIP/2.0\r\n${via.repeat(8)}From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: ${branch}\r\nCSeq: 1 OPTIONS\r\n\r\n`;
    const head = Buffer.from([0x81, 0xfe, 0, 0, 0, 0, 0, 0]);
    head.writeUInt16BE(text.length, 2);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  // More than all buffers on the way hold: from some point on our writes wait, since nobody reads them.
  for (let count = 0; count < 3000 && socket.writableLength < 4_000_000; count += 1) {
    socket.write(asks(count));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(socket.writableLength > 1_000_000, 'the box stopped to read');
  clock.advance(MESSAGE_TIMEOUT_MS);
  // It ends with an error, which is all the same.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await within(closed, 'end of the connection');
  await stack.close();
});
