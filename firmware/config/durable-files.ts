import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { giveToOwner } from './file-owner.ts';

/*
 * Files that a power cut leaves whole or not there at all: written beside, synced, renamed, and the directory synced, since
 * a rename is on the disk only with it.
 */

/** Makes `file` (mode 0600) hold `content`. Throws what the file system throws, and then leaves nothing behind. */
export function writeDurably(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.tmp`;
  try {
    // What a power cut left, or somebody put in its way.
    rmSync(temporary, { force: true });
    writeBeside(temporary, content, dirname(file));
    renameDurably(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * As writeDurably, where there is no such file yet: of several programs that do it at once one wins. False for the others:
 * the file is that of the winner. Throws what the file system throws.
 */
export function createDurably(file: string, text: string): boolean {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeBeside(temporary, text, dirname(file));
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST' && existsSync(file)) return false;
    throw error;
  } finally {
    removeDurably(temporary);
  }
}

/** Exclusively: another's link must not lead root elsewhere. */
function writeBeside(temporary: string, content: string | Uint8Array, directory: string): void {
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    giveToOwner(descriptor, directory);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
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

/** As syncToDisk, while the program goes on. */
export async function syncToDiskLater(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Also where there is none. */
export function removeDurably(...files: readonly string[]): void {
  const found = files.filter((file) => existsSync(file));
  for (const file of found) rmSync(file, { recursive: true, force: true });
  for (const directory of new Set(found.map(dirname))) syncToDisk(directory);
}
