import { createHash } from 'node:crypto';
import t from 'tap';
import { Access } from '../../firmware/registrar/access.ts';
import { Authenticator } from '../../firmware/registrar/authenticator.ts';
import { type Flow, type HeaderField, SipRequest } from '../../firmware/sip/stack.ts';
import { office } from '../phones/sample-office.ts';
import { FakeClock } from '../support/fake-clock.ts';

const REALM = 'ringdown';
const PASSWORD = 'only for tests';

function hash(algorithm: string, text: string): string {
  return createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
    .update(text)
    .digest('hex');
}

function restrictedTo(...addressRestriction: string[]) {
  const users = { 201: { name: 'A', clients: { remoteWorker: true } } };
  return office({ users, extensions: { 201: { user: '201', addressRestriction } } });
}

function setUp(access?: ConstructorParameters<typeof Authenticator>[0]['access']) {
  const failures: string[][] = [];
  const clock = new FakeClock();
  const secrets = {
    ha1Md5: hash('MD5', `201:${REALM}:${PASSWORD}`),
    ha1Sha256: hash('SHA-256', `201:${REALM}:${PASSWORD}`),
  };
  const extensions = { digest: (number: string) => (number === '201' ? secrets : undefined) };
  const authenticator = new Authenticator({
    realm: REALM,
    extensions,
    clock,
    guard: {
      succeeded: () => undefined,
      failed: (_flow, user, claimed) => void failures.push([user, claimed ?? user]),
    },
    ...(access === undefined ? {} : { access }),
  });

  /** What a phone at this address gets for a REGISTER with these credentials. */
  const ask = (address: string, authorization?: string, userAgent = 'a phone', via?: string, method = 'REGISTER') => {
    const flow: Flow = {
      protocol: 'udp',
      localAddress: '192.0.2.1',
      localPort: 5060,
      remoteAddress: address,
      remotePort: 5060,
    };
    const headers: HeaderField[] = [
      ['From', '<sip:201@192.0.2.1>;tag=1'],
      ['User-Agent', userAgent],
    ];
    if (via !== undefined) headers.push(['Via', via]);
    if (authorization !== undefined) headers.push(['Authorization', authorization]);
    const result = authenticator.authenticate(new SipRequest(method, 'sip:192.0.2.1', headers), flow);
    const offered = result.kind !== 'challenge' ? [] : result.headers.map(([, value]) => value);
    return {
      result,
      offered: offered.map((value) => /algorithm=(.*)$/.exec(value)?.[1]),
      nonce: /nonce="([^"]+)"/.exec(offered[0] ?? '')?.[1] ?? '',
    };
  };
  const answer = (
    algorithm: 'MD5' | 'SHA-256',
    nonce: string,
    password = PASSWORD,
    user = '201',
    method = 'REGISTER',
  ) => {
    const ha1 = hash(algorithm, `${user}:${REALM}:${password}`);
    const ha2 = hash(algorithm, `${method}:sip:192.0.2.1`);
    const response = hash(algorithm, `${ha1}:${nonce}:00000001:abc:auth:${ha2}`);
    return (
      `Digest username="${user}", realm="${REALM}", nonce="${nonce}", uri="sip:192.0.2.1", response="${response}", ` +
      `algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="abc"`
    );
  };
  return { clock, ask, answer, failures };
}

t.test('both algorithms are offered, the better one first, and each is taken', async (t) => {
  for (const algorithm of ['SHA-256', 'MD5'] as const) {
    const { ask, answer } = setUp();
    const { offered, nonce } = ask('192.0.2.50');
    t.same(offered, ['SHA-256', 'MD5']);
    t.same(ask('192.0.2.50', answer(algorithm, nonce)).result, { kind: 'ok', extension: '201' });
  }
});

t.test('a phone that asks again without an answer is offered MD5 alone, and goes on with it', async (t) => {
  const { clock, ask, answer } = setUp();
  t.same(ask('192.0.2.50').offered, ['SHA-256', 'MD5']);
  clock.advance(30_000);
  const { offered, nonce } = ask('192.0.2.50');
  t.same(offered, ['MD5']);
  t.equal(ask('192.0.2.50', answer('MD5', nonce)).result.kind, 'ok');
  t.same(ask('192.0.2.50').offered, ['MD5'], 'its next call');
  clock.advance(30_000);
  t.same(ask('192.0.2.50', answer('MD5', nonce)).offered, ['MD5'], 'a nonce that is too old');
  t.same(ask('192.0.2.51').offered, ['SHA-256', 'MD5'], 'another phone');
});

t.test('a retransmission that crosses its challenge is no phone that asks again', async (t) => {
  const { ask } = setUp();
  const first = 'SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK1';
  t.same(ask('192.0.2.50', undefined, undefined, first).offered, ['SHA-256', 'MD5']);
  t.same(ask('192.0.2.50', undefined, undefined, first).offered, ['SHA-256', 'MD5']);
  t.same(ask('192.0.2.50', undefined, undefined, 'SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK2').offered, ['MD5']);
});

t.test('a phone that answers with SHA-256 is offered both again', async (t) => {
  const { ask, answer } = setUp();
  t.equal(ask('192.0.2.50', answer('SHA-256', ask('192.0.2.50').nonce)).result.kind, 'ok');
  t.same(ask('192.0.2.50').offered, ['SHA-256', 'MD5']);
});

