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

t.test('a file of another version is set aside too', async (t) => {
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
