/** The control of telephones over WebSocket and TLS: who is let in, and how much a stranger may do. */
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { ask } from '../running-server.ts';
import { NO_PRESENCE, startControl } from './running-control.ts';
import { PASSWORD, TestClient } from './test-client.ts';

type Change = (before: Configuration) => Configuration;

t.test('a client logs in with the SIP password of its extension, which it does not send', async (t) => {
  const { port, logins } = await startControl(t);
  const client = await TestClient.connect(t, port);
  t.match(await client.challenge(), { protocol: 1, realm: 'ringdown', algorithm: 'SHA-256', uri: '/control' });
  t.match(await client.ask('calls'), { ok: false, error: 'not-logged-in' });
  t.match(await client.login('201', PASSWORD), { ok: true, user: '201', name: 'Anna', mode: 'this-computer' });
  t.match(await client.ask('calls'), { ok: true, calls: [] });
  t.match(await client.login('201', PASSWORD), { ok: false, error: 'wrong-state' });
  t.same(logins, ['201 in']);
});

t.test(
  'wrong passwords, unknown extensions and those of nobody look alike, are counted, and end the connection',
  async (t) => {
    const { port, logins } = await startControl(t);
    const client = await TestClient.connect(t, port);
    const answers = [
      await client.login('201', 'wrong'),
      await client.login('999', PASSWORD),
      await client.login('290', PASSWORD),
    ];
    for (const { id: _, ...answer } of answers) {
      t.same(answer, { ok: false, error: 'unauthorized', reason: 'the extension or its password is wrong' });
    }
    t.equal(await client.closed(), 4401);
    t.same(logins, ['201 failed', '999 failed', '290 in']);
  },
);

t.test('a proof counts once, and for its challenge alone', async (t) => {
  const { port } = await startControl(t);
  const [first, second] = [await TestClient.connect(t, port), await TestClient.connect(t, port)];
  const proof = await first.proof('201', PASSWORD);
  t.match(await first.ask('login', proof), { ok: true });
  t.match(await second.ask('login', proof), { ok: false, error: 'unauthorized' });
});

const hostile: readonly (readonly [title: string, send: (client: TestClient) => void, code: number])[] = [
  ['a huge message', (client) => client.socket.send('x'.repeat(5000)), 1009],
  ['a binary message', (client) => client.socket.send(Buffer.from([1, 2, 3])), 1003],
  ['bytes that are no UTF-8', (client) => client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false }), 1007],
  [
    'a flood',
    (client) => {
      for (let count = 0; count < 400; count += 1) client.socket.send('{"id":1,"verb":"calls"}');
    },
    1008,
  ],
];
for (const [title, send, code] of hostile) {
  t.test(`${title} ends the connection, and no other`, async (t) => {
    const { port } = await startControl(t);
    const [client, other] = [await TestClient.connect(t, port), await TestClient.connect(t, port)];
    t.match(await other.login('201', PASSWORD), { ok: true });
    send(client);
    t.equal(await client.closed(), code);
    t.match(await other.ask('calls'), { ok: true });
  });
}

t.test('malformed messages are answered, and hurt nobody', async (t) => {
  const { port } = await startControl(t);
  const client = await TestClient.connect(t, port);
  for (const text of ['', '{', '[]', '{"id":3,"verb":"__proto__"}']) client.socket.send(text);
  await client.until(() => client.told.filter(({ ok }) => ok === false).length === 4);
  t.match(await client.login('201', PASSWORD), { ok: true });
});

t.test('who does not log in is hung up on', async (t) => {
  const { port, clock } = await startControl(t);
  const client = await TestClient.connect(t, port);
  await client.challenge();
  clock.advance(15_000);
  t.equal(await client.closed(), 4401);
});

