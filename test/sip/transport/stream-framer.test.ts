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
  t.same(push(framer, '\n\r\n\r\n'), ['ping', 'ping']);
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
