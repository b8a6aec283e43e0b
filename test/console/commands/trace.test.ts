import { Readable, Writable } from 'node:stream';
import t from 'tap';
import { traceCommand } from '../../../firmware/console/commands/trace.ts';
import { readFilter } from '../../../firmware/console/commands/trace-filter.ts';
import {
  fromJson,
  type TracedMessage,
  toJson,
  toText,
  type UnreadMessage,
  type WatchMessages,
} from '../../../firmware/console/commands/traced-message.ts';
import { runCommand } from './run-command.ts';

const MESSAGE: TracedMessage = {
  direction: 'received',
  atMs: Date.UTC(2026, 10, 25, 18, 20, 0, 7),
  transport: 'udp',
  local: { address: '192.168.42.1', port: 5060 },
  remote: { address: '192.168.42.50', port: 5062 },
  mark: undefined,
  method: 'INVITE',
  status: undefined,
  callId: 'abc-1',
  users: ['202', 'Reception'],
  bytes: Buffer.from('INVITE sip:202@x SIP/2.0\r\nTo: x\r\n\r\nv=0\r\n'),
};

function unread(changes: Partial<TracedMessage> = {}): UnreadMessage {
  const message = { ...MESSAGE, ...changes };
  return { ...message, read: () => message, masked: () => message.bytes };
}

const IPV6 = { remote: { address: 'fe80::7%eth0', port: 5060 } };

const filters: readonly (readonly [words: string, changes: Partial<TracedMessage>, fits: boolean])[] = [
  ['', {}, true],
  ['202', {}, true],
  ['reception', {}, true],
  ['201', {}, false],
  ['user=202', {}, true],
  ['201 202', {}, true],
  ['192.168.42.50', {}, true],
  ['192.168.42.1', {}, false],
  ['192.168.42.0/24', {}, true],
  ['192.168.43.0/24 10.0.0.0/8', {}, false],
  ['address=192.168.42.50 202', {}, true],
  ['192.168.42.50 201', {}, false],
  ['fe80::/10', IPV6, true],
  ['fd00::1', IPV6, false],
  ['call-id=abc', {}, true],
  ['call-id=bc', {}, false],
  ['method=invite', {}, true],
  ['method=BYE', {}, false],
  ['METHOD=BYE method=INVITE', {}, true],
  ['transport=udp', {}, true],
  ['transport=tls', {}, false],
];

t.test('words choose messages', async (t) => {
  for (const [words, changes, fits] of filters) {
    t.equal(readFilter(words.split(' ').filter((word) => word !== ''))(unread(changes)), fits, words);
  }
});

t.test('words that are no filter are refused with the cure', async (t) => {
  const wrong = ['colour=red', 'user=', '192.168.42.0/33', 'address=nonsense', '::1/x', '=x'];
  for (const word of wrong) t.throws(() => readFilter([word]), { code: 'TRACE_FILTER' }, word);
  t.throws(() => readFilter(Array.from({ length: 33 }, () => '201')), { code: 'TRACE_FILTER' });
});

t.test('text says when, between whom and what', async (t) => {
  t.equal(
    toText(MESSAGE),
    '2026-11-25 18:20:00.007 → received  udp  192.168.42.50:5062 to 192.168.42.1:5060\nINVITE sip:202@x SIP/2.0\nTo: x\n\nv=0\n\n',
  );
  t.match(
    toText({ ...MESSAGE, direction: 'sent', mark: 'blocked', local: { address: 'fd00::1', port: 5061 } }),
    / ← sent {2}udp {2}\[fd00::1\]:5061 to 192\.168\.42\.50:5062 {2}\[dropped: blocked\]\n/,
  );
});

const bytes: readonly (readonly [bytes: Buffer, shown: string])[] = [
  [Buffer.from('a\x1b[31mb\x07\r\nc\rd'), 'a\\x1b[31mb\\x07\nc\\x0dd\n\n'],
  [Buffer.from('ä€\t\u202e\u0085'), 'ä€\t\\u{202e}\\x85\n\n'],
  [Buffer.from([0x41, 0xff, 0x00, 0x9b]), 'A\\xff\\x00\\x9b\n\n'],
];

t.test('nothing in a message steers the terminal', async (t) => {
  for (const [given, shown] of bytes) {
    const text = toText({ ...MESSAGE, bytes: given });
    t.equal(text.slice(text.indexOf('\n') + 1), shown);
  }
});

t.test('JSON carries all of it', async (t) => {
  t.same(fromJson(toJson(MESSAGE)), MESSAGE);
  t.same(fromJson(toJson({ ...MESSAGE, mark: 'rate', status: 200 })), { ...MESSAGE, mark: 'rate', status: 200 });
  for (const line of ['', '{}', '{"lost":3}', 'null', '[]']) t.equal(fromJson(line), undefined);
  const strange: readonly object[] = [
    { remote: { address: '\x1b[2J', port: 5060 } },
    { remote: { address: '192.0.2.1', port: '\x1b[2J' } },
    { local: null },
    { transport: 'udp\x1b]0;x\x07' },
    { mark: '\x1b[31m' },
    { atMs: 1e300 },
    { direction: 'neither' },
    { method: 7 },
    { users: [7] },
  ];
  for (const wrong of strange) {
    const line = JSON.stringify({ ...JSON.parse(toJson(MESSAGE)), ...wrong });
    t.equal(fromJson(line), undefined, line.slice(0, 80));
  }
});

