import { Command } from 'commander';
import { RingdownError } from '../../core/errors.ts';
import { canonicalAddress } from '../../system/canonical-address.ts';
import { type CommandContext, examples } from './context.ts';
import { printable } from './printable.ts';
import { askBox, type BoxValues, withRunningBox } from './running-box.ts';

/** Who gets no answer from SIP, and what else the defence does. */
export interface DefenceView {
  /** The newest first. */
  blocks(): readonly BlockedSource[];
  /** How many blocks of that address there were. */
  unblock(address: string): number;
  readonly state: {
    readonly strangers: number;
    readonly knownFlows: number;
    readonly refused: { readonly rate: number; readonly blocked: number; readonly scanner: number };
  };
}

interface BlockedSource {
  /** An address, or a network of IPv6. */
  readonly source: string;
  readonly user: string | undefined;
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** What came and got no answer. */
  readonly refused: number;
}

/** `ringdown defence`: only the running box knows; inside it `view` shows it, the command line asks it. */
export function defenceCommand(context: CommandContext, view?: DefenceView): Command {
  const command = new Command('defence').description('who gets no answer from SIP, and why');
  const list = command.command('list').description('prints the addresses that are blocked, the newest first');
  const unblock = command
    .command('unblock <address>')
    .description('answers an address or a network of the list again; all ends every block');
  list.option('--json', 'one JSON object a line');
  if (view !== undefined) {
    list.action(({ json }: { json?: boolean }) => {
      if (json === true) for (const block of view.blocks()) context.output.write(`${JSON.stringify(block)}\n`);
      else context.output.write(formatDefence(view));
    });
    unblock.action((address: string) => void context.output.write(endBlocks(view, address)));
    return command;
  }
  withRunningBox(list)
    .addHelpText('after', examples('ringdown defence list --data /data/ringdown'))
    .action(async ({ json, ...box }: BoxValues & { json?: boolean }) => {
      context.output.write(await askBox(box, ['defence', 'list', ...(json === true ? ['--json'] : [])]));
    });
  withRunningBox(unblock)
    .addHelpText('after', examples('ringdown defence unblock 198.51.100.7 --data /data/ringdown'))
    .action(async (address: string, box: BoxValues) => {
      context.output.write(await askBox(box, ['defence', 'unblock', address]));
    });
  return command;
}

function endBlocks(view: DefenceView, address: string): string {
  const sources = address === 'all' ? view.blocks().map(({ source }) => source) : [canonicalAddress(address)];
  const count = new Set(sources).values().reduce((sum, source) => sum + view.unblock(source), 0);
  if (count > 0 || address === 'all') return `${count === 1 ? '1 block is' : `${count} blocks are`} ended.\n`;
  throw new RingdownError(
    'DEFENCE_NOT_BLOCKED',
    `${JSON.stringify(address.slice(0, 80))} is not blocked`,
    'See: defence list.',
  );
}

function formatDefence(view: DefenceView): string {
  const blocks = view.blocks();
  const { strangers, knownFlows, refused } = view.state;
  const lines = [
    ...blocks.map(({ source, user, reason, sinceMs, untilMs, refused }) => {
      const who = user === undefined ? source : `${source} as ${printable(user)}`;
      return `${who}  since ${time(sinceMs)} until ${time(untilMs)}  ${printable(reason)}  ${refused} refused`;
    }),
    blocks.length === 0 ? 'Nobody is blocked.' : `${blocks.length} blocked.`,
    `Followed: ${knownFlows} phones that are logged in, ${strangers} other addresses.`,
    `Dropped since the start: ${refused.rate} over the limit, ${refused.blocked} blocked, ${refused.scanner} of scanners.`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
