import t from 'tap';
import type { Clock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import type { Request, ToWorker } from '../../firmware/media/protocol.ts';
import {
  type Launch,
  PING_DELAY_MS,
  PING_INTERVAL_MS,
  PING_TIMEOUT_MS,
  START_TIMEOUT_MS,
  type Worker,
} from '../../firmware/media/supervised-worker.ts';
import { STANDBY_IDLE_MS, STANDBY_PATIENCE_MS, WorkerPair } from '../../firmware/media/worker-pair.ts';
import type { WorkerHandlers } from '../../firmware/media/worker-process.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A process that does what the test says. Unless `mute` it answers every ping in the same moment. */
class FakeWorker implements Worker {
  readonly pid: number;
  readonly handlers: WorkerHandlers;
  readonly requests: Request[] = [];
  mute = false;
  killed = false;
  gone = false;

  constructor(pid: number, handlers: WorkerHandlers) {
    this.pid = pid;
    this.handlers = handlers;
  }

  send(message: ToWorker): void {
    if (message.kind === 'request') this.requests.push(message);
    else if (!this.mute) this.handlers.message({ kind: 'pong', id: message.id });
  }

  kill(): void {
    this.killed = true;
  }

  async stop(): Promise<void> {
    if (!this.gone) this.die('exit status 0');
  }

  getReady(): void {
    this.handlers.message({ kind: 'ready' });
  }

  die(reason = 'signal SIGKILL'): void {
    this.gone = true;
    this.handlers.exit(reason);
  }
}

interface Bench {
  readonly pair: WorkerPair;
  /** Every process ever started, oldest first. */
  readonly started: readonly FakeWorker[];
  readonly worker: (index: number) => FakeWorker;
  /** What the client heard and what was logged, in order. */
  readonly heard: string[];
  readonly logged: string[];
}

function makePair(clock: Clock, launch?: Launch): Bench {
  const started: FakeWorker[] = [];
  const heard: string[] = [];
  const logged: string[] = [];
  const pair = new WorkerPair({
    clock,
    logger: createLogger('info', {
      write: (line) => {
        const { msg, reason, delayMs } = JSON.parse(line);
        logged.push([msg, reason, delayMs].filter((part) => part !== undefined).join(' '));
      },
    }),
    launch:
      launch ??
      ((handlers) => {
        const worker = new FakeWorker(100 + started.length, handlers);
        started.push(worker);
        return worker;
      }),
    handlers: {
      ready: () => heard.push('ready'),
      renewed: () => heard.push('renewed'),
      response: (response) => heard.push(`response ${response.id}`),
      event: (event) => heard.push(`event ${event.kind}`),
      lost: ({ reason, successor, delayMs }) => heard.push(`lost ${reason} ${successor} ${delayMs}`),
      failed: (reason) => heard.push(`failed ${reason}`),
    },
  });
  const worker = (index: number): FakeWorker => {
    const found = started[index];
    if (found === undefined) throw new Error(`${started.length} workers were started, none is number ${index}`);
    return found;
  };
  pair.start();
  return { pair, started, worker, heard, logged };
}

/** With the first worker active and the second one standing by. */
function makeFullPair(clock: FakeClock): Bench {
  const bench = makePair(clock);
  bench.worker(0).getReady();
  clock.advance(STANDBY_IDLE_MS);
  bench.worker(1).getReady();
  return bench;
}

const request = (id: number): Request => ({ kind: 'request', id, command: { method: 'statistics', session: 1 } });

t.test('the standby is started when the first worker is ready and nothing was asked for a while', async (t) => {
  const clock = new FakeClock();
  const { pair, started, worker, heard } = makePair(clock);
  clock.advance(STANDBY_IDLE_MS * 2);
  t.equal(started.length, 1, 'not before the first one is ready');
  worker(0).getReady();
  clock.advance(STANDBY_IDLE_MS - 1);
  pair.send(request(1));
  clock.advance(STANDBY_IDLE_MS - 1);
  t.equal(started.length, 1, 'a request puts it off');
  clock.advance(1);
  t.equal(started.length, 2);
  t.equal(pair.standbyPid, undefined, 'one that starts does not stand by yet');
  worker(1).getReady();
  t.match(pair, { activePid: 100, standbyPid: 101 });
  t.same(heard, ['ready'], 'nothing is told of it');
  clock.advance(3_600_000);
  t.equal(started.length, 2, 'and one is enough');
});

t.test('requests that never pause do not put the standby off for ever', async (t) => {
  const clock = new FakeClock();
  const { pair, started, worker } = makePair(clock);
  worker(0).getReady();
  for (let elapsedMs = 1000; elapsedMs < STANDBY_PATIENCE_MS; elapsedMs += 1000) {
    clock.advance(1000);
    pair.send(request(elapsedMs));
  }
  t.equal(started.length, 1);
  clock.advance(1000);
  t.equal(started.length, 2);
});

t.test('the standby takes over in the moment in which the active worker is gone', async (t) => {
  const clock = new FakeClock();
  const { pair, started, worker, heard } = makeFullPair(clock);
  worker(0).die();
  t.same(heard, ['ready', 'lost signal SIGKILL standby 0', 'ready']);
  t.match(pair, { activePid: 101, standbyPid: undefined });
  pair.send(request(7));
  worker(1).handlers.message({ kind: 'response', id: 7, ok: true, result: null });
  t.same(worker(1).requests, [request(7)]);
  t.equal(heard.at(-1), 'response 7');
  clock.advance(STANDBY_IDLE_MS);
  t.equal(started.length, 3, 'and gets a standby of its own');
});

t.test('a standby that is still starting is waited for', async (t) => {
  const clock = new FakeClock();
  const { pair, started, worker, heard } = makePair(clock);
  worker(0).getReady();
  clock.advance(STANDBY_IDLE_MS);
  worker(0).die();
  t.same(heard, ['ready', 'lost signal SIGKILL standby 0']);
  t.equal(started.length, 2);
  worker(1).getReady();
  t.equal(heard.at(-1), 'ready');
  t.equal(pair.activePid, 101);
});

t.test('without a standby a worker is started again, at once and then with growing delay', async (t) => {
  const clock = new FakeClock();
  const { started, worker, heard } = makePair(clock);
  worker(0).getReady();
  worker(0).die('exit status 1');
  t.equal(started.length, 2);
  worker(1).die('exit status 1');
  t.equal(heard.at(-1), 'lost exit status 1 new 100');
  clock.advance(99);
  t.equal(started.length, 2);
  clock.advance(1);
  t.equal(started.length, 3);
  worker(2).getReady();
  t.equal(heard.at(-1), 'ready');
});

t.test('both killed: the survivor of neither is started anew', async (t) => {
  const clock = new FakeClock();
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { started, worker, heard } = makeFullPair(clock);
    for (const index of order) worker(index).die();
    clock.advance(100);
    t.equal(started.length, 3);
    worker(2).getReady();
    t.equal(heard.at(-1), 'ready');
  }
});

