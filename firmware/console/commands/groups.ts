import { Command } from 'commander';
import type { HuntGroupView, HuntingView, MemberView } from '../../call/group/group-view.ts';
import { type CommandContext, examples } from './context.ts';
import { printable } from './printable.ts';
import { askBox, type BoxValues, withRunningBox } from './running-box.ts';

export interface GroupsView {
  /** By number. */
  list(): readonly HuntGroupView[];
}

/** `ringdown groups`: only the running box knows; inside it `view` shows it, the command line asks it. */
export function groupsCommand(context: CommandContext, view?: GroupsView): Command {
  const { output } = context;
  const command = new Command('groups').description('the hunt groups');
  const list = command
    .command('list')
    .description('prints what each member does, which calls wait or ring, and for how long')
    .option('--json', 'one JSON object a group');
  if (view !== undefined) {
    list.action(({ json }: { json?: boolean }) => {
      const groups = view.list();
      if (json === true) for (const group of groups) output.write(`${JSON.stringify(group)}\n`);
      else if (groups.length === 0) output.write('There is no hunt group.\n');
      else for (const group of groups) output.write(formatGroup(group));
    });
    return command;
  }
  withRunningBox(list)
    .addHelpText('after', examples('ringdown groups list --data /data/ringdown'))
    .action(async ({ json, ...box }: BoxValues & { json?: boolean }) => {
      output.write(await askBox(box, ['groups', 'list', ...(json === true ? ['--json'] : [])]));
    });
  return command;
}

function formatGroup({ group, name, mode, nightService, members, calls }: HuntGroupView): string {
  const night = nightService ? '  night service' : '';
  const lines = [`${group}  ${printable(name)}  ${mode.replaceAll('-', ' ')}${night}`];
  for (const member of members) lines.push(formatMember(member));
  for (const call of calls) lines.push(formatCall(call));
  return `${lines.join('\n')}\n`;
}

function formatMember({ user, activity }: MemberView): string {
  return `   ${user}  ${activity.replaceAll('-', ' ')}`;
}

function formatCall({ caller, seconds, ringing, place }: HuntingView): string {
  const what = ringing.length > 0 ? `rings ${ringing.join(', ')}` : `waits, number ${place}`;
  return `   call from ${caller === '' ? 'unknown' : printable(caller)}  ${seconds} s  ${what}`;
}
