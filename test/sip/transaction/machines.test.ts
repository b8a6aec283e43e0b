import t from 'tap';
import { IllegalTransitionError } from '../../../firmware/core/errors.ts';
import { inviteClient } from '../../../firmware/sip/transaction/invite-client.ts';
import { inviteServer } from '../../../firmware/sip/transaction/invite-server.ts';
import {
  type Input,
  type Machine,
  MachineRun,
  type OwnEffect,
  TransactionTimers,
} from '../../../firmware/sip/transaction/machine.ts';
import { nonInviteClient } from '../../../firmware/sip/transaction/non-invite-client.ts';
import { nonInviteServer } from '../../../firmware/sip/transaction/non-invite-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Writes down what its machine does, with the milliseconds since its begin. */
class Recorded extends MachineRun<string> {
  readonly log: string[] = [];
  readonly #start: number;

  constructor(machine: Machine<string>, timers: TransactionTimers, reliable: boolean) {
    super(machine, timers, reliable);
    this.#start = timers.clock.now();
  }

  take(input: Input): void {
    this.input(input);
  }

  protected perform(effect: OwnEffect): void {
    this.#note(effect);
  }

  protected onTerminated(): void {
    this.#note('terminated');
  }

  #note(what: string): void {
    this.log.push(`${this.timers.clock.now() - this.#start} ${what}`);
  }
}

/** Runs a machine on a still clock. */
function run(machine: Machine<string>, reliable: boolean) {
  const clock = new FakeClock();
  const machineRun = new Recorded(machine, new TransactionTimers(clock), reliable);
  machineRun.begin();
  const take = (): string[] => machineRun.log.splice(0);
  return { clock, machineRun, take, input: (input: Input) => machineRun.take(input) };
}

t.test('INVITE client over UDP: timer A doubles, timer B ends after 64*T1 (RFC 3261 §17.1.1.2)', async (t) => {
  const { clock, take } = run(inviteClient, false);
  clock.advance(40_000);
  const at = [0, 500, 1500, 3500, 7500, 15_500, 31_500];
  t.same(take(), [...at.map((ms) => `${ms} send`), '32000 terminated', '32000 report-timeout']);
  t.equal(clock.pending, 0);
});

t.test('INVITE client over TCP: no timer A, timer B all the same', async (t) => {
  const { clock, take } = run(inviteClient, true);
  clock.advance(40_000);
  t.same(take(), ['0 send', '32000 terminated', '32000 report-timeout']);
});

t.test('INVITE client: a provisional response stops A and B', async (t) => {
  const { clock, take, input } = run(inviteClient, false);
  clock.advance(600);
  input('provisional');
  clock.advance(600_000);
  t.same(take(), ['0 send', '500 send', '600 deliver']);
  t.equal(clock.pending, 0);
});

t.test('INVITE client: a failure is acknowledged each time, delivered once, timer D 32 s or 0', async (t) => {
  const udp = run(inviteClient, false);
  udp.input('failure');
  udp.clock.advance(10_000);
  udp.input('failure');
  udp.clock.advance(21_999);
  t.same(udp.take(), ['0 send', '0 send-ack', '0 deliver', '10000 send-ack']);
  udp.clock.advance(1);
  t.same(udp.take(), ['32000 terminated']);
  const tcp = run(inviteClient, true);
  tcp.input('failure');
  tcp.clock.advance(0);
  t.same(tcp.take(), ['0 send', '0 send-ack', '0 deliver', '0 terminated']);
});

t.test('INVITE client: each 2xx is delivered for 64*T1 (RFC 6026 §7.2, timer M)', async (t) => {
  const { clock, take, input } = run(inviteClient, false);
  input('success');
  clock.advance(31_999);
  input('success');
  input('failure');
  clock.advance(1);
  t.same(take(), ['0 send', '0 deliver', '31999 deliver', '32000 terminated']);
});

t.test('INVITE client: a transport error ends it in Calling and Completed only', async (t) => {
  const calling = run(inviteClient, false);
  calling.input('transport-error');
  t.same(calling.take(), ['0 send', '0 terminated', '0 report-transport-error']);
  t.equal(calling.clock.pending, 0);
  const proceeding = run(inviteClient, false);
  proceeding.input('provisional');
  proceeding.input('transport-error');
  t.equal(proceeding.machineRun.state, 'proceeding');
});

t.test('non-INVITE client over UDP: timer E doubles up to T2, timer F ends (RFC 3261 §17.1.2.2)', async (t) => {
  const { clock, take } = run(nonInviteClient, false);
  clock.advance(40_000);
  const at = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
  t.same(take(), [...at.map((ms) => `${ms} send`), '32000 terminated', '32000 report-timeout']);
});

