import { Command } from 'commander';
import { CALL_CSV_HEADER, callCsvRow } from '../../call/history/call-csv.ts';
import { type CallPeriod, type CallReader, withCallReader } from '../../call/history/call-reader.ts';
import { type CallRecord, secondsOf } from '../../call/history/call-record.ts';
import type { UserCall } from '../../call/history/user-call.ts';
import { UsageError } from '../../core/errors.ts';
import { type CommandContext, examples, withData } from './context.ts';
import { printable } from './printable.ts';

interface ListValues {
  readonly data?: string;
  readonly user?: string;
  readonly limit: string;
  readonly json?: boolean;
}

interface ExportValues {
  readonly data?: string;
  readonly since?: string;
  readonly until?: string;
}

const DEFAULT_LISTED = 20;
const MAX_LISTED = 1000;
const DAY_MS = 86_400_000;

/** `ringdown calls`: reads the records that the box keeps, beside it or, with `reader`, inside it. */
export function callsCommand(context: CommandContext, reader?: CallReader): Command {
  const { output } = context;
  const withReader = (data: string | undefined, read: (reader: CallReader) => Promise<void>) =>
    reader === undefined ? withCallReader(data ?? '', read) : read(reader);
  const command = new Command('calls').description('calls that have been');
  withData(command.command('list'), context)
    .description('the newest calls, of one user or all')
    .option('--user <number>', 'the call log of a user: placed, received, missed')
    .option('--limit <count>', `how many (1 to ${MAX_LISTED})`, String(DEFAULT_LISTED))
    .option('--json', 'one JSON object a line, times in milliseconds')
    .addHelpText('after', examples('ringdown calls list --user 201 --data /data/ringdown'))
    .action(async ({ data, user, limit, json }: ListValues) => {
      const count = countOf(limit);
      await withReader(data, async (calls) => {
        const found = user === undefined ? calls.newest(count) : calls.userCalls(user, count);
        if (found.length === 0 && json !== true) output.write('No calls.\n');
        for (const call of found) output.write(json === true ? `${JSON.stringify(call)}\n` : formatCall(call));
      });
    });
  withData(command.command('export'), context)
    .description('call records as a CSV file (UTF-8, RFC 4180), the oldest first')
    .option(
      '--since <time>',
      'calls that began then or later: 2026-11-01, or 2026-11-01T08:00:00Z; days are those of UTC',
    )
    .option('--until <time>', 'calls that began then or earlier; a day means its end')
    .addHelpText('after', examples('ringdown calls export --since 2026-11-01 --data /data/ringdown > calls.csv'))
    .action(async ({ data, since, until }: ExportValues) => {
      const period: CallPeriod = {
        ...(since === undefined ? {} : { sinceMs: timeOf('since', since, 0) }),
        ...(until === undefined ? {} : { untilMs: timeOf('until', until, DAY_MS - 1) }),
      };
      await withReader(data, async (calls) => {
        output.write(CALL_CSV_HEADER);
        for (const page of calls.records(period)) {
          const room = output.write(page.map(callCsvRow).join(''));
          // Others of this process have their turn, and a slow reader keeps no more than a page waiting.
          if (room) await new Promise((resolve) => setImmediate(resolve));
          else await new Promise((resolve) => output.once('drain', resolve));
        }
      });
    });
  return command;
}

/** One line for a person. */
function formatCall(call: CallRecord | UserCall): string {
  if ('kind' in call) {
    const { kind, atMs, number, name, seconds } = call;
    const other = number === '' ? 'unknown' : `${number} ${name}`.trim();
    return `${momentOf(atMs)}  ${kind.padEnd(8)}  ${lengthOf(seconds)}  ${printable(other)}\n`;
  }
  const { caller, dialled, connected, cause = 'running', startedAtMs, isEmergency } = call;
  const from = caller.number === '' ? 'unknown' : caller.number;
  const answeredBy = connected === undefined || connected.number === dialled ? '' : ` (${connected.number})`;
  const words = `${from} to ${dialled}${answeredBy}, ${cause}${isEmergency ? ', emergency' : ''}`;
  return `${momentOf(startedAtMs)}  ${lengthOf(secondsOf(call))}  ${printable(words)}\n`;
}

function momentOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function lengthOf(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(seconds % 60).padStart(2, '0')}`.padStart(6);
}

function countOf(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_LISTED) return count;
  throw new UsageError('CALLS_LIMIT', `--limit must be 1 to ${MAX_LISTED}`, 'Or export them: calls export.');
}

/** `ofDayMs`: which moment of a day is meant by its date alone. */
function timeOf(option: string, text: string, ofDayMs: number): number {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const ms = isDay || isTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new UsageError(
      'CALLS_TIME',
      `--${option} is no time`,
      'Write a day as 2026-11-01, or a time as 2026-11-01T08:00:00Z or with +01:00 for Z.',
    );
  }
  return isDay ? ms + ofDayMs : ms;
}
