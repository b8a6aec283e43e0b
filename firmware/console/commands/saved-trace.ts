import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
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

/** Characters; a message of 64 KB has 90,000. A file without line ends is not read into memory as a whole. */
const MAX_LINE_LENGTH = 524_288;

/** Shows messages that were written before, credentials masked as they were then. Throws UsageError TRACE_READ. */
export async function showSaved({ input, output, errors }: CommandContext, trace: SavedTrace): Promise<void> {
  const { file, fits, format, isJson, most = Number.POSITIVE_INFINITY } = trace;
  const source: Readable = file === '-' ? input : createReadStream(file);
  let shown = 0;
  let strange = 0;
  try {
    for await (const line of linesOf(source)) {
      if (line === undefined) {
        const cure = 'Give a file that trace --json wrote, one message a line.';
        throw new UsageError('TRACE_READ', `${file} has a line of more than ${MAX_LINE_LENGTH} characters`, cure);
      }
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
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('TRACE_READ', `${file} cannot be read`, 'Give a file that trace --json wrote.', { cause });
  } finally {
    source.destroy();
  }
  if (strange > 0) errors.write(`${strange} line${strange === 1 ? ' is' : 's are'} none of trace --json\n`);
}

/** Line by line; undefined, and nothing more, at one that is too long. */
async function* linesOf(source: Readable): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of source) {
    const lines = `${rest}${typeof chunk === 'string' ? chunk : decoder.write(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.length > MAX_LINE_LENGTH ? undefined : line.replace(/\r$/, '');
    if (rest.length > MAX_LINE_LENGTH) yield undefined;
  }
  if (rest !== '') yield rest;
}
