import t from 'tap';
import type { EventPackage, IncomingRequest, SipStackOptions } from '../../../firmware/sip/stack.ts';
import { header, RawPeer, toTag } from '../support/raw-peer.ts';
import { openStack, turns } from '../support/stacks.ts';

/** A resource is the user part of the Request-URI; `Authorization: yes` proves everything, and nobody may see 666. */
const lamp = (told: string[], more: Partial<EventPackage> = {}): EventPackage => ({
  event: 'lamp',
  contentType: 'application/lamp+xml',
  defaultExpiresSeconds: 3600,
  minExpiresSeconds: 60,
  maxExpiresSeconds: 7200,
  authorize(request: IncomingRequest) {
    if (request.message.headers.get('Authorization') !== 'yes') {
      request.respond(401, { headers: [['WWW-Authenticate', 'Digest realm="r", nonce="n"']] });
      return { kind: 'answered' };
    }
    const resource = request.message.sipUri?.user ?? '';
    if (resource === '666') {
      request.respond(403);
      return { kind: 'answered' };
    }
    return { kind: 'accepted', resource, pending: resource === '300' };
  },
  state(resource, version) {
    told.push(`${resource} ${version}`);
    return `<lamp of="${resource}" version="${version}"/>`;
  },
  ...more,
});

