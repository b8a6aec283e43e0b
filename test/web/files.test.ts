import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { isForPhones } from '../../firmware/phones/http-clients.ts';
import type { PhoneFileRequest } from '../../firmware/phones/phone-file.ts';
import { RequestLog } from '../../firmware/phones/request-log.ts';
import { ask, frozenClock, LONG, raw, received, start, until } from './running-server.ts';

/** The body as it came, not decoded. */
async function bytes(port: number, path: string, acceptEncoding: string, method = 'GET') {
  const headers = { 'accept-encoding': acceptEncoding };
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false });
  request.end();
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { headers: response.headers, body: Buffer.concat(chunks) };
}

t.test('gzip goes to who asks for it, under a tag of its own', async (t) => {
  const { port } = await start(t);
  const plain = await bytes(port, '/46xxspecials.txt', '');
  t.equal(plain.headers['content-encoding'], undefined);
  t.equal(plain.headers.vary, 'Accept-Encoding');
  const zipped = await bytes(port, '/46xxspecials.txt', 'deflate, gzip');
  t.equal(zipped.headers['content-encoding'], 'gzip');
  t.equal(zipped.headers.vary, 'Accept-Encoding');
  t.equal(Number(zipped.headers['content-length']), zipped.body.length);
  t.ok(zipped.body.length < LONG.length / 10);
  t.equal(gunzipSync(zipped.body).toString(), LONG);
  t.not(zipped.headers.etag, plain.headers.etag);
  const head = await bytes(port, '/46xxspecials.txt', 'gzip', 'HEAD');
  t.equal(head.headers['content-length'], zipped.headers['content-length']);
  t.equal(head.body.length, 0);
  for (const etag of [plain.headers.etag, zipped.headers.etag]) {
    const answer = await ask(port, '/46xxspecials.txt', {
      headers: { 'if-none-match': etag, 'accept-encoding': 'gzip' },
    });
    t.equal(answer.status, 304);
    t.equal(answer.headers.etag, etag, 'the one that the client has');
  }
});

const CODINGS: readonly (readonly [string, boolean])[] = [
  ['gzip', true],
  ['GZIP', true],
  ['x-gzip', true],
  ['br;q=1.0, gzip;q=0.8', true],
  ['*', true],
  ['*;q=0.5', true],
  ['gzip;q=0', false],
  ['gzip; q=0.000', false],
  ['*, gzip;q=0', false],
  ['*;q=0', false],
  ['identity', false],
  ['br', false],
  ['', false],
  ['gzipped', false],
  [',;q=,=;;', false],
];

t.test('Accept-Encoding is read as RFC 9110 has it', async (t) => {
  const { port } = await start(t);
  for (const [header, isCompressed] of CODINGS) {
    const { headers } = await bytes(port, '/46xxspecials.txt', header);
    t.equal(headers['content-encoding'], isCompressed ? 'gzip' : undefined, header);
  }
  const { headers, body } = await bytes(port, '/46xxsettings.txt', 'gzip');
  t.equal(headers['content-encoding'], undefined, 'a short file is not worth it');
  t.equal(headers.vary, undefined);
  t.equal(body.toString(), '## for 127.0.0.1\n');
});

t.test('a file learns who asks, by which address, through which LAN and how', async (t) => {
  const asked: PhoneFileRequest[] = [];
  const { web } = await start(t, {
    http: [
      { address: '127.0.0.1', port: 0 },
      { address: '::1', port: 0 },
    ],
    advertise: new Map([['127.0.0.1', '203.0.113.9']]),
    lanOf: (address) => (address === '127.0.0.1' ? 'lan2' : undefined),
    makeFile: (request) => {
      asked.push(request);
      return undefined;
    },
  });
  for (const { address, port } of web.addresses) {
    const headers = { 'user-agent': `Avaya ${'x'.repeat(1000)}` };
    t.equal((await ask(port, '/c81fea83e85a.txt', { host: address, headers })).status, 404);
  }
  const userAgent = `Avaya ${'x'.repeat(250)}`;
  const common = { name: 'c81fea83e85a.txt', isSecure: false, userAgent };
  t.strictSame(asked, [
    { ...common, localAddress: '203.0.113.9', lan: 'lan2', remoteAddress: '127.0.0.1' },
    { ...common, localAddress: '::1', lan: undefined, remoteAddress: '::1' },
  ]);
});

