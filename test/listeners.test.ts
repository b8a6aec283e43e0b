import { once } from 'node:events';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLogger } from '../firmware/core/logger.ts';
import { Listeners, type ListenersOptions, type SipPorts } from '../firmware/listeners.ts';
import { SipStack } from '../firmware/sip/stack.ts';
import type { ServerCertificate } from '../firmware/system/certificates.ts';
import { WebServer } from '../firmware/web/server.ts';
import { FakeClock } from './support/fake-clock.ts';
import { freePorts } from './support/free-ports.ts';
import { Changes } from './support/phone/changes.ts';

const WAIT_MS = 10_000;
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
const pem = (name: string): string => readFileSync(new URL(`sip/fixtures/tls/${name}`, import.meta.url), 'utf8');
const CERTIFICATE: ServerCertificate = { key: pem('key.pem'), cert: pem('cert.pem'), ca: '', renewAtMs: 0 };

interface Bench {
  readonly listeners: Listeners;
  readonly clock: FakeClock;
  readonly ports: ListenersOptions['ports'];
  readonly sipPorts: Required<SipPorts>;
  readonly lines: Record<string, unknown>[];
  /** For which addresses a certificate was asked. */
  readonly asked: (readonly string[])[];
  readonly left: (readonly string[])[];
  /** Renames the files of the LANs into place. */
  readonly write: (lan: 'lan1' | 'lan2', ...addresses: readonly string[]) => void;
  /** `udp 127.0.0.1` and the like: what is bound. */
  readonly open: () => readonly string[];
  readonly until: (what: string, probe: () => boolean) => Promise<void>;
  readonly lineWith: (text: string) => Record<string, unknown> | undefined;
}

async function setUp(t: Test, change: Partial<ListenersOptions> = {}, ...lan1: readonly string[]): Promise<Bench> {
  const directory = t.testdir();
  const write: Bench['write'] = (lan, ...addresses) => {
    writeFileSync(join(directory, 'new'), addresses.map((address) => `${address}/8\n`).join(''));
    renameSync(join(directory, 'new'), join(directory, lan));
  };
  if (lan1.length > 0) write('lan1', ...lan1);
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(JSON.parse(line)) });
  const clock = new FakeClock();
  const handlers = { onRequest: () => false, onInvite: () => false };
  const stack = await SipStack.open({ listen: [], userAgent: 'test', logger, clock, handlers });
  const web = await WebServer.open({ makeFile: () => undefined, clock, logger });
  const sip = await freePorts(ADDRESSES, 8);
  const ports = { http: sip + 2, https: sip + 3, phoneHttp: sip + 4, phoneHttps: sip + 5 };
  const sipPorts = { udp: sip, tcp: sip, tls: sip + 1, ws: sip + 6, wss: sip + 7 };
  const asked: (readonly string[])[] = [];
  const left: (readonly string[])[] = [];
  const listeners = new Listeners({
    stack,
    web,
    fixed: [],
    networkDirectory: directory,
    ports,
    sipPorts: { udp: sip, tcp: sip, tls: sip + 1 },
    certificate: async (addresses) => {
      asked.push(addresses);
      return CERTIFICATE;
    },
    hostNames: () => [],
    onLeaving: (addresses) => left.push(addresses),
    clock,
    logger,
    ...change,
  });
  t.teardown(async () => {
    await listeners.close();
    await web.close();
    await stack.close();
  });
  const open = (): readonly string[] =>
    [...stack.listening, ...web.addresses].map(({ protocol, address }) => `${protocol} ${address}`).toSorted();
  const until: Bench['until'] = async (what, probe) => {
    const changes = new Changes();
    const timer = setInterval(() => changes.notify(), 10);
    const state = (): string => JSON.stringify({ open: open(), lines });
    await changes.until(() => probe() || undefined, WAIT_MS, what, state).finally(() => clearInterval(timer));
  };
  const lineWith: Bench['lineWith'] = (text) => lines.find(({ msg }) => String(msg).includes(text));
  return { listeners, clock, ports, sipPorts, lines, asked, left, write, open, until, lineWith };
}

async function serveAll({ listeners }: Bench): Promise<void> {
  await listeners.serve('sip');
  await listeners.serve('http');
  await listeners.serveSecurely();
}

