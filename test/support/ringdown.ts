import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from './children.ts';
import { atExit } from './cleanup.ts';
import { freePorts } from './free-ports.ts';
import { Changes } from './phone/changes.ts';
import { TestPhone } from './phone/test-phone.ts';
import { repositoryPath } from './repository.ts';

const PROGRAM = join(repositoryPath, 'build/ringdown');
const MEDIA_PORTS = 40;
const START_TIMEOUT_MS = 60_000;
/** The start alone takes many seconds where more tests run than the machine has cores. */
const RUN_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const MAX_LOG_LENGTH = 4_000_000;

export interface ProgramResult {
  /** Exit status; undefined where a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs build/ringdown with these arguments to its end. */
export function runRingdown(args: readonly string[], input = '', timeoutMs = RUN_TIMEOUT_MS): Promise<ProgramResult> {
  needProgram();
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, args, { stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString('utf8');
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString('utf8');
    });
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => resolve({ status: code ?? undefined, stdout, stderr }));
    child.stdin.end(input);
  });
}

function needProgram(): void {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run make build`);
}

/** The runtime on this machine: loopback addresses, free ports, a data directory of its own. */
export class Ringdown {
  readonly addresses: readonly string[];
  readonly sipPort: number;
  /** Where media ports begin and end, both included. */
  readonly mediaPorts: { readonly first: number; readonly last: number };
  readonly dataDirectory: string;
  readonly ports: Readonly<Record<'sips' | 'http' | 'https' | 'phoneHttp' | 'phoneHttps', number>>;
  /** From its next start on. */
  logLevel: 'trace' | 'info' = 'info';
  readonly #changes = new Changes();
  readonly #remove: () => void;
  #child: ChildProcess | undefined;
  #exit: { readonly status: number | undefined; readonly signal: string | undefined } | undefined;
  #log = '';
  /** Where the log of the present run begins. */
  #logged = 0;

  readonly #networkDirectory: string | undefined;

  private constructor(
    addresses: readonly string[],
    networkDirectory: string | undefined,
    firstPort: number,
    mediaPorts: number,
  ) {
    this.addresses = addresses;
    this.#networkDirectory = networkDirectory;
    this.mediaPorts = { first: firstPort, last: firstPort + mediaPorts - 1 };
    this.sipPort = firstPort + mediaPorts;
    const [sips, http, https] = [this.sipPort + 1, this.sipPort + 2, this.sipPort + 3];
    this.ports = { sips, http, https, phoneHttp: this.sipPort + 4, phoneHttps: this.sipPort + 5 };
    this.dataDirectory = mkdtempSync(join(tmpdir(), 'ringdown-'));
    this.#remove = atExit(() => {
      if (this.#exit === undefined) this.#child?.kill('SIGKILL');
      rmSync(this.dataDirectory, { recursive: true, force: true });
    });
  }

  /**
   * Not started yet, so that extensions can be added first. With a `networkDirectory` it serves the addresses in the
   * files there instead, and `addresses` are those that may come to stand there; the first must when it starts.
   */
  static async create(
    addresses: readonly string[] = ['127.0.0.1', '::1'],
    networkDirectory?: string,
    mediaPorts = MEDIA_PORTS,
  ): Promise<Ringdown> {
    needProgram();
    return new Ringdown(addresses, networkDirectory, await freePorts(addresses, mediaPorts + 6), mediaPorts);
  }

  /** The process id of `ringdown serve`. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#exit !== undefined) throw new Error(`the runtime does not run\n${this.report}`);
    return pid;
  }

  /** All that it wrote, standard error included. */
  get log(): string {
    return this.#log;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#exit === undefined;
  }

  /** What a developer needs to see of it when a test fails. */
  get report(): string {
    const state = this.running ? 'running' : `ended with ${JSON.stringify(this.#exit)}`;
    return `ringdown serve: ${state}\n--- its log ---\n${this.#log.slice(-8000)}`;
  }

  get arguments(): readonly string[] {
    return [
      'serve',
      ...['--data', this.dataDirectory],
      ...(this.#networkDirectory === undefined
        ? this.addresses.flatMap((address) => ['--listen', address])
        : ['--network', this.#networkDirectory]),
      ...['--sip-port', String(this.sipPort), '--sips-port', String(this.ports.sips)],
      ...['--http-port', String(this.ports.http), '--https-port', String(this.ports.https)],
      ...['--phone-http-port', String(this.ports.phoneHttp), '--phone-https-port', String(this.ports.phoneHttps)],
      ...['--log-level', this.logLevel],
      ...['--media-ports', `${this.mediaPorts.first}-${this.mediaPorts.last}`],
    ];
  }

  async addExtension(number: string, name: string, password: string): Promise<void> {
    const args = ['extension', 'add', number, '--name', name, '--password-stdin', '--data', this.dataDirectory];
    const { status, stderr } = await runRingdown(args, `${password}\n`);
    if (status !== 0) throw new Error(`extension add ended with ${status}: ${stderr}`);
  }

  /** Resolves when it answers OPTIONS on its first address and says in its log that it is ready. Also starts it again after stop(). */
  async start(): Promise<void> {
    if (this.running) throw new Error('it runs already');
    this.#exit = undefined;
    this.#logged = this.#log.length;
    const child = spawn(PROGRAM, this.arguments, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const keep = (data: Buffer): void => {
      if (this.#log.length < MAX_LOG_LENGTH) this.#log += data.toString('utf8');
      this.#changes.notify();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => keep(Buffer.from(error.message)));
    child.on('close', (code, signal) => {
      this.#exit = { status: code ?? undefined, signal: signal ?? undefined };
      this.#changes.notify();
    });
    await this.#answersOptions();
    await this.logs(/"msg":"ready"/, START_TIMEOUT_MS);
  }

  /** Sends SIGTERM (or another signal) and waits for the end. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<{ status: number | undefined }> {
    const child = this.#child;
    if (child === undefined) throw new Error('it was never started');
    if (this.#exit === undefined) child.kill(signal);
    const exit = await this.#changes.until(
      () => this.#exit,
      STOP_TIMEOUT_MS,
      'ringdown to end',
      () => this.report,
    );
    return { status: exit.status };
  }

  /** Process ids of its children: the media worker is one. */
  children(): readonly number[] {
    return childrenOf(this.pid);
  }

  /** Waits for a line of the log since it was started. */
  async logs(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const probe = (): RegExpExecArray | undefined => pattern.exec(this.#log.slice(this.#logged)) ?? undefined;
    return this.#changes.until(probe, timeoutMs, `${pattern} in the log`, () => this.report);
  }

  /** Ends it without ceremony and removes its data. */
  async close(): Promise<void> {
    if (this.running) await this.stop('SIGKILL');
    this.#remove();
  }

  async #answersOptions(): Promise<void> {
    const [address = '127.0.0.1'] = this.addresses;
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const phone = await TestPhone.start({
        user: 'probe',
        password: '',
        localAddress: address,
        server: address,
        serverPort: this.sipPort,
        codecs: ['PCMA'],
      });
      // Ends the wait for an answer that will not come.
      const giveUp = (): void => void phone.close();
      this.#child?.once('close', giveUp);
      try {
        await phone.options();
        return;
      } catch (error) {
        if (!this.running || performance.now() > deadline) {
          throw new Error(`ringdown does not answer OPTIONS\n${this.report}`, { cause: error });
        }
      } finally {
        this.#child?.off('close', giveUp);
        await phone.close();
      }
    }
  }
}
