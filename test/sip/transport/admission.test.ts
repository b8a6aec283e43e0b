import t from 'tap';
import { SourceLog } from '../../../firmware/core/logger.ts';
import { SipRequest } from '../../../firmware/sip/message/request.ts';
import {
  Admission,
  type AdmissionLimits,
  MAX_KNOWN_FLOWS,
  MAX_STRANGERS,
} from '../../../firmware/sip/transport/admission.ts';
import { MAX_BLOCKS } from '../../../firmware/sip/transport/blocked-sources.ts';
import type { Flow } from '../../../firmware/sip/transport/flow.ts';
import { MAX_MALFORMED, MAX_TARGETS, TARGETS_GRACE_MS } from '../../../firmware/sip/transport/scanner.ts';
import { sourceOf } from '../../../firmware/sip/transport/source.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silent } from '../support/stacks.ts';

const LIMITS: AdmissionLimits = { packetsPerSecond: 100, blockSeconds: 600, allowList: [] };

function make(limits: Partial<AdmissionLimits> = {}): { admission: Admission; clock: FakeClock } {
  const clock = new FakeClock();
  const sourceLog = new SourceLog(silent, clock);
  const admission = new Admission({ limits: { ...LIMITS, ...limits }, clock, logger: silent, sourceLog });
  return { admission, clock };
}

function from(remoteAddress: string, remotePort = 5060, localAddress = '192.0.2.1'): Flow {
  return { protocol: 'udp', localAddress, localPort: 5060, remoteAddress, remotePort };
}

/** How many of `count` packets are let in. */
function admitted(admission: Admission, flow: Flow, count: number): number {
  let passed = 0;
  for (let packet = 0; packet < count; packet += 1) if (admission.refuses(flow) === undefined) passed += 1;
  return passed;
}

function request(method: string, user: string, fields: Record<string, string> = {}): SipRequest {
  const headers = { From: '<sip:a@example.com>;tag=1', To: `<sip:${user}@example.com>`, 'Call-ID': 'c', ...fields };
  const uri = method === 'REGISTER' ? 'sip:example.com' : `sip:${user}@example.com`;
  return new SipRequest(method, uri, Object.entries(headers));
}

/** A request that comes as it would: counted first, then looked into. */
function ask(admission: Admission, flow: Flow, message: SipRequest): string | undefined {
  return admission.refuses(flow) ?? admission.refusesRequest(message, flow);
}