/** Everything that an address offers. */
function all(...addresses: readonly string[]): readonly string[] {
  const protocols = ['udp', 'tcp', 'tls', 'http', 'https'];
  return addresses.flatMap((address) => protocols.map((protocol) => `${protocol} ${address}`)).toSorted();
}

/** With the ports that phones prefer. */
function allAndMore(...addresses: readonly string[]): readonly string[] {
  return [...all(...addresses), ...addresses.flatMap((each) => [`http ${each}`, `https ${each}`])].toSorted();
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.join() === right.join();
}

async function hold(t: Test, port: number, address: string): Promise<Server> {
  const server = createServer().listen(port, address);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return server;
}

t.test('services come up one after the other, on fixed addresses and those of the LANs', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1'] }, '127.0.0.2', '127.0.0.1');
  const { listeners, open, asked, lines } = bench;
  t.same(open(), []);
  await listeners.serve('sip');
  t.same(open(), ['tcp 127.0.0.1', 'tcp 127.0.0.2', 'udp 127.0.0.1', 'udp 127.0.0.2']);
  t.equal(listeners.certificate, undefined);
  await listeners.serve('http');
  await listeners.serveSecurely();
  t.same(open(), all('127.0.0.1', '127.0.0.2'));
  t.equal(listeners.certificate, CERTIFICATE);
  t.same(asked, [['127.0.0.1', '127.0.0.2']]);
  t.same(lines, [], 'the start has its own line');
});

t.test('addresses come and go, fixed ones stay', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1'] }, '127.0.0.2');
  const { write, open, until, asked, left, lines } = bench;
  await serveAll(bench);
  write('lan1', '127.0.0.3');
  await until('127.0.0.3 in place of 127.0.0.2', () => same(open(), all('127.0.0.1', '127.0.0.3')));
  t.same(left, [['127.0.0.2']], 'told before its listeners closed');
  t.same(asked.at(-1), ['127.0.0.1', '127.0.0.3'], 'with a certificate that names it');
  const told = (): Record<string, unknown>[] =>
    lines.filter(({ msg }) => msg === 'the addresses that are served changed');
  await until('the log', () => told().flatMap(({ opened }) => opened).length === 5);
  t.same(
    told().flatMap(({ opened }) => opened),
    ['udp', 'tcp', 'http', 'tls', 'https'].map((service) => `${service} 127.0.0.3`),
  );
  t.same(
    told().flatMap(({ closed }) => closed),
    ['127.0.0.2'],
  );
  write('lan2', '127.0.0.1');
  write('lan1', '127.0.0.1');
  await until('the end of 127.0.0.3', () => same(open(), all('127.0.0.1')));
  write('lan2', '127.0.0.2');
  await until('127.0.0.2 again', () => same(open(), all('127.0.0.1', '127.0.0.2')));
});

t.test('a box without any address waits for one', async (t) => {
  const bench = await setUp(t);
  await serveAll(bench);
  t.same(bench.open(), []);
  t.same(bench.asked, [], 'and makes no certificate for nothing');
  bench.write('lan2', '127.0.0.2');
  await bench.until('127.0.0.2', () => same(bench.open(), all('127.0.0.2')));
});

