import { createHash } from 'node:crypto';
import t from 'tap';
import { type DigestAlgorithm, DigestAuthenticator, digestResponse } from '../../firmware/sip/digest.ts';
import { FakeClock } from '../support/fake-clock.ts';

const hex = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex');
const stored = (username: string, realm: string, password: string) => ({
  ha1Sha256: hex('sha256', `${username}:${realm}:${password}`),
  ha1Md5: hex('md5', `${username}:${realm}:${password}`),
});

const REALM = 'ringdown';
const URI = 'sip:192.168.42.1';

interface Attempt {
  readonly algorithm?: DigestAlgorithm;
  readonly password?: string;
  readonly username?: string;
  readonly nonceCount?: string;
  readonly uri?: string;
  readonly qop?: 'auth' | 'auth-int';
  readonly body?: string;
  /** As in the credentials; the proof is over `username`. */
  readonly claimed?: string;
}

function setUp({ lifetimeSeconds }: { lifetimeSeconds?: () => number } = {}) {
  const clock = new FakeClock();
  const authenticator = new DigestAuthenticator({
    clock,
    ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
  });
  const lookup = (username: string) => (username === '201' ? stored('201', REALM, 'secret') : undefined);
  const nonceOf = (challenge: string): string => /nonce="([^"]+)"/.exec(challenge)?.[1] ?? '';
  const credentials = (nonce: string, attempt: Attempt = {}): string => {
    const {
      algorithm = 'SHA-256',
      password = 'secret',
      username = '201',
      nonceCount = '00000001',
      uri = URI,
      qop = 'auth',
      claimed = username,
    } = attempt;
    const body = Buffer.from(attempt.body ?? '');
    const digests = stored(username, REALM, password);
    const ha1 = algorithm === 'SHA-256' ? digests.ha1Sha256 : digests.ha1Md5;
    const values = { algorithm, ha1, method: 'REGISTER', uri, nonce, nonceCount, cnonce: 'c', qop, body };
    return (
      `Digest username="${claimed}", realm="${REALM}", nonce="${nonce}", uri="${uri}", ` +
      `response="${digestResponse(values)}", algorithm=${algorithm}, cnonce="c", qop=${qop}, nc=${nonceCount}`
    );
  };
  const verify = (...values: string[]) => authenticator.verify('REGISTER', values, { realm: REALM, lookup });
  const challenge = (): string => nonceOf(authenticator.challenge(REALM)[0] ?? '');
  return { clock, authenticator, credentials, verify, challenge };
}

