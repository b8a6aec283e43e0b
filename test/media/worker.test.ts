import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient, type MediaEvent } from '../../firmware/media/client.ts';
import { takenUdpPorts } from '../support/free-ports.ts';
import { repositoryPath } from '../support/repository.ts';
import { converse, G729, PCMA, startClient, towards } from './conversation.ts';
import type { Party } from './party.ts';

const payload = Buffer.alloc(160, 0xd5);

function say(party: Party, port: number, sequenceNumber: number): Promise<void> {
  const timestamp = sequenceNumber * 160;
  return party.send(port, { marker: false, payloadType: 8, sequenceNumber, timestamp, ssrc: 7, payload });
}

/** False for a process that is gone, and for one that nobody waited for. */
function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function workerPidOf(client: MediaClient): number {
  if (client.workerPid === undefined) throw new Error('no worker');
  return client.workerPid;
}

t.test('a request waits for the successor of a killed worker, and the call goes on', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, G729);
  const pid = workerPidOf(client);
  await say(parties[0], session.ports[0], 1);
  await parties[1].hear(1);

  process.kill(pid, 'SIGKILL');
  // Whether it is noticed before or after the worker is gone, a request waits for the new one.
  const [statistics] = await session.statistics();
  // How soon is standby.test.ts's, as a ratio: a start from the sources takes as long as the machine wants.
  t.equal(client.state, 'running');
  t.equal(statistics.packetsReceived, 0, 'counters begin again');
  t.not(workerPidOf(client), pid);
  t.equal(existsSync(`/proc/${pid}`), false, 'no zombie');

  await say(parties[0], session.ports[0], 2);
  const heard = await parties[1].hear(2);
  t.match(heard[1], { payloadType: 18 });
  t.equal(heard[1]?.payload.length, 20);
  const another = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.equal(client.sessionCount, 2);
  await another.close();
});

t.test('a worker that dies again and again is given time', async (t) => {
  const { client } = await startClient(t);
  const session = await client.openSession(['127.0.0.1', '127.0.0.1']);
  const delays: number[] = [];
  for (let death = 0; death < 3; death += 1) {
    const killed = performance.now();
    process.kill(workerPidOf(client), 'SIGKILL');
    await session.statistics();
    delays.push(performance.now() - killed);
  }
  t.ok((delays[2] ?? 0) >= 200, `came back after ${delays.map(Math.round)} ms`);
});

t.test('closing leaves no process, no port and no file open', async (t) => {
  const { client, low } = await startClient(t);
  const own = openFiles(process.pid);
  const pid = workerPidOf(client);
  const idle = openFiles(pid);
  for (let round = 0; round < 5; round += 1) {
    const session = await client.openSession(['127.0.0.1', '::1']);
    t.equal(openFiles(pid), idle + 4);
    await session.close();
    await session.close();
    t.equal(openFiles(pid), idle);
    await t.rejects(session.statistics(), { code: 'MEDIA_UNKNOWN_SESSION' });
  }
  t.equal(client.sessionCount, 0);
  await client.openSession(['127.0.0.1', '::1']);
  const closing = [client.close(), client.close()];
  t.equal(client.state, 'closed');
  await Promise.all(closing);
  t.equal(isAlive(pid), false);
  t.ok(openFiles(process.pid) < own);
  for (const address of ['127.0.0.1', '::1']) t.same(await takenUdpPorts(address, low, low + 15), []);
  await t.rejects(client.openSession(['127.0.0.1', '::1']), { code: 'MEDIA_CLOSED' });
});

