import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import t, { type Test } from 'tap';
import type { Draft, MailboxLimits } from '../../../firmware/call/mailbox/message.ts';
import { MessageFiles } from '../../../firmware/call/mailbox/message-files.ts';
import { MessageStore } from '../../../firmware/call/mailbox/message-store.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const DAY_MS = 86_400_000;
const LIMITS: MailboxLimits = {
  ...{ totalMinutes: 900, userMinutes: 30, messageSeconds: 120, messageDays: 0, keepFreeMegabytes: 10 },
};
const CALLER = { number: '202', name: 'Workshop' };

/** A recording of silence, as the media worker writes it. */
function wav(seconds: number): Buffer {
  const data = Buffer.alloc(16_000 * seconds);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

function open(t: Test, directory: string, more: Partial<MailboxLimits> = {}) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const limits = { ...LIMITS, ...more };
  const files = join(directory, 'sounds/mailbox');
  const store = MessageStore.open({
    directory,
    files,
    limits: () => limits,
    clock,
    logger: createLogger('info', sink),
  });
  t.teardown(() => store.close());
  const changed: string[] = [];
  store.onChange((user) => changed.push(user));
  /** As the media worker does between `begin` and `keep`. */
  const record = (user: string, seconds = 2): Draft => {
    const draft = store.begin(user);
    if (draft === undefined) throw new Error('no room');
    writeFileSync(join(draft.folder, draft.name), wav(seconds), { mode: 0o600 });
    return draft;
  };
  const leave = (user: string, seconds = 2) =>
    store.keep(record(user, seconds), { ...CALLER, durationMs: 1000 * seconds, sizeBytes: 16_000 * seconds + 44 });
  return { store, clock, files, lines, limits, changed, record, leave };
}

t.test('a message is there, over a restart too, until it is deleted', async (t) => {
  const directory = t.testdir();
  const { store, files, leave, changed } = open(t, directory);
  const first = await leave('201');
  const second = await leave('201', 3);
  t.strictSame(store.counts('201'), { newMessages: 2, oldMessages: 0 });
  t.strictSame(store.counts('202'), { newMessages: 0, oldMessages: 0 });
  store.markOld(first.id);
  store.markOld(first.id);
  t.strictSame(changed, ['201', '201', '201'], 'each change once');
  t.strictSame(
    store.list('201').map(({ id, isOld }) => [id, isOld]),
    [
      [second.id, false],
      [first.id, true],
    ],
    'the new ones first',
  );
  t.equal(statSync(join(files, '201')).mode & 0o777, 0o700);
  t.equal(statSync(join(directory, 'mailbox.db')).mode & 0o777, 0o600);
  store.close();
  store.close();

  const again = open(t, directory);
  t.strictSame(again.store.counts('201'), { newMessages: 1, oldMessages: 1 });
  t.match(again.store.find(second.id), { callerNumber: '202', callerName: 'Workshop', durationMs: 3000 });
  t.equal(again.store.delete(second.id), true);
  t.equal(again.store.delete(second.id), false);
  t.strictSame(readdirSync(join(files, '201')), [`${first.id}.wav`]);
  t.strictSame(again.changed, ['201']);
});

t.test('a power cut leaves a message whole or not at all', async (t) => {
  const directory = t.testdir();
  const { store, files, record, leave } = open(t, directory);
  const kept = await leave('201');
  const gone = await leave('201');
  record('201');
  store.close();
  rmSync(join(files, '201', `${gone.id}.wav`));
  writeFileSync(join(files, '201', 'strange.wav'), 'no message of ours: its name is none');
  const again = open(t, directory);
  t.strictSame(
    again.store.list().map(({ id }) => id),
    [kept.id],
  );
  t.strictSame(
    readdirSync(join(files, '201')).sort(),
    [`${kept.id}.wav`, 'strange.wav'],
    'what was being recorded is gone',
  );
  t.match(JSON.parse(again.lines[0] ?? ''), { level: 40, count: 1 });
});

t.test('a damaged list is made anew of the files', async (t) => {
  const directory = t.testdir();
  const { store, files, leave } = open(t, directory);
  const message = await leave('201', 4);
  store.close();
  writeFileSync(join(directory, 'mailbox.db'), 'garbage '.repeat(2000));
  writeFileSync(join(files, '201', 'm00000000000broken.wav'), 'no recording');
  symlinkSync('/etc/passwd', join(files, '201', 'm00000000000linked.wav'));
  const again = open(t, directory);
  t.match(again.store.list(), [{ id: message.id, user: '201', durationMs: 4000, callerNumber: '' }]);
  t.equal(again.store.list().length, 1);
  t.ok(existsSync(join(directory, 'mailbox.db.damaged')));
});

