import t from 'tap';
import type { Clock } from '../../firmware/core/clock.ts';
import type { Command, Request, Response, Result } from '../../firmware/media/protocol.ts';
import { Requests } from '../../firmware/media/requests.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A request of the client, in words: what became of it, or that it waits. */
interface Asked {
  outcome: string;
}

interface Bench {
  readonly requests: Requests;
  readonly clock: FakeClock;
  /** What went to a worker. */
  readonly sent: readonly Request[];
  /** How often nothing waited any more. */
  readonly idle: () => number;
  readonly ask: (command: Command) => Asked;
  /** Time goes on, and whoever awaits an answer hears of it. */
  readonly pass: (ms: number) => Promise<void>;
}

function makeBench(): Bench {
  const clock = new FakeClock();
  const sent: Request[] = [];
  let idle = 0;
  const requests = new Requests(
    clock,
    (request) => sent.push(request),
    () => {
      idle += 1;
    },
  );
  return {
    requests,
    clock,
    sent,
    idle: () => idle,
    ask: (command) => {
      const asked: Asked = { outcome: 'waits' };
      requests.request(command).then(
        (result: Result) => {
          asked.outcome = `answered ${JSON.stringify(result)}`;
        },
        (error: Error & { code?: string }) => {
          asked.outcome = `${error.code} ${error.message}`;
        },
      );
      return asked;
    },
    pass: async (ms) => {
      clock.advance(ms);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    },
  };
}

const legs = [{ address: '127.0.0.1', port: 4000 }] as const;
const open = (session: number): Command => ({ method: 'openSession', session, legs });
const statistics: Command = { method: 'statistics', session: 1 };

t.test('what a worker does not answer in 4 s is rejected with MEDIA_TIMEOUT, each request in its time', async (t) => {
  const { requests, clock, sent, idle, ask, pass } = makeBench();
  requests.resume();
  const first = ask(statistics);
  await pass(1500);
  const second = ask({ method: 'part', session: 2, leg: 0 });
  const third = ask({ method: 'part', session: 3, leg: 0 });
  t.equal(sent.length, 3);
  await pass(2499);
  t.equal(first.outcome, 'waits');
  await pass(1);
  t.match(first.outcome, /^MEDIA_TIMEOUT statistics: no answer from the media worker in 4000 ms/);
  t.equal(second.outcome, 'waits');
  requests.answer({ kind: 'response', id: sent[2]?.id ?? 0, ok: true, result: null });
  await pass(1499);
  t.same([second.outcome, third.outcome, idle()], ['waits', 'answered null', 0]);
  await pass(1);
  t.match(second.outcome, /^MEDIA_TIMEOUT part: /);
  t.equal(idle(), 1, 'and nothing waits any more');
  t.equal(clock.pending, 0);
  for (const { id } of sent) requests.answer({ kind: 'response', id, ok: true, result: null });
  await pass(10_000);
  t.match(first.outcome, /^MEDIA_TIMEOUT /, 'an answer that comes late is nobody’s');
  t.equal(sent.length, 3, 'and what opened nothing leaves nothing to be closed');
});

t.test('a session that was not opened in time is closed, lest a late worker opens it for nobody', async (t) => {
  const { requests, sent, ask, pass } = makeBench();
  requests.resume();
  const late = ask(open(7));
  ask(open(8));
  requests.answer({ kind: 'response', id: sent[1]?.id ?? 0, ok: true, result: null });
  await pass(3999);
  t.equal(sent.length, 2);
  await pass(1);
  t.match(late.outcome, /^MEDIA_TIMEOUT openSession: /);
  t.same(
    sent.slice(2).map(({ command }) => command),
    [{ method: 'closeSession', session: 7 }],
  );
  t.equal(new Set(sent.map(({ id }) => id)).size, 3, 'as a request of its own');
  requests.answer({ kind: 'response', id: sent[2]?.id ?? 0, ok: true, result: null });
});

