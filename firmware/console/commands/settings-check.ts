import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { clientVariables } from '../../phones/effective-settings.ts';
import { diffSettings } from '../../phones/language/difference.ts';
import { lintSettings } from '../../phones/language/lint.ts';
import { readSettings } from '../../phones/language/reader.ts';
import { describeDifference, describeWarnings } from '../../phones/language/report.ts';
import { MODELS, type Model } from '../../phones/models.ts';
import { type CommandContext, examples } from './context.ts';
import { readInputBytes } from './files.ts';
import { readGroup } from './ports.ts';

interface DiffValues {
  readonly model: Model;
  readonly group: string;
}

/** The largest file of this language that is in use, a template of a maker, has 972 KB. */
const MAX_FILE_BYTES = 2_097_152;

/** Adds `lint` and `diff` to `ringdown settings`: what a file says to phones, whoever wrote it; no box is needed. */
export function addCheckCommands(command: Command, context: CommandContext): Command {
  command
    .command('lint <file>')
    .description(
      'tells what phones pass over or trip on in a settings file, over every known model; - is standard input. Fails where ' +
        'there is something to tell',
    )
    .addHelpText('after', examples('ringdown settings lint 46xxspecials.txt'))
    .action(async (file: string) => {
      const name = nameOf(file);
      const warnings = lintSettings(readSettings(await readInputBytes(context, file, MAX_FILE_BYTES)), { file: name });
      context.output.write(describeWarnings(warnings));
      if (warnings.length === 0) {
        context.output.write(`${name}: nothing to tell.\n`);
        return;
      }
      throw new UsageError('SETTINGS_LINT', `${name} has ${warnings.length} warnings`, 'Mend what is not meant so.');
    });

  command
    .command('diff <a> <b>')
    .description('what a client of one model has otherwise after file B than after file A: by effect, not by text')
    .addOption(new Option('--model <model>', 'as the client calls itself').choices(MODELS).makeOptionMandatory())
    .option('--group <number>', 'the group that is set on the phone, 0 to 999', '0')
    .addHelpText('after', examples('ringdown settings diff old.txt new.txt --model J179'))
    .action(async (a: string, b: string, { model, group }: DiffValues) => {
      const [before, after] = [
        readSettings(await readInputBytes(context, a, MAX_FILE_BYTES)),
        readSettings(await readInputBytes(context, b, MAX_FILE_BYTES)),
      ];
      const difference = diffSettings(before, after, clientVariables(model, readGroup(group)), {
        before: { file: nameOf(a) },
        after: { file: nameOf(b) },
      });
      context.output.write(describeDifference(difference) || `Nothing differs for ${model}.\n`);
    });
  return command;
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : basename(file);
}
