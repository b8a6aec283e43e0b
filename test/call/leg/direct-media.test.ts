import t from 'tap';
import { type ConnectedSide, DirectMedia, directObstacle } from '../../../firmware/call/leg/direct-media.ts';
import { type Agreement, MediaSide } from '../../../firmware/call/leg/media-side.ts';
import type { Pauses } from '../../../firmware/call/leg/negotiation.ts';
import type { Flow, RenegotiationResult } from '../../../firmware/sip/stack.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { masterKey } from '../../support/srtp-peer.ts';

const OURS = '192.0.2.1';

interface Peer {
  readonly address?: string;
  readonly port?: number;
  readonly media?: string;
  readonly lines?: readonly string[];
  readonly flow?: Partial<Flow>;
  /** What whom it is to talk to takes of pauses. */
  readonly beside?: Pauses;
}

function descriptionOf({ address = '192.0.2.10', port = 9000, media = 'RTP/AVP 8 101', lines = EVENTS }: Peer): string {
  const family = address.includes(':') ? 'IP6' : 'IP4';
  return [
    ...['v=0', `o=- 1 1 IN ${family} ${address}`, 's=-', `c=IN ${family} ${address}`, 't=0 0'],
    ...[`m=audio ${port} ${media}`, ...lines, ''],
  ].join('\r\n');
}

