import { inspect } from 'node:util';
import t from 'tap';
import type { MediaPolicy, MediaSecurity } from '../../firmware/sdp/audio.ts';
import { formatCrypto, MasterKey, makeCryptos, readCrypto } from '../../firmware/sdp/crypto.ts';
import { makeOffer, ownCrypto, readAnswer } from '../../firmware/sdp/offer-answer.ts';
import { SdpError } from '../../firmware/sdp/sdp-error.ts';
import { parse, type SessionDescription } from '../../firmware/sdp/session-description.ts';

const KEY = 'd0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj';
const SUITE = 'AES_CM_128_HMAC_SHA1_80';

const lines: readonly (readonly [title: string, value: string, expected: object | undefined])[] = [
  ['the plainest line', `1 ${SUITE} inline:${KEY}`, { tag: 1, suite: SUITE, unencryptedSrtcp: false }],
  ['a lifetime as a power of two', `1 ${SUITE} inline:${KEY}|2^20`, { lifetimePackets: 1_048_576 }],
  ['a lifetime as a number', `1 ${SUITE} inline:${KEY}|1048576`, { lifetimePackets: 1_048_576 }],
  ['an MKI', `1 ${SUITE} inline:${KEY}|1:4`, { mki: { value: 1, bytes: 4 } }],
  ['both', `1 ${SUITE} inline:${KEY}|2^31|17:1`, { lifetimePackets: 2 ** 31, mki: { value: 17, bytes: 1 } }],
  ['what may be ignored', `1 ${SUITE} inline:${KEY} WSH=64 KDR=0 -new=1`, { tag: 1 }],
  ['unencrypted SRTCP', `1 ${SUITE} inline:${KEY} UNENCRYPTED_SRTCP`, { unencryptedSrtcp: true }],
  [
    'padding left out',
    `1 AEAD_AES_128_GCM inline:${Buffer.alloc(28, 7).toString('base64').replace(/=/g, '')}`,
    { tag: 1 },
  ],
  ['a lifetime beyond all', `1 ${SUITE} inline:${KEY}|2^49`, undefined],
  ['no lifetime', `1 ${SUITE} inline:${KEY}|0`, undefined],
  ['an MKI of no length', `1 ${SUITE} inline:${KEY}|1:0`, undefined],
  ['an MKI that is too long', `1 ${SUITE} inline:${KEY}|1:129`, undefined],
  ['a key that is too short', `1 ${SUITE} inline:${KEY.slice(4)}`, undefined],
  ['a key for another suite', `1 AES_256_CM_HMAC_SHA1_80 inline:${KEY}`, undefined],
  ['a key that is no base64', `1 ${SUITE} inline:${KEY.replace('d', '!')}`, undefined],
  ['another way of keys', `1 ${SUITE} prompt:${KEY}`, undefined],
  ['no key', `1 ${SUITE}`, undefined],
  ['a tag with a zero before it', `01 ${SUITE} inline:${KEY}`, undefined],
  ['an endless tag', `1234567890 ${SUITE} inline:${KEY}`, undefined],
  ['a suite of the language', `1 constructor inline:${KEY}`, undefined],
  ['a derivation rate', `1 ${SUITE} inline:${KEY} KDR=24`, undefined],
  ['no encryption', `1 ${SUITE} inline:${KEY} UNENCRYPTED_SRTP`, undefined],
  ['no authentication', `1 ${SUITE} inline:${KEY} UNAUTHENTICATED_SRTP`, undefined],
  ['what is not known', `1 ${SUITE} inline:${KEY} NEW`, undefined],
];
for (const [title, value, expected] of lines) {
  t.test(`RFC 4568: ${title}`, async (t) => {
    const crypto = readCrypto(value);
    if (expected === undefined) t.equal(crypto, undefined);
    else t.match(crypto, expected);
  });
}

t.test('keys are fresh, of the right length, and shown nowhere by themselves', async (t) => {
  const [first, second] = makeCryptos([
    { suite: SUITE, unencryptedSrtcp: false },
    { suite: SUITE, unencryptedSrtcp: true },
  ]);
  if (first === undefined || second === undefined) throw new Error('two lines');
  t.not(first.key.reveal(), second.key.reveal());
  t.equal(Buffer.from(first.key.reveal(), 'base64').length, 30);
  t.notMatch(`${inspect(first)} ${JSON.stringify(first)} ${first.key}`, first.key.reveal());
  t.equal(formatCrypto(second), `2 ${SUITE} inline:${second.key.reveal()} UNENCRYPTED_SRTCP`);
  t.strictSame(readCrypto(formatCrypto(second))?.key.reveal(), second.key.reveal());
  t.equal(MasterKey.read('', SUITE), undefined);
});