t.test('an address that cannot be bound yet is tried again and told once', async (t) => {
  const bench = await setUp(t, {}, '127.0.0.1', '192.0.2.77');
  const { clock, ports, lines, open, until, write } = bench;
  await serveAll(bench);
  t.same(open(), all('127.0.0.1'), 'the other address is served');
  const served = lines.filter(({ address }) => address === '192.0.2.77');
  t.same(
    served.map(({ service }) => service),
    ['udp', 'tcp', 'http', 'tls', 'https'],
  );
  t.match(served, [{ level: 40, err: { code: 'SIP_ADDRESS_NOT_HERE' } }]);

  const holder = await hold(t, ports.http, '127.0.0.2');
  write('lan1', '127.0.0.1', '127.0.0.2');
  const allButHttp = all('127.0.0.1', '127.0.0.2').filter((name) => name !== 'http 127.0.0.2');
  await until('all but HTTP', () => same(open(), allButHttp));
  const failures = (): number => lines.filter(({ msg }) => String(msg).startsWith('cannot listen yet')).length;
  await until('its line', () => failures() === 6);
  for (let time = 0; time < 20; time += 1) {
    await until('a retry that is planned', () => clock.pending > 0);
    clock.advance(10_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(failures(), 6, 'told once each');
  holder.close();
  await once(holder, 'close');
  await until('HTTP as well', () => {
    clock.advance(10_000);
    return same(open(), all('127.0.0.1', '127.0.0.2'));
  });
  await bench.listeners.close();
  t.equal(clock.pending, 0, 'no retry is left');
});

t.test('the ports that phones prefer come and go while the others are served', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1'] });
  const { listeners, ports, open, until, write, lines } = bench;
  listeners.usePhonePorts(true);
  await listeners.serve('sip');
  t.same(open(), ['tcp 127.0.0.1', 'udp 127.0.0.1'], 'none before its turn');
  await listeners.serve('http');
  await listeners.serveSecurely();
  t.same(open(), allAndMore('127.0.0.1'));
  write('lan1', '127.0.0.2');
  await until('both on a new address', () => same(open(), allAndMore('127.0.0.1', '127.0.0.2')));

  const staying = connect(ports.http, '127.0.0.1');
  t.teardown(() => staying.destroy());
  await once(staying, 'connect');
  listeners.usePhonePorts(false);
  await until('the usual ones alone', () => same(open(), all('127.0.0.1', '127.0.0.2')));
  t.match(lines.at(-1), {
    closed: ['phoneHttp 127.0.0.1', 'phoneHttps 127.0.0.1', 'phoneHttp 127.0.0.2', 'phoneHttps 127.0.0.2'],
  });
  staying.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(String((await once(staying, 'data'))[0]), /^HTTP\/1\.1 404 /, 'a connection to another port stands');
  listeners.usePhonePorts(true);
  await until('all again', () => same(open(), allAndMore('127.0.0.1', '127.0.0.2')));
});

t.test('transports of SIP come, go and move by an edit, and the others do not notice', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1'] }, '127.0.0.2');
  const { listeners, sipPorts, open, until, lines, lineWith } = bench;
  await serveAll(bench);
  const { udp, tcp, tls, ws, wss } = sipPorts;
  t.same(listeners.servedSipPorts, { udp, tcp, tls });
  const staying = connect(tcp, '127.0.0.1');
  t.teardown(() => staying.destroy());
  await once(staying, 'connect');

  listeners.useSipPorts(sipPorts);
  const with2 = (...more: readonly string[]): readonly string[] =>
    [
      ...all('127.0.0.1', '127.0.0.2'),
      ...more.flatMap((each) => [`${each} 127.0.0.1`, `${each} 127.0.0.2`]),
    ].toSorted();
  await until('WebSocket too', () => same(open(), with2('ws', 'wss')));
  t.same(listeners.servedSipPorts, sipPorts);

  const served = listeners.servedSipPorts;
  listeners.useSipPorts({ ...sipPorts });
  await listeners.useHostNames();
  t.equal(listeners.servedSipPorts, served, 'the same ports are no change');

  lines.length = 0;
  // TLS takes the port of WebSocket, UDP goes, and TCP stays as it is.
  listeners.useSipPorts({ tcp, tls: ws, wss });
  const left = with2('wss').filter((each) => !each.startsWith('udp '));
  await until('TLS there', () => same(open(), left) && listeners.servedSipPorts.tls === ws);
  t.same(listeners.servedSipPorts, { tcp, tls: ws, wss });
  await until('the log', () => lineWith('the addresses that are served changed') !== undefined);
  t.match(lines, [
    {
      opened: ['tls 127.0.0.1', 'tls 127.0.0.2'],
      closed: ['udp 127.0.0.1', 'tls 127.0.0.1', 'ws 127.0.0.1', 'udp 127.0.0.2', 'tls 127.0.0.2', 'ws 127.0.0.2'],
    },
  ]);
  staying.write('\r\n\r\n');
  t.equal(String((await once(staying, 'data'))[0]), '\r\n', 'a connection of TCP stands');
});