t.test('a standby that dies is replaced without a word to the client', async (t) => {
  const clock = new FakeClock();
  const { pair, started, worker, heard, logged } = makeFullPair(clock);
  worker(1).die();
  t.equal(pair.standbyPid, undefined);
  t.same(logged, ['standby media worker lost signal SIGKILL 0']);
  clock.advance(STANDBY_IDLE_MS);
  worker(2).getReady();
  t.equal(pair.standbyPid, 102);
  t.same(heard, ['ready']);
  t.equal(started.length, 3);
});

t.test('a standby that always dies is started, and logged, less and less often', async (t) => {
  const clock = new FakeClock();
  const { started, worker, heard, logged } = makePair(clock);
  worker(0).getReady();
  const duringHour: number[] = [];
  for (let hour = 0; hour < 2; hour += 1) {
    const before = started.length;
    for (let second = 0; second < 3600; second += 1) {
      clock.advance(1000);
      for (const standby of started.slice(1)) if (!standby.gone) standby.die();
    }
    duringHour.push(started.length - before);
  }
  t.ok((duringHour[0] ?? 0) < 25, `${duringHour[0]} in the first hour`);
  t.ok((duringHour[1] ?? 0) <= 12, `${duringHour[1]} in the second hour`);
  t.equal(logged.length, started.length - 1, 'one line for each');
  t.same(heard, ['ready']);
});

