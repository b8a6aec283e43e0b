import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeDurably, syncToDisk, writeDurably } from '../config/durable-files.ts';
import { RingdownError, UsageError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { oncePerTurn } from '../core/once-per-turn.ts';
import type { MakePhoneFile, PhoneFile } from './phone-file.ts';
import { checkStaticFile, checkStaticFileName, isStaticFileName, MAX_STATIC_FILE_BYTES } from './static-file-rules.ts';

export interface StaticFileEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAtMs: number;
}

/** Room for a file of its own for each of 384 phones, and half as many again. */
const MAX_FILES = 600;
const MAX_TOTAL_BYTES = 16 * 1_048_576;

/** A file as it was read, for as long as it is the same one on the disk. */
interface KeptFile {
  readonly stamp: string;
  /** Undefined: it is there, and cannot be served. */
  readonly file: PhoneFile | undefined;
}

/**
 * Files that people uploaded, in `phone-files` of the data directory. Each request looks whether the file is still the one
 * that was read, so that an upload by another process is served at once; a name that no phone asks for never gets as far
 * as the disk.
 */
export class StaticPhoneFiles {
  readonly #directory: string;
  readonly #logger: Logger | undefined;
  readonly #kept = new Map<string, KeptFile>();
  #keptBytes = 0;
  /** Whether the folder was found closed to this user, and that was told. */
  #isBarred = false;

  /** `logger` is told of files that are there and cannot be served. The folder is made with the first file. */
  constructor(dataDirectory: string, logger?: Logger) {
    this.#directory = join(dataDirectory, 'phone-files');
    this.#logger = logger;
  }

  /** The file as it is to be served; undefined where there is none, or none that a phone could read. */
  get(name: string): PhoneFile | undefined {
    if (!isStaticFileName(name)) return undefined;
    const stamp = this.#stampOf(name);
    const kept = this.#kept.get(name);
    if (kept !== undefined && kept.stamp === stamp) return kept.file;
    if (kept !== undefined) this.#forget(name, kept);
    return stamp === undefined ? undefined : this.#load(name, stamp);
  }

