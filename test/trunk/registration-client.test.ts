import t from 'tap';
import { complete } from '../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../firmware/config/schema/tree.ts';
import { type Flow, type HeaderField, SipResponse } from '../../firmware/sip/stack.ts';
import { lineSettings } from '../../firmware/trunk/line-settings.ts';
import { type LineStack, RegistrationClient } from '../../firmware/trunk/registration-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

const FLOW: Flow = {
  protocol: 'udp',
  localAddress: '127.0.0.1',
  localPort: 5060,
  remoteAddress: '127.0.0.2',
  remotePort: 5060,
};

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

t.test('a flow is kept alive once, also where it is registered anew while an answer is due', async (t) => {
  const clock = new FakeClock();
  const answers: ((isThere: boolean) => void)[] = [];
  let registered = 0;
  const stack: LineStack = {
    request: async ({ headers = [] }) => {
      registered += 1;
      const contact = headers.filter(([name]) => name === 'Contact');
      const granted: readonly HeaderField[] = [
        ['Via', 'SIP/2.0/UDP 127.0.0.1'],
        ['CSeq', `${registered} REGISTER`],
        ['Flow-Timer', '20'],
        ...contact,
      ];
      return new SipResponse(200, 'OK', granted);
    },
    async *ways() {
      yield FLOW;
    },
    addressesOf: async () => [],
    isOpen: () => true,
    sentBy: () => ({ host: '127.0.0.1', port: 5060 }),
    provenName: () => undefined,
    keepAlive: () => new Promise((resolve) => void answers.push(resolve)),
  };
  const line = { domain: '127.0.0.2', userName: '4930555', expirySeconds: 60 };
  const { lines } = complete(nodeOf(configurationSchema), { lines: { 1: line } }) as Configuration;
  const configured = lines['1'];
  if (configured === undefined) throw new Error('no line');
  const client = new RegistrationClient({
    settings: lineSettings('1', configured, () => undefined),
    stack,
    instanceId: 'urn:uuid:0',
    token: 'abc',
    clock,
    random: () => 0.5,
    onChanged: () => undefined,
    onRefused: (reason) => t.fail(reason),
  });
  client.start();
  await turns();
  for (let hour = 0; hour < 20; hour += 1) {
    const [asked, sent] = [registered, answers.length];
    while (answers.length === sent) clock.advance(1000);
    // Nothing is answered until it has been registered once more.
    while (registered === asked) {
      clock.advance(1000);
      await turns();
    }
    for (const answer of answers) answer(true);
    await turns();
  }
  t.equal(clock.pending, 2, 'the next REGISTER and the next keep-alive, and no other');
  const ending = client.stop();
  await turns();
  await ending;
  for (const answer of answers) answer(true);
  await turns();
  t.equal(clock.pending, 0);
});
