import t from 'tap';
import { parseMessage } from '../../../firmware/sip/message/parser.ts';
import { SipRequest } from '../../../firmware/sip/message/request.ts';
import { createResponse, type SipResponse } from '../../../firmware/sip/message/response.ts';
import type { ServerTransaction } from '../../../firmware/sip/transaction/server-transaction.ts';
import { TransactionLayer } from '../../../firmware/sip/transaction/transaction-layer.ts';
import type { Flow } from '../../../firmware/sip/transport/flow.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const flow: Flow = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.2',
  remotePort: 5060,
};

function setUp(maxServerTransactions = 10) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const requests: ServerTransaction[] = [];
  const acks: string[] = [];
  let fails = false;
  const send = (_flow: Flow, bytes: Buffer, onFailed: (error: Error) => void): void => {
    if (fails) queueMicrotask(() => onFailed(new Error('gone')));
    else sent.push(bytes.toString());
  };
  const layer = new TransactionLayer({
    clock,
    maxServerTransactions,
    transport: {
      send,
      respond: (_request, ...rest) => send(...rest),
      isOutgoing: () => false,
      sentBy: () => ({ host: '192.0.2.1', port: 5060 }),
    },
    onRequest: (transaction) => requests.push(transaction),
    onAck: (ack) => acks.push(ack.callId),
  });
  return { clock, sent, requests, acks, layer, fail: () => (fails = true) };
}

function request(
  method: string,
  via: string,
  more: { readonly toTag?: string; readonly cseq?: number; readonly callId?: string; readonly fromTag?: string } = {},
): SipRequest {
  return new SipRequest(method, 'sip:201@192.0.2.1', [
    ['Via', via],
    ['From', `<sip:202@192.0.2.2>;tag=${more.fromTag ?? 'f'}`],
    ['To', `<sip:201@192.0.2.1>${more.toTag === undefined ? '' : `;tag=${more.toTag}`}`],
    // Another Via is another request: what comes twice by different ways has a Call-ID of its own below.
    ['Call-ID', more.callId ?? via.replace(/\W/g, '')],
    ['CSeq', `${more.cseq ?? 1} ${method}`],
  ]);
}

const via = (branch: string, sentBy = '192.0.2.2'): string => `SIP/2.0/UDP ${sentBy};branch=${branch}`;

t.test('a request belongs to its transaction by branch, sent-by and method (RFC 3261 §17.2.3)', async (t) => {
  const { layer, requests } = setUp();
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  layer.receiveRequest(request('INVITE', via('z9hG4bK1', '192.0.2.2:5060')), flow);
  t.equal(requests.length, 1, 'the default port is the port');
  layer.receiveRequest(request('INVITE', via('z9hG4bK1', '192.0.2.3')), flow);
  layer.receiveRequest(request('CANCEL', via('z9hG4bK1')), flow);
  t.equal(requests.length, 3);
  t.equal(layer.inviteOf(request('CANCEL', via('z9hG4bK1'))), requests[0]);
  t.equal(layer.inviteOf(request('CANCEL', via('z9hG4bK9'))), undefined);
});

t.test('peers of RFC 2543 have no magic cookie', async (t) => {
  const { layer, requests, acks, clock, sent } = setUp();
  const old = 'SIP/2.0/UDP 192.0.2.2';
  layer.receiveRequest(request('INVITE', old), flow);
  layer.receiveRequest(request('INVITE', old), flow);
  t.equal(requests.length, 1);
  layer.receiveRequest(request('INVITE', old, { cseq: 2 }), flow);
  t.equal(requests.length, 2);
  requests[0]?.respond(486);
  layer.receiveRequest(request('ACK', old, { toTag: 'x' }), flow);
  clock.advance(20_000);
  t.equal(sent.filter((text) => text.startsWith('SIP/2.0 486')).length, 1, 'the ACK stopped timer G');
  t.same(acks, []);
});

t.test('an ACK to a 2xx goes up, whichever branch it has', async (t) => {
  const { layer, requests, acks } = setUp();
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  requests[0]?.respond(200);
  layer.receiveRequest(request('ACK', via('z9hG4bK2')), flow);
  layer.receiveRequest(request('ACK', via('z9hG4bK1')), flow);
  t.equal(acks.length, 2);
});

