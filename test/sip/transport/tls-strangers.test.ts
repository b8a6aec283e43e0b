import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer,
  getCiphers,
  type Server,
  type TLSSocket,
} from 'node:tls';
import t, { type Test } from 'tap';
import { TlsListener } from '../../../firmware/sip/transport/tls-listener.ts';
import type { TlsSocket } from '../../../firmware/sip/transport/tls-socket.ts';
import { testIdentity, turns, within } from '../support/stacks.ts';

const LOOPBACK = '127.0.0.1';
const ca = testIdentity.ca as string;
const ADDRESSES = [LOOPBACK, '::1'] as const;
/** MAX_HYBRID of native/tls-connections.c. */
const MAX_HYBRID = 1000;

/** Hears what arrives and says it again. */
interface Heard {
  text: string;
  readonly errors: string[];
  closed: number;
}

function echo(t: Test, address: string = LOOPBACK): { listener: TlsListener; heard: Heard } {
  const heard: Heard = { text: '', errors: [], closed: 0 };
  const onConnection = (socket: TlsSocket): void => {
    socket.on('error', ({ message }) => heard.errors.push(message));
    socket.on('close', () => {
      heard.closed += 1;
    });
    socket.on('data', (bytes) => {
      heard.text += bytes.toString('latin1');
      socket.write(bytes, () => undefined);
    });
  };
  const listener = new TlsListener({ address, port: 0, identity: testIdentity, onConnection });
  t.teardown(() => listener.stop(() => undefined));
  return { listener, heard };
}

async function plain(t: Test, port: number, host: string = LOOPBACK): Promise<Socket> {
  const socket = connectTcp({ port, host, noDelay: true });
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await within(once(socket, 'connect'), 'connection');
  return socket;
}

async function over(t: Test, carrier: Duplex, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ socket: carrier, host: LOOPBACK, ca, checkServerIdentity: () => undefined, ...options });
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await within(once(socket, 'secureConnect'), 'handshake');
  return socket;
}

async function answer(socket: TLSSocket, text: string): Promise<string> {
  socket.write(text);
  return String((await within(once(socket, 'data'), 'answer'))[0]);
}

const gone = (socket: Socket): Promise<unknown> =>
  within(new Promise((resolve) => socket.resume().once('close', resolve)), 'end of the connection');

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const oversize = Buffer.alloc(20_000, 'x');

t.test('what is no handshake ends that connection and no other', async (t) => {
  const cases: readonly (readonly [name: string, said: Buffer])[] = [
    ['letters', Buffer.alloc(1000, 'letters')],
    ['zeros', Buffer.alloc(1000)],
    ['a request without TLS', latin1('REGISTER sip:a SIP/2.0\r\n\r\n')],
    ['a record that is cut off', latin1('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')],
    ['a record that says too little', latin1('\x16\x03\x01\x00\x04\x01\x00\x01\xfc\x16\x03\x01\x00\x04zzzz')],
    ['a record that is longer than any may be', Buffer.concat([latin1('\x16\x03\x01\xff\xff\x01'), oversize])],
    [
      'a hello that is longer than any may be',
      Buffer.concat([latin1('\x16\x03\x01\x40\x00\x01\xff\xff\xff'), oversize]),
    ],
    ['application data before there are keys', latin1('\x17\x03\x03\x00\x05hello')],
    ['an alert', latin1('\x15\x03\x03\x00\x02\x02\x28')],
  ];
  for (const address of ADDRESSES) {
    const { listener, heard } = echo(t, address);
    const phone = await over(t, await plain(t, listener.port, address));
    for (const [count, [name, said]] of cases.entries()) {
      const stranger = await plain(t, listener.port, address);
      stranger.end(said);
      await gone(stranger);
      await turns();
      t.equal(heard.errors.length, count + 1, `${address}: ${name}`);
    }
    t.equal(await answer(phone, 'still here'), 'still here');
    t.equal(heard.text, 'still here');
  }
});

t.test('what is no record ends a connection that stands, and is not heard', async (t) => {
  const cases: readonly (readonly [name: string, said: Buffer])[] = [
    ['a record that is too long', Buffer.concat([latin1('\x17\x03\x03\xff\xff'), oversize])],
    ['a record that was not sealed', Buffer.concat([latin1('\x17\x03\x03\x01\x00'), oversize.subarray(0, 256)])],
    ['a record without content', latin1('\x17\x03\x03\x00\x00')],
    ['no record', latin1('OPTIONS sip:a SIP/2.0\r\n\r\n')],
  ];
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [name, said] of cases) {
      const { listener, heard } = echo(t);
      const carrier = await plain(t, listener.port);
      const phone = await over(t, carrier, { maxVersion });
      t.equal(await answer(phone, 'hello'), 'hello');
      const ends = gone(carrier);
      carrier.write(said);
      await ends;
      await turns();
      t.match(heard, { text: 'hello', errors: [/./], closed: 1 }, `${maxVersion}: ${name}`);
    }
  }
});

