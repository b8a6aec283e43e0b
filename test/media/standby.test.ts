import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import type { MediaClient } from '../../firmware/media/client.ts';
import { converse, eventually, G729, hurriedClock, PCMA, startClient } from './conversation.ts';
import type { Party } from './party.ts';

const payload = Buffer.alloc(160, 0xd5);

function say(party: Party, port: number, sequenceNumber: number): Promise<void> {
  const timestamp = sequenceNumber * 160;
  return party.send(port, { marker: false, payloadType: 8, sequenceNumber, timestamp, ssrc: 7, payload });
}

function workerPidOf(client: MediaClient): number {
  if (client.workerPid === undefined) throw new Error('no worker');
  return client.workerPid;
}

function standbyPidOf(client: MediaClient): Promise<number> {
  return eventually(() => client.standbyPid, 'a standby');
}

/** Whether it ran to its end; nobody may have waited for it, when its parent is gone. */
function ended(pid: number): Promise<true> {
  return eventually(() => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ') || undefined;
    } catch {
      return true;
    }
  }, `the end of ${pid}`);
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** From killing the worker to the answer of the one that follows. */
async function replacementMs(client: MediaClient, ask: () => Promise<unknown>): Promise<number> {
  const killed = performance.now();
  process.kill(workerPidOf(client), 'SIGKILL');
  await ask();
  return performance.now() - killed;
}

t.test('the standby takes over far sooner than a worker is started, and the call goes on', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, G729, hurriedClock);
  const ask = (): Promise<unknown> => session.statistics();
  t.equal(client.standbyPid, undefined);
  const freshMs = await replacementMs(client, ask);

  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 1; round <= 3; round += 1) {
    const [former, standby] = [workerPidOf(client), await standbyPidOf(client)];
    bestMs = Math.min(bestMs, await replacementMs(client, ask));
    t.equal(client.workerPid, standby);
    t.equal(client.standbyPid, undefined);
    t.equal(client.state, 'running');
    t.equal(existsSync(`/proc/${former}`), false, 'no zombie');
    await say(parties[0], session.ports[0], round);
    const heard = await parties[1].hear(round);
    t.equal(heard.at(-1)?.payload.length, 20, 'on the same ports, transcoded as before');
    const another = await client.openSession(['127.0.0.1', '::1']);
    await another.close();
  }
  t.comment(`a fresh start took ${Math.round(freshMs)} ms, the standby ${bestMs.toFixed(1)} ms`);
  t.ok(bestMs < freshMs / 2, `${bestMs} ms against ${freshMs} ms`);
});

t.test('worker and standby killed together: a new one takes the call', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, PCMA, hurriedClock);
  const pids = [workerPidOf(client), await standbyPidOf(client)];
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await session.statistics();
  t.equal(pids.includes(workerPidOf(client)), false);
  await say(parties[0], session.ports[0], 1);
  await parties[1].hear(1);
  for (const pid of pids) t.equal(existsSync(`/proc/${pid}`), false);
});

t.test('a hung worker is replaced, and the request that met it is answered', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, G729, hurriedClock);
  const [hung, standby] = [workerPidOf(client), await standbyPidOf(client)];
  process.kill(hung, 'SIGSTOP');
  const another = await client.openSession(['127.0.0.1', '::1']);
  t.equal(client.workerPid, standby);
  t.equal(existsSync(`/proc/${hung}`), false, 'gone with its sockets');
  await say(parties[0], session.ports[0], 1);
  await parties[1].hear(1);
  await another.close();
});

t.test('a hung worker is found without a request', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, PCMA, hurriedClock);
  const [hung, standby] = [workerPidOf(client), await standbyPidOf(client)];
  process.kill(hung, 'SIGSTOP');
  await eventually(() => (client.workerPid === standby && client.state === 'running') || undefined, 'the standby');
  t.equal(existsSync(`/proc/${hung}`), false);
  await say(parties[0], session.ports[0], 1);
  const [packet] = await parties[1].hear(1);
  t.same(packet?.payload, payload);
});

t.test('a request that two workers did not survive is not given to a third', async (t) => {
  const { client } = await startClient(t, 1, hurriedClock);
  const [first, second] = [workerPidOf(client), await standbyPidOf(client)];
  // Stopped, so that the request is with each of them and is not answered.
  for (const pid of [first, second]) process.kill(pid, 'SIGSTOP');
  const refused = t.rejects(client.openSession(['127.0.0.1', '::1']), {
    code: 'MEDIA_WORKER_LOST',
    message: /2 media workers/,
  });
  process.kill(first, 'SIGKILL');
  await eventually(() => (client.workerPid === second && client.state === 'running') || undefined, 'the standby');
  process.kill(second, 'SIGKILL');
  await refused;
  const session = await client.openSession(['127.0.0.1', '::1']);
  t.ok(session.ports[0] > 0, 'and the only ports are free for the next one');
});

t.test('a standby that is killed is replaced, and the call hears nothing of it', async (t) => {
  const { client, session } = await converse(t, PCMA, PCMA, hurriedClock);
  const [pid, standby] = [workerPidOf(client), await standbyPidOf(client)];
  process.kill(standby, 'SIGKILL');
  await eventually(() => (client.standbyPid === standby ? undefined : true), 'its end');
  await session.statistics();
  t.not(await standbyPidOf(client), standby);
  t.equal(client.workerPid, pid);
  t.equal(client.state, 'running');
});

t.test('the standby holds no socket; closing ends both, and leaves no file open', async (t) => {
  const before = descriptorsOf(process.pid);
  const { client } = await startClient(t, 2, hurriedClock);
  await client.openSession(['127.0.0.1', '::1']);
  const [pid, standby] = [workerPidOf(client), await standbyPidOf(client)];
  t.equal(descriptorsOf(standby), descriptorsOf(pid) - 4);
  await client.close();
  t.equal(existsSync(`/proc/${pid}`), false);
  t.equal(existsSync(`/proc/${standby}`), false);
  t.equal(client.standbyPid, undefined);
  await eventually(() => descriptorsOf(process.pid) <= before || undefined, `only ${before} open files`);
});

t.test('the signals of a terminal are for the parent alone, the standby outlives them', async (t) => {
  const { client } = await startClient(t, 1, hurriedClock);
  const standby = await standbyPidOf(client);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(standby, signal);
  process.kill(workerPidOf(client), 'SIGKILL');
  await client.openSession(['127.0.0.1', '::1']);
  t.equal(client.workerPid, standby);
});

t.test('both end with their parent, even when they hang', async (t) => {
  const { low } = await startClient(t, 1);
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url));
  const program = `
    import { MediaClient } from ${url('../../firmware/media/client.ts')};
    import { hurriedClock } from ${url('./conversation.ts')};
    const logger = { info() {}, warn() {}, error() {} };
    const client = await MediaClient.start({ ports: { low: ${low}, high: ${low + 3} }, logger, clock: hurriedClock });
    setInterval(() => {
      if (client.standbyPid !== undefined) console.log(client.workerPid, client.standbyPid);
    }, 5);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [words]: unknown[] = await once(parent.stdout, 'data');
  const [line = ''] = String(words).split('\n');
  const pids = line.split(' ').map(Number);
  t.equal(pids.length, 2);
  for (const pid of pids) t.equal(existsSync(`/proc/${pid}`), true);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  parent.kill('SIGKILL');
  for (const pid of pids) t.ok(await ended(pid));
});
