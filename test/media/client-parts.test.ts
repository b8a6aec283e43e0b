import t from 'tap';
import { Continuity } from '../../firmware/media/continuity.ts';
import { PortPool } from '../../firmware/media/port-pool.ts';
import {
  type Command,
  encodeMessage,
  MAX_DONE,
  MAX_MESSAGE_BYTES,
  type Result,
  SNAPSHOT_SESSIONS,
  type Snapshot,
} from '../../firmware/media/protocol.ts';
import { decodeFromWorker, decodeToWorker } from '../../firmware/media/protocol-check.ts';
import { RestartDelay } from '../../firmware/media/restart-delay.ts';
import { FakeClock } from '../support/fake-clock.ts';

t.test('port pool', async (t) => {
  const clock = new FakeClock();
  const pool = new PortPool(4001, 4010, clock);
  t.equal(pool.freeCount, 4, 'even ports whose odd one is in the range too');
  t.same(pool.takePair(), [4002, 4004]);
  t.same(pool.takePair(), [4006, 4008]);
  t.throws(() => pool.takePair(), { code: 'MEDIA_NO_PORTS' });
  pool.giveBack(4006);
  t.throws(() => pool.takePair(), { code: 'MEDIA_NO_PORTS' });
  t.equal(pool.freeCount, 1, 'a pair that is not to be had takes nothing');
  pool.giveBack(4002);
  t.same(pool.takePair(), [4006, 4002], 'longest given back first');
  pool.use(4007, 4014);
  t.same(pool.takePair(), [4010, 4012], 'another range from now on, and nothing twice');
  pool.giveBack(4006, 4002, 4010);
  t.equal(pool.freeCount, 1, 'what is beyond the range does not come back');
  pool.use(4001, 4010);
  t.same(pool.takePair(), [4006, 4002]);
  for (const [low, high] of [
    [1022, 2000],
    [4001, 4002],
    [5000, 4000],
    [65_000, 65_536],
    [4000.5, 4010],
  ] as const) {
    t.throws(() => new PortPool(low, high, clock), { code: 'MEDIA_PORT_RANGE' });
  }
});

t.test('a port that was given back is in quarantine, whatever becomes of the range', async (t) => {
  const clock = new FakeClock();
  const pool = new PortPool(4000, 4011, clock);
  t.same([pool.take(), pool.take(), pool.take()], [4000, 4002, 4004]);
  pool.giveBack(4002);
  clock.advance(4000);
  pool.giveBack(4000);
  pool.use(4000, 4007);
  t.same([pool.take(), pool.take(), pool.take()], [4006, 4002, 4000], 'longest rested first, when there is no other');
  pool.giveBack(4006, 4002, 4000);
  pool.use(5000, 5003);
  clock.advance(9999);
  pool.use(4000, 4009);
  t.equal(pool.take(), 4008, 'nor is it forgotten while another range is used');
  clock.advance(1);
  pool.use(4000, 4009);
  t.equal(pool.take(), 4000, 'ten seconds later it is a port like the others');
});

t.test('restart delay: none, then doubling to five seconds; a healthy life forgives', async (t) => {
  const clock = new FakeClock();
  const delay = new RestartDelay(clock);
  t.same(
    Array.from({ length: 8 }, () => delay.next()),
    [0, 100, 200, 400, 800, 1600, 3200, 5000],
  );
  clock.advance(14_999);
  t.equal(delay.next(), 5000);
  clock.advance(15_000);
  t.equal(delay.next(), 0);
});

t.test('restart delay at another pace', async (t) => {
  const delay = new RestartDelay(new FakeClock(), { firstDelayMs: 10, maxDelayMs: 30, healthyMs: 50 });
  t.same([delay.next(), delay.next(), delay.next(), delay.next()], [0, 10, 20, 30]);
});