t.test('workers that always die make no storm, standby or not', async (t) => {
  const clock = new FakeClock();
  const { started } = makePair(clock);
  const deaths = new Map<FakeWorker, number>();
  for (let elapsedMs = 0; elapsedMs < 600_000; elapsedMs += 100) {
    for (const worker of started) {
      if (worker.gone) continue;
      const age = (deaths.get(worker) ?? 0) + 1;
      deaths.set(worker, age);
      // Ready after 1 s, and dead 6 s later: just when its standby starts.
      if (age === 10) worker.getReady();
      if (age === 70) worker.die();
    }
    clock.advance(100);
  }
  t.ok(started.length < 200, `${started.length} processes in ten minutes`);
});

t.test('a worker that answers no ping is killed, and replaced when it is gone', async (t) => {
  const clock = new FakeClock();
  const { pair, worker, heard } = makeFullPair(clock);
  clock.advance(PING_INTERVAL_MS * 10);
  t.equal(worker(0).killed, false);
  worker(0).mute = true;
  clock.advance(PING_INTERVAL_MS + PING_TIMEOUT_MS);
  t.equal(worker(0).killed, true);
  t.equal(worker(1).killed, false);
  t.same(heard, ['ready'], 'it may hold its sockets still');
  t.equal(pair.activePid, 100);
  worker(0).die();
  t.same(heard.slice(1), [`lost no answer for ${PING_TIMEOUT_MS} ms standby 0`, 'ready']);
  t.equal(pair.activePid, 101);
});

t.test('a request is followed by a ping, so that a hung worker is known soon after', async (t) => {
  const clock = new FakeClock();
  const { pair, worker } = makeFullPair(clock);
  worker(0).mute = true;
  pair.send(request(1));
  clock.advance(PING_DELAY_MS + PING_TIMEOUT_MS - 1);
  pair.send(request(2));
  t.equal(worker(0).killed, false);
  clock.advance(1);
  t.equal(worker(0).killed, true, 'counted from the first one');
});

t.test('a standby that hangs is replaced before anybody needs it', async (t) => {
  const clock = new FakeClock();
  const { pair, worker, heard, logged } = makeFullPair(clock);
  worker(1).mute = true;
  clock.advance(PING_INTERVAL_MS + PING_TIMEOUT_MS);
  t.equal(worker(1).killed, true);
  t.equal(pair.standbyPid, undefined, 'it takes over no more');
  worker(1).die();
  t.same(logged, [`standby media worker lost no answer for ${PING_TIMEOUT_MS} ms 0`]);
  clock.advance(STANDBY_IDLE_MS);
  worker(2).getReady();
  t.equal(pair.standbyPid, 102);
  t.same(heard, ['ready']);
});