const EVENTS = ['a=rtpmap:101 telephone-event/8000'];
const ANNEX_B: Peer = { media: 'RTP/AVP 18 101', lines: [...EVENTS, 'a=fmtp:18 annexb=yes'] };
const ANNEX_B_TOO: Pauses = { comfortNoise: false, annexB: true };
const NOISE: Peer = { media: 'RTP/AVP 8 13 101' };
const NOISE_TOO: Pauses = { comfortNoise: true, annexB: false };
const KEY = masterKey('AES_CM_128_HMAC_SHA1_80', 1);
const SECRET: Peer = {
  media: 'RTP/SAVP 8 101',
  lines: [...EVENTS, `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`],
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
let sessions = 0;

/** A side that has agreed on what the peer offers; `answers` are what the peer says to re-INVITEs, one after the other. */
function connected(peer: Peer, answers: (RenegotiationResult | 'late')[] = []) {
  const address = peer.address ?? '192.0.2.10';
  const localAddress = peer.flow?.localAddress ?? (address.includes(':') ? 'fd00::1' : OURS);
  const side = new MediaSide({
    sessionId: ++sessions,
    address: localAddress,
    localAddress,
    port: 4000 + sessions * 2,
    settings: { codecs: ['PCMA', 'PCMU', 'G729'], security: 'preferred', encryptSrtcp: false, dscp: 46 },
  });
  const offer = side.readOffer(descriptionOf(peer));
  if ('status' in offer) throw new Error(offer.why);
  const answer = side.answer(offer, [], peer.beside);
  if ('status' in answer) throw new Error(answer.why);
  side.agree(answer);
  const offers: string[] = [];
  const late: ((result: RenegotiationResult) => void)[] = [];
  const flow: Flow = {
    protocol: 'udp',
    localAddress,
    localPort: 5060,
    remoteAddress: address,
    remotePort: 5060,
    ...peer.flow,
  };
  const connectedSide: ConnectedSide = {
    side,
    flow,
    reinvite: async (sdp) => {
      offers.push(sdp);
      const result = answers.shift() ?? { status: 200, sdp: descriptionOf(peer) };
      return result === 'late' ? new Promise((resolve) => late.push(resolve)) : result;
    },
  };
  return { ...connectedSide, offers, late, answers };
}

const obstacles: readonly (readonly [expected: string | undefined, left: Peer, right: Peer])[] = [
  [undefined, {}, { port: 9100 }],
  ['codec', {}, { media: 'RTP/AVP 0 101' }],
  ['packet time', {}, { lines: [...EVENTS, 'a=ptime:30'] }],
  ['telephone events', {}, { media: 'RTP/AVP 8', lines: [] }],
  [undefined, { media: 'RTP/AVP 8', lines: [] }, { media: 'RTP/AVP 8', lines: [] }],
  ['codec', { ...ANNEX_B, beside: ANNEX_B_TOO }, ANNEX_B],
  [undefined, { ...ANNEX_B, beside: ANNEX_B_TOO }, { ...ANNEX_B, beside: ANNEX_B_TOO }],
  ['codec', { ...NOISE, beside: NOISE_TOO }, NOISE],
  [undefined, { ...NOISE, beside: NOISE_TOO }, { ...NOISE, beside: NOISE_TOO }],
  ['security', {}, SECRET],
  ['security', SECRET, {}],
  // Each has keys of its own with the box, which the other one does not know.
  ['security', SECRET, SECRET],
  ['direction', {}, { lines: [...EVENTS, 'a=sendonly'] }],
  ['direction', { lines: [...EVENTS, 'a=inactive'] }, {}],
  ['addresses', {}, { address: 'fd00::9' }],
  ['addresses', {}, { lines: [...EVENTS, 'a=altc:1 IP4 192.0.2.10 9000'] }],
  ['network', {}, { flow: { localAddress: '192.0.2.129' } }],
  ['NAT', {}, { flow: { remoteAddress: '198.51.100.7' } }],
  ['NAT', { flow: { remoteAddress: '192.0.2.11' } }, {}],
];
for (const [expected, left, right] of obstacles) {
  t.test(`${JSON.stringify(left)} with ${JSON.stringify(right)}: ${expected ?? 'direct'}`, async (t) => {
    t.equal(directObstacle(connected(left), connected(right)), expected);
  });
}

function setUp(
  leftAnswers: (RenegotiationResult | 'late')[] = [],
  rightAnswers: (RenegotiationResult | 'late')[] = [],
  isAllowed = () => true,
) {
  const clock = new FakeClock();
  const left = connected({ port: 9000 }, leftAnswers);
  const right = connected({ address: '192.0.2.11', port: 9100 }, rightAnswers);
  const relayed: [number, Agreement][] = [];
  const changes: boolean[] = [];
  const direct = new DirectMedia({
    clock,
    sides: () => [left, right],
    isAllowed,
    relay: async (leg, agreement) => void relayed.push([leg, agreement]),
    onChanged: (isDirect) => changes.push(isDirect),
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let i = 0; i < 20; i += 1) await turn();
  };
  return { clock, left, right, direct, relayed, changes, pass };
}

/** Address and port of the audio that a description offers. */
function mediaOf(sdp: string | undefined): string {
  return `${/c=IN IP4 (\S+)/.exec(sdp ?? '')?.[1]}:${/m=audio (\d+)/.exec(sdp ?? '')?.[1]}`;
}

t.test('each phone is offered the media of the other, and the box is back when it is needed', async (t) => {
  const { left, right, direct, relayed, changes, pass } = setUp();
  direct.consider();
  t.equal(left.offers.length, 0, 'not before they have begun');
  await pass(500);
  t.same(left.offers.map(mediaOf), ['192.0.2.11:9100']);
  t.same(right.offers.map(mediaOf), ['192.0.2.10:9000']);
  t.match(left.offers[0], /m=audio 9100 RTP\/AVP 8 101\r\n/, 'with the agreed codec alone');
  t.equal(direct.isDirect, true);
  const done = direct.need();
  await pass(0);
  t.equal(direct.isDirect, false);
  t.match(left.offers.map(mediaOf)[1], /^192\.0\.2\.1:/);
  t.match(right.offers.map(mediaOf)[1], /^192\.0\.2\.1:/);
  t.same(
    relayed.map(([leg, { audio }]) => [leg, audio.remotePort]),
    [
      [0, 9000],
      [1, 9100],
    ],
  );
  await pass(60_000);
  t.equal(direct.isDirect, false, 'as long as it is needed');
  done();
  done();
  await pass(500);
  t.equal(direct.isDirect, true);
  t.same(changes, [true, false, true]);
  direct.close();
});

t.test('a phone that moves as it is switched is followed by the other', async (t) => {
  const moved = { status: 200, sdp: descriptionOf({ port: 9500 }) };
  const { right, direct, pass } = setUp([moved]);
  direct.consider();
  await pass(500);
  t.same(right.offers.map(mediaOf), ['192.0.2.10:9500']);
  t.equal(direct.isDirect, true);
});

t.test('a phone that refuses stays on the relay, and is not asked again', async (t) => {
  const { left, right, direct, relayed, pass } = setUp([], [{ status: 488, sdp: undefined }]);
  direct.consider();
  await pass(500);
  t.equal(direct.isDirect, false);
  t.match(left.offers.map(mediaOf), ['192.0.2.11:9100', /^192\.0\.2\.1:/], 'the other comes back');
  t.same(
    relayed.map(([leg]) => leg),
    [0],
  );
  direct.consider();
  await pass(60_000);
  t.equal(left.offers.length, 2);
  t.equal(right.offers.length, 1);
});

t.test('one that answers without a description, or with another codec, has refused', async (t) => {
  for (const sdp of [undefined, descriptionOf({ media: 'RTP/AVP 0' })]) {
    const { left, right, direct, pass } = setUp([{ status: 200, sdp }]);
    direct.consider();
    await pass(60_000);
    t.equal(direct.isDirect, false);
    t.equal(left.offers.length, 1);
    t.equal(right.offers.length, 0);
  }
});

t.test('RFC 3261 §14.1: after a collision it is tried again, and not for ever', async (t) => {
  const busy = { status: 491, sdp: undefined };
  const { left, direct, pass } = setUp([busy, busy]);
  direct.consider();
  await pass(500);
  t.equal(left.offers.length, 1);
  await pass(2499);
  t.equal(left.offers.length, 1);
  await pass(1);
  t.equal(left.offers.length, 2);
  await pass(5000);
  t.equal(direct.isDirect, true);
  const never = setUp(Array.from({ length: 20 }, () => busy));
  never.direct.consider();
  for (let i = 0; i < 20; i += 1) await never.pass(20_000);
  t.equal(never.left.offers.length, 4);
});

t.test('a phone that offers something else meanwhile is relayed, and the other comes back', async (t) => {
  const { left, right, direct, pass } = setUp([], ['late']);
  direct.consider();
  await pass(500);
  direct.peerChanged(0);
  right.late[0]?.({ status: 200, sdp: descriptionOf({ address: '192.0.2.11', port: 9100 }) });
  await pass(0);
  t.equal(direct.isDirect, false);
  t.match(mediaOf(left.offers.at(-1)), /^192\.0\.2\.1:/);
  t.match(mediaOf(right.offers.at(-1)), /^192\.0\.2\.1:/);
});

t.test('a hold of one phone brings the other back alone', async (t) => {
  const { left, right, direct, relayed, pass } = setUp();
  direct.consider();
  await pass(500);
  t.equal(direct.peerChanged(0), true);
  await pass(0);
  t.equal(left.offers.length, 1, 'it has the box in the answer to its own offer');
  t.match(mediaOf(right.offers.at(-1)), /^192\.0\.2\.1:/);
  t.same(
    relayed.map(([leg]) => leg),
    [1],
  );
});

t.test('nothing is begun where it is not allowed, and after the end', async (t) => {
  const forbidden = setUp([], [], () => false);
  forbidden.direct.consider();
  await forbidden.pass(60_000);
  t.equal(forbidden.left.offers.length, 0);
  const ended = setUp();
  ended.direct.consider();
  ended.direct.close();
  ended.direct.consider();
  await ended.pass(60_000);
  t.equal(ended.left.offers.length, 0);
  t.equal(ended.clock.pending, 0);
});

t.test('phones that change their media with each re-INVITE do not go to and fro for ever', async (t) => {
  const { left, direct, pass } = setUp();
  for (let i = 0; i < 100; i += 1) {
    direct.consider();
    await pass(500);
    direct.peerChanged(1);
    await pass(500);
  }
  t.ok(left.offers.length <= 32, `${left.offers.length}`);
});

t.test('a refresh that changes nothing is answered with the media of the other phone', async (t) => {
  const left = connected({ port: 9000 });
  const right = connected({
    address: '192.0.2.11',
    port: 9100,
    media: 'RTP/AVP 8 96',
    lines: ['a=rtpmap:96 telephone-event/8000'],
  });
  const refresh = left.side.readOffer(descriptionOf({ port: 9000, media: 'RTP/AVP 0 8 101' }));
  const moved = left.side.readOffer(descriptionOf({ port: 9002 }));
  if ('status' in refresh || 'status' in moved || right.side.agreement === undefined) throw new Error('unreadable');
  t.equal(left.side.isAsAgreed(refresh), true);
  t.equal(left.side.isAsAgreed(moved), false);
  const answer = left.side.answerDirect(refresh, right.side.agreement);
  t.equal(mediaOf(answer), '192.0.2.11:9100');
  t.match(answer, /a=rtpmap:96 telephone-event/, 'RFC 3264 §6.1: under the numbers that the other receives');
});
