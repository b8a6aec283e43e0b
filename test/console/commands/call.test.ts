import t, { type Test } from 'tap';
import { IDLE } from '../../../firmware/call/routing/explain.ts';
import type { RoutingState } from '../../../firmware/call/routing/plan.ts';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { callCommand } from '../../../firmware/console/commands/call.ts';
import { OFFICE } from '../../call/routing/support/office.ts';
import { runCommand } from './run-command.ts';

/** The data directory of the office that routing is tested with. */
function office(t: Test): string {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  store.edit({ author: { who: 'test', origin: 'cli' }, change: () => OFFICE });
  store.close();
  return directory;
}

const explain = async (data: string, ...words: readonly string[]) =>
  (await runCommand(callCommand, { words: ['explain', '--data', data, ...words] })).output;

t.test('explain: a call in words, of a box that does not run', async (t) => {
  const data = office(t);
  t.equal(
    await explain(data, '--from', '202', '--dial', '206', '--at', '2026-11-25T12:00'),
    [
      'The box does not run: as if every extension had one free device, and every line were free.',
      'Decided:',
      '  user 202 at extension 202 dials 206',
      '  206 is a user',
      '  the short code 9N of the system: dial 07700900206',
      '  user 206: without a class of service calls up to national are allowed, and this one is national',
      '  shown is the number of the line',
      '  ARS route Main: the code 07N is the best match of 07700900206',
      '  then ARS route Spare',
      '  ARS route Spare: the code ? is the best match of 07700900206',
      '  line 2 sends 07700900206, as number 1 in the order',
      '  line 1 sends 07700900206, as number 2 in the order',
      '  line 3 is switched off',
      '  the twinned number 907700900206 rings after 5 s',
      '  user 206 rings 20 s, as the system says',
      '  when user 206 does not answer',
      '    user 206 forwards to 201 (no-answer)',
      '    201 is a user',
      '    user 201 rings 25 s, as the user says',
      '    when user 201 is busy',
      '      user-busy: the mailbox of user 201',
      '    when user 201 does not answer',
      '      no-answer: the mailbox of user 201',
      '    when user 201 cannot be reached after all',
      '      unavailable: the mailbox of user 201',
      '  when user 206 cannot be reached after all',
      '    user 206 forwards to 201 (unavailable)',
      '    201 is a user',
      '    user 201 rings 25 s, as the user says',
      '    when user 201 is busy',
      '      user-busy: the mailbox of user 201',
      '    when user 201 does not answer',
      '      no-answer: the mailbox of user 201',
      '    when user 201 cannot be reached after all',
      '      unavailable: the mailbox of user 201',
      'Shown of the caller: 202 Ben',
      'So:',
      '  rings 206 Fay for 20 s, with the internal ring',
      '    at once: a device of 206 (extension 206)',
      '    after 5 s: calls 07700900206 over line 2, shown is the number of the line Ben; then calls 07700900206 over line 1, shown is the number of the line Ben',
      '    when declined: 486',
      '    when nobody answers:',
      '      rings 201 Anna for 25 s, with the internal ring',
      '        at once: a device of 201 (extension 201)',
      '        at once: a device of 2012 (extension 2012)',
      '        diverted by 206 (no-answer)',
      '        when busy, or when declined:',
      '          voicemail of 201',
      '        when nobody answers:',
      '          voicemail of 201',
      '        when unreachable:',
      '          voicemail of 201',
      '    when unreachable:',
      '      rings 201 Anna for 25 s, with the internal ring',
      '        at once: a device of 201 (extension 201)',
      '        at once: a device of 2012 (extension 2012)',
      '        diverted by 206 (unavailable)',
      '        when busy, or when declined:',
      '          voicemail of 201',
      '        when nobody answers:',
      '          voicemail of 201',
      '        when unreachable:',
      '          voicemail of 201',
      '',
    ].join('\n'),
  );
});

