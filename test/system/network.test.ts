import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { NetworkPipe } from '../../firmware/system/network.ts';
import { outputOf } from '../support/process-output.ts';

/** A named pipe as the board's service holds it, and what has come through it. */
async function openPipe(
  t: Test,
): Promise<{ readonly path: string; readonly file: number; readonly read: () => string }> {
  const path = join(t.testdir(), 'request');
  await outputOf('mkfifo', [path]);
  const file = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => closeSync(file));
  const read = (): string => {
    const buffer = Buffer.alloc(65_536);
    try {
      return buffer.toString('latin1', 0, readSync(file, buffer));
    } catch {
      return '';
    }
  };
  return { path, file, read };
}

t.test('a request is one line, with each address in one form', async (t) => {
  const { path, read } = await openPipe(t);
  const network = new NetworkPipe(path);
  const cases: readonly (readonly ['lan1' | 'lan2', readonly string[], string])[] = [
    ['lan1', ['192.168.50.1/24', 'ula'], 'lan1 192.168.50.1/24 ula\n'],
    ['lan2', ['ula'], 'lan2 ula\n'],
    ['lan2', ['10.0.0.1/8'], 'lan2 10.0.0.1/8\n'],
    ['lan1', ['FD00:0:0:0::1/64', '2001:DB8::192.0.2.1/128'], 'lan1 fd00::1/64 2001:db8::c000:201/128\n'],
    ['lan1', ['fd00::1/64', 'fd00::2/64', 'fd00::3/64', 'ula'], 'lan1 fd00::1/64 fd00::2/64 fd00::3/64 ula\n'],
  ];
  for (const [lan, addresses, line] of cases) {
    network.apply(lan, addresses);
    t.equal(read(), line);
  }
});

t.test('what is no list of addresses is refused, and nothing is sent', async (t) => {
  const { path, read } = await openPipe(t);
  const network = new NetworkPipe(path);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no address at all/],
    [[''], /""/],
    [['192.168.50.1'], /"192\.168\.50\.1"/],
    [['192.168.50.1/0'], /prefix length/],
    [['192.168.50.1/33'], /prefix length/],
    [['192.168.50.1/024'], /prefix length/],
    [['192.168.50.1/24/24'], /prefix length/],
    [['192.168.50.256/24'], /prefix length/],
    [['fd00::1/129'], /prefix length/],
    [['fe80::1%eth0/64'], /prefix length/],
    [['box/24'], /prefix length/],
    [['192.168.50.1/24\nlan2 10.0.0.1/8'], /\\n/],
    [['192.168.50.1/24 ula'], /prefix length/],
    [['x'.repeat(5000)], /LAN1 cannot have these addresses: "x{80}"/],
    [['192.168.50.1/24', '192.168.51.1/24'], /2 IPv4 addresses are too many/],
    [['ula', 'fd00::1/64', 'fd00::2/64', 'fd00::3/64', 'fd00::4/64'], /5 IPv6 addresses are too many/],
    [['fd00::1/64', 'FD00:0::1/64'], /twice/],
    [['ula', 'ula'], /twice/],
  ];
  for (const [addresses, message] of cases) {
    t.throws(() => network.apply('lan1', addresses), { code: 'SYSTEM_NETWORK_INVALID', message, cure: /prefix/ });
  }
  t.equal(read(), '');
});

t.test('a service that is not there is said at once', async (t) => {
  const folder = t.testdir();
  const missing = new NetworkPipe(join(folder, 'request'));
  const unavailable = { code: 'SYSTEM_NETWORK_UNAVAILABLE', message: /LAN1/, cure: /sv status/ };
  t.throws(() => missing.apply('lan1', ['ula']), unavailable, 'no pipe');
  await outputOf('mkfifo', [join(folder, 'request')]);
  t.throws(() => missing.apply('lan1', ['ula']), unavailable, 'nobody reads');

  const { path, file } = await openPipe(t);
  const chunk = Buffer.alloc(4096, 'x');
  t.throws(() => {
    for (;;) writeSync(file, chunk);
  });
  t.throws(() => new NetworkPipe(path).apply('lan1', ['ula']), unavailable, 'nobody has read for long');
});