t.test('a client that is known to fail at SHA-256 is not shown it', async (t) => {
  const { ask } = setUp();
  t.same(ask('192.0.2.50', undefined, 'baresip v1.0.0 (x86_64/linux)').offered, ['MD5']);
});

t.test('a wrong password and an unknown user look alike', async (t) => {
  const { ask, answer } = setUp();
  const { nonce } = ask('192.0.2.50');
  for (const authorization of [answer('SHA-256', nonce, 'guess'), answer('SHA-256', nonce, 'guess', '999')]) {
    const { result, offered } = ask('192.0.2.50', authorization);
    t.match(result, { kind: 'challenge', failed: true });
    t.same(offered, ['SHA-256', 'MD5']);
  }
});

t.test('a failure is counted under the name in From, and whose password it was to be is told', async (t) => {
  const { ask, answer, failures } = setUp();
  ask('192.0.2.50', answer('SHA-256', ask('192.0.2.50').nonce, 'guess', '202'));
  t.same(failures, [['201', '202']]);
});

t.test('the log is told what is wrong with the credentials', async (t) => {
  const { ask, answer } = setUp();
  const why = (authorization?: string) => ask('192.0.2.50', authorization).result;
  const { nonce } = ask('192.0.2.50');
  t.match(why(answer('SHA-256', nonce, 'guess')), { user: '201', why: 'wrong password' });
  t.match(why(answer('SHA-256', nonce, 'guess', '999')), { user: '999', why: /^there is no such extension/ });
  t.match(why(), { user: '', why: '' });
});

t.test('a flood of strangers does not grow what is remembered: the oldest is forgotten', async (t) => {
  const { ask } = setUp();
  ask('192.0.2.50');
  for (let i = 0; i < 5000; i++) ask(`198.51.${i >> 8}.${i & 255}`);
  t.same(ask('192.0.2.50').offered, ['SHA-256', 'MD5']);
});

t.test('an extension from outside of its networks answers as one that does not exist', async (t) => {
  const access = new Access(() => restrictedTo('192.0.2.0/24', 'fd00::7'));
  const { ask, answer } = setUp(access);
  t.equal(ask('192.0.2.50', answer('SHA-256', ask('192.0.2.50').nonce)).result.kind, 'ok');
  t.equal(ask('fd00::7', answer('SHA-256', ask('fd00::7').nonce)).result.kind, 'ok');
  for (const address of ['192.0.3.50', 'fd00::8', 'fe80::1%eth0', '::1']) {
    const { result, offered } = ask(address, answer('SHA-256', ask(address).nonce));
    t.match(result, { kind: 'challenge', failed: true, user: '201', why: /^its address is not among/ }, address);
    t.same(offered, ['SHA-256', 'MD5']);
  }
});

t.test('a network of IPv6 admits nobody by IPv4', async (t) => {
  const { ask, answer } = setUp(new Access(() => restrictedTo('::/64')));
  t.equal(ask('::7', answer('SHA-256', ask('::7').nonce)).result.kind, 'ok');
  t.match(ask('203.0.113.7', answer('SHA-256', ask('203.0.113.7').nonce)).result, { kind: 'challenge', failed: true });
});

t.test('on a LAN without registrar nobody is asked for a password', async (t) => {
  const access = new Access(
    () => office({ lan1: { sipRegistrar: false } }),
    (address) => (address === '192.0.2.1' ? 'lan1' : undefined),
  );
  const { result } = setUp(access).ask('192.0.2.50');
  t.match(result, {
    kind: 'refused',
    headers: [['Warning', '399 ringdown "the SIP registrar is not enabled on LAN1"']],
  });
});

t.test('who is no remote worker neither registers nor calls from outside', async (t) => {
  for (const remoteWorker of [false, true]) {
    const users = { 201: { name: 'A', clients: { remoteWorker } } };
    const access = new Access(() => office({ users, extensions: { 201: { user: '201' } } }));
    for (const method of ['REGISTER', 'INVITE', 'SUBSCRIBE']) {
      const { ask, answer } = setUp(access);
      const { nonce } = ask('203.0.113.7');
      const authorization = answer('SHA-256', nonce, PASSWORD, '201', method);
      const { result } = ask('203.0.113.7', authorization, undefined, undefined, method);
      if (remoteWorker) t.equal(result.kind, 'ok', method);
      else t.match(result, { kind: 'refused', why: /remote worker is not enabled for user 201/ }, method);
    }
  }
});

t.test('whose account is not enabled is told so, once the password is right', async (t) => {
  const access = new Access(() =>
    office({ users: { 201: { name: 'A', enabled: false } }, extensions: { 201: { user: '201' } } }),
  );
  const { ask, answer } = setUp(access);
  t.match(ask('192.0.2.50', answer('SHA-256', ask('192.0.2.50').nonce, 'guess')).result, { kind: 'challenge' });
  t.match(ask('192.0.2.50', answer('SHA-256', ask('192.0.2.50').nonce)).result, {
    kind: 'refused',
    why: /not enabled/,
  });
});
