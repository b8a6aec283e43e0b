import { Command } from 'commander';
import { explainPlan, IDLE } from '../../call/routing/explain.ts';
import type { Caller, RoutingState } from '../../call/routing/plan.ts';
import { routeCall } from '../../call/routing/route.ts';
import { localTime } from '../../call/routing/time-profile.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import { UsageError } from '../../core/errors.ts';
import { isServed } from '../control.ts';
import { type CommandContext, examples, withConfiguration, withData } from './context.ts';
import { askBox } from './running-box.ts';

interface ExplainValues {
  readonly data?: string;
  readonly from?: string;
  readonly line?: string;
  readonly caller?: string;
  readonly dial: string;
  readonly at?: string;
  readonly json?: boolean;
}

/** `ringdown call`: inside the running box `state` is the present; the command line asks it, or says that it does not run. */
export function callCommand(context: CommandContext, state?: RoutingState): Command {
  const command = new Command('call').description('what becomes of a call');
  withData(command.command('explain'), context)
    .description('prints where a call would go, and every decision on the way, without calling')
    .requiredOption('--dial <number>', 'what is dialled; of a call that comes over a line, the called number')
    .option('--from <number>', 'the user or extension that calls')
    .option('--line <number>', 'the line that the call comes over, in place of --from')
    .option('--caller <number>', 'with --line: who calls; left out: withheld')
    .option('--at <time>', '2026-11-25T22:30, in the time zone of the box; left out: now')
    .option('--json', 'the plan as JSON')
    .addHelpText(
      'after',
      examples(
        'ringdown call explain --from 201 --dial 9911 --data /data/ringdown',
        'ringdown call explain --from 201 --dial 300 --at 2026-12-25T10:00 --data /data/ringdown',
        'ringdown call explain --line 1 --caller 02071234567 --dial 02079460000 --data /data/ringdown',
      ),
    )
    .action((values: ExplainValues) => explain(context, values, state));
  return command;
}

async function explain(context: CommandContext, values: ExplainValues, state: RoutingState | undefined): Promise<void> {
  const { output } = context;
  const { data, dial, at, json } = values;
  if (state === undefined && context.runtime === undefined && (await isServed(data ?? ''))) {
    output.write(await askBox(data === undefined ? {} : { data }, wordsOf(values)));
    return;
  }
  const configuration = await withConfiguration(context, data, ({ store }) => store.current);
  const caller = callerOf(configuration, values);
  const plan = routeCall({
    caller,
    dialled: dial,
    configuration,
    at: at === undefined ? Date.now() : timeOf(at, configuration.system.timeZone),
    state: state ?? IDLE,
  });
  if (json === true) {
    output.write(`${JSON.stringify({ isRunning: state !== undefined, ...plan }, undefined, 2)}\n`);
    return;
  }
  if (state === undefined) {
    output.write('The box does not run: as if every extension had one free device, and every line were free.\n');
  }
  for (const line of explainPlan(plan)) output.write(`${line}\n`);
}

/** For the box, which has no --data. */
function wordsOf({ from, line, caller, dial, at, json }: ExplainValues): readonly string[] {
  const option = (name: string, value: string | undefined) => (value === undefined ? [] : [`--${name}=${value}`]);
  return [
    ...['call', 'explain', `--dial=${dial}`],
    ...option('from', from),
    ...option('line', line),
    ...option('caller', caller),
    ...option('at', at),
    ...(json === true ? ['--json'] : []),
  ];
}

/** Throws UsageError CALL_NOBODY, CALL_EXTENSION_UNKNOWN, CALL_LINE_UNKNOWN. */
function callerOf({ users, extensions, lines }: Configuration, { from, line, caller }: ExplainValues): Caller {
  if ((from === undefined) === (line === undefined)) {
    throw new UsageError('CALL_NOBODY', 'it must be said who calls', 'Give either --from or --line.');
  }
  if (line !== undefined) {
    if (Object.hasOwn(lines, line))
      return { kind: 'line', line, ...(caller === undefined ? {} : { callerNumber: caller }) };
    throw new UsageError('CALL_LINE_UNKNOWN', `there is no line ${quoted(line)}`, 'See: config show lines.');
  }
  const number = from ?? '';
  const extension = Object.hasOwn(extensions, number) ? extensions[number] : undefined;
  const user = extension === undefined && Object.hasOwn(users, number) ? number : extension?.user;
  if (user !== undefined) return { kind: 'user', user, extension: number };
  if (extension !== undefined) return { kind: 'nobody', extension: number };
  throw new UsageError(
    'CALL_EXTENSION_UNKNOWN',
    `${quoted(number)} is no user and no extension`,
    'See which there are with `ringdown extension list`.',
  );
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/;
const MINUTE_MS = 60_000;

/** What the clock on the wall of the office shows, as milliseconds since 1970. Throws UsageError CALL_TIME. */
function timeOf(text: string, timeZone: string): number {
  const asUtc = TIME.test(text) ? Date.parse(`${text}:00Z`) : Number.NaN;
  if (Number.isNaN(asUtc)) {
    throw new UsageError('CALL_TIME', `--at ${quoted(text)} is no time`, 'Give one as 2026-11-25T22:30.');
  }
  // Twice: the first guess may lie on the other side of a change of the clocks.
  let at = asUtc;
  for (let count = 0; count < 2; count += 1) {
    const { date, minute } = localTime(at, timeZone);
    at += asUtc - (Date.parse(`${date}T00:00:00Z`) + minute * MINUTE_MS);
  }
  return at;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
