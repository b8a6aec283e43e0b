/** Packets of every length at the pace of a call, heard by content: of 50 ms with every codec, and the lengths that phones seldom have. */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { decodePayloads } from '../support/decode.ts';
import { type Codec, encodePayloads, TICKS_PER_MS } from '../support/encode.ts';
import { makeTones, soundsLike } from '../support/tones.ts';
import { converseThrough, eventually, G722, G726, G729, OPUS, PCMA, PCMU, startClient } from './conversation.ts';
import type { Party } from './party.ts';

const BYTES_PER_MS: Readonly<Record<Codec, number>> = { PCMU: 8, PCMA: 8, G729: 1, G722: 8, G726: 4, OPUS: Number.NaN };
/** What each speaker says, twice: where the machine stands still, what is late then is dropped, rightly. */
const SAID = ['adbec', 'fceda'] as const;
const TIMES = 2;
/** Of the packets: where something was late there is another step. */
const MIN_EVEN_SHARE = 0.75;

interface Side {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly ptimeMs: number;
}

/** It has no packets of 50 ms, nor of any other length that is no frame of it. */
const OPUS_20 = { ...OPUS, ptimeMs: 20 } as const;
const of = (side: Side, ptimeMs: number): Side => ({ ...side, ptimeMs });
const FIFTY = [PCMU, PCMA, G722, G726, G729] as const;
const cases: readonly (readonly [Side, Side])[] = [
  ...FIFTY.flatMap((side, index): readonly (readonly [Side, Side])[] => [
    [of(side, 50), of(side, 50)],
    [of(side, 50), of(side, 20)],
    [of(side, 50), of(FIFTY[(index + 1) % FIFTY.length] ?? PCMA, 50)],
    [of(side, 50), OPUS_20],
  ]),
  ...[70, 80, 90, 100, 110, 120].map(
    (ptimeMs, index) => [of(PCMA, ptimeMs), of(FIFTY[index % 5] ?? PCMU, 50)] as const,
  ),
];

/** Speaks in packets of its own length, each when its last sample is said. */
async function speak(from: Party, port: number, spoken: Side, sequence: string): Promise<void> {
  const ticks = TICKS_PER_MS[spoken.codec] * spoken.ptimeMs;
  const encoded = await encodePayloads(makeTones(sequence.repeat(TIMES)), spoken.codec);
  const bytes = Buffer.concat(encoded);
  const size = BYTES_PER_MS[spoken.codec] * spoken.ptimeMs;
  const payloads =
    spoken.codec === 'OPUS'
      ? encoded
      : Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
  const began = performance.now();
  for (const [index, payload] of payloads.entries()) {
    const untilMs = began + (index + 1) * spoken.ptimeMs - performance.now();
    if (untilMs > 0) await delay(untilMs);
    await from.send(port, {
      marker: index === 0,
      payloadType: spoken.payloadType,
      sequenceNumber: 65_530 + index,
      timestamp: index * ticks,
      ssrc: 1,
      payload,
    });
  }
}

t.test('each hears the other, in packets of the length that he asked for', { jobs: cases.length }, async (t) => {
  const { client } = await startClient(t, cases.length);
  for (const [first, second] of cases) {
    const title = `${first.codec}/${first.ptimeMs} and ${second.codec}/${second.ptimeMs}`;
    void t.test(title, async (t) => {
      const { session, parties } = await converseThrough(t, client, first, second);
      const sides = [first, second] as const;
      await Promise.all(([0, 1] as const).map((leg) => speak(parties[leg], session.ports[leg], sides[leg], SAID[leg])));
      for (const listener of [0, 1] as const) {
        const { codec, payloadType, ptimeMs } = sides[listener];
        const { heard } = parties[listener];
        const said = SAID[1 - listener] ?? '';
        await eventually(async () => {
          const payloads = heard.map(({ payload }) => payload);
          return soundsLike(await decodePayloads(payloads, codec, ptimeMs), said) || undefined;
        }, `${said} as ${codec}/${ptimeMs}`);
        for (const { payloadType: type, payload } of heard) {
          if (type !== payloadType) t.fail(`payload type ${type}`);
          if (codec !== 'OPUS' && payload.length !== BYTES_PER_MS[codec] * ptimeMs) t.fail(`${payload.length} bytes`);
        }
        const ticks = ptimeMs * TICKS_PER_MS[codec];
        const steps = heard.slice(1).map(({ timestamp }, at) => (timestamp - (heard[at]?.timestamp ?? 0)) >>> 0);
        const even = steps.filter((step) => step === ticks).length;
        t.ok(even > MIN_EVEN_SHARE * steps.length, `${even} of ${steps.length} steps are ${ptimeMs} ms`);
      }
    });
  }
});