t.test('the examples of RFC 7616 §3.9.1', async (t) => {
  const ha1Text = 'Mufasa:http-auth@example.org:Circle of Life';
  const values = {
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    nonceCount: '00000001',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  };
  t.equal(
    digestResponse({ ...values, algorithm: 'MD5', ha1: hex('md5', ha1Text) }),
    '8ca523f5e9506fed4657c9700eebdbec',
  );
  t.equal(
    digestResponse({ ...values, algorithm: 'SHA-256', ha1: hex('sha256', ha1Text) }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

t.test('the challenge offers SHA-256, then MD5, with the same nonce', async (t) => {
  const { authenticator } = setUp();
  const [first, second, ...more] = authenticator.challenge('a"b', { stale: true });
  t.match(first, /^Digest realm="a\\"b", nonce="[^"]+", qop="auth,auth-int", stale=true, algorithm=SHA-256$/);
  t.match(second, /qop="auth", stale=true, algorithm=MD5$/);
  t.equal(/nonce="([^"]+)"/.exec(first ?? '')?.[1], /nonce="([^"]+)"/.exec(second ?? '')?.[1]);
  t.equal(more.length, 0);
  t.match(authenticator.challenge('a', { algorithms: ['MD5'] }), [/qop="auth", algorithm=MD5$/]);
  t.equal(authenticator.challenge('a', { algorithms: ['MD5'] }).length, 1);
});

t.test('right credentials of both algorithms', async (t) => {
  for (const algorithm of ['SHA-256', 'MD5'] as const) {
    const { verify, credentials, challenge } = setUp();
    t.same(verify(credentials(challenge(), { algorithm })), { kind: 'ok', username: '201', algorithm }, algorithm);
  }
});

t.test('a wrong password and an unknown user are rejected alike', async (t) => {
  const { verify, credentials, challenge } = setUp();
  t.same(verify(credentials(challenge(), { password: 'wrong' })), {
    kind: 'rejected',
    username: '201',
    algorithm: 'SHA-256',
  });
  t.same(verify(credentials(challenge(), { username: '999' })), {
    kind: 'rejected',
    username: '999',
    algorithm: 'SHA-256',
  });
});

t.test('the same nonce count twice is stale, a higher one is good', async (t) => {
  const { verify, credentials, challenge } = setUp();
  const nonce = challenge();
  t.equal(verify(credentials(nonce)).kind, 'ok');
  t.same(verify(credentials(nonce)), { kind: 'stale', algorithm: 'SHA-256' });
  t.equal(verify(credentials(nonce, { nonceCount: '0000000a' })).kind, 'ok');
  t.same(verify(credentials(nonce, { nonceCount: '00000009' })), { kind: 'stale', algorithm: 'SHA-256' });
});

t.test('after its lifetime a nonce is stale for who knows the password, and no help to who does not', async (t) => {
  const { clock, verify, credentials, challenge } = setUp();
  const nonce = challenge();
  clock.advance(9_999);
  t.equal(verify(credentials(nonce)).kind, 'ok');
  clock.advance(1);
  t.same(verify(credentials(nonce, { nonceCount: '00000002' })), { kind: 'stale', algorithm: 'SHA-256' });
  t.equal(verify(credentials(nonce, { password: 'wrong' })).kind, 'rejected');
});

t.test('the lifetime is asked for at each use', async (t) => {
  let lifetimeSeconds = 5;
  const { clock, verify, credentials, challenge } = setUp({ lifetimeSeconds: () => lifetimeSeconds });
  const nonce = challenge();
  clock.advance(5000);
  t.equal(verify(credentials(nonce)).kind, 'stale');
  lifetimeSeconds = 6;
  t.equal(verify(credentials(nonce)).kind, 'ok');
});

t.test('a nonce is as old as it is, wherever the time of day is set meanwhile', async (t) => {
  for (const ms of [-1, -365 * 86_400_000, 1, 365 * 86_400_000]) {
    const { clock, verify, credentials, challenge } = setUp();
    const nonce = challenge();
    clock.jump(ms);
    t.equal(verify(credentials(nonce)).kind, 'ok', `${ms} ms`);
    clock.advance(9_999);
    t.equal(verify(credentials(nonce, { nonceCount: '00000002' })).kind, 'ok');
    clock.advance(1);
    t.equal(verify(credentials(nonce, { nonceCount: '00000003' })).kind, 'stale');
  }
});

t.test('a nonce of the system clock, which counts in parts of milliseconds', async (t) => {
  let elapsed = 1234.567;
  const clock = { now: () => 0, elapsed: () => elapsed, schedule: () => ({ cancel: () => undefined }) };
  const authenticator = new DigestAuthenticator({ clock });
  const nonce = /nonce="([^"]+)"/.exec(authenticator.challenge(REALM)[0] ?? '')?.[1] ?? '';
  const { credentials } = setUp();
  const lookup = () => stored('201', REALM, 'secret');
  const kindOf = (nonceCount: string) =>
    authenticator.verify('REGISTER', [credentials(nonce, { nonceCount })], { realm: REALM, lookup }).kind;
  t.match(nonce, /^[0-9a-f]{55}$/);
  t.equal(kindOf('00000001'), 'ok');
  elapsed += 10_000;
  t.equal(kindOf('00000002'), 'stale');
});

t.test('after a restart no nonce from before is good, though time and numbers begin anew', async (t) => {
  const before = setUp();
  const after = setUp();
  const nonces = [before.challenge(), before.challenge()];
  const own = [after.challenge(), after.challenge()];
  t.same(
    nonces.map((nonce) => nonce.slice(0, 23)),
    own.map((nonce) => nonce.slice(0, 23)),
  );
  for (const nonce of nonces) t.equal(after.verify(after.credentials(nonce)).kind, 'stale');
  for (const nonce of own) t.equal(after.verify(after.credentials(nonce)).kind, 'ok');
});

t.test('auth-int is verified over the body, with both algorithms', async (t) => {
  for (const algorithm of ['SHA-256', 'MD5'] as const) {
    const { authenticator, credentials, challenge } = setUp();
    const verify = (authorization: string, body: string) =>
      authenticator.verify('REGISTER', [authorization], {
        realm: REALM,
        lookup: () => stored('201', REALM, 'secret'),
        body: Buffer.from(body),
      }).kind;
    const authorization = credentials(challenge(), { algorithm, qop: 'auth-int', body: 'v=0' });
    t.equal(verify(authorization, 'v=1'), 'rejected', 'a body that was changed on the way');
    t.equal(verify(authorization, ''), 'rejected');
    t.equal(verify(authorization, 'v=0'), 'ok');
    t.equal(verify(credentials(challenge(), { algorithm, qop: 'auth-int' }), ''), 'ok', 'no body');
    t.equal(verify(credentials(challenge(), { algorithm }), 'v=1'), 'ok', 'auth says nothing of the body');
  }
});

t.test('the example of auth-int: A2 holds the hash of the body', async (t) => {
  const values = {
    algorithm: 'MD5',
    method: 'GET',
    uri: '/',
    nonce: 'n',
    nonceCount: '00000001',
    cnonce: 'c',
  } as const;
  const a2 = hex('md5', `GET:/:${hex('md5', 'body')}`);
  t.equal(
    digestResponse({ ...values, ha1: 'a', qop: 'auth-int', body: Buffer.from('body') }),
    hex('md5', `a:n:00000001:c:auth-int:${a2}`),
  );
});

t.test('a user name with a domain is the user', async (t) => {
  const { verify, credentials, challenge } = setUp();
  t.same(verify(credentials(challenge(), { claimed: '201@box.example' })), {
    kind: 'ok',
    username: '201',
    algorithm: 'SHA-256',
  });
  t.same(verify(credentials(challenge(), { claimed: '202@201' })), {
    kind: 'rejected',
    username: '202',
    algorithm: 'SHA-256',
  });
  const long = verify(credentials(challenge(), { username: 'x'.repeat(10_000) }));
  t.equal(long.kind === 'rejected' && long.username.length, 128, 'what is logged is bounded');
});

t.test('fields that mean nothing to us are tolerated', async (t) => {
  const { verify, credentials, challenge } = setUp();
  t.equal(verify(`${credentials(challenge())}, opaque="", userhash=false, x=y`).kind, 'ok');
});

t.test('a flood of challenges grows nothing: the oldest nonces are stale, the newest good', async (t) => {
  const { verify, credentials, challenge } = setUp();
  const old = challenge();
  for (let count = 0; count < 131_071; count += 1) challenge();
  const young = challenge();
  t.same(verify(credentials(old)), { kind: 'stale', algorithm: 'SHA-256' });
  t.equal(verify(credentials(young)).kind, 'ok');
  t.equal(verify(credentials(young)).kind, 'stale');
});

t.test('a nonce that is not ours, altered, or of another spelling cannot be used', async (t) => {
  const { verify, credentials, challenge } = setUp();
  const nonce = challenge();
  t.same(verify(credentials(setUp().challenge())), { kind: 'stale', algorithm: 'SHA-256' }, 'of another process');
  const altered = [
    `${nonce.startsWith('a') ? 'b' : 'a'}${nonce.slice(1)}`,
    `${nonce.slice(0, -1)}${nonce.endsWith('a') ? 'b' : 'a'}`,
    ` ${nonce}`,
    `${nonce}0`,
    nonce.slice(1),
    '',
    'x'.repeat(nonce.length),
  ];
  for (const each of altered) t.equal(verify(credentials(each)).kind, 'stale', each);
  t.equal(verify(credentials(nonce)).kind, 'ok');
});

t.test('what is no answer to our challenge is challenged', async (t) => {
  const { verify, credentials, challenge } = setUp();
  const good = credentials(challenge());
  t.same(verify(), { kind: 'missing' });
  const bad = [
    'Basic Zm9vOmJhcg==',
    'Digest',
    'Digest ,,,=',
    'Digest username="',
    good.replace('realm="ringdown"', 'realm="other"'),
    good.replace('qop=auth', 'qop=auth-conf'),
    good.replace(', qop=auth', ''),
    good.replace('nc=00000001', 'nc=1'),
    good.replace('SHA-256', 'SHA-512-256'),
    `${good}, username="202"`,
  ];
  for (const value of bad) t.same(verify(value), { kind: 'missing' }, value.slice(0, 40));
  t.equal(verify(...bad, good).kind === 'ok', false, 'no more than eight values are looked at');
  t.equal(verify(...bad.slice(0, 6), good).kind, 'ok', 'the right one is found among others');
});

t.test('the digest is bound to the user part of the Request-URI, not to its host', async (t) => {
  const { authenticator, credentials, challenge } = setUp();
  const lookup = () => stored('201', REALM, 'secret');
  const verify = (uri: string, requestUri: string) =>
    authenticator.verify('REGISTER', [credentials(challenge(), { uri })], { realm: REALM, lookup, requestUri }).kind;
  t.equal(verify('sip:202@box', 'sip:202@192.168.42.1:5060;transport=tcp'), 'ok');
  t.equal(verify('sip:202@box', 'sip:0900@192.168.42.1'), 'rejected');
});
