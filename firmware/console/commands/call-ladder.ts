import type { Endpoint } from './pcap.ts';
import type { TracedMessage } from './traced-message.ts';

/** So many peers have a line of their own; those that come later share the last one. */
const MAX_PEERS = 8;
/** Between two lines: an arrow has room for `INVITE 202 sdp`. */
const GAP = 24;
/** `18:20:00.007  ` */
const MARGIN = 14;
/** The heading is written again after so many arrows: no screen shows the first one so long. */
const REPEAT_AFTER = 40;
const BOX = 'ringdown';
const OTHERS = 'others';

/**
 * Draws messages as a ladder, an arrow a line: who called first stands left of the box, everybody else right of it in the
 * order in which they come. A line is ready at once, and no message is kept.
 */
export class CallLadder {
  /** From left to right but for the box; a peer is its address, port and transport. */
  readonly #peers: string[] = [];
  readonly #headings: string[] = [];
  #hasOthers = false;
  #sinceHeading = 0;

  /** The lines that show this message: an arrow, and before it the heading where it changes. */
  draw(message: TracedMessage): string {
    const { column, isNew } = this.#columnOf(message);
    this.#sinceHeading += 1;
    let lines = '';
    if (isNew || this.#sinceHeading > REPEAT_AFTER) {
      this.#sinceHeading = 1;
      lines = `${isNew && this.#peers.length === 1 && !this.#hasOthers ? '' : `${this.#bare()}\n`}${this.#heading()}\n`;
    }
    return `${lines}${this.#arrow(message, column)}\n`;
  }

  #columnOf({ remote, transport }: TracedMessage): { readonly column: number; readonly isNew: boolean } {
    const peer = `${transport} ${remote.address} ${remote.port}`;
    const known = this.#peers.indexOf(peer);
    if (known !== -1) return { column: columnOfPeer(known), isNew: false };
    if (this.#peers.length < MAX_PEERS) {
      this.#peers.push(peer);
      this.#headings.push(headingOf(remote));
      return { column: columnOfPeer(this.#peers.length - 1), isNew: true };
    }
    const isNew = !this.#hasOthers;
    this.#hasOthers = true;
    return { column: columnOfPeer(MAX_PEERS), isNew };
  }

  get #columns(): number {
    return this.#peers.length + 1 + (this.#hasOthers ? 1 : 0);
  }

  #heading(): string {
    const [first = '', ...rest] = this.#headings;
    const names = [first, BOX, ...rest, ...(this.#hasOthers ? [OTHERS] : [])];
    return `${' '.repeat(MARGIN)}${names.map((name) => name.padEnd(GAP)).join('')}`.trimEnd();
  }

  #bare(): string {
    return `${' '.repeat(MARGIN)}${'|'.padEnd(GAP).repeat(this.#columns)}`.trimEnd();
  }

  #arrow(message: TracedMessage, column: number): string {
    const at = new Date(message.atMs).toISOString().slice(11, 23);
    const [left, right] = column === 0 ? [0, 1] : [1, column];
    const isRightward = (message.direction === 'sent') === column > 1;
    const room = (right - left) * GAP - 1;
    const label = labelOf(message, room - '-  ->'.length);
    const shaft = isRightward ? `- ${label} `.padEnd(room - 1, '-').concat('>') : `<- ${label} `.padEnd(room, '-');
    const before = '|'.padEnd(GAP).repeat(left);
    const after = '|'.padEnd(GAP).repeat(this.#columns - right);
    return `${at}  ${before}|${shaft}${after}`.trimEnd();
  }
}

/** The box has the second one. */
function columnOfPeer(index: number): number {
  return index === 0 ? 0 : index + 1;
}

/** Its end where it is too long: addresses of a LAN begin alike. */
function headingOf({ address, port }: Endpoint): string {
  const text = plain(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
  return text.length < GAP ? text : `..${text.slice(-(GAP - 3))}`;
}

const MARKS: Readonly<Record<string, string>> = { malformed: 'malformed', rate: 'too many', blocked: 'blocked' };

/** `INVITE 202 sdp`, `200 OK sdp`, `200 OK (BYE)`, in so many characters. */
function labelOf({ method, status, mark, bytes }: TracedMessage, room: number): string {
  const [startLine = ''] = bytes.toString('latin1', 0, 512).split(/\r?\n/, 1);
  const what =
    status === undefined
      ? `${method} ${/^\S+ +sips?:([^@;?\s]+)@/i.exec(startLine)?.[1]?.replace(/:.*$/, '') ?? ''}`.trim()
      : (/^\S+ +(.*)$/.exec(startLine)?.[1] ?? String(status));
  const notes = [
    ...(status === undefined || method === 'INVITE' ? [] : [`(${method})`]),
    ...(hasDescription(bytes) ? ['sdp'] : []),
    ...(mark === undefined ? [] : [MARKS[mark] ?? mark]),
  ].join(' ');
  const cut = cutTo(plain(what), Math.max(3, room - notes.length - 1));
  return cutTo(`${cut} ${plain(notes)}`.trim(), room);
}

function hasDescription(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  return end !== -1 && bytes.indexOf('m=audio', end) !== -1;
}

/** One column a character, and nothing that steers a terminal. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function cutTo(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 2)}..`;
}
