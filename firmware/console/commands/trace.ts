import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { RingdownError, UsageError } from '../../core/errors.ts';
import { streamCommand } from '../control.ts';
import { type CommandContext, examples } from './context.ts';
import { PcapWriter, pcapHeader } from './pcap.ts';
import { invalidOption } from './ports.ts';
import { type BoxValues, controlPathOf, outputOf, withRunningBox } from './running-box.ts';
import { TraceBudget } from './trace-budget.ts';
import { FILTER_HELP, readFilter } from './trace-filter.ts';
import {
  fromJson,
  type TracedMessage,
  toJson,
  toText,
  type UnreadMessage,
  type WatchMessages,
} from './traced-message.ts';

interface Values extends BoxValues {
  readonly count?: string;
  readonly seconds?: string;
  readonly json?: boolean;
  readonly pcap?: string;
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
    .option('--json', 'one JSON object a line');
  if (watch !== undefined) {
    return command
      .addHelpText('after', FILTER_HELP)
      .action((words: string[], values: Values) => show(context, watch, words, values, new TraceBudget(elapsed)));
  }
  return withRunningBox(command)
    .option('--pcap <file>', 'writes them to a capture file for Wireshark as well; - is standard output, without text')
    .addHelpText(
      'after',
      FILTER_HELP +
        examples(
          'ringdown trace --data /data/ringdown',
          'ringdown trace 201 --pcap 201.pcap --data /data/ringdown',
          'ringdown trace 192.168.42.0/24 method=INVITE method=BYE --count 20 --data /data/ringdown',
          'ringdown trace call-id=3f2a --json --data /data/ringdown',
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
      const trace = new LossyTrace(output, values.json === true, count, resolve);
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
  readonly #tellLost = (): void => this.#told();
  readonly #resolve: () => void;
  #left: number;
  #lost = 0;
  ended = false;
  onEnd: () => void = () => undefined;

  constructor(output: Writable, json: boolean, count: number, resolve: () => void) {
    this.#output = output;
    this.#json = json;
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
    this.#output.write(this.#json ? `${toJson(whole)}\n` : `${toText(whole)}\n`);
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

async function ask(context: CommandContext, filter: readonly string[], values: Values): Promise<void> {
  // Told before the box is asked.
  readFilter(filter);
  readWhole('--count', values.count, MAX_COUNT);
  readWhole('--seconds', values.seconds, MAX_SECONDS);
  const { pcap, count, seconds, json } = values;
  const words = ['trace', ...filter];
  if (count !== undefined) words.push('--count', count);
  if (seconds !== undefined) words.push('--seconds', seconds);
  if (json === true || pcap !== undefined) words.push('--json');
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const capture = pcap === undefined ? undefined : new Capture(pcap, context, json === true);
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

/** Makes a capture file of what the box tells as JSON, and shows the text beside it. */
class Capture {
  readonly #name: string;
  readonly #context: CommandContext;
  readonly #json: boolean;
  readonly #writer = new PcapWriter();
  /** Undefined for standard output. */
  readonly #file: number | undefined;
  #messages = 0;
  #lost = 0;
  /** Why no more can be written: TRACE_FILE. */
  fault: UsageError | undefined;

  /** Throws UsageError TRACE_FILE. */
  constructor(name: string, context: CommandContext, json: boolean) {
    this.#name = name;
    this.#context = context;
    this.#json = json;
    try {
      this.#file = name === '-' ? undefined : openSync(name, 'w', 0o600);
    } catch (cause) {
      throw unwritable(name, cause);
    }
    this.#write(pcapHeader());
    if (this.fault === undefined) return;
    this.close();
    throw this.fault;
  }

  get summary(): string {
    const lost = this.#lost === 0 ? '' : `, ${this.#lost} left out: they came faster than they were written`;
    return `${this.#messages} message${this.#messages === 1 ? '' : 's'} in ${this.#name}${lost}`;
  }

  /** `onFault` is called when no more can be written. */
  lines(onFault: () => void): Writable {
    return new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        for (const line of text.split('\n')) if (line !== '' && this.fault === undefined) this.#line(line);
        if (this.fault !== undefined) onFault();
        const { output } = this.#context;
        if (output.writableNeedDrain) output.once('drain', done);
        else done();
      },
    });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #line(line: string): void {
    const message = fromJson(line);
    if (message !== undefined) {
      for (const packet of this.#writer.packets(captured(message))) this.#write(packet);
      if (this.fault === undefined) this.#messages += 1;
    } else {
      const lost: unknown = JSON.parse(line).lost;
      if (typeof lost === 'number') this.#lost += lost;
    }
    if (this.#file === undefined) return;
    if (this.#json) this.#context.output.write(`${line}\n`);
    else if (message !== undefined) this.#context.output.write(`${toText(message)}\n`);
  }

  #write(bytes: Buffer): void {
    if (this.#file === undefined) {
      this.#context.output.write(bytes);
      return;
    }
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch (cause) {
      this.fault ??= unwritable(this.#name, cause);
    }
  }
}

function unwritable(name: string, cause: unknown): UsageError {
  const cure = 'Give a file that you may write, where there is room.';
  return new UsageError('TRACE_FILE', `${name} cannot be written`, cure, { cause });
}

function captured({ atMs, transport, direction, local, remote, bytes }: TracedMessage) {
  const [source, destination] = direction === 'received' ? [remote, local] : [local, remote];
  return { atMs, isDatagram: transport === 'udp', source, destination, bytes };
}

function readWhole(option: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw invalidOption(option, text, `Give a number from 1 to ${most}.`);
}