t.test(
  'beyond the limit a request gets 503 with Retry-After, the same one each time, and an ACK nothing',
  async (t) => {
    const { layer, requests, sent } = setUp(2);
    for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3', 'z9hG4bK3']) {
      layer.receiveRequest(request('OPTIONS', via(branch)), flow);
    }
    layer.receiveRequest(request('ACK', via('z9hG4bK4')), flow);
    t.equal(requests.length, 2);
    t.equal(sent.length, 2);
    t.match(sent[0], /^SIP\/2.0 503 Service Unavailable\r\n(.*\r\n)*Retry-After: 10/);
    t.equal(sent[0], sent[1]);
  },
);

t.test('a challenge is sent once and its transaction forgotten (RFC 3261 §26.3.2.4)', async (t) => {
  const { layer, requests, sent, acks, clock } = setUp();
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  requests[0]?.respond(100);
  t.ok(requests[0]?.respond(401));
  t.equal(clock.pending, 0);
  clock.advance(32_000);
  t.equal(sent.length, 2, 'nothing is sent again to an address that may be forged');
  layer.receiveRequest(request('ACK', via('z9hG4bK1')), flow);
  t.equal(acks.length, 1, 'its ACK belongs to nothing');
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  t.equal(requests.length, 2, 'where the challenge was lost, the retransmission gets another');
});

t.test('what refuses a stranger is sent once, and again to a retransmission (RFC 3261 §8.2.7)', async (t) => {
  const { layer, requests, sent, clock } = setUp();
  for (let count = 0; count < 2; count += 1) {
    layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
    t.ok(requests[count]?.refuse(420));
    t.equal(clock.pending, 0);
    clock.advance(32_000);
    layer.receiveRequest(request('ACK', via('z9hG4bK1')), flow);
  }
  t.equal(sent.length, 2, 'nothing is sent again to an address that may be forged');
  t.equal(sent[0], sent[1], 'with the same tag');
});

t.test('beyond the limit the oldest transactions that have their answer make room', async (t) => {
  const { layer, requests, sent } = setUp(3);
  const take = (method: string, branch: string, status: number): void => {
    layer.receiveRequest(request(method, via(branch)), flow);
    if (status > 0) requests.at(-1)?.respond(status);
  };
  take('INVITE', 'z9hG4bK1', 200);
  take('OPTIONS', 'z9hG4bK2', 0);
  take('OPTIONS', 'z9hG4bK3', 200);
  take('INVITE', 'z9hG4bK4', 486);
  take('REGISTER', 'z9hG4bK5', 0);
  t.equal(requests.length, 5, 'an answered OPTIONS and a refused INVITE made room');
  take('REGISTER', 'z9hG4bK6', 0);
  t.equal(requests.length, 5, 'what waits for its answer, or for its ACK, does not');
  t.match(sent.at(-1), /^SIP\/2.0 503/);
});

t.test('a merged request SHOULD get 482 (RFC 3261 §8.2.2.2)', async (t) => {
  const { layer, requests, sent, clock } = setUp();
  const same = { callId: 'm', cseq: 7 };
  const receive = (method: string, branch: string, more: object = {}): void =>
    layer.receiveRequest(request(method, via(branch), { ...same, ...more }), flow);
  receive('INVITE', 'z9hG4bK1');
  receive('INVITE', 'z9hG4bK2');
  t.equal(requests.length, 1, 'the same request by another way is offered to nobody');
  t.match(sent, [/^SIP\/2.0 482 Loop Detected\r\nVia: SIP\/2.0\/UDP 192.0.2.2;branch=z9hG4bK2/]);
  receive('INVITE', 'z9hG4bK1');
  receive('ACK', 'z9hG4bK2', { toTag: 'x' });
  receive('CANCEL', 'z9hG4bK1');
  t.equal(requests.length, 2, 'a CANCEL is not merged with its INVITE, nor a retransmission');
  receive('INVITE', 'z9hG4bK3', { cseq: 8 });
  receive('INVITE', 'z9hG4bK4', { cseq: 8, fromTag: 'g' });
  receive('OPTIONS', 'z9hG4bK5', { cseq: 8, fromTag: 'g' });
  receive('OPTIONS', 'z9hG4bK6', { cseq: 8, fromTag: 'g', toTag: 'x' });
  t.equal(requests.length, 6, 'another CSeq, another tag, another method, a request in a dialog');
  for (const transaction of requests) transaction.respond(404);
  clock.advance(32_000);
  t.equal(clock.pending, 0);
  receive('OPTIONS', 'z9hG4bK7', { cseq: 8, fromTag: 'g' });
  t.equal(requests.length, 7, 'what is over is forgotten');
});

