import t from 'tap';
import { type LineView, linesCommand } from '../../../firmware/console/commands/lines.ts';
import { type RuntimeStatus, statusCommand } from '../../../firmware/console/commands/status.ts';
import { runCommand } from './run-command.ts';

const LINE: LineView = {
  line: '1',
  description: 'Carrier',
  peer: 'sip:sip.example.net;transport=tls',
  state: 'in-service',
  reason: '',
  sinceMs: Date.UTC(2027, 0, 2, 3, 4, 5),
  incoming: 2,
  outgoing: 1,
  channels: 10,
  lastAnswer: '200 OK',
  registeredUntilMs: Date.UTC(2027, 0, 2, 4, 4, 5),
};
const DOWN: LineView = {
  ...LINE,
  line: '12',
  description: '',
  state: 'out-of-service',
  reason: 'not registered: 403 \u001b[31mNo',
  incoming: 0,
  outgoing: 0,
  lastAnswer: '',
  registeredUntilMs: undefined,
};

const list = async (lines: readonly LineView[], words: readonly string[] = []) =>
  (await runCommand((context) => linesCommand(context, { list: () => lines }), { words: ['list', ...words] })).output;

t.test('lines list says state, reason, since when, calls and the last answer', async (t) => {
  t.equal(
    await list([LINE, DOWN]),
    [
      '1  in service  3 of 10 channels',
      '   Carrier  sip:sip.example.net;transport=tls  since 2027-01-02 03:04:05Z  2 in, 1 out  ' +
        'registered until 2027-01-02 04:04:05Z  last answer 200 OK',
      '12  out of service: not registered: 403 ?[31mNo  0 of 10 channels',
      '   sip:sip.example.net;transport=tls  since 2027-01-02 03:04:05Z  0 in, 0 out',
      '',
    ].join('\n'),
  );
  t.equal(await list([]), 'There is no line.\n');
  t.strictSame(JSON.parse(await list([LINE], ['--json'])), LINE);
});

t.test('status shows the lines, where there are any', async (t) => {
  const status: RuntimeStatus = {
    ...{
      version: '1',
      name: 'Office',
      revision: 1,
      uptimeSeconds: 1,
      notices: [],
      listeners: [],
      calls: [],
      devices: [],
    },
    lines: [LINE, DOWN],
    media: { state: 'running', sessions: 0 },
    held: { legs: 0, sipSessions: 0, transactions: 3, timers: 12, files: 40 },
  };
  const show = async (shown: RuntimeStatus) =>
    (await runCommand((context) => statusCommand(() => shown, context.output), { words: [] })).output;
  t.match(await show(status), /^2 lines\n {2}1 {2}in service {2}3 of 10 channels\n {2}12 {2}out of service: /m);
  t.notMatch(await show({ ...status, lines: [] }), /lines/);
});
