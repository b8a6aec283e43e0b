import t from 'tap';
import type { HuntGroupView } from '../../../firmware/call/group/group-view.ts';
import { groupsCommand } from '../../../firmware/console/commands/groups.ts';
import { runCommand } from './run-command.ts';

const SALES: HuntGroupView = {
  ...{ group: '300', name: 'Sa\x1b[2Jles', mode: 'longest-waiting', nightService: true },
  members: [
    { user: '201', activity: 'talking' },
    { user: '202', activity: 'wrapping-up' },
  ],
  calls: [
    { caller: '0207\x071', seconds: 42, ringing: ['203', '204'], place: 0 },
    { caller: '', seconds: 3, ringing: [], place: 1 },
  ],
};

function run(groups: readonly HuntGroupView[], ...words: readonly string[]) {
  return runCommand((context) => groupsCommand(context, { list: () => groups }), { words });
}

t.test('groups list', async (t) => {
  const { output } = await run([SALES], 'list');
  t.match(
    output,
    /^300 {2}Sa.*les {2}longest waiting {2}night service\n {3}201 {2}talking\n {3}202 {2}wrapping up\n {3}call from 0207.*1 {2}42 s {2}rings 203, 204\n {3}call from unknown {2}3 s {2}waits, number 1\n$/,
  );
  for (const control of ['\x07', '\x1b']) t.notMatch(output, control, 'a caller cannot write on the terminal');
  t.same(JSON.parse((await run([SALES], 'list', '--json')).output), SALES);
  t.equal((await run([], 'list')).output, 'There is no hunt group.\n');
});
