import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect, createServer } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import t from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { ensureCertificate } from '../../firmware/system/certificates.ts';
import { ask, frozenClock, raw, received, start } from './running-server.ts';

t.test('a file is made at the moment of the request', async (t) => {
  const { port, lines } = await start(t);
  const { status, headers, body } = await ask(port, '/46xxsettings.txt', {
    headers: { 'user-agent': 'Avaya Communicator/3.0' },
  });
  t.equal(status, 200);
  t.equal(body, '## for 127.0.0.1\n');
  t.equal(headers['content-type'], 'text/plain; charset=us-ascii');
  t.equal(headers['content-length'], '17');
  t.equal(headers['cache-control'], 'no-cache');
  t.equal(headers['x-content-type-options'], 'nosniff');
  t.equal(headers.server, undefined);
  t.equal(headers['x-powered-by'], undefined);
  t.match(lines, [
    { level: 30, source: '127.0.0.1', path: '/46xxsettings.txt', status: 200, userAgent: 'Avaya Communicator/3.0' },
  ]);
  t.equal((await ask(port, '/46xxsettings.txt?mac=001122334455')).status, 200, 'a query changes nothing');
  t.equal((await ask(port, '/WebRootCA.pem')).body, 'a certificate\n');
});

t.test('HEAD answers as GET without the body', async (t) => {
  const { port } = await start(t);
  const head = await ask(port, '/46xxsettings.txt', { method: 'HEAD' });
  const get = await ask(port, '/46xxsettings.txt');
  t.equal(head.status, 200);
  t.equal(head.body, '');
  t.equal(head.headers['content-length'], get.headers['content-length']);
  t.equal(head.headers.etag, get.headers.etag);
});

t.test('a client that has the file is told so', async (t) => {
  const { port } = await start(t);
  const { headers } = await ask(port, '/46xxsettings.txt');
  const tag = headers.etag ?? '';
  t.match(tag, /^"[\w-]+"$/);
  for (const [condition, status] of [
    [tag, 304],
    [`W/${tag}`, 304],
    [`"other", ${tag}`, 304],
    ['*', 304],
    ['"other"', 200],
    ['', 200],
  ] as const) {
    const answer = await ask(port, '/46xxsettings.txt', { headers: { 'if-none-match': condition } });
    t.equal(answer.status, status, condition);
    t.equal(answer.headers.etag, tag);
    if (status === 304) t.equal(answer.body, '');
  }
});

t.test('addresses in a file are those that the client can reach', async (t) => {
  const advertise = new Map([['127.0.0.1', '203.0.113.9']]);
  const http = [
    { address: '127.0.0.1', port: 0 },
    { address: '127.0.0.2', port: 0 },
    { address: '::1', port: 0 },
  ];
  const { web } = await start(t, { http, advertise });
  const bodies = [];
  for (const { address, port } of web.addresses)
    bodies.push((await ask(port, '/46xxsettings.txt', { host: address })).body);
  t.strictSame(bodies, ['## for 203.0.113.9\n', '## for 127.0.0.2\n', '## for ::1\n']);
});