const sources: readonly (readonly [remote: string, local: string, source: string])[] = [
  ['192.0.2.7', '192.0.2.1', '192.0.2.7'],
  ['::ffff:192.0.2.7', '::1', '192.0.2.7'],
  ['2001:db8::7', '2001:db8:1::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '::1', '2001:db8:1:2::/64'],
  ['2001:0db8:1:2::9', '::1', '2001:db8:1:2::/64'],
  ['1::2:3:4:5:6:7', '::1', '1:0:2:3::/64'],
  ['fd00:42::50', 'fd00:42::1', 'fd00:42::50'],
  ['fe80::7%eth0', 'fd00:42::1', 'fe80::7%eth0'],
  ['::1', '::1', '::1'],
];

t.test('an address is a source, of IPv6 a /64, and on a link of ours each address', async (t) => {
  for (const [remote, local, source] of sources) t.equal(sourceOf(remote, local), source, `${remote} to ${local}`);
});

t.test('a source is held to its rate, with a burst of four seconds', async (t) => {
  const { admission, clock } = make();
  t.equal(admitted(admission, from('198.51.100.1'), 1000), 400);
  t.equal(admission.refuses(from('198.51.100.1', 9999)), 'rate', 'whichever port it sends from');
  t.equal(admitted(admission, from('198.51.100.2'), 10), 10, 'another source is not concerned');
  clock.advance(1000);
  t.equal(admitted(admission, from('198.51.100.1'), 1000), 100);
  for (const jumpMs of [-3_600_000, 3_600_000]) {
    clock.jump(jumpMs);
    t.equal(admitted(admission, from('198.51.100.1'), 1000), 0, 'a clock that is set gives nothing');
    clock.advance(500);
    t.equal(admitted(admission, from('198.51.100.1'), 1000), 50, 'and takes nothing');
  }
});

t.test(
  'wherever the time of day is set, who is known stays so, and who is blocked for as long as was said',
  async (t) => {
    for (const years of [50, -50]) {
      const { admission, clock } = make();
      const [phone, guesser] = [from('198.51.100.1'), from('198.51.100.2')];
      admission.know(phone, 'login', '201');
      admission.block(guesser, 'guesses');
      clock.jump(years * 365 * 86_400_000);
      t.ok(admission.isKnown(phone), `${years} years`);
      t.ok(admission.isProven(phone));
      t.equal(admission.refuses(guesser), 'blocked');
      const leftMs = (admission.blocks()[0]?.untilMs ?? 0) - clock.now();
      t.equal(leftMs, LIMITS.blockSeconds * 1000, 'told by the time of day that it is now');
      clock.advance(leftMs);
      t.equal(admission.refuses(guesser), undefined);
      clock.advance(3_600_000);
      t.notOk(admission.isKnown(phone));
      t.notOk(admission.isProven(phone));
    }
  },
);

t.test('the limit of a running box can be changed', async (t) => {
  const { admission } = make();
  admission.useLimits({ ...LIMITS, packetsPerSecond: 1000 });
  t.equal(admitted(admission, from('198.51.100.1'), 5000), 4000);
});

t.test('a phone that has logged in has a budget of its own, whatever others send from its address', async (t) => {
  const { admission, clock } = make();
  const phone = from('198.51.100.1', 5062);
  admission.know(phone, 'login', '201');
  t.equal(admitted(admission, from('198.51.100.1', 6000), 1000), 400, 'a neighbour behind the same NAT');
  t.equal(admitted(admission, phone, 1000), 400);
  clock.advance(200_000);
  t.equal(admission.state.knownFlows, 1);
  admission.forgetExpired();
  t.equal(admission.state.knownFlows, 0, 'without a binding it is forgotten');
});

t.test('forged addresses take what strangers have together, and nothing from known phones', async (t) => {
  const { admission } = make();
  const phones = Array.from({ length: 20 }, (_, index) => from(`198.51.100.${index}`, 5060));
  for (const phone of phones) admission.know(phone, 'binding', '201');
  let passed = 0;
  for (let at = 0; at < 100_000; at += 1) {
    const flow = from(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
    if (admission.refuses(flow) === undefined) passed += 1;
  }
  t.equal(passed, 1600, 'four times what one may');
  for (const phone of phones) t.equal(admission.refuses(phone), undefined);
  t.equal(admission.refuses(from('10.9.9.9', 5060, '203.0.113.1')), undefined, 'the other LAN has its own');
});

t.test('its tables stay bounded whoever writes to it', async (t) => {
  const { admission, clock } = make({ packetsPerSecond: 100_000 });
  for (let at = 0; at < 100_000; at += 1) {
    const flow = from(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, at & 0xffff);
    admission.refuses(flow);
    admission.refusesConnection(flow.remoteAddress, flow.localAddress);
    admission.noteMalformed(flow);
    admission.refusesRequest(request('REGISTER', String(at), { 'User-Agent': 'friendly-scanner' }), flow);
    if (at % 2 === 0) admission.know(flow, 'login', '201');
    if (at % 1000 === 0) clock.advance(1);
  }
  const { strangers, knownFlows, blocks } = admission.state;
  t.ok(strangers <= MAX_STRANGERS, `${strangers} strangers`);
  t.equal(knownFlows, MAX_KNOWN_FLOWS);
  t.equal(blocks, MAX_BLOCKS);
});

t.test('a blocked source gets no answer until its time is over, and its known phones do', async (t) => {
  const { admission, clock } = make();
  const phone = from('198.51.100.1', 5062);
  admission.know(phone, 'login', '201');
  let cut = 0;
  admission.onBlocked(() => {
    cut += 1;
  });
  admission.block(from('198.51.100.1', 6000), 'for the test');
  t.equal(cut, 1);
  t.equal(admission.refuses(from('198.51.100.1', 6001)), 'blocked');
  t.equal(admission.refusesConnection('198.51.100.1', '192.0.2.1'), 'blocked');
  t.equal(admission.isBlocked(from('198.51.100.1', 6001)), true);
  t.equal(admission.refuses(phone), undefined);
  t.equal(admission.isBlocked(phone), false);
  t.match(admission.blocks(), [{ source: '198.51.100.1', reason: 'for the test', refused: 2 }]);
  admission.useLimits({ ...LIMITS, blockSeconds: 10 });
  t.equal(admission.blocks().length, 1, 'an edit ends no block');
  clock.advance(600_000);
  t.same(admission.blocks(), []);
  t.equal(admission.refuses(from('198.51.100.1', 6001)), undefined);
});

t.test('the flow that earned the block is not known any more, and no binding from before makes it so', async (t) => {
  const { admission } = make();
  const phone = from('198.51.100.1', 5062);
  admission.know(phone, 'login', '201');
  admission.block(phone, 'for the test');
  t.equal(admission.refuses(phone), 'blocked');
  admission.know(phone, 'binding', '201');
  t.equal(admission.refuses(phone), 'blocked');
  t.equal(admission.unblock('198.51.100.1'), 1);
  t.equal(admission.unblock('198.51.100.1'), 0);
  t.equal(admission.refuses(phone), undefined);
});

t.test('one name of a source can be blocked alone', async (t) => {
  const { admission } = make();
  const flow = from('198.51.100.1', 6000);
  admission.block(flow, 'for the test', '201');
  const by = (user: string) => ask(admission, flow, request('REGISTER', user, { From: `<sip:${user}@x>;tag=1` }));
  t.equal(by('201'), 'blocked');
  t.equal(by('202'), undefined);
  t.match(admission.blocks(), [{ source: '198.51.100.1', user: '201', refused: 1 }]);
  t.equal(admission.unblock('198.51.100.1'), 1);
  t.equal(by('201'), undefined);
});

const allowed: readonly (readonly [entry: string, address: string, isAllowed: boolean])[] = [
  ['198.51.100.1', '198.51.100.1', true],
  ['198.51.100.1', '198.51.100.2', false],
  ['198.51.100.0/24', '198.51.100.77', true],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['2001:db8:7::9', '2001:db8:7::9', true],
  ['2001:db8:7::9', '2001:db8:7::8', false],
  ['2001:db8::/32', '2001:db8:7::8', true],
  ['nonsense', '198.51.100.1', false],
];

t.test('who is on the allow list is neither slowed down nor blocked', async (t) => {
  for (const [entry, address, isAllowed] of allowed) {
    const { admission } = make({ allowList: [entry] });
    const flow = from(address);
    admission.block(flow, 'for the test');
    t.equal(admission.isBlocked(flow), !isAllowed, `${entry} and ${address}`);
    if (isAllowed) {
      t.equal(admitted(admission, flow, 2000), 2000);
      const scan = request('OPTIONS', '100', { 'User-Agent': 'friendly-scanner' });
      t.equal(ask(admission, flow, scan), undefined);
      for (let at = 0; at < 200; at += 1) t.equal(admission.refusesConnection(address, '192.0.2.1'), undefined);
    }
  }
  const { admission } = make();
  admission.block(from('198.51.100.1'), 'for the test');
  admission.useLimits({ ...LIMITS, allowList: ['198.51.100.0/24'] });
  t.same(admission.blocks(), [], 'an entry that is added ends the block');
});

t.test('new connections of a source are held to a rate', async (t) => {
  const { admission, clock } = make();
  const open = () => admission.refusesConnection('198.51.100.1', '192.0.2.1');
  for (let at = 0; at < 80; at += 1) t.equal(open(), undefined);
  t.equal(open(), 'rate');
  clock.advance(50);
  t.equal(open(), undefined);
  t.equal(open(), 'rate');
});

t.test('an office that comes back at once through one NAT is let in', async (t) => {
  const { admission } = make();
  admission.know(from('198.51.100.1'), 'binding', '201');
  for (let phone = 0; phone < 384; phone += 1)
    t.equal(admission.refusesConnection('198.51.100.1', '192.0.2.1'), undefined);
});

t.test('forged datagrams keep nobody out who comes by a connection', async (t) => {
  const { admission } = make();
  for (let at = 0; at < 10_000; at += 1) admission.refuses(from(`10.1.${at >> 8}.${at & 255}`));
  t.equal(admission.refuses(from('198.51.100.1')), 'rate');
  t.equal(admission.refusesConnection('198.51.100.1', '192.0.2.1'), undefined);
  t.equal(admission.refuses({ ...from('198.51.100.1'), protocol: 'tcp', connection: 1 }), undefined);
});

const agents: readonly (readonly [name: string, isScanner: boolean])[] = [
  ['friendly-scanner', true],
  ['Friendly-Request', true],
  ['sipvicious', true],
  ['sipcli/v1.8', true],
  ['sip-scan 0.1', true],
  ['VaxSIPUserAgent/3.1', true],
  ['pplsip', true],
  ['sundayddr', true],
  ['sipsak 0.9.8.1', false],
  ['Avaya J179 IP Phone', false],
  ['Zoiper rv2.10', false],
  ['sipp', false],
  ['', false],
];

t.test('programs that scan get no answer, by their names', async (t) => {
  for (const [name, isScanner] of agents) {
    const { admission } = make();
    const flow = from('198.51.100.1');
    const refusal = ask(admission, flow, request('OPTIONS', '100', { 'User-Agent': name }));
    t.equal(refusal, isScanner ? 'scanner' : undefined, name);
    t.equal(admission.isBlocked(flow), isScanner);
  }
  const { admission } = make();
  const named = request('OPTIONS', '100', { From: '"sipvicious"<sip:100@1.1.1.1>;tag=1' });
  t.equal(ask(admission, from('198.51.100.1'), named), 'scanner');
});

t.test('a scanner in the name of an office gets no answer, and the office does', async (t) => {
  const { admission } = make();
  admission.know(from('198.51.100.1', 5062), 'login', '201');
  const forged = request('OPTIONS', '100', { 'User-Agent': 'friendly-scanner' });
  t.equal(ask(admission, from('198.51.100.1', 4444), forged), 'scanner');
  t.equal(ask(admission, from('198.51.100.1', 5063), request('REGISTER', '201')), undefined);
  t.same(admission.blocks(), []);
});

t.test('who asks for many users and never logs in gets no answer any more', async (t) => {
  for (const method of ['REGISTER', 'INVITE', 'OPTIONS', 'SUBSCRIBE']) {
    const { admission, clock } = make();
    const flow = from('198.51.100.1');
    for (let user = 0; user < MAX_TARGETS; user += 1) {
      t.equal(ask(admission, flow, request(method, String(100 + user))), undefined);
    }
    clock.advance(TARGETS_GRACE_MS);
    t.equal(ask(admission, flow, request(method, '100')), undefined, 'one of them again');
    t.equal(ask(admission, flow, request(method, 'another')), 'scanner', method);
    t.equal(admission.refuses(flow), 'blocked');
  }
});

t.test('an office whose phones all start at once is no scanner', async (t) => {
  const { admission, clock } = make();
  const office = (port: number) => from('198.51.100.1', port);
  for (let phone = 0; phone < 200; phone += 1) {
    t.equal(ask(admission, office(7000 + phone), request('REGISTER', String(phone))), undefined);
  }
  clock.advance(200);
  admission.know(office(7000), 'login', '201');
  clock.advance(TARGETS_GRACE_MS);
  t.equal(ask(admission, office(7001), request('REGISTER', '1')), undefined);
  t.same(admission.blocks(), []);
});

t.test('who sends little but malformed messages is blocked; a phone with a flaw is not', async (t) => {
  const { admission } = make();
  const send = (flow: Flow, isMalformed: boolean) => {
    const refusal = admission.refuses(flow);
    if (refusal === undefined && isMalformed) admission.noteMalformed(flow);
    return refusal;
  };
  const bad = from('198.51.100.1');
  for (let at = 0; at < MAX_MALFORMED; at += 1) t.equal(send(bad, true), undefined);
  t.equal(send(bad, true), 'blocked');
  const flawed = from('198.51.100.2');
  for (let at = 0; at < 3 * MAX_MALFORMED; at += 1) t.equal(send(flawed, at % 2 === 1), undefined);
  const phone = from('198.51.100.3');
  admission.know(phone, 'login', '201');
  for (let at = 0; at < 3 * MAX_MALFORMED; at += 1) t.equal(send(phone, true), undefined);
});

t.test('OPTIONS of a stranger is answered, ten times a second in the long run', async (t) => {
  const { admission, clock } = make();
  const flow = from('198.51.100.1');
  const options = () => ask(admission, flow, request('OPTIONS', '100'));
  for (let at = 0; at < 40; at += 1) t.equal(options(), undefined);
  t.equal(options(), 'rate');
  clock.advance(1000);
  for (let at = 0; at < 10; at += 1) t.equal(options(), undefined);
  t.equal(options(), 'rate');
});

t.test('strangers take less than half of the time, and known phones are not asked for it', async (t) => {
  const { admission, clock } = make({ packetsPerSecond: 1000 });
  const phone = from('198.51.100.1', 5062);
  admission.know(phone, 'login', '201');
  let worked = 0;
  for (let at = 0; at < 1000; at += 1) {
    const stranger = from(`198.51.100.${at % 200}`, 7000);
    if (admission.refuses(stranger) === undefined) {
      clock.advance(5);
      worked += 5;
      admission.worked();
    } else clock.advance(5);
    t.equal(admission.refuses(phone), undefined);
    admission.worked();
  }
  t.ok(worked >= 2000 && worked <= 2600, `${worked} of 5000 ms`);
  t.match(admission.state.refused, { blocked: 0, scanner: 0 });
});

t.test('time that passes after the message of a stranger is not its work', async (t) => {
  const { admission, clock } = make();
  const phone = from('198.51.100.1', 5062);
  admission.know(phone, 'login', '201');
  // A keep-alive, say, that was answered without further ado.
  t.equal(admission.refuses(from('198.51.100.2')), undefined);
  clock.advance(100_000);
  t.equal(admission.refuses(phone), undefined);
  admission.worked();
  t.equal(admission.refuses(from('198.51.100.3')), undefined, 'a new phone is let in');
});

t.test('a large datagram of a stranger counts as many', async (t) => {
  const { admission } = make();
  const phone = from('198.51.100.1', 5062);
  admission.know(phone, 'login', '201');
  let large = 0;
  for (let at = 0; at < 400; at += 1) {
    if (admission.refuses(from('198.51.100.2'), 64_000) === undefined) large += 1;
    t.equal(admission.refuses(phone, 64_000), undefined);
  }
  t.equal(large, 12, 'of 32 packets each');
  let forged = 0;
  for (let at = 0; at < 1000; at += 1) {
    if (admission.refuses(from(`10.0.${at >> 8}.${at & 255}`), 64_000) === undefined) forged += 1;
  }
  t.ok(forged > 30 && forged < 60, `${forged} from forged addresses`);
});
