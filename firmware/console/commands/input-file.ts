import { createReadStream } from 'node:fs';
import { UsageError } from '../../core/errors.ts';
import { type CommandContext, readInput } from './context.ts';

/**
 * The text of the file that a command names; `-` is the input. Reads no more than `maxBytes`, also of a device.
 * Throws UsageError INPUT_UNREADABLE, INPUT_TOO_LONG, INPUT_NOT_UTF8.
 */
export async function readInputFile(context: CommandContext, file: string, maxBytes: number): Promise<string> {
  if (file === '-') return readInput(context.input, maxBytes);
  try {
    return await readInput(createReadStream(file), maxBytes);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    throw new UsageError('INPUT_UNREADABLE', `${file} cannot be read (${error.code})`, 'Check its name.', {
      cause: error,
    });
  }
}
