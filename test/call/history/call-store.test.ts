import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import t, { type Test } from 'tap';
import { CallHistory } from '../../../firmware/call/history/call-history.ts';
import { withCallReader } from '../../../firmware/call/history/call-reader.ts';
import { recordOf } from '../../../firmware/call/history/call-record.ts';
import { rowOf } from '../../../firmware/call/history/call-row.ts';
import { type CallRetention, CallStore } from '../../../firmware/call/history/call-store.ts';
import { MAX_USER_CALLS } from '../../../firmware/call/history/user-call.ts';
import { openDatabase, openForReading } from '../../../firmware/config/database.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { callOf, eventsOf, OUTSIDE, START_MS, WAREHOUSE, WORKSHOP } from './sample-calls.ts';

const DAY_MS = 86_400_000;

function open(t: Test, directory: string, retention: Partial<CallRetention> = {}) {
  const clock = new FakeClock(START_MS);
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const limits = { recordsKept: 1000, recordDays: 180, ...retention };
  const store = CallStore.open({ directory, retention: () => limits, clock, logger: createLogger('info', sink) });
  t.teardown(() => store.close());
  return { store, clock, lines };
}

function answered(id: string, startMs = START_MS) {
  return callOf({ id, startMs, steps: [{ ring: 1, party: WORKSHOP }, { answer: 1 }, { end: 'normal' }] });
}

const all = (store: CallStore) => [...store.reader.records()].flat();

t.test('what is saved is there after closing, whole', async (t) => {
  const directory = t.testdir();
  const { store, clock } = open(t, directory);
  const calls = [
    callOf({
      id: 'a',
      caller: { ...OUTSIDE, isPrivate: true, name: "Robert'); DROP TABLE calls;--" },
      isEmergency: true,
      follows: 'z',
      steps: [
        { ring: 1, party: WORKSHOP, more: { huntGroup: '300', line: 'Carrier' } },
        { answer: 1 },
        { record: 'a.wav' },
        { join: 2, party: WAREHOUSE, replaces: 1, from: 'b' },
        { hold: 2 },
        { end: 'normal', by: 'connected' },
      ],
    }),
    callOf({ id: 'b', steps: [{ end: 'unknown-number', by: 'box' }] }),
  ];
  for (const call of calls) store.save(call);
  t.equal(all(store).length, 0, 'nothing is written at once');
  store.close();
  store.close();
  store.save(answered('late'));
  t.equal(clock.pending, 0, 'no timer is left');
  t.equal(statSync(join(directory, 'calls.db')).mode & 0o777, 0o600);
  await withCallReader(directory, async (reader) => {
    t.strictSame([...reader.records()].flat(), calls.map(recordOf));
    t.strictSame(reader.newest(1)[0]?.id, 'b');
    t.match(reader.userCalls('202', 10), [{ call: 'a', kind: 'received', number: '', name: '' }]);
  });
});

t.test('how a call was heard comes after its end, and into its record', async (t) => {
  const directory = t.testdir();
  const { store, clock } = open(t, directory);
  const caller = { lossRatio: 0.25, meanOpinionScore: 2.5 };
  const about = (call: string) => ({ kind: 'measured', call, atMs: START_MS, caller }) as const;
  const { ended, ...running } = answered('told');
  const told = { ...running, ...(ended && { ended: { ...ended, quality: [{ leg: 0, codec: 'PCMA' }] } }) };
  store.save(told);
  store.measured(about('told'));
  store.save({ ...told, started: { ...told.started, call: 'written' } });
  await clock.advance(1000);
  t.match(all(store), [{ id: 'told', callerQuality: { codec: 'PCMA', ...caller } }, { id: 'written' }]);
  t.notOk(all(store)[1]?.callerQuality?.lossRatio, 'not known yet');
  store.measured(about('written'));
  store.measured({ ...about('nobody knows it'), connected: { lossRatio: 0 } });
  await clock.advance(1000);
  t.match(all(store)[1], { id: 'written', callerQuality: { codec: 'PCMA', ...caller } });
  t.equal(all(store).length, 2);
  store.save({ ...told, started: { ...told.started, call: 'last' } });
  store.flush();
  store.measured(about('last'));
  store.close();
  store.measured(about('last'));
  await withCallReader(directory, async (reader) => {
    t.match([...reader.records()].flat()[2], { id: 'last', callerQuality: caller });
  });
});