async function setUp(more: Partial<EventPackage> = {}, options: Partial<SipStackOptions> = {}) {
  const told: string[] = [];
  const { stack, clock, port } = await openStack(['udp'], '127.0.0.1', {
    eventPackages: [lamp(told, more), lamp(told, { event: 'horn' })],
    ...(options as object),
  });
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  let branch = 0;
  const subscribe = async (options: Ask = {}): Promise<string> => {
    branch += 1;
    const callId = options.callId ?? 's';
    const headers = [
      ...(options.event === undefined ? ['Event: lamp'] : options.event === '' ? [] : [`Event: ${options.event}`]),
      ...(options.anonymous === true ? [] : ['Authorization: yes']),
      ...(options.expires === undefined ? [] : [`Expires: ${options.expires}`]),
      ...(options.headers ?? []),
    ];
    peer.send(
      peer.request('SUBSCRIBE', `s${branch}`, {
        callId,
        headers,
        cseq: options.cseq ?? 1,
        uri: `sip:${options.to ?? '201'}@127.0.0.1`,
        ...(options.toTag === undefined ? {} : { toTag: options.toTag }),
      }),
    );
    return peer.next(new RegExp(`^SIP/2.0 [2-6](.*\r\n)*Call-ID: ${callId}\r`));
  };
  const answer = (request: string, status = '200 OK', more = ''): void => {
    const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}\r\n`);
    peer.send(`SIP/2.0 ${status}\r\n${copied.join('')}${more}Content-Length: 0\r\n\r\n`);
  };
  const notify = async (status?: string, more?: string): Promise<string> => {
    const request = await peer.next(/^NOTIFY/);
    answer(request, status, more);
    await turns();
    return request;
  };
  const close = async (): Promise<void> => {
    peer.close();
    const closing = stack.close();
    await turns();
    clock.advance(2000);
    await closing;
    t.equal(clock.pending, 0, 'no timer is left');
  };
  return { stack, clock, peer, told, subscribe, answer, notify, close };
}

interface Ask {
  readonly callId?: string;
  /** '' for none. */
  readonly event?: string;
  readonly expires?: number | string;
  readonly anonymous?: boolean;
  readonly headers?: readonly string[];
  readonly cseq?: number;
  readonly toTag?: string;
  readonly to?: string;
}

const REFUSED: readonly (readonly [title: string, ask: Ask, status: number, header?: readonly [string, string]])[] = [
  ['an unknown event MUST get 489 with Allow-Events', { event: 'x' }, 489, ['Allow-Events', 'lamp, horn']],
  ['event names are compared byte by byte (§8.2.1)', { event: 'Lamp' }, 489],
  ['no Event at all', { event: '' }, 489],
  ['a malformed Event', { event: 'lamp;id="' }, 489],
  ['too brief an interval MUST get 423 with Min-Expires (§4.2.1.1)', { expires: 59 }, 423, ['Min-Expires', '60']],
  ['a malformed Expires', { expires: 'soon' }, 400],
  ['a body type that the peer does not take', { headers: ['Accept: text/plain, text/*'] }, 406],
  ['a type that it refuses by name', { headers: ['Accept: application/lamp+xml;q=0'] }, 406],
  [
    'a stranger is challenged by the package',
    { anonymous: true },
    401,
    ['WWW-Authenticate', 'Digest realm="r", nonce="n"'],
  ],
  ['a resource that is nobody’s business', { to: '666' }, 403],
  ['a dialog that is not there', { toTag: 'gone' }, 481],
];

t.test('SUBSCRIBE that is refused (RFC 6665 §4.2.1.1)', async (t) => {
  const { peer, subscribe, close } = await setUp();
  for (const [at, [title, ask, status, expected]] of REFUSED.entries()) {
    const response = await subscribe({ callId: `r${at}`, ...ask });
    t.match(response, new RegExp(`^SIP/2.0 ${status} `), title);
    if (expected !== undefined) t.equal(header(response, expected[0]), expected[1], title);
  }
  await turns();
  t.same(peer.waiting, [], 'and nothing is told');
  await close();
});

t.test('the route set and the remote target lead the NOTIFY (RFC 6665 §4.2.2)', async (t) => {
  const { peer, subscribe, notify, close } = await setUp();
  const ok = await subscribe({
    expires: 100_000,
    headers: [
      `Record-Route: <sip:127.0.0.1:${peer.port};lr>`,
      'Record-Route: <sip:127.0.0.1:8;lr>',
      'Accept: application/*',
    ],
  });
  t.match(ok, /^SIP\/2.0 200 /);
  t.equal(header(ok, 'Expires'), '7200', 'cut to the most');
  t.match(header(ok, 'Contact'), /^<sip:201@127\.0\.0\.1:\d+>$/);
  t.match(ok, new RegExp(`Record-Route: <sip:127.0.0.1:${peer.port};lr>\r\nRecord-Route: <sip:127.0.0.1:8;lr>`));
  const routed = await notify('200 OK', 'Contact: <sip:moved@127.0.0.1:7>\r\n');
  t.match(routed, /^NOTIFY sip:202@127/);
  t.match(routed, new RegExp(`Route: <sip:127.0.0.1:${peer.port};lr>\r\nRoute: <sip:127.0.0.1:8;lr>`));
  await subscribe({ toTag: toTag(ok), cseq: 2, headers: ['Record-Route: <sip:127.0.0.1:6;lr>'] });
  const later = await notify();
  t.match(later, /^NOTIFY sip:202@127/, 'SUBSCRIBE moves the target back');
  t.notMatch(later, /127\.0\.0\.1:6[;>]/, 'and the route set stays (§4.4.1)');
  await close();
});

t.test('SUBSCRIBE, NOTIFY at once and at each change, refresh, unsubscribe', async (t) => {
  const plain = await setUp();
  const response = await plain.subscribe({ event: 'lamp;id=7' });
  t.equal(header(response, 'Expires'), '3600');
  const first = await plain.notify();
  t.match(first, new RegExp(`^NOTIFY sip:202@127.0.0.1:${plain.peer.port} SIP/2.0`), 'to the remote target');
  t.equal(header(first, 'Event'), 'lamp;id=7');
  t.equal(header(first, 'Subscription-State'), 'active;expires=3600');
  t.equal(header(first, 'CSeq'), '1 NOTIFY');
  t.equal(toTag(first), 'peer');
  t.match(header(first, 'From'), new RegExp(`tag=${toTag(response)}$`));
  t.equal(header(first, 'Content-Type'), 'application/lamp+xml');
  t.match(first, /\r\n\r\n<lamp of="201" version="0"\/>$/);
  plain.clock.advance(600_000);
  plain.stack.notify('lamp', '202');
  plain.stack.notify('horn', '201');
  plain.stack.notify('nothing', '201');
  plain.stack.notify('lamp', '201');
  const second = await plain.notify();
  t.equal(header(second, 'Subscription-State'), 'active;expires=3000');
  t.match(second, /version="1"/);
  const refreshed = await plain.subscribe({
    toTag: toTag(response),
    cseq: 2,
    event: 'lamp;id=7',
    expires: 60,
  });
  t.match(refreshed, /^SIP\/2.0 200 (.*\r\n)*Expires: 60/);
  t.equal(header(await plain.notify(), 'Subscription-State'), 'active;expires=60');
  t.match(await plain.subscribe({ toTag: toTag(response), cseq: 1, event: 'lamp;id=7' }), /^SIP\/2.0 500 /, 'old CSeq');
  t.match(
    await plain.subscribe({ toTag: toTag(response), cseq: 3, event: 'lamp;id=7', anonymous: true }),
    /^SIP\/2.0 401 /,
    'a refresh with an old nonce is challenged, and the subscription lives on',
  );
  t.match(await plain.subscribe({ toTag: toTag(response), cseq: 4, event: 'lamp;id=7', to: '999' }), /^SIP\/2.0 403 /);
  t.match(
    await plain.subscribe({ toTag: toTag(response), cseq: 5, event: 'lamp;id=7', expires: 0 }),
    /^SIP\/2.0 200 (.*\r\n)*Expires: 0/,
  );
  const last = await plain.notify();
  t.equal(header(last, 'Subscription-State'), 'terminated;reason=timeout', '§4.2.1.4');
  t.match(last, /version="3"/);
  plain.stack.notify('lamp', '201');
  t.match(await plain.subscribe({ toTag: toTag(response), cseq: 6, event: 'lamp;id=7' }), /^SIP\/2.0 481 /);
  await turns();
  t.same(plain.peer.waiting, []);
  await plain.close();
});

t.test('a flood of SUBSCRIBEs is bounded: in all, by source, by resource', async (t) => {
  for (const limits of [
    { total: 3, perSource: 9, perResource: 9 },
    { total: 9, perSource: 3, perResource: 9 },
    { total: 9, perSource: 9, perResource: 3 },
  ]) {
    const { stack, peer, subscribe, notify, close } = await setUp({}, { subscriptionLimits: limits });
    for (const callId of ['a', 'b', 'c']) {
      t.match(await subscribe({ callId }), /^SIP\/2.0 200 /);
      await notify();
    }
    t.match(await subscribe({ callId: 'd' }), /^SIP\/2.0 503 (.*\r\n)*Retry-After: 60/);
    stack.endSubscriptions('lamp', '201', 'noresource');
    t.match(await subscribe({ callId: 'e' }), /^SIP\/2.0 (503|200) /, 'the last NOTIFYs are still on their way');
    for (let ended = 0; ended < 3; ended += 1) await notify();
    t.match(await subscribe({ callId: 'f' }), /^SIP\/2.0 200 /, 'there is room again');
    await turns();
    while (peer.waiting.length > 0) await notify();
    await close();
  }
});

t.test('Expires: 0 fetches the state (RFC 6665 §4.4.3)', async (t) => {
  const { clock, subscribe, notify, close } = await setUp();
  t.match(await subscribe({ expires: 0 }), /^SIP\/2.0 200 (.*\r\n)*Expires: 0/);
  const only = await notify();
  t.equal(header(only, 'Subscription-State'), 'terminated;reason=timeout');
  t.match(only, /<lamp of="201" version="0"\/>/);
  clock.advance(40_000);
  t.equal(clock.pending, 0);
  await close();
});

t.test('a subscription that is not refreshed ends with a NOTIFY (RFC 6665 §4.2.1.4)', async (t) => {
  const { clock, subscribe, notify, peer, stack, close } = await setUp();
  const ok = await subscribe({ expires: 60 });
  await notify();
  clock.advance(60_000);
  t.equal(header(await notify(), 'Subscription-State'), 'terminated;reason=timeout');
  stack.notify('lamp', '201');
  t.match(await subscribe({ toTag: toTag(ok), cseq: 2 }), /^SIP\/2.0 481 /);
  t.same(peer.waiting, []);
  await close();
});

t.test('one NOTIFY at a time, and only the newest state', async (t) => {
  const { stack, told, peer, subscribe, answer, notify, close } = await setUp();
  await subscribe();
  const first = await peer.next(/^NOTIFY/);
  for (let change = 0; change < 10_000; change += 1) stack.notify('lamp', '201');
  await turns();
  t.same(peer.waiting, []);
  answer(first);
  t.match(await notify(), /version="1"/);
  await turns();
  t.same(peer.waiting, []);
  t.same(told, ['201 0', '201 1']);
  await close();
});

t.test('a lost NOTIFY is sent again, and the subscription lives until its expiry', async (t) => {
  const { stack, clock, peer, subscribe, notify, close } = await setUp();
  await subscribe();
  const lost = await peer.next(/^NOTIFY/);
  // 64*T1 without an answer, and with all its retransmissions.
  clock.advance(32_000);
  await turns();
  while (peer.waiting.length > 0) t.equal(header(await peer.next(), 'CSeq'), header(lost, 'CSeq'));
  clock.advance(3999);
  await turns();
  t.same(peer.waiting, []);
  clock.advance(1);
  const again = await notify('503 Service Unavailable', 'Retry-After: 20\r\n');
  t.equal(header(again, 'CSeq'), '2 NOTIFY');
  t.match(again, /version="1"/, 'the full state');
  clock.advance(19_999);
  stack.notify('lamp', '201');
  await turns();
  t.same(peer.waiting, []);
  clock.advance(1);
  t.match(await notify('400 Bad Request'), /version="2"/);
  clock.advance(100_000);
  await turns();
  t.same(peer.waiting, [], 'what was heard and refused is not repeated');
  stack.notify('lamp', '201');
  t.match(await notify('480 Temporarily Unavailable'), /version="3"/);
  clock.advance(4000);
  t.match(await notify(), /version="4"/);
  await close();
});

for (const status of [404, 405, 410, 481, 489, 501]) {
  t.test(`${status} to a NOTIFY ends the subscription (RFC 6665 §4.2.2)`, async (t) => {
    const { stack, clock, peer, subscribe, notify, close } = await setUp();
    const ok = await subscribe();
    await notify(`${status} No`);
    stack.notify('lamp', '201');
    await turns();
    t.same(peer.waiting, []);
    clock.advance(40_000);
    t.equal(clock.pending, 0);
    t.match(await subscribe({ toTag: toTag(ok), cseq: 2 }), /^SIP\/2.0 481 /);
    await close();
  });
}

t.test('pending until it is approved (RFC 6665 §4.2.1.3), and ended by the layer above', async (t) => {
  const { stack, peer, subscribe, notify, close } = await setUp();
  t.match(await subscribe({ to: '300' }), /^SIP\/2.0 200 /);
  const pending = await notify();
  t.equal(header(pending, 'Subscription-State'), 'pending;expires=3600');
  t.match(pending, /Content-Length: 0\r\n\r\n$/);
  stack.notify('lamp', '300');
  await turns();
  t.same(peer.waiting, []);
  stack.approveSubscriptions('lamp', '300');
  t.match(await notify(), /Subscription-State: active;expires=3600\r\n(.*\r\n)*\r\n<lamp of="300"/);
  stack.endSubscriptions('lamp', '300', 'probation', 90);
  t.equal(header(await notify(), 'Subscription-State'), 'terminated;reason=probation;retry-after=90');
  await subscribe({ callId: 'b' });
  await notify();
  stack.endSubscriptions('lamp', '201', 'rejected');
  t.match(await notify(), /Subscription-State: terminated;reason=rejected\r\n(.*\r\n)*Content-Length: 0/);
  await close();
});

t.test('two subscriptions in one dialog, told apart by Event and id (RFC 6665 §4.5.2)', async (t) => {
  const { stack, subscribe, notify, close } = await setUp();
  const tag = toTag(await subscribe());
  t.equal(header(await notify(), 'CSeq'), '1 NOTIFY');
  t.match(await subscribe({ toTag: tag, cseq: 2, event: 'horn' }), /^SIP\/2.0 200 /);
  const horn = await notify();
  t.equal(header(horn, 'Event'), 'horn');
  t.equal(header(horn, 'CSeq'), '2 NOTIFY', 'one CSeq for the dialog');
  t.match(await subscribe({ toTag: tag, cseq: 3, expires: 0 }), /^SIP\/2.0 200 /);
  t.equal(header(await notify(), 'Event'), 'lamp');
  stack.notify('lamp', '201');
  stack.notify('horn', '201');
  t.equal(header(await notify(), 'Event'), 'horn');
  await close();
});

t.test('SUBSCRIBE in the dialog of a session outlives it', async (t) => {
  const { stack, peer, subscribe, notify, close } = await setUp(
    {},
    {
      handlers: {
        onRequest: () => false,
        onInvite(invite) {
          invite.accept({ sdp: 'v=0\r\n' });
          return true;
        },
      },
    },
  );
  peer.send(peer.request('INVITE', 'i', { callId: 's', body: 'v=0\r\n' }));
  const ok = await peer.next(/^SIP\/2.0 200/);
  t.equal(header(ok, 'Allow-Events'), 'lamp, horn');
  t.match(header(ok, 'Allow'), /SUBSCRIBE/);
  peer.send(peer.request('ACK', 'a', { callId: 's', toTag: toTag(ok) }));
  t.match(await subscribe({ toTag: toTag(ok), cseq: 2 }), /^SIP\/2.0 200 /);
  t.match(header(await notify(), 'From'), new RegExp(`tag=${toTag(ok)}`));
  peer.send(peer.request('BYE', 'b', { callId: 's', toTag: toTag(ok), cseq: 3 }));
  await peer.next(/^SIP\/2.0 200 OK\r\n(.*\r\n)*CSeq: 3 BYE/);
  stack.notify('lamp', '201');
  t.equal(header(await notify(), 'CSeq'), '2 NOTIFY');
  t.match(await subscribe({ toTag: toTag(ok), cseq: 4 }), /^SIP\/2.0 200 /);
  await notify();
  await close();
});

t.test('close() tells subscribers that they may subscribe anew', async (t) => {
  const { stack, clock, peer, subscribe, notify } = await setUp();
  await subscribe();
  await notify();
  const closing = stack.close();
  t.equal(header(await notify(), 'Subscription-State'), 'terminated;reason=deactivated');
  await closing;
  peer.close();
  t.equal(clock.pending, 0);
});

t.test('a package that throws costs its subscriber the body, not the box its life', async (t) => {
  const { subscribe, notify, close } = await setUp({
    state: () => {
      throw new Error('of the package');
    },
  });
  await subscribe();
  t.match(await notify(), /Content-Length: 0/);
  await close();
});
