import { Command } from 'commander';
import { type CommandContext, examples } from './context.ts';
import { printable } from './printable.ts';
import { askBox, type BoxValues, withRunningBox } from './running-box.ts';

/** A line to a carrier or to another box, as the running box sees it. */
export interface LineView {
  /** Its number. */
  readonly line: string;
  readonly description: string;
  /** Where its requests go. */
  readonly peer: string;
  readonly state: 'in-service' | 'out-of-service' | 'starting' | 'disabled';
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number;
  /** Calls that are up or being set up, by direction, and how many there may be. */
  readonly incoming: number;
  readonly outgoing: number;
  readonly channels: number;
  readonly lastAnswer: string;
  readonly registeredUntilMs: number | undefined;
}

export interface LinesView {
  /** By number. */
  list(): readonly LineView[];
}

/** `ringdown lines`: only the running box knows; inside it `view` shows it, the command line asks it. */
export function linesCommand(context: CommandContext, view?: LinesView): Command {
  const { output } = context;
  const command = new Command('lines').description('the lines to carriers and to other boxes');
  const list = command
    .command('list')
    .description('prints state and reason, since when, calls, and the last answer of the registrar or of the peer')
    .option('--json', 'one JSON object a line');
  if (view !== undefined) {
    list.action(({ json }: { json?: boolean }) => {
      const lines = view.list();
      if (json === true) for (const line of lines) output.write(`${JSON.stringify(line)}\n`);
      else if (lines.length === 0) output.write('There is no line.\n');
      else for (const line of lines) output.write(formatLine(line));
    });
    return command;
  }
  withRunningBox(list)
    .addHelpText('after', examples('ringdown lines list --data /data/ringdown'))
    .action(async ({ json, ...box }: BoxValues & { json?: boolean }) => {
      output.write(await askBox(box, ['lines', 'list', ...(json === true ? ['--json'] : [])]));
    });
  return command;
}

/** One line, for `status`. */
export function formatLineState({ line, state, reason, incoming, outgoing, channels }: LineView): string {
  const why = reason === '' ? '' : `: ${printable(reason)}`;
  return `${line}  ${state.replaceAll('-', ' ')}${why}  ${incoming + outgoing} of ${channels} channels`;
}

function formatLine(line: LineView): string {
  const { description, peer, sinceMs, incoming, outgoing, lastAnswer, registeredUntilMs } = line;
  const rest = [
    ...(description === '' ? [] : [printable(description)]),
    printable(peer),
    `since ${time(sinceMs)}`,
    `${incoming} in, ${outgoing} out`,
    ...(registeredUntilMs === undefined ? [] : [`registered until ${time(registeredUntilMs)}`]),
    ...(lastAnswer === '' ? [] : [`last answer ${printable(lastAnswer)}`]),
  ];
  return `${formatLineState(line)}\n   ${rest.join('  ')}\n`;
}

function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
