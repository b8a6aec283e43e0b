import {
  finishMessage,
  type Head,
  MAX_MESSAGE_BYTES,
  type Malformed,
  malformedMessage,
  type ParseResult,
  parseHead,
} from '../message/parser.ts';

export type Frame =
  | (ParseResult & Raw)
  /** CRLF CRLF between messages, to be answered with CRLF (RFC 5626 §3.5.1); several in a row are one. */
  | { readonly kind: 'ping' }
  /** Where the next message begins is unknown: the connection must be closed, after an answer if one is possible. */
  | ({ readonly kind: 'broken'; readonly malformed: Malformed } & Raw);

interface Raw {
  /** The message as it came, where that was asked for; of a broken one what there is of it. */
  readonly raw?: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const FIRST_BYTES = 2048;
const NOTHING = Buffer.alloc(0);

/**
 * Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3). Bytes in, frames out; holds at most one
 * message, and looks at each byte a bounded number of times however small the pieces are.
 */
export class StreamFramer {
  /** Nothing while no message is under way: most connections are idle most of the time. */
  #buffer = NOTHING;
  #start = 0;
  #end = 0;
  #searched = 0;
  #emptyLines = 0;
  #head: Head | Malformed | undefined;
  #headBytes: Buffer | undefined;
  #keepsRaw = false;
  #bodyBytes = 0;
  #broken = false;

  /** True between the first and the last byte of a message. */
  get isWithinMessage(): boolean {
    return this.#head !== undefined || this.#end > this.#start;
  }

  /** Takes what the connection gave; yields nothing any more after a `broken` frame. `keepsRaw`: frames have `raw`. */
  push(chunk: Buffer, keepsRaw = false): Frame[] {
    this.#keepsRaw = keepsRaw;
    const frames: Frame[] = [];
    if (this.#broken) return frames;
    let taken = 0;
    while (taken < chunk.length) {
      // A chunk larger than a message comes in slices, so that the buffer never outgrows one message.
      const room = MAX_MESSAGE_BYTES + HEAD_END.length - (this.#end - this.#start);
      const slice = chunk.subarray(taken, taken + room);
      this.#append(slice);
      taken += slice.length;
      while (this.#step(frames));
      if (this.#broken) break;
    }
    if (!this.isWithinMessage) this.#release();
    return frames;
  }

  #release(): void {
    this.#buffer = NOTHING;
    this.#headBytes = undefined;
    this.#start = 0;
    this.#end = 0;
    this.#searched = 0;
  }

  #append(slice: Buffer): void {
    const held = this.#end - this.#start;
    if (this.#end + slice.length > this.#buffer.length) {
      // Bodies handed out share the old buffer: a new one each time leaves them alone.
      const grown = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * (held + slice.length)));
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#searched -= this.#start;
      this.#buffer = grown;
      this.#start = 0;
      this.#end = held;
    }
    slice.copy(this.#buffer, this.#end);
    this.#end += slice.length;
  }

  /** Takes one piece off the front; false when more bytes are needed. */
  #step(frames: Frame[]): boolean {
    if (this.#head !== undefined) return this.#takeBody(this.#head, frames);
    if (this.#takeEmptyLines(frames)) return true;
    if (this.#end - this.#start < HEAD_END.length) return false;

    const from = Math.max(this.#start, this.#searched - HEAD_END.length + 1);
    const at = this.#buffer.subarray(0, this.#end).indexOf(HEAD_END, from);
    this.#searched = this.#end;
    if (at === -1) {
      if (this.#end - this.#start >= MAX_MESSAGE_BYTES) this.#break(frames, tooLarge());
      return false;
    }
    const head = parseHead(this.#buffer.subarray(this.#start, at));
    const headBytes = at + HEAD_END.length - this.#start;
    this.#headBytes = this.#buffer.subarray(this.#start, this.#start + headBytes);
    this.#start = at + HEAD_END.length;
    this.#emptyLines = 0;
    return this.#takeHead(head, headBytes, frames);
  }

  #takeHead(head: Head | Malformed, headBytes: number, frames: Frame[]): boolean {
    const bodyBytes = head.kind === 'head' ? head.contentLength : head.bodyBytes;
    if (bodyBytes === undefined) {
      // RFC 3261 §20.14: over a stream the header is a must.
      this.#break(frames, head.kind === 'head' ? problem(head, 400, 'Missing Content-Length') : head);
      return false;
    }
    if (headBytes + bodyBytes > MAX_MESSAGE_BYTES) {
      this.#break(frames, head.kind === 'head' ? problem(head, 513, 'Message Too Large') : head);
      return false;
    }
    this.#head = head;
    this.#bodyBytes = bodyBytes;
    return true;
  }

  #takeBody(head: Head | Malformed, frames: Frame[]): boolean {
    if (this.#end - this.#start < this.#bodyBytes) return false;
    const body = this.#buffer.subarray(this.#start, this.#start + this.#bodyBytes);
    this.#start += this.#bodyBytes;
    this.#head = undefined;
    this.#searched = this.#start;
    const frame = head.kind === 'head' ? finishMessage(head, body) : head;
    frames.push(this.#keepsRaw ? { ...frame, raw: Buffer.concat([this.#headBytes ?? NOTHING, body]) } : frame);
    this.#headBytes = undefined;
    return true;
  }

  #takeEmptyLines(frames: Frame[]): boolean {
    let at = this.#start;
    while (at + 1 < this.#end && this.#buffer[at] === CR && this.#buffer[at + 1] === LF) at += 2;
    if (at === this.#start) return false;
    const lines = this.#emptyLines + (at - this.#start) / 2;
    this.#start = at;
    this.#searched = at;
    this.#emptyLines = lines % 2;
    if (lines >= 2 && frames.at(-1)?.kind !== 'ping') frames.push({ kind: 'ping' });
    return true;
  }

  #break(frames: Frame[], malformed: Malformed): void {
    this.#broken = true;
    const held = this.#buffer.subarray(this.#start, this.#end);
    const raw = this.#keepsRaw ? Buffer.concat([this.#headBytes ?? NOTHING, held]) : undefined;
    this.#head = undefined;
    this.#release();
    frames.push({ kind: 'broken', malformed, ...(raw === undefined ? {} : { raw }) });
  }
}

function problem(head: Head, status: Malformed['status'], reason: string): Malformed {
  return malformedMessage(head.start, head.headers, status, reason);
}

function tooLarge(): Malformed {
  return { kind: 'malformed', status: 513, reason: 'head too large', request: undefined, bodyBytes: undefined };
}
