import { inspect } from 'node:util';
import t from 'tap';
import { type MediaSettings, mediaSettings } from '../../../firmware/call/leg/media-settings.ts';
import { MediaSide } from '../../../firmware/call/leg/media-side.ts';
import { NO_PAUSES, type Pauses, pausesBeside } from '../../../firmware/call/leg/negotiation.ts';
import { complete } from '../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../../firmware/config/schema/tree.ts';
import type { MediaSecurity } from '../../../firmware/sdp/audio.ts';
import { masterKey } from '../../support/srtp-peer.ts';

const KEY = 'd0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj';
const CRYPTO = `a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;
const SETTINGS: MediaSettings = {
  codecs: ['PCMA', 'PCMU', 'G729'],
  security: 'disabled',
  encryptSrtcp: false,
  dscp: 46,
};

function sideOf(security: MediaSecurity, more: Partial<MediaSettings> = {}): MediaSide {
  const settings = { ...SETTINGS, security, ...more };
  return new MediaSide({ sessionId: 1, address: '192.0.2.1', localAddress: '192.0.2.1', port: 4000, settings });
}

function description(...media: readonly string[]): string {
  return ['v=0', 'o=- 1 1 IN IP4 192.0.2.2', 's=-', 'c=IN IP4 192.0.2.2', 't=0 0', ...media, ''].join('\r\n');
}

const PLAIN = description('m=audio 9000 RTP/AVP 8');
const SECURE = description('m=audio 9000 RTP/SAVP 8', CRYPTO);
const HABIT = description('m=audio 9000 RTP/AVP 8', CRYPTO);

for (const dtmf of ['info', 'in-band'] as const) {
  t.test(`digits by ${dtmf}: no event is offered, nor taken`, async (t) => {
    const side = sideOf('disabled', { dtmf });
    t.notMatch(side.offer([], true), 'telephone-event');
    const offer = side.readOffer(description('m=audio 9000 RTP/AVP 8 101', 'a=rtpmap:101 telephone-event/8000'));
    if ('status' in offer) throw new Error(offer.why);
    const answer = side.answer(offer, []);
    if ('status' in answer) throw new Error(answer.why);
    t.notMatch(answer.sdp, 'telephone-event');
    t.equal(answer.parameters.telephoneEventPayloadType, undefined);
  });
}

const offers: readonly (readonly [MediaSecurity, offer: string, protocol: string | number, isSecure: boolean])[] = [
  ['disabled', PLAIN, 'RTP/AVP', false],
  ['disabled', HABIT, 'RTP/AVP', false],
  ['disabled', SECURE, 302, false],
  ['preferred', PLAIN, 'RTP/AVP', false],
  ['preferred', HABIT, 'RTP/AVP', true],
  ['preferred', SECURE, 'RTP/SAVP', true],
  ['enforced', PLAIN, 302, false],
  ['enforced', HABIT, 'RTP/AVP', true],
  ['enforced', SECURE, 'RTP/SAVP', true],
];
for (const [security, sdp, protocol, isSecure] of offers) {
  const line = /m=.*/.exec(sdp)?.[0];
  t.test(`SRTP ${security} is offered ${line}: ${protocol}${isSecure ? ', secured' : ''}`, async (t) => {
    const side = sideOf(security);
    const offer = side.readOffer(sdp);
    if ('status' in offer) {
      t.same([offer.status, offer.warningCode], [488, protocol]);
      return;
    }
    const answer = side.answer(offer, []);
    if ('status' in answer) throw new Error(answer.why);
    t.match(answer.sdp, `m=audio 4000 ${protocol} 8\r\n`);
    const own = /a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:(\S+)/.exec(answer.sdp)?.[1];
    const { srtp } = answer.parameters;
    if (!isSecure) t.same([own, srtp], [undefined, undefined]);
    else t.match(srtp, { suite: 'AES_CM_128_HMAC_SHA1_80', receiveKey: KEY, sendKey: own, unencryptedSrtcp: false });
    t.not(own, KEY);
    const again = side.answer(offer, []);
    t.equal('status' in again ? '' : again.parameters.srtp?.sendKey, srtp?.sendKey, 'our stream goes on under its key');
    t.notMatch(inspect(offer), KEY.slice(0, 12), 'what may be logged has no key');
  });
}

t.test('an answer to our keys', async (t) => {
  const side = sideOf('enforced');
  const offer = side.offer([], true);
  t.match(offer, 'm=audio 4000 RTP/SAVP 8 0 18 101\r\n');
  const lines = [...offer.matchAll(/a=crypto:(\d) (\S+) inline:(\S+)( UNENCRYPTED_SRTCP)?/g)];
  t.same(
    lines.map(([, tag, suite, , plain]) => [tag, suite, plain !== undefined]),
    [
      ['1', 'AES_CM_128_HMAC_SHA1_80', true],
      ['2', 'AES_CM_128_HMAC_SHA1_80', false],
      ['3', 'AES_CM_128_HMAC_SHA1_32', true],
      ['4', 'AES_CM_128_HMAC_SHA1_32', false],
    ],
    'both ways of SRTCP where phones may leave it in the clear',
  );
  t.equal(new Set(lines.map(([, , , key]) => key)).size, 4, 'a key for each');
  const answer = side.readAnswer(
    description('m=audio 9000 RTP/SAVP 8', `a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:${KEY} UNENCRYPTED_SRTCP`),
  );
  if ('status' in answer) throw new Error(answer.why);
  t.match(answer.parameters.srtp, {
    suite: 'AES_CM_128_HMAC_SHA1_32',
    sendKey: lines[2]?.[3],
    receiveKey: KEY,
    unencryptedSrtcp: true,
  });
  side.agree(answer);
  t.equal(
    side.offer([], true).match(/(?<=a=crypto:3 \S+ inline:)\S+/)?.[0],
    lines[2]?.[3],
    'offered again: ours stays',
  );
  const changed = masterKey('AES_CM_128_HMAC_SHA1_32', 9);
  t.match(
    side.readAnswer(
      description('m=audio 9000 RTP/SAVP 8', `a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:${changed} UNENCRYPTED_SRTCP`),
    ),
    { parameters: { srtp: { sendKey: lines[2]?.[3], receiveKey: changed } } },
    'whoever answers with another key sends under that one',
  );
  t.match(side.readAnswer(PLAIN), { status: 488, warningCode: 302 });
  t.notMatch(sideOf('enforced', { encryptSrtcp: true }).offer([], true), 'UNENCRYPTED');
});

t.test('where SRTP is preferred, a plain answer is taken, and one by RFC 5939', async (t) => {
  const side = sideOf('preferred');
  const offer = side.offer([], false);
  t.match(offer, /m=audio 4000 RTP\/AVP 8 0 18\r\n[\s\S]*a=crypto:1 [\s\S]*a=pcfg:1 t=1 a=1,2,3,4\r\n/);
  const plain = side.readAnswer(PLAIN);
  t.equal('status' in plain ? plain.why : plain.parameters.srtp, undefined);
  const secured = side.readAnswer(
    description('m=audio 9000 RTP/SAVP 8', 'a=acfg:1 t=1 a=1', `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`),
  );
  t.match(secured, { parameters: { srtp: { receiveKey: KEY } } });
});

t.test('RFC 3264 §5.1: each side receives events under its own number', async (t) => {
  const side = sideOf('disabled');
  side.offer([], true);
  const answer = side.readAnswer(description('m=audio 9000 RTP/AVP 8 97', 'a=rtpmap:97 telephone-event/8000'));
  t.match(answer, { parameters: { telephoneEventPayloadType: 97, telephoneEventReceivedType: 101 } });
  const without = side.readAnswer(PLAIN);
  t.equal('status' in without ? '' : without.parameters.telephoneEventReceivedType, undefined);
});

const reports: readonly (readonly [lines: readonly string[], expected: object])[] = [
  [[], { rtcpMux: undefined, rtcpPort: undefined, dscp: 46 }],
  [['a=rtcp:9001'], { rtcpPort: undefined }],
  [['a=rtcp:9100'], { rtcpPort: 9100, rtcpAddress: undefined }],
  [['a=rtcp:9100 IN IP4 192.0.2.9'], { rtcpPort: 9100, rtcpAddress: '192.0.2.9' }],
  [['a=rtcp:9100', 'a=rtcp-mux'], { rtcpMux: true, rtcpPort: undefined }],
];
for (const [lines, expected] of reports) {
  t.test(`reports go where the peer says: ${lines.join(', ')}`, async (t) => {
    const side = sideOf('disabled');
    t.match(side.offer([], true), 'a=rtcp-mux\r\n', 'RFC 5761: offered to all');
    const agreements = [side.readAnswer(description('m=audio 9000 RTP/AVP 8', ...lines))];
    const offer = side.readOffer(description('m=audio 9000 RTP/AVP 8', ...lines));
    if ('status' in offer) throw new Error(offer.why);
    const answer = side.answer(offer, []);
    agreements.push(answer);
    for (const agreement of agreements) t.match(agreement, { parameters: expected });
    t.equal('sdp' in answer && answer.sdp.includes('a=rtcp-mux'), lines.includes('a=rtcp-mux'));
  });
}

t.test('what an extension may do, by its own settings and the system’s', async (t) => {
  const configuration = complete(nodeOf(configurationSchema), {
    system: { media: { codecs: ['PCMA', 'G729'], security: 'preferred', encryptSrtcp: true, dscp: { audio: 40 } } },
    extensions: { 201: {}, 202: { codecs: ['PCMU'], mediaSecurity: 'disabled' }, 203: { codecs: [] } },
  }) as Configuration;
  const system = { codecs: ['PCMA', 'G729'], security: 'preferred', encryptSrtcp: true, dscp: 40 };
  t.same(mediaSettings(configuration, '201'), system);
  t.same(mediaSettings(configuration, '202'), { ...system, codecs: ['PCMU'], security: 'disabled' });
  t.same(mediaSettings(configuration, '203'), system, 'an empty list leaves it to the system');
  t.same(mediaSettings(configuration, '999'), system);
});

const G729 = description('m=audio 9000 RTP/AVP 18 13');
const G729_WITHOUT = description('m=audio 9000 RTP/AVP 18 13', 'a=fmtp:18 annexb=no');

t.test('RFC 7261, RFC 3389: silence descriptors and comfort noise where both have them', async (t) => {
  const both = { comfortNoise: true, annexB: true };
  const cases: readonly (readonly [offer: string, may: Pauses, annexb: string, noise: number | undefined])[] = [
    [G729, both, 'yes', 13],
    [G729_WITHOUT, both, 'no', 13],
    [G729, NO_PAUSES, 'no', undefined],
  ];
  for (const [theirs, may, annexb, noise] of cases) {
    const side = sideOf('disabled');
    const offer = side.readOffer(theirs);
    if ('status' in offer) throw new Error(offer.why);
    const answer = side.answer(offer, [], may);
    if ('status' in answer) throw new Error(answer.why);
    t.match(answer.sdp, `a=fmtp:18 annexb=${annexb}\r\n`);
    t.equal(answer.sdp.includes('a=rtpmap:13 CN/8000\r\n'), noise !== undefined);
    t.equal(answer.parameters.annexB === true, annexb === 'yes');
    t.equal(answer.parameters.comfortNoisePayloadType, noise);
    t.match(side.offer([], true, may), `a=fmtp:18 annexb=${may.annexB ? 'yes' : 'no'}\r\n`);
    const taken = side.readAnswer(theirs);
    if ('status' in taken) throw new Error(taken.why);
    t.equal(taken.parameters.annexB === true, annexb === 'yes');
    t.equal(taken.parameters.comfortNoisePayloadType, noise);
  }
});

t.test('what the other leg lacks of the same codec is not agreed', async (t) => {
  const of = (sdp: string) => {
    const offer = sideOf('disabled').readOffer(sdp);
    if ('status' in offer) throw new Error(offer.why);
    return pausesBeside(offer.audio);
  };
  t.same(of(G729), { comfortNoise: true, annexB: true });
  t.same(of(G729_WITHOUT), { comfortNoise: true, annexB: false });
  t.same(of(PLAIN), { comfortNoise: false, annexB: true }, 'what becomes G.729 here may pause');
  t.same(pausesBeside(undefined), NO_PAUSES);
});