t.test('who is no phone is refused, where only phones are served', async (t) => {
  const { port } = await start(t, { isAdmitted: isForPhones });
  const browser = { headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' } };
  for (const method of ['GET', 'HEAD', 'POST']) {
    const { status, headers, body } = await ask(port, '/46xxsettings.txt', { ...browser, method });
    t.equal(status, 403, method);
    t.equal(body, '');
    t.equal(headers['content-length'], '0');
    t.equal(headers.etag, undefined);
  }
  t.equal((await ask(port, '/46xxsettings.txt')).status, 403, 'no user agent at all');
  t.equal((await ask(port, '/c81fea83e85a.txt', browser)).status, 403, 'nor does it learn which files there are');
  t.equal((await ask(port, '/WebRootCA.pem', browser)).status, 200, 'the authority is for everybody');
  const phone = {
    headers: { 'user-agent': 'Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)' },
  };
  t.equal((await ask(port, '/46xxsettings.txt', phone)).status, 200);
});

t.test('every request is in the log of requests, with what was served and why', async (t) => {
  const requestLog = new RequestLog(frozenClock());
  const { port } = await start(t, { requestLog, lanOf: () => 'lan1' });
  const headers = { 'user-agent': 'Avaya Communicator/3.0' };
  const { headers: got } = await ask(port, '/46xxsettings.txt', { headers });
  await ask(port, '/46xxsettings.txt', { headers: { 'if-none-match': got.etag ?? '' } });
  await ask(port, '/46xxsettings.txt', { method: 'HEAD' });
  await ask(port, '/nothing.txt?secret=1');
  await ask(port, `/${'x'.repeat(3000)}`);
  await ask(port, '/broken');
  await raw(port, 'REGISTER sip:ringdown SIP/2.0\r\n\r\n');
  const served = { remoteAddress: '127.0.0.1', lan: 'lan1', isSecure: false, origin: 'generated', why: 'a test' };
  t.match(requestLog.latest(), [
    { method: '', name: '', status: 400, sentBytes: 0, origin: undefined, why: /Parse Error/ },
    { name: 'broken', status: 500, origin: undefined, why: 'the file could not be made' },
    { name: `${'x'.repeat(119)}…`, status: 404 },
    { name: 'nothing.txt', status: 404, why: 'no such file' },
    { ...served, method: 'HEAD', name: '46xxsettings.txt', status: 200, sentBytes: 0 },
    { ...served, method: 'GET', name: '46xxsettings.txt', status: 304, sentBytes: 0, userAgent: '' },
    { ...served, name: '46xxsettings.txt', status: 200, sentBytes: 17, userAgent: 'Avaya Communicator/3.0' },
  ]);
});

t.test('a client that does not take its answer is cut off, and others are served meanwhile', async (t) => {
  const body = Buffer.alloc(1_048_576, '## padding\n');
  const { port, lines } = await start(t, {
    limits: { answerTimeoutMs: 200, idleTimeoutMs: 60_000 },
    makeFile: () => ({ contentType: 'text/plain', body, origin: 'static', why: 'a test' }),
  });
  const slow = connect(port, '127.0.0.1');
  t.teardown(() => slow.destroy());
  const ended = once(slow, 'close');
  slow.on('error', () => {});
  // As many as are let through: all of them would be 100 MiB.
  slow.write('GET /c81fea83e85a.txt HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100));
  slow.pause();
  const { headers } = await ask(port, '/46xxsettings.txt');
  t.equal(headers['content-length'], '1048576');
  await until('the end of its patience', () => lines.some(({ msg }) => msg === 'web request cut off'));
  // What comes now is what the kernel held.
  slow.resume();
  await ended;
  t.ok(slow.bytesRead < 50 * body.length, `${slow.bytesRead} bytes`);
});

t.test('what is hostile is refused without asking for a file', async (t) => {
  const asked: string[] = [];
  const { port } = await start(t, {
    makeFile: ({ name }) => {
      asked.push(name);
      return undefined;
    },
  });
  const targets = [
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e%2f46xxsettings.txt',
    '/46xxsettings%2etxt',
    '/%34%36xxsettings.txt',
    '/46xxsettings.txt%00',
    '/46xxsettings.txt%00.pem',
    '/46xxsettings.txt%',
    '/%zz',
    '/%ff%fe',
    '/a%2fb',
    '/a%5cb',
    '/a\\b',
    '/../46xxsettings.txt',
    '/.',
    '/..',
    '/.hidden',
    '//etc/passwd',
    '/phone-files/46xxsettings.txt',
    '/46xxsettings.txt/',
    '/46xxsettings.txt;x=1',
    '/:name',
    '/*',
    '*',
    'http://box.example/../46xxsettings.txt',
    'http://box.example//46xxsettings.txt',
    'http://box.example',
    'https://user:secret@box.example/a%2fb',
    'ftp://box.example/46xxsettings.txt',
    'file:///etc/passwd',
    'box.example:80',
    '?x=/46xxsettings.txt',
  ];
  for (const target of targets) {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND']) {
      const answer = await raw(port, `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      t.match(answer, /^HTTP\/1\.1 40[04] /, `${method} ${target}`);
      t.ok(answer.endsWith('\r\n\r\n'), 'an empty body');
    }
  }
  for (const control of ['\0', '\x01', '\x1b', '\x7f']) {
    t.match(
      await raw(port, `GET /46xx${control} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 40[04] /,
    );
  }
  t.match(await raw(port, 'CONNECT box.example:80 HTTP/1.1\r\nHost: x\r\n\r\n'), /^(?:HTTP\/1\.1 4|$)/);
  t.match(
    await raw(
      port,
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n',
    ),
    /^HTTP\/1\.1 404 /,
  );
  t.match(
    await raw(port, 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    /^HTTP\/1\.1 400 /,
    'two lengths',
  );
  t.strictSame(asked, []);
});

t.test('headers without end are refused', async (t) => {
  const { port } = await start(t);
  for (const [what, text] of [
    ['one of 64 KB', `X: ${'y'.repeat(65_536)}\r\n`],
    ['a thousand', 'X: y\r\n'.repeat(10_000)],
    ['a name of 64 KB', `${'x'.repeat(65_536)}: y\r\n`],
  ] as const) {
    t.match(await raw(port, `GET /46xxsettings.txt HTTP/1.1\r\nHost: x\r\n${text}\r\n`), /^HTTP\/1\.1 431 /, what);
  }
  t.match(await raw(port, `GET /${'x'.repeat(65_536)} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.1 431 /, 'a target');
  t.equal((await ask(port, '/46xxsettings.txt')).status, 200);
});

t.test('requests in one piece are answered in order', async (t) => {
  const { port } = await start(t);
  const socket = connect(port, '127.0.0.1');
  const names = ['46xxsettings.txt', 'absent.txt', '46xxspecials.txt', 'WebRootCA.pem'];
  socket.write(
    names
      .map(
        (name, index) =>
          `GET /${name} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n${index === 3 ? 'Connection: close\r\n' : ''}\r\n`,
      )
      .join(''),
  );
  const statuses = (await received(socket)).match(/HTTP\/1\.1 \d+/g);
  t.strictSame(statuses, ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200', 'HTTP/1.1 200']);
});

t.test('a connection is closed after a hundred requests, whatever comes behind them', async (t) => {
  const { port, lines } = await start(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /46xxsettings.txt HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(300));
  const answers = await received(socket);
  t.equal(answers.match(/HTTP\/1\.1 200 OK/g)?.length, 100);
  t.notMatch(answers, /HTTP\/1\.1 [^2]/);
  t.equal(answers.match(/connection: close/gi)?.length, 1);
  t.ok(lines.length <= 101, `${lines.length} lines`);
});
