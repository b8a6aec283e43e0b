import { createHash } from 'node:crypto';
import t from 'tap';
import { DigestAuthenticator } from '../../firmware/sip/digest.ts';
import { ChallengeAnswers, type Credentials } from '../../firmware/sip/digest-client.ts';
import { SipRequest } from '../../firmware/sip/message/request.ts';
import { SipResponse } from '../../firmware/sip/message/response.ts';
import { FakeClock } from '../support/fake-clock.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const stored = {
  ha1Md5: md5('box:ours:secret'),
  ha1Sha256: sha256('box:ours:secret'),
};
const request = (method = 'MESSAGE', body = ''): SipRequest =>
  new SipRequest(method, 'sip:201@ringdown', [], Buffer.from(body));
const asks = (values: readonly string[], status = 401): SipResponse =>
  new SipResponse(
    status,
    'x',
    values.map((value) => [status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate', value] as const),
  );
const known = (realm: string): Credentials | undefined =>
  realm === 'ours' || realm === 'proxy' ? { username: 'box', password: 'secret' } : undefined;

t.test('our own server takes the answer, by password and by what is stored instead', async (t) => {
  const server = new DigestAuthenticator({ clock: new FakeClock() });
  for (const credentialsFor of [known, () => ({ username: 'box', digest: stored })]) {
    for (const algorithms of [['SHA-256', 'MD5'], ['MD5'], ['MD5', 'SHA-256']] as const) {
      const answers = new ChallengeAnswers(credentialsFor);
      const fields = answers.answer(request(), asks(server.challenge('ours', { algorithms })));
      t.equal(fields?.length, 1);
      const [name, value = ''] = fields?.[0] ?? [];
      t.equal(name, 'Authorization');
      const verdict = server.verify('MESSAGE', [value], {
        realm: 'ours',
        lookup: (user) => (user === 'box' ? stored : undefined),
        requestUri: 'sip:201@ringdown',
      });
      t.match(verdict, { kind: 'ok', algorithm: algorithms.includes('SHA-256' as never) ? 'SHA-256' : 'MD5' });
    }
  }
});

t.test('auth-int covers the body, auth is preferred, RFC 2069 is answered in its way', async (t) => {
  const field = (challenge: string, body = ''): string =>
    new ChallengeAnswers(known).answer(request('MESSAGE', body), asks([challenge]))?.[0]?.[1] ?? '';
  t.match(field('Digest realm="ours", nonce="n", qop="auth-int,auth"'), /qop=auth,|qop=auth$/);
  const covered = field('Digest realm="ours", nonce="n", qop="auth-int"', 'hello');
  const cnonce = /cnonce="([^"]+)"/.exec(covered)?.[1];
  const ha2 = md5(`MESSAGE:sip:201@ringdown:${md5('hello')}`);
  t.match(covered, md5(`${stored.ha1Md5}:n:00000001:${cnonce}:auth-int:${ha2}`));
  const old = field('Digest realm="ours", nonce="n", opaque="o"');
  t.match(old, `response="${md5(`${stored.ha1Md5}:n:${md5('MESSAGE:sip:201@ringdown')}`)}"`);
  t.match(old, /opaque="o"/);
  t.notMatch(old, /qop|nc=/);
});

t.test('each challenge once, a stale nonce once more, and never a stranger', async (t) => {
  const challenge = 'Digest realm="ours", nonce="n", qop="auth"';
  const stale = `${challenge}, stale=true`;
  const answers = new ChallengeAnswers(known);
  t.ok(answers.answer(request(), asks([challenge])));
  t.equal(answers.answer(request(), asks([challenge])), undefined, 'the password was wrong');
  t.ok(answers.answer(request(), asks([stale])));
  t.equal(answers.answer(request(), asks([stale])), undefined, 'not for ever');
  const proxy = answers.answer(request(), asks(['Digest realm="proxy", nonce="p"'], 407));
  t.same(proxy?.map(([name]) => name).sort(), ['Authorization', 'Proxy-Authorization'], 'what was proven stays');
  const fresh = new ChallengeAnswers(known);
  for (const value of [
    'Digest realm="theirs", nonce="n"',
    'Basic realm="ours"',
    'Digest',
    '',
    'Digest realm="ours", nonce="n", algorithm=SHA-512-256',
    'Digest realm="ours", nonce="n", qop="token"',
  ]) {
    t.equal(fresh.answer(request(), asks([value])), undefined, value);
  }
  t.equal(fresh.answer(request(), new SipResponse(403, 'x', [['WWW-Authenticate', challenge]])), undefined);
});

t.test('who asks under ever new realms is not answered for ever', (t) => {
  const answers = new ChallengeAnswers(() => ({ username: 'box', password: 'secret' }));
  let rounds = 0;
  while (answers.answer(request(), asks([`Digest realm="${rounds}", nonce="n", qop="auth"`])) !== undefined)
    rounds += 1;
  t.equal(rounds, 4);
  t.end();
});
