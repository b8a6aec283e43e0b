import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient, type MediaEvent } from '../../firmware/media/client.ts';
import { eventually, PCMA } from './conversation.ts';

/**
 * A worker that moves nothing. The first one carries everything out; those that follow answer pings, and nothing that opens
 * session 2.
 */
const PROGRAM = `
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
    else if (isFirst || command.method !== 'openSession' || command.session !== 2) send({ kind: 'done', ids: [id] });
  }
});
channel.on('end', () => process.exit(0));
send({ kind: 'ready' });
`;

t.test('a session that a new worker does not answer for is lost, and the others go on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'silent-worker-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const workerEntry = join(folder, 'worker.mjs');
  writeFileSync(workerEntry, PROGRAM);
  const client = await MediaClient.start({
    ports: { low: 4000, high: 4015 },
    logger: createLogger('silent'),
    clock: systemClock,
    workerEntry,
  });
  const alive = setInterval(() => undefined, 60_000);
  t.teardown(async () => {
    clearInterval(alive);
    await client.close();
  });
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
  process.kill(pid, 'SIGKILL');
  await eventually(() => (client.state === 'restarting' ? true : undefined), 'the loss');
  await eventually(() => (client.state === 'running' ? true : undefined), 'the worker that follows');
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
