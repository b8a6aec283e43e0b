import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CallLadder } from '../../../firmware/console/commands/call-ladder.ts';
import { traceCommand } from '../../../firmware/console/commands/trace.ts';
import { type TracedMessage, toJson } from '../../../firmware/console/commands/traced-message.ts';
import { runCommand } from './run-command.ts';

const CALLER = { address: '192.168.42.50', port: 5062 };
const DESK = { address: 'fd42:4f3:8f30:43::50', port: 5060 };
const MOBILE = { address: '192.168.43.51', port: 41_522 };
const A = 'a-1@192.168.42.50';
const B = 'b-2@ringdown';
const C = 'c-3@ringdown';
const SDP = 'v=0\r\nm=audio 46750 RTP/AVP 8\r\n';

type Row = readonly [
  direction: 'received' | 'sent',
  remote: TracedMessage['remote'],
  callId: string,
  method: string,
  startLine: string,
  body?: string,
];

/** A call that two devices ring for, one of which is told that it is over. */
const CALL: readonly Row[] = [
  ['received', CALLER, A, 'INVITE', 'INVITE sip:202@192.168.42.1 SIP/2.0', SDP],
  ['sent', CALLER, A, 'INVITE', 'SIP/2.0 401 Unauthorized'],
  ['received', CALLER, A, 'ACK', 'ACK sip:202@192.168.42.1 SIP/2.0'],
  ['received', CALLER, A, 'INVITE', 'INVITE sip:202@192.168.42.1 SIP/2.0', SDP],
  ['sent', CALLER, A, 'INVITE', 'SIP/2.0 100 Trying'],
  ['sent', DESK, B, 'INVITE', 'INVITE sip:202@[fd42:4f3:8f30:43::50]:5060 SIP/2.0', SDP],
  ['sent', MOBILE, C, 'INVITE', 'INVITE sip:202@192.168.43.51:41522;ob SIP/2.0', SDP],
  ['received', DESK, B, 'INVITE', 'SIP/2.0 180 Ringing'],
  ['sent', CALLER, A, 'INVITE', 'SIP/2.0 180 Ringing'],
  ['received', MOBILE, C, 'INVITE', 'SIP/2.0 183 Session Progress And More Of It', SDP],
  ['received', DESK, B, 'INVITE', 'SIP/2.0 200 OK', SDP],
  ['sent', DESK, B, 'ACK', 'ACK sip:202@[fd42:4f3:8f30:43::50]:5060 SIP/2.0'],
  ['sent', MOBILE, C, 'CANCEL', 'CANCEL sip:202@192.168.43.51:41522;ob SIP/2.0'],
  ['sent', CALLER, A, 'INVITE', 'SIP/2.0 200 OK', SDP],
  ['received', MOBILE, C, 'CANCEL', 'SIP/2.0 200 OK'],
  ['received', MOBILE, C, 'INVITE', 'SIP/2.0 487 Request Terminated'],
  ['sent', MOBILE, C, 'ACK', 'ACK sip:202@192.168.43.51:41522;ob SIP/2.0'],
  ['received', CALLER, A, 'ACK', 'ACK sip:192.168.42.1:5060 SIP/2.0'],
  ['received', CALLER, A, 'BYE', 'BYE sip:192.168.42.1:5060 SIP/2.0'],
  ['sent', CALLER, A, 'BYE', 'SIP/2.0 200 OK'],
  ['sent', DESK, B, 'BYE', 'BYE sip:202@[fd42:4f3:8f30:43::50]:5060 SIP/2.0'],
  ['received', DESK, B, 'BYE', 'SIP/2.0 200 OK'],
];

function messageOf([direction, remote, callId, method, startLine, body = '']: Row, index = 0): TracedMessage {
  const status = /^SIP\/2\.0 (\d+)/.exec(startLine)?.[1];
  return {
    ...{ direction, remote, callId, method, mark: undefined, users: ['201', '202'], transport: 'udp' },
    atMs: Date.UTC(2026, 10, 25, 18, 20, 0, 7) + index * 13,
    local: { address: '192.168.42.1', port: 5060 },
    status: status === undefined ? undefined : Number(status),
    bytes: Buffer.from(`${startLine}\r\nCall-ID: ${callId}\r\n\r\n${body}`),
  };
}

function draw(messages: readonly TracedMessage[]): string {
  const ladder = new CallLadder();
  return messages.map((message) => ladder.draw(message)).join('');
}

function golden(name: string): string {
  return readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
}

t.test('a call is drawn as a ladder: who takes part as columns, messages as arrows', async (t) => {
  t.equal(draw(CALL.map(messageOf)), golden('call-ladder.txt'));
});

