import { spawnSync } from 'node:child_process';
import t from 'tap';
import { DatagramSocket } from '../../../firmware/sip/transport/datagram-socket.ts';
import { buildNativeChecks } from '../../support/native-checks.ts';
import { outputOf } from '../../support/process-output.ts';
import { repositoryPath } from '../../support/repository.ts';
import { within } from '../support/stacks.ts';

interface Heard {
  readonly text: string;
  readonly address: string;
  readonly port: number;
}

/** A socket that collects what comes; `until` resolves once there are so many. */
function listening(address: string) {
  const heard: Heard[] = [];
  let wake = (): void => undefined;
  const socket = new DatagramSocket({
    address,
    port: 0,
    receiveBufferBytes: 1 << 20,
    onDatagram: (bytes, from, port) => {
      heard.push({ text: bytes.toString('latin1'), address: from, port });
      wake();
    },
  });
  const until = (count: number): Promise<readonly Heard[]> =>
    within(
      new Promise((resolve) => {
        wake = () => {
          if (heard.length >= count) resolve(heard);
        };
        wake();
      }),
      `${count} datagrams`,
    );
  return { socket, heard, until };
}

const noFailure = (error: Error): void => {
  throw error;
};

t.test('the batches under sanitizers', async (t) => {
  await buildNativeChecks();
  const output = await outputOf(`${repositoryPath}/build/native/x64/datagrams-check`, [String(Date.now() % 1e6)]);
  const lines = output.toString().trim().split('\n');
  t.equal(lines.length, 55);
  for (const line of lines) t.match(line, /^ok /, line);
});

for (const address of ['127.0.0.1', '::1']) {
  t.test(`${address}: what is sent in one turn comes whole, in order, from the right port`, async (t) => {
    const [left, right] = [listening(address), listening(address)];
    const texts = Array.from({ length: 70 }, (_, index) => `datagram ${index}`);
    for (const text of texts) left.socket.send(Buffer.from(text), address, right.socket.port, noFailure);
    t.same(
      await right.until(70),
      texts.map((text) => ({ text, address, port: left.socket.port })),
    );
    left.socket.close();
    right.socket.close();
  });

  t.test(`${address}: an answer from within the receiver goes out, the largest datagram too`, async (t) => {
    const left = listening(address);
    const echo: DatagramSocket = new DatagramSocket({
      address,
      port: 0,
      receiveBufferBytes: 1 << 20,
      onDatagram: (bytes, from, port) => echo.send(bytes, from, port, noFailure),
    });
    const texts = ['', 'x'.repeat(65_507), 'y'];
    for (const text of texts) left.socket.send(Buffer.from(text), address, echo.port, noFailure);
    t.same(
      (await left.until(3)).map(({ text }) => text),
      texts,
    );
    left.socket.close();
    echo.close();
  });
}

t.test('a datagram that is kept is not written over by the next', async (t) => {
  const kept: Buffer[] = [];
  const { socket: sender } = listening('127.0.0.1');
  const done = new Promise<void>((resolve) => {
    const receiver = new DatagramSocket({
      address: '127.0.0.1',
      port: 0,
      receiveBufferBytes: 1 << 20,
      onDatagram: (bytes) => {
        kept.push(bytes);
        if (kept.length < 3) return;
        receiver.close();
        resolve();
      },
    });
    for (const text of ['one', 'two', 'six']) sender.send(Buffer.from(text), '127.0.0.1', receiver.port, noFailure);
  });
  await within(done, 'three datagrams');
  t.same(kept.map(String), ['one', 'two', 'six']);
  sender.close();
});

t.test('one that cannot go out fails by itself, after send has returned', async (t) => {
  const { socket } = listening('127.0.0.1');
  const other = listening('127.0.0.1');
  const failed: string[] = [];
  const destinations: readonly (readonly [string, number])[] = [
    ['127.0.0.1', 0],
    ['::1', 5060],
    ['no address', 5060],
    ['1'.repeat(100), 5060],
    ['', 5060],
  ];
  for (const [address, port] of destinations) socket.send(Buffer.from('x'), address, port, () => failed.push(address));
  socket.send(Buffer.alloc(65_508), '127.0.0.1', other.socket.port, () => failed.push('too long'));
  socket.send(Buffer.from('good'), '127.0.0.1', other.socket.port, noFailure);
  t.same(failed, []);
  t.match(await other.until(1), [{ text: 'good' }]);
  t.same([...failed].sort(), [...destinations.map(([address]) => address), 'too long'].sort());
  socket.close();
  other.socket.close();
});

t.test('more than the queue holds goes out or fails, and nothing is forgotten', async (t) => {
  const { socket } = listening('127.0.0.1');
  const failed: Error[] = [];
  for (let count = 0; count < 2000; count += 1) {
    socket.send(Buffer.alloc(60_000), '127.0.0.1', socket.port, (error) => failed.push(error));
  }
  const last = new Promise<void>((resolve) => socket.send(Buffer.from('x'), '127.0.0.1', 0, () => resolve()));
  await within(last, 'the last of them');
  t.ok(failed.length < 2000);
  socket.close();
});

t.test('a closed socket sends nothing and says so; closing it again does nothing', async (t) => {
  const { socket, heard } = listening('127.0.0.1');
  socket.close();
  socket.close();
  const failed = new Promise<Error>((resolve) => socket.send(Buffer.from('x'), '127.0.0.1', socket.port, resolve));
  t.match(await within(failed, 'failure'), { message: 'the socket is closed' });
  t.same(heard, []);
});

t.test('a thread that ends with an open socket ends in peace', async (t) => {
  const module = new URL('../../../firmware/sip/transport/datagram-socket.ts', import.meta.url).href;
  const code = `const { parentPort } = require('node:worker_threads');
    import('${module}').then(({ DatagramSocket }) => {
      new DatagramSocket({ address: '127.0.0.1', port: 0, receiveBufferBytes: 65536, onDatagram: () => undefined });
      parentPort.postMessage('open');
    });
    parentPort.once('message', () => process.exit(0));`;
  // In a process of its own, which is what would be gone.
  const main = `const { Worker } = require('node:worker_threads');
    const worker = new Worker(${JSON.stringify(code)}, { eval: true });
    worker.once('message', () => process.argv[1] === 'exit' ? worker.postMessage('exit') : worker.terminate());
    worker.once('exit', () => setImmediate(() => console.log('over')));`;
  for (const way of ['exit', 'terminate']) {
    const { status, signal, stdout } = spawnSync(process.execPath, ['-e', main, way], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    t.same([status, signal, stdout], [0, null, 'over\n'], way);
  }
});

t.test('a port that is taken and an address of somebody else are told by their codes', async (t) => {
  const { socket } = listening('127.0.0.1');
  const options = { receiveBufferBytes: 1 << 20, onDatagram: () => undefined };
  t.throws(() => new DatagramSocket({ address: '127.0.0.1', port: socket.port, ...options }), { code: 'EADDRINUSE' });
  t.throws(() => new DatagramSocket({ address: '192.0.2.1', port: 0, ...options }), { code: 'EADDRNOTAVAIL' });
  t.throws(() => new DatagramSocket({ address: 'fe80::1', port: 0, ...options }), { code: 'EINVAL' });
  socket.close();
});
