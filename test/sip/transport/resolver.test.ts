import t, { type Test } from 'tap';
import { parseSipUri } from '../../../firmware/sip/message/uri.ts';
import { DnsNames, inOrderOfWeight, LOOKUP_TIMEOUT_MS } from '../../../firmware/sip/transport/dns.ts';
import { MAX_TARGETS, type Reach, Resolver, type Target } from '../../../firmware/sip/transport/resolver.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type DnsRecord, NameServer, type Zone } from '../../support/name-server.ts';
import { within } from '../support/stacks.ts';

const srv = (target: string, port: number, priority = 1, weight = 1): DnsRecord => ({
  type: 'SRV',
  priority,
  weight,
  port,
  target,
});
const naptr = (service: string, replacement: string, order = 1, flags = 's'): DnsRecord => ({
  type: 'NAPTR',
  order,
  preference: 1,
  flags,
  service,
  replacement,
});
const a = (address: string, ttl?: number): DnsRecord => ({ type: 'A', address, ...(ttl === undefined ? {} : { ttl }) });
const aaaa = (address: string): DnsRecord => ({ type: 'AAAA', address });

async function setUp(t: Test, zone: Zone, reach: Reach = () => true) {
  const server = await NameServer.start(zone);
  t.teardown(() => server.close());
  const clock = new FakeClock();
  const resolver = new Resolver(new DnsNames([server.address], clock), clock, reach);
  const locate = (uri: string): Promise<readonly Target[]> => {
    const parsed = parseSipUri(uri);
    if (parsed === undefined) throw new Error(`${uri} is no URI`);
    return within(resolver.locate(parsed), 'targets');
  };
  const list = async (uri: string): Promise<readonly string[]> =>
    (await locate(uri)).map(({ protocol, addresses, port }) => `${protocol} ${addresses.join(' ')} ${port}`);
  return { server, clock, locate, list };
}

const HOSTS: Zone = {
  'a.example': [a('192.0.2.1'), aaaa('2001:db8::1')],
  'b.example': [a('192.0.2.2')],
  'c.example': [aaaa('2001:db8::3')],
};
const A = '2001:db8::1 192.0.2.1';

const FULL: Zone = {
  ...HOSTS,
  'full.example': [
    naptr('SIPS+D2T', '_sips._tcp.full.example', 1),
    naptr('sip+d2t', '_sip._tcp.full.example', 2),
    naptr('SIP+D2U', '_sip._udp.full.example', 3),
    naptr('SIP+D2W', '_sip._ws.full.example', 0),
    naptr('E2U+sip', '', 0, 'u'),
  ],
  '_sips._tcp.full.example': [srv('a.example', 5071)],
  '_sip._tcp.full.example': [srv('b.example', 5070, 2), srv('c.example', 5072, 1)],
  '_sip._udp.full.example': [srv('b.example', 5060)],
};

t.test('numbers and localhost need no name server', async (t) => {
  const { server, list } = await setUp(t, {});
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['sip:192.0.2.7', ['udp 192.0.2.7 5060']],
    ['sip:x@192.0.2.7:5090;transport=TCP', ['tcp 192.0.2.7 5090']],
    ['sip:[2001:db8::7];transport=tls', ['tls 2001:db8::7 5061']],
    ['sips:192.0.2.7', ['tls 192.0.2.7 5061']],
    ['sips:192.0.2.7;transport=tcp', ['tls 192.0.2.7 5061']],
    ['sip:localhost', ['udp 127.0.0.1 5060']],
    ['sips:192.0.2.7;transport=udp', []],
    ['sip:192.0.2.7;transport=sctp', []],
    ['sip:192.0.2.7;transport=ws', []],
    ['sips:192.0.2.7;transport=ws', []],
    ['sip:localhost;transport=ws', []],
  ];
  for (const [uri, expected] of cases) t.same(await list(uri), expected, uri);
  t.same(server.questions, []);
});

