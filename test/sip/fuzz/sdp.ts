import { deepStrictEqual, ok } from 'node:assert/strict';
import { readAudio } from '../../../firmware/sdp/audio.ts';
import { chooseCodec, makeAnswer, readAnswer } from '../../../firmware/sdp/offer-answer.ts';
import { SdpError } from '../../../firmware/sdp/sdp-error.ts';
import { parse, serialize } from '../../../firmware/sdp/session-description.ts';
import { descriptions } from './corpus.ts';
import type { FuzzTarget } from './fuzz.ts';

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
    readAnswer(description, { codecs: ['PCMU', 'PCMA', 'G729'], telephoneEvent: true });
    const audio = readAudio(description);
    if (audio === undefined) return;
    const codec = chooseCodec(audio.codecs, ['G729', 'PCMA', 'PCMU']);
    if (codec === undefined) return;
    const { mediaIndex, telephoneEventPayloadType } = audio;
    const local = { address: '192.0.2.1', port: 40_000, sessionId: 1, version: 1 };
    const answer = parse(makeAnswer(description, { ...local, mediaIndex, codec, telephoneEventPayloadType }));
    ok(!(answer instanceof SdpError), 'our answer can be read');
    if (!(answer instanceof SdpError))
      ok(answer.media.length === description.media.length, 'as many m-lines as offered');
  },
};
