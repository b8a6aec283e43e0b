import { closeSync, createReadStream, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { UsageError } from '../../core/errors.ts';
import { type CommandContext, decodeText, readBytes } from './context.ts';

/**
 * The text of the file that a command names; `-` is the input. Reads no more than `maxBytes`, also of a device.
 * Throws UsageError INPUT_UNREADABLE, INPUT_TOO_LONG, INPUT_NOT_UTF8.
 */
export async function readInputFile(context: CommandContext, file: string, maxBytes: number): Promise<string> {
  return decodeText(await readInputBytes(context, file, maxBytes), 'the input');
}

/** The same for a file that need not be UTF-8. Throws UsageError INPUT_UNREADABLE, INPUT_TOO_LONG. */
export async function readInputBytes(context: CommandContext, file: string, maxBytes: number): Promise<Buffer> {
  if (file === '-') return readBytes(context.input, maxBytes);
  refuseInRuntime(context, file);
  try {
    return await readBytes(createReadStream(file), maxBytes);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    throw new UsageError('INPUT_UNREADABLE', `${file} cannot be read (${error.code})`, 'Check its name.', {
      cause: error,
    });
  }
}

/**
 * Writes a file that must not be there yet, of mode 0600, and syncs it.
 * Throws UsageError OUTPUT_NOT_WRITABLE, INPUT_UNREADABLE.
 */
export function writeNewFile(context: CommandContext, file: string, text: string): void {
  refuseInRuntime(context, file);
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new UsageError('OUTPUT_NOT_WRITABLE', `${file} cannot be made${why}`, 'Name a file that is not there yet.', {
      cause: error,
    });
  }
}

/** Whoever sits at the console has no business in the files of the service. */
function refuseInRuntime({ runtime }: CommandContext, file: string): void {
  if (runtime === undefined) return;
  throw new UsageError(
    'INPUT_UNREADABLE',
    `the console has no files, and so no ${file.slice(0, 80)}`,
    'Give - and paste the text, or leave it out.',
  );
}
