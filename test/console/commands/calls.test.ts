import { parse } from 'csv-parse/sync';
import t from 'tap';
import { CallStore } from '../../../firmware/call/history/call-store.ts';
import { callsCommand } from '../../../firmware/console/commands/calls.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { callOf, OUTSIDE, START_MS, WORKSHOP } from '../../call/history/sample-calls.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { runCommand } from './run-command.ts';

const DAY_MS = 86_400_000;
const HOSTILE = [
  '=1+2',
  '+SUM(A1)',
  '-1',
  '@cmd',
  '\t=1',
  '  =HYPERLINK("x")',
  '＝1',
  '|calc',
  '%0',
  '\r=1',
  '\n@x',
  'x;=1+2',
  'x; @y',
];

function fill(directory: string): void {
  const clock = new FakeClock(START_MS);
  const limits = { recordsKept: 1000, recordDays: 180 };
  const store = CallStore.open({ directory, retention: () => limits, clock, logger: createLogger('silent') });
  for (const [index, name] of [...HOSTILE, 'Smith, "Jo"\r\nand more', 'Müller 株式会社'].entries()) {
    const call = callOf({
      id: `call-${index}`,
      caller: { ...OUTSIDE, name },
      startMs: START_MS + index * DAY_MS,
      isEmergency: index === 0,
      steps: [{ ring: 1, party: WORKSHOP }, { answer: 1 }, { end: 'normal' }],
    });
    store.save(call);
  }
  store.close();
}

t.test('export: a reader of RFC 4180 gets every value back, and no spreadsheet finds a formula', async (t) => {
  const data = t.testdir();
  fill(data);
  const { output } = await runCommand(callsCommand, { words: ['export', '--data', data] });
  t.match(output, /\r\n$/);
  t.notMatch(output.replaceAll('\r\n', '').replace(/"(?:[^"]|"")*"/g, ''), /[\r\n]/, 'line ends in quotes alone');
  const rows: readonly Record<string, string>[] = parse(output, { columns: true });
  t.equal(rows.length, HOSTILE.length + 2);
  for (const row of rows)
    for (const cell of Object.values(row)) t.notMatch(cell, /^\s*[=+\-@|%\t\r\n＝＋－＠]|[;\t\r\n]\s*[=+\-@|%]/u, cell);
  t.strictSame(
    rows.map(({ caller_name: name }) => name?.replaceAll("'", '')),
    [...HOSTILE, 'Smith, "Jo"\r\nand more', 'Müller 株式会社'],
  );
  t.match(rows[0], {
    id: 'call-0',
    direction: 'incoming',
    started: '2023-11-14T22:13:20.000Z',
    answered: '2023-11-14T22:13:22.000Z',
    seconds: '1',
    caller_number: "'+442071234567",
    dialled: '202',
    connected_number: '202',
    connected_name: 'Workshop',
    cause: 'normal',
    ended_by: 'caller',
    emergency: 'yes',
    caller_codec: 'PCMA',
    caller_loss_percent: '1.25',
    caller_mos: '4.10',
    connected_codec: 'G729',
  });
});

t.test('export of a period', async (t) => {
  const data = t.testdir();
  fill(data);
  const ids = async (...words: readonly string[]) => {
    const { output } = await runCommand(callsCommand, { words: ['export', '--data', data, ...words] });
    return (parse(output, { columns: true }) as readonly Record<string, string>[]).map(({ id }) => id);
  };
  t.strictSame(await ids('--since', '2023-11-15', '--until', '2023-11-16'), ['call-1', 'call-2']);
  t.strictSame(await ids('--until', '2023-11-14T22:13:20Z'), ['call-0']);
  t.strictSame(await ids('--until', '2023-11-14T22:13:20+01:00'), []);
  for (const time of ['yesterday', '2023-13-01', '2023-11-14T22:13', '1', '']) {
    await t.rejects(ids('--since', time), { code: 'CALLS_TIME' }, time);
  }
});

t.test('list: the newest calls, or the log of a user', async (t) => {
  const data = t.testdir();
  fill(data);
  const list = async (...words: readonly string[]) =>
    (await runCommand(callsCommand, { words: ['list', '--data', data, ...words] })).output;
  t.equal(await list('--limit', '1'), '2023-11-28 22:13:20    0:01  +442071234567 to 202, normal\n');
  t.match(await list(), /2023-11-14 22:13:20 {4}0:01 {2}\+442071234567 to 202, normal, emergency\n$/);
  t.equal(
    await list('--user', '202', '--limit', '1'),
    '2023-11-28 22:13:20  received    0:01  +442071234567 Müller 株式会社\n',
  );
  t.notMatch(await list('--user', '202'), /\r/, 'nothing that turns a terminal around');
  t.equal(await list('--user', '209'), 'No calls.\n');
  t.match(JSON.parse((await list('--user', '202', '--limit', '1', '--json')).trim()), { kind: 'received', seconds: 1 });
  for (const limit of ['0', '1001', 'x', '-1']) await t.rejects(list('--limit', limit), { code: 'CALLS_LIMIT' });
});