t.test('non-INVITE client: in Proceeding timer E is T2, and F still ends', async (t) => {
  const { clock, take, input } = run(nonInviteClient, false);
  input('provisional');
  clock.advance(5000);
  t.same(take(), ['0 send', '0 deliver', '500 send', '4500 send']);
  clock.advance(40_000);
  t.same(take().slice(-2), ['32000 terminated', '32000 report-timeout']);
});

t.test('non-INVITE client: timer K is T4 over UDP and 0 over TCP; a final response is delivered once', async (t) => {
  const udp = run(nonInviteClient, false);
  udp.input('success');
  udp.input('success');
  udp.clock.advance(4999);
  t.same(udp.take(), ['0 send', '0 deliver']);
  udp.clock.advance(1);
  t.same(udp.take(), ['5000 terminated']);
  const tcp = run(nonInviteClient, true);
  tcp.clock.advance(20_000);
  tcp.input('failure');
  tcp.clock.advance(0);
  t.same(tcp.take(), ['0 send', '20000 deliver', '20000 terminated']);
});

t.test('INVITE server over UDP: timer G doubles up to T2 until ACK, then timer I is T4', async (t) => {
  const { clock, take, input } = run(inviteServer, false);
  input('provisional');
  input('request');
  input('failure');
  clock.advance(12_000);
  t.same(
    take(),
    ['0', '0', '0', '500', '1500', '3500', '7500', '11500'].map((ms) => `${ms} send`),
  );
  input('request');
  input('ack');
  input('request');
  clock.advance(4999);
  t.same(take(), ['12000 send']);
  clock.advance(1);
  t.same(take(), ['17000 terminated']);
  t.equal(clock.pending, 0);
});

t.test('INVITE server: timer H reports that no ACK came; over TCP nothing is sent again, timer I is 0', async (t) => {
  const udp = run(inviteServer, false);
  udp.input('failure');
  udp.clock.advance(32_000);
  t.same(udp.take().slice(-2), ['32000 terminated', '32000 report-timeout']);
  const tcp = run(inviteServer, true);
  tcp.input('failure');
  tcp.clock.advance(20_000);
  tcp.input('ack');
  tcp.clock.advance(0);
  t.same(tcp.take(), ['0 send', '20000 terminated']);
});

t.test(
  'INVITE server: in Accepted a request is absorbed, 2xx of the user go out, timer L ends (RFC 6026)',
  async (t) => {
    const { clock, take, input } = run(inviteServer, true);
    input('success');
    input('request');
    clock.advance(500);
    input('success');
    input('ack');
    clock.advance(31_500);
    t.same(take(), ['0 send', '500 send', '500 deliver', '32000 terminated']);
  },
);

t.test('non-INVITE server: answers repeat the final response until timer J', async (t) => {
  const udp = run(nonInviteServer, false);
  udp.input('request');
  t.same(udp.take(), [], 'a retransmission in Trying is dropped');
  udp.input('provisional');
  udp.input('request');
  udp.input('success');
  udp.input('request');
  udp.clock.advance(31_999);
  t.same(udp.take(), ['0 send', '0 send', '0 send', '0 send']);
  udp.clock.advance(1);
  t.same(udp.take(), ['32000 terminated']);
  const tcp = run(nonInviteServer, true);
  tcp.input('success');
  tcp.clock.advance(0);
  t.same(tcp.take(), ['0 send', '0 terminated']);
});

t.test('what the network sends never throws, whatever the state', async (t) => {
  const network: Record<string, readonly Input[]> = {
    client: ['provisional', 'success', 'failure', 'transport-error'],
    server: ['request', 'ack', 'transport-error'],
  };
  const states: readonly (readonly [Machine<string>, readonly string[], readonly Input[]])[] = [
    [inviteClient, ['calling', 'proceeding', 'completed', 'accepted'], network.client ?? []],
    [nonInviteClient, ['trying', 'proceeding', 'completed'], network.client ?? []],
    [inviteServer, ['proceeding', 'completed', 'confirmed', 'accepted'], network.server ?? []],
    [nonInviteServer, ['trying', 'proceeding', 'completed'], ['request', 'transport-error']],
  ];
  for (const [machine, names, inputs] of states) {
    for (const state of names) {
      for (const input of inputs) t.ok(machine.next(state, input).state, `${machine.name} ${state} ${input}`);
    }
  }
});

t.test('our own mistakes throw and name both states', async (t) => {
  t.throws(
    () => inviteServer.next('confirmed', 'success'),
    new IllegalTransitionError(inviteServer.name, 'confirmed', 'success'),
  );
  t.throws(() => inviteClient.next('completed', 'timer-a'), IllegalTransitionError);
  t.throws(() => nonInviteClient.next('completed', 'timer-f'), IllegalTransitionError);
  t.throws(() => nonInviteServer.next('completed', 'success'), IllegalTransitionError);
});
