import t from 'tap';
import type { MediaClient } from '../../firmware/media/client.ts';
import { decodePayloads } from '../support/decode.ts';
import { type Codec, encodeOpus, encodePayloads, TICKS_PER_MS } from '../support/encode.ts';
import { makeTones, soundsLike } from '../support/tones.ts';
import { converseThrough, G722, G726, G729, OPUS, PCMA, PCMU, startClient } from './conversation.ts';
import type { Party } from './party.ts';

const BYTES_PER_MS: Readonly<Record<Codec, number>> = { PCMU: 8, PCMA: 8, G729: 1, G722: 8, G726: 4, OPUS: Number.NaN };
/** Of the packets of a speaker who does not keep time. */
const MAX_LATE_SHARE = 0.1;
/** What each speaker says. */
const SAID = ['adbec', 'fceda'] as const;

/** Of a packet: of Opus it is one frame, which has not every length. */
function opusMs(ptimeMs: number): number {
  return ptimeMs === 30 ? 20 : ptimeMs;
}

interface Side {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly ptimeMs: number;
}

function packetMs({ codec, ptimeMs }: Side): number {
  return codec === 'OPUS' ? opusMs(ptimeMs) : ptimeMs;
}

/** What it says, in packets of its own length. */
async function speech({ codec, ptimeMs }: Side, sequence: string): Promise<readonly Buffer[]> {
  if (codec === 'OPUS') return encodeOpus(makeTones(sequence), opusMs(ptimeMs));
  const bytes = Buffer.concat(await encodePayloads(makeTones(sequence), codec));
  const size = BYTES_PER_MS[codec] * ptimeMs;
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

/** Waits after some packets until the far end has what it makes of them, so that no socket buffer overflows. */
async function play(
  from: Party,
  port: number,
  to: Party,
  [spoken, wanted]: readonly [Side, Side],
  payloads: readonly Buffer[],
): Promise<void> {
  for (const [index, payload] of payloads.entries()) {
    await from.send(port, {
      marker: index === 0,
      payloadType: spoken.payloadType,
      sequenceNumber: 65_530 + index,
      timestamp: index * packetMs(spoken) * TICKS_PER_MS[spoken.codec],
      ssrc: 1,
      payload,
    });
    const saidMs = (index + 1) * packetMs(spoken);
    if (index % 8 === 7) await to.hear(Math.floor((saidMs - 120) / packetMs(wanted)));
  }
}

const CODECS = [PCMU, PCMA, G722, G726, G729, OPUS] as const;
const PTIMES = [10, 20, 30, 40, 60] as const;

function pairsOf<T>(members: readonly T[]): readonly (readonly [T, T])[] {
  return members.flatMap((first, index) => members.slice(index).map((second) => [first, second] as const));
}

/** Each pair of codecs, then each pair of packet lengths, with another pair of codecs each time; both directions of each. */
const pairs = pairsOf(CODECS);
const cases: readonly (readonly [Side, Side])[] = [
  ...pairs,
  ...pairsOf(PTIMES).map(([first, second], index) => {
    const [one, other] = pairs[(3 * index) % pairs.length] ?? [PCMA, G729];
    return [
      { ...one, ptimeMs: first },
      { ...other, ptimeMs: second },
    ] as const;
  }),
];

let client: MediaClient;
t.before(async () => {
  ({ client } = await startClient(t, cases.length));
});

for (const [first, second] of cases) {
  const title = `${first.codec}/${first.ptimeMs} and ${second.codec}/${second.ptimeMs}`;
  t.test(`each hears the other: ${title}`, async (t) => {
    const { session, parties } = await converseThrough(t, client, first, second);
    for (const speaker of [0, 1] as const) {
      const listener = speaker === 0 ? 1 : 0;
      const [spoken, wanted] = speaker === 0 ? [first, second] : [second, first];
      const payloads = await speech(spoken, SAID[speaker]);
      await play(parties[speaker], session.ports[speaker], parties[listener], [spoken, wanted], payloads);
      const heard = await parties[listener].hear(Math.floor((payloads.length * packetMs(spoken)) / packetMs(wanted)));
      const pcm = await decodePayloads(
        heard.map((packet) => packet.payload),
        wanted.codec,
        packetMs(wanted),
      );
      t.ok(soundsLike(pcm, SAID[speaker]), `${wanted.codec} hears ${spoken.codec}`);

      const [start] = heard;
      for (const [index, packet] of heard.entries()) {
        if (packet.payloadType !== wanted.payloadType) t.fail(`payload type ${packet.payloadType}`);
        const bytes = BYTES_PER_MS[wanted.codec] * wanted.ptimeMs;
        if (wanted.codec !== 'OPUS' && packet.payload.length !== bytes) t.fail(`packet ${index} is short`);
        const step = (packet.timestamp - (start?.timestamp ?? 0)) >>> 0;
        if (step !== index * packetMs(wanted) * TICKS_PER_MS[wanted.codec]) t.fail(`packet ${index} is at ${step}`);
        if (packet.marker !== (index === 0)) t.fail(`marker on packet ${index}`);
      }
    }
    const [one, two] = await session.statistics();
    for (const { discards, packetsReceived } of [one, two]) {
      const { late, ...others } = discards;
      t.same(others, { malformed: 0, unauthenticated: 0, replayed: 0, payloadType: 0, source: 0, unforwarded: 0 });
      // The speakers here are no phones: they run ahead of time, and pause where the machine has none for them. What then
      // comes after its time was filled is late, rightly; most of it is in time.
      t.ok(late <= packetsReceived * MAX_LATE_SHARE, `${late} of ${packetsReceived} packets were late`);
    }
    t.equal(one.packetsLost + two.packetsLost, 0);
  });
}
