import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import t from 'tap';
import { BindingStore, type StoredBinding } from '../../firmware/config/binding-store.ts';
import { openDatabase } from '../../firmware/config/database.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';

function capture() {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, logger: createLogger('info', sink) };
}

function binding(clock: FakeClock, contact: string, more: Partial<StoredBinding> = {}): StoredBinding {
  return {
    contact,
    callId: 'call-1',
    cSeq: 7,
    expiresAtMs: clock.now() + 3_600_000,
    flow: {
      protocol: 'udp',
      localAddress: '192.168.42.1',
      localPort: 5060,
      remoteAddress: '192.168.42.7',
      remotePort: 5070,
    },
    ...more,
  };
}

t.test('what is saved is there after closing, with all its fields and in its order', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock();
  const { logger, lines } = capture();
  const store = BindingStore.open(directory, clock, logger);
  const bindings = [
    binding(clock, 'sip:201@[fd00::7]:5061;transport=tls', {
      userAgent: 'A phone',
      instance: '<urn:uuid:1>',
      regId: 2,
      q: 0.5,
      path: ['<sip:near.example;lr>', '<sip:edge.example;lr;ob>'],
      capabilities: ';audio;mobility="mobile"',
      publicGruu: 'sip:201@box;gr=urn:uuid:1',
      needsKeepAlive: true,
      flow: { protocol: 'tls', localAddress: 'fd00::1', localPort: 5061, remoteAddress: 'fd00::7', remotePort: 40001 },
    }),
    binding(clock, "sip:201'); DROP TABLE bindings;--@192.168.42.7"),
  ];
  store.save('sip:201@ringdown', bindings);
  store.close();
  store.close();
  store.save('sip:201@ringdown', []);
  t.equal(clock.pending, 0, 'no timer is left');

  const again = BindingStore.open(directory, clock, logger);
  t.ok(again.key.equals(store.key) && again.key.length === 32, 'the key lasts as long as the bindings');
  t.strictSame(
    again.load(),
    bindings.map((each) => ({ aor: 'sip:201@ringdown', binding: each })),
  );
  again.close();
  t.strictSame(lines, []);
  t.equal(statSync(join(directory, 'bindings.db')).mode & 0o777, 0o600);
});

t.test('saves are written together, a second later', async (t) => {
  const clock = new FakeClock();
  const store = BindingStore.open(t.testdir(), clock, capture().logger);
  for (let number = 200; number < 300; number += 1) store.save(`sip:${number}@x`, [binding(clock, `sip:${number}@a`)]);
  store.save('sip:200@x', [binding(clock, 'sip:200@b')]);
  clock.advance(999);
  t.equal(store.load().length, 0);
  clock.advance(1);
  t.equal(store.load().length, 100);
  t.equal(store.load()[0]?.binding.contact, 'sip:200@b', 'the later save of one address counts');
  t.equal(clock.pending, 0);
  store.save('sip:200@x', []);
  store.flush();
  t.equal(store.load().length, 99);
  t.equal(clock.pending, 0);
  store.close();
});

t.test('those that expired while the box was off are forgotten', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock();
  const { logger } = capture();
  const store = BindingStore.open(directory, clock, logger);
  store.save('sip:201@x', [binding(clock, 'sip:a'), binding(clock, 'sip:b', { expiresAtMs: clock.now() + 1000 })]);
  store.close();
  clock.advance(2000);
  const again = BindingStore.open(directory, clock, logger);
  t.strictSame(
    again.load().map((each) => each.binding.contact),
    ['sip:a'],
  );
  again.close();
});

t.test('a damaged file is set aside and made new, with one warning', async (t) => {
  const directory = t.testdir({ 'bindings.db': 'garbage '.repeat(2000), 'bindings.db-wal': 'garbage' });
  const clock = new FakeClock();
  const { logger, lines } = capture();
  const store = BindingStore.open(directory, clock, logger);
  t.strictSame(store.load(), []);
  store.save('sip:201@x', [binding(clock, 'sip:a')]);
  store.flush();
  t.equal(store.load().length, 1);
  store.close();
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), { level: 40, msg: /register again/ });
  t.match(readFileSync(join(directory, 'bindings.db.damaged'), 'utf8'), /^garbage/);
});