t.test('what strangers call themselves is bounded in every column', (t) => {
  const number = '9'.repeat(60_000);
  const long = { number, name: number };
  const call = callOf({
    caller: long,
    dialled: number,
    steps: [{ ring: 1, party: long }, { answer: 1 }, { join: 2, party: long, replaces: 1 }, { end: 'normal' }],
  });
  for (const [column, value] of Object.entries(rowOf(recordOf(call)))) {
    t.ok(String(value).length < 1024, `${column}: ${String(value).length}`);
  }
  t.end();
});

t.test('records are written together, once a second at most', async (t) => {
  const { store, clock } = open(t, t.testdir());
  for (let count = 0; count < 20; count += 1) store.save(answered(`call-${count}`));
  clock.advance(999);
  t.equal(all(store).length, 0);
  clock.advance(1);
  t.equal(all(store).length, 20);
  await store.synced();
});

t.test('many rows are written a few in each turn, and committed together', async (t) => {
  const directory = t.testdir();
  const { store, clock } = open(t, directory);
  const committed = (): Promise<readonly string[]> => {
    const ids: string[] = [];
    return withCallReader(directory, async (reader) => {
      ids.push(...[...reader.records()].flat().map(({ id }) => id));
    }).then(() => ids);
  };
  const saved = Array.from({ length: 100 }, (_, count) => `call-${count}`);
  for (const id of saved) store.save(answered(id));
  clock.advance(1000);
  t.equal(all(store).length, 22, 'of each a record and two lines of the logs');
  t.strictSame(await committed(), []);
  store.save(callOf({ id: 'call-0', steps: [{ end: 'unknown-number', by: 'box' }] }));
  store.save(answered('late'));
  clock.advance(100);
  t.strictSame(await committed(), saved, 'what came meanwhile is not among them');
  t.match(all(store)[0], { id: 'call-0', cause: 'normal' });
  clock.advance(1000);
  t.strictSame(await committed(), [...saved, 'late']);
  t.match(all(store)[0], { id: 'call-0', cause: 'unknown-number' }, 'nor lost');
  for (const id of saved) store.save(answered(`${id} again`));
  clock.advance(1000);
  store.save(answered('last'));
  store.close();
  t.equal((await committed()).length, 202, 'the end leaves nothing half written, nor what came meanwhile');
  t.equal(clock.pending, 0);
});

t.test('what cannot be written to its end is written from its beginning', async (t) => {
  const directory = t.testdir();
  const { store, clock, lines } = open(t, directory);
  const other = openDatabase(join(directory, 'calls.db'), 'NORMAL');
  t.teardown(() => other.close());
  other.exec(`CREATE TRIGGER refuse BEFORE INSERT ON calls WHEN NEW.id = 'call-90'
    BEGIN SELECT RAISE(FAIL, 'disk full'); END`);
  for (let count = 0; count < 100; count += 1) store.save(answered(`call-${count}`));
  clock.advance(1900);
  t.equal(all(store).length, 0);
  t.equal(lines.length, 1);
  other.exec('DROP TRIGGER refuse');
  clock.advance(1000);
  t.equal(all(store).length, 100);
});