t.test('100 Trying goes out after 200 ms unless the user answered (RFC 3261 §17.2.1)', async (t) => {
  const { layer, requests, sent, clock } = setUp();
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  clock.advance(199);
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  t.same(sent, []);
  clock.advance(1);
  t.match(sent, [/^SIP\/2.0 100 Trying\r\n(.*\r\n)*To: <sip:201@192.0.2.1>\r\n/]);
  layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
  t.equal(sent.length, 2, 'a retransmission gets it again');
  requests[0]?.respond(486);
  layer.receiveRequest(request('INVITE', via('z9hG4bK2')), flow);
  requests[1]?.respond(180);
  clock.advance(400);
  layer.receiveRequest(request('INVITE', via('z9hG4bK3')), flow);
  clock.advance(50);
  requests[2]?.respond(200);
  clock.advance(400);
  t.equal(sent.filter((text) => text.startsWith('SIP/2.0 100')).length, 2);
});

t.test('a request other than INVITE gets 100 when timer E has grown to T2, and never 408 (RFC 4320)', async (t) => {
  const { layer, requests, sent, clock } = setUp();
  layer.receiveRequest(request('OPTIONS', via('z9hG4bK1')), flow);
  t.equal(requests[0]?.respond(183), false, '§4.1: no provisional response but 100');
  clock.advance(3499);
  layer.receiveRequest(request('OPTIONS', via('z9hG4bK1')), flow);
  t.same(sent, []);
  clock.advance(1);
  t.match(sent, [/^SIP\/2.0 100 /]);
  requests[0]?.respond(200);
  t.match(sent[1], /^SIP\/2.0 200 /);
  layer.receiveRequest(request('OPTIONS', via('z9hG4bK2')), flow);
  t.equal(requests[1]?.respond(408), false);
  t.equal(sent.length, 2);
  clock.advance(32_000);
  t.equal(clock.pending, 0);
});

t.test('requests that are answered at once share one timer, and a jump of the time of day moves none', async (t) => {
  const { layer, requests, clock } = setUp(1000);
  for (let at = 0; at < 100; at += 1) {
    layer.receiveRequest(request('REGISTER', via(`z9hG4bK${at}`)), flow);
    requests[at]?.respond(200);
    clock.advance(10);
  }
  t.equal(clock.pending, 1);
  clock.jump(86_400_000);
  clock.advance(30_000);
  layer.receiveRequest(request('REGISTER', via('z9hG4bK0')), flow);
  t.equal(requests.length, 100, 'still remembered');
  clock.advance(1000);
  layer.receiveRequest(request('REGISTER', via('z9hG4bK0')), flow);
  layer.receiveRequest(request('REGISTER', via('z9hG4bK99')), flow);
  t.equal(requests.length, 101, 'each ends at its own time');
  requests[100]?.respond(200);
  clock.advance(32_000);
  t.equal(clock.pending, 0);
});

t.test('a request that nobody answers is forgotten', async (t) => {
  const { layer, clock } = setUp();
  layer.receiveRequest(request('OPTIONS', via('z9hG4bK1')), flow);
  clock.advance(32_000);
  t.equal(clock.pending, 0);
});

t.test('responses are matched by branch, sent-by and CSeq method', async (t) => {
  const { layer, sent } = setUp();
  const heard: SipResponse[] = [];
  const bare = new SipRequest('OPTIONS', 'sip:a@192.0.2.2', request('OPTIONS', 'x').headers.fields.slice(1));
  layer.request(bare, flow, { onResponse: (response) => heard.push(response), onFailed: () => undefined });
  const parsed = parseMessage(Buffer.from(sent[0] ?? ''));
  if (parsed.kind !== 'request') throw new Error('not what we sent');
  const answer = createResponse(parsed.request, 200, 'y');
  const changed = (name: string, value: string) =>
    createResponse(
      new SipRequest(
        'OPTIONS',
        'sip:a',
        answer.headers.fields.map((field) => (field[0] === name ? [name, value] : field)),
      ),
      200,
      'y',
    );
  layer.receiveResponse(changed('Via', via('z9hG4bKother')));
  layer.receiveResponse(changed('Via', (answer.headers.get('Via') ?? '').replace('192.0.2.1', '192.0.2.9')));
  layer.receiveResponse(changed('CSeq', '1 CANCEL'));
  t.equal(heard.length, 0);
  layer.receiveResponse(answer);
  layer.receiveResponse(answer);
  t.equal(heard.length, 1);
});