t.test('an answer that came while this process stood still is not too late', async (t) => {
  /** Fires the timers one at a time, each ten seconds late, as after a long pause of the whole process. */
  class LateClock implements Clock {
    #now = 0;
    readonly #timers = new Set<() => void>();

    now(): number {
      return this.#now;
    }

    elapsed(): number {
      return this.#now;
    }

    schedule(_delayMs: number, callback: () => void): { cancel(): void } {
      this.#timers.add(callback);
      return { cancel: () => this.#timers.delete(callback) };
    }

    fireLate(): void {
      this.#now += 10_000;
      for (const callback of [...this.#timers]) {
        this.#timers.delete(callback);
        callback();
      }
    }
  }
  const clock = new LateClock();
  const { pair, worker } = makePair(clock);
  worker(0).getReady();
  worker(0).mute = true;
  pair.send(request(1));
  // The first of them is the time until the ping.
  clock.fireLate();
  clock.fireLate();
  clock.fireLate();
  t.equal(worker(0).killed, false);
  clock.fireLate();
  clock.fireLate();
  t.equal(worker(0).killed, true, 'but it does not wait for ever');
});

t.test('a worker that never gets ready is killed', async (t) => {
  const clock = new FakeClock();
  const { worker, heard } = makePair(clock);
  worker(0).handlers.complaint('no addon');
  clock.advance(START_TIMEOUT_MS);
  t.equal(worker(0).killed, true);
  worker(0).die();
  t.same(heard, [`failed not ready after ${START_TIMEOUT_MS} ms: no addon`]);
  t.equal(clock.pending, 0, 'nothing more is tried when the first one fails');
});

t.test('a process that the system refuses counts as one that died', async (t) => {
  const clock = new FakeClock();
  let refused = 0;
  const bench = makePair(clock, () => {
    refused += 1;
    throw new Error('spawn ENOMEM');
  });
  t.same(bench.heard, []);
  await Promise.resolve();
  t.same(bench.heard, ['failed spawn ENOMEM']);
  t.equal(refused, 1);
});

t.test('workers of another kind: the standby at once, the active one when it may go', async (t) => {
  const clock = new FakeClock();
  const { pair, started, worker, heard, logged } = makeFullPair(clock);
  t.equal(pair.replaceActive(), false, 'nobody wants another one');
  pair.renew();
  t.match(pair, { activePid: 100, standbyPid: undefined });
  t.equal(worker(1).gone, true);
  t.equal(started.length, 3, 'without a pause');
  t.equal(pair.replaceActive(), false, 'not before it is ready');
  worker(2).getReady();
  t.same(heard, ['ready', 'renewed']);
  t.match(pair, { activePid: 100, standbyPid: 102 });
  t.equal(worker(0).gone, false);
  t.equal(pair.replaceActive(), true);
  t.match(pair, { activePid: 102, standbyPid: undefined });
  t.equal(worker(0).gone, true);
  t.equal(pair.replaceActive(), false, 'once');
  clock.advance(STANDBY_IDLE_MS);
  worker(3).getReady();
  t.equal(pair.standbyPid, 103);
  t.same(heard, ['ready', 'renewed'], 'the client need not open anything again');
  t.same(logged, []);
});

t.test('a worker that is lost before it made room makes room too', async (t) => {
  const clock = new FakeClock();
  const { pair, worker, heard, started } = makeFullPair(clock);
  pair.renew();
  worker(2).getReady();
  worker(0).die();
  t.match(pair, { activePid: 102 });
  t.same(heard.slice(2), ['lost signal SIGKILL standby 0', 'ready']);
  clock.advance(STANDBY_IDLE_MS);
  worker(3).getReady();
  t.equal(pair.replaceActive(), false);
  t.equal(started.length, 4);
});

t.test('another kind is wanted while the first worker starts: it is ready first', async (t) => {
  const clock = new FakeClock();
  const { pair, worker, started } = makePair(clock);
  pair.renew();
  t.equal(started.length, 1);
  worker(0).getReady();
  t.equal(started.length, 2);
  worker(1).getReady();
  t.equal(pair.replaceActive(), true);
  const closing = pair.close();
  await closing;
  t.equal(worker(0).gone, true);
  t.equal(worker(1).gone, true);
});

t.test('closing ends both and leaves no timer', async (t) => {
  const clock = new FakeClock();
  const { pair, worker, heard, started } = makeFullPair(clock);
  await Promise.all([pair.close(), pair.close()]);
  t.equal(worker(0).gone, true);
  t.equal(worker(1).gone, true);
  t.same(heard, ['ready']);
  t.equal(clock.pending, 0);
  const lone = makePair(clock);
  lone.worker(0).getReady();
  lone.worker(0).die();
  lone.worker(1).die();
  await lone.pair.close();
  t.equal(clock.pending, 0, 'nor one for a worker that was to come');
  clock.advance(60_000);
  t.equal(started.length, 2);
});
