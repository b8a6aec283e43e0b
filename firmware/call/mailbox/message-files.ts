import { randomBytes } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { prepareDirectory } from '../../config/database.ts';
import { syncToDiskLater } from '../../config/durable-files.ts';
import { giveToOwner } from '../../config/file-owner.ts';

/** 16 bit PCM, one channel: `native/record/` writes no other for one party. */
const HEADER_BYTES = 44;
/** Of the widest recording: 16 kHz. */
export const MAX_BYTES_PER_SECOND = 32_000;

const USER = /^[0-9]{2,15}$/;
const ID = /^[a-z0-9]{8,40}$/;
const FILE = /^([a-z0-9]{8,40})\.wav$/;

export interface FoundFile {
  readonly user: string;
  readonly id: string;
}

/** The files of messages and greetings: DIR/USER/ID.wav, folders with mode 0700. No name leads out of DIR. */
export class MessageFiles {
  readonly #directory: string;

  /** Makes the folder where it is missing. Throws UsageError CONFIG_DATA_NOT_WRITABLE. */
  constructor(directory: string) {
    this.#directory = directory;
    prepareDirectory(directory);
  }

  /** Sorts by time. */
  makeId(nowMs: number): string {
    return `m${Math.trunc(nowMs).toString(36).padStart(9, '0')}${randomBytes(5).toString('hex')}`;
  }

  /** The folder of a user, made where it is missing. Throws what the file system throws, and for what is no number. */
  folderOf(user: string): string {
    const folder = this.#path(user);
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      mkdirSync(folder, { mode: 0o700 });
      giveToOwner(folder);
    }
    return folder;
  }

  /** Of the disk. */
  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }

  /** The file, and its name, are on the disk when it resolves. */
  async sync(user: string, id: string): Promise<void> {
    await syncToDiskLater(this.#file(user, id));
    await syncToDiskLater(this.#path(user));
    await syncToDiskLater(this.#directory);
  }

  /** Also where there is none. Throws what the file system throws. */
  remove(user: string, id: string): void {
    rmSync(this.#file(user, id), { force: true });
  }

  /** Every file that can be one of ours. */
  find(): readonly FoundFile[] {
    return readdirSync(this.#directory, { withFileTypes: true }).flatMap((folder) => {
      if (!folder.isDirectory() || !USER.test(folder.name)) return [];
      return readdirSync(this.#path(folder.name)).flatMap((name) => {
        const id = FILE.exec(name)?.[1];
        return id === undefined ? [] : [{ user: folder.name, id }];
      });
    });
  }

  /** What a file says of itself; undefined where it is no recording of ours. */
  look({
    user,
    id,
  }: FoundFile): { readonly durationMs: number; readonly sizeBytes: number; readonly atMs: number } | undefined {
    const path = this.#file(user, id);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true || found.size <= HEADER_BYTES) return undefined;
    const header = Buffer.alloc(HEADER_BYTES);
    const descriptor = openSync(path, 'r');
    try {
      readSync(descriptor, header);
    } finally {
      closeSync(descriptor);
    }
    const bytesPerSecond = header.readUInt32LE(28);
    if (header.toString('latin1', 0, 4) !== 'RIFF' || bytesPerSecond < 8000 || bytesPerSecond > 64_000)
      return undefined;
    const durationMs = Math.floor(((found.size - HEADER_BYTES) * 1000) / bytesPerSecond);
    return { durationMs, sizeBytes: found.size, atMs: found.mtimeMs };
  }

  #path(user: string): string {
    if (!USER.test(user)) throw new Error(`${JSON.stringify(user.slice(0, 20))} is no number of a user`);
    return join(this.#directory, user);
  }

  #file(user: string, id: string): string {
    if (!ID.test(id)) throw new Error(`${JSON.stringify(id.slice(0, 50))} is no id of a message`);
    return join(this.#path(user), `${id}.wav`);
  }
}