t.test('NAPTR, then SRV, then addresses, as the domain orders them (RFC 3263 §4.1)', async (t) => {
  const { server, list } = await setUp(t, FULL);
  t.same(await list('sip:201@full.example'), [
    `tls ${A} 5071`,
    'tcp 2001:db8::3 5072',
    'tcp 192.0.2.2 5070',
    'udp 192.0.2.2 5060',
  ]);
  t.notOk(
    server.questions.some((question) => question.includes('_ws')),
    'a WebSocket server is not connected to',
  );
});

t.test('which questions a URI makes, and what is left of the answers', async (t) => {
  const { server, list } = await setUp(t, FULL);
  const cases: readonly (readonly [string, readonly string[], RegExp | undefined])[] = [
    ['sips:full.example', [`tls ${A} 5071`], undefined],
    ['sip:full.example;transport=udp', ['udp 192.0.2.2 5060'], /NAPTR/],
    ['sip:full.example;transport=tls', [`tls ${A} 5071`], /NAPTR/],
    ['sip:a.example:5099', [`udp ${A} 5099`], /NAPTR|SRV/],
    ['sip:a.example:5099;transport=tcp', [`tcp ${A} 5099`], /NAPTR|SRV/],
    ['sips:a.example:5099', [`tls ${A} 5099`], /NAPTR|SRV/],
    ['sip:a.example', [`udp ${A} 5060`], undefined],
    ['sip:a.example;transport=tcp', [`tcp ${A} 5060`], /NAPTR/],
    ['sips:a.example', [`tls ${A} 5061`], undefined],
    ['sip:nobody.example', [], undefined],
    ['sips:a.example;transport=udp', [], /./],
    ['sip:a.example;transport=ws', [], /./],
  ];
  for (const [uri, expected, unasked] of cases) {
    server.questions.splice(0);
    t.same(await list(uri), expected, uri);
    if (unasked !== undefined)
      t.notOk(
        server.questions.some((question) => unasked.test(question)),
        uri,
      );
  }
});

t.test('without NAPTR each transport is asked for; "." says that there is none (RFC 2782)', async (t) => {
  const { list } = await setUp(t, {
    ...HOSTS,
    'srv.example': [a('192.0.2.9')],
    '_sip._udp.srv.example': [srv('.', 0)],
    '_sip._tcp.srv.example': [srv('b.example', 5062)],
    'none.example': [a('192.0.2.9')],
    '_sip._udp.none.example': [srv('.', 0)],
    'gone.example': [a('192.0.2.9')],
    '_sip._udp.gone.example': [srv('nowhere.example', 5060), srv('b.example', 5060, 2)],
  });
  t.same(await list('sip:srv.example'), ['tcp 192.0.2.2 5062']);
  t.same(await list('sip:none.example'), []);
  t.same(await list('sip:gone.example'), ['udp 192.0.2.2 5060'], 'a server without an address is left out');
});

t.test('what we cannot reach is not asked for', async (t) => {
  const { server, list } = await setUp(t, FULL, (protocol, family) => protocol === 'tcp' && family === 4);
  t.same(await list('sip:full.example'), ['tcp 192.0.2.2 5070']);
  t.same(await list('sips:full.example'), []);
  t.notOk(
    server.questions.some((question) => /AAAA|_udp|_sips/.test(question)),
    server.questions.join(),
  );
});

t.test('a truncated answer is asked for over TCP', async (t) => {
  const { server, list } = await setUp(t, FULL);
  server.truncated.add('_sip._tcp.full.example');
  t.same(await list('sip:full.example;transport=tcp'), ['tcp 2001:db8::3 5072', 'tcp 192.0.2.2 5070']);
  t.ok(server.questions.includes('SRV _sip._tcp.full.example over TCP'));
});

