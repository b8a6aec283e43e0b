import { spawn } from 'node:child_process';

/** Runs a program with `input` on its standard input and returns its standard output; a failure rejects with its words. */
export function outputOf(
  file: string,
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
  timeoutMs = 60_000,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    // A program that stops reading early says why on its standard error.
    child.stdin.on('error', () => undefined);
    child.on('error', (cause) => reject(new Error(`${file} cannot be started`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output));
      else {
        // A program of checks names those that failed among the others.
        const failed = Buffer.concat(output)
          .toString('utf8')
          .split('\n')
          .filter((line) => line.startsWith('not ok'));
        const words = [...failed, Buffer.concat(complaints).toString('utf8').trim()].join('\n');
        reject(new Error(`${[file, ...args].join(' ')} ended with ${code ?? signal}: ${words}`));
      }
    });
    child.stdin.end(input);
  });
}
