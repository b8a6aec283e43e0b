import { readFileSync } from 'node:fs';
import t from 'tap';
import { OWN_OPUS_FORMAT, readOpusFormat } from '../../firmware/sdp/opus-format.ts';
import { repositoryPath } from '../support/repository.ts';

t.test('RFC 7587 §6.1: what we ask for leaves room for the error correction that we ask for', async (t) => {
  const { maxBitrate = 0, ...others } = readOpusFormat(OWN_OPUS_FORMAT);
  t.strictSame(others, { maxPlaybackRate: 16_000, fec: true });
  const codec = readFileSync(`${repositoryPath}/firmware/media/native/codec/opus.c`, 'utf8');
  const [, protectedBitrate = ''] = /^#define PROTECTED_BITRATE (\d+)$/m.exec(codec) ?? [];
  t.ok(maxBitrate >= Number.parseInt(protectedBitrate, 10), `${maxBitrate}, and ${protectedBitrate} are needed`);
});

const hostile = [
  ['maxaveragebitrate=5999', {}],
  ['maxaveragebitrate=510001;maxplaybackrate=7999', {}],
  ['maxaveragebitrate=-40000;maxplaybackrate=1e4', {}],
  ['maxaveragebitrate=40000=1;useinbandfec=01', { maxBitrate: 40_000 }],
  ['maxaveragebitrate;useinbandfec;=;;', {}],
  [`${'x=1;'.repeat(100_000)}useinbandfec=1`, {}],
] as const;

for (const [text, expected] of hostile) {
  t.strictSame(readOpusFormat(text), expected, `${text.slice(0, 60)} is passed over where it makes no sense`);
}
