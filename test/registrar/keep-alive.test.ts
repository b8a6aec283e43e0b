import t from 'tap';
import type { Binding } from '../../firmware/registrar/binding.ts';
import { KeepAlive } from '../../firmware/registrar/keep-alive.ts';
import { FakeClock } from '../support/fake-clock.ts';

function binding(remotePort: number, more: Partial<Binding> = {}): Binding {
  const flow = { protocol: 'udp', localAddress: '192.0.2.1', localPort: 5060, remoteAddress: '198.51.100.7' } as const;
  return { contact: 'sip:a@10.0.0.7', callId: 'a', cSeq: 1, expiresAtMs: 0, flow: { ...flow, remotePort }, ...more };
}

function setUp(bindings: readonly Binding[]) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const answers: (() => void)[] = [];
  const keepAlive = new KeepAlive({
    location: { entries: () => [['201', bindings] as const][Symbol.iterator]() as never },
    ask: (_extension, { flow }) => {
      asked.push(flow.remotePort);
      return new Promise<void>((resolve) => answers.push(resolve));
    },
    clock,
  });
  /** The ports that were asked meanwhile, in order. */
  const after = (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) clock.advance(1000);
    return asked.splice(0);
  };
  const answer = async (): Promise<void> => {
    for (const resolve of answers.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, keepAlive, after, answer };
}

t.test('who needs it is asked once in 25 s, the others never', async (t) => {
  const { clock, keepAlive, after, answer } = setUp([
    binding(1000, { needsKeepAlive: true }),
    binding(1001, { needsKeepAlive: true }),
    binding(1002),
  ]);
  for (let round = 0; round < 3; round += 1) {
    t.same(after(25).sort(), [1000, 1001]);
    await answer();
  }
  keepAlive.close();
  keepAlive.close();
  t.same(after(50), []);
  t.equal(clock.pending, 0);
});

t.test('who does not answer is not asked again until that is over', async (t) => {
  const { after, answer } = setUp([binding(1000, { needsKeepAlive: true })]);
  t.same(after(75), [1000]);
  await answer();
  t.same(after(25), [1000]);
});

t.test('so many that are gone hold up no more than their number', async (t) => {
  const { after, answer } = setUp(Array.from({ length: 3000 }, (_, port) => binding(port, { needsKeepAlive: true })));
  t.equal(after(100).length, 1024);
  await answer();
  t.ok(after(25).length > 0);
});
