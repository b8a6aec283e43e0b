import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { SourceLog } from '../../firmware/core/logger.ts';
import { Authenticator } from '../../firmware/registrar/authenticator.ts';
import { LoginGuard } from '../../firmware/registrar/login-guard.ts';
import { SipRequest } from '../../firmware/sip/message/request.ts';
import { Admission, type Flow } from '../../firmware/sip/stack.ts';
import { TransactionLayer } from '../../firmware/sip/transaction/transaction-layer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { silent } from './support/stacks.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Enough to fill every table to its limit. */
const FIRST = 25_000;
const THEN = 75_000;
/** Of what only grows each message leaves far more than these. */
const MAX_GROWTH_BYTES = 25 * 1024 * 1024;
const PADDING = 'x'.repeat(200);

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** What stands between a socket and the phones, with a clock that stands still: nothing expires. */
function box() {
  const clock = new FakeClock();
  const limits = { packetsPerSecond: 100_000, blockSeconds: 600, allowList: [] };
  const admission = new Admission({ limits, clock, logger: silent, sourceLog: new SourceLog(silent, clock) });
  const guard = new LoginGuard({ admission, failedLogins: () => 10, clock });
  const authenticator = new Authenticator({ realm: 'r', extensions: { digest: () => undefined }, clock, guard });
  let answered = 0;
  const send = (): void => {
    answered += 1;
  };
  const layer: TransactionLayer = new TransactionLayer({
    clock,
    transport: {
      send,
      respond: send,
      isOutgoing: () => false,
      sentBy: () => ({ host: '192.0.2.1', port: 5060 }),
    },
    onRequest: (transaction) => {
      const { request, flow } = transaction;
      if (request.method !== 'REGISTER') {
        transaction.respond(request.method === 'INVITE' ? 404 : 200);
        return;
      }
      const authentication = authenticator.authenticate(request, flow);
      if (authentication.kind === 'challenge') transaction.respond(401, { headers: authentication.headers });
    },
    onAck: () => undefined,
  });
  const take = (message: SipRequest, flow: Flow): void => {
    if (admission.refuses(flow) === undefined && admission.refusesRequest(message, flow) === undefined) {
      layer.receiveRequest(message, flow);
    }
  };
  return { clock, take, layer, answered: () => answered };
}

/** Each with a source, branch, Call-ID, tag and user of its own. */
function stranger(method: string, number: number): readonly [SipRequest, Flow] {
  const remoteAddress = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  const name = `${number}-${PADDING}`;
  const credentials = `Digest username="${name}", realm="r", nonce="x", uri="sip:x", response="${'0'.repeat(32)}", qop=auth, nc=00000001, cnonce="c"`;
  const message = new SipRequest(method, `sip:${number}@192.0.2.1`, [
    ['Via', `SIP/2.0/UDP ${remoteAddress};branch=z9hG4bK${name}`],
    ['From', `<sip:${name}@192.0.2.2>;tag=${name}`],
    ['To', `<sip:${name}@192.0.2.1>`],
    ['Call-ID', name],
    ['CSeq', `1 ${method}`],
    ...(number % 2 === 0 ? ([['Authorization', credentials]] as const) : []),
  ]);
  const local = { localAddress: '192.0.2.1', localPort: 5060 };
  return [message, { protocol: 'udp', ...local, remoteAddress, remotePort: 1024 + (number % 60_000) }];
}

t.test('what strangers send fills tables to their limits, and no further', async (t) => {
  for (const method of ['REGISTER', 'OPTIONS', 'INVITE']) {
    const { clock, take, layer, answered } = box();
    for (let number = 0; number < FIRST; number += 1) {
      take(...stranger(method, number));
      if (number % 100 === 0) clock.advance(1);
    }
    const before = heapUsed();
    const timers = clock.pending;
    for (let number = FIRST; number < FIRST + THEN; number += 1) {
      take(...stranger(method, number));
      if (number % 100 === 0) clock.advance(1);
    }
    const grown = heapUsed() - before;
    t.comment(
      `${method}: ${Math.round(before / 1024 / 1024)} MB, and ${Math.round(grown / 1024 / 1024)} MB more after ${THEN} more`,
    );
    t.ok(grown < MAX_GROWTH_BYTES, `${method}: ${grown} bytes more`);
    t.ok(answered() >= FIRST, `${answered()} answers`);
    t.ok(clock.pending <= timers + 1000, `${clock.pending} timers`);
    layer.close();
  }
});