t.test('a call that runs has a record from its answer on; a power cut ends it', async (t) => {
  const folders = t.testdir({ box: {}, copy: {} });
  const directory = join(folders, 'box');
  const copy = join(folders, 'copy');
  const first = open(t, directory);
  const history = new CallHistory(first.store);
  const events = eventsOf({ steps: [{ ring: 1, party: WORKSHOP }, { answer: 1 }, { end: 'normal' }] });
  for (const event of events.slice(0, 2)) history.take(event);
  first.clock.advance(1000);
  t.equal(all(first.store).length, 0, 'a call that only rings has none');
  for (const event of events.slice(2, 3)) history.take(event);
  first.clock.advance(1000);
  t.match(all(first.store), [{ id: 'call-1', answeredAtMs: START_MS + 2000 }]);
  t.notOk(all(first.store)[0]?.cause);
  t.equal(history.size, 1);
  // What a process that is killed now leaves behind.
  for (const name of ['calls.db', 'calls.db-wal']) {
    writeFileSync(join(copy, name), readFileSync(join(directory, name)));
  }
  t.match(all(open(t, copy).store), [{ id: 'call-1', cause: 'interrupted' }]);
  for (const event of events.slice(3)) history.take(event);
  first.store.flush();
  t.match(all(first.store), [{ id: 'call-1', cause: 'normal' }]);
  t.equal(all(first.store).length, 1, 'the same row');
  t.equal(history.size, 0);
});

t.test('no more rows than configured, and none that are too old', async (t) => {
  const directory = t.testdir();
  const { store, clock } = open(t, directory, { recordsKept: 10, recordDays: 30 });
  for (let count = 0; count < 1200; count += 1) {
    const call = answered(`call-${count}`, START_MS + count);
    store.save(call);
  }
  store.flush();
  t.equal(all(store).length, 1200);
  clock.advance(1000);
  t.equal(all(store).length, 700, 'not all in one commit: signalling stands still meanwhile');
  clock.advance(3000);
  t.strictSame(
    all(store).map(({ id }) => id),
    Array.from({ length: 10 }, (_, index) => `call-${1190 + index}`),
  );
  t.equal(store.reader.userCalls('201', 5000).length, MAX_USER_CALLS, 'the log of a user');
  clock.advance(31 * DAY_MS);
  t.equal(all(store).length, 0);
  t.equal(store.reader.userCalls('201', 5000).length, 0);
});

t.test('the log of a user shows his newest calls, and is never much longer', async (t) => {
  const directory = t.testdir();
  const rows = (): number => {
    const database = openForReading(join(directory, 'calls.db'));
    try {
      return Number(database.prepare("SELECT count(*) FROM user_calls WHERE user = '201'").pluck().get());
    } finally {
      database.close();
    }
  };
  let calls = 0;
  const call = (store: CallStore) => {
    store.save(answered(`call-${calls}`, START_MS + calls));
    calls += 1;
    store.flush();
  };
  let most = 0;
  const first = open(t, directory);
  while (calls < 700) {
    call(first.store);
    most = Math.max(most, rows());
    const shown = first.store.reader.userCalls('201', 5000);
    const newest = Array.from({ length: Math.min(calls, MAX_USER_CALLS) }, (_, index) => `call-${calls - 1 - index}`);
    if (shown.map(({ call: id }) => id).join() !== newest.join()) t.fail(`after ${calls} calls`);
  }
  t.equal(most, MAX_USER_CALLS + 50);
  // Where the box starts again and again, and where what was removed is there again.
  for (let start = 0; start < 3; start += 1) {
    const { store, clock } = open(t, directory);
    for (let count = 0; count < 40; count += 1) call(store);
    const other = openDatabase(join(directory, 'calls.db'), 'NORMAL');
    other.exec(`CREATE TRIGGER refuse BEFORE DELETE ON user_calls BEGIN SELECT RAISE(FAIL, 'disk full'); END`);
    for (let count = 0; count < 20; count += 1) call(store);
    t.equal(rows(), MAX_USER_CALLS + 50, 'nothing is written that would make it too long');
    other.exec('DROP TRIGGER refuse');
    other.close();
    clock.advance(1000);
    t.equal(rows(), MAX_USER_CALLS, 'the log is trimmed at once');
    store.close();
  }
});