t.test('a refresh changes the row, anything else replaces it', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock();
  const store = BindingStore.open(directory, clock, capture().logger);
  const other = openDatabase(join(directory, 'bindings.db'), 'NORMAL');
  other.exec(`CREATE TABLE told (what TEXT) STRICT;
    CREATE TRIGGER inserted AFTER INSERT ON bindings BEGIN INSERT INTO told VALUES ('insert'); END;
    CREATE TRIGGER updated AFTER UPDATE ON bindings BEGIN INSERT INTO told VALUES ('update'); END;`);
  const told = () => {
    const all = other.prepare<[], string>('SELECT what FROM told').pluck().all();
    other.exec('DELETE FROM told');
    return all;
  };
  const first = binding(clock, 'sip:a', { path: ['<sip:p;lr>'] });
  const second = binding(clock, 'sip:b', { callId: 'call-2' });
  const save = (...bindings: StoredBinding[]) => {
    store.save('201', bindings);
    store.flush();
    t.strictSame(
      store.load().map((loaded) => loaded.binding),
      bindings,
    );
    return told();
  };
  t.strictSame(save(first, second), ['insert', 'insert']);
  const refreshed = { ...first, cSeq: 8, expiresAtMs: first.expiresAtMs + 60_000, path: ['<sip:p;lr>'] };
  t.strictSame(save(refreshed, second), ['update'], 'only the row that changed');
  for (const change of [
    { contact: 'sip:c' },
    { callId: 'call-3' },
    { userAgent: 'other' },
    { instance: '<urn:uuid:2>' },
    { regId: 1 },
    { q: 1 },
    { path: ['<sip:q;lr>'] },
    { capabilities: ';audio' },
    { publicGruu: 'sip:201@box;gr=urn:uuid:1' },
    { needsKeepAlive: true as const },
    { flow: { ...first.flow, remotePort: 1 } },
    { flow: { ...first.flow, localAddress: '192.168.43.1' } },
  ]) {
    t.strictSame(save({ ...refreshed, ...change }, second), ['insert', 'insert'], JSON.stringify(change));
    save(refreshed, second);
  }
  t.strictSame(save(second), ['insert']);
  other.close();
  store.close();
});

t.test('ten thousand bindings are written at once and all there after a restart', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock();
  const { logger, lines } = capture();
  const store = BindingStore.open(directory, clock, logger);
  const numbers = Array.from({ length: 10_000 }, (_, number) => String(10_000 + number));
  for (const number of numbers) store.save(number, [binding(clock, `sip:${number}@192.168.42.7`)]);
  clock.advance(1000);
  for (const number of numbers) {
    store.save(number, [binding(clock, `sip:${number}@192.168.42.7`, { cSeq: 9, expiresAtMs: clock.now() + 60_000 })]);
  }
  clock.advance(1000);
  // As kill -9 leaves it: no close.
  const again = BindingStore.open(directory, clock, logger);
  const loaded = again.load();
  t.equal(loaded.length, 10_000);
  t.ok(loaded.every(({ binding: { cSeq, expiresAtMs } }) => cSeq === 9 && expiresAtMs === clock.now() + 59_000));
  again.close();
  store.close();
  t.strictSame(lines, []);
});

t.test('a file of the first version is brought up to this one, with all that is in it', async (t) => {
  const directory = t.testdir();
  const file = join(directory, 'bindings.db');
  const old = openDatabase(file, 'NORMAL');
  old.exec(readFileSync(join(import.meta.dirname, 'fixtures/bindings-1.sql'), 'utf8'));
  old.close();
  const { logger, lines } = capture();
  const clock = new FakeClock(1_700_000_000_000);
  const store = BindingStore.open(directory, clock, logger);
  t.match(store.load(), [
    {
      aor: '201',
      binding: { contact: 'sip:201@192.168.42.7:5070', cSeq: 3, userAgent: 'A phone', instance: '<urn:uuid:1>' },
    },
    { aor: '202', binding: { contact: 'sip:202@[fd00::7]:5061;transport=tls', flow: { protocol: 'tls' } } },
  ]);
  t.equal(store.key.length, 32);
  store.save('202', []);
  store.close();
  t.equal(BindingStore.open(directory, clock, logger).load().length, 1);
  t.strictSame(lines, []);
  t.notOk(existsSync(`${file}.damaged`));
});

t.test('a file of a newer version is set aside too', async (t) => {
  const directory = t.testdir();
  const other = openDatabase(join(directory, 'bindings.db'), 'NORMAL');
  other.pragma('user_version = 99');
  other.close();
  const { logger, lines } = capture();
  const store = BindingStore.open(directory, new FakeClock(), logger);
  t.strictSame(store.load(), []);
  store.close();
  t.equal(lines.length, 1);
  t.ok(existsSync(join(directory, 'bindings.db.damaged')));
});

t.test('a write that fails is told once, kept and tried again', async (t) => {
  const directory = t.testdir();
  const clock = new FakeClock();
  const { logger, lines } = capture();
  const store = BindingStore.open(directory, clock, logger);
  const other = openDatabase(join(directory, 'bindings.db'), 'NORMAL');
  other.exec('ALTER TABLE bindings RENAME TO hidden');
  store.save('sip:201@x', [binding(clock, 'sip:a')]);
  clock.advance(5000);
  t.equal(lines.length, 1, 'five attempts, one line');
  t.match(JSON.parse(lines[0] ?? ''), { level: 40, msg: /not written/ });
  other.exec('ALTER TABLE hidden RENAME TO bindings');
  other.close();
  clock.advance(1000);
  t.equal(store.load().length, 1);
  t.match(JSON.parse(lines[1] ?? ''), { level: 30, msg: /written again/ });
  store.close();
});

t.test('a directory that cannot be written is named', async (t) => {
  const file = join(t.testdir(), 'file');
  writeFileSync(file, '');
  t.throws(() => BindingStore.open(file, new FakeClock(), capture().logger), { code: 'CONFIG_DATA_NOT_WRITABLE' });
});
