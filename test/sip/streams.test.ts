import t, { type Test } from 'tap';
import { MESSAGE_TIMEOUT_MS } from '../../firmware/sip/transport/connection.ts';
import { RawPeer } from './support/raw-peer.ts';
import { openStack, turns, within } from './support/stacks.ts';

async function connected(t: Test) {
  const opened = await openStack(['tcp'], '127.0.0.1');
  const peer = await RawPeer.tcp('127.0.0.1', opened.port('tcp'));
  t.teardown(async () => {
    peer.close();
    await opened.stack.close();
  });
  return { ...opened, peer };
}

/** All that comes until there are `count` answers. */
async function answers(peer: RawPeer, count: number): Promise<string[]> {
  let text = '';
  const found = (): string[] => text.split(/(?=SIP\/2\.0 \d{3} )/).filter((part) => part.endsWith('\r\n\r\n'));
  while (found().length < count) text += await peer.next();
  return found().map((answer) => `${answer.slice(8, 11)} ${/Call-ID: (.*)\r/.exec(answer)?.[1] ?? ''}`.trim());
}

const options = (peer: RawPeer, callId: string, more: { readonly body?: string } = {}): string =>
  peer.request('OPTIONS', callId, { protocol: 'TCP', callId, ...more });

t.test('split in two at every byte, both requests of a stream are answered', async (t) => {
  const { port, peer } = await connected(t);
  const length = (options(peer, 'first') + options(peer, 'second')).length;
  for (let at = 1; at < length; at += 1) {
    // The port is of another length at times, which moves the end.
    const next = await RawPeer.tcp('127.0.0.1', port('tcp'));
    const text = options(next, 'first') + options(next, 'second');
    next.send(text.slice(0, at));
    // So that the pieces come one by one.
    await turns(1);
    next.send(text.slice(at));
    const got = await answers(next, 2);
    next.close();
    if (got.join() !== '200 first,200 second') t.fail(`split at ${at}: ${got.join()}`);
  }
  t.pass(`${length - 1} splits`);
});

t.test('two requests in one segment, and one in single bytes', async (t) => {
  const { peer } = await connected(t);
  peer.send(options(peer, 'first') + options(peer, 'second'));
  t.same(await answers(peer, 2), ['200 first', '200 second']);
  for (const char of options(peer, 'third')) peer.send(char);
  t.same(await answers(peer, 1), ['200 third']);
});

interface Lie {
  readonly what: string;
  readonly field: string;
  readonly answers: readonly string[];
  readonly closes: boolean;
}

const lies: readonly Lie[] = [
  // The rest of the body is taken for the beginning of the next request, which is refused; the one after it is right.
  { what: 'too small', field: 'Content-Length: 3', answers: ['200 first', '400 second', '200 third'], closes: false },
  { what: 'negative', field: 'Content-Length: -1', answers: ['400 first'], closes: true },
  { what: 'twice', field: 'Content-Length: 5\r\nContent-Length: 0', answers: ['400 first'], closes: true },
  { what: 'beyond all numbers', field: 'Content-Length: 18446744073709551621', answers: ['400 first'], closes: true },
  { what: 'larger than a message may be', field: 'Content-Length: 65536', answers: ['513 first'], closes: true },
  { what: 'missing', field: 'X-Length: 5', answers: ['400 first'], closes: true },
];

for (const { what, field, answers: expected, closes } of lies) {
  t.test(`a Content-Length that is ${what} ${closes ? 'ends the connection' : 'harms itself'}`, async (t) => {
    const { peer } = await connected(t);
    const first = options(peer, 'first', { body: 'hello' }).replace('Content-Length: 5', field);
    peer.send(first + options(peer, 'second') + options(peer, 'third'));
    t.same(await answers(peer, expected.length), expected);
    if (closes) await within(peer.closed(), 'close');
    t.same(peer.waiting, [], 'and nothing besides');
  });
}

t.test(
  'a Content-Length that is too large keeps the connection waiting, and no longer than a message may take',
  async (t) => {
    const { peer, clock } = await connected(t);
    peer.send(options(peer, 'known'));
    t.same(await answers(peer, 1), ['200 known']);
    peer.send(
      options(peer, 'first', { body: 'hello' }).replace('Content-Length: 5', 'Content-Length: 60000') +
        options(peer, 'second'),
    );
    await turns(20);
    t.same(peer.waiting, []);
    clock.advance(MESSAGE_TIMEOUT_MS);
    await within(peer.closed(), 'close');
    t.same(peer.waiting, []);
  },
);

t.test('a connection that stops in the middle of a request is closed, and harms no other', async (t) => {
  const { peer, port, clock } = await connected(t);
  const other = await RawPeer.tcp('127.0.0.1', port('tcp'));
  t.teardown(() => other.close());
  other.send(options(other, 'before'));
  t.same(await answers(other, 1), ['200 before']);
  peer.send(options(peer, 'half').slice(0, 100));
  await turns(20);
  clock.advance(MESSAGE_TIMEOUT_MS);
  await within(peer.closed(), 'close');
  t.same(peer.waiting, []);
  other.send(options(other, 'after'));
  t.same(await answers(other, 1), ['200 after']);
});

t.test('a peer that leaves in the middle of a request gets nothing, and the next one is served', async (t) => {
  const { peer, port } = await connected(t);
  for (const length of [1, 50, 200]) {
    const leaving = await RawPeer.tcp('127.0.0.1', port('tcp'));
    leaving.send(options(leaving, 'left').slice(0, length));
    leaving.close();
  }
  peer.send(options(peer, 'stays'));
  t.same(await answers(peer, 1), ['200 stays']);
});
