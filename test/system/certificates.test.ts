import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { connect } from 'node:tls';
import t from 'tap';
import { createLogger } from '../../firmware/core/logger.ts';
import {
  type CertificateOptions,
  ensureCertificate,
  type ServerCertificate,
} from '../../firmware/system/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { outputOf } from '../support/process-output.ts';

const NOW = Date.UTC(2026, 10, 22);
const DAY_MS = 86_400_000;
const ADDRESSES = ['192.168.42.1', 'fd00:42::1', '127.0.0.1', '::1'];

function options(directory: string, change: Partial<CertificateOptions> = {}): CertificateOptions {
  return {
    directory,
    addresses: ADDRESSES,
    clock: new FakeClock(NOW),
    logger: createLogger('silent'),
    ...change,
  };
}

/** A TLS handshake as a client does it that trusts this authority alone: the verdict of OpenSSL on the chain and the name. */
async function handshake(made: ServerCertificate, host: string, servername?: string): Promise<string> {
  const server = createServer({ key: made.key, cert: made.cert });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host, port, ca: made.ca, ...(servername === undefined ? {} : { servername }) });
  try {
    const [outcome] = await Promise.race([once(socket, 'secureConnect'), once(socket, 'error')]);
    return outcome instanceof Error ? outcome.message : 'trusted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    socket.destroy();
    server.close();
  }
}

t.test('clients that trust the authority trust the box by each of its addresses and names', async (t) => {
  // The handshake is judged by the real clock.
  const directory = t.testdir({ box: {}, other: {} });
  const made = await ensureCertificate(options(join(directory, 'box'), { clock: new FakeClock(Date.now()) }));
  const other = await ensureCertificate(options(join(directory, 'other')));
  t.equal(await handshake(made, '127.0.0.1'), 'trusted');
  t.equal(await handshake(made, '::1'), 'trusted');
  t.equal(await handshake(made, '127.0.0.1', 'ringdown'), 'trusted');
  t.match(await handshake(made, '127.0.0.1', 'elsewhere'), /altnames/);
  t.match(await handshake({ ...made, ca: other.ca }, '127.0.0.1'), /certificate/);
});

