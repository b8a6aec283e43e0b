import t from 'tap';
import type { Flow } from '../../../firmware/sip/stack.ts';
import { bindingRequest, isStunResponse, parseStun, serializeStun } from '../../../firmware/sip/transport/stun.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { openStack, turns, within } from '../support/stacks.ts';

async function toPeer(answers: boolean) {
  const { stack, clock, port } = await openStack(['udp'], '127.0.0.1');
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  const flow: Flow = {
    protocol: 'udp',
    localAddress: '127.0.0.1',
    localPort: port('udp'),
    remoteAddress: '127.0.0.1',
    remotePort: peer.port,
  };
  const close = async (): Promise<void> => {
    peer.close();
    const closing = stack.close();
    await turns();
    clock.advance(40_000);
    await closing;
  };
  return { stack, clock, peer, flow, close, answers };
}

/** An answer to what the peer received. */
function success(request: Buffer, type = 0x0101): Buffer {
  const transactionId = parseStun(request)?.transactionId ?? Buffer.alloc(12);
  return serializeStun({ type, transactionId, attributes: [], hasFingerprint: false });
}

t.test('a keep-alive over UDP is a Binding request, sent again, and answered (RFC 5626 §4.4.2)', async (t) => {
  const { stack, clock, peer, flow, close } = await toPeer(true);
  const isThere = stack.keepAlive(flow, true);
  const first = await peer.nextBytes();
  clock.advance(1000);
  const second = await peer.nextBytes();
  t.strictSame(second, first);
  t.strictSame(first, bindingRequest(parseStun(first)?.transactionId ?? Buffer.alloc(0)));
  peer.send(success(first));
  t.equal(await within(isThere, 'answer'), true);
  await close();
});

t.test('silence, and answers to something else, are none', async (t) => {
  const { stack, clock, peer, flow, close } = await toPeer(false);
  const isThere = stack.keepAlive(flow, true);
  const request = await peer.nextBytes();
  peer.send(serializeStun({ type: 0x0101, transactionId: Buffer.alloc(12, 7), attributes: [], hasFingerprint: false }));
  const stranger = await RawPeer.udp('127.0.0.1', flow.localPort);
  stranger.send(success(request));
  peer.send(success(request, 0x0001));
  peer.send(Buffer.concat([success(request), Buffer.from('more')]));
  await turns(10);
  for (let second = 0; second < 11; second += 1) {
    clock.advance(1000);
    await turns(1);
  }
  t.equal(await within(isThere, 'answer'), false);
  stranger.close();
  await close();
});

t.test('where no answer is agreed it is CRLF, and only a flow that is gone fails', async (t) => {
  const { stack, clock, peer, flow, close } = await toPeer(false);
  const isThere = stack.keepAlive(flow, false);
  t.equal(await peer.next(), '\r\n\r\n');
  await turns();
  clock.advance(1);
  t.equal(await within(isThere, 'answer'), true);
  const gone = stack.keepAlive({ ...flow, protocol: 'tcp', connection: 99 }, true);
  t.equal(await within(gone, 'answer'), false);
  await close();
});

t.test('over a connection a pong, or anything else, is the answer', async (t) => {
  const { stack, clock, port } = await openStack(['tcp'], '127.0.0.1');
  const peer = await RawPeer.tcp('127.0.0.1', port('tcp'));
  let flow: Flow | undefined;
  const other = await openStack(['tcp'], '127.0.0.1');
  for await (const way of other.stack.ways(`sip:127.0.0.1:${port('tcp')};transport=tcp`)) {
    flow = way;
    break;
  }
  if (flow === undefined) throw new Error('no way');
  for (const jumpMs of [0, -3_600_000]) {
    const isThere = other.stack.keepAlive(flow, true);
    // A time server sets the clock while the answer is on its way.
    other.clock.jump(jumpMs);
    await turns(20);
    other.clock.advance(10_000);
    t.equal(await within(isThere, 'answer'), true);
  }
  peer.close();
  for (const each of [stack, other.stack]) {
    const closing = each.close();
    await turns();
    clock.advance(40_000);
    other.clock.advance(40_000);
    await closing;
  }
});

t.test('only responses to Binding requests are answers', async (t) => {
  const id = Buffer.alloc(12, 1);
  t.equal(
    isStunResponse(serializeStun({ type: 0x0111, transactionId: id, attributes: [], hasFingerprint: false })),
    id.toString('hex'),
  );
  t.equal(isStunResponse(bindingRequest(id)), undefined);
});
