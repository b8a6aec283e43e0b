import { Duplex } from 'node:stream';
import t from 'tap';
import { Channel } from '../../firmware/media/channel.ts';

const MAX_BYTES = 20;

/** A channel over a stream of ours: `arrive` is what the other side sends, `sent` what it is sent. */
function open() {
  const sent: string[] = [];
  const texts: (string | undefined)[] = [];
  let ends = 0;
  let told = 0;
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk.toString());
      done();
    },
  });
  const channel = new Channel(stream, MAX_BYTES, {
    text: (text) => texts.push(text),
    pause: () => {
      told = texts.length;
    },
    end: () => {
      ends += 1;
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const arrive = async (...chunks: (Buffer | string | null)[]): Promise<void> => {
    for (const chunk of chunks) {
      stream.push(chunk);
      await turn();
    }
  };
  return { channel, stream, sent, texts, arrive, turn, ends: () => ends, told: () => told };
}

t.test('the texts of a turn go at once, one a line', async (t) => {
  const { channel, sent, turn } = open();
  channel.send('{"id":1}');
  channel.send('{"id":2}');
  t.same(sent, []);
  await turn();
  t.same(sent, ['{"id":1}\n{"id":2}\n']);
  channel.send('{"id":3}');
  channel.close();
  t.same(sent.slice(1), ['{"id":3}\n'], 'what waits goes before the end');
  channel.send('{"id":4}');
  await turn();
  t.equal(sent.length, 2, 'and nothing behind it');
});

t.test('lines are put together from whatever pieces come, within a character too', async (t) => {
  const whole = Buffer.from('one\ntwo ä€😀\n\nthree\n');
  for (let size = 1; size <= whole.length; size += 1) {
    const { texts, arrive, told } = open();
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
    await arrive(...pieces);
    t.same(texts, ['one', 'two ä€😀', '', 'three'], `pieces of ${size} bytes`);
    t.equal(told(), 4, 'and behind the last one a pause');
  }
});

t.test('a line that is too long is told without its text and kept nowhere; the next ones are read', async (t) => {
  const long = 'x'.repeat(MAX_BYTES + 1);
  const most = 'y'.repeat(MAX_BYTES);
  for (const pieces of [
    [`${most}\n${long}\nnext\n`],
    [`${most}\n${long}`, '\nnext\n'],
    [most, `\n${long}`, long, long, `${long}\nne`, 'xt\n'],
  ]) {
    const { texts, arrive } = open();
    await arrive(...pieces);
    t.same(texts, [most, undefined, 'next'], JSON.stringify(pieces));
  }
});

t.test('its end is told once, and nothing after it', async (t) => {
  const { channel, stream, texts, arrive, turn, ends } = open();
  await arrive('one\n', 'begun', null);
  await turn();
  t.same(texts, ['one'], 'a line without its end is none');
  t.equal(ends(), 1);
  stream.destroy();
  channel.close();
  channel.send('lost');
  await turn();
  t.equal(ends(), 1);
});

t.test('an error of the stream is its end', async (t) => {
  const { stream, turn, ends } = open();
  stream.destroy(new Error('EPIPE'));
  await turn();
  t.equal(ends(), 1);
});

t.test(
  'where the other side reads nothing at all, the channel ends rather than keep all that it is sent',
  async (t) => {
    const stream = new Duplex({ read: () => {}, write: () => {} });
    let ends = 0;
    const channel = new Channel(stream, MAX_BYTES, {
      text: () => {},
      end: () => {
        ends += 1;
      },
    });
    const megabyte = 'x'.repeat(2 ** 20);
    for (let sent = 0; sent < 40 && ends === 0; sent += 1) {
      channel.send(megabyte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.equal(ends, 1);
    t.equal(stream.writableLength <= 2 ** 25, true);
  },
);
