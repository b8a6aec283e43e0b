import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { UsageError } from '../../core/errors.ts';
import type { CommandContext } from './context.ts';
import type { Test } from './trace-filter.ts';
import { type Format, fromJson } from './traced-message.ts';

export interface SavedTrace {
  /** What `trace --json` wrote; `-` is the input. */
  readonly file: string;
  readonly fits: Test;
  readonly format: Format;
  /** `format` makes JSON: what was lost is told so too. */
  readonly isJson: boolean;
  /** Messages shown; all unless given. */
  readonly most: number | undefined;
}

/** Shows messages that were written before, credentials masked as they were then. Throws UsageError TRACE_READ. */
export async function showSaved({ input, output, errors }: CommandContext, trace: SavedTrace): Promise<void> {
  const { file, fits, format, isJson, most = Number.POSITIVE_INFINITY } = trace;
  const source: Readable = file === '-' ? input : createReadStream(file);
  let shown = 0;
  let strange = 0;
  try {
    for await (const line of createInterface({ input: source })) {
      const message = fromJson(line);
      if (message === undefined) {
        const lost = /^\{"lost":(\d{1,12})\}$/.exec(line)?.[1];
        const told = isJson ? line : `--- ${lost} left out: they came faster than they were written ---`;
        if (lost !== undefined) output.write(`${told}\n`);
        else if (line !== '') strange += 1;
        continue;
      }
      if (!fits({ ...message, read: () => message, masked: () => message.bytes })) continue;
      output.write(format(message));
      shown += 1;
      if (shown >= most) break;
    }
  } catch (cause) {
    throw new UsageError('TRACE_READ', `${file} cannot be read`, 'Give a file that trace --json wrote.', { cause });
  } finally {
    source.destroy();
  }
  if (strange > 0) errors.write(`${strange} line${strange === 1 ? ' is' : 's are'} none of trace --json\n`);
}