t.test('no room: a full mailbox, all of them full, a full disk', async (t) => {
  const directory = t.testdir();
  const { store, limits, leave, record } = open(t, directory, { userMinutes: 1, totalMinutes: 10, messageSeconds: 30 });
  t.equal(store.begin('201')?.maxMs, 30_000);
  const second = record('201');
  t.equal(store.hasRoom('201'), false, 'what is being recorded counts');
  t.equal(store.begin('201'), undefined);
  t.equal(store.hasRoom('202'), true);
  store.drop(second);
  t.equal(store.hasRoom('201'), true);
  await leave('201', 10);
  t.equal(store.begin('201')?.maxMs, 20_000, 'what is left');
  Object.assign(limits, { totalMinutes: 1 });
  t.equal(store.hasRoom('203'), false);
  Object.assign(limits, { totalMinutes: 900, keepFreeMegabytes: 1e9 });
  t.equal(store.hasRoom('203'), false);
  Object.assign(limits, { keepFreeMegabytes: 1 });
  t.equal(store.hasRoom('203'), true);
  t.equal(store.begin('203')?.keepFreeBytes, 1_000_000, 'the recorder stops there');
});

t.test('what cannot be kept is dropped, and said', async (t) => {
  const { store, files, record, changed } = open(t, t.testdir());
  const draft = record('201');
  rmSync(join(files, '201', draft.name));
  await t.rejects(store.keep(draft, { ...CALLER, durationMs: 1, sizeBytes: 1 }));
  t.strictSame(store.list(), []);
  t.strictSame(changed, []);
  store.drop(draft);
});

t.test('names lead nowhere else', async (t) => {
  const directory = t.testdir();
  const { store, files } = open(t, directory);
  for (const user of ['..', '../x', '', '2', 'abc', '201/..', '2'.repeat(16), '20\0']) {
    t.equal(store.begin(user), undefined, JSON.stringify(user));
  }
  const all = new MessageFiles(files);
  for (const id of ['../../mailbox', 'a/b', '', '.', 'A'.repeat(10), 'x'.repeat(41)]) {
    t.throws(() => all.remove('201', id), JSON.stringify(id));
  }
  t.strictSame(readdirSync(files), []);
  mkdirSync(join(files, '204'));
  chmodSync(join(files, '204'), 0o700);
  t.ok(store.begin('204'), 'a folder that is there is used');
});

t.test('greetings: one a user, the last one', async (t) => {
  const directory = t.testdir();
  const { store, files, record } = open(t, directory);
  t.equal(store.greetingOf('201'), undefined);
  await store.keepGreeting(record('201'));
  const second = record('201');
  await store.keepGreeting(second);
  t.equal(store.greetingOf('201'), second.id);
  t.strictSame(readdirSync(join(files, '201')), [second.name]);
  store.close();
  const again = open(t, directory);
  t.equal(again.store.greetingOf('201'), second.id);
  again.store.removeGreeting('201');
  t.equal(again.store.greetingOf('201'), undefined);
  t.strictSame(readdirSync(join(files, '201')), []);
});

t.test('messages that are too old, and those of a user who is gone', async (t) => {
  const { store, clock, leave, limits } = open(t, t.testdir());
  await leave('201');
  clock.advance(40 * DAY_MS);
  t.equal(store.list().length, 1, 'kept until somebody deletes it');
  Object.assign(limits, { messageDays: 30 });
  await leave('201');
  clock.advance(3_600_000);
  t.equal(store.list().length, 1);
  await leave('202');
  store.deleteAll('201');
  t.strictSame(
    store.list().map(({ user }) => user),
    ['202'],
  );
  store.close();
  t.equal(clock.pending, 0, 'no timer is left');
});

t.test('a user who goes while somebody leaves a message: whoever has the number next does not get it', async (t) => {
  const { store, record, files } = open(t, t.testdir());
  const drafts = [record('201'), record('201')] as const;
  store.deleteAll('201');
  t.strictSame(readdirSync(join(files, '201')), []);
  // The media worker may only then begin with it.
  writeFileSync(join(files, '201', drafts[0].name), wav(2));
  await t.rejects(store.keep(drafts[0], { ...CALLER, durationMs: 2000, sizeBytes: 32_044 }));
  await t.rejects(store.keepGreeting(drafts[1]));
  t.strictSame(store.list(), []);
  t.equal(store.greetingOf('201'), undefined);
  t.strictSame(readdirSync(join(files, '201')), []);
});