t.test('what is not of the protocol is not taken for it', async (t) => {
  const parameters = {
    remoteAddress: '192.0.2.7',
    remotePort: 4000,
    codec: 'PCMA',
    payloadType: 8,
    ptimeMs: 20,
    direction: 'sendrecv',
  } as const;
  const command: Command = { method: 'configureLeg', session: 3, leg: 1, parameters };
  const request = { kind: 'request', id: 7, command } as const;
  t.same(decodeToWorker(encodeMessage(request)), request);
  const response = { kind: 'response', id: 7, ok: true, result: null } as const;
  t.same(decodeFromWorker(encodeMessage(response)), response);
  t.same(decodeToWorker(encodeMessage({ kind: 'ping', id: 8 })), { kind: 'ping', id: 8 });
  t.same(decodeFromWorker(encodeMessage({ kind: 'pong', id: 8 })), { kind: 'pong', id: 8 });
  const ids = Array.from({ length: MAX_DONE }, (_, index) => Number.MAX_SAFE_INTEGER - index);
  t.same(
    decodeFromWorker(encodeMessage({ kind: 'done', ids })),
    { kind: 'done', ids },
    'as many as can be, of the longest',
  );
  const wrong: readonly unknown[] = [
    JSON.stringify({ kind: 'ping' }),
    JSON.stringify({ kind: 'pong', id: 0 }),
    undefined,
    request,
    '',
    '{',
    'null',
    '[]',
    JSON.stringify({ ...request, id: 0 }),
    JSON.stringify({ ...request, id: '7' }),
    JSON.stringify({ ...request, command: { ...command, leg: 2 } }),
    JSON.stringify({ ...request, command: { ...command, session: -1 } }),
    JSON.stringify({ ...request, command: { ...command, method: 'exit' } }),
    JSON.stringify({ ...request, command: { ...command, parameters: { ...parameters, codec: 'SPEEX' } } }),
    JSON.stringify({ ...request, command: { method: 'openSession', session: 1, legs: [] } }),
    JSON.stringify({ ...request, filler: 'x'.repeat(MAX_MESSAGE_BYTES) }),
  ];
  for (const raw of wrong) t.equal(decodeToWorker(raw), undefined, String(raw).slice(0, 60));
  for (const raw of [
    ...wrong,
    JSON.stringify({ ...response, id: null }),
    JSON.stringify({ ...response, ok: 'yes' }),
    JSON.stringify({ ...response, result: [{}, {}] }),
    JSON.stringify({ ...response, ok: false, error: { code: 'X', message: '' } }),
    JSON.stringify({ kind: 'log', level: 'fatal', message: '' }),
    JSON.stringify({ kind: 'done' }),
    JSON.stringify({ kind: 'done', ids: [] }),
    JSON.stringify({ kind: 'done', ids: [1, 0] }),
    JSON.stringify({ kind: 'done', ids: { length: 1 } }),
    JSON.stringify({ kind: 'done', ids: [...ids, 1] }),
  ]) {
    t.equal(decodeFromWorker(raw), undefined, String(raw).slice(0, 60));
  }
  const log = { kind: 'log', level: 'warn', message: 'x'.repeat(MAX_MESSAGE_BYTES) } as const;
  t.throws(() => encodeMessage(log), RangeError);
});

/** As a worker has it: of each session its id, the bytes of its place, and this. */
function placesOf(places: readonly (readonly [number, Buffer])[]): string {
  const parts = places.map(([session, place]) => {
    const header = Buffer.alloc(16);
    header.writeDoubleLE(session);
    header.writeUInt32LE(place.length, 8);
    return Buffer.concat([header, place]);
  });
  return Buffer.concat(parts).toString('base64');
}