t.test('the certificates say what RFC 5280 asks of them', async (t) => {
  const made = await ensureCertificate(options(t.testdir(), { names: ['ringdown', 'sip.example.com'] }));
  const authority = new X509Certificate(made.ca);
  const server = new X509Certificate(made.cert);
  t.equal(authority.ca, true);
  t.ok(authority.verify(authority.publicKey), 'the authority signs itself');
  t.ok(server.checkIssued(authority) && server.verify(authority.publicKey));
  t.equal(server.ca, false);
  t.strictSame(server.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers');
  t.equal(
    server.subjectAltName,
    'DNS:ringdown, DNS:sip.example.com, IP Address:192.168.42.1, IP Address:FD00:42:0:0:0:0:0:1, ' +
      'IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  );
  t.match(authority.subject, /CN=Ringdown authority [0-9a-f]{8}/);
  t.not(authority.serialNumber, server.serialNumber);
  t.equal(server.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
});

t.test('OpenSSL finds nothing to blame in them, even when it is strict', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock(NOW);
  const made = await ensureCertificate(options(directory, { clock, names: ['ringdown', 'sip.example.com'] }));
  const strict = async (authority: string, server: string, ...subject: string[]) => {
    const [authorityFile, serverFile] = [join(directory, 'ca.pem'), join(directory, 'cert.pem')];
    writeFileSync(authorityFile, authority);
    writeFileSync(serverFile, server);
    const options = ['-x509_strict', '-purpose', 'sslserver', '-attime', String(clock.now() / 1000), ...subject];
    const args = ['verify', '-CAfile', authorityFile, ...options, serverFile];
    return (await outputOf('openssl', args)).toString('utf8').trim().split(': ').at(-1);
  };
  t.equal(await strict(made.ca, made.cert, '-verify_hostname', 'sip.example.com'), 'OK');
  for (const address of ADDRESSES) t.equal(await strict(made.ca, made.cert, '-verify_ip', address), 'OK', address);
  await t.rejects(strict(made.ca, made.cert, '-verify_hostname', 'elsewhere'), { message: /hostname mismatch/ });

  clock.advance(3650 * DAY_MS - 800 * DAY_MS);
  const next = await ensureCertificate(options(directory, { clock }));
  t.not(next.ca, made.ca);
  t.equal(await strict(next.ca, next.cert), 'OK', 'renewed');
  t.equal(await strict(made.ca, next.cert), 'OK', 'renewed, for a phone that has the old authority');
});

t.test('an IPv4 address written as IPv6 is that address', async (t) => {
  const { cert } = await ensureCertificate(
    options(t.testdir(), { addresses: ['::ffff:192.0.2.1', '2001:DB8::192.0.2.2'] }),
  );
  t.equal(
    new X509Certificate(cert).subjectAltName,
    'DNS:ringdown, IP Address:0:0:0:0:0:FFFF:C000:201, IP Address:2001:DB8:0:0:0:0:C000:202',
  );
});

t.test('validity begins long before now, and ends as clients want it', async (t) => {
  const made = await ensureCertificate(options(t.testdir()));
  const server = new X509Certificate(made.cert);
  t.equal(server.validFromDate.getTime(), Date.UTC(2026, 0, 1));
  t.ok(server.validToDate.getTime() - server.validFromDate.getTime() <= 825 * DAY_MS);
  t.ok(server.validToDate.getTime() > NOW + 365 * DAY_MS);
  t.equal(made.renewAtMs, server.validToDate.getTime() - 30 * DAY_MS);
  const authority = new X509Certificate(made.ca);
  t.equal(authority.validFromDate.getTime(), Date.UTC(2026, 0, 1));
  t.equal(authority.validToDate.getTime(), NOW + 3650 * DAY_MS);
});

t.test('a clock that stands at 1970 makes certificates that are valid today', async (t) => {
  const made = await ensureCertificate(options(t.testdir(), { clock: new FakeClock(0) }));
  for (const pem of [made.ca, made.cert]) {
    const certificate = new X509Certificate(pem);
    t.ok(certificate.validFromDate.getTime() < NOW && certificate.validToDate.getTime() > NOW + 365 * DAY_MS);
  }
});

t.test('keys are for their owner alone', async (t) => {
  const directory = t.testdir();
  await ensureCertificate(options(directory));
  const folder = join(directory, 'certificates');
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.strictSame(readdirSync(folder).sort(), ['authority.pem', 'server.pem']);
  for (const name of readdirSync(folder)) t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
});

t.test('asked again, it gives the same, also when addresses come in another form', async (t) => {
  const directory = t.testdir();
  const first = await ensureCertificate(options(directory));
  const again = await ensureCertificate(
    options(directory, { addresses: ['::1', '127.0.0.1', 'FD00:42:0::1', '192.168.42.1', '127.0.0.1'] }),
  );
  t.strictSame(again, first);
});

t.test('a new set of addresses gets a new certificate of the same authority', async (t) => {
  const directory = t.testdir();
  const first = await ensureCertificate(options(directory));
  for (const addresses of [['192.168.42.1'], [...ADDRESSES, '10.0.0.1'], ['fe80::1%eth0', '10.0.0.2']]) {
    const next = await ensureCertificate(options(directory, { addresses }));
    t.not(next.cert, first.cert);
    t.equal(next.ca, first.ca);
    for (const address of addresses) {
      t.ok(new X509Certificate(next.cert).checkIP(address.replace(/%.*/, '')), address);
    }
  }
});

t.test('a new host name gets a new certificate of the same authority, and a long one is no common name', async (t) => {
  const directory = t.testdir();
  const first = await ensureCertificate(options(directory, { names: ['sip.example.com'] }));
  t.match(new X509Certificate(first.cert).subject, /CN=sip\.example\.com/);
  const long = `${'a'.repeat(63)}.example.com`;
  const second = await ensureCertificate(options(directory, { names: [long] }));
  t.equal(second.ca, first.ca);
  const certificate = new X509Certificate(second.cert);
  t.match(certificate.subject, /CN=ringdown/);
  t.equal(certificate.checkHost(long), long);
  t.equal(certificate.checkHost('sip.example.com'), undefined);
  t.equal((await ensureCertificate(options(directory, { names: [long] }))).cert, second.cert);
});

t.test('near its end the certificate is renewed, under the same authority', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock(NOW);
  const first = await ensureCertificate(options(directory, { clock }));
  clock.advance(first.renewAtMs - NOW - 1000);
  t.equal((await ensureCertificate(options(directory, { clock }))).cert, first.cert);
  clock.advance(1000);
  const next = await ensureCertificate(options(directory, { clock }));
  t.not(next.cert, first.cert);
  t.equal(next.ca, first.ca);
  const { validFromDate, validToDate } = new X509Certificate(next.cert);
  t.equal(validToDate.getTime() - validFromDate.getTime(), 825 * DAY_MS);
  t.ok(validFromDate.getTime() <= clock.now() - 365 * DAY_MS, 'phones whose clock is a year late take it too');
});

t.test('a certificate from a clock that ran ahead is made anew', async (t) => {
  const directory = t.testdir();
  const ahead = await ensureCertificate(options(directory, { clock: new FakeClock(Date.UTC(2060, 0, 1)) }));
  const next = await ensureCertificate(options(directory));
  t.not(next.cert, ahead.cert);
  t.ok(new X509Certificate(next.cert).validFromDate.getTime() < NOW);
  t.equal(next.ca, ahead.ca);
  t.equal(
    new X509Certificate(next.ca).validToDate.getTime(),
    Date.UTC(2060, 0, 1) + 3650 * DAY_MS,
    'a date after 2049',
  );
});

t.test('near its end the authority gets more years on the same key', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock(NOW);
  const first = await ensureCertificate(options(directory, { clock }));
  clock.advance(3650 * DAY_MS - 800 * DAY_MS);
  const next = await ensureCertificate(options(directory, { clock }));
  t.not(next.ca, first.ca);
  const [old, renewed] = [new X509Certificate(first.ca), new X509Certificate(next.ca)];
  t.equal(renewed.subject, old.subject);
  t.ok(new X509Certificate(next.cert).verify(old.publicKey), 'phones with the old file still trust the box');
  t.ok(renewed.validToDate.getTime() >= clock.now() + 3600 * DAY_MS);
});

