import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLogger, SourceLog } from '../../firmware/core/logger.ts';
import { Registrar, type RegistrarOptions } from '../../firmware/registrar/registrar.ts';
import { parseMessage } from '../../firmware/sip/message/parser.ts';
import { FakeClock } from '../support/fake-clock.ts';

t.test('RFC 4475 §3.3.4: a To that is no SIP URI SHOULD be answered with 400', async (t) => {
  const bytes = readFileSync(join(import.meta.dirname, '..', 'sip', 'fixtures', 'rfc4475', 'unksm2.dat'));
  const result = parseMessage(bytes);
  if (result.kind !== 'request') throw new Error('no request');
  const clock = new FakeClock();
  const logger = createLogger('silent');
  // Whoever it is: nothing else is asked before the answer.
  const registrar = new Registrar({
    authenticator: { authenticate: () => ({ kind: 'ok', extension: '201' }) },
    clock,
    logger,
    sourceLog: new SourceLog(logger, clock),
  } as unknown as RegistrarOptions);
  const answers: number[] = [];
  registrar.register({
    message: result.request,
    flow: {
      protocol: 'udp',
      localAddress: '192.0.2.1',
      localPort: 5060,
      remoteAddress: '192.0.2.21',
      remotePort: 5060,
    },
    respond: (status) => answers.push(status),
  });
  t.same(answers, [400]);
});
