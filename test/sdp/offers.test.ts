import t from 'tap';
import { type MediaPolicy, type MediaSecurity, readAudio } from '../../firmware/sdp/audio.ts';
import { answerCrypto, type SrtpSuite } from '../../firmware/sdp/crypto.ts';
import { chooseCodec, makeAnswer, noAudio } from '../../firmware/sdp/offer-answer.ts';
import { parse } from '../../firmware/sdp/session-description.ts';
import { parsed } from './fixtures.ts';

const IPV4 = { address: '192.168.42.1', port: 46750, sessionId: 7, version: 1 };
const IPV6 = { ...IPV4, address: 'fd00::1' };
const HEAD = ['v=0', 'o=- 7 1 IN IP4 192.168.42.1', 's=-', 'c=IN IP4 192.168.42.1', 't=0 0'];
const HEAD6 = ['v=0', 'o=- 7 1 IN IP6 fd00::1', 's=-', 'c=IN IP6 fd00::1', 't=0 0'];
const PCMA = ['a=rtpmap:8 PCMA/8000', 'a=ptime:20'];
const PCMU = ['a=rtpmap:0 PCMU/8000', 'a=ptime:20'];
const EVENTS = ['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15'];
const SUITES: readonly SrtpSuite[] = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AEAD_AES_256_GCM'];

interface Rule {
  readonly title: string;
  readonly fixture: string;
  /** Lines of the answer, keys as KEY; or the code of what is wrong with the offer. */
  readonly answer: readonly string[] | string;
  readonly security?: MediaSecurity;
  readonly over?: 'IP4' | 'IP6';
  /** What the media worker can do beside the usual. */
  readonly able?: {
    readonly rtcpMux?: true;
    readonly annexB?: true;
    readonly comfortNoise?: true;
    readonly mki?: true;
  };
}