t.test('what was written as JSON is drawn later: all of it, or some of its calls', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringdown-ladder-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'call.json');
  const lines = CALL.map((row, index) => `${toJson(messageOf(row, index))}\n`);
  writeFileSync(file, lines.toSpliced(3, 0, '{"lost":3}\n', 'no trace\n').join(''));
  const run = (...words: readonly string[]) => runCommand((context) => traceCommand(context), { words });
  const all = await run('--read', file, '--ladder');
  t.equal(all.output.replace(/^--- 3 left out.*\n/m, ''), golden('call-ladder.txt'));
  t.match(all.output, /^--- 3 left out/m);
  t.equal(all.errors, '1 line is none of trace --json\n');
  const again = await run('--read', file, '--json');
  t.same(
    again.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).lost)
      .filter((lost) => lost !== undefined),
    [3],
    'JSON stays JSON',
  );
  const some = await run('--read', file, '--ladder', `call-id=${A}`, `call-id=${B}`);
  t.equal(some.output.match(/ms|->|<-/g)?.length, CALL.filter(([, , callId]) => callId !== C).length);
  t.notMatch(some.output, /192\.168\.43\.51/);
  t.equal((await run('--read', file, '--ladder', '--count', '2')).output.match(/->|<-/g)?.length, 2);
  t.match((await run('--read', file, 'method=BYE')).output, /^BYE sip:/m);
  const piped = await runCommand((context) => traceCommand(context), {
    words: ['--read', '-', '--ladder'],
    input: lines.join(''),
  });
  t.equal(piped.output, golden('call-ladder.txt'));
  for (const name of [join(folder, 'nowhere.json'), folder])
    await t.rejects(run('--read', name, '--ladder'), { code: 'TRACE_READ' });
});

t.test('mistakes are told', async (t) => {
  const run = (...words: readonly string[]) => runCommand((context) => traceCommand(context), { words });
  await t.rejects(run('--ladder'), { code: 'TRACE_NO_BOX' });
  await t.rejects(run('--ladder', '--json', '--data', '/nowhere'), { code: 'TRACE_FORMAT' });
  await t.rejects(run('--read', '-', '--pcap', '/nowhere/a.pcap'), { code: 'TRACE_FORMAT' });
  await t.rejects(run('--read', '-', '--seconds', '3'), { code: 'TRACE_FORMAT' });
});

t.test('of many peers the ninth and all after it share a line', async (t) => {
  const rows = Array.from(
    { length: 1000 },
    (_, index): Row => [
      'sent',
      { address: `10.0.${index >> 8}.${index & 255}`, port: 5060 },
      C,
      'OPTIONS',
      'OPTIONS sip:x SIP/2.0',
    ],
  );
  const lines = draw(rows.map(messageOf)).split('\n');
  t.ok(Math.max(...lines.map(({ length }) => length)) < 260);
  t.equal(lines.filter((line) => line.includes('10.0.0.7:5060')).length > 1, true, 'the heading comes again');
  t.match(
    lines.findLast((line) => line.includes('ringdown')),
    /10\.0\.0\.7:5060 +others$/,
  );
});

const hostile: readonly (readonly [startLine: string, method: string, shown: RegExp])[] = [
  [`INVITE sip:${'9'.repeat(300)}@x SIP/2.0`, 'INVITE', /- INVITE 9+\.\. -+>\|$/],
  ['INVITE sip:2\x1b[31m2@x SIP/2.0', 'INVITE', /- INVITE 2\?\[31m2 /],
  ['SIP/2.0 200 \x07\x9b', 'BYE', /- 200 \?{3} \(BYE\) /],
  ['SIP/2.0 404', 'X'.repeat(32), /- 404 \(X+\.\. -+>\|$/],
  ['', '', /- - +|- {2}-+>\|$/],
  ['INVITE sip:201:secret@x SIP/2.0', 'INVITE', /- INVITE 201 -+>\|$/],
];

t.test('nothing in a message steers the terminal or breaks the lines', async (t) => {
  for (const [startLine, method, shown] of hostile) {
    const [heading, arrow, end] = draw([messageOf(['received', CALLER, A, method, startLine])]).split('\n');
    t.match(heading, /^ {14}192\.168\.42\.50:5062 {6}ringdown$/);
    t.match(arrow, shown, startLine.slice(0, 40));
    t.equal(arrow?.length, 39);
    t.equal(end, '');
  }
  const dropped = draw([{ ...messageOf(['received', CALLER, A, 'REGISTER', 'REGISTER sip:x SIP/2.0']), mark: 'rate' }]);
  t.match(dropped, /- REGISTER too many -+>\|$/m);
});