t.test('explain: help, features, groups, refusals and calls over a line', async (t) => {
  const data = office(t);
  t.match(
    await explain(data, '--from', '2012', '--dial', '9112'),
    /an emergency call from Warehouse, 2 Dock Road: it takes the channel .*\n.*help that calls back within 1800 s reaches extension 2012\n.*told at once: 200/,
  );
  t.match(await explain(data, '--from', '201', '--dial', '*07*300#'), /does forward-number 300 for 201\n$/);
  t.match(await explain(data, '--from', '201', '--dial', '*17'), /collects messages of 201\n$/);
  t.match(
    await explain(data, '--from', '201', '--dial', '208'),
    /refused with 482 \(forward-loop\): the call goes round/,
  );
  t.match(await explain(data, '--from', '290', '--dial', '201'), /refused with 403 \(not-logged-in\)/);
  const incoming = ['--line', '1', '--caller', '02071234567', '--dial', '02079460000'];
  t.match(
    await explain(data, ...incoming, '--at', '2026-11-25T12:00'),
    /Shown of the caller: 02071234567 The bank\nSo:\n {2}rings hunt group 300/,
  );
  t.match(await explain(data, ...incoming, '--at', '2026-11-25T20:00'), /leads to 200 at night/);
  t.match(await explain(data, ...incoming, '--at', '2026-12-25T12:00'), /leads to 200 at night/, 'a day off');
});

t.test('explain --at is the time on the wall of the office', async (t) => {
  const data = office(t);
  const dial = async (at: string) =>
    /leads to \d+ (by day|at night)/.exec(await explain(data, '--line', '1', '--dial', '02079460000', '--at', at))?.[1];
  // Summer time in London: 09:00 there is 08:00 UTC.
  t.equal(await dial('2026-07-01T08:59'), 'at night');
  t.equal(await dial('2026-07-01T09:00'), 'by day');
  t.equal(await dial('2026-12-01T08:59'), 'at night');
  t.equal(await dial('2026-12-01T09:00'), 'by day');
  t.equal(await dial('2026-12-01T17:00'), 'at night');
});

t.test('explain in the running box knows the present', async (t) => {
  const directory = office(t);
  const store = ConfigurationStore.open(directory);
  t.teardown(() => store.close());
  const state: RoutingState = {
    ...IDLE,
    devicesOf: () => [],
    lineState: () => ({ isInService: false, channelsInUse: 0, hasCallToDrop: false }),
  };
  const run = (...words: readonly string[]) =>
    runCommand((context) => callCommand(context, state), {
      words: ['explain', ...words],
      runtime: { store, dataDirectory: directory },
    });
  const { output } = await run('--from', '202', '--dial', '200');
  t.notMatch(output, /does not run/);
  t.match(output, /refused with 480 \(unreachable\)/);
  t.match((await run('--from', '200', '--dial', '902079461111')).output, /refused with 503 \(no-line-in-service\)/);
  const json = JSON.parse((await run('--from', '200', '--dial', '202', '--json')).output);
  t.match(json, { isRunning: true, step: { kind: 'refuse' }, caller: { number: '200' } });
});

t.test('explain says what is wrong with what it was given', async (t) => {
  const data = office(t);
  await t.rejects(explain(data, '--from', '299', '--dial', '1'), { code: 'CALL_EXTENSION_UNKNOWN' });
  await t.rejects(explain(data, '--from', 'constructor', '--dial', '1'), { code: 'CALL_EXTENSION_UNKNOWN' });
  await t.rejects(explain(data, '--line', '9', '--dial', '1'), { code: 'CALL_LINE_UNKNOWN' });
  await t.rejects(explain(data, '--dial', '1'), { code: 'CALL_NOBODY' });
  await t.rejects(explain(data, '--from', '201', '--line', '1', '--dial', '1'), { code: 'CALL_NOBODY' });
  for (const at of ['noon', '2026-13-01T00:00', '2026-11-25', '2026-11-25T25:00']) {
    await t.rejects(explain(data, '--from', '201', '--dial', '202', '--at', at), { code: 'CALL_TIME' }, at);
  }
  await t.rejects(explain('/nonexistent', '--from', '201', '--dial', '202'), { code: 'CONFIG_DATA_NOT_FOUND' });
});
