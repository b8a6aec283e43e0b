import { fchownSync, lchownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Gives what root made in a directory of the service to the owner of that directory: the service must be able to read it.
 * `made` is a path, or the descriptor of a file; links are not followed. Nothing where somebody else than root runs this.
 */
export function giveToOwner(made: string): void;
export function giveToOwner(made: number, directory: string): void;
export function giveToOwner(made: string | number, directory = dirname(String(made))): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  if (typeof made === 'number') fchownSync(made, uid, gid);
  else lchownSync(made, uid, gid);
}