t.test('a port of SIP that is taken is told, and tried again until it is free', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1'] });
  const { listeners, sipPorts, open, until, clock, lineWith, lines, ports } = bench;
  const holder = await hold(t, sipPorts.ws, '127.0.0.1');
  // What phones need comes first, whatever else is given its port.
  listeners.useSipPorts({ ...sipPorts, wss: ports.https });
  await serveAll(bench);
  t.match(lineWith('cannot listen yet'), { service: 'ws', port: sipPorts.ws, err: { code: 'SIP_PORT_IN_USE' } });
  t.same(listeners.servedSipPorts.ws, undefined, 'and nobody is told of it');
  t.match(lines, [{ service: 'ws' }, { service: 'wss' }]);
  t.same(open(), all('127.0.0.1'));
  holder.close();
  await once(holder, 'close');
  await until('the port', () => {
    clock.advance(10_000);
    return open().includes('ws 127.0.0.1');
  });
  t.equal(listeners.servedSipPorts.ws, sipPorts.ws);
  listeners.useSipPorts({ udp: sipPorts.udp });
  await until('UDP alone', () => same(open(), ['http 127.0.0.1', 'https 127.0.0.1', 'udp 127.0.0.1']));
  t.equal(clock.pending, 0, 'nothing is tried again');
});

t.test('a port for phones that is taken holds nothing up, and is opened when it is free', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1'] });
  const { listeners, ports, open, until, clock, lineWith } = bench;
  const holder = await hold(t, ports.phoneHttps, '127.0.0.1');
  listeners.usePhonePorts(true);
  await serveAll(bench);
  t.same(open(), [...all('127.0.0.1'), 'http 127.0.0.1'].toSorted());
  t.match(lineWith('cannot listen yet'), { service: 'phoneHttps', err: { code: 'WEB_PORT_IN_USE' } });
  holder.close();
  await once(holder, 'close');
  await until('the port', () => {
    clock.advance(10_000);
    return same(open(), allAndMore('127.0.0.1'));
  });
  listeners.usePhonePorts(false);
  await until('none', () => same(open(), all('127.0.0.1')));
  t.equal(clock.pending, 0, 'nothing is tried again');
});

t.test('a port that is for phones and for everybody is opened once', async (t) => {
  const first = await freePorts(ADDRESSES, 2);
  const ports = { http: first, https: first + 1 };
  const bench = await setUp(t, {
    fixed: ['127.0.0.1'],
    ports: { ...ports, phoneHttp: ports.http, phoneHttps: ports.https },
  });
  bench.listeners.usePhonePorts(true);
  await serveAll(bench);
  t.same(bench.open(), all('127.0.0.1'));
  t.same(bench.lines, []);
});

t.test('another host name makes another certificate, and the listeners stay', async (t) => {
  let names: readonly string[] = ['sip.example.com'];
  const asked: (readonly string[])[] = [];
  const bench = await setUp(t, {
    fixed: ['127.0.0.1'],
    hostNames: () => names,
    certificate: async (addresses, hostNames) => {
      asked.push([...addresses, ...hostNames]);
      return CERTIFICATE;
    },
  });
  const { listeners, open } = bench;
  await listeners.useHostNames();
  t.same(asked, [], 'not before TLS has its turn');
  await serveAll(bench);
  await listeners.useHostNames();
  t.same(asked, [['127.0.0.1', 'sip.example.com']], 'the same name changes nothing');
  names = ['box.example.com', 'sip.example.com'];
  await listeners.useHostNames();
  t.same(asked.at(-1), ['127.0.0.1', 'box.example.com', 'sip.example.com']);
  names = [];
  await listeners.useHostNames();
  t.same(asked.at(-1), ['127.0.0.1']);
  t.same(open(), all('127.0.0.1'));
  await listeners.close();
  names = ['late.example.com'];
  await listeners.useHostNames();
  t.equal(asked.length, 3);
});

t.test('the LAN of an address is the one whose file has it', async (t) => {
  const { listeners, write, until } = await setUp(t, { fixed: ['127.0.0.1'] }, '127.0.0.2');
  t.equal(listeners.lanOf('127.0.0.2'), 'lan1');
  t.equal(listeners.lanOf('127.0.0.1'), undefined);
  write('lan2', '127.0.0.3');
  await until('LAN2', () => listeners.lanOf('127.0.0.3') === 'lan2');
});

