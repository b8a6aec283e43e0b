import t from 'tap';
import { MAX_AUTH_PARAMS, parseAuthField } from '../../../firmware/sip/message/auth-params.ts';
import { formatDigestCredentials, parseDigestCredentials } from '../../../firmware/sip/message/authorization.ts';
import { formatDigestChallenge, parseDigestChallenge } from '../../../firmware/sip/message/challenge.ts';

const bob =
  'Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com", ' +
  'response="6629fae49393a05397450978507c4ef1", algorithm=MD5, cnonce="0a4f113b", ' +
  'opaque="5ccc069c403ebaf9f0171e9517f40e41", qop=auth, nc=00000001';

t.test('credentials of RFC 3261 §22.4 there and back', async (t) => {
  const credentials = parseDigestCredentials(bob);
  t.match(credentials, { username: 'bob', realm: 'biloxi.com', qop: 'auth', nonceCount: '00000001', algorithm: 'MD5' });
  if (credentials !== undefined) t.equal(formatDigestCredentials(credentials), bob);
});

t.test('what phones write otherwise SHOULD be understood', async (t) => {
  const spellings = [
    bob.replace('qop=auth', 'qop="auth"'),
    bob.replace('algorithm=MD5', 'algorithm="md5"'),
    bob.replace('nc=00000001', 'nc="00000001"'),
    bob.replaceAll(', ', ','),
    bob.replaceAll(', ', ' ,\t'),
    bob.replace('Digest ', 'DIGEST   '),
    bob.replace('username=', 'UserName = '),
    bob.replace('realm="biloxi.com"', 'realm=biloxi.com'),
    bob.replace('username="bob"', 'username="b\\ob"'),
    bob.replace(', algorithm=MD5', ''),
    `${bob}, later="a, b"`,
  ];
  for (const text of spellings) t.same(parseDigestCredentials(text), parseDigestCredentials(bob), text);
});

t.test('what could be read in two ways, or lacks something, MUST NOT be taken', async (t) => {
  const texts = [
    '',
    'Digest',
    'Basic dXNlcjpwYXNz',
    'NoOneKnowsThisScheme opaque-data=here',
    bob.replace('Digest', ''),
    bob.replace('Digest ', 'Digest'),
    `${bob}, username="eve"`,
    `${bob}, USERNAME="eve"`,
    `${bob},`,
    `${bob}, x`,
    `${bob}, x=`,
    `${bob}, ="y"`,
    `${bob}, x="y`,
    `${bob} x="y"`,
    bob.replace('username="bob", ', ''),
    bob.replace('realm="biloxi.com", ', ''),
    bob.replace('uri="sip:bob@biloxi.com", ', ''),
    bob.replace(', cnonce="0a4f113b"', ''),
    bob.replace('nc=00000001', 'nc=1'),
    bob.replace(', nc=00000001', ''),
  ];
  for (const text of texts) t.equal(parseDigestCredentials(text), undefined, text);
});

t.test('limit', async (t) => {
  const field = (count: number): string => `Digest ${Array.from({ length: count }, (_, at) => `x${at}=1`).join(', ')}`;
  t.equal(parseAuthField(field(MAX_AUTH_PARAMS))?.params.length, MAX_AUTH_PARAMS);
  t.equal(parseAuthField(field(MAX_AUTH_PARAMS + 1)), undefined);
});

t.test('challenges of RFC 7616 §3.9.1 and RFC 3261 §22.4', async (t) => {
  const text =
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, ' +
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const challenge = parseDigestChallenge(text);
  t.match(challenge, { realm: 'http-auth@example.org', algorithm: 'SHA-256', qop: ['auth', 'auth-int'], stale: false });
  if (challenge !== undefined) t.same(parseDigestChallenge(formatDigestChallenge(challenge)), challenge);
  t.match(parseDigestChallenge('Digest realm="a", nonce="b", stale=TRUE'), { algorithm: 'MD5', qop: [], stale: true });
  t.equal(
    formatDigestChallenge({
      realm: 'a "b"',
      nonce: 'n',
      algorithm: 'MD5',
      qop: ['auth'],
      stale: true,
      opaque: undefined,
    }),
    'Digest realm="a \\"b\\"", nonce="n", qop="auth", stale=true, algorithm=MD5',
  );
  for (const bad of ['Digest realm="a"', 'Digest nonce="a"', 'Basic realm="a"'])
    t.equal(parseDigestChallenge(bad), undefined, bad);
});