t.test('of an INVITE that has its final response neither body nor what belongs to it alone is kept', async (t) => {
  for (const status of [200, 486]) {
    const { layer, sent, clock } = setUp();
    const { method, uri, headers } = request('INVITE', 'x');
    const fields = [...headers.fields.slice(1), ['Route', '<sip:192.0.2.9;lr>'], ['User-Agent', 'Ringdown']] as const;
    const invite = new SipRequest(method, uri, fields, Buffer.from('v=0\r\n'));
    const heard: number[] = [];
    const bodies: string[] = [];
    const transaction = layer.request(invite, flow, {
      onResponse: (response) => {
        heard.push(response.status);
        bodies.push(transaction.request.body.toString());
      },
      onFailed: () => undefined,
    });
    const parsed = parseMessage(Buffer.from(sent[0] ?? ''));
    if (parsed.kind !== 'request') throw new Error('not what we sent');
    layer.receiveResponse(createResponse(parsed.request, 180, 'y'));
    layer.receiveResponse(createResponse(parsed.request, status, 'y'));
    t.same(bodies, ['v=0\r\n', 'v=0\r\n'], 'whoever hears of the response has all of the request');
    t.equal(transaction.request.body.length, 0);
    t.same(
      transaction.request.headers.fields.map(([name]) => name),
      ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Route'],
    );
    layer.receiveResponse(createResponse(parsed.request, status, 'y'));
    t.same(heard, status === 200 ? [180, 200, 200] : [180, 486]);
    const acks = sent.filter((text) => text.startsWith('ACK '));
    if (status === 200) t.same(acks, []);
    else t.ok(acks.length === 2 && acks[0] === acks[1], 'the refusal is acknowledged each time, alike');
    clock.advance(32_000);
    t.equal(layer.size, 0);
  }
});

t.test('a flow that is closed fails the request, and close() fails what waits', async (t) => {
  const failed: string[] = [];
  const handlers = { onResponse: () => undefined, onFailed: (cause: string) => failed.push(cause) };
  const bare = new SipRequest('OPTIONS', 'sip:a@192.0.2.2', request('OPTIONS', 'x').headers.fields.slice(1));
  const gone = setUp();
  gone.fail();
  gone.layer.request(bare, flow, handlers);
  t.same(failed, [], 'not before the call has returned');
  await Promise.resolve();
  t.same(failed, ['transport-error']);
  const { layer, clock } = setUp();
  layer.request(bare, flow, handlers);
  layer.close();
  layer.close();
  t.same(failed, ['transport-error', 'transport-error']);
  t.equal(clock.pending, 0);
});

t.test(
  'who was told the end of a request is told no more of it, and not kept; of an INVITE with its 2xx others may come',
  async (t) => {
    for (const [method, status] of [
      ['INVITE', 486],
      ['OPTIONS', 200],
      ['INVITE', 200],
    ] as const) {
      const { layer, clock } = setUp();
      const heard: string[] = [];
      const handlers = {
        onResponse: (response: SipResponse) => heard.push(String(response.status)),
        onFailed: (cause: string) => heard.push(cause),
      };
      const bare = new SipRequest(method, 'sip:a@192.0.2.2', request(method, 'x').headers.fields.slice(1));
      const transaction = layer.request(bare, flow, handlers);
      layer.receiveResponse(createResponse(transaction.request, status, 'y'));
      t.equal(transaction.handlers === handlers, method === 'INVITE' && status === 200);
      layer.close();
      t.strictSame(heard.slice(0, 1), [String(status)]);
      t.equal(heard.length, method === 'INVITE' && status === 200 ? 2 : 1);
      t.equal(clock.pending, 0);
    }
  },
);

