import t from 'tap';
import { openStack } from '../sip/support/stacks.ts';
import { type DnsRecord, NameServer } from '../support/name-server.ts';
import { Box } from './support/box.ts';
import { Carrier, grant, USER } from './support/carrier.ts';

const srv = (target: string, port: number, priority: number): DnsRecord => ({
  type: 'SRV',
  target,
  port,
  priority,
  weight: 1,
});
const here: readonly DnsRecord[] = [{ type: 'A', address: '127.0.0.1' }];

t.test('a line goes from server to server (RFC 3263 §4.3), and stays with the one that knows it', async (t) => {
  const [first, second] = [await Carrier.open('udp', '127.0.0.1'), await Carrier.open('udp', '127.0.0.1')];
  const names = await NameServer.start({
    '_sip._udp.carrier.example': [srv('a.carrier.example', first.port, 1), srv('b.carrier.example', second.port, 2)],
    'a.carrier.example': [...here],
    'b.carrier.example': [...here],
  });
  const line = { domain: 'carrier.example', transport: 'udp', userName: USER, password: 'sealed$right' };
  first.register = (request) => request.respond(503);
  const opened = await openStack(['udp'], '127.0.0.1', { nameServers: [names.address] });
  const box = await Box.over(opened, { lines: { 1: { ...line, expirySeconds: 120 } } });
  await box.until(() => box.states[0] === '1 in-service', 'registered');
  t.equal(first.proven().length, 1);
  t.equal(second.proven().length, 1);
  first.register = 'accept';
  await box.untilInTime(() => second.proven().length === 2, 'a refresh', 120);
  t.equal(first.proven().length, 1, 'refreshed where it is known');
  await box.until(() => box.states[0] === '1 in-service', 'registered');

  const identity = { number: undefined, name: undefined, isWithheld: false };
  const call = {
    attempt: { line: '1', number: '0301234567', identity },
    user: undefined,
    diversions: [],
    isEmergency: false,
    maxForwards: 70,
    drop: () => undefined,
  };
  const places: number[] = [];
  for (;;) {
    const placed = await box.lines.place({ ...call });
    if (placed.kind !== 'placed') break;
    places.push(placed.invite.flow.remotePort);
    t.equal(placed.rejected(503, undefined), 'again', 'no answer');
  }
  t.strictSame(places, [second.port, first.port], 'each server once');
  t.equal(box.lines.state('1').channelsInUse, 0);
  await box.close();
  await Promise.all([first.close(), second.close()]);
  names.close();
});

t.test(
  'a registrar that keeps flows is sent what it wants (RFC 5626 §4.4), and a dead flow is made anew',
  async (t) => {
    const carrier = await Carrier.open('udp', '127.0.0.1');
    carrier.asksPassword = false;
    carrier.register = (request) =>
      grant(request, [
        ['Flow-Timer', '20'],
        ['Require', 'outbound'],
      ]);
    const line = { domain: 'c.example', proxy: '127.0.0.1', port: carrier.port, userName: USER };
    const box = await Box.open('udp', '127.0.0.1', { lines: { 1: line } });
    await box.until(() => box.states[0] === '1 in-service', 'registered');
    // The stack of the carrier answers STUN by itself.
    await box.untilInTime(() => false, 'a minute', 60).catch(() => undefined);
    t.equal(carrier.registers().length, 1, 'answered: nothing to mend');
    const [gone] = carrier.stack.listening;
    await carrier.stack.unlisten([gone?.address ?? '']);
    await box.untilInTime(() => box.states[0] === '1 out-of-service', 'out of service', 120);
    t.match(box.lines.list()[0]?.reason, /no answer/);
    await box.close();
    await carrier.close();
  },
);