t.test('nothing else is there', async (t) => {
  const { port } = await start(t);
  for (const path of [
    '/',
    '/46xxsettings.txt/',
    '//46xxsettings.txt',
    '/46XXSETTINGS.TXT',
    '/./46xxsettings.txt',
    '/x/../46xxsettings.txt',
    '/../../etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/%2e%2e/46xxsettings.txt',
    '/46xxsettings.txt%00',
    '/46xxsettings.txt%0d%0aX: y',
    '/certificates/authority.pem',
    '/absent',
    '/__proto__',
    '/constructor',
    `/${'x'.repeat(4000)}`,
  ]) {
    const { status, body } = await ask(port, encodeURI(path).replaceAll('%25', '%'));
    t.equal(status, 404, path.slice(0, 40));
    t.equal(body, '', 'the path does not come back');
  }
  t.match(
    await raw(port, 'GET http://box.example:80/46xxsettings.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200 /,
  );
  t.match(
    await raw(port, 'GET ../46xxsettings.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 40[04] /,
  );
  t.match(await raw(port, 'GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 40[04] /);
});

t.test('other methods are refused, with those that are allowed', async (t) => {
  const { port } = await start(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    const { status, headers } = await ask(port, '/46xxsettings.txt', { method });
    t.equal(status, 405, method);
    t.equal(headers.allow, 'GET, HEAD', method);
  }
  t.equal((await ask(port, '/elsewhere', { method: 'POST' })).status, 404);
});

t.test('a body is not read', async (t) => {
  const { port } = await start(t);
  const answer = await raw(
    port,
    `GET /WebRootCA.pem HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n${'x'.repeat(1000)}`,
  );
  t.match(answer, /^HTTP\/1\.1 200 [\s\S]*\r\nconnection: close\r\n/i);
});

t.test('a file that cannot be made is an error without its reason', async (t) => {
  const { port, lines } = await start(t);
  const { status, body } = await ask(port, '/broken');
  t.equal(status, 500);
  t.equal(body, '');
  t.ok(lines.some(({ level, path }) => level === 50 && path === '/broken'));
  t.equal((await ask(port, '/WebRootCA.pem')).status, 200, 'the next request is served');
});

t.test('what is no HTTP gets an answer and one line in the log', async (t) => {
  const { port, lines } = await start(t, { clock: frozenClock() });
  t.match(
    await raw(port, 'REGISTER sip:ringdown SIP/2.0\r\n\r\n'),
    /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n/,
  );
  t.match(await raw(port, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'), /^HTTP\/1\.1 400 /);
  t.match(await raw(port, 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP\/1\.1 400 /);
  t.match(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(65_536)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  t.match(await raw(port, 'GET /WebRootCA.pem HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /, 'no Host');
  t.equal(lines.length, 1, 'one line a source and second');
  t.equal((await ask(port, '/WebRootCA.pem')).status, 200);
});

t.test('a client that sends its header byte by byte is cut off, and others are served meanwhile', async (t) => {
  const { port } = await start(t, { limits: { headerTimeoutMs: 300 } });
  const slow = connect(port, '127.0.0.1');
  slow.on('error', () => {});
  slow.write('GET /WebRootCA.pem HTTP/1.1\r\nHost: x\r\n');
  const drip = setInterval(() => slow.write('X: y\r\n'), 20);
  const began = Date.now();
  const answer = received(slow);
  t.equal((await ask(port, '/WebRootCA.pem')).status, 200);
  t.match(await answer, /^HTTP\/1\.1 408 /);
  clearInterval(drip);
  t.ok(Date.now() - began < 5000);
});

t.test('a connection that says nothing is closed', async (t) => {
  const { port } = await start(t, { limits: { idleTimeoutMs: 100, headerTimeoutMs: 200 } });
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  await received(silent);
  t.pass('closed');
});

t.test('one source has so many connections and no more', async (t) => {
  const { port } = await start(t, { limits: { connectionsPerSource: 2 } });
  const held = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  const third = connect(port, '127.0.0.1');
  third.on('error', () => {});
  t.equal(await received(third), '', 'closed without an answer');
  const other = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' });
  other.write('GET /WebRootCA.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  t.match(await received(other), /^HTTP\/1\.1 200 /, 'another source is let in');
  const [first] = held;
  first?.end('GET /WebRootCA.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  if (first !== undefined) await received(first);
  t.equal((await ask(port, '/WebRootCA.pem')).status, 200, 'one that closed makes room');
  held[1]?.destroy();
});

t.test('one source has so many requests a second and no more', async (t) => {
  const clock = frozenClock();
  const { port, lines } = await start(t, { clock, limits: { requestsPerSecond: 1, requestBurst: 3 } });
  const statuses = [];
  for (let count = 0; count < 5; count += 1) statuses.push((await ask(port, '/WebRootCA.pem')).status);
  t.strictSame(statuses, [200, 200, 200, 429, 429]);
  const refused = await ask(port, '/WebRootCA.pem');
  t.equal(refused.headers['retry-after'], '1');
  t.equal(refused.headers.connection, 'close');
  t.equal(lines.filter(({ level }) => level === 40).length, 1);
  clock.advance(1000);
  t.equal((await ask(port, '/WebRootCA.pem')).status, 200);
  t.equal((await ask(port, '/WebRootCA.pem')).status, 429);
});

t.test("HTTPS serves the same, with the box's certificate, from TLS 1.2 on", async (t) => {
  const logger = createLogger('silent');
  const names = { addresses: ['127.0.0.1'], clock: systemClock, logger };
  const directory = t.testdir();
  const certificate = await ensureCertificate({ directory, ...names });
  const { web, port } = await start(t, { http: [], https: [{ address: '127.0.0.1', port: 0 }], certificate });
  t.match(web.addresses, [{ protocol: 'https', address: '127.0.0.1' }]);

  const fetch = async () => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      path: '/46xxsettings.txt',
      ca: certificate.ca,
      agent: false,
    });
    request.end();
    const [response] = await once(request, 'response');
    const serial = response.socket.getPeerX509Certificate()?.serialNumber;
    let body = '';
    for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
    return { body, serial };
  };
  t.strictSame(await fetch(), {
    body: '## for 127.0.0.1\n',
    serial: new X509Certificate(certificate.cert).serialNumber,
  });

  const old = tlsConnect({ host: '127.0.0.1', port, ca: certificate.ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
  const [error] = await once(old, 'error');
  t.match(error, { code: /./ }, 'TLS 1.1 is refused');
  t.match(await raw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /^(?!HTTP\/1\.1 200)/, 'plain HTTP gets no file');

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = tlsConnect({
      host: '127.0.0.1',
      port,
      ca: certificate.ca,
      minVersion: version,
      maxVersion: version,
    });
    await once(socket, 'secureConnect');
    t.equal(socket.getProtocol(), version);
    socket.destroy();
  }
  const renewed = await ensureCertificate({
    directory,
    ...names,
    addresses: ['127.0.0.1', '10.0.0.1'],
    names: ['sip.example.com'],
  });
  // Not before the certificate is made: that may take longer than the server waits for a request.
  const staying = tlsConnect({ host: '127.0.0.1', port, ca: certificate.ca });
  await once(staying, 'secureConnect');
  web.useCertificate(renewed);
  staying.write('GET /WebRootCA.pem HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(String((await once(staying, 'data'))[0]), /^HTTP\/1\.1 200 /, 'an open connection stands');
  staying.destroy();
  t.equal(
    (await fetch()).serial,
    new X509Certificate(renewed.cert).serialNumber,
    'a new certificate without a new server',
  );

  await web.listen({ https: [{ address: '127.0.0.2', port: 0 }] });
  const later = web.addresses.find(({ address }) => address === '127.0.0.2')?.port ?? 0;
  const socket = tlsConnect({ host: '127.0.0.2', port: later, ca: renewed.ca, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  t.equal(socket.getPeerX509Certificate()?.serialNumber, new X509Certificate(renewed.cert).serialNumber);
  socket.destroy();
});

t.test('addresses come and go while others are served', async (t) => {
  const { web, port } = await start(t);
  const before = web.addresses;
  const staying = connect(port, '127.0.0.1');
  t.teardown(() => staying.destroy());
  await once(staying, 'connect');
  await web.listen({ http: [{ address: '127.0.0.2', port: 0 }] });
  const second = web.addresses.find(({ address }) => address === '127.0.0.2')?.port ?? 0;
  t.equal((await ask(second, '/46xxsettings.txt', { host: '127.0.0.2' })).body, '## for 127.0.0.2\n');
  const idle = connect(second, '127.0.0.2');
  await once(idle, 'connect');
  const ended = received(idle);

  const both = { http: [{ address: '127.0.0.3', port: 0 }, ...before] };
  await t.rejects(web.listen(both), { code: 'WEB_PORT_IN_USE' });
  t.equal(web.addresses.length, 2, 'a call that fails takes back what it opened, and nothing else');

  await web.unlisten(['127.0.0.2', '127.0.0.9']);
  t.equal(await ended, '');
  await t.rejects(ask(second, '/46xxsettings.txt', { host: '127.0.0.2' }), { code: 'ECONNREFUSED' });
  t.strictSame(web.addresses, before);
  staying.write('GET /WebRootCA.pem HTTP/1.1\r\nHost: x\r\n\r\n');
  t.match(String((await once(staying, 'data'))[0]), /^HTTP\/1\.1 200 /, 'a connection to the other address stands');
});

t.test('a port in use is named with its cure, and nothing is left open', async (t) => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const bound = other.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  const free = createServer();
  free.listen(0, '127.0.0.1');
  await once(free, 'listening');
  const freeBound = free.address();
  const freePort = freeBound !== null && typeof freeBound === 'object' ? freeBound.port : 0;
  free.close();
  await once(free, 'close');

  const http = [
    { address: '127.0.0.1', port: freePort },
    { address: '127.0.0.1', port },
  ];
  await t.rejects(start(t, { http }), {
    code: 'WEB_PORT_IN_USE',
    message: `port ${port} of 127.0.0.1 is in use`,
    cure: /--http-port/,
  });
  const { web } = await start(t, { http: [{ address: '127.0.0.1', port: freePort }] });
  t.equal(web.addresses[0]?.port, freePort, 'the port that was opened before is free again');
});

t.test('an address that is not ours is named', async (t) => {
  await t.rejects(start(t, { http: [{ address: '203.0.113.1', port: 0 }] }), {
    code: 'WEB_ADDRESS_UNKNOWN',
    message: /203\.0\.113\.1/,
  });
});

t.test('close ends open connections and may be called again', async (t) => {
  const { web, port } = await start(t);
  const idle = connect(port, '127.0.0.1');
  await once(idle, 'connect');
  const busy = connect(port, '127.0.0.1');
  busy.on('error', () => {});
  busy.write('GET /WebRootCA.pem HTTP/1.1\r\nHost');
  await once(busy, 'connect');
  const ended = Promise.all([received(idle), received(busy)]);
  await Promise.all([web.close(), web.close()]);
  await ended;
  await web.close();
  await t.rejects(ask(port, '/WebRootCA.pem'), { code: 'ECONNREFUSED' });
});
