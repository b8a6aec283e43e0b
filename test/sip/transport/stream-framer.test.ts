import t from 'tap';
import { MAX_MESSAGE_BYTES } from '../../../firmware/sip/message/parser.ts';
import { type Frame, StreamFramer } from '../../../firmware/sip/transport/stream-framer.ts';

const options = (number: number, body = '', extra = ''): string =>
  `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP b;branch=z9hG4bK${number}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n` +
  `Call-ID: c\r\nCSeq: ${number} OPTIONS\r\n${extra}Content-Length: ${body.length}\r\n\r\n${body}`;

function describe(frame: Frame): string {
  switch (frame.kind) {
    case 'request':
      return `${frame.request.cseq.number} ${frame.request.body.toString()}`.trim();
    case 'malformed':
      return `malformed ${frame.status}`;
    case 'broken':
      return `broken ${frame.malformed.status} ${frame.malformed.request === undefined ? 'mute' : 'answerable'}`;
    default:
      return frame.kind;
  }
}

const push = (framer: StreamFramer, text: string): string[] => framer.push(Buffer.from(text)).map(describe);

t.test('glued and split messages come out alike', async (t) => {
  const text = options(1, 'hello') + options(2) + options(3, 'x\r\n\r\ny');
  const expected = ['1 hello', '2', '3 x\r\n\r\ny'];
  t.same(push(new StreamFramer(), text), expected);
  for (const size of [1, 2, 3, 7, 100, 333]) {
    const framer = new StreamFramer();
    const frames: string[] = [];
    for (let at = 0; at < text.length; at += size) frames.push(...push(framer, text.slice(at, at + size)));
    t.same(frames, expected, `${size} bytes at a time`);
    t.equal(framer.isWithinMessage, false);
  }
});

t.test('bodies stay as they were when the buffer is used again', async (t) => {
  const framer = new StreamFramer();
  const [first] = framer.push(Buffer.from(options(1, 'a'.repeat(900))));
  for (let number = 2; number < 50; number += 1) framer.push(Buffer.from(options(number, 'b'.repeat(900))));
  t.equal(first?.kind === 'request' && first.request.body.toString(), 'a'.repeat(900));
});

t.test('CRLF CRLF between messages is a ping (RFC 5626 §3.5.1), a single CRLF is nothing', async (t) => {
  const framer = new StreamFramer();
  t.same(push(framer, '\r\n\r\n'), ['ping']);
  t.same(push(framer, `\r\n${options(1)}`), ['1']);
  t.same(push(framer, '\r\n\r'), []);
  t.same(push(framer, '\n\r\n\r\n'), ['ping'], 'two at once want one answer');
  t.same(push(framer, `${'\r\n'.repeat(9)}${options(1)}\r\n\r\n`), ['ping', '1', 'ping']);
  t.same(push(framer, options(2)), ['2']);
});

t.test('a malformed message with a length leaves the stream usable', async (t) => {
  const framer = new StreamFramer();
  t.same(push(framer, options(1, 'x', 'Bad Name: y\r\n') + options(2)), ['malformed 400', '2']);
});

t.test('where the next message begins is unknown, the stream ends', async (t) => {
  const without = options(1).replace('Content-Length: 0\r\n', '');
  t.same(push(new StreamFramer(), without + options(2)), ['broken 400 answerable']);
  t.same(push(new StreamFramer(), 'GET / HTTP/1.1\r\nHost: b\r\n\r\n'), ['broken 400 mute']);
  const large = options(1).replace('Content-Length: 0', `Content-Length: ${MAX_MESSAGE_BYTES}`);
  t.same(push(new StreamFramer(), large), ['broken 513 answerable']);
  const framer = new StreamFramer();
  t.same(framer.push(Buffer.alloc(10 * MAX_MESSAGE_BYTES, 'x')).map(describe), ['broken 513 mute']);
  t.same(push(framer, options(1)), [], 'and nothing comes after');
});

t.test('split in two at every byte, a stream gives the same messages', async (t) => {
  const text = options(1, 'hello') + options(2, 'x\r\n\r\ny');
  for (let at = 0; at <= text.length; at += 1) {
    const framer = new StreamFramer();
    const frames = [...push(framer, text.slice(0, at)), ...push(framer, text.slice(at))];
    if (frames.join('|') !== '1 hello|2 x\r\n\r\ny') t.fail(`split at ${at}: ${frames.join('|')}`);
  }
  t.pass(`${text.length + 1} splits`);
});

interface Lie {
  readonly what: string;
  /** Stands for the Content-Length field of a message with the body `hello`. */
  readonly field: string;
  /** What comes of it, with another message behind it. */
  readonly frames: readonly string[];
  readonly within?: boolean;
}

const lies: readonly Lie[] = [
  { what: 'the truth', field: 'Content-Length: 5', frames: ['1 hello', '2'] },
  { what: 'the truth in compact form, with zeros', field: 'l : 0005', frames: ['1 hello', '2'] },
  // What is left over makes the next start line another method than its CSeq: that one is refused, and the stream goes on.
  { what: 'too small', field: 'Content-Length: 3', frames: ['1 hel', 'malformed 400'] },
  { what: 'nothing', field: 'Content-Length: 0', frames: ['1', 'malformed 400'] },
  // It takes from the next message, as far as it goes.
  {
    what: 'too large by the next message',
    field: `Content-Length: ${5 + options(2).length}`,
    frames: [`1 hello${options(2)}`.trim()],
  },
  { what: 'larger than all that comes', field: 'Content-Length: 60000', frames: [], within: true },
  { what: 'larger than a message may be', field: 'Content-Length: 65536', frames: ['broken 513 answerable'] },
  { what: 'negative', field: 'Content-Length: -1', frames: ['broken 400 answerable'] },
  { what: 'beyond 32 bits', field: 'Content-Length: 4294967301', frames: ['broken 400 answerable'] },
  { what: 'beyond 64 bits', field: 'Content-Length: 18446744073709551621', frames: ['broken 400 answerable'] },
  { what: 'twice, and different', field: 'Content-Length: 5\r\nContent-Length: 0', frames: ['broken 400 answerable'] },
  { what: 'twice, and the same', field: 'Content-Length: 5\r\nl: 5', frames: ['broken 400 answerable'] },
  { what: 'a list', field: 'Content-Length: 5, 5', frames: ['broken 400 answerable'] },
  { what: 'a sign', field: 'Content-Length: +5', frames: ['broken 400 answerable'] },
  { what: 'hexadecimal', field: 'Content-Length: 0x5', frames: ['broken 400 answerable'] },
  { what: 'empty', field: 'Content-Length:', frames: ['broken 400 answerable'] },
  { what: 'folded', field: 'Content-Length:\r\n 5', frames: ['1 hello', '2'] },
];

for (const { what, field, frames, within } of lies) {
  t.test(`a Content-Length that is ${what}`, async (t) => {
    const text = options(1, 'hello').replace('Content-Length: 5', field) + options(2);
    const framer = new StreamFramer();
    t.same(push(framer, text), frames);
    t.equal(framer.isWithinMessage, within === true);
    const bytewise = new StreamFramer();
    t.same(
      [...text].flatMap((char) => push(bytewise, char)),
      frames,
      'in single bytes',
    );
  });
}

t.test('a stream that stops in the middle has said nothing yet', async (t) => {
  const text = options(1, 'hello');
  for (let length = 1; length < text.length; length += 1) {
    const framer = new StreamFramer();
    if (push(framer, text.slice(0, length)).length > 0 || !framer.isWithinMessage) t.fail(`stopped at ${length}`);
  }
  t.pass(`${text.length - 1} places`);
});