t.test('a worker whose parent is gone ends itself', async (t) => {
  const { low } = await startClient(t, 1);
  const program = `
    import { MediaClient } from ${JSON.stringify(`${repositoryPath}/firmware/media/client.ts`)};
    import { systemClock } from ${JSON.stringify(`${repositoryPath}/firmware/core/clock.ts`)};
    const logger = { info() {}, warn() {}, error() {} };
    const client = await MediaClient.start({ ports: { low: ${low}, high: ${low + 3} }, logger, clock: systemClock });
    await client.openSession(['127.0.0.1', '127.0.0.1']);
    console.log(client.workerPid);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line]: unknown[] = await once(parent.stdout, 'data');
  const pid = Number(String(line));
  t.equal(isAlive(pid), true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  const deadline = Date.now() + 2000;
  const taken = (): Promise<readonly number[]> => takenUdpPorts('127.0.0.1', low, low + 3);
  while ((isAlive(pid) || (await taken()).length > 0) && Date.now() < deadline);
  t.equal(isAlive(pid), false);
  t.same(await taken(), []);
});

t.test('the signals of a terminal are for the parent of the worker', async (t) => {
  const { client } = await startClient(t);
  const pid = workerPidOf(client);
  process.kill(pid, 'SIGINT');
  process.kill(pid, 'SIGTERM');
  const session = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.equal(workerPidOf(client), pid);
  await session.close();
  const started = performance.now();
  await client.close();
  t.ok(performance.now() - started < 900, 'by itself, before it would be killed');
});

t.test('ports: used again last, skipped when busy, refused when there are none', async (t) => {
  const { client, low } = await startClient(t, 2);
  const first = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.same(first.ports, [low, low + 2]);
  await first.close();
  const second = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.same(second.ports, [low + 4, low + 6], 'those of the ended call rest');
  await second.close();

  // Somebody takes the RTCP port of the pair that would be next.
  const intruder = createSocket('udp4');
  intruder.bind(low + 1, '127.0.0.1');
  await once(intruder, 'listening');
  const third = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.same(third.ports, [low + 4, low + 2]);
  await t.rejects(client.openSession(['127.0.0.1', '127.0.0.1']), { code: 'MEDIA_NO_PORTS' });
  intruder.close();
  await once(intruder, 'close');
  const fourth = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.same([...fourth.ports].sort(), [low, low + 6]);
  await t.rejects(client.openSession(['127.0.0.1', '127.0.0.1']), { code: 'MEDIA_NO_PORTS' });
  t.equal(client.sessionCount, 2);
});

t.test('a session whose ports are taken during a restart is lost, the others are not', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, PCMA);
  const doomed = await client.openSession(['127.0.0.1', '127.0.0.1']);
  const told: MediaEvent[] = [];
  for (const each of [session, doomed]) each.onEvent((event) => told.push(event));
  const intruder = createSocket('udp4');
  t.teardown(() => intruder.close());
  process.kill(workerPidOf(client), 'SIGKILL');
  // The old process frees its ports before its end is noticed here; the new one takes longer to start.
  for (;;) {
    try {
      await new Promise<void>((resolve, reject) => {
        intruder.once('error', reject);
        intruder.bind(doomed.ports[0], '127.0.0.1', resolve);
      });
      break;
    } catch {
      intruder.removeAllListeners();
    }
  }
  await session.statistics();
  await t.rejects(doomed.statistics(), { code: 'MEDIA_UNKNOWN_SESSION' });
  t.match(told, [{ kind: 'lost', session: doomed.id, reason: /in use/ }], 'whoever has it is told');
  await say(parties[0], session.ports[0], 1);
  await parties[1].hear(1);
  process.kill(workerPidOf(client), 'SIGKILL');
  await session.statistics();
  t.equal(told.filter(({ kind }) => kind === 'lost').length, 1, 'once');
  await doomed.close();
});

t.test('addresses and parameters that cannot be are refused', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, PCMA);
  await t.rejects(client.openSession(['localhost', '::1']), { code: 'MEDIA_ADDRESS' });
  await t.rejects(client.openSession(['192.0.2.1', '::1']), { code: 'MEDIA_ADDRESS' });
  await t.rejects(session.configure(0, { ...towards(parties[0], PCMA), remoteAddress: '::1' }), {
    code: 'MEDIA_ADDRESS',
  });
  for (const wrong of [
    { ptimeMs: 15 },
    { ptimeMs: 200 },
    { payloadType: 128 },
    { telephoneEventPayloadType: 8 },
    { remotePort: 0 },
    { remoteAddress: 'pbx' },
  ]) {
    await t.rejects(session.configure(0, { ...towards(parties[0], PCMA), ...wrong }), { code: 'MEDIA_PARAMETERS' });
  }
  const options = { logger: createLogger('silent'), clock: systemClock };
  await t.rejects(MediaClient.start({ ports: { low: 5000, high: 5000 }, ...options }), { code: 'MEDIA_PORT_RANGE' });
});

/** Threads that move packets. */
function mediaThreads(pid: number): number {
  const names = readdirSync(`/proc/${pid}/task`).map((task) => readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8'));
  return names.filter((name) => name === 'media\n').length;
}

t.test('another number of threads counts as soon as no call is up', async (t) => {
  const { client, session, parties } = await converse(t, PCMA, PCMA);
  const pid = workerPidOf(client);
  const before = mediaThreads(pid);
  client.useThreads(before);
  client.useThreads(3);
  while (client.standbyPid === undefined) await session.statistics();
  t.equal(mediaThreads(client.standbyPid), 3, 'the next worker has it already');
  t.equal(workerPidOf(client), pid, 'and the call its own one');
  await say(parties[0], session.ports[0], 1);
  await parties[1].hear(1);
  const standby = client.standbyPid;
  await session.close();
  t.equal(client.workerPid, standby);
  t.equal(client.state, 'running');
  const next = await client.openSession(['127.0.0.1', '127.0.0.1']);
  t.equal((await next.statistics()).length, 2);
  t.equal(workerPidOf(client), standby);
});

t.test('a session is closed however many requests wait', async (t) => {
  const { client, session } = await converse(t, PCMA, PCMA);
  const [port] = session.ports;
  const waiting = Array.from({ length: 2048 }, () => session.statistics());
  await t.rejects(session.statistics(), { code: 'MEDIA_BUSY' });
  await session.close();
  await Promise.allSettled(waiting);
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  t.equal(client.sessionCount, 0);
});
