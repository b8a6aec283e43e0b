import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Lan, TestNetwork } from './netns.ts';
import { Changes } from './phone/changes.ts';
import { killAsRoot } from './privilege.ts';

const PORT = 2323;
const LISTEN = `
  import { spawn } from 'node:child_process';
  import { createServer } from 'node:net';
  const serve = (socket) => spawn('/usr/bin/sh', { stdio: [socket, socket, socket] });
  createServer({ pauseOnConnect: true }, serve).listen(${PORT});
`;

/** Every character but letters and digits as %XX, so that boot loader, kernel and shell all leave it alone. */
function percentEncoded(text: string): string {
  const compact = text.trim().replace(/\s+/g, ' ');
  return compact.replace(/[^A-Za-z0-9]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/**
 * Kernel parameters that start, beside the box's own first process, something that hands a root shell to whoever
 * connects. The image has no such thing: only whoever chooses the kernel's parameters can have it.
 */
export const ROOT_SHELL = `init=/usr/bin/sh -- -c "/usr/bin/node --import data:text/javascript,${percentEncoded(LISTEN)} -e 0 & exec /sbin/linuxrc"`;

const CONNECT = `
  const [host, port] = process.argv.slice(1);
  const attempt = () => {
    const socket = require('node:net').connect({ host, port: Number(port) });
    socket.once('error', () => setTimeout(attempt, 200));
    socket.once('connect', () => {
      process.stdin.pipe(socket).pipe(process.stdout);
      socket.once('close', () => process.exit());
    });
  };
  attempt();
`;

export interface ShellResult {
  readonly status: number;
  readonly output: string;
}

/** A root shell on a box that was started with ROOT_SHELL. */
export class RootShell {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #changes = new Changes();
  #output = '';
  #commands = 0;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdin.on('error', () => undefined);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#output += data.toString('utf8');
        this.#changes.notify();
      });
    }
  }

  /** Connects from a LAN to the box at `address`, as soon as it is up. */
  static connect(network: TestNetwork, lan: Lan, address: string): RootShell {
    const [file = '', ...args] = [...network.prefix(lan), process.execPath, '-e', CONNECT, address, String(PORT)];
    return new RootShell(spawn(file, args, { stdio: 'pipe' }));
  }

  /** Runs one command line; standard error is in the output. */
  async run(line: string, timeoutMs = 60_000): Promise<ShellResult> {
    this.#commands += 1;
    const end = `end-of-${this.#commands}`;
    const start = this.#output.length;
    // The newline first: what the command leaves unfinished must not swallow the mark.
    this.#child.stdin.write(`{ ${line}\n} 2>&1; echo "\n${end} $?"\n`);
    const pattern = new RegExp(`\n${end} ([0-9]+)\n`);
    const match = await this.#changes.until(
      () => pattern.exec(this.#output.slice(start)) ?? undefined,
      timeoutMs,
      `the end of ${line} on the box`,
      () => this.#output.slice(start),
    );
    return { status: Number(match[1]), output: this.#output.slice(start, start + match.index) };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      const { pid, exitCode, signalCode } = this.#child;
      if (pid === undefined || exitCode !== null || signalCode !== null) return resolve();
      this.#child.once('close', () => resolve());
      killAsRoot(pid);
    });
  }
}
