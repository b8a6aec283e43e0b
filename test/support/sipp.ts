import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './cleanup.ts';
import { killAsRoot } from './privilege.ts';
import { expandScenario } from './sipp-scenario.ts';

const DEFAULT_RECEIVE_MS = 6000;
const DEFAULT_TIMEOUT_MS = 20_000;
const READY_MS = 30_000;
/** Of each of its logs, in characters: what a person still reads. */
const MAX_LOG_LENGTH = 40_000;
/** sipp ends with this status where its time-out (-timeout) comes first; ours is longer and for a sipp that hangs. */
const HANG_GRACE_MS = 3000;

export interface SippOptions {
  /** Path of the scenario file, see test/e2e/README.md. */
  readonly scenario: string;
  readonly protocol: 'udp' | 'tcp';
  /** Its own address; the port is chosen by sipp unless given. */
  readonly address: string;
  readonly port?: number;
  /** Where it sends to. */
  readonly remote: { readonly address: string; readonly port: number };
  /** What stands in the scenario as `[name]`. `user` and `password` are also the digest's. */
  readonly keys: Readonly<Record<string, string>>;
  /** How often the scenario is run, one after the other; once unless given. */
  readonly calls?: number;
  readonly timeoutMs?: number;
  /** How long an expected message may be away where the scenario gives it no time of its own; default 6000. */
  readonly receiveMs?: number;
  /** Words before the program, such as those that enter a network namespace. */
  readonly prefix?: readonly string[];
  readonly extra?: readonly string[];
}

export interface SippResult {
  /** 0: every call went as the scenario says. Undefined: it hung and was killed. */
  readonly status: number | undefined;
  /** What went wrong and the messages sent and received. */
  readonly report: string;
}

/** One run of sipp, in a folder of its own. */
export class Sipp {
  readonly result: Promise<SippResult>;
  readonly #options: SippOptions;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #ended = false;

  private constructor(options: SippOptions, words: readonly string[], folder: string, removeFolder: () => void) {
    this.#options = options;
    const [file = 'sipp', ...args] = [...(options.prefix ?? []), 'sipp', ...words];
    const child = spawn(file, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#folder = folder;
    const forget = atExit(() => this.#kill());
    const timeoutMs = (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) + HANG_GRACE_MS;
    const hang = setTimeout(() => this.#kill(), timeoutMs);
    let complaints = '';
    child.stdout?.resume();
    child.stderr?.on('data', (data: Buffer) => {
      complaints = (complaints + data.toString('latin1')).slice(-MAX_LOG_LENGTH);
    });
    this.result = new Promise((resolve, reject) => {
      child.on('error', (cause) => reject(new Error('sipp cannot be started: install sip-tester', { cause })));
      child.on('close', (status) => {
        clearTimeout(hang);
        this.#ended = true;
        forget();
        const title = `--- sipp ${options.scenario} over ${options.keys.via ?? options.protocol} ended with ${status}`;
        resolve({ status: status ?? undefined, report: [title, complaints, logsIn(folder)].join('\n') });
        removeFolder();
      });
    });
  }

  static start(options: SippOptions): Sipp {
    const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
    const removeFolder = atExit(() => rmSync(folder, { recursive: true, force: true }));
    try {
      const scenario = expandScenario(options.scenario, options.keys);
      writeFileSync(join(folder, 'scenario.xml'), scenario.text);
      return new Sipp(options, argumentsOf(options, folder, scenario.digestUri), folder, removeFolder);
    } catch (error) {
      removeFolder();
      throw error;
    }
  }

  /** Resolves when it listens on the port that it was given, or has ended. */
  async ready(): Promise<void> {
    const { port, protocol, prefix = [] } = this.#options;
    const deadline = performance.now() + READY_MS;
    while (!this.#ended && !isTaken(protocol, port ?? 0, prefix)) {
      if (performance.now() > deadline) throw new Error(`sipp does not listen on ${protocol} port ${port}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Resolves when its log of messages has this, or when it has ended. */
  async logs(pattern: RegExp): Promise<void> {
    const deadline = performance.now() + READY_MS;
    while (!this.#ended && !pattern.test(logsIn(this.#folder))) {
      if (performance.now() > deadline) throw new Error(`sipp does not log ${pattern}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Ends it before its time. */
  async stop(): Promise<void> {
    this.#kill();
    await this.result;
  }

  #kill(): void {
    if (this.#ended) return;
    if (this.#options.prefix === undefined) this.#child.kill('SIGKILL');
    else if (this.#child.pid !== undefined) killAsRoot(this.#child.pid);
  }
}

function argumentsOf(options: SippOptions, folder: string, digestUri: string | undefined): readonly string[] {
  const { protocol, address, port, remote, keys, receiveMs = DEFAULT_RECEIVE_MS } = options;
  const seconds = Math.ceil((options.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000);
  return [
    ...['-sf', join(folder, 'scenario.xml'), '-t', protocol === 'udp' ? 'u1' : 't1'],
    ...['-i', address, '-mi', address, '-bind_local', ...(port === undefined ? [] : ['-p', String(port)])],
    ...['-m', String(options.calls ?? 1), '-l', '1', '-nostdin'],
    ...['-timeout', `${seconds}s`, '-timeout_error', '-recv_timeout', String(receiveMs)],
    // An unexpected message ends the call as a failure, and sipp says no BYE that is not in the scenario.
    ...['-default_behaviors', 'abortunexp', '-trace_msg', '-trace_err'],
    ...['-au', keys.user ?? '', '-ap', keys.password ?? ''],
    ...Object.entries(keys).flatMap(([name, value]) => ['-key', name, value]),
    ...(digestUri === undefined ? [] : ['-auth_uri', digestUri]),
    ...(options.extra ?? []),
    `${address.includes(':') ? `[${remote.address}]` : remote.address}:${remote.port}`,
  ];
}

function logsIn(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return names.map((name) => readFileSync(join(folder, name), 'latin1').slice(0, MAX_LOG_LENGTH)).join('\n');
}

/** As the kernel tells it, since trying to bind the port would take it from sipp. */
function isTaken(protocol: 'udp' | 'tcp', port: number, prefix: readonly string[]): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const [file = '', ...args] = [...prefix, 'cat', `/proc/net/${protocol}`, `/proc/net/${protocol}6`];
  const tables =
    prefix.length === 0
      ? args.map((path) => readFileSync(path, 'latin1')).join('')
      : execFileSync(file, args, { encoding: 'latin1' });
  return tables.split('\n').some((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return local?.endsWith(wanted) === true && (protocol === 'udp' || state === '0A');
  });
}
