import t from 'tap';
import { type AudioParameters, type Direction, readAudio } from '../../firmware/sdp/audio.ts';
import type { AudioCodec } from '../../firmware/sdp/codec.ts';
import { answerDirection, chooseCodec, makeAnswer, makeOffer, readAnswer } from '../../firmware/sdp/offer-answer.ts';
import { SdpError } from '../../firmware/sdp/sdp-error.ts';
import { parse, type SessionDescription } from '../../firmware/sdp/session-description.ts';
import { parsed } from './fixtures.ts';

const LOCAL = { address: '192.168.42.1', port: 46750, sessionId: 7, version: 1 };

function read(text: string): SessionDescription {
  const description = parse(text);
  if (description instanceof SdpError) throw description;
  return description;
}

function audioOf(description: SessionDescription): AudioParameters {
  const audio = readAudio(description);
  if (audio === undefined) throw new Error('no audio');
  return audio;
}

t.test('an offer, line by line', async (t) => {
  const text = makeOffer({ ...LOCAL, codecs: ['G729', 'PCMA', 'PCMU'], telephoneEvent: true });
  t.same(text.split('\r\n'), [
    'v=0',
    'o=- 7 1 IN IP4 192.168.42.1',
    's=-',
    'c=IN IP4 192.168.42.1',
    't=0 0',
    'm=audio 46750 RTP/AVP 18 8 0 101',
    'a=rtpmap:18 G729/8000',
    'a=fmtp:18 annexb=no',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-15',
    'a=ptime:20',
    'a=sendrecv',
    '',
  ]);
});

t.test('an offer over IPv6, without events, on hold', async (t) => {
  const text = makeOffer({
    ...LOCAL,
    address: 'fd12::1',
    codecs: ['PCMU'],
    telephoneEvent: false,
    ptimeMs: 30,
    direction: 'sendonly',
  });
  t.match(text, 'c=IN IP6 fd12::1\r\n');
  t.match(text, 'm=audio 46750 RTP/AVP 0\r\n');
  t.match(text, 'a=ptime:30\r\na=sendonly\r\n');
  t.notMatch(text, 'telephone-event');
});

t.test('RFC 3264 §6: the answer has the m-lines of the offer, in order, the others with port 0', async (t) => {
  const offer = parsed('video-srtp-audio');
  const audio = audioOf(offer);
  const codec = chooseCodec(audio.codecs, ['PCMA', 'G729']);
  if (codec === undefined) throw new Error('G.729 is offered');
  const text = makeAnswer(offer, { ...LOCAL, audio, codec, telephoneEvent: true });
  const answer = read(text);
  t.same(
    answer.media.map(({ media, port, protocol, formats }) => `${media} ${port} ${protocol} ${formats.join(' ')}`),
    [
      'video 0 RTP/AVP 99',
      'audio 0 RTP/SAVP 0',
      'audio 0 RTP/AVP 0',
      'audio 46750 RTP/AVP 98',
      'application 0 UDP/BFCP *',
    ],
  );
  t.match(text, 'a=rtpmap:98 G729/8000\r\na=fmtp:98 annexb=no\r\n', 'RFC 7261: our side is without Annex B');
});

t.test('RFC 3264 §6: the answer keeps t= and the numbers of the offer', async (t) => {
  const offer = parsed('pcma');
  const audio = audioOf(offer);
  const codec = chooseCodec(audio.codecs, ['PCMA']);
  if (codec === undefined) throw new Error('PCMA is offered');
  const answer = read(makeAnswer(offer, { ...LOCAL, audio, codec, telephoneEvent: true }));
  t.match(audioOf(answer), { codecs: [{ codec: 'PCMA', payloadType: 8 }], telephoneEventPayloadType: 101 });

  const lines = parsed('all-lines');
  const pcmu = { codec: 'PCMU', payloadType: 0 } as const;
  const other = read(makeAnswer(lines, { ...LOCAL, audio: audioOf(lines), codec: pcmu, telephoneEvent: true }));
  t.same(other.timing, { start: '3724394400', stop: '3724398000' });
  t.equal(audioOf(other).direction, 'sendonly');
  t.equal(audioOf(other).telephoneEventPayloadType, undefined);
});