t.test('a peer that sends a byte at a time is understood', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { listener, heard } = echo(t);
    const carrier = await plain(t, listener.port);
    const slow = new Duplex({
      read: () => undefined,
      write(bytes: Buffer, _encoding, done) {
        const next = (at: number): void => {
          if (at === bytes.length) done();
          else carrier.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
        };
        next(0);
      },
    });
    carrier.on('data', (bytes) => slow.push(bytes));
    const phone = await over(t, slow, { maxVersion });
    t.equal(await answer(phone, 'byte by byte'), 'byte by byte');
    t.equal(heard.text, 'byte by byte');
  }
});

t.test('a reset at any time ends the connection, and what came before it is heard', async (t) => {
  const { listener, heard } = echo(t);
  const silent = await plain(t, listener.port);
  await turns();
  silent.resetAndDestroy();
  const half = await plain(t, listener.port);
  half.write(latin1('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'));
  await turns();
  half.resetAndDestroy();
  while (heard.closed < 2) await turns(1);
  t.equal(heard.errors.length, 2);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const carrier = await plain(t, listener.port);
    const phone = await over(t, carrier, { maxVersion });
    t.equal(await answer(phone, 'hello '), 'hello ');
    const before = heard.closed;
    phone.write('last words ');
    carrier.resetAndDestroy();
    while (heard.closed === before) await turns(1);
  }
  t.equal(heard.text, 'hello last words hello last words ');
});

t.test('an address that is longer than any is refused, whatever it begins with', async (t) => {
  const open = (address: string): TlsListener =>
    new TlsListener({ address, port: 0, identity: testIdentity, onConnection: () => undefined });
  // 63 bytes, all that the addon has room for: the loopback, in the first zone, and one more digit of it.
  const address = `::1%${'1'.padStart(59, '0')}`;
  open(address).stop(() => undefined);
  t.throws(() => open(`${address}0`).stop(() => undefined), { code: 'ERR_INVALID_ARG_TYPE' });
});

t.test('whoever only connects keeps nobody out, and ML-KEM is agreed with the first thousand', async (t) => {
  const { listener } = echo(t);
  const shake = async (ecdhCurve: string): Promise<boolean> => {
    const socket = connectTls({ host: LOOPBACK, port: listener.port, ca, ecdhCurve });
    t.teardown(() => socket.destroy());
    return within(
      new Promise((resolve) => {
        socket.on('secureConnect', () => resolve(true));
        socket.on('error', () => resolve(false));
      }),
      'handshake',
    );
  };
  t.equal(await shake('X25519MLKEM768'), true);
  t.equal(await shake('X25519'), true);
  for (let count = 2; count < MAX_HYBRID; count += 1) await plain(t, listener.port);
  t.equal(await shake('X25519MLKEM768'), false);
  t.equal(await shake('X25519MLKEM768:X25519'), true);
});

t.test('the ciphers are those of node:tls', async (t) => {
  const { listener } = echo(t);
  const server: Server = createServer({ key: testIdentity.key, cert: testIdentity.cert });
  server.on('tlsClientError', () => undefined);
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  t.teardown(() => server.close());
  const bound = server.address();
  const reference = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  const chosen = (port: number, ciphers: string, isNewest: boolean): Promise<string> => {
    const version = isNewest ? 'TLSv1.3' : 'TLSv1.2';
    const list = isNewest ? ciphers : `${ciphers}:@SECLEVEL=0`;
    const socket = connectTls({ host: LOOPBACK, port, ca, ciphers: list, minVersion: version, maxVersion: version });
    return within(
      new Promise<string>((resolve) => {
        socket.on('secureConnect', () => resolve(socket.getCipher().name));
        socket.on('error', () => resolve('none'));
      }).finally(() => socket.destroy()),
      'handshake',
    );
  };
  const names = getCiphers().map((name) => name.toUpperCase());
  const suites = names.filter((name) => name.startsWith('TLS_'));
  const older = names.filter((name) => !name.startsWith('TLS_'));
  t.ok(suites.length > 2 && older.length > 20);
  for (const ciphers of [...suites, suites.toReversed().join(':')])
    t.equal(await chosen(listener.port, ciphers, true), await chosen(reference, ciphers, true), ciphers);
  for (const ciphers of [...older, older.toReversed().join(':')])
    t.equal(await chosen(listener.port, ciphers, false), await chosen(reference, ciphers, false), ciphers);
});

