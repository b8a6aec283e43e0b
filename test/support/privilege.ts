import { execFileSync } from 'node:child_process';
import { childrenOf } from './children.ts';

/** What stands in front of a command that needs root: nothing for root, else sudo, which must not ask for a password. */
export function asRoot(): readonly string[] {
  if (process.getuid?.() === 0) return [];
  try {
    execFileSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  } catch (cause) {
    throw new Error('This test makes network namespaces: run it as root, or let sudo run without a password.', {
      cause,
    });
  }
  return ['sudo', '-n'];
}

/** Runs a command as root to its end; throws with its standard error. */
export function runAsRoot(...command: readonly string[]): string {
  const [file = '', ...args] = [...asRoot(), ...command];
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`${command.join(' ')} failed: ${words}`, { cause: error });
  }
}

/** SIGKILL for a command that was started with `asRoot()` before it; `pid` is what spawn gave. */
export function killAsRoot(pid: number): void {
  // sudo cannot pass on SIGKILL: its child, if there is one, is the command itself.
  const targets = process.getuid?.() === 0 ? [pid] : childrenOf(pid);
  if (targets.length > 0) runAsRoot('kill', '-KILL', ...targets.map(String));
}
