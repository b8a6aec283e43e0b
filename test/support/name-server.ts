import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/** Types of records that a zone can have (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 3403). */
const TYPES = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 } as const;
type Type = keyof typeof TYPES;

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly address: string; readonly ttl?: number }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'NAPTR';
      readonly order: number;
      readonly preference: number;
      readonly flags: string;
      readonly service: string;
      readonly replacement: string;
    };

/** By name in lower case. `silent` never answers, `truncated` has all records over TCP only, `broken` says SERVFAIL. */
export type Zone = Readonly<Record<string, readonly DnsRecord[] | 'silent' | 'broken'>>;

const NXDOMAIN = 3;
const SERVFAIL = 2;

/** A name server on a loopback address, over UDP and TCP: what a test says that there is, and nothing else. */
export class NameServer {
  /** As a resolver takes it: address and port. */
  readonly address: string;
  /** Questions in the order in which they came: `SRV _sip._udp.example`, and ` over TCP` where they came so. */
  readonly questions: string[] = [];
  zone: Zone;
  /** Names whose answers over UDP are cut. */
  readonly truncated = new Set<string>();
  readonly #udp: Socket;
  readonly #tcp: Server;

  private constructor(zone: Zone, udp: Socket, tcp: Server) {
    this.zone = zone;
    this.#udp = udp;
    this.#tcp = tcp;
    const { address, port } = udp.address();
    this.address = `${address}:${port}`;
    udp.on('message', (bytes, peer) => {
      const answer = this.#answer(bytes, false);
      if (answer !== undefined) udp.send(answer, peer.port, peer.address);
    });
    tcp.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        const answer = this.#answer(bytes.subarray(2), true);
        if (answer === undefined) return;
        socket.write(Buffer.concat([word(answer.length), answer]));
      });
    });
  }

  static async start(zone: Zone): Promise<NameServer> {
    const tcp = createServer();
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const bound = tcp.address();
    const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
    return new NameServer(zone, udp, tcp);
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #answer(question: Buffer, overTcp: boolean): Buffer | undefined {
    const { name, end } = readName(question, 12);
    const code = question.readUInt16BE(end);
    const type = (Object.keys(TYPES) as Type[]).find((each) => TYPES[each] === code);
    this.questions.push(`${type ?? code} ${name}${overTcp ? ' over TCP' : ''}`);
    const entry = this.zone[name];
    if (entry === 'silent') return undefined;
    const isCut = this.truncated.has(name) && !overTcp;
    const records = Array.isArray(entry) && !isCut ? entry.filter((record: DnsRecord) => record.type === type) : [];
    let status = 0;
    if (entry === undefined) status = NXDOMAIN;
    if (entry === 'broken') status = SERVFAIL;
    // Answer, authoritative, cut or not, recursion available (RFC 1035 §4.1.1).
    const flags = 0x8480 | (isCut ? 0x0200 : 0) | (question.readUInt16BE(2) & 0x0100) | status;
    const head = [question.subarray(0, 2), word(flags), word(1), word(records.length), word(0), word(0)];
    return Buffer.concat([...head, question.subarray(12, end + 4), ...records.map(recordBytes)]);
  }
}

function recordBytes(record: DnsRecord): Buffer {
  const data = dataOf(record);
  const ttl = 'ttl' in record ? (record.ttl ?? 300) : 300;
  // The name is that of the question, by reference (RFC 1035 §4.1.4).
  return Buffer.concat([word(0xc00c), word(TYPES[record.type]), word(1), word(0), word(ttl), word(data.length), data]);
}

function dataOf(record: DnsRecord): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number));
    case 'AAAA':
      return ipv6(record.address);
    case 'SRV':
      return Buffer.concat([word(record.priority), word(record.weight), word(record.port), nameBytes(record.target)]);
    case 'NAPTR': {
      const { order, preference, flags, service, replacement } = record;
      const texts = [flags, service, ''].map((text) => Buffer.from([text.length, ...Buffer.from(text)]));
      return Buffer.concat([word(order), word(preference), ...texts, nameBytes(replacement)]);
    }
  }
}

/** Written with `::` at most once, and without dots. */
function ipv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const [first, last] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [
    ...(first ?? []),
    ...Array(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill('0'),
    ...(last ?? []),
  ];
  return Buffer.concat(groups.map((group) => word(Number.parseInt(group, 16))));
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.from([...labels.flatMap((label) => [label.length, ...Buffer.from(label)]), 0]);
}

function readName(bytes: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