t.test('a server that fails costs the record, one that is silent 5 s at the most', async (t) => {
  const { server, clock, list, locate } = await setUp(t, {
    ...HOSTS,
    'half.example': 'broken',
    '_sip._udp.half.example': 'broken',
    '_sip._tcp.half.example': [srv('b.example', 5060)],
    'mute.example': 'silent',
  });
  t.same(await list('sip:half.example'), ['tcp 192.0.2.2 5060']);
  const mute = locate('sip:mute.example');
  while (!server.questions.includes('NAPTR mute.example')) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(LOOKUP_TIMEOUT_MS);
  t.same(await mute, []);
  t.equal(clock.pending, 0);
});

t.test('an answer is remembered as long as it lives, a minute at the most', async (t) => {
  const { server, clock, list } = await setUp(t, {
    'short.example': [a('192.0.2.1', 5)],
    'long.example': [a('192.0.2.2', 9000)],
  });
  const asks = async (uri: string): Promise<boolean> => {
    server.questions.splice(0);
    await list(uri);
    return server.questions.length > 0;
  };
  for (const [uri, lifeMs] of [
    ['sip:short.example:5060', 5000],
    ['sip:long.example:5060', 60_000],
  ] as const) {
    t.equal(await asks(uri), true, uri);
    clock.advance(lifeMs - 1);
    // By the time that passes, whatever time of day it is.
    clock.jump(lifeMs === 5000 ? 86_400_000 : -86_400_000);
    t.equal(await asks(uri), false, `${uri}, still remembered`);
    t.equal(await asks(`${uri};transport=tcp`), true, 'another question');
    clock.advance(1);
    t.equal(await asks(uri), true, `${uri}, forgotten`);
  }
  t.equal(await asks('sip:nobody.example:5060'), true);
  t.equal(await asks('sip:nobody.example:5060'), true, 'what is not there may come');
  for (let index = 0; index < 300; index += 1) await list(`sip:long.example:${6000 + index}`);
  t.equal(await asks('sip:long.example:6299'), false);
  t.equal(await asks('sip:long.example:6000'), true, 'the oldest made room');
});

t.test('a domain with more servers than anybody needs', async (t) => {
  const zone: Record<string, readonly DnsRecord[]> = { '_sip._tcp.big.example': [], 'big.example': [] };
  const many = Array.from({ length: 40 }, (_, index) => index);
  zone['_sip._tcp.big.example'] = many.map((index) => srv(`h${index}.example`, 5060, index));
  for (const index of many) zone[`h${index}.example`] = many.map((each) => a(`192.0.2.${each}`));
  const { server, locate } = await setUp(t, zone);
  const targets = await locate('sip:big.example;transport=tcp');
  t.equal(targets.length, MAX_TARGETS);
  t.ok(targets.every(({ addresses }) => addresses.length <= 8));
  t.ok(server.questions.length <= 40, `${server.questions.length}`);
});

t.test('SRV records by priority, then drawn by weight (RFC 2782)', async (t) => {
  const records = [
    { name: 'late', port: 1, priority: 2, weight: 9 },
    { name: 'never', port: 1, priority: 1, weight: 0 },
    { name: 'some', port: 1, priority: 1, weight: 1 },
    { name: 'most', port: 1, priority: 1, weight: 3 },
  ];
  const order = (draw: (most: number) => number): string =>
    inOrderOfWeight(records, draw)
      .map(({ name }) => name)
      .join(' ');
  t.equal(
    order(() => 0),
    'never some most late',
  );
  t.equal(
    order((most) => most),
    'most some never late',
  );
  t.equal(
    order((most) => Math.min(1, most)),
    'some most never late',
  );
  const firsts = new Map<string, number>();
  for (let round = 0; round < 4000; round += 1) {
    const [first] = inOrderOfWeight(records);
    firsts.set(first?.name ?? '', (firsts.get(first?.name ?? '') ?? 0) + 1);
  }
  t.ok((firsts.get('most') ?? 0) > 2 * (firsts.get('some') ?? 0), JSON.stringify([...firsts]));
  t.equal(firsts.get('late'), undefined);
});
