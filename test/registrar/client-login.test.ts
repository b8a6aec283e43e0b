/** Logins of clients that are no phones count with those of SIP, and end where those end. */
import t from 'tap';
import { SourceLog } from '../../firmware/core/logger.ts';
import { type ClientConnection, ClientLogin } from '../../firmware/registrar/client-login.ts';
import { LoginGuard, PROVEN_FACTOR } from '../../firmware/registrar/login-guard.ts';
import { Admission } from '../../firmware/sip/stack.ts';
import { silent } from '../sip/support/stacks.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ha1Of, PASSWORD, proofOf } from '../web/control/test-client.ts';

const LIMIT = 5;
const BLOCK_SECONDS = 600;

function make() {
  const clock = new FakeClock();
  const limits = { packetsPerSecond: 500, blockSeconds: BLOCK_SECONDS, allowList: [] };
  const admission = new Admission({ limits, clock, logger: silent, sourceLog: new SourceLog(silent, clock) });
  const login = new ClientLogin({
    realm: 'ringdown',
    digest: (extension) => ({ ha1Sha256: ha1Of(extension, 'ringdown', PASSWORD), ha1Md5: '' }),
    access: { wayRefusal: () => undefined, isAdmitted: () => true, accountRefusal: () => undefined },
    guard: new LoginGuard({ admission, failedLogins: () => LIMIT, clock }),
    isBlocked: (flow, user) => admission.isBlocked(flow, user),
    clock,
  });
  const attempt = (extension: string, password: string, connection = from(40_000)): string => {
    const proof = proofOf(extension, password, { realm: login.realm, nonce: login.challenge() });
    return login.login(proof, connection).kind;
  };
  return { clock, login, attempt };
}

function from(remotePort: number): ClientConnection {
  return { localAddress: '192.0.2.1', localPort: 443, remoteAddress: '198.51.100.1', remotePort };
}

t.test('a stranger who is blocked tries no more over connections that he has already', async (t) => {
  const { login, attempt } = make();
  for (let time = 0; time < LIMIT; time += 1) t.equal(attempt('201', `wrong ${time}`), 'rejected');
  t.equal(login.refuses(from(40_001)), true);
  t.equal(attempt('201', PASSWORD), 'refused');
});

t.test('from where somebody has logged in, the name that is guessed at is blocked, and no other', async (t) => {
  const { clock, login, attempt } = make();
  t.equal(attempt('202', PASSWORD, from(40_002)), 'ok');
  for (let time = 0; time < LIMIT; time += 1) t.equal(attempt('201', `wrong ${time}`), 'rejected');
  for (let time = 0; time < LIMIT * PROVEN_FACTOR; time += 1) t.equal(attempt('201', `more ${time}`), 'refused');
  t.equal(attempt('201', PASSWORD), 'refused', 'so that nobody sees which guess was right');
  t.equal(attempt('201', PASSWORD, from(40_002)), 'refused', 'nor by the way of another');
  t.equal(login.refuses(from(40_003)), false);
  t.equal(attempt('203', PASSWORD, from(40_003)), 'ok', 'the others of the office');
  clock.advance(BLOCK_SECONDS * 1000);
  t.equal(attempt('201', PASSWORD), 'ok');
});