t.test('an answered request other than INVITE is answered again alike until timer J (RFC 3261 §17.2.2)', async (t) => {
  const { layer, requests, sent, clock } = setUp();
  layer.receiveRequest(request('REGISTER', via('z9hG4bK1')), flow);
  clock.advance(100);
  requests[0]?.respond(200);
  t.ok(requests[0]?.isTerminated, 'nothing of it is kept but its answer');
  clock.advance(31_000);
  layer.receiveRequest(request('REGISTER', via('z9hG4bK1')), flow);
  t.equal(requests.length, 1);
  t.equal(sent.length, 2);
  t.equal(sent[0], sent[1]);
  clock.advance(1000);
  t.equal(clock.pending, 0);
  layer.receiveRequest(request('REGISTER', via('z9hG4bK1')), flow);
  t.equal(requests.length, 2, 'after it the request is a new one');
});

t.test('an answer that cannot go out is told once, and not kept', async (t) => {
  const { layer, requests, sent, fail } = setUp();
  layer.receiveRequest(request('BYE', via('z9hG4bK1'), { toTag: 'x' }), flow);
  const causes: string[] = [];
  const [bye] = requests;
  if (bye === undefined) throw new Error('no request');
  bye.onFailed = (cause) => causes.push(cause);
  fail();
  bye.respond(200);
  await Promise.resolve();
  t.same(causes, ['transport-error']);
  layer.receiveRequest(request('BYE', via('z9hG4bK1'), { toTag: 'x' }), flow);
  t.equal(requests.length, 2);
  t.same(sent, []);
});

t.test('an INVITE whose answer cannot go out MUST stay known (RFC 6026 §7.1)', async (t) => {
  for (const status of [180, 486]) {
    const { layer, requests, clock, fail } = setUp();
    layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
    const causes: string[] = [];
    const [invite] = requests;
    if (invite === undefined) throw new Error('no request');
    invite.onFailed = (cause) => causes.push(cause);
    fail();
    invite.respond(status);
    await Promise.resolve();
    t.same(causes, ['transport-error']);
    layer.receiveRequest(request('INVITE', via('z9hG4bK1')), flow);
    t.equal(requests.length, 1, 'the INVITE that comes again is no new one');
    invite.respond(487);
    clock.advance(40_000);
    t.ok(invite.isTerminated);
    t.equal(clock.pending, 0);
  }
});

t.test(
  'of an accepted INVITE whose session is over nothing is left but that copies are dropped (RFC 6026 §7.1)',
  async (t) => {
    const { clock, layer, requests, sent, acks } = setUp();
    const invite = request('INVITE', via('z9hG4bK1'), { callId: 'one' });
    const [other, cancel] = [
      request('MESSAGE', via('z9hG4bK2'), { callId: 'one', cseq: 2 }),
      request('CANCEL', via('z9hG4bK1')),
    ];
    layer.receiveRequest(invite, flow);
    const [transaction] = requests;
    transaction?.settle();
    t.equal(layer.inviteOf(cancel), transaction, 'it has no answer yet');
    transaction?.respond(200);
    layer.receiveRequest(other, flow);
    transaction?.settle();
    transaction?.settle();
    t.equal(sent.length, 1);
    t.equal(layer.size, 2);
    t.equal(layer.inviteOf(cancel), undefined, 'nothing is left to be cancelled');
    layer.receiveRequest(invite, flow);
    layer.receiveRequest(request('ACK', via('z9hG4bK1'), { callId: 'one' }), flow);
    t.equal(requests.length, 2, 'a copy is no new call');
    t.equal(sent.length, 1, 'and gets nothing');
    t.same(acks, [], 'its ACK concerns nobody');
    layer.receiveRequest(request('MESSAGE', via('z9hG4bK3'), { callId: 'one', cseq: 2 }), flow);
    t.match(sent.at(-1), /^SIP\/2.0 482 /, 'the later request of its Call-ID is still known');
    clock.advance(32_000);
    layer.receiveRequest(invite, flow);
    t.equal(requests.length, 3, 'after 64*T1 it is another one');
  },
);

t.test('an accepted INVITE stays known, though its 2xx could not go out and its session is over', async (t) => {
  const { layer, requests, fail } = setUp();
  const invite = request('INVITE', via('z9hG4bK1'));
  layer.receiveRequest(invite, flow);
  fail();
  requests[0]?.respond(200);
  requests[0]?.settle();
  await new Promise<void>((resolve) => setImmediate(resolve));
  layer.receiveRequest(invite, flow);
  t.equal(requests.length, 1);
});
