import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PhoneFile } from '../phones/phone-file.ts';

/** One form of a file, as it goes over the wire. */
export interface Representation {
  /** Strong (RFC 9110 §8.8.1): another one for other bytes. With its quotes. */
  readonly entityTag: string;
  readonly body: Buffer;
  readonly encoding: 'identity' | 'gzip';
}

/** Below this what gzip adds outweighs what it saves. */
const MIN_COMPRESSED_BYTES = 512;
/** Files remembered by their tags: those of every address of the box and some hundred uploads. */
const MAX_KEPT = 512;
const MAX_KEPT_BYTES = 16 * 1_048_576;

const compress = promisify(gzip);

/** A file in all forms in which it is served, each made once: the compressed one when it is first asked for. */
export class RepresentedFile {
  readonly identity: Representation;
  readonly #compressedTag: string;
  #compressed: Promise<Representation> | undefined;

  constructor(body: Buffer, hash: string) {
    this.identity = { entityTag: `"${hash}"`, body, encoding: 'identity' };
    this.#compressedTag = `"${hash}-gzip"`;
  }

  /** The tag of ours that an If-None-Match names, the selected one for `*`; undefined where it names none (RFC 9110 §13.1.2). */
  matched(ifNoneMatch: string | undefined): string | undefined {
    if (ifNoneMatch === undefined) return undefined;
    const { entityTag } = this.identity;
    // What nearly every client sends.
    if (ifNoneMatch === entityTag) return entityTag;
    for (const part of ifNoneMatch.split(',')) {
      const tag = part.trim().replace(/^W\//, '');
      if (tag === '*' || tag === entityTag) return entityTag;
      if (tag === this.#compressedTag) return tag;
    }
    return undefined;
  }

  /** Whether the compressed form is worth asking for. */
  get isCompressible(): boolean {
    return this.identity.body.length >= MIN_COMPRESSED_BYTES;
  }

  /** As itself where compression makes nothing smaller. */
  compressed(): Promise<Representation> {
    this.#compressed ??= this.#compress();
    return this.#compressed;
  }

  async #compress(): Promise<Representation> {
    const body = await compress(this.identity.body);
    if (body.length >= this.identity.body.length) return this.identity;
    return { entityTag: this.#compressedTag, body, encoding: 'gzip' };
  }
}

/** Hashes and compresses each body once, for as long as its file lives or, where files come anew each time, is remembered. */
export class Representations {
  readonly #byFile = new WeakMap<PhoneFile, RepresentedFile>();
  readonly #byHash = new Map<string, RepresentedFile>();
  #keptBytes = 0;

  of(file: PhoneFile): RepresentedFile {
    let represented = this.#byFile.get(file);
    if (represented === undefined) {
      represented = this.#ofBody(typeof file.body === 'string' ? Buffer.from(file.body, 'utf8') : file.body);
      this.#byFile.set(file, represented);
    }
    return represented;
  }

  #ofBody(body: Buffer): RepresentedFile {
    // 162 bits are more than enough to tell the files of a box apart.
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 27);
    const known = this.#byHash.get(hash);
    if (known !== undefined) return known;
    if (this.#byHash.size >= MAX_KEPT || this.#keptBytes + body.length > MAX_KEPT_BYTES) {
      this.#byHash.clear();
      this.#keptBytes = 0;
    }
    const represented = new RepresentedFile(body, hash);
    this.#byHash.set(hash, represented);
    this.#keptBytes += body.length;
    return represented;
  }
}

/** Whether an Accept-Encoding takes gzip (RFC 9110 §12.5.3). Without one the file goes out as it is. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  if (acceptEncoding === undefined) return false;
  let accepts = false;
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((text) => text.trim());
    const isRefused = parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
    if (coding === 'gzip' || coding === 'x-gzip') return !isRefused;
    if (coding === '*') accepts = !isRefused;
  }
  return accepts;
}