for (const { begins, ends } of [
  {
    begins: {
      ...{
        method: 'startRecording',
        session: 7,
        recording: 3,
        folder: '/tmp',
        name: 'a.wav',
        who: 'both',
        channels: 1,
      },
      ...{ sampleRate: 8000, maxBytes: 1e6, maxFolderBytes: 1e6, keepFreeBytes: 0, paused: false, append: false },
    },
    ends: { method: 'stopRecording', session: 7, recording: 3 },
  },
  {
    begins: { method: 'play', session: 7, leg: 1, playback: 9, sound: { kind: 'silence' }, offsetMs: 0 },
    ends: { method: 'stopPlaying', session: 7, leg: 1, playback: 9 },
  },
  {
    begins: { method: 'createConference', conference: 5, speakers: 3 },
    ends: { method: 'closeConference', conference: 5 },
  },
] as const satisfies readonly { begins: Command; ends: Command }[]) {
  t.test(`a late worker’s ${begins.method} that timed out is ended behind it`, async (t) => {
    const { requests, clock, sent, ask, pass } = makeBench();
    requests.resume();
    const late = ask(begins);
    await pass(4000);
    t.match(late.outcome, /^MEDIA_TIMEOUT /);
    t.same(
      sent.map(({ command }) => command),
      [begins, ends],
    );
    t.equal(clock.pending, 0);
    // Where there is no worker nothing was begun.
    requests.workerLost();
    ask(begins);
    await pass(4000);
    requests.resume();
    t.equal(sent.length, 2);
  });
}

t.test('a request that finds no worker for 4 s is rejected with MEDIA_WORKER_LOST', async (t) => {
  const { requests, clock, sent, ask, pass } = makeBench();
  const early = ask(open(1));
  await pass(3999);
  t.equal(early.outcome, 'waits');
  await pass(1);
  t.match(early.outcome, /^MEDIA_WORKER_LOST openSession: no media worker for 4000 ms/);
  // The same where there was one, which was lost with it.
  requests.resume();
  const orphan = ask(open(2));
  await pass(1000);
  requests.workerLost();
  await pass(2999);
  t.equal(orphan.outcome, 'waits');
  await pass(1);
  t.match(orphan.outcome, /^MEDIA_WORKER_LOST openSession: no media worker for 4000 ms/);
  requests.resume();
  t.same(
    sent.map(({ command }) => command),
    [open(2)],
    'nothing opened, nothing to be closed, and the next worker gets neither',
  );
  t.equal(clock.pending, 0);
});

const done = (id = 0): Response => ({ kind: 'response', id, ok: true, result: null });

t.test('a new worker that leaves something unanswered for 4 s has refused it', async (t) => {
  const { requests, clock, sent, pass } = makeBench();
  const responses: (Response | undefined)[] = [];
  for (const session of [1, 2, 3]) requests.exchange(open(session)).then((response) => (responses[session] = response));
  t.equal(sent.length, 3, 'all at once, though it has not answered one');
  await pass(3499);
  requests.answer(done(sent[0]?.id));
  await pass(3500);
  t.match(responses[1], { ok: true });
  t.equal(responses.length, 2, 'one that answers, however slowly, is waited for');
  await pass(500);
  const refusal = { ok: false, error: { message: 'openSession: no answer from the media worker in 4000 ms' } };
  t.match(responses, [undefined, { ok: true }, refusal, refusal]);
  t.equal(clock.pending, 0);
  requests.answer(done(sent[1]?.id));
  // The next one gets its whole time.
  const next = requests.exchange(open(4));
  await pass(3999);
  requests.answer(done(sent[3]?.id));
  t.match(await next, { ok: true });
  t.equal(clock.pending, 0);
});

t.test('of a worker that dies first, and of a client that is closed, nothing is said', async (t) => {
  const { requests, clock, pass } = makeBench();
  const first = requests.exchange(open(1));
  await pass(3999);
  requests.workerLost();
  t.equal(await first, undefined);
  const second = requests.exchange(open(1));
  await pass(3999);
  requests.close();
  t.equal(await second, undefined);
  t.equal(clock.pending, 0);
});

