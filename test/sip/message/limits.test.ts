import t from 'tap';
import { MAX_HEADERS, MAX_LINE_LENGTH } from '../../../firmware/sip/message/header-fields.ts';
import { MAX_MESSAGE_BYTES, MAX_VIA_VALUES, parseMessage } from '../../../firmware/sip/message/parser.ts';
import { serialize } from '../../../firmware/sip/message/serializer.ts';
import { MAX_URI_LENGTH } from '../../../firmware/sip/message/start-line.ts';
import { StreamFramer } from '../../../firmware/sip/transport/stream-framer.ts';

const VIA = 'Via: SIP/2.0/UDP b;branch=z9hG4bKl';

/** A request with five headers besides those given. */
function build({ headers = '', uri = 'sip:a@b', via = VIA, body = '' }): Buffer {
  return Buffer.from(
    `OPTIONS ${uri} SIP/2.0\r\n${via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: l\r\n` +
      `CSeq: 1 OPTIONS\r\n${headers}\r\n${body}`,
  );
}

/** What the parser makes of it: `request`, or the status and reason of the refusal. */
function outcome(bytes: Buffer): string {
  const result = parseMessage(bytes);
  return result.kind === 'malformed' ? `${result.status} ${result.reason}` : result.kind;
}

const line = (length: number): string => `Z: ${'y'.repeat(length - 3)}\r\n`;
const folded = (length: number): string => `Z: y\r\n ${'y'.repeat(length - 5)}\r\n`;
const uri = (length: number): string => `sip:${'a'.repeat(length - 6)}@b`;
const vias = (count: number): string => Array(count).fill(VIA).join('\r\n');
const joined = (count: number): string => `Via: ${Array(count).fill('SIP/2.0/UDP b').join(', ')}`;

interface Limit {
  readonly what: string;
  readonly limit: number;
  readonly at: (count: number) => Buffer;
  readonly beyond: string;
}

const limits: readonly Limit[] = [
  {
    what: 'header fields',
    limit: MAX_HEADERS,
    at: (count) => build({ headers: 'Z: y\r\n'.repeat(count - 5) }),
    beyond: '400 Too Many Header Fields',
  },
  {
    what: 'header fields and a Content-Length before them',
    limit: MAX_HEADERS,
    at: (count) => build({ headers: `Content-Length: 0\r\n${'Z: y\r\n'.repeat(count - 5)}` }),
    beyond: '400 Too Many Header Fields',
  },
  {
    what: 'characters of a header field',
    limit: MAX_LINE_LENGTH,
    at: (count) => build({ headers: line(count) }),
    beyond: '400 Header Field Too Long',
  },
  {
    what: 'characters of a folded header field',
    limit: MAX_LINE_LENGTH,
    at: (count) => build({ headers: folded(count) }),
    beyond: '400 Header Field Too Long',
  },
  {
    what: 'characters of a header field with its name in full and a blank behind the colon',
    limit: MAX_LINE_LENGTH,
    at: (count) => build({ headers: `s:${'y'.repeat(count - 'Subject: '.length)}\r\n` }),
    beyond: '400 Header Field Too Long',
  },
  {
    what: 'characters of the Request-URI',
    limit: MAX_URI_LENGTH,
    at: (count) => build({ uri: uri(count) }),
    beyond: '414 Request-URI Too Long',
  },
  {
    what: 'Via fields',
    limit: MAX_VIA_VALUES,
    at: (count) => build({ via: vias(count) }),
    beyond: '400 Too Many Via Values',
  },
  {
    what: 'Via values in one field',
    limit: MAX_VIA_VALUES,
    at: (count) => build({ via: joined(count) }),
    beyond: '400 Too Many Via Values',
  },
  {
    what: 'hops left',
    limit: 255,
    at: (count) => build({ headers: `Max-Forwards: ${count}\r\n` }),
    beyond: '400 Malformed Max-Forwards',
  },
];

for (const { what, limit, at, beyond } of limits) {
  t.test(`${limit} ${what} are taken, one more is refused`, async (t) => {
    t.equal(outcome(at(limit)), 'request');
    t.equal(outcome(at(limit + 1)), beyond);
  });
}

t.test('what fills the limits can be written and read again', async (t) => {
  for (const headers of [
    'Z: y\r\n'.repeat(MAX_HEADERS - 5),
    `s:${'y'.repeat(MAX_LINE_LENGTH - 'Subject: '.length)}\r\n`,
  ]) {
    const result = parseMessage(build({ headers }));
    t.equal(result.kind, 'request');
    if (result.kind === 'request') t.equal(outcome(serialize(result.request)), 'request');
  }
  t.equal(outcome(build({ headers: `${'Z: y\r\n'.repeat(MAX_HEADERS - 5)}Content-Length: 0\r\n` })), 'request');
});

t.test('Content-Lengths do not get round the limit', async (t) => {
  t.equal(outcome(build({ headers: 'l: 0\r\n'.repeat(MAX_HEADERS) })), '400 Too Many Header Fields');
});

t.test('a start line beyond the limit is no start line', async (t) => {
  const method = (length: number): Buffer =>
    Buffer.from(build({}).toString().replaceAll('OPTIONS', 'M'.repeat(length)));
  const rest = ' sip:a@b SIP/2.0'.length;
  t.equal(outcome(method(MAX_LINE_LENGTH - rest - 10)), 'request');
  const result = parseMessage(method(MAX_LINE_LENGTH - rest + 1));
  t.match(result, { kind: 'malformed', request: undefined });
});

t.test('a message of a stream that fills the limit is taken, one that is a byte longer is refused', async (t) => {
  const sized = (total: number): Buffer => {
    const empty = build({ headers: 'Content-Length: 00000\r\n' }).length;
    const body = 'z'.repeat(total - empty);
    return build({ headers: `Content-Length: ${String(body.length).padStart(5, '0')}\r\n`, body });
  };
  t.equal(sized(MAX_MESSAGE_BYTES).length, MAX_MESSAGE_BYTES);
  t.match(new StreamFramer().push(sized(MAX_MESSAGE_BYTES)), [{ kind: 'request' }]);
  // RFC 3261 §21.5.7
  t.match(new StreamFramer().push(sized(MAX_MESSAGE_BYTES + 1)), [{ kind: 'broken', malformed: { status: 513 } }]);
});

t.test('a head without end is given up at the limit', async (t) => {
  const framer = new StreamFramer();
  const head = build({ headers: 'Z: y\r\n'.repeat(20_000) });
  t.same(framer.push(head.subarray(0, MAX_MESSAGE_BYTES - 1)), []);
  t.match(framer.push(head.subarray(MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES)), [
    { kind: 'broken', malformed: { status: 513, request: undefined } },
  ]);
});
