import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { MESSAGE_TIMEOUT_MS, PAUSE_UNSENT_BYTES } from '../../../firmware/sip/transport/connection.ts';
import { TlsListener } from '../../../firmware/sip/transport/tls-listener.ts';
import type { TlsSocket } from '../../../firmware/sip/transport/tls-socket.ts';
import { buildNativeChecks } from '../../support/native-checks.ts';
import { outputOf } from '../../support/process-output.ts';
import { repositoryPath } from '../../support/repository.ts';
import { openStack, testIdentity, turns, within } from '../support/stacks.ts';

const LOOPBACK = '127.0.0.1';

t.test('TLS under sanitizers', async (t) => {
  // Where nothing is built yet, all the checks are.
  await buildNativeChecks();
  const files = ['key.pem', 'cert.pem'].map((name) => `${repositoryPath}/test/sip/fixtures/tls/${name}`);
  const seed = String(Date.now() % 1e6);
  const output = await outputOf(`${repositoryPath}/build/native/x64/tls-check`, [...files, seed]);
  const lines = output.toString().trim().split('\n');
  t.equal(lines.length, 61);
  for (const line of lines) t.match(line, /^ok /, line);
});

function listening(t: Test, onConnection: (socket: TlsSocket) => void, address = LOOPBACK): TlsListener {
  const listener = new TlsListener({ address, port: 0, identity: testIdentity, onConnection });
  t.teardown(() => listener.stop(() => undefined));
  return listener;
}

async function secure(t: Test, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: LOOPBACK, port, ca: testIdentity.ca as string, ...options });
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await within(once(socket, 'secureConnect'), 'handshake');
  return socket;
}

const closed = (socket: TlsSocket): Promise<void> =>
  within(new Promise((resolve) => socket.on('close', resolve)), 'close');

/** Reset or not. */
const gone = (socket: Socket): Promise<unknown> =>
  within(new Promise((resolve) => socket.resume().once('close', resolve)), 'end of the connection');

for (const [address, maxVersion] of [
  [LOOPBACK, 'TLSv1.2'],
  ['::1', 'TLSv1.3'],
] as const) {
  t.test(`${address}, ${maxVersion}: megabytes come whole and in order, both ways`, async (t) => {
    const listener = listening(
      t,
      (socket) => {
        t.equal(socket.remoteAddress, address);
        t.equal(socket.localAddress, address);
        t.equal(socket.localPort, listener.port);
        socket.on('data', (bytes) => socket.write(bytes, (error) => t.error(error)));
      },
      address,
    );
    const phone = await secure(t, listener.port, { host: address, maxVersion, checkServerIdentity: () => undefined });
    const sent = Buffer.alloc(3_000_000, 'a line that is no power of two\r\n');
    const received: Buffer[] = [];
    let count = 0;
    const whole = new Promise<void>((resolve) => {
      phone.on('data', (bytes: Buffer) => {
        received.push(bytes);
        count += bytes.length;
        if (count >= sent.length) resolve();
      });
    });
    phone.write(sent);
    await within(whole, 'the echo');
    t.ok(Buffer.concat(received).equals(sent));
  });
}

t.test('a socket may be destroyed from within whatever it calls', async (t) => {
  for (const event of ['accepted', 'secure', 'data'] as const) {
    let socket: TlsSocket | undefined;
    const isClosed = new Promise<void>((resolve) => {
      const listener = listening(t, (each) => {
        socket = each;
        each.on('error', () => undefined);
        each.on('close', resolve);
        if (event === 'secure') each.on(event, () => each.destroy());
        if (event === 'data') each.on(event, () => each.destroy());
        if (event === 'accepted') each.destroy();
      });
      const phone = connectTls({ host: LOOPBACK, port: listener.port, ca: testIdentity.ca as string });
      phone.on('error', () => undefined);
      phone.on('secureConnect', () => phone.write('x'));
      t.teardown(() => phone.destroy());
    });
    await within(isClosed, event);
    t.equal(socket?.destroyed, true, event);
    const failed = new Promise<Error | null | undefined>((resolve) => socket?.write(Buffer.from('late'), resolve));
    t.match(await failed, { message: /closed/ }, 'what is written afterwards fails');
    for (const late of ['pause', 'resume', 'destroy'] as const) socket?.[late]();
    socket?.end();
    socket?.setKeepAlive(true, 1000);
  }
});

