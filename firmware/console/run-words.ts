import { Readable, Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { RingdownError } from '../core/errors.ts';
import type { CommandContext } from './commands/context.ts';
import type { CommandResult, LiveOutput } from './control.ts';

/**
 * Runs one command of the console inside the runtime. The words are a technician's: mistakes are answered, not thrown.
 * What the command prints goes to `live`, where there is one, and else into the result.
 */
export async function runWords(
  words: readonly string[],
  input: string,
  runtime: CommandContext['runtime'],
  makeCommands: (context: CommandContext) => readonly Command[],
  live?: LiveOutput,
): Promise<CommandResult> {
  const texts = { output: '', errors: '' };
  const collect = (name: keyof typeof texts): Writable =>
    new Writable({
      write: (chunk, _encoding, done) => {
        texts[name] += String(chunk);
        done();
      },
    });
  const context: CommandContext = {
    input: Readable.from(input === '' ? [] : [input]),
    output: live?.output ?? collect('output'),
    errors: collect('errors'),
    author: { who: 'admin', origin: 'console' },
    ...(runtime === undefined ? {} : { runtime }),
    ...(live === undefined ? {} : { stopped: live.stopped }),
  };
  const program = new Command('').helpCommand(false);
  for (const command of makeCommands(context)) program.addCommand(command);
  configure(program, texts);
  try {
    await program.parseAsync(words, { from: 'user' });
    return { status: 0, ...texts };
  } catch (error) {
    if (error instanceof CommanderError) return { status: error.exitCode === 0 ? 0 : 2, ...texts };
    if (!(error instanceof RingdownError)) throw error;
    return { status: 1, output: texts.output, errors: `${texts.errors}${error.message}. ${error.cure}\n` };
  }
}

/** Commander copies its settings only to commands that it made itself. */
function configure(command: Command, texts: { output: string; errors: string }): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => {
      texts.output += text;
    },
    writeErr: (text) => {
      texts.errors += text;
    },
  });
  for (const inner of command.commands) configure(inner, texts);
}
