import t, { type Test } from 'tap';
import { Ringdown } from '../support/ringdown.ts';
import { Sipp, type SippResult } from '../support/sipp.ts';
import { scenarioPath } from '../support/sipp-device.ts';
import { configure } from './sipp-bench.ts';

const PASSWORD = 'only-for-tests-201';

interface Source {
  readonly protocol: 'udp' | 'tcp';
  readonly address: string;
}

/** Each stranger has an address of its own, save on IPv6, whose loopback has but one. */
function run(
  { sipPort }: Ringdown,
  { protocol, address }: Source,
  scenario: string,
  password = 'wrong',
): Promise<SippResult> {
  const host = address.includes(':') ? '[::1]' : '127.0.0.1';
  return Sipp.start({
    scenario: scenarioPath(scenario),
    protocol,
    address,
    remote: { address: host === '[::1]' ? '::1' : host, port: sipPort },
    keys: {
      ...{ user: '201', password, peer: '202', via: protocol.toUpperCase(), box: host },
      contact: `sip:201@${address.includes(':') ? host : address}`,
    },
  }).result;
}

function went(t: Test, { status, report }: SippResult, title: string): void {
  if (!t.equal(status, 0, title)) t.comment(report);
}

t.test('strangers', async (t) => {
  const box = await Ringdown.create();
  t.teardown(() => box.close());
  await box.addExtension('201', 'Reception', PASSWORD);
  const allowed = '127.0.0.20/32';
  const limits = ['system.sip.defence.failedLogins', '3', 'system.sip.defence.allowList', allowed];
  await configure(box, limits);
  await box.start();

  const guessers: readonly Source[] = [
    { protocol: 'udp', address: '127.0.0.11' },
    { protocol: 'udp', address: '::1' },
  ];
  for (const guesser of guessers) {
    const { address } = guesser;
    went(t, await run(box, guesser, 'register/ask-twice'), `${address} is challenged`);
    went(t, await run(box, guesser, 'defence/guess'), `${address} gets no answer any more after three wrong passwords`);
    went(t, await run(box, guesser, 'defence/silence'), 'nor has another program there');
  }

  const connected: Source = { protocol: 'tcp', address: '127.0.0.12' };
  went(t, await run(box, connected, 'options/outside'), 'who has done nothing is answered over TCP');
  went(t, await run(box, { ...connected, protocol: 'udp' }, 'register/ask-twice'), 'and is challenged');
  went(t, await run(box, { ...connected, protocol: 'udp' }, 'defence/guess'), 'and is blocked');
  t.not((await run(box, connected, 'options/outside')).status, 0, 'over TCP too then');

  const scanner: Source = { protocol: 'udp', address: '127.0.0.13' };
  went(t, await run(box, scanner, 'defence/scanner'), 'a scanner gets no answer');
  went(t, await run(box, scanner, 'defence/silence'), 'whatever name it gives itself afterwards');

  const listed: Source = { protocol: 'udp', address: '127.0.0.20' };
  went(t, await run(box, listed, 'register/ask-twice'), 'who is on the allow list is challenged');
  went(t, await run(box, listed, 'defence/guess-on'), 'and may guess on');

  const user: Source = { protocol: 'udp', address: '127.0.0.14' };
  went(t, await run(box, user, 'register/ask-twice'), 'a user elsewhere is challenged');
  went(t, await run(box, user, 'register/bind', PASSWORD), 'and registers, whoever guessed its password');
});
