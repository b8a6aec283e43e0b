import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { UsageError } from '../../core/errors.ts';
import type { CommandContext } from './context.ts';
import { PcapWriter, pcapHeader } from './pcap.ts';
import { type Format, fromJson, type TracedMessage } from './traced-message.ts';

/** Makes a capture file of what the box tells as JSON, and shows the text beside it. */
export class CaptureFile {
  readonly #name: string;
  readonly #context: CommandContext;
  readonly #format: Format;
  readonly #isJson: boolean;
  readonly #writer = new PcapWriter();
  /** Undefined for standard output. */
  readonly #file: number | undefined;
  #messages = 0;
  #lost = 0;
  /** Why no more can be written: TRACE_FILE. */
  fault: UsageError | undefined;

  /** `isJson`: what `format` makes, and what was lost is shown too. Throws UsageError TRACE_FILE. */
  constructor(name: string, context: CommandContext, format: Format, isJson: boolean) {
    this.#name = name;
    this.#context = context;
    this.#format = format;
    this.#isJson = isJson;
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
    if (message !== undefined) this.#context.output.write(this.#format(message));
    else if (this.#isJson) this.#context.output.write(`${line}\n`);
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
