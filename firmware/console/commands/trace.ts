import type { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { RingdownError, UsageError } from '../../core/errors.ts';
import { streamCommand } from '../control.ts';
import { CallLadder } from './call-ladder.ts';
import { CaptureFile } from './capture-file.ts';
import { type CommandContext, examples } from './context.ts';
import { invalidOption } from './ports.ts';
import { type BoxValues, controlPathOf, outputOf } from './running-box.ts';
import { showSaved } from './saved-trace.ts';
import { TraceBudget } from './trace-budget.ts';
import { FILTER_HELP, readFilter } from './trace-filter.ts';
import { type Format, toJson, toText, type UnreadMessage, type WatchMessages } from './traced-message.ts';

interface Values extends BoxValues {
  readonly count?: string;
  readonly seconds?: string;
  readonly json?: boolean;
  readonly ladder?: boolean;
  readonly pcap?: string;
  readonly read?: string;
}

/** At once; each looks at every message. */
const MAX_TRACES = 4;
const MAX_COUNT = 1_000_000_000;
/** A day. */
const MAX_SECONDS = 86_400;

/**
 * `ringdown trace`: only the running box sees messages; inside it `watch` shows them, the command line asks it. `elapsed`:
 * see TraceBudget.
 */
export function traceCommand(
  context: CommandContext,
  watch?: WatchMessages,
  elapsed: () => number = () => performance.now(),
): Command {
  const command = new Command('trace')
    .description('prints every SIP message as it comes and goes, passwords masked, until Ctrl-C')
    .argument('[filter...]', 'which messages; all of them unless given')
    .option('--count <count>', 'ends after so many messages')
    .option('--seconds <seconds>', 'ends after so long')
    .option('--json', 'one JSON object a line')
    .option('--ladder', 'an arrow a message between the lines of who takes part: calls at a glance');
  if (watch !== undefined) {
    return command
      .addHelpText('after', FILTER_HELP)
      .action((words: string[], values: Values) => show(context, watch, words, values, new TraceBudget(elapsed)));
  }
  return withBox(command)
    .option('--pcap <file>', 'writes them to a capture file for Wireshark as well; - is standard output, without text')
    .option('--read <file>', 'shows those that --json has written before, and asks no box; - is standard input')
    .addHelpText(
      'after',
      FILTER_HELP +
        examples(
          'ringdown trace --data /data/ringdown',
          'ringdown trace 201 --pcap 201.pcap --data /data/ringdown',
          'ringdown trace 192.168.42.0/24 method=INVITE method=BYE --count 20 --data /data/ringdown',
          'ringdown trace call-id=3f2a --json --data /data/ringdown',
          'ringdown trace 201 202 --ladder --data /data/ringdown',
          'ringdown trace --json --data /data/ringdown > morning.json',
          'ringdown trace --read morning.json --ladder call-id=3f2a call-id=9b1c',
          'ringdown trace --pcap - --data /data/ringdown | wireshark -k -i -',
        ),
    )
    .action((words: string[], values: Values) => ask(context, words, values));
}

/** How many are being shown, on all consoles and command lines. */
let running = 0;

async function show(
  context: CommandContext,
  watch: WatchMessages,
  words: readonly string[],
  values: Values,
  budget: TraceBudget,
): Promise<void> {
  const fits = readFilter(words);
  const format = formatOf(values);
  const count = readWhole('--count', values.count, MAX_COUNT) ?? Number.POSITIVE_INFINITY;
  const seconds = readWhole('--seconds', values.seconds, MAX_SECONDS);
  const { output, stopped } = context;
  if (stopped === undefined) {
    throw new UsageError('TRACE_NOT_LIVE', 'A trace needs somebody who watches', 'Run it from the console.');
  }
  if (running >= MAX_TRACES) {
    throw new RingdownError('TRACE_BUSY', `${MAX_TRACES} traces run already`, 'End one of them first.');
  }
  running += 1;
  try {
    await new Promise<void>((resolve) => {
      const trace = new LossyTrace(output, values.json === true, format, count, resolve);
      const unwatch = watch((message) => {
        const isDropped = message.mark !== undefined && message.mark !== 'malformed';
        const isSeen = budget.spend(isDropped, () => {
          if (fits(message)) trace.take(message);
        });
        if (!isSeen) trace.lose();
      });
      const timer = seconds === undefined ? undefined : setTimeout(() => trace.end(), seconds * 1000);
      stopped.addEventListener('abort', () => trace.end(), { once: true });
      if (stopped.aborted) trace.end();
      trace.onEnd = () => {
        clearTimeout(timer);
        unwatch();
      };
      if (trace.ended) trace.onEnd();
    });
  } finally {
    running -= 1;
  }
}

/** Writes messages, and tells of those that are left out, as are all for which a slow reader has no room. */
class LossyTrace {
  readonly #output: Writable;
  readonly #json: boolean;
  readonly #format: Format;
  readonly #tellLost = (): void => this.#told();
  readonly #resolve: () => void;
  #left: number;
  #lost = 0;
  ended = false;
  onEnd: () => void = () => undefined;

  constructor(output: Writable, json: boolean, format: Format, count: number, resolve: () => void) {
    this.#output = output;
    this.#json = json;
    this.#format = format;
    this.#left = count;
    this.#resolve = resolve;
    output.on('drain', this.#tellLost);
  }

  /** One was not looked at. */
  lose(): void {
    this.#lost += 1;
  }

  take(message: UnreadMessage): void {
    if (this.ended) return;
    if (this.#output.writableNeedDrain) {
      this.lose();
      return;
    }
    this.#told();
    const { direction, atMs, transport, local, remote, mark } = message;
    const whole = { direction, atMs, transport, local, remote, mark, ...message.read(), bytes: message.masked() };
    this.#output.write(this.#format(whole));
    this.#left -= 1;
    if (this.#left <= 0) this.end();
  }

  /** Idempotent. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#output.off('drain', this.#tellLost);
    this.#told();
    this.onEnd();
    this.#resolve();
  }

  #told(): void {
    if (this.#lost === 0 || this.#output.destroyed) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#output.write(this.#json ? `${JSON.stringify({ lost })}\n` : lostLine(lost));
  }
}

function lostLine(lost: number): string {
  return `--- ${lost} message${lost === 1 ? '' : 's'} left out: they came faster than they can be shown ---\n\n`;
}

/** As withRunningBox does, but for a trace that is read from a file. */
function withBox(command: Command): Command {
  return command
    .option('--data <dir>', 'the data directory of the box, which must run')
    .addOption(
      new Option('--control <path>', 'its control socket (default: the one that the box noted in its data directory)'),
    );
}

/** Throws UsageError TRACE_FORMAT. */
function formatOf({ json, ladder }: Values): Format {
  if (json === true && ladder === true) {
    throw new UsageError('TRACE_FORMAT', '--json and --ladder exclude each other', 'Give one of them.');
  }
  if (json === true) return (message) => `${toJson(message)}\n`;
  if (ladder !== true) return (message) => `${toText(message)}\n`;
  const drawn = new CallLadder();
  return (message) => drawn.draw(message);
}

async function ask(context: CommandContext, filter: readonly string[], values: Values): Promise<void> {
  // Told before the box is asked.
  const fits = readFilter(filter);
  const format = formatOf(values);
  readWhole('--count', values.count, MAX_COUNT);
  readWhole('--seconds', values.seconds, MAX_SECONDS);
  const { pcap, count, seconds, json, ladder, read } = values;
  if (read !== undefined) {
    if (pcap !== undefined || seconds !== undefined) {
      const cure = 'Give --count, or a filter, for fewer of them; a capture file is made as they come.';
      throw new UsageError('TRACE_FORMAT', '--read goes neither with --pcap nor with --seconds', cure);
    }
    const most = readWhole('--count', count, MAX_COUNT);
    await showSaved(context, { file: read, fits, format, isJson: json === true, most });
    return;
  }
  if (values.data === undefined) {
    throw new UsageError('TRACE_NO_BOX', 'Which box is meant is not said', 'Give --data, or --read with a file.');
  }
  const words = ['trace', ...filter];
  if (count !== undefined) words.push('--count', count);
  if (seconds !== undefined) words.push('--seconds', seconds);
  if (json === true || pcap !== undefined) words.push('--json');
  else if (ladder === true) words.push('--ladder');
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const capture = pcap === undefined ? undefined : new CaptureFile(pcap, context, format, json === true);
  try {
    const sink = capture === undefined ? context.output : capture.lines(onSignal);
    outputOf(await streamCommand(controlPathOf(values), words, sink, stop.signal));
  } finally {
    capture?.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
  if (capture === undefined) return;
  context.errors.write(`${capture.summary}\n`);
  if (capture.fault !== undefined) throw capture.fault;
}

function readWhole(option: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw invalidOption(option, text, `Give a number from 1 to ${most}.`);
}
