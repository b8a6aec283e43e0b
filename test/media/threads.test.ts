/** Which packet thread of the real worker carries whom: as many as configured, sessions spread over them, and together who is joined. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import type { MediaClient, MediaSession } from '../../firmware/media/client.ts';
import { decodePayloads } from '../support/decode.ts';
import { G722, PCMA, PCMU, startClient, towards } from './conversation.ts';
import { amplitudeOf, HZ, hears, voice } from './note.ts';
import { Party } from './party.ts';

const FRAME_MS = 20;
/** A thread that carries a call wakes up for each of its packets; the others have a report and a snapshot now and then. */
const MORE_WAKE_UPS = 20;
const MAX_FRAMES = 1000;

/** Somebody in a session of one leg. */
interface Dialog {
  readonly session: MediaSession<readonly [string]>;
  readonly party: Party;
  readonly negotiated: typeof PCMA | typeof PCMU | typeof G722;
  readonly note: readonly Buffer[];
  frame: number;
}

async function dial(t: Test, client: MediaClient, negotiated: Dialog['negotiated'], hz: number): Promise<Dialog> {
  const party = await Party.open('127.0.0.1');
  t.teardown(() => party.close());
  const session = await client.openSession(['127.0.0.1']);
  t.teardown(() => session.close());
  await session.configure(0, towards(party, negotiated));
  return { session, party, negotiated, note: await voice(hz, negotiated.codec), frame: 0 };
}

async function speak(dialog: Dialog): Promise<void> {
  const frame = dialog.frame++;
  await dialog.party.send(dialog.session.ports[0], {
    marker: frame === 0,
    payloadType: dialog.negotiated.payloadType,
    sequenceNumber: frame,
    timestamp: 160 * frame,
    ssrc: dialog.session.id,
    payload: dialog.note[frame % dialog.note.length] ?? Buffer.alloc(0),
  });
}

/** The packet threads, and how often each of them has waited for something so far. */
function wakeUps(pid: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    if (!status.startsWith('Name:\tmedia\n')) continue;
    counts.set(thread, Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]));
  }
  return counts;
}

/** The thread that wakes up when he speaks, and nobody else. */
async function threadOf(pid: number, dialog: Dialog): Promise<string> {
  const before = wakeUps(pid);
  for (let frame = 0; frame < MAX_FRAMES; frame += 1) {
    await speak(dialog);
    await delay(FRAME_MS);
    const gains = [...wakeUps(pid)].map(([thread, count]) => ({ thread, gain: count - (before.get(thread) ?? 0) }));
    const [first, second] = gains.sort((one, other) => other.gain - one.gain);
    if (first !== undefined && first.gain >= MORE_WAKE_UPS + (second?.gain ?? 0)) return first.thread;
  }
  throw new Error(`no thread wakes up for session ${dialog.session.id}`);
}

for (const threads of [1, 2, 4]) {
  t.test(`${threads} configured: so many there are, and each carries as many sessions as the others`, async (t) => {
    const { client } = await startClient(t, 8, systemClock, threads);
    const pid = client.workerPid ?? 0;
    t.equal(wakeUps(pid).size, threads);
    const carried = new Map<string, number>();
    for (let count = 0; count < 2 * threads; count += 1) {
      const thread = await threadOf(pid, await dial(t, client, PCMA, HZ[0]));
      carried.set(thread, (carried.get(thread) ?? 0) + 1);
    }
    t.same([...carried.values()], new Array(threads).fill(2));
  });
}

t.test('who is joined from thread to thread hears the other one, and both are on one thread', async (t) => {
  const { client } = await startClient(t, 3, systemClock, 3);
  const pid = client.workerPid ?? 0;
  const dialogs = [
    await dial(t, client, PCMA, HZ[0]),
    await dial(t, client, G722, HZ[1]),
    await dial(t, client, PCMU, HZ[2]),
  ] as const;
  const before: string[] = [];
  for (const dialog of dialogs) before.push(await threadOf(pid, dialog));
  t.equal(new Set(before).size, 3, 'each on his own');
  const [one, other, alone] = dialogs;
  await one.session.join(other.session);
  for (let frame = 0; frame < 50; frame += 1) {
    for (const dialog of dialogs) await speak(dialog);
    await delay(FRAME_MS);
  }
  for (const [listener, hz, others] of [
    [one, HZ[1], [HZ[0], HZ[2]]],
    [other, HZ[0], [HZ[1], HZ[2]]],
  ] as const) {
    const heard = listener.party.heard.slice(-30).map(({ payload }) => payload);
    const samples = await decodePayloads(heard, listener.negotiated.codec);
    t.ok(hears(samples, hz), 'he hears his peer');
    // A busy machine tears holes, and a torn note sounds a little like every other one.
    for (const strange of others) {
      t.ok(amplitudeOf(samples, strange) < amplitudeOf(samples, hz) / 3, `he does not hear ${strange} Hz`);
    }
  }
  t.equal(alone.party.heard.length, 0, 'who is alone hears nobody');
  const after = [await threadOf(pid, one), await threadOf(pid, other), await threadOf(pid, alone)];
  t.equal(after[0], after[1], 'one thread carries both');
  t.equal(after[2], before[2], 'who is alone stays where he is');
});