t.test('a connection that is gone leaves no timer, whoever hung up', async (t) => {
  const { port, clock, edit } = await startControl(t);
  const [first, second] = [await TestClient.connect(t, port), await TestClient.connect(t, port)];
  await Promise.all([first.login('201', PASSWORD), second.challenge()]);
  t.not(clock.pending, 0);
  edit((configuration) => ({ ...configuration, users: {} }));
  t.equal(await first.closed(), 4401);
  second.socket.terminate();
  const deadline = performance.now() + 5000;
  while (clock.pending > 0 && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  t.equal(clock.pending, 0);
});

t.test('an edit that takes nothing away ends no session', async (t) => {
  const { port, edit } = await startControl(t);
  const client = await TestClient.connect(t, port);
  await client.login('201', PASSWORD);
  edit((configuration) => ({ ...configuration, system: { ...configuration.system, name: 'Another' } }));
  edit(({ users, ...rest }) => ({ ...rest, users: { ...users, 201: { ...users['201'], profile: 'power' } as never } }));
  t.match(await client.ask('calls'), { ok: true });
});

const losses: readonly (readonly [title: string, change: Change, code: number, reason: RegExp])[] = [
  [
    'the account is not enabled any more',
    ({ users, ...rest }) => ({ ...rest, users: { ...users, 201: { ...users['201'], enabled: false } as never } }),
    4401,
    /^the user or the extension is not there any more$/,
  ],
  [
    'the extension has another user',
    ({ extensions, ...rest }) => ({
      ...rest,
      extensions: { ...extensions, 201: { ...extensions['201'], user: '202' } as never },
    }),
    4401,
    /^the user or the extension is not there any more$/,
  ],
  [
    'the password is another one',
    ({ extensions, ...rest }) => ({
      ...rest,
      extensions: { ...extensions, 201: { ...extensions['201'], password: 'another' } as never },
    }),
    4401,
    /^the password was changed$/,
  ],
  [
    'the extension may be used from elsewhere only',
    ({ extensions, ...rest }) => ({
      ...rest,
      extensions: { ...extensions, 201: { ...extensions['201'], addressRestriction: ['192.0.2.0/24'] } as never },
    }),
    4401,
    /^the extension may not be used from this address$/,
  ],
  [
    'the LAN has no registrar any more',
    ({ lan1, ...rest }) => ({ ...rest, lan1: { ...lan1, sipRegistrar: false } }),
    4401,
    /^the SIP registrar is not enabled on LAN1$/,
  ],
  [
    'the licences lapse',
    ({ system, users, ...rest }) => ({
      ...rest,
      system: { ...system, licensing: 'perpetual' },
      users: { ...users, 201: { ...users['201'], profile: 'basic' } as never },
    }),
    1008,
    /^the profile of the user does not have the mode desk-phone$/,
  ],
];
for (const [title, change, code, reason] of losses) {
  t.test(`${title}: the session ends at once, with the reason, and no other one`, async (t) => {
    const { port, edit } = await startControl(t);
    const [client, other, quiet] = [
      await TestClient.connect(t, port),
      await TestClient.connect(t, port),
      await TestClient.connect(t, port),
    ];
    await client.login('201', PASSWORD);
    t.match(await client.ask('mode', { mode: 'desk-phone' }), { ok: true });
    await other.login('202', PASSWORD);
    edit(change);
    t.equal(await client.closed(), code);
    t.match(client.closedBecause, reason);
    const isOfAll = title === 'the LAN has no registrar any more';
    if (isOfAll) t.equal(await other.closed(), 4401);
    else t.match(await other.ask('calls'), { ok: true });
    const again = await quiet.login('201', PASSWORD);
    t.equal(again.ok, code === 1008 || /password|another user/.test(title), 'as the rules are now');
  });
}

t.test('clients that direct calls take no place of those who want a file, and each source has its share', async (t) => {
  const { port, httpPort } = await startControl(t, NO_PRESENCE, { connections: 3, connectionsPerSource: 3 });
  const clients: TestClient[] = [];
  for (let count = 0; count < 32; count += 1) clients.push(await TestClient.connect(t, port));
  t.match(await ask(httpPort, '/46xxsettings.txt'), { status: 200 });
  t.equal(await upgradeStatus(t, `wss://127.0.0.1:${port}/control`), 503, 'nobody of a source who has not logged in');
  for (const client of clients.slice(0, 8)) t.match(await client.login('201', PASSWORD), { ok: true });
  const another = await TestClient.connect(t, port);
  t.match(await another.login('202', PASSWORD), { ok: true }, 'who has logged in makes room for the next');
  for (const { socket } of clients) socket.terminate();
  t.match(await ask(httpPort, '/46xxsettings.txt'), { status: 200 });
});

t.test('a user has eight clients at most', async (t) => {
  const { port } = await startControl(t);
  const clients = await Promise.all(Array.from({ length: 9 }, () => TestClient.connect(t, port)));
  for (const client of clients.slice(0, 8)) t.match(await client.login('201', PASSWORD), { ok: true });
  t.match(await clients[8]?.login('201', PASSWORD), { ok: false, error: 'too-many' });
  t.equal(await clients[8]?.closed(), 1008);
});

t.test('a blocked source gets no WebSocket; other paths, and plain HTTP, have none', async (t) => {
  const { port, httpPort, block } = await startControl(t);
  const statusOf = (url: string): Promise<number> => upgradeStatus(t, url);
  t.equal(await statusOf(`wss://127.0.0.1:${port}/other`), 404);
  t.equal(await statusOf(`ws://127.0.0.1:${httpPort}/control`), 404);
  block();
  t.equal(await statusOf(`wss://127.0.0.1:${port}/control`), 503);
  const file = httpsRequest({ port, path: '/46xxsettings.txt', rejectUnauthorized: false, agent: false });
  file.setHeader('Connection', 'Upgrade').setHeader('Upgrade', 'h2c');
  file.end();
  const [response] = await once(file, 'response');
  t.equal(response.statusCode, 200, 'a file is a file, whatever else was offered');
  response.resume();
});

t.test('who is refused, and leaves the connection half open, is cut off', async (t) => {
  const { port, block } = await startControl(t);
  block();
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true };
  const socket = connect(options);
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  const isClosed = new Promise((resolve) => socket.once('close', resolve));
  const isEnded = once(socket, 'end');
  socket.write('GET /control HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1\.1 503 /);
  await isEnded;
  // A box that has not let go of it would take these in silence.
  const writes = setInterval(() => socket.write('x'), 10);
  t.teardown(() => clearInterval(writes));
  await isClosed;
  t.pass('the connection is gone');
});

t.test('a stop hangs up on the clients, and the port closes', async (t) => {
  const { port, service, web } = await startControl(t, NO_PRESENCE);
  const client = await TestClient.connect(t, port);
  await client.login('201', PASSWORD);
  service.close();
  t.equal(await client.closed(), 1001);
  const stubborn = await TestClient.connect(t, port).catch(() => undefined);
  t.equal(stubborn, undefined);
  await web.close();
});

async function upgradeStatus(t: Test, url: string): Promise<number> {
  const socket = new WebSocket(url, { rejectUnauthorized: false });
  t.teardown(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('open', () => reject(new Error('it was opened')));
    socket.on('error', () => undefined);
  });
}
