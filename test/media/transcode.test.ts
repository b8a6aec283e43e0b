import t from 'tap';
import { decodePayloads } from '../support/decode.ts';
import { type Codec, encodePayloads } from '../support/encode.ts';
import { makeTones, soundsLike } from '../support/tones.ts';
import { converse, G729, PCMA, PCMU } from './conversation.ts';
import type { Party } from './party.ts';

const BYTES_PER_MS: Readonly<Record<Codec, number>> = { PCMU: 8, PCMA: 8, G729: 1, G722: 8 };
const PAYLOAD_TYPES: Readonly<Record<Codec, number>> = { PCMU: 0, PCMA: 8, G729: 18, G722: 9 };

/** Waits after each packet until the far end has what it makes of it, so that no socket buffer overflows. */
async function play(from: Party, port: number, to: Party, codec: Codec, payloads: readonly Buffer[]): Promise<void> {
  for (const [index, payload] of payloads.entries()) {
    await from.send(port, {
      marker: index === 0,
      payloadType: PAYLOAD_TYPES[codec],
      sequenceNumber: 65_530 + index,
      timestamp: index * 160,
      ssrc: 1,
      payload,
    });
    if (index % 8 === 7) await to.hear(Math.floor(index / 3));
  }
}

const cases = [
  { first: PCMA, second: G729 },
  { first: PCMU, second: G729 },
  { first: PCMA, second: PCMU },
  { first: PCMA, second: { ...G729, ptimeMs: 30 } },
  { first: PCMA, second: { ...PCMA, ptimeMs: 40 } },
  { first: G729, second: { ...G729, ptimeMs: 10 } },
] as const;

for (const { first, second } of cases) {
  const title = `${first.codec}/${first.ptimeMs} and ${second.codec}/${second.ptimeMs}`;
  t.test(`each hears the other: ${title}`, async (t) => {
    const { session, parties } = await converse(t, first, second);
    for (const [speaker, sequence] of [
      [0, 'adbec'],
      [1, 'fceda'],
    ] as const) {
      const listener = speaker === 0 ? 1 : 0;
      const [spoken, wanted] = speaker === 0 ? [first, second] : [second, first];
      const payloads = await encodePayloads(makeTones(sequence), spoken.codec);
      await play(parties[speaker], session.ports[speaker], parties[listener], spoken.codec, payloads);
      const heard = await parties[listener].hear(Math.floor((payloads.length * 20) / wanted.ptimeMs));
      const pcm = await decodePayloads(
        heard.map((packet) => packet.payload),
        wanted.codec,
      );
      t.ok(soundsLike(pcm, sequence), `${wanted.codec} hears ${spoken.codec}`);

      const [start] = heard;
      for (const [index, packet] of heard.entries()) {
        if (packet.payloadType !== wanted.payloadType) t.fail(`payload type ${packet.payloadType}`);
        if (packet.payload.length !== BYTES_PER_MS[wanted.codec] * wanted.ptimeMs) t.fail(`packet ${index} is short`);
        const step = (packet.timestamp - (start?.timestamp ?? 0)) >>> 0;
        if (step !== index * wanted.ptimeMs * 8) t.fail(`packet ${index} is at ${step}`);
        if (packet.marker !== (index === 0)) t.fail(`marker on packet ${index}`);
      }
    }
    const [one, two] = await session.statistics();
    t.equal(one.packetsDiscarded + two.packetsDiscarded, 0);
    t.equal(one.packetsLost + two.packetsLost, 0);
  });
}
