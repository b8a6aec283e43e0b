import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Changes } from '../support/phone/changes.ts';
import { repositoryPath } from '../support/repository.ts';

export const PROGRAM = join(repositoryPath, 'build/ringdown');
const WAIT_MS = 20_000;

/** A `ringdown trace` that runs, and what it has printed. */
export class Trace {
  readonly #child;
  readonly #changes = new Changes();
  text = '';
  errors = '';

  constructor(...words: readonly string[]) {
    this.#child = spawn(PROGRAM, ['trace', ...words], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    this.#child.stdout.on('data', (data: Buffer) => {
      this.text += data.toString('utf8');
      this.#changes.notify();
    });
    this.#child.stderr.on('data', (data: Buffer) => {
      this.errors += data.toString('utf8');
    });
  }

  async shows(pattern: RegExp): Promise<void> {
    await this.#changes.until(
      () => (pattern.test(this.text) ? true : undefined),
      WAIT_MS,
      `${pattern} in the trace`,
      () => this.text + this.errors,
    );
  }

  /** As Ctrl-C does; its exit status. */
  async interrupt(): Promise<unknown> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    const [status] = await closed;
    return status;
  }
}