/** A box whose messages the test sends. */
function box(): { watch: WatchMessages; send: (message: UnreadMessage) => void; watchers: () => number } {
  const watchers = new Set<(message: UnreadMessage) => void>();
  return {
    watch: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    send: (message) => {
      for (const watcher of [...watchers]) watcher(message);
    },
    watchers: () => watchers.size,
  };
}

t.test('it ends after so many messages, after so long, and when nobody watches any more', async (t) => {
  for (const words of [['--count', '2'], ['--seconds', '1'], []]) {
    const { watch, send, watchers } = box();
    const gone = new AbortController();
    const running = runCommand((context) => traceCommand(context, watch), { words, stopped: gone.signal });
    while (watchers() === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let sent = 0; sent < 5; sent += 1) send(unread({ callId: String(sent) }));
    if (words.length === 0) gone.abort();
    const { output } = await running;
    t.equal(output.match(/INVITE sip/g)?.length, words[0] === '--count' ? 2 : 5, words.join(' '));
    t.equal(watchers(), 0);
  }
});

t.test('a slow reader misses messages and is told how many', async (t) => {
  const { watch, send, watchers } = box();
  let text = '';
  let take: () => void = () => undefined;
  const sink = new Writable({
    decodeStrings: false,
    highWaterMark: 1000,
    write: (chunk: string, _encoding, done) => {
      text += chunk;
      take = done;
    },
  });
  const gone = new AbortController();
  const running = runCommand((context) => traceCommand(context, watch), { words: [], stopped: gone.signal, sink });
  while (watchers() === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let sent = 0; sent < 1000; sent += 1) send(unread());
  while (!text.includes('left out')) {
    take();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const shown = text.match(/INVITE sip/g)?.length ?? 0;
  t.ok(shown < 20, `${shown} were held`);
  t.match(text, `--- ${1000 - shown} messages left out`);
  gone.abort();
  await running;
});

t.test('a flood takes no more than its share of the box, and least of it where it was dropped', async (t) => {
  const { watch, send, watchers } = box();
  let nowMs = 0;
  const gone = new AbortController();
  const running = runCommand((context) => traceCommand(context, watch, () => nowMs), {
    words: ['202'],
    stopped: gone.signal,
  });
  while (watchers() === 0) await new Promise((resolve) => setImmediate(resolve));
  let looked = 0;
  const costly = (mark?: string): UnreadMessage => {
    const message = unread({ mark });
    return {
      ...message,
      read: () => {
        looked += 1;
        nowMs += 5;
        return { ...message.read(), users: ['203'] };
      },
    };
  };
  for (let sent = 0; sent < 100; sent += 1) send(costly('blocked'));
  t.equal(looked, 10);
  for (let sent = 0; sent < 100; sent += 1) send(costly());
  t.equal(looked, 50, 'what was not dropped has a share of its own');
  nowMs += 1000;
  send(unread());
  gone.abort();
  t.match(
    (await running).output,
    /^--- 150 messages left out: they came faster than they can be shown ---\n\n.*INVITE/s,
  );
});

t.test('four run at once, and a fifth is refused', async (t) => {
  const { watch, watchers } = box();
  const gone = new AbortController();
  const start = () => runCommand((context) => traceCommand(context, watch), { words: [], stopped: gone.signal });
  const running = [start(), start(), start(), start()];
  while (watchers() < 4) await new Promise((resolve) => setImmediate(resolve));
  await t.rejects(start(), { code: 'TRACE_BUSY' });
  gone.abort();
  await Promise.all(running);
});

t.test('mistakes are told before anything is watched', async (t) => {
  const { watch } = box();
  const make = (context: Parameters<typeof traceCommand>[0]) => traceCommand(context, watch);
  const stopped = new AbortController().signal;
  await t.rejects(runCommand(make, { words: ['--count', '0'], stopped }), { code: 'OPTION_INVALID' });
  await t.rejects(runCommand(make, { words: ['--seconds', '1e3'], stopped }), { code: 'OPTION_INVALID' });
  await t.rejects(runCommand(make, { words: ['a=b'], stopped }), { code: 'TRACE_FILTER' });
  await t.rejects(runCommand(make, { words: [] }), { code: 'TRACE_NOT_LIVE' });
  for (const file of ['/nowhere/at/all.pcap', '/dev/full']) {
    const words = ['--pcap', file, '--data', '/nowhere'];
    await t.rejects(
      runCommand((context) => traceCommand(context), { words }),
      { code: 'TRACE_FILE' },
    );
  }
});

t.test('of a file without line ends no more is read than a line has at most', async (t) => {
  let read = 0;
  const endless = new Readable({
    read() {
      read += 65_536;
      this.push(read > 64 * 1024 * 1024 ? null : 'x'.repeat(65_536));
    },
  });
  const make = (context: Parameters<typeof traceCommand>[0]) => traceCommand({ ...context, input: endless as never });
  await t.rejects(runCommand(make, { words: ['--read', '-'] }), {
    code: 'TRACE_READ',
    message: /line of more than 524288 characters/,
    cure: /one message a line/,
  });
  t.ok(read < 2 * 1024 * 1024, `${read} bytes were read`);
});

t.test('the last line needs no end, and line ends of Windows are as good', async (t) => {
  const lines = [toJson(MESSAGE), '{"lost":3}', toJson(MESSAGE)].join('\r\n');
  const make = (context: Parameters<typeof traceCommand>[0]) =>
    traceCommand({ ...context, input: Readable.from([lines.slice(0, 40), lines.slice(40)]) as never });
  const { output, errors } = await runCommand(make, { words: ['--read', '-', '--json'] });
  t.same(
    output.split('\n').map((line) => line.length > 20),
    [true, false, true, false],
  );
  t.equal(errors, '');
});
