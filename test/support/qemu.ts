import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { atExit } from './cleanup.ts';
import { TestNetwork } from './netns.ts';
import { Changes } from './phone/changes.ts';
import { killAsRoot } from './privilege.ts';
import { outputOf } from './process-output.ts';
import { repositoryPath, testOutputPath } from './repository.ts';
import { SerialConsole } from './serial-console.ts';

export interface BoxOptions {
  readonly network: TestNetwork;
  /** A disk that makeDisk() made. Written to, so that a second box on it is the same box started again. */
  readonly disk: string;
  /** Kernel parameters of this run. */
  readonly kernelParameters?: string;
  /** More options of QEMU. */
  readonly qemuOptions?: readonly string[];
}

/** A fresh disk: the image as it would be flashed, without a data partition. */
export async function makeDisk(name: string): Promise<string> {
  const image = join(repositoryPath, 'build/image/ringdown.img');
  if (!existsSync(image)) throw new Error(`${image} is missing: run make image`);
  const disk = testOutputPath(`${name}.disk.img`);
  await outputOf(join(repositoryPath, 'scripts/make-run-disk'), ['--output', disk]);
  return disk;
}

/** The image in QEMU, with LAN1 and LAN2 on the taps of a test network and its serial line here. */
export class Box {
  readonly serial: SerialConsole;
  /** performance.now() when QEMU was started. */
  readonly startedAtMs = performance.now();
  readonly #child: ChildProcess;
  readonly #changes = new Changes();
  readonly #kill: () => void;
  #complaints = '';
  #ended: string | undefined;

  private constructor(child: ChildProcess, serial: SerialConsole) {
    this.#child = child;
    this.serial = serial;
    this.#kill = atExit(() => this.#pullPlug());
    child.stderr?.on('data', (data: Buffer) => {
      this.#complaints = (this.#complaints + data.toString('utf8')).slice(-4000);
    });
    const end = (how: string): void => {
      this.#ended ??= how;
      this.#changes.notify();
    };
    child.on('error', (error) => end(error.message));
    child.on('close', (code, signal) => end(`ended with ${code ?? signal}`));
  }

  static start(options: BoxOptions): Box {
    const args = ['--disk', options.disk, '--serial', 'stdio', '--net', 'tap'];
    args.push('--tap1', TestNetwork.TAPS.lan1, '--tap2', TestNetwork.TAPS.lan2);
    if (options.kernelParameters !== undefined) args.push('--env-extra', options.kernelParameters);
    if (options.qemuOptions !== undefined) args.push('--', ...options.qemuOptions);
    const command = [...options.network.gatewayPrefix, join(repositoryPath, 'scripts/qemu-boot'), ...args];
    const [file = '', ...rest] = command;
    const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    return new Box(child, new SerialConsole(child.stdout, child.stdin));
  }

  /** What a developer needs to see of a box when a test on it fails. */
  get report(): string {
    return `QEMU: ${this.#ended ?? 'running'}\n${this.#complaints}\n--- serial line ---\n${this.serial.tail}`;
  }

  /** Waits until QEMU ends by itself, as after a poweroff. */
  async ended(timeoutMs: number): Promise<void> {
    await this.#changes.until(
      () => this.#ended,
      timeoutMs,
      'the end of QEMU',
      () => this.report,
    );
  }

  /** Pulls the plug. */
  async close(): Promise<void> {
    if (this.#ended === undefined) this.#kill();
    await this.ended(10_000);
    // Takes the step off the list of those that run at exit.
    this.#kill();
  }

  #pullPlug(): void {
    const { pid } = this.#child;
    if (pid !== undefined && this.#ended === undefined) killAsRoot(pid);
  }
}
