import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient, type MediaEvent } from '../../firmware/media/client.ts';
import { eventually, PCMA } from './conversation.ts';

/**
 * A worker that moves nothing. The first one carries everything out; those that follow answer pings, and what `follows`, an
 * expression, says of a command: undefined is no answer, true success, and a text the reason of a refusal.
 */
const program = (follows: string): string => `
import { existsSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
const isFirst = !existsSync(import.meta.filename + '.began');
writeFileSync(import.meta.filename + '.began', '');
const channel = new Socket({ fd: 3, readable: true, writable: true });
const send = (message) => channel.write(JSON.stringify(message) + '\\n');
let begun = '';
channel.on('data', (chunk) => {
  const lines = (begun + chunk).split('\\n');
  begun = lines.pop();
  for (const { kind, id, command } of lines.map((line) => JSON.parse(line))) {
    if (kind === 'ping') send({ kind: 'pong', id });
    else {
      const told = isFirst || (${follows});
      if (told === true) send({ kind: 'done', ids: [id] });
      else if (told !== undefined) send({ kind: 'response', id, ok: false, error: { code: 'MEDIA_WORKER_FAULT', message: told } });
    }
  }
});
channel.on('end', () => process.exit(0));
send({ kind: 'ready' });
`;

interface Bench {
  readonly folder: string;
  readonly client: MediaClient;
  /** The log, a line each. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

async function start(t: Test, follows: string): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'silent-worker-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const workerEntry = join(folder, 'worker.mjs');
  writeFileSync(workerEntry, program(follows));
  const log: Record<string, unknown>[] = [];
  const client = await MediaClient.start({
    ports: { low: 4000, high: 4015 },
    logger: createLogger('info', { write: (line) => void log.push(JSON.parse(line)) }),
    clock: systemClock,
    workerEntry,
  });
  const alive = setInterval(() => undefined, 60_000);
  t.teardown(async () => {
    clearInterval(alive);
    await client.close();
  });
  return { folder, client, log };
}

async function replaceWorker(client: MediaClient): Promise<void> {
  process.kill(client.workerPid ?? 0, 'SIGKILL');
  await eventually(() => (client.state === 'restarting' ? true : undefined), 'the loss');
  await eventually(() => (client.state === 'running' ? true : undefined), 'the worker that follows');
}

t.test('a session that a new worker does not answer for is lost, and the others go on', async (t) => {
  const { folder, client } = await start(
    t,
    `command.method === 'openSession' && command.session === 2 ? undefined : true`,
  );
  const [kept, doomed] = [await client.openSession(['127.0.0.1']), await client.openSession(['127.0.0.1'])];
  const told: MediaEvent[] = [];
  for (const session of [kept, doomed]) session.onEvent((event) => told.push(event));
  const ends: string[] = [];
  for (const [session, name] of [
    [kept, 'kept'],
    [doomed, 'doomed'],
  ] as const) {
    const quota = { maxBytes: 1e6, maxFolderBytes: 1e6 };
    const onEnded = ({ reason }: { readonly reason: string }): void => void ends.push(`${name} ${reason}`);
    await session.record({ folder, name: `${name}.wav`, who: 0, channels: 1, ...quota, onEnded });
  }
  const pid = client.workerPid ?? 0;
  await replaceWorker(client);
  t.not(client.workerPid, pid);
  t.match(told, [
    { kind: 'lost', session: doomed.id, reason: 'openSession: no answer from the media worker in 4000 ms' },
  ]);
  t.same(ends, ['doomed worker-lost']);
  const parameters = { ...PCMA, remoteAddress: '127.0.0.1', remotePort: 5000, direction: 'sendrecv' } as const;
  await kept.configure(0, parameters);
  await t.rejects(doomed.configure(0, parameters), { code: 'MEDIA_UNKNOWN_SESSION' });
  await doomed.close();
  t.equal(client.sessionCount, 1);
  const next = await client.openSession(['127.0.0.1']);
  await next.close();
});

t.test('what a new worker refuses of conferences and pairs is in the log: which, why, and what it means', async (t) => {
  const { client, log } = await start(
    t,
    `command.method === 'createConference' && command.conference === 2 || command.method === 'joinConference' && command.session === 4 ||
      command.method === 'join' ? 'no room for it' : true`,
  );
  const sessions = [];
  for (let count = 0; count < 4; count += 1) sessions.push(await client.openSession(['127.0.0.1']));
  const [one, other, ...talkers] = sessions;
  if (one === undefined || other === undefined) throw new Error('no sessions');
  await one.join(other);
  const room = await client.createConference();
  for (const { id } of talkers) await room.join({ session: id, leg: 0 });
  await client.createConference({ speakers: 2 });
  await replaceWorker(client);
  const warnings = log.filter(({ level }) => level === 40).map(({ level, time, ...what }) => what);
  t.match(warnings, [
    {
      parties: [
        { session: 1, leg: 0 },
        { session: 2, leg: 0 },
      ],
      reason: 'no room for it',
      msg: 'media sessions not joined again: neither hears the other',
    },
    {
      ...{ conference: 1, session: 4, leg: 0, reason: 'no room for it' },
      msg: 'party not back in its conference: it hears nobody there, and nobody hears it',
    },
    {
      ...{ conference: 2, reason: 'no room for it' },
      msg: 'conference not restored: its parties hear nobody until it is set up anew',
    },
  ]);
  t.equal(warnings.length, 3);
});