t.test('a fixed address that cannot be served is a mistake', async (t) => {
  const bench = await setUp(t, { fixed: ['127.0.0.1', '192.0.2.77'] }, '127.0.0.2');
  await t.rejects(bench.listeners.serve('sip'), { code: 'SIP_ADDRESS_NOT_HERE', message: /192\.0\.2\.77/ });

  const { ports, listeners, ...second } = await setUp(t, { fixed: ['127.0.0.1'] }, '127.0.0.2');
  await hold(t, ports.https, '127.0.0.1');
  await hold(t, ports.https, '127.0.0.2');
  await listeners.serve('sip');
  await t.rejects(listeners.serveSecurely(), { code: 'WEB_PORT_IN_USE', message: /127\.0\.0\.1/ });
  t.match(second.lines, [{ address: '127.0.0.2', service: 'https' }], 'one of a LAN is not');
});

t.test('without a certificate there is no TLS, and the rest goes on', async (t) => {
  let failing = true;
  const certificate = async (): Promise<ServerCertificate> => {
    if (failing) throw new Error('the disk is full');
    return CERTIFICATE;
  };
  const bench = await setUp(t, { certificate, fixed: ['127.0.0.1'] });
  const { write, open, until, lineWith, lines } = bench;
  await serveAll(bench);
  const plain = (...addresses: readonly string[]): readonly string[] =>
    all(...addresses).filter((name) => !/^(tls|https) /.test(name));
  t.same(open(), plain('127.0.0.1'));
  t.match(lineWith('no certificate'), { level: 50, addresses: ['127.0.0.1'] });
  lines.length = 0;
  write('lan1', '127.0.0.2');
  await until('the second failure', () => lineWith('no certificate') !== undefined);
  t.same(open(), plain('127.0.0.1', '127.0.0.2'));
  failing = false;
  write('lan1', '127.0.0.3');
  await until('TLS once there is one', () => same(open(), all('127.0.0.1', '127.0.0.3')));
  failing = true;
  lines.length = 0;
  write('lan1', '127.0.0.2');
  await until('the third failure', () => lineWith('no certificate') !== undefined);
  await until('no 127.0.0.3', () => same(open(), [...all('127.0.0.1'), ...plain('127.0.0.2')].toSorted()));
});

t.test('a certificate that takes long holds up neither the other listeners nor the next change', async (t) => {
  const waiting: (() => void)[] = [];
  const asked: (readonly string[])[] = [];
  const certificate = (addresses: readonly string[]): Promise<ServerCertificate> => {
    asked.push(addresses);
    return new Promise((resolve) => waiting.push(() => resolve(CERTIFICATE)));
  };
  const bench = await setUp(t, { certificate }, '127.0.0.1');
  const { listeners, write, open, until } = bench;
  await listeners.serve('sip');
  const secured = listeners.serveSecurely();
  write('lan1', '127.0.0.2');
  await until('SIP on the new address', () => same(open(), ['tcp 127.0.0.2', 'udp 127.0.0.2']));
  write('lan1', '127.0.0.3');
  await until('SIP on the newest address', () => same(open(), ['tcp 127.0.0.3', 'udp 127.0.0.3']));
  t.same(asked, [['127.0.0.1']], 'one at a time');
  waiting.shift()?.();
  await until('the next certificate', () => waiting.length > 0);
  t.same(asked.at(-1), ['127.0.0.3'], 'for what holds by now');
  t.same(open(), ['tcp 127.0.0.3', 'udp 127.0.0.3'], 'no TLS with a certificate for another address');
  waiting.shift()?.();
  await secured;
  await until('TLS', () => open().includes('tls 127.0.0.3'));
});

t.test('after close nothing is opened any more', async (t) => {
  let finish = (): void => undefined;
  const certificate = (): Promise<ServerCertificate> =>
    new Promise((resolve) => {
      finish = () => resolve(CERTIFICATE);
    });
  const bench = await setUp(t, { certificate }, '127.0.0.1');
  await bench.listeners.serve('sip');
  const secured = bench.listeners.serveSecurely();
  await bench.listeners.close();
  await bench.listeners.close();
  finish();
  await secured;
  bench.write('lan1', '127.0.0.2');
  t.same(bench.open(), ['tcp 127.0.0.1', 'udp 127.0.0.1']);
  t.equal(bench.listeners.certificate, undefined);
});

t.test('a folder of LANs that is not there is a mistake', async (t) => {
  const networkDirectory = join(t.testdir(), 'absent');
  await t.rejects(setUp(t, { networkDirectory }), { code: 'SYSTEM_NETWORK_FOLDER' });
  rmSync(networkDirectory, { force: true });
});
