import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/*
 * Files that a power cut leaves whole or not there at all: written beside, synced, renamed, and the directory synced, since
 * a rename is on the disk only with it.
 */

/** Makes `file` (mode 0600) hold `text`. Throws what the file system throws, and then leaves nothing behind. */
export function writeDurably(file: string, text: string): void {
  const temporary = `${file}.tmp`;
  try {
    const descriptor = openSync(temporary, 'w', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameDurably(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Renames a file that is on the disk already. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncToDisk(dirname(to));
}

/** A file or a directory. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Also where there is none. */
export function removeDurably(...files: readonly string[]): void {
  const found = files.filter((file) => existsSync(file));
  for (const file of found) rmSync(file, { recursive: true, force: true });
  for (const directory of new Set(found.map(dirname))) syncToDisk(directory);
}
