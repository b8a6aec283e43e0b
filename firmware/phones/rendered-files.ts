import type { MakePhoneFile, PhoneFile, PhoneFileRequest } from './phone-file.ts';

export interface RenderedFilesOptions {
  readonly make: MakePhoneFile;
  /**
   * All that the files are made of, besides the request: asked each time, compared by identity. Where one of them is
   * another than before, every file is made anew.
   */
  readonly basis: () => readonly unknown[];
}

/** Askers remembered at once: an office of 384 phones with what each fetches. */
const MAX_ASKERS = 2048;
/** Files that differ: a few for each address of the box. */
const MAX_FILES = 64;

/**
 * Makes a file once for as long as it would come out the same, and gives out the same object for the same text: what is
 * computed from a file, such as its entity tag, can be kept with it.
 */
export class RenderedFiles {
  readonly #options: RenderedFilesOptions;
  readonly #byAsker = new Map<string, PhoneFile>();
  readonly #byText = new Map<string, PhoneFile>();
  #basis: readonly unknown[] = [];

  constructor(options: RenderedFilesOptions) {
    this.#options = options;
  }

  /** Throws what `make` throws. */
  make(request: PhoneFileRequest): PhoneFile | undefined {
    const basis = this.#options.basis();
    if (!isSame(basis, this.#basis)) {
      this.#forget();
      this.#basis = basis;
    }
    const asker = askerOf(request);
    const kept = this.#byAsker.get(asker);
    if (kept !== undefined) return kept;
    const made = this.#options.make(request);
    if (made === undefined) return undefined;
    if (this.#byAsker.size >= MAX_ASKERS || this.#byText.size >= MAX_FILES) this.#forget();
    const file = this.#sameText(made);
    this.#byAsker.set(asker, file);
    return file;
  }

  #sameText(made: PhoneFile): PhoneFile {
    const { contentType, origin, why, body } = made;
    const text = [contentType, origin, why, typeof body === 'string' ? body : body.toString('latin1')].join('\n');
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    this.#byText.set(text, made);
    return made;
  }

  #forget(): void {
    this.#byAsker.clear();
    this.#byText.clear();
  }
}

function askerOf({ name, localAddress, lan, remoteAddress, isSecure, userAgent }: PhoneFileRequest): string {
  return `${name}\n${localAddress}\n${lan}\n${remoteAddress}\n${isSecure}\n${userAgent}`;
}

function isSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((part, index) => part === right[index]);
}