t.test('a listener that stops from within: connections go on, and the last one ends it', async (t) => {
  const sockets: TlsSocket[] = [];
  let isGone = false;
  const listener: TlsListener = listening(t, (socket) => {
    sockets.push(socket);
    listener.stop(() => {
      isGone = true;
    });
    socket.on('data', (bytes) => socket.write(bytes, (error) => t.error(error)));
  });
  const phone = await secure(t, listener.port);
  phone.write('hello');
  t.equal(String((await within(once(phone, 'data'), 'echo'))[0]), 'hello');
  const late = connectTcp(listener.port, LOOPBACK);
  const [error] = await within(once(late, 'error'), 'refusal');
  t.equal(error.code, 'ECONNREFUSED');
  t.equal(isGone, false);
  phone.end();
  for (const socket of sockets) await closed(socket);
  await turns();
  t.equal(isGone, true);
  t.throws(() => listener.write(0, Buffer.from('x')), { code: 'EBADF' });
});

t.test('what waits for a peer that does not read fails when that peer leaves', async (t) => {
  const failures: (Error | null | undefined)[] = [];
  const accepted = new Promise<TlsSocket>((resolve) => {
    const listener = listening(t, (socket) => {
      socket.on('secure', () => resolve(socket));
      socket.on('error', () => undefined);
    });
    void secure(t, listener.port).then((phone) => {
      phone.pause();
      t.teardown(() => phone.destroy());
      accepted.then((socket) => {
        while (socket.writableLength < 1_000_000) socket.write(Buffer.alloc(50_000), (error) => failures.push(error));
        phone.destroy();
      }, t.error);
    }, t.error);
  });
  const socket = await within(accepted, 'connection');
  await closed(socket);
  await turns();
  t.ok(failures.length > 0);
  t.ok(failures.every((error) => error instanceof Error));
});

t.test('paused: nothing is read, resumed: all of it; the end waits for what is unsent', async (t) => {
  const heard: Buffer[] = [];
  let served: TlsSocket | undefined;
  const listener = listening(t, (socket) => {
    served = socket;
    socket.on('secure', () => socket.pause());
    socket.on('data', (bytes) => heard.push(bytes));
  });
  const phone = await secure(t, listener.port, { maxVersion: 'TLSv1.2' });
  phone.write('x'.repeat(100_000));
  await turns(20);
  t.same(heard, []);
  served?.resume();
  while (Buffer.concat(heard).length < 100_000) await turns(1);
  phone.pause();
  const block = Buffer.alloc(50_000, 'y');
  let written = 0;
  while (served !== undefined && served.writableLength < 1_000_000) {
    served.write(block, (error) => t.error(error));
    written += block.length;
  }
  served?.end(() => served?.destroy());
  t.equal(served?.writable, false);
  let count = 0;
  phone.on('data', (bytes: Buffer) => {
    count += bytes.length;
  });
  await within(once(phone.resume(), 'end'), 'end');
  t.equal(count, written);
});

t.test('a connection that both sides have ended is gone, whoever was first', async (t) => {
  for (const size of [0, 2_000_000]) {
    const accepted = new Promise<TlsSocket>((resolve) => {
      const listener = listening(t, (socket) => {
        socket.on('secure', () => {
          if (size > 0) socket.write(Buffer.alloc(size), (error) => t.error(error));
          socket.end();
          resolve(socket);
        });
      });
      void secure(t, listener.port).then((phone) => phone.resume(), t.error);
    });
    await closed(await within(accepted, 'connection'));
  }
});

t.test('handshakes that fail say why, and leave nothing', async (t) => {
  const reasons: string[] = [];
  const listener = listening(t, (socket) => socket.on('error', ({ message }) => reasons.push(message)));
  for (const said of ['OPTIONS sip:a@b SIP/2.0\r\n\r\n', '\x16\x03\x01\x00\x05\x01\x00', '']) {
    const socket = connectTcp(listener.port, LOOPBACK);
    socket.on('error', () => undefined);
    socket.end(said, 'latin1');
    await gone(socket);
  }
  await turns();
  t.equal(reasons.length, 3);
  t.match(reasons[0], /wrong version|unknown|http/);
  t.match(reasons[2], /the peer left/);
});

t.test('over TLS too, one who does not read is not read from, and cut', async (t) => {
  const { stack, clock, port } = await openStack(['tls'], LOOPBACK);
  t.teardown(() => stack.close());
  const phone = await secure(t, port('tls'));
  phone.pause();
  const via = `Via: SIP/2.0/TLS ${LOOPBACK};branch=z9hG4bKx;y=${'x'.repeat(7500)}\r\n`.repeat(7);
  const head = `From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n`;
  for (let count = 0; count < 3000 && phone.writableLength < 4_000_000; count += 1) {
    phone.write(
      `OPTIONS sip:a@b SIP/2.0\r\n${via}${head}Call-ID: ${count}\r\n\r\n`.replaceAll('z9hG4bKx', `z9hG4bK${count}`),
    );
    await turns(1);
  }
  t.ok(phone.writableLength > PAUSE_UNSENT_BYTES, 'the box stopped to read');
  clock.advance(MESSAGE_TIMEOUT_MS);
  await gone(phone);
});