t.test('a stand-still of the runtime is no silence of the worker', async (t) => {
  let fire = (): void => {};
  let now = 0;
  const clock: Clock = {
    now: () => now,
    elapsed: () => now,
    schedule: (_delayMs, callback) => {
      fire = callback;
      return { cancel: () => {} };
    },
  };
  const sent: Request[] = [];
  const requests = new Requests(
    clock,
    (request) => sent.push(request),
    () => {},
  );
  const response = requests.exchange(open(1));
  now += 60_000;
  fire();
  requests.answer(done(sent[0]?.id));
  t.match(await response, { ok: true });
});

t.test(
  'a new worker that answers nothing at all is one time-out for all who wait, and for who comes later',
  async (t) => {
    const { requests, clock, sent, ask, pass } = makeBench();
    requests.resume();
    requests.workerLost();
    const early = ask(statistics);
    await pass(500);
    const told = requests.exchange(open(1));
    const close: Command = { method: 'closeSession', session: 1 };
    const closing = ask(close);
    await pass(3500);
    t.equal(early.outcome, 'waits', 'for as long as the worker is being told');
    const late = ask(statistics);
    await pass(500);
    t.match(await told, { ok: false });
    for (const { outcome } of [early, late]) {
      t.equal(outcome, 'MEDIA_TIMEOUT statistics: the media worker has answered nothing since it was started');
    }
    requests.resume();
    t.same(sent.at(-1)?.command, close, 'what ends has to reach it');
    t.equal(closing.outcome, 'waits');
    const next = ask(statistics);
    await pass(0);
    t.match(next.outcome, /^MEDIA_TIMEOUT statistics: /, 'at once');
    await pass(4000);
    t.match(closing.outcome, /^MEDIA_TIMEOUT closeSession: /);
    const probe = ask(statistics);
    const other = ask(statistics);
    await pass(0);
    t.same([probe.outcome, other.outcome.slice(0, 13)], ['waits', 'MEDIA_TIMEOUT'], 'one at a time tries again');
    requests.answer(done(sent.at(-1)?.id));
    const last = ask(statistics);
    await pass(0);
    requests.answer(done(sent.at(-1)?.id));
    await pass(0);
    t.same([probe.outcome, last.outcome], ['answered null', 'answered null'], 'and one that answers is used again');
    await pass(10_000);
    t.equal(clock.pending, 0);
  },
);

t.test('requests made while a new worker is told of the sessions go to it, whatever one of those lacks', async (t) => {
  const { requests, clock, sent, ask, pass } = makeBench();
  requests.resume();
  requests.workerLost();
  const early = ask(statistics);
  for (const session of [1, 2]) void requests.exchange(open(session));
  await pass(1000);
  requests.answer(done(sent[0]?.id));
  const late = ask(statistics);
  await pass(4000);
  t.same([early.outcome, late.outcome], ['waits', 'waits']);
  requests.resume();
  t.equal(sent.length, 4);
  requests.answer(done(sent[2]?.id));
  await pass(3999);
  t.same([early.outcome, late.outcome], ['answered null', 'waits']);
  await pass(1);
  t.match(late.outcome, /^MEDIA_TIMEOUT statistics: no answer/, 'with one time-out from then on');
  t.equal(clock.pending, 0);
});

t.test('those who wait hear of it when the worker that is being told is lost as well', async (t) => {
  const { requests, clock, ask, pass } = makeBench();
  requests.resume();
  requests.workerLost();
  const waiting = ask(statistics);
  await pass(500);
  void requests.exchange(open(1));
  await pass(3500);
  t.equal(waiting.outcome, 'waits');
  requests.workerLost();
  await pass(0);
  t.match(waiting.outcome, /^MEDIA_WORKER_LOST statistics: no media worker/);
  t.equal(clock.pending, 0);
});
