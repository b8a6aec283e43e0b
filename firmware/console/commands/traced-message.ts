import type { Endpoint } from './pcap.ts';

/** A SIP message on its way, as a trace shows it. */
export interface TracedMessage {
  readonly direction: 'received' | 'sent';
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** `udp`, `tcp`, `tls` … */
  readonly transport: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** What became of it where it got no further: `malformed`, `rate`, `blocked`, `scanner`. */
  readonly mark: string | undefined;
  /** Of a request its own, of a response that in CSeq. */
  readonly method: string;
  readonly status: number | undefined;
  readonly callId: string;
  /** The user parts of Request-URI, From, To and Contact, and whoever logs in. */
  readonly users: readonly string[];
  /** Credentials are masked. */
  readonly bytes: Buffer;
}

/** The same before it was looked into, so that what nobody wants to see costs next to nothing. */
export interface UnreadMessage
  extends Pick<TracedMessage, 'direction' | 'atMs' | 'transport' | 'local' | 'remote' | 'mark'> {
  read(): Pick<TracedMessage, 'method' | 'status' | 'callId' | 'users'>;
  /** A copy. */
  masked(): Buffer;
}

/** Calls `watcher` for each message until the returned function is called. */
export type WatchMessages = (watcher: (message: UnreadMessage) => void) => () => void;

/** Makes text of a message, whole lines. */
export type Format = (message: TracedMessage) => string;

/** One JSON object a line: what the box tells the command line, and programs may read. */
export function toJson({ bytes, ...message }: TracedMessage): string {
  return JSON.stringify({ ...message, bytes: bytes.toString('base64') });
}

/** What stands beside a message is shown as it is, and a file may be anybody's. */
const PLAIN = /^[\w.:%-]{0,64}$/;
/** The last millisecond that a Date can name. */
const MAX_DATE_MS = 8_640_000_000_000_000;

/** Undefined for what is none. */
export function fromJson(line: string): TracedMessage | undefined {
  try {
    const { bytes, ...message } = JSON.parse(line);
    if (typeof bytes !== 'string' || !isWhole(message)) return undefined;
    return { mark: undefined, status: undefined, ...message, bytes: Buffer.from(bytes, 'base64') };
  } catch {
    return undefined;
  }
}

function isWhole(read: Readonly<Record<string, unknown>>): boolean {
  const { direction, atMs, transport, local, remote, mark, method, status, callId, users } = read;
  return (
    (direction === 'received' || direction === 'sent') &&
    typeof atMs === 'number' &&
    Math.abs(atMs) <= MAX_DATE_MS &&
    isPlain(transport) &&
    isEndpoint(local) &&
    isEndpoint(remote) &&
    (mark === undefined || isPlain(mark)) &&
    typeof method === 'string' &&
    (status === undefined || typeof status === 'number') &&
    typeof callId === 'string' &&
    Array.isArray(users) &&
    users.every((user) => typeof user === 'string')
  );
}

function isEndpoint(read: unknown): boolean {
  if (typeof read !== 'object' || read === null || !('address' in read) || !('port' in read)) return false;
  return isPlain(read.address) && Number.isInteger(read.port);
}

function isPlain(read: unknown): boolean {
  return typeof read === 'string' && PLAIN.test(read);
}

/** A few lines before the message itself say when it was and between whom. Made for a terminal. */
export function toText({ direction, atMs, transport, local, remote, mark, bytes }: TracedMessage): string {
  const at = new Date(atMs).toISOString().replace('T', ' ').replace('Z', '');
  const arrow = direction === 'received' ? '→' : '←';
  const ways = direction === 'received' ? [remote, local] : [local, remote];
  const [source, destination] = ways.map(({ address, port }) => hostPort(address, port));
  const dropped = mark === undefined ? '' : `  [${MARKS[mark] ?? mark}]`;
  const title = `${at} ${arrow} ${direction}  ${transport}  ${source} to ${destination}${dropped}`;
  return `${title}\n${visible(bytes)}\n`;
}

const MARKS: Readonly<Record<string, string>> = {
  malformed: 'malformed',
  rate: 'dropped: too many',
  blocked: 'dropped: blocked',
  scanner: 'dropped: a scanner',
};

/** What would steer a terminal, or turn the direction of writing, is written as `\xNN` or `\u{NNNN}`. */
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu;

function visible(bytes: Buffer): string {
  const text = decode(bytes).replaceAll('\r\n', '\n').replace(/\n+$/, '');
  const shown = text.replace(UNSEEN, (character) => {
    if (character === '\t') return character;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
  return `${shown}\n`;
}

/** UTF-8, or each byte beyond ASCII by its number. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1').replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
  }
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