const MODULE = new URL('../../../firmware/sip/transport/tls-listener.ts', import.meta.url).href;
const { key, cert } = testIdentity;
/** Listens in a thread or process of its own, tells the port, and each connection whose handshake is done. */
const LISTEN = (tell: string): string => `import('${MODULE}').then(({ TlsListener }) => {
  const identity = ${JSON.stringify({ key: String(key), cert: String(cert) })};
  const onConnection = (socket) => {
    socket.on('error', () => undefined);
    socket.on('secure', () => ${tell}('secure'));
    // More than any socket takes, so that something is unsent.
    socket.on('data', () => socket.write(Buffer.alloc(4_000_000), () => undefined));
  };
  const listener = new TlsListener({ address: '127.0.0.1', port: 0, identity, onConnection });
  ${tell}(listener.port);
});`;

t.test('a thread, or the process, that ends with open connections ends in peace', async (t) => {
  const inThread = `const { parentPort } = require('node:worker_threads');
    ${LISTEN('parentPort.postMessage')}
    parentPort.once('message', () => process.exit(0));`;
  // In a process of its own, which is what would be gone.
  const main = `const { Worker } = require('node:worker_threads');
    const way = process.argv[1];
    const { connect } = require('node:tls');
    const { connect: connectTcp } = require('node:net');
    const end = { exit: () => worker.postMessage('exit'), terminate: () => worker.terminate(), process: () => process.exit(0) };
    const heard = async (port) => {
      if (port === 'secure') return;
      connectTcp(port, '127.0.0.1').on('error', () => undefined);
      const phone = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }).on('error', () => undefined);
      phone.on('secureConnect', () => phone.write('x'));
      phone.once('data', () => { phone.pause(); console.log('over'); end[way](); });
    };
    let worker;
    if (way === 'process') { ${LISTEN('heard')} } else {
      worker = new Worker(${JSON.stringify(inThread)}, { eval: true });
      worker.on('message', heard);
      worker.once('exit', () => setImmediate(() => { console.log('gone'); process.exit(0); }));
    }`;
  for (const way of ['exit', 'terminate', 'process']) {
    const { status, signal, stdout } = spawnSync(process.execPath, ['-e', main, way], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    t.same([status, signal, stdout], [0, null, way === 'process' ? 'over\n' : 'over\ngone\n'], way);
  }
});

const LIMITED = `const { openSync, closeSync } = require('node:fs');
  ${LISTEN('process.send')}
  const files = [];
  process.on('message', (command) => {
    if (command === 'fill') {
      try { while (files.length < 5000) files.push(openSync('/dev/null')); } catch ({ code }) { process.send(code); }
    } else if (command === 'free') {
      for (const file of files.splice(0)) closeSync(file);
      process.send('freed');
    } else {
      const { uvMetricsInfo } = performance.nodeTiming;
      setTimeout(() => process.send(performance.nodeTiming.uvMetricsInfo.loopCount - uvMetricsInfo.loopCount), 300);
    }
  });`;

async function heardFrom(child: ChildProcess): Promise<unknown> {
  return (await within(once(child, 'message'), 'word of the process', 20_000))[0];
}

t.test(
  'without file descriptors who comes is turned away or waits, and all goes on when there are some again',
  async (t) => {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    const child = spawn(process.execPath, ['-e', LIMITED], { stdio: [...stdio] });
    t.teardown(() => child.kill('SIGKILL'));
    const limit = (count: number): void => {
      execFileSync('prlimit', ['--pid', String(child.pid), `--nofile=${count}:`]);
    };
    const ask = async (command: string): Promise<unknown> => {
      const heard = heardFrom(child);
      child.send(command);
      return heard;
    };
    const port = Number(await heardFrom(child));
    const standing = heardFrom(child);
    const phone = await over(t, await plain(t, port));
    t.equal(await standing, 'secure');
    limit(200);
    t.equal(await ask('fill'), 'EMFILE');
    for (let count = 0; count < 3; count += 1) await gone(await plain(t, port));
    t.pass('with the one that is kept for it, others are turned away');
    limit(10);
    const waiting = await plain(t, port);
    const late = over(t, waiting);
    const count = Number(await ask('count'));
    t.ok(count < 100, `nor does it spin without that one: ${count} turns`);
    limit(200);
    t.equal(await ask('free'), 'freed');
    const accepted = heardFrom(child);
    await late;
    t.equal(await accepted, 'secure');
    t.equal(phone.destroyed, false);
  },
);
