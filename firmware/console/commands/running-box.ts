import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { RingdownError } from '../../core/errors.ts';
import { type CommandResult, notedControlPath, requestCommand } from '../control.ts';

/** Where the box is that a command of the command line asks. */
export interface BoxValues {
  readonly data?: string;
  readonly control?: string;
}

/** Adds --data and --control to a command that needs the box to run. */
export function withRunningBox(command: Command): Command {
  return command
    .requiredOption('--data <dir>', 'the data directory of the box, which must run')
    .addOption(
      new Option('--control <path>', 'its control socket (default: the one that the box noted in its data directory)'),
    );
}

export function controlPathOf({ data = '', control }: BoxValues): string {
  return control ?? notedControlPath(data) ?? join(data, 'control.sock');
}

/** Runs a command in the box; its output. Throws RingdownError CONTROL_UNREACHABLE, CONTROL_REFUSED. */
export async function askBox(values: BoxValues, words: readonly string[]): Promise<string> {
  return outputOf(await requestCommand(controlPathOf(values), words));
}

/** Throws RingdownError CONTROL_REFUSED where the box did not do it. */
export function outputOf({ status, output, errors }: CommandResult): string {
  if (status === 0) return output;
  throw new RingdownError('CONTROL_REFUSED', `The box refused: ${errors.trim()}`, 'Is it of another version?');
}
