import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { RingdownError } from '../../core/errors.ts';
import { type LoggedRequest, MAX_LOGGED_REQUESTS } from '../../phones/request-log.ts';
import { notedControlPath, requestCommand } from '../control.ts';
import { type CommandContext, examples } from './context.ts';
import { invalidOption } from './ports.ts';
import { printable } from './printable.ts';

interface Values {
  readonly data?: string;
  readonly control?: string;
  readonly limit: string;
  readonly json?: boolean;
}

const DEFAULT_LIMIT = 50;

/**
 * Adds `requests` to `ringdown settings`: who asked for which file, and what came of it. Only the running box knows;
 * inside it `latest` gives them, the command line asks it.
 */
export function addRequestsCommand(
  command: Command,
  context: CommandContext,
  latest?: (limit: number) => readonly LoggedRequest[],
): Command {
  const requests = command
    .command('requests')
    .description('prints who asked for which file and what was served and why, the newest first')
    .option('--limit <count>', `at most so many, up to ${MAX_LOGGED_REQUESTS}`, String(DEFAULT_LIMIT))
    .option('--json', 'one JSON object a line');
  if (latest !== undefined) {
    requests.action((values: Values) => {
      const format = values.json === true ? (request: LoggedRequest) => JSON.stringify(request) : formatRequest;
      for (const request of latest(readLimit(values.limit))) context.output.write(`${format(request)}\n`);
    });
    return command;
  }
  requests
    .requiredOption('--data <dir>', 'the data directory of the box, which must run')
    .addOption(
      new Option('--control <path>', 'its control socket (default: the one that the box noted in its data directory)'),
    )
    .addHelpText(
      'after',
      examples(
        'ringdown settings requests --data /data/ringdown',
        'ringdown settings requests --limit 1000 --json --data /data/ringdown',
      ),
    )
    .action(async ({ data = '', control, limit, json }: Values) => {
      const words = ['settings', 'requests', '--limit', String(readLimit(limit)), ...(json === true ? ['--json'] : [])];
      const { status, output, errors } = await requestCommand(
        control ?? notedControlPath(data) ?? join(data, 'control.sock'),
        words,
      );
      if (status !== 0) {
        throw new RingdownError('CONTROL_REFUSED', `The box refused: ${errors.trim()}`, 'Is it of another version?');
      }
      context.output.write(output);
    });
  return command;
}

function readLimit(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LOGGED_REQUESTS) return limit;
  throw invalidOption('--limit', text, `Give a number from 1 to ${MAX_LOGGED_REQUESTS}.`);
}

/** `2026-11-25 18:20:00Z  192.168.42.50  LAN1 https  GET 46xxsettings.txt  200, 6123 bytes  generated: …  "Avaya …"`. */
function formatRequest(request: LoggedRequest): string {
  const { atMs, remoteAddress, lan, isSecure, method, name, status, sentBytes, origin, why, userAgent, times } =
    request;
  const when = `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const through = [...(lan === undefined ? [] : [lan.toUpperCase()]), isSecure ? 'https' : 'http'].join(' ');
  const asked = method === '' ? 'no request' : `${method} ${printable(name)}`;
  const answered = status === undefined ? 'no answer' : `${status}, ${sentBytes} bytes`;
  const because = `${origin === undefined ? 'refused' : origin}: ${printable(why)}${times > 1 ? `, ${times} times` : ''}`;
  const agent = userAgent === '' ? [] : [`"${printable(userAgent)}"`];
  return [when, remoteAddress, through, asked, answered, because, ...agent].join('  ');
}