t.test('a storm of calls leaves no more rows than configured, without waiting for the next hour', async (t) => {
  const { store, clock } = open(t, t.testdir(), { recordsKept: 100 });
  clock.advance(5000);
  for (let second = 0; second < 4; second += 1) {
    for (let call = 0; call < 400; call += 1) store.save(answered(`${second} ${call}`));
    clock.advance(1000);
  }
  for (let second = 0; second < 8; second += 1) clock.advance(1000);
  t.equal(all(store).length, 100);
});

t.test(
  'nor do as many calls a second as can be written, for as long as they come, or the few that come last',
  async (t) => {
    const { store, clock } = open(t, t.testdir(), { recordsKept: 100 });
    clock.advance(5000);
    for (let second = 0; second < 20; second += 1) {
      for (let call = 0; call < 1500; call += 1) store.save(answered(`${second} ${call}`));
      for (let step = 0; step < 20; step += 1) clock.advance(50);
    }
    const kept = all(store).length;
    t.ok(kept < 15_000, `${kept} of 30,000 are left while they come`);
    for (let step = 0; step < 200; step += 1) clock.advance(50);
    t.equal(all(store).length, 100);
    for (let call = 0; call < 50; call += 1) store.save(answered(`last ${call}`));
    for (let step = 0; step < 140; step += 1) clock.advance(50);
    t.equal(all(store).length, 100);
  },
);

t.test('a storm of calls is written before anything of it is lost, and no record of it runs on', async (t) => {
  const { store, clock } = open(t, t.testdir(), { recordsKept: 100_000 });
  clock.advance(5000);
  for (let call = 0; call < 9000; call += 1) {
    store.save(callOf({ id: `storm ${call}`, steps: [{ ring: 1, party: WORKSHOP }, { answer: 1 }] }));
    store.save(answered(`storm ${call}`));
    // Three thousand a second.
    if (call % 15 === 14) clock.advance(5);
  }
  clock.advance(5000);
  const calls = all(store);
  t.equal(calls.length, 9000);
  t.same(
    calls.filter(({ cause }) => cause === undefined),
    [],
  );
});

t.test('a disk that takes nothing blocks nobody, and what waits is bounded', async (t) => {
  const directory = t.testdir();
  const { store, clock, lines } = open(t, directory);
  const other = openDatabase(join(directory, 'calls.db'), 'NORMAL');
  t.teardown(() => other.close());
  other.exec("CREATE TRIGGER refuse BEFORE INSERT ON calls BEGIN SELECT RAISE(FAIL, 'disk full'); END");
  for (let count = 0; count < 2500; count += 1) store.save(answered(`call-${count}`));
  clock.advance(5000);
  t.equal(lines.length, 1, 'told once');
  t.match(JSON.parse(lines[0] ?? ''), { level: 40, msg: /call records are not written/ });
  other.exec('DROP TRIGGER refuse');
  clock.advance(2000);
  t.equal(all(store).length, 2000);
  t.equal(all(store)[0]?.id, 'call-500', 'the oldest went first');
  t.match(JSON.parse(lines[1] ?? ''), { level: 30, lost: 500 });
});

t.test('a damaged file is set aside and made new, with one warning', async (t) => {
  const directory = t.testdir({ 'calls.db': 'garbage '.repeat(2000) });
  const { store, clock, lines } = open(t, directory);
  store.save(answered('a'));
  clock.advance(1000);
  t.equal(all(store).length, 1);
  t.equal(lines.length, 1);
  t.match(readFileSync(join(directory, 'calls.db.damaged'), 'utf8'), /^garbage/);
});

t.test('where there are no records, and where they are of a newer program', async (t) => {
  const read = async () => undefined;
  await t.rejects(withCallReader(t.testdir(), read), { code: 'CALLS_NONE' });
  const directory = t.testdir();
  const database = openDatabase(join(directory, 'calls.db'), 'NORMAL');
  database.pragma('user_version = 99');
  database.close();
  await t.rejects(withCallReader(directory, read), { code: 'CALLS_VERSION' });
});