const directions: readonly (readonly [Direction, Direction, Direction])[] = [
  ['sendrecv', 'sendrecv', 'sendrecv'],
  ['sendonly', 'sendrecv', 'recvonly'],
  ['recvonly', 'sendrecv', 'sendonly'],
  ['inactive', 'sendrecv', 'inactive'],
  ['sendrecv', 'inactive', 'inactive'],
  ['sendrecv', 'sendonly', 'sendonly'],
  ['sendonly', 'sendonly', 'inactive'],
  ['recvonly', 'recvonly', 'inactive'],
  ['sendonly', 'recvonly', 'recvonly'],
];
for (const [offered, wanted, expected] of directions) {
  t.test(`offered ${offered}, wanted ${wanted}: answered ${expected}`, async (t) => {
    t.equal(answerDirection(offered, wanted), expected);
  });
}

t.test('a hold with 0.0.0.0 is answered recvonly', async (t) => {
  const codec = { codec: 'PCMA', payloadType: 8 } as const;
  const hold = parsed('hold-old-style');
  const answer = read(makeAnswer(hold, { ...LOCAL, audio: audioOf(hold), codec, telephoneEvent: true }));
  t.equal(audioOf(answer).direction, 'recvonly');
});

const choices: readonly (readonly [string, readonly AudioCodec[], AudioCodec | undefined])[] = [
  ['static-types-lf-only', ['PCMA', 'G729'], 'PCMA'],
  ['static-types-lf-only', ['G729', 'PCMA'], 'G729'],
  ['pcma', ['G729', 'PCMU'], undefined],
  ['pcma', [], undefined],
];
for (const [name, preferred, expected] of choices) {
  t.test(`of ${name} with the preference ${preferred.join(', ')}: ${expected}`, async (t) => {
    t.equal(chooseCodec(audioOf(parsed(name)).codecs, preferred)?.codec, expected);
  });
}

t.test('answers to an offer of ours', async (t) => {
  const offer = { codecs: ['PCMA', 'G729'], telephoneEvent: true } as const;
  t.match(readAnswer(parsed('pcma'), offer), {
    codecs: [{ codec: 'PCMA', payloadType: 8 }],
    telephoneEventPayloadType: 101,
    remotePort: 4000,
  });
  t.match(
    readAnswer(parsed('static-types-lf-only'), offer),
    {
      codecs: [
        { codec: 'G729', payloadType: 18 },
        { codec: 'PCMA', payloadType: 8 },
      ],
    },
    'what we did not offer is left out',
  );
  const withoutEvents = readAnswer(parsed('pcma'), { codecs: ['PCMA'], telephoneEvent: false });
  t.notOk(withoutEvents instanceof SdpError || 'telephoneEventPayloadType' in withoutEvents, 'events not offered');
});

const misfits: readonly (readonly [string, string])[] = [
  ['video-srtp-audio', 'SDP_ANSWER_MISFIT'],
  ['savp-only', 'SDP_PROTOCOL'],
  ['video-only', 'SDP_NO_AUDIO'],
  ['all-lines', 'SDP_NO_COMMON_CODEC'],
];
for (const [name, code] of misfits) {
  t.test(`${name} is no answer to an offer of PCMA: ${code}`, async (t) => {
    const error = readAnswer(parsed(name), { codecs: ['PCMA'], telephoneEvent: true });
    t.match(error, { code, kind: 'not-acceptable' });
  });
}

t.test('a refused line is no answer', async (t) => {
  const refused = parse('v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n');
  if (refused instanceof SdpError) throw refused;
  t.match(readAnswer(refused, { codecs: ['PCMA'], telephoneEvent: true }), { code: 'SDP_NO_AUDIO' });
});