t.test('damaged files are set aside and made new', async (t) => {
  const root = t.testdir({ box: {}, other: {} });
  const directory = join(root, 'box');
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const first = await ensureCertificate(options(directory));
  const folder = join(directory, 'certificates');
  writeFileSync(join(folder, 'server.pem'), 'garbage');
  const next = await ensureCertificate(options(directory, { logger: createLogger('warn', sink) }));
  t.not(next.cert, first.cert);
  t.equal(next.ca, first.ca);
  t.equal(readFileSync(join(folder, 'server.pem.damaged'), 'utf8'), 'garbage');
  t.equal(lines.length, 1);

  // The key of the one with the certificate of the other: whole files, of no use.
  const other = await ensureCertificate(options(join(root, 'other')));
  writeFileSync(join(folder, 'server.pem'), other.key + next.cert);
  writeFileSync(join(folder, 'authority.pem'), other.key + next.ca);
  const last = await ensureCertificate(options(directory, { logger: createLogger('warn', sink) }));
  t.not(last.ca, first.ca);
  t.ok(new X509Certificate(last.cert).verify(new X509Certificate(last.ca).publicKey));
  t.equal(lines.length, 3);
});

t.test('no key is ever logged', async (t) => {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  await ensureCertificate(options(t.testdir(), { logger: createLogger('trace', sink) }));
  t.ok(lines.length > 0);
  t.notMatch(lines.join(''), /PRIVATE|BEGIN/);
});

t.test('a directory that cannot be written is named', async (t) => {
  const root = t.testdir({ file: { certificates: 'a file' }, blocked: {} });
  const directory = join(root, 'file');
  await t.rejects(ensureCertificate(options(directory)), {
    code: 'SYSTEM_CERTIFICATES_NOT_WRITABLE',
    message: /certificates/,
  });
  const blocked = join(root, 'blocked');
  mkdirSync(join(blocked, 'certificates', 'authority.pem'), { recursive: true });
  await t.rejects(ensureCertificate(options(blocked)), { code: 'SYSTEM_CERTIFICATES_NOT_WRITABLE' });
});
