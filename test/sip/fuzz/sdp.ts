import { deepStrictEqual, ok } from 'node:assert/strict';
import { inspect } from 'node:util';
import { type MediaPolicy, type MediaSecurity, readAudio } from '../../../firmware/sdp/audio.ts';
import { answerCrypto, makeCryptos } from '../../../firmware/sdp/crypto.ts';
import { chooseCodec, makeAnswer, noAudio, readAnswer } from '../../../firmware/sdp/offer-answer.ts';
import { SdpError } from '../../../firmware/sdp/sdp-error.ts';
import { parse, type SessionDescription, serialize } from '../../../firmware/sdp/session-description.ts';
import { descriptions } from './corpus.ts';
import type { FuzzTarget } from './fuzz.ts';

const CODECS = ['G729', 'PCMA', 'PCMU', 'G722'] as const;
const SUITES = ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AEAD_AES_256_GCM'] as const;
const LOCAL = { address: '192.0.2.1', port: 40_000, sessionId: 1, version: 1 };
const KEYS = makeCryptos(SUITES.map((suite) => ({ suite, unencryptedSrtcp: false })));

export const sdpTarget: FuzzTarget = {
  name: 'sdp',
  corpus: descriptions,
  check: (bytes) => {
    const description = parse(bytes.toString('utf8'));
    if (description instanceof SdpError) {
      ok(description.message.length < 1000, 'a fault is told in short');
      return;
    }
    const again = parse(serialize(description));
    deepStrictEqual(again, description, 'what is written reads as what it was written from');
    for (const security of ['disabled', 'preferred', 'enforced'] as const) {
      readAnswer(description, { codecs: CODECS, telephoneEvent: true, security, cryptos: KEYS }, policyOf(security));
      checkAnswer(description, policyOf(security));
    }
  },
};

function policyOf(security: MediaSecurity): MediaPolicy {
  return { security, srtp: { suites: SUITES, mki: true }, addressType: security === 'disabled' ? 'IP6' : 'IP4' };
}

function checkAnswer(description: SessionDescription, policy: MediaPolicy): void {
  const audio = readAudio(description, policy);
  if (audio === undefined) {
    ok(noAudio(description, policy).message.length < 1000, 'why is told in short');
    return;
  }
  ok(policy.security !== 'enforced' || audio.crypto !== undefined, 'nothing goes in the clear where that is forbidden');
  ok(policy.security !== 'disabled' || audio.crypto === undefined, 'nothing is secured where that is off');
  if (audio.crypto !== undefined) {
    const key = audio.crypto.key.reveal();
    ok(!`${inspect(audio)}${JSON.stringify(audio)}`.includes(key), 'no key can be logged');
  }
  const codec = chooseCodec(audio.codecs, CODECS);
  if (codec === undefined) return;
  const crypto = audio.crypto === undefined ? undefined : answerCrypto(audio.crypto);
  const answer = parse(makeAnswer(description, { ...LOCAL, audio, codec, crypto, telephoneEvent: true, annexB: true }));
  ok(!(answer instanceof SdpError), 'our answer can be read');
  if (answer instanceof SdpError) return;
  ok(answer.media.length === description.media.length, 'as many m-lines as offered');
  ok(answer.media.filter(({ port }) => port !== 0).length === 1, 'one of them is taken');
}