t.test('a place is asked for once a second while there are sessions, and serves two workers at most', async (t) => {
  const clock = new FakeClock();
  let sessions = 1;
  let asked = 0;
  const [first, second] = [Buffer.from('first'), Buffer.from('second')].map((place) => ({
    place: place.toString('base64'),
    places: placesOf([[7, place]]),
  }));
  if (first === undefined || second === undefined) throw new Error('no places');
  let answer = async (): Promise<Snapshot> => ({ places: first.places, next: 0 });
  const continuity = new Continuity({
    clock,
    take: () => {
      asked += 1;
      return answer();
    },
    sessionCount: () => sessions,
    isOpen: () => true,
  });
  const pass = async (): Promise<void> => {
    clock.advance(1000);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  t.equal(clock.pending, 0);
  continuity.watch();
  continuity.watch();
  t.equal(continuity.resume(7), undefined);
  await pass();
  t.equal(asked, 1);
  clock.advance(400);
  t.same(continuity.resume(7), { place: first.place, ageMs: 400, resumptions: 1 });
  t.same(continuity.resume(8), undefined);
  answer = () => Promise.reject(new Error('the worker is gone'));
  await pass();
  t.same(continuity.resume(7), { place: first.place, ageMs: 1400, resumptions: 2 }, 'what was taken before holds');
  t.equal(continuity.resume(7), undefined, 'no third one goes on from it');
  answer = async () => ({ places: second.places, next: 0 });
  await pass();
  t.match(continuity.resume(7), { place: second.place, resumptions: 1 });
  continuity.forget(7);
  t.equal(continuity.resume(7), undefined, 'its session was closed');
  await pass();
  answer = () => new Promise(() => {});
  await pass();
  clock.advance(60_000);
  t.equal(continuity.resume(7), undefined, 'too old');
  t.equal(asked, 5, 'one that is not answered is not asked again beside it');
  sessions = 0;
  continuity.close();
  continuity.watch();
  t.equal(clock.pending, 0);
});

t.test('the places of many sessions are asked for in parts, all of them within a second', async (t) => {
  const clock = new FakeClock();
  const asked: [number, number][] = [];
  const slots = Array.from({ length: 300 }, (_, index) => index + 1);
  const continuity = new Continuity({
    clock,
    take: async (from) => {
      asked.push([clock.elapsed(), from]);
      const part = slots.slice(from, from + SNAPSHOT_SESSIONS);
      const next = from + part.length < slots.length ? from + part.length : 0;
      return { places: placesOf(part.map((session) => [session, Buffer.from(`of ${session}`)])), next };
    },
    sessionCount: () => slots.length,
    isOpen: () => true,
  });
  continuity.watch();
  for (let step = 0; step < 20; step += 1) {
    clock.advance(100);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
  t.same(asked.map(([, from]) => from).slice(0, 4), [0, 128, 256, 0]);
  t.ok((asked[3]?.[0] ?? 0) - (asked[0]?.[0] ?? 0) <= 1300, 'a round takes a second, and what the clock is coarser');
  for (const session of [1, 128, 129, 300]) {
    t.equal(continuity.resume(session)?.place, Buffer.from(`of ${session}`).toString('base64'));
  }
  continuity.close();
});

t.test('an answer without places takes nothing away', async (t) => {
  const clock = new FakeClock();
  const answers: Result[] = [{ places: placesOf([[1, Buffer.from('one')]]), next: 5 }, null, { places: '', next: 0 }];
  const asked: number[] = [];
  const continuity = new Continuity({
    clock,
    take: async (from) => {
      asked.push(from);
      return answers[asked.length - 1] ?? null;
    },
    sessionCount: () => 1,
    isOpen: () => true,
  });
  continuity.watch();
  for (let second = 0; second < 3; second += 1) {
    clock.advance(1000);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
  t.same(asked, [0, 5, 0], 'and begins the next round');
  t.equal(continuity.resume(1)?.place, Buffer.from('one').toString('base64'));
  continuity.close();
});

t.test('of a snapshot that is cut off the whole places count', async (t) => {
  const clock = new FakeClock();
  const whole = Buffer.from(
    placesOf([
      [1, Buffer.from('one')],
      [2, Buffer.from('two')],
    ]),
    'base64',
  );
  const continuity = new Continuity({
    clock,
    take: async () => ({ places: whole.subarray(0, -1).toString('base64'), next: 0 }),
    sessionCount: () => 2,
    isOpen: () => true,
  });
  continuity.watch();
  clock.advance(1000);
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  t.equal(continuity.resume(1)?.place, Buffer.from('one').toString('base64'));
  t.equal(continuity.resume(2), undefined);
  continuity.close();
});

t.test('nothing is kept of a session that was closed while its place was on its way', async (t) => {
  const clock = new FakeClock();
  const open = new Set([1, 2]);
  const continuity = new Continuity({
    clock,
    take: async () => {
      open.delete(1);
      continuity.forget(1);
      return {
        places: placesOf([
          [1, Buffer.from('one')],
          [2, Buffer.from('two')],
        ]),
        next: 0,
      };
    },
    sessionCount: () => open.size,
    isOpen: (session) => open.has(session),
  });
  continuity.watch();
  clock.advance(1000);
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  t.equal(continuity.resume(1), undefined);
  t.equal(continuity.resume(2)?.place, Buffer.from('two').toString('base64'));
  continuity.close();
});

t.test('after the last session the next one is in the first part', async (t) => {
  const clock = new FakeClock();
  let sessions = 200;
  const asked: number[] = [];
  const continuity = new Continuity({
    clock,
    take: async (from) => {
      asked.push(from);
      return { places: '', next: from === 0 ? 128 : 0 };
    },
    sessionCount: () => sessions,
    isOpen: () => true,
  });
  const pass = async (): Promise<void> => {
    clock.advance(1000);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  continuity.watch();
  await pass();
  sessions = 0;
  await pass();
  t.equal(clock.pending, 0);
  sessions = 1;
  continuity.watch();
  await pass();
  t.same(asked, [0, 0]);
  continuity.close();
});

t.test('places are taken for what they are, and for nothing else', async (t) => {
  const legs = [{ address: '127.0.0.1', port: 4000 }];
  const open = (resume: unknown): unknown =>
    decodeToWorker(
      JSON.stringify({ kind: 'request', id: 1, command: { method: 'openSession', session: 1, legs, resume } }),
    );
  t.ok(open({ place: 'AAAA', ageMs: 1, resumptions: 1 }));
  for (const wrong of [
    null,
    {},
    { place: '', ageMs: 1, resumptions: 1 },
    { place: '{}', ageMs: 1, resumptions: 1 },
    { place: 'A'.repeat(2000), ageMs: 1, resumptions: 1 },
    { place: 'AAAA', ageMs: -1, resumptions: 1 },
    { place: 'AAAA', ageMs: 1.5, resumptions: 1 },
    { place: 'AAAA', ageMs: 1, resumptions: 3 },
  ]) {
    t.equal(open(wrong), undefined, JSON.stringify(wrong).slice(0, 60));
  }
  const places = placesOf(
    Array.from({ length: SNAPSHOT_SESSIONS }, (_, index) => [index + 1, Buffer.alloc(768)] as const),
  );
  const response = { kind: 'response', id: 1, ok: true, result: { places, next: 8191 } } as const;
  const decoded = decodeFromWorker(encodeMessage(response));
  t.equal(JSON.stringify(decoded), JSON.stringify(response), 'the longest ones of as many sessions as there can be');
  for (const wrong of [{ places: [] }, { places: '?' }, { places: 7 }, { next: -1 }, { next: 8192 }, { next: '0' }]) {
    const result = { ...response.result, ...wrong };
    t.equal(decodeFromWorker(JSON.stringify({ ...response, result })), undefined, JSON.stringify(wrong));
  }
  const ask = (from: unknown): unknown =>
    decodeToWorker(JSON.stringify({ kind: 'request', id: 1, command: { method: 'snapshot', from } }));
  t.ok(ask(0));
  for (const wrong of [undefined, -1, 8192, 0.5, '0']) t.equal(ask(wrong), undefined, String(wrong));
});
