import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import { ConfigurationStore } from '../../config/configuration-store.ts';
import type { Author } from '../../config/revision-log.ts';
import { BoxKey } from '../../config/secrets/box-key.ts';
import type { SecretContext } from '../../config/secrets/make-secret.ts';
import { CONFIRM_WITHIN_MS } from '../../config/unconfirmed-edit.ts';
import { UsageError } from '../../core/errors.ts';
import { isServed } from '../control.ts';
import { commandLineAuthor, thisCaller } from './command-line-author.ts';
import { formatNotices } from './config-text.ts';

/** Where a command reads and writes, and for whom: the command line gives itself, the runtime its console. */
export interface CommandContext {
  /** What `-` and `--password-stdin` read. */
  readonly input: Readable;
  readonly output: Writable;
  /** Warnings and notices, apart from what a program may read. */
  readonly errors: Writable;
  readonly author: Author;
  /** Inside a runtime, for commands that go on and on: when whoever watches wants no more. */
  readonly stopped?: AbortSignal;
  /** Inside a runtime: its own store and data directory; then there is no --data. */
  readonly runtime?: { readonly store: ConfigurationStore; readonly dataDirectory: string };
}

/** The context of the command line. */
export function commandLineContext(): CommandContext {
  return {
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    // Asked for by the commands that edit.
    get author() {
      return commandLineAuthor(thisCaller());
    },
  };
}

/** An open configuration and what belongs to it. */
export interface OpenConfiguration {
  readonly store: ConfigurationStore;
  readonly dataDirectory: string;
  /** What turns the secrets that people give into those that are kept. */
  readonly secrets: SecretContext;
  /** For edits of LAN addresses: only a box that runs has connections to lose. */
  confirmWithinMs(): Promise<number | undefined>;
}

/** Adds --data where the command line must say which configuration is meant. */
export function withData(command: Command, context: CommandContext): Command {
  return context.runtime === undefined
    ? command.requiredOption('--data <dir>', 'the data directory of the box')
    : command;
}

/** Makes the configuration where there is none, as the first command of a new box does. */
export type WhenMissing = 'make' | 'refuse';

/** Does `work` on the configuration that the context or --data names. */
export async function withConfiguration<T>(
  context: CommandContext,
  data: string | undefined,
  work: (configuration: OpenConfiguration) => T | Promise<T>,
  whenMissing: WhenMissing = 'refuse',
): Promise<T> {
  if (context.runtime !== undefined) {
    const { store, dataDirectory } = context.runtime;
    return work({ ...opened(store, dataDirectory), confirmWithinMs: async () => CONFIRM_WITHIN_MS });
  }
  const dataDirectory = data ?? '';
  const store =
    whenMissing === 'make' ? ConfigurationStore.open(dataDirectory) : ConfigurationStore.openExisting(dataDirectory);
  try {
    const notices = formatNotices(store.notices.list());
    if (notices !== '') context.errors.write(notices);
    const confirmWithinMs = async () => ((await isServed(dataDirectory)) ? CONFIRM_WITHIN_MS : undefined);
    return await work({ ...opened(store, dataDirectory), confirmWithinMs });
  } finally {
    store.close();
  }
}

function opened(store: ConfigurationStore, dataDirectory: string): Omit<OpenConfiguration, 'confirmWithinMs'> {
  let boxKey: BoxKey | undefined;
  const secrets: SecretContext = {
    configuration: store.current,
    realm: store.realm,
    boxKey: () => {
      boxKey ??= BoxKey.open(dataDirectory);
      return boxKey;
    },
  };
  return { store, dataDirectory, secrets };
}

/** All of the input, as text. Throws UsageError INPUT_TOO_LONG, INPUT_NOT_UTF8. */
export async function readInput(input: Readable, maxBytes: number): Promise<string> {
  return decodeText(await readBytes(input, maxBytes), 'the input');
}

/** All of the input, as it is. Throws UsageError INPUT_TOO_LONG. */
export async function readBytes(input: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) {
      throw new UsageError('INPUT_TOO_LONG', `the input is longer than ${maxBytes} bytes`, 'Give a shorter one.');
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** UTF-8 without a byte order mark. Throws UsageError INPUT_NOT_UTF8. */
export function decodeText(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError('INPUT_NOT_UTF8', `${what} is not UTF-8`, 'Save it in UTF-8 and try again.', { cause: error });
  }
}

/** Examples for the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