  /** Ordered by name. */
  list(): readonly StaticFileEntry[] {
    if (!this.#isThere()) return [];
    const names = readdirSync(this.#directory).filter(isStaticFileName).toSorted();
    return names.flatMap((name) => {
      const found = lstatSync(this.#pathOf(name), { throwIfNoEntry: false });
      return found?.isFile() === true ? { name, sizeBytes: found.size, modifiedAtMs: found.mtimeMs } : [];
    });
  }

  /** As it was uploaded. Throws UsageError PHONES_FILE_NAME, PHONES_FILE_NOT_FOUND, RingdownError PHONES_FILE_UNREADABLE. */
  read(name: string): Buffer {
    checkStaticFileName(name);
    try {
      return this.#read(name);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw notFound(name, error);
      throw new RingdownError(
        'PHONES_FILE_UNREADABLE',
        `${this.#pathOf(name)} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        'Delete it and upload it again.',
        { cause: error },
      );
    }
  }

  /**
   * Puts a file in the place of the generated one, or of an older upload: the whole or nothing, and on the disk when
   * this returns. Throws UsageError PHONES_FILE_NAME, PHONES_FILES_FULL and those of checkStaticFile, RingdownError
   * PHONES_FILE_NOT_WRITABLE.
   */
  write(name: string, content: Buffer): void {
    checkStaticFileName(name);
    checkStaticFile(name, content);
    try {
      this.#makeDirectory();
      this.#checkRoom(name, content.length);
      writeDurably(this.#pathOf(name), content);
    } catch (error) {
      if (error instanceof RingdownError) throw error;
      throw new RingdownError(
        'PHONES_FILE_NOT_WRITABLE',
        `${this.#pathOf(name)} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
        'See that the disk is not full, and that this user may write there.',
        { cause: error },
      );
    }
  }

  /** From then on phones get the generated file. Throws UsageError PHONES_FILE_NAME, PHONES_FILE_NOT_FOUND. */
  delete(name: string): void {
    checkStaticFileName(name);
    const path = this.#pathOf(name);
    if (!this.#isThere() || lstatSync(path, { throwIfNoEntry: false }) === undefined) throw notFound(name);
    removeDurably(path);
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }

  /** Through a link the folder could be any. */
  #isThere(): boolean {
    return lstatSync(this.#directory, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  #makeDirectory(): void {
    if (this.#isThere()) return;
    mkdirSync(this.#directory, { mode: 0o700 });
    syncToDisk(join(this.#directory, '..'));
  }

  #checkRoom(name: string, sizeBytes: number): void {
    const others = this.list().filter((entry) => entry.name !== name);
    const totalBytes = others.reduce((sum, entry) => sum + entry.sizeBytes, sizeBytes);
    if (others.length < MAX_FILES && totalBytes <= MAX_TOTAL_BYTES) return;
    throw new UsageError(
      'PHONES_FILES_FULL',
      `there is room for ${MAX_FILES} files of ${MAX_TOTAL_BYTES / 1_048_576} MiB in all`,
      'Delete files of phones that are gone: ringdown settings files list shows them.',
    );
  }

  /** Another one as soon as the file was written or replaced: ctime cannot be set back. Undefined: there is no file. */
  #stampOf(name: string): string | undefined {
    try {
      const found = lstatSync(this.#pathOf(name), { bigint: true, throwIfNoEntry: false });
      return found && `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    } catch (error) {
      // The folder is another user's: that must not keep the generated file from the phones.
      if (!this.#isBarred) this.#logger?.warn({ err: error }, 'uploaded files cannot be served');
      this.#isBarred = true;
      return undefined;
    }
  }

  /** No link is followed and no more than the limit is read, whatever it is that has the name. */
  #read(name: string): Buffer {
    if (!this.#isThere()) throw Object.assign(new Error('no such folder'), { code: 'ENOENT' });
    // Without O_NONBLOCK a named pipe would be waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const descriptor = openSync(this.#pathOf(name), flags);
    try {
      const found = fstatSync(descriptor);
      if (!found.isFile()) throw new Error('it is no file');
      if (found.size > MAX_STATIC_FILE_BYTES) throw new Error('it is too large');
      return readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #load(name: string, stamp: string): PhoneFile | undefined {
    let file: PhoneFile | undefined;
    try {
      const body = this.#read(name);
      checkStaticFile(name, body);
      file = { contentType: contentTypeOf(name, body), body, origin: 'static', why: 'uploaded file' };
    } catch (error) {
      this.#logger?.warn({ err: error, name }, 'an uploaded file cannot be served');
    }
    if (this.#keptBytes >= MAX_TOTAL_BYTES || this.#kept.size >= MAX_FILES) {
      this.#kept.clear();
      this.#keptBytes = 0;
    }
    this.#kept.set(name, { stamp, file });
    this.#keptBytes += file?.body.length ?? 0;
    return file;
  }

  #forget(name: string, { file }: KeptFile): void {
    this.#kept.delete(name);
    this.#keptBytes -= file?.body.length ?? 0;
  }
}

/** What an upload wins over. */
export interface PhoneFilesOptions {
  readonly generated: MakePhoneFile;
  readonly staticFiles: Pick<StaticPhoneFiles, 'get'>;
}

/** Every file that phones get: the uploaded one where there is one, else the generated one. */
export function phoneFiles({ generated, staticFiles }: PhoneFilesOptions): MakePhoneFile {
  // Of the files that were looked for in this turn.
  const found = oncePerTurn(() => new Map<string, PhoneFile | undefined>());
  const staticFile = (name: string): PhoneFile | undefined => {
    const files = found();
    if (!files.has(name)) files.set(name, staticFiles.get(name));
    return files.get(name);
  };
  return (request) => staticFile(request.name) ?? generated(request);
}

function contentTypeOf(name: string, body: Buffer): string {
  if (name.endsWith('.pem')) return 'application/x-pem-file';
  const type = name.endsWith('.xml') ? 'text/xml' : 'text/plain';
  if (body.every((byte) => byte < 0x80)) return `${type}; charset=us-ascii`;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(body);
    return `${type}; charset=utf-8`;
  } catch {
    // Bytes of an unknown code page: better no statement than a false one.
    return type;
  }
}

function notFound(name: string, cause?: unknown): UsageError {
  return new UsageError(
    'PHONES_FILE_NOT_FOUND',
    `nobody uploaded ${name}`,
    'See ringdown settings files list for those that are there.',
    { cause },
  );
}
