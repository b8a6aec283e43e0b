import { Command } from 'commander';
import { formatNotices } from './config-text.ts';
import { type CommandContext, examples, withConfiguration, withData } from './context.ts';

interface Values {
  readonly data?: string;
  readonly clear?: boolean;
}

/** `ringdown notices`: what happened that people must know of, until they take note. */
export function noticesCommand(context: CommandContext): Command {
  return withData(new Command('notices'), context)
    .description('what people must know of, such as a recovery from a backup; nothing where there is nothing')
    .option('--clear', 'takes note of them: they are not shown again')
    .addHelpText('after', examples('ringdown notices --clear --data /data/ringdown'))
    .action(async ({ data, clear }: Values) => {
      await withConfiguration({ ...context, errors: context.output }, data, ({ store }) => {
        if (context.runtime !== undefined) context.output.write(formatNotices(store.notices.list()));
        if (clear === true) store.notices.clear();
      });
    });
}