const OURS = makeCryptos([
  { suite: SUITE, unencryptedSrtcp: false },
  { suite: 'AES_CM_128_HMAC_SHA1_32', unencryptedSrtcp: false },
]);
const POLICY: MediaPolicy = { security: 'preferred', srtp: { suites: OURS.map(({ suite }) => suite), mki: false } };

function offerOf(security: MediaSecurity): readonly string[] {
  const text = makeOffer({
    address: '192.0.2.1',
    port: 4000,
    sessionId: 1,
    version: 1,
    codecs: ['PCMA'],
    telephoneEvent: false,
    security,
    cryptos: security === 'disabled' ? [] : OURS,
  });
  return text.split('\r\n').filter((line) => /^m=|^a=(?!rtpmap|ptime|sendrecv)/.test(line));
}

t.test('what we offer, by media security', async (t) => {
  const keys = OURS.map(formatCrypto);
  t.same(offerOf('disabled'), ['m=audio 4000 RTP/AVP 8']);
  t.same(offerOf('enforced'), ['m=audio 4000 RTP/SAVP 8', ...keys.map((key) => `a=crypto:${key}`)]);
  t.same(offerOf('preferred'), [
    'm=audio 4000 RTP/AVP 8',
    ...keys.map((key) => `a=crypto:${key}`),
    'a=tcap:1 RTP/SAVP',
    ...keys.map((key, index) => `a=acap:${index + 1} crypto:${key}`),
    'a=pcfg:1 t=1 a=1,2',
  ]);
});

const answers: readonly (readonly [MediaSecurity, media: readonly string[], expected: string | undefined])[] = [
  ['disabled', ['m=audio 9 RTP/AVP 8'], 'plain'],
  ['disabled', ['m=audio 9 RTP/SAVP 8', `a=crypto:1 ${SUITE} inline:${KEY}`], 'SDP_PROTOCOL'],
  ['preferred', ['m=audio 9 RTP/AVP 8'], 'plain'],
  ['preferred', ['m=audio 9 RTP/AVP 8', `a=crypto:1 ${SUITE} inline:${KEY}`], '1'],
  ['preferred', ['m=audio 9 RTP/SAVP 8', 'a=acfg:1 t=1 a=1', `a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`], '2'],
  ['enforced', ['m=audio 9 RTP/SAVP 8', `a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`], '2'],
  ['enforced', ['m=audio 9 RTP/SAVP 8', `a=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`], '2'],
  ['enforced', ['m=audio 9 RTP/SAVP 8', `a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:${KEY}`], 'SDP_PROTOCOL'],
  // An MKI that we never said could be: RFC 4568 §6.1 has it for who can follow it.
  ['enforced', ['m=audio 9 RTP/SAVP 8', `a=crypto:1 ${SUITE} inline:${KEY}|2^31|1:1`], 'SDP_PROTOCOL'],
  ['enforced', ['m=audio 9 RTP/AVP 8'], 'SDP_SECURITY'],
  ['enforced', ['m=audio 9 RTP/SAVP 8'], 'SDP_PROTOCOL'],
];
for (const [security, media, expected] of answers) {
  t.test(`RFC 4568 §5.1.3: ${security} is answered with ${media.join(', ')}: ${expected}`, async (t) => {
    const offer = {
      codecs: ['PCMA'],
      telephoneEvent: false,
      security,
      cryptos: security === 'disabled' ? [] : OURS,
    } as const;
    const audio = readAnswer(answerOf(media), offer, POLICY);
    if (audio instanceof SdpError) t.equal(audio.code, expected);
    else if (audio.crypto === undefined) t.equal('plain', expected);
    else t.equal(String(ownCrypto(offer, audio.crypto)?.tag), expected);
  });
}

function answerOf(media: readonly string[]): SessionDescription {
  const text = ['v=0', 'o=- 1 1 IN IP4 192.0.2.10', 's=-', 'c=IN IP4 192.0.2.10', 't=0 0', ...media, ''].join('\r\n');
  const description = parse(text);
  if (description instanceof SdpError) throw description;
  return description;
}