const rules: readonly Rule[] = [
  {
    title: 'RFC 4091: ANAT is answered in the family of the request, IPv4',
    fixture: 'anat',
    answer: [
      ...HEAD,
      'a=group:ANAT 2',
      'm=audio 0 RTP/AVP 0',
      'a=mid:1',
      'm=audio 46750 RTP/AVP 0',
      'a=mid:2',
      ...PCMU,
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 4091: and IPv6',
    fixture: 'anat',
    over: 'IP6',
    answer: [
      ...HEAD6,
      'a=group:ANAT 1',
      'm=audio 46750 RTP/AVP 0',
      'a=mid:1',
      ...PCMU,
      'a=sendrecv',
      'm=audio 0 RTP/AVP 0',
      'a=mid:2',
    ],
  },
  {
    title: 'RFC 6947: the answer to ALTC is in one family, and has no alternatives',
    fixture: 'altc',
    over: 'IP6',
    answer: [...HEAD6, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  {
    title: 'RFC 9143: BUNDLE is answered without it, and a line for bundles alone is refused',
    fixture: 'bundle',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/AVP 8 101',
      'a=rtpmap:8 PCMA/8000',
      ...EVENTS,
      'a=ptime:20',
      'a=sendrecv',
      'm=video 0 RTP/AVP 96',
    ],
  },
  {
    title: 'RFC 8839: candidates are passed over, and the answer has none',
    fixture: 'ice',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  { title: 'RFC 5764: DTLS is not taken', fixture: 'webrtc', answer: 'SDP_PROTOCOL', security: 'preferred' },
  {
    title: 'RFC 3264 §6: all lines but one are refused, one at a time, in their order',
    fixture: 'several',
    answer: [
      ...HEAD,
      'm=video 0 RTP/AVP 96',
      'm=audio 46750 RTP/AVP 8',
      ...PCMA,
      'a=sendrecv',
      'm=image 0 udptl t38',
      'm=message 0 TCP/MSRP *',
      'm=audio 0 RTP/AVP 0',
      'm=text 0 RTP/AVP 98',
    ],
  },
  {
    title: 'RFC 5761: rtcp-mux is answered where the worker can',
    fixture: 'rtcp',
    able: { rtcpMux: true },
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=rtcp-mux', 'a=sendrecv'],
  },
  {
    title: 'RFC 5761: and not where it is not offered',
    fixture: 'pcma',
    able: { rtcpMux: true },
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8 101', 'a=rtpmap:8 PCMA/8000', ...EVENTS, 'a=ptime:20', 'a=sendrecv'],
  },
  {
    title: 'RFC 4585: a feedback profile is answered with itself, without feedback',
    fixture: 'avpf',
    answer: [...HEAD, 'm=audio 46750 RTP/AVPF 8', ...PCMA, 'a=sendrecv'],
  },
  { title: 'SRTP is refused where it is off', fixture: 'srtp', answer: 'SDP_PROTOCOL' },
  {
    title: 'RFC 4568 §5.1.2: the first key line that can be followed is answered, one with an MKI where the worker can',
    fixture: 'srtp',
    security: 'preferred',
    able: { mki: true },
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVP 8',
      ...PCMA,
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 4568: the next one where it cannot',
    fixture: 'srtp',
    security: 'enforced',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVP 8',
      ...PCMA,
      'a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=sendrecv',
    ],
  },
  ...(['preferred', 'enforced'] as const).map(
    (security): Rule => ({
      title: `RFC 4568 §5.1.2: a stream whose every key line has an MKI is refused where SRTP is ${security}`,
      fixture: 'srtp-mki',
      security,
      answer: 'SDP_PROTOCOL',
    }),
  ),
  {
    title: 'a key with an MKI over plain RTP is passed over: the stream is plain',
    fixture: 'srtp-mki-habit',
    security: 'preferred',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  {
    title: 'RFC 5939: a configuration whose key has an MKI is passed over for the next one',
    fixture: 'capability-mki',
    security: 'preferred',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVP 8',
      ...PCMA,
      'a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=acfg:2 t=1 a=2',
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 4568 §6.3: what weakens a stream or is not known is passed over, and UNENCRYPTED_SRTCP agreed to',
    fixture: 'srtp-suites',
    security: 'enforced',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVP 8',
      ...PCMA,
      'a=crypto:7 AEAD_AES_256_GCM inline:KEY UNENCRYPTED_SRTCP',
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 4585 with SRTP',
    fixture: 'srtp-savpf',
    security: 'preferred',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVPF 8',
      ...PCMA,
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=sendrecv',
    ],
  },
  { title: 'SRTP without a key', fixture: 'srtp-without-key', security: 'preferred', answer: 'SDP_PROTOCOL' },
  { title: 'no SRTP where it is enforced', fixture: 'pcma', security: 'enforced', answer: 'SDP_SECURITY' },
  {
    title: 'a key over plain RTP is taken where SRTP is preferred',
    fixture: 'srtp-habit',
    security: 'preferred',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/AVP 8',
      ...PCMA,
      'a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:KEY',
      'a=sendrecv',
    ],
  },
  {
    title: 'and passed over where it is off',
    fixture: 'srtp-habit',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  {
    title: 'of a plain and a secure line the secure one is taken where that is preferred',
    fixture: 'srtp-and-plain',
    security: 'preferred',
    answer: [
      ...HEAD,
      'm=audio 0 RTP/AVP 8',
      'm=audio 46750 RTP/SAVP 8',
      ...PCMA,
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=sendrecv',
    ],
  },
  {
    title: 'and the plain one where SRTP is off',
    fixture: 'srtp-and-plain',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv', 'm=audio 0 RTP/SAVP 8'],
  },
  {
    title: 'RFC 5939: SRTP is chosen from an offer of plain RTP',
    fixture: 'capability',
    security: 'preferred',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVP 8 101',
      'a=rtpmap:8 PCMA/8000',
      ...EVENTS,
      'a=ptime:20',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=acfg:1 t=1 a=1',
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 5939: what is not to be had is passed over, one configuration after the other',
    fixture: 'capability-odd',
    security: 'enforced',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/SAVPF 8',
      ...PCMA,
      'a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:KEY',
      'a=acfg:7 t=2 a=4',
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 5939 §3.3.2: a required extension that is not known leaves the plain stream',
    fixture: 'capability-required',
    security: 'preferred',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  {
    title: 'RFC 5939: nothing is chosen where SRTP is off',
    fixture: 'capability-odd',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  {
    title: 'RFC 3551 §4.5.2: the clock of G.722 is 8000',
    fixture: 'g722',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 9', 'a=rtpmap:9 G722/8000', 'a=ptime:20', 'a=sendrecv'],
  },
  {
    title: 'and who writes 16000 means the same',
    fixture: 'g722-16000',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 109', 'a=rtpmap:109 G722/8000', 'a=ptime:20', 'a=sendrecv'],
  },
  {
    title: 'RFC 3389: comfort noise is taken where the worker makes it',
    fixture: 'comfort-noise',
    able: { comfortNoise: true },
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/AVP 0 13',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:13 CN/8000',
      'a=ptime:20',
      'a=sendrecv',
    ],
  },
  {
    title: 'RFC 3389: and left out where not',
    fixture: 'comfort-noise',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 0', ...PCMU, 'a=sendrecv'],
  },
  ...(['annexb-yes', 'annexb-no'] as const).map(
    (fixture): Rule => ({
      title: `RFC 7261 §3.1: ${fixture} is answered with the same where the worker has Annex B`,
      fixture,
      able: { annexB: true },
      answer: [
        ...HEAD,
        'm=audio 46750 RTP/AVP 18',
        'a=rtpmap:18 G729/8000',
        `a=fmtp:18 annexb=${fixture === 'annexb-yes' ? 'yes' : 'no'}`,
        'a=ptime:20',
        'a=sendrecv',
      ],
    }),
  ),
  {
    title: 'RFC 7261 §3.1: annexb=yes is answered with no where it has not',
    fixture: 'annexb-yes',
    answer: [
      ...HEAD,
      'm=audio 46750 RTP/AVP 18',
      'a=rtpmap:18 G729/8000',
      'a=fmtp:18 annexb=no',
      'a=ptime:20',
      'a=sendrecv',
    ],
  },
  {
    title: 'habits of RFC 4566 do no harm',
    fixture: 'rfc4566-habits',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=sendrecv'],
  },
  {
    title: 'RFC 3264 §8.4: a hold of the old kind',
    fixture: 'hold-old-style',
    answer: [...HEAD, 'm=audio 46750 RTP/AVP 8', ...PCMA, 'a=recvonly'],
  },
];

for (const { title, fixture, answer, security = 'disabled', over = 'IP4', able = {} } of rules) {
  t.test(title, async (t) => {
    const policy: MediaPolicy = {
      security,
      srtp: { suites: SUITES, mki: able.mki === true },
      addressType: over,
    };
    const offer = parsed(fixture);
    const audio = readAudio(offer, policy);
    if (audio === undefined) {
      t.equal(noAudio(offer, policy).code, answer);
      return;
    }
    const codec = chooseCodec(
      audio.codecs,
      ['PCMA', 'PCMU', 'G729'].includes(audio.codecs[0]?.codec ?? '') ? ['PCMA', 'PCMU', 'G729'] : ['G722'],
    );
    if (codec === undefined) throw new Error('no codec');
    const crypto = audio.crypto === undefined ? undefined : answerCrypto(audio.crypto);
    const text = makeAnswer(offer, {
      ...(over === 'IP4' ? IPV4 : IPV6),
      audio,
      codec,
      crypto,
      telephoneEvent: true,
      ...able,
    });
    t.strictSame(
      text
        .replace(/inline:[A-Za-z0-9+/=]{30,}/g, 'inline:KEY')
        .trimEnd()
        .split('\r\n'),
      answer,
    );
    if (crypto !== undefined) t.notMatch(text, audio.crypto?.key.reveal(), 'our key is not theirs');
    t.notOk(parse(text) instanceof Error);
  });
}

const addresses: readonly (readonly [title: string, fixture: string, over: 'IP4' | 'IP6', expected: object])[] = [
  ['RFC 3605: the port of a=rtcp', 'rtcp', 'IP4', { remoteRtcpPort: 9100, rtcpMux: true }],
  [
    'RFC 3605: and its address',
    'rtcp-address',
    'IP4',
    { remoteRtcpPort: 53_020, remoteRtcpAddress: '198.51.100.4', remoteAddress: '192.0.2.10' },
  ],
  [
    'RFC 3605: not where it is none',
    'rtcp-odd',
    'IP4',
    { remotePort: 65_535, remoteRtcpPort: 65_535, remoteRtcpAddress: undefined },
  ],
  [
    'RFC 6947: the alternative of the family, with its ports',
    'altc',
    'IP6',
    { remoteAddress: '2001:db8::2', remotePort: 45_678, remoteRtcpPort: 45_690, hasAlternatives: true },
  ],
  [
    'RFC 6947: and c= where that has it',
    'altc',
    'IP4',
    { remoteAddress: '192.0.2.10', remotePort: 12_340, remoteRtcpPort: 12_341, hasAlternatives: true },
  ],
  ['RFC 6947: alternatives that make no sense', 'altc-odd', 'IP6', { remoteAddress: '2001:db8::3', remotePort: 4000 }],
  ['RFC 4091: relayed media for ANAT', 'anat', 'IP6', { remoteAddress: '2001:db8::1', hasAlternatives: true }],
  ['one address alone', 'pcma', 'IP6', { remoteAddress: '192.0.2.10', hasAlternatives: false }],
  ['maxptime outweighs ptime', 'maxptime', 'IP4', { ptimeMs: 30 }],
];
for (const [title, fixture, addressType, expected] of addresses) {
  t.test(title, async (t) => {
    t.match(
      readAudio(parsed(fixture), { security: 'disabled', srtp: { suites: [], mki: false }, addressType }),
      expected,
    );
  });
}
