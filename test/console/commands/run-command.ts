import { Readable, Writable } from 'node:stream';
import { type Command, CommanderError } from 'commander';
import type { CommandContext } from '../../../firmware/console/commands/context.ts';

export interface CommandRun {
  readonly words: readonly string[];
  readonly input?: string | Buffer;
  readonly runtime?: CommandContext['runtime'];
  readonly stopped?: AbortSignal;
  /** Instead of what is collected. */
  readonly sink?: Writable;
}

export interface CommandOutput {
  readonly output: string;
  readonly errors: string;
}

/** Runs one command as the command line does, and rejects with what it throws. */
export async function runCommand(
  make: (context: CommandContext) => Command,
  { words, input = '', runtime, stopped, sink }: CommandRun,
): Promise<CommandOutput> {
  const texts = { output: '', errors: '' };
  const collect = (name: keyof typeof texts): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk);
        done();
      },
    });
  const output = sink ?? collect('output');
  const command = make({
    input: Readable.from(input.length === 0 ? [] : [input]),
    output,
    errors: collect('errors'),
    author: { who: 'test', origin: 'cli' },
    ...(runtime === undefined ? {} : { runtime }),
    ...(stopped === undefined ? {} : { stopped }),
  });
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeErr: () => {}, writeOut: (help) => output.write(help) });
  }
  try {
    await command.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  }
  return texts;
}
