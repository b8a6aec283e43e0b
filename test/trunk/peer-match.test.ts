import t from 'tap';
import { NetworkList } from '../../firmware/core/network-list.ts';
import type { Flow } from '../../firmware/sip/stack.ts';
import { type Arrival, type LinePeer, lineOf } from '../../firmware/trunk/peer-match.ts';

const flow = (more: Partial<Flow> = {}): Flow => ({
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '198.51.100.7',
  remotePort: 5060,
  ...more,
});
const tcp = flow({ protocol: 'tcp', remotePort: 40_000, connection: 7 });
const tls = flow({ protocol: 'tls', remotePort: 40_000, connection: 8 });

function networks(...list: readonly string[]): NetworkList {
  const made = new NetworkList();
  for (const network of list) made.add(network);
  return made;
}

const peer = (line: string, more: Partial<LinePeer> = {}): LinePeer => ({
  line,
  transport: 'udp',
  flow: undefined,
  servers: new Set(),
  addresses: new Set(),
  peers: networks(),
  certificateNames: [],
  token: undefined,
  user: `user${line}`,
  ...more,
});
const at = (more: Partial<LinePeer> = {}) =>
  peer('1', { servers: new Set(['198.51.100.7 5060']), addresses: new Set(['198.51.100.7']), ...more });
const arrival = (more: Partial<Arrival> = {}): Arrival => ({
  flow: flow(),
  provenName: undefined,
  requestUser: undefined,
  lineToken: undefined,
  toUser: undefined,
  isDevices: () => false,
  ...more,
});

t.test('an INVITE is known by its way, and nobody else is', async (t) => {
  const cases: readonly (readonly [string, Arrival, readonly LinePeer[], string | undefined])[] = [
    ['no line', arrival(), [], undefined],
    ['the server of a line', arrival(), [at()], '1'],
    ['another port of it', arrival({ flow: flow({ remotePort: 5070 }) }), [at()], undefined],
    ['another address', arrival({ flow: flow({ remoteAddress: '203.0.113.9' }) }), [at()], undefined],
    [
      'a network of the line, any port',
      arrival({ flow: flow({ remotePort: 9 }) }),
      [peer('2', { peers: networks('198.51.100.0/24') })],
      '2',
    ],
    [
      'a phone in that network',
      arrival({ isDevices: () => true }),
      [peer('2', { peers: networks('198.51.100.0/24') })],
      undefined,
    ],
    ['the flow of the registration', arrival({ flow: tcp }), [peer('3', { flow: tcp, transport: 'tcp' })], '3'],
    [
      'another connection from there',
      arrival({ flow: { ...tcp, connection: 9 } }),
      [peer('3', { flow: tcp, transport: 'tcp' })],
      undefined,
    ],
    ['a connection from a server', arrival({ flow: tcp }), [at({ transport: 'tcp' })], '1'],
    [
      'a connection of a phone there',
      arrival({ flow: tcp, isDevices: () => true }),
      [at({ transport: 'tcp' })],
      undefined,
    ],
    ['UDP for a line of TLS: anybody can forge it', arrival(), [at({ transport: 'tls' })], undefined],
    ['UDP for a line of TCP', arrival(), [at({ transport: 'tcp' })], undefined],
    ['TCP for a line of TLS', arrival({ flow: tcp }), [at({ transport: 'tls' })], undefined],
    [
      'the name of the certificate',
      arrival({ flow: tls, provenName: 'sip.example' }),
      [peer('4', { transport: 'tls', certificateNames: ['sip.example'] })],
      '4',
    ],
    [
      'another name',
      arrival({ flow: tls, provenName: 'evil.example' }),
      [at({ transport: 'tls', certificateNames: ['sip.example'] })],
      undefined,
    ],
    ['a WebSocket', arrival({ flow: flow({ protocol: 'wss', connection: 3 }) }), [at()], undefined],
  ];
  for (const [what, from, lines, line] of cases) t.equal(lineOf(from, lines), line, what);
});

t.test('the token of a registration is proof, and only over a transport as good', async (t) => {
  const elsewhere = flow({ remoteAddress: '203.0.113.9' });
  const registered = peer('5', { token: 'secret' });
  t.equal(lineOf(arrival({ flow: elsewhere, lineToken: 'secret' }), [registered]), '5');
  t.equal(lineOf(arrival({ flow: elsewhere, lineToken: 'guess' }), [registered]), undefined);
  t.equal(
    lineOf(arrival({ flow: elsewhere, lineToken: 'secret' }), [peer('5', { token: 'secret', transport: 'tls' })]),
    undefined,
  );
  t.equal(lineOf(arrival({ flow: elsewhere }), [peer('6')]), undefined, 'no token is none');
});

t.test('several lines of one carrier are told apart by what is called', async (t) => {
  const lines = [at(), at({ line: '2', user: 'user2', token: 'b' }), at({ line: '3', user: 'user3', flow: flow() })];
  t.equal(lineOf(arrival({ lineToken: 'b', requestUser: 'user1' }), lines), '2');
  t.equal(lineOf(arrival({ requestUser: 'user2' }), lines), '2');
  t.equal(lineOf(arrival({ requestUser: '0305551', toUser: 'user1' }), lines), '1');
  t.equal(lineOf(arrival({ requestUser: '0305551' }), lines), '3', 'the one that registered by this way');
  t.equal(lineOf(arrival(), [at({ line: '1' }), at({ line: '2' })]), '1');
});
