import { createHash } from 'node:crypto';
import t from 'tap';
import { digestOf } from '../../firmware/config/extension.ts';
import { digestSecrets, encodeDigestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import { Authenticator } from '../../firmware/registrar/authenticator.ts';
import { type Flow, type HeaderField, SipRequest } from '../../firmware/sip/stack.ts';
import { office } from '../phones/sample-office.ts';
import { FakeClock } from '../support/fake-clock.ts';

const REALM = 'ringdown';
const FLOW: Flow = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '198.51.100.7',
  remotePort: 5060,
};
const ROUNDS = 600;
const METHODS = ['REGISTER', 'INVITE', 'SUBSCRIBE'] as const;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** An office in which `known` is an extension and `unknown` none. */
function setUp() {
  const configuration = office({
    extensions: { '201': { password: encodeDigestSecrets(digestSecrets('201', REALM, 'right')) } },
  });
  const [known = ''] = Object.keys(configuration.extensions);
  const authenticator = new Authenticator({
    realm: REALM,
    extensions: { digest: (number) => digestOf(configuration, number) },
    clock: new FakeClock(),
  });
  return { authenticator, known, unknown: '9999', configuration };
}

function request(method: string, user: string, nonce: string): SipRequest {
  const uri = 'sip:192.0.2.1';
  const response = hash(`${hash(`${user}:${REALM}:wrong`)}:${nonce}:00000001:abc:auth:${hash(`${method}:${uri}`)}`);
  const authorization =
    `Digest username="${user}", realm="${REALM}", nonce="${nonce}", uri="${uri}", response="${response}", ` +
    'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="abc"';
  const headers: HeaderField[] = [
    ['Via', 'SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1'],
    ['From', `<sip:${user}@192.0.2.1>;tag=1`],
    ['Authorization', authorization],
  ];
  return new SipRequest(method, uri, headers);
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

t.test('an unknown extension and a wrong password get the same answer, in the same time', async (t) => {
  const { authenticator, known, unknown, configuration } = setUp();
  t.ok(digestOf(configuration, known) !== undefined && digestOf(configuration, unknown) === undefined);
  for (const method of METHODS) {
    const challenge = authenticator.authenticate(
      new SipRequest(method, 'sip:192.0.2.1', [['From', '<sip:x@y>']]),
      FLOW,
    );
    const nonce =
      /nonce="([^"]+)"/.exec(challenge.kind === 'challenge' ? (challenge.headers[0]?.[1] ?? '') : '')?.[1] ?? '';
    t.not(nonce, '');
    const times: Record<string, number[]> = { [known]: [], [unknown]: [] };
    const answers: Record<string, string> = {};
    for (let round = 0; round < ROUNDS; round += 1) {
      // In turn, each first as often: what the machine does besides meets both alike.
      const users = round % 2 === 0 ? [known, unknown] : [unknown, known];
      for (const user of users) {
        const message = request(method, user, nonce);
        const start = process.hrtime.bigint();
        const answer = authenticator.authenticate(message, FLOW);
        times[user]?.push(Number(process.hrtime.bigint() - start));
        if (answer.kind !== 'challenge') throw new Error(`${user} got ${answer.kind}`);
        answers[user] = JSON.stringify([answer.failed, answer.headers]).replace(/nonce=[^,]*/g, '');
      }
    }
    t.equal(answers[known], answers[unknown], `${method}: the same answer`);
    const ratio = median(times[unknown] ?? []) / median(times[known] ?? []);
    t.ok(ratio > 0.6 && ratio < 1.7, `${method}: an unknown extension takes ${ratio.toFixed(2)} times as long`);
  }
});
