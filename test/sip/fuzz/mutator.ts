import type { Random } from './random.ts';

/** Beyond this an input grows no more: what is larger is refused by its size alone. */
const MAX_INPUT_BYTES = 70_000;
const MAX_STEPS = 8;

/** What messages are made of, and what trips a reader of them. */
const TOKENS = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\r',
    '\n',
    '\r\n ',
    '\r\n\t',
    ' ',
    '\t',
    '\0',
    '\\\0',
    '\\',
    '"',
    '\\"',
    '<',
    '>',
    '<>',
    ',',
  ],
  ...[
    ';',
    ';;',
    '=',
    ':',
    '@',
    '?',
    '&',
    '%',
    '%00',
    '%zz',
    '%25',
    '*',
    '#',
    '+',
    '[',
    ']',
    '[::1]',
    '[::ffff:1.2.3.4]',
  ],
  ...['[fe80::1%eth0]', ':::1.2.3.4', '\u00ff', 'é', '大', '\ufeff', '\u2028', '\ud83d\ude00', '\u0085', '\u00a0'],
  ...[
    'SIP/2.0',
    ' SIP/2.0\r\n',
    'SIP/2.0 200 OK\r\n',
    'SIP/7.0',
    'INVITE',
    'ACK',
    'CANCEL',
    'REGISTER',
    'OPTIONS sip:a@b',
  ],
  ...[
    'sip:',
    'sips:',
    'tel:+1',
    'sip:a@b',
    '<sip:a@b>',
    'sip:[::1]:5060;lr',
    ';lr',
    ';tag=',
    ';tag=x',
    ';branch=z9hG4bK',
  ],
  ...[
    ';rport',
    ';received=1.2.3.4',
    ';expires=0',
    ';q=0.5',
    ';q=2',
    ';x="',
    ';x="y;z,"',
    'z9hG4bK',
    'SIP / 2.0 / UDP h',
  ],
  ...[
    'Via: ',
    'v: ',
    'Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n',
    'From: ',
    'f:',
    'To: ',
    't : ',
    'Call-ID: ',
    'i:',
    'CSeq: 1 ',
  ],
  ...[
    'Contact: *\r\n',
    'm: ',
    'Content-Length: ',
    'l: 0\r\n',
    'Content-Length: -1\r\n',
    'Max-Forwards: 0\r\n',
    'Route: ',
  ],
  ...['Record-Route: <sip:a;lr>\r\n', 'Content-Type: application/sdp\r\n', 'Require: x\r\n', 'Authorization: Digest '],
  ...['username="', 'nonce=', 'realm="a"', 'qop=auth', 'nc=00000001', 'Reason: SIP;cause=200', 'Diversion: <sip:a@b>'],
  ...[
    'v=0\r\n',
    'o=- 1 1 IN IP4 1.2.3.4\r\n',
    's=-\r\n',
    'c=IN IP4 1.2.3.4\r\n',
    'c=IN IP6 ::1\r\n',
    't=0 0\r\n',
    'a=',
    'a=x:',
  ],
  ...['m=audio 1 RTP/AVP 0\r\n', 'm=audio 65536 RTP/AVP 0\r\n', 'a=rtpmap:0 PCMU/8000\r\n', 'a=fmtp:18 annexb=no\r\n'],
  ...['a=sendonly\r\n', 'a=ptime:20\r\n', 'a=rtcp:1\r\n', '0', '-1', '255', '256', '65535', '65536', '2147483647'],
  ...['2147483648', '4294967295', '4294967296', '9007199254740993', '99999999999999999999', '1e9', '0x10', '00000001'],
].map((token) => Buffer.from(token));

const LENGTHS = [
  '0',
  '1',
  '-1',
  '+1',
  '00',
  '65535',
  '65536',
  '2147483648',
  '99999999999',
  '',
  ' ',
  '1 1',
  '1,2',
  'x',
  '0x5',
];

type Mutation = (bytes: Buffer, random: Random, corpus: readonly Buffer[]) => Buffer;

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    return copy;
  },
  function setByte(bytes, random) {
    if (bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    copy[random.below(copy.length)] = random.below(256);
    return copy;
  },
  function insertToken(bytes, random) {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), random.pick(TOKENS), bytes.subarray(at)]);
  },
  function overwriteWithToken(bytes, random) {
    const token = random.pick(TOKENS);
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), token, bytes.subarray(at + token.length)]);
  },
  function repeatToken(bytes, random) {
    const at = random.below(bytes.length + 1);
    const run = Array<Buffer>(1 + random.below(random.below(20) === 0 ? 5000 : 40)).fill(random.pick(TOKENS));
    return Buffer.concat([bytes.subarray(0, at), ...run, bytes.subarray(at)]);
  },
  function removeChunk(bytes, random) {
    const [start, end] = chunk(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  function duplicateChunk(bytes, random) {
    const [start, end] = chunk(bytes, random);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  function moveChunk(bytes, random) {
    const [start, end] = chunk(bytes, random);
    const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    const at = random.below(rest.length + 1);
    return Buffer.concat([rest.subarray(0, at), bytes.subarray(start, end), rest.subarray(at)]);
  },
  function spliceAnother(bytes, random, corpus) {
    const other = random.pick(corpus);
    const [start, end] = chunk(other, random);
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(start, end), bytes.subarray(at)]);
  },
  function crossAnother(bytes, random, corpus) {
    const other = random.pick(corpus);
    return Buffer.concat([
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]);
  },
  function swapLines(bytes, random) {
    const lines = bytes.toString('latin1').split('\r\n');
    const first = random.below(lines.length);
    const second = random.below(lines.length);
    [lines[first], lines[second]] = [lines[second] ?? '', lines[first] ?? ''];
    return Buffer.from(lines.join('\r\n'), 'latin1');
  },
  function repeatLine(bytes, random) {
    const lines = bytes.toString('latin1').split('\r\n');
    const at = random.below(lines.length);
    const times = random.below(random.below(10) === 0 ? 120 : 3);
    lines.splice(at, 0, ...Array<string>(times).fill(lines[at] ?? ''));
    return Buffer.from(lines.join('\r\n'), 'latin1');
  },
  function lieAboutLength(bytes, random) {
    const text = bytes.toString('latin1');
    return Buffer.from(text.replace(/((?:Content-Length|\nl)\s*:)[^\r\n]*/i, `$1 ${random.pick(LENGTHS)}`), 'latin1');
  },
  function changeNumber(bytes, random) {
    const text = bytes.toString('latin1');
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const { index, 0: digits } = random.pick(numbers);
    const number = random.pick([
      '0',
      '-1',
      '1',
      '99999999999999999999',
      '2147483648',
      '65536',
      `0${digits}`,
      `${digits}0`,
    ]);
    return Buffer.from(text.slice(0, index) + number + text.slice(index + digits.length), 'latin1');
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
];

/** One of the corpus, changed in one to eight ways. */
export function mutated(corpus: readonly Buffer[], random: Random): Buffer {
  let bytes = random.pick(corpus);
  // Few changes more often than many: what is broken in one place gets further in.
  for (let step = random.below(1 + random.below(MAX_STEPS)); step >= 0; step -= 1) {
    bytes = random.pick(mutations)(bytes, random, corpus).subarray(0, MAX_INPUT_BYTES);
  }
  return bytes;
}

/** Start and end of a piece, short ones more often than long ones. */
function chunk(bytes: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  const longest = random.below(4) === 0 ? bytes.length : 64;
  return [start, Math.min(bytes.length, start + random.below(longest + 1))];
}
