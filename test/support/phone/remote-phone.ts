import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NoteSequence } from '../tones.ts';
import { Changes } from './changes.ts';
import type {
  CallOutcome,
  DialogNames,
  IncomingCall,
  InviteOptions,
  OfferChanges,
  OfferOutcome,
  Phone,
  PhoneOptions,
  Registration,
} from './phone.ts';
import type { MediaDirection } from './phone-sdp.ts';
import type { DtmfEvent, ReceivedMedia } from './rtp-stream.ts';

/** What goes to the process and what comes back, a JSON text a line; main.ts is the other end. */
export interface PhoneCommand {
  readonly id: number;
  readonly method: 'start' | keyof Phone;
  readonly args: readonly unknown[];
}

export interface PhoneResult {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Above any time-out inside the phone: for a process that says nothing more. */
const PROCESS_TIMEOUT_MS = 300_000;

/** A TestPhone in a process of its own, so that it can live in a network namespace. */
export class RemotePhone implements Phone {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #changes = new Changes();
  readonly #results = new Map<number, PhoneResult>();
  #lastId = 0;
  #ended: string | undefined;
  #complaints = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const result: PhoneResult = JSON.parse(line);
      this.#results.set(result.id, result);
      this.#changes.notify();
    });
    child.stderr.on('data', (data: Buffer) => {
      this.#complaints = (this.#complaints + data.toString('utf8')).slice(-8000);
    });
    child.stdin.on('error', () => undefined);
    const end = (how: string): void => {
      this.#ended ??= how;
      this.#changes.notify();
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code, signal) => end(`ended with ${code ?? signal}`));
  }

  /**
   * Starts a phone. `prefix` is put before its command line, such as `['ip', 'netns', 'exec', 'NAME']`.
   */
  static async start(options: PhoneOptions, prefix: readonly string[] = []): Promise<RemotePhone> {
    const main = fileURLToPath(new URL('./main.ts', import.meta.url));
    const [file = process.execPath, ...args] = [...prefix, process.execPath, main];
    const phone = new RemotePhone(spawn(file, args, { stdio: 'pipe' }));
    await phone.#do('start', options);
    return phone;
  }

  async register(options?: { readonly password?: string; readonly expiresSeconds?: number }): Promise<Registration> {
    return this.#do('register', options);
  }

  async registerWhenReachable(timeoutMs?: number): Promise<number> {
    return this.#do('registerWhenReachable', timeoutMs);
  }

  async options(): Promise<number> {
    return this.#do('options');
  }

  async invite(target: string, options?: InviteOptions): Promise<void> {
    return this.#do('invite', target, options);
  }

  async ringing(timeoutMs?: number): Promise<number> {
    return this.#do('ringing', timeoutMs);
  }

  async answered(timeoutMs?: number): Promise<CallOutcome> {
    return this.#do('answered', timeoutMs);
  }

  async call(target: string, options?: InviteOptions): Promise<CallOutcome> {
    return this.#do('call', target, options);
  }

  async cancel(timeoutMs?: number): Promise<CallOutcome> {
    return this.#do('cancel', timeoutMs);
  }

  async incomingCall(timeoutMs?: number): Promise<IncomingCall> {
    return this.#do('incomingCall', timeoutMs);
  }

  async answer(timeoutMs?: number): Promise<void> {
    return this.#do('answer', timeoutMs);
  }

  async reject(status: number): Promise<void> {
    return this.#do('reject', status);
  }

  async play(sequence: NoteSequence): Promise<void> {
    return this.#do('play', sequence);
  }

  async pressKey(digit: string): Promise<void> {
    return this.#do('pressKey', digit);
  }

  async hears(sequence: NoteSequence, timeoutMs?: number): Promise<ReceivedMedia> {
    return this.#do('hears', sequence, timeoutMs);
  }

  async heard(): Promise<ReceivedMedia> {
    return this.#do('heard');
  }

  async receivesKey(digit: string, timeoutMs?: number): Promise<DtmfEvent> {
    return this.#do('receivesKey', digit, timeoutMs);
  }

  async offerAgain(direction: MediaDirection, changes?: OfferChanges): Promise<OfferOutcome> {
    return this.#do('offerAgain', direction, changes);
  }

  async refer(referTo: string): Promise<number> {
    return this.#do('refer', referTo);
  }

  async notified(status: number, timeoutMs?: number): Promise<readonly number[]> {
    return this.#do('notified', status, timeoutMs);
  }

  async dialogNames(): Promise<DialogNames> {
    return this.#do('dialogNames');
  }

  async bye(): Promise<number> {
    return this.#do('bye');
  }

  async ended(timeoutMs?: number): Promise<void> {
    return this.#do('ended', timeoutMs);
  }

  async transcript(): Promise<string> {
    return this.#do('transcript');
  }

  async close(): Promise<void> {
    if (this.#ended === undefined) {
      // The end of its input ends the process, through sudo and ip as well.
      this.#child.stdin.end();
      await this.#changes.until(() => this.#ended, 10_000, 'the end of a phone process');
    }
  }

  // The two ends share the interface Phone: what main.ts returns for a method is of that method's type.
  async #do<Result>(method: PhoneCommand['method'], ...args: readonly unknown[]): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    const command: PhoneCommand = { id, method, args: args.map((value) => value ?? null) };
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const answer = await this.#changes.until(
      () => {
        const result = this.#results.get(id);
        if (result === undefined && this.#ended !== undefined) {
          throw new Error(`the phone process ${this.#ended}\n${this.#complaints}`);
        }
        return result;
      },
      PROCESS_TIMEOUT_MS,
      `the phone process to answer ${method}`,
    );
    this.#results.delete(id);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result as Result;
  }
}
