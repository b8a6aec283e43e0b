import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import t from 'tap';
import type { ListenPoint, TlsIdentity } from '../../../firmware/sip/stack.ts';
import { outputOf } from '../../support/process-output.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { openStack, testIdentity, within } from '../support/stacks.ts';

/** Every protocol on one address. */
function points(address: string): readonly ListenPoint[] {
  return [
    { protocol: 'udp', address, port: 0 },
    { protocol: 'tcp', address, port: 0 },
    { protocol: 'tls', address, port: 0, tls: testIdentity },
  ];
}

function portOf(listening: readonly ListenPoint[], protocol: string, address: string): number {
  return listening.find((point) => point.protocol === protocol && point.address === address)?.port ?? 0;
}

async function tls(port: number, address: string, ca = testIdentity.ca): Promise<TLSSocket> {
  const socket = connectTls({
    host: address,
    port,
    ...(ca === undefined ? {} : { ca }),
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => undefined);
  await within(once(socket, 'secureConnect'), 'handshake');
  return socket;
}

async function refused(port: number, address: string): Promise<boolean> {
  const socket = connectTcp(port, address);
  try {
    await within(once(socket, 'connect'), 'connection');
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

for (const [leaving, staying] of [
  ['127.0.0.1', '127.0.0.2'],
  ['::1', '127.0.0.1'],
  ['127.0.0.1', '::1'],
] as const) {
  t.test(`unlisten ${leaving}: nothing answers there, ${staying} does not notice`, async (t) => {
    const { stack, clock } = await openStack([], leaving, { listen: [...points(leaving), ...points(staying)] });
    const { listening } = stack;
    const port = (protocol: string, address: string): number => portOf(listening, protocol, address);
    const going = await RawPeer.tcp(leaving, port('tcp', leaving));
    const goingTls = await tls(port('tls', leaving), leaving);
    const goingTlsEnds = once(goingTls.resume(), 'close');
    const halfDone = connectTcp(port('tls', leaving), leaving).on('error', () => undefined);
    await within(once(halfDone, 'connect'), 'connection');
    const udp = await RawPeer.udp(staying, port('udp', staying));
    const tcp = await RawPeer.tcp(staying, port('tcp', staying));
    const tlsSocket = await tls(port('tls', staying), staying);
    going.send(going.request('OPTIONS', 'g', { protocol: 'TCP' }));
    await going.next(/^SIP\/2.0 200/);

    await within(stack.unlisten([leaving]), 'end of unlisten');
    await going.closed();
    await within(goingTlsEnds, 'end of the TLS connection');
    t.same(
      stack.listening.map(({ protocol, address }) => [protocol, address]),
      [
        ['udp', staying],
        ['tcp', staying],
        ['tls', staying],
      ],
    );
    for (const protocol of ['tcp', 'tls'])
      t.ok(await refused(port(protocol, leaving), leaving), `${protocol} is closed`);
    t.equal(
      stack.isOpen({
        protocol: 'udp',
        localAddress: leaving,
        localPort: port('udp', leaving),
        remoteAddress: leaving,
        remotePort: 9,
      }),
      false,
    );

    for (const [name, peer] of Object.entries({ udp, tcp })) {
      peer.send(peer.request('OPTIONS', name, { protocol: name === 'udp' ? 'UDP' : 'TCP', callId: name }));
      t.match(await peer.next(), /^SIP\/2.0 200/, `${name} of the other address answers on`);
      peer.close();
    }
    t.equal(tlsSocket.destroyed, false, 'and its TLS connection stands');

    await stack.unlisten([leaving]);
    await stack.listen([
      { protocol: 'udp', address: leaving, port: port('udp', leaving) },
      { protocol: 'tcp', address: leaving, port: port('tcp', leaving) },
    ]);
    const back = await RawPeer.udp(leaving, port('udp', leaving));
    back.send(back.request('OPTIONS', 'b', { callId: 'b' }));
    t.match(await back.next(), /^SIP\/2.0 200/, 'the address can come back');
    back.close();
    for (const socket of [halfDone, tlsSocket]) socket.destroy();
    await within(stack.close(), 'end of the stack');
    t.same(stack.listening, []);
    clock.advance(64_000);
    t.equal(clock.pending, 0, 'no timer is left');
  });
}

t.test('a later listen that fails takes back what it opened, and nothing else', async (t) => {
  const { stack, port } = await openStack(['udp', 'tcp', 'tls'], '127.0.0.1');
  const before = stack.listening;
  const tcp = await RawPeer.tcp('127.0.0.1', port('tcp'));
  const taken = createServer().listen(0, '127.0.0.2');
  await once(taken, 'listening');
  const bound = taken.address();
  const takenPort = bound !== null && typeof bound === 'object' ? bound.port : 0;
  const bad: readonly (readonly [string, ListenPoint])[] = [
    ['SIP_PORT_IN_USE', { protocol: 'tcp', address: '127.0.0.2', port: takenPort }],
    ['SIP_ADDRESS_NOT_HERE', { protocol: 'udp', address: '192.0.2.77', port: 0 }],
    ['SIP_ADDRESS_UNSPECIFIED', { protocol: 'udp', address: '::', port: 0 }],
    ['SIP_CERTIFICATE', { protocol: 'tls', address: '127.0.0.1', port: 0 }],
  ];
  for (const [code, point] of bad) {
    await t.rejects(stack.listen([...points('127.0.0.2'), ...points('127.0.0.1'), point]), { code });
    t.same(stack.listening, before, code);
  }
  tcp.send(tcp.request('OPTIONS', 't', { protocol: 'TCP', callId: 't' }));
  t.match(await tcp.next(), /^SIP\/2.0 200/, 'a connection of before stands');
  await stack.listen(points('127.0.0.2'));
  t.equal(stack.listening.length, 6, 'the next one may succeed');
  tcp.close();
  await stack.close();
  taken.close();
});

t.test('what is being opened while the stack closes does not stay open', async (t) => {
  const { stack } = await openStack(['udp'], '127.0.0.1');
  const opening = stack.listen(points('127.0.0.2'));
  await Promise.all([opening, stack.close()]);
  t.same(stack.listening, []);
});

t.test('a new certificate: new connections get it, those that stand go on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringdown-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=renewed', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', keyFile, '-out', certFile];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-x509', '-days', '2'];
  await outputOf('openssl', ['req', ...kind, ...subject, ...files]);
  const renewed: TlsIdentity = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };

  const { stack, port } = await openStack(['tcp', 'tls'], '127.0.0.1');
  const old = await tls(port('tls'), '127.0.0.1');
  t.throws(() => stack.useCertificate({ key: 'x', cert: 'y' }), { code: 'SIP_CERTIFICATE' });
  t.throws(() => stack.useCertificate({ key: testIdentity.key, cert: renewed.cert }), { code: 'SIP_CERTIFICATE' });
  const still = await tls(port('tls'), '127.0.0.1');
  t.equal(still.authorized, true, 'a certificate that is of no use changes nothing');
  still.destroy();

  stack.useCertificate(renewed);
  const fresh = await tls(port('tls'), '127.0.0.1', renewed.cert);
  t.equal(fresh.getPeerCertificate().subject.CN, 'renewed');
  t.equal(stack.listening.find(({ protocol }) => protocol === 'tls')?.tls?.cert, renewed.cert);
  t.equal(old.destroyed, false);
  old.write('\r\n\r\n');
  t.equal(String((await within(once(old, 'data'), 'pong'))[0]), '\r\n', 'a ping on the old connection is answered');
  for (const socket of [old, fresh]) socket.destroy();
  await stack.close();
});
