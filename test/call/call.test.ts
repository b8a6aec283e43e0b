import t from 'tap';
import { Call } from '../../firmware/call/call.ts';
import type { MediaSettings } from '../../firmware/call/leg/media-settings.ts';
import { createLogger, SourceLog } from '../../firmware/core/logger.ts';
import type { LegParameters, MediaClient, MediaEvent } from '../../firmware/media/client.ts';
import type { Binding } from '../../firmware/registrar/binding.ts';
import {
  type Flow,
  type HeaderField,
  Headers,
  type IncomingInvite,
  type IncomingInviteHandlers,
  type InviteOptions,
  type OutgoingInvite,
  type OutgoingInviteHandlers,
  SipRequest,
  type SipResponse,
  type SipStack,
} from '../../firmware/sip/stack.ts';
import { FakeClock } from '../support/fake-clock.ts';

const flow: Flow = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.2',
  remotePort: 5060,
};

const description = (port: number): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.2', 's=-', 'c=IN IP4 192.0.2.2', 't=0 0', `m=audio ${port} RTP/AVP 8`, ''].join(
    '\r\n',
  );

const ANSWER = { status: 200, headers: new Headers([]) } as unknown as SipResponse;

const SETTINGS: MediaSettings = {
  codecs: ['PCMA', 'PCMU', 'G729'],
  security: 'disabled',
  encryptSrtcp: false,
  dscp: 46,
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function binding(contact: string, deviceFlow: Flow, more: Partial<Binding> = {}): Binding {
  return { contact, callId: 'r', cSeq: 1, expiresAtMs: 1, flow: deviceFlow, ...more };
}

/** A call that rings one device, with a media worker that does what it is asked when it is told to. */
async function setUp(
  deviceFlow = flow,
  headers: readonly HeaderField[] = [],
  otherWays: readonly Binding[] = [],
  offer: string | 'none' = description(9000),
) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const logger = createLogger('warn', { write: (line) => lines.push(line) });
  const configured: LegParameters[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const session = {
    id: 1,
    ports: [4000, 4002],
    configure: (_leg: number, parameters: LegParameters) =>
      new Promise<void>((resolve, reject) => {
        configured.push(parameters);
        waiting.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    onEvent: (listener: (event: MediaEvent) => void) => listeners.push(listener),
    close: async () => void closed.push(1),
  };
  const listeners: ((event: MediaEvent) => void)[] = [];
  const closed: number[] = [];
  const accepted: string[] = [];
  const told: string[] = [];
  const invite = {
    handlers: {} as IncomingInviteHandlers,
    message: { maxForwards: 70, headers: new Headers(headers) },
    flow,
    offer: offer === 'none' ? undefined : offer,
    dialog: { callId: 'c' },
    provisional: (status: number, { sdp }: { sdp?: string } = {}) => provisional.push(sdp ?? status),
    reject: (status: number, { headers }: { headers?: readonly HeaderField[] } = {}) => {
      rejected.push(status);
      refusals.push(...(headers ?? []));
    },
    accept: ({ sdp }: { sdp: string }) => accepted.push(sdp) > 0,
    bye: async (reason?: string) => void told.push(`caller BYE ${reason ?? ''}`),
  };
  let device: OutgoingInviteHandlers = {};
  const outgoing = {
    established: true,
    bye: async (reason?: string) => void told.push(`device BYE ${reason ?? ''}`),
    cancel: () => undefined,
  };
  const rejected: number[] = [];
  const refusals: HeaderField[] = [];
  const provisional: (string | number)[] = [];
  const offered: InviteOptions[] = [];
  const stack = {
    advertisedAddress: (address: string) => address,
    isOpen: ({ remotePort }: Flow) => remotePort !== 1,
    invite: (options: InviteOptions) => {
      offered.push(options);
      device = options.handlers;
      return { ...outgoing } as unknown as OutgoingInvite;
    },
  };
  const call = new Call({
    mediaSettings: { caller: SETTINGS, callee: SETTINGS },
    mayBeDirect: () => false,
    invite: invite as unknown as IncomingInvite,
    caller: { number: '201', name: 'Reception' },
    callee: { number: '202', name: 'Workshop' },
    devices: [{ ways: [binding('sip:202@192.0.2.2', deviceFlow), ...otherWays] }],
    stack: stack as unknown as SipStack,
    media: async () => ({ openSession: async () => session }) as unknown as MediaClient,
    clock,
    logger,
    sourceLog: new SourceLog(logger, clock),
    onEnded: () => undefined,
  });
  call.start();
  await turn();
  return {
    call,
    invite,
    device,
    loseMedia: () => listeners.map((listener) => listener({ kind: 'lost', session: 1, reason: 'port taken' })),
    rejected,
    configured,
    waiting,
    accepted,
    closed,
    lines,
    told,
    offered,
    provisional,
    refusals,
  };
}

t.test('a re-INVITE of the device that comes before the caller has its answer waits for another time', async (t) => {
  const { device, configured, waiting, accepted } = await setUp();
  device.onAnswered?.(description(9100), ANSWER);
  await turn();
  t.match(await device.onReinvite?.(description(9200)), { status: 491 });
  while (waiting.length > 0) {
    waiting.shift()?.();
    await turn();
  }
  t.equal(accepted.length, 1);
  t.same(
    configured.map(({ remotePort }) => remotePort),
    [9100, 9000],
    'what the device answered was not undone by what it asked for',
  );
  const later = device.onReinvite?.(description(9200));
  await turn();
  waiting.shift()?.();
  t.match(await later, { sdp: /m=audio 4002 / });
  t.equal(configured.at(-1)?.remotePort, 9200);
});

t.test('a call goes over the addresses of ours that its two sides are reached from', async (t) => {
  const { call, device, waiting } = await setUp({ ...flow, localAddress: '192.0.2.3' });
  const over = (...addresses: readonly string[]): boolean => call.goesOver(addresses);
  t.equal(over('192.0.2.1'), true, "the caller's");
  t.equal(over('192.0.2.3'), false, 'a device that only rings may be one of several');
  device.onAnswered?.(description(9100), ANSWER);
  await turn();
  while (waiting.length > 0) {
    waiting.shift()?.();
    await turn();
  }
  t.equal(call.summary.state, 'established');
  t.equal(over('192.0.2.3'), true, 'that of the device that answered');
  t.equal(over('192.0.2.9', '192.0.2.1'), true);
  t.equal(over('192.0.2.9', '192.0.2.2'), false, "not the peers' addresses");
  t.equal(over(), false);
});

t.test('the reason of who hangs up reaches the other side (RFC 3326)', async (t) => {
  const hungUp = (reason?: string): SipRequest =>
    new SipRequest('BYE', 'sip:box', reason === undefined ? [] : [['Reason', reason]]);
  const byDevice = await setUp();
  const byCaller = await setUp();
  for (const { device, waiting } of [byDevice, byCaller]) {
    device.onAnswered?.(description(9100), ANSWER);
    await turn();
    while (waiting.length > 0) {
      waiting.shift()?.();
      await turn();
    }
  }
  byDevice.device.onBye?.(hungUp('Q.850;cause=16'));
  t.same(byDevice.told, ['caller BYE Q.850;cause=16']);
  byCaller.invite.handlers.onBye?.(hungUp());
  t.same(byCaller.told, ['device BYE ']);
});

t.test('a device that hangs up while the media are joined has answered: the caller gets 200, then BYE', async (t) => {
  const { call, device, rejected, waiting, accepted, closed, lines, told } = await setUp();
  device.onAnswered?.(description(9100), ANSWER);
  await turn();
  device.onBye?.(new SipRequest('BYE', 'sip:box', [['Reason', 'Q.850;cause=16']]));
  device.onEnded?.('bye-received');
  t.equal(call.summary.state, 'answering');
  t.same(closed, [], 'the ports that the caller is about to be told stay those of this call');
  while (waiting.length > 0) {
    waiting.shift()?.();
    await turn();
  }
  t.equal(accepted.length, 1);
  t.same(told, ['caller BYE Q.850;cause=16']);
  t.same(rejected, []);
  t.equal(call.summary.state, 'ended');
  t.not(closed.length, 0);
  t.same(lines, []);
});

t.test('the identity of a caller who wants none shown is kept (RFC 3325 §7)', async (t) => {
  const shown = await setUp();
  t.match(shown.offered[0]?.headers, [['P-Asserted-Identity', 'Reception <sip:201@192.0.2.1>']]);
  const hidden = await setUp(flow, [['Privacy', 'id']]);
  t.match(hidden.offered[0], { privacy: ['id'] });
  t.same(hidden.offered[0]?.headers, []);
});

t.test('media follow a peer that answers a refresh from another port', async (t) => {
  const { device, configured, waiting, invite } = await setUp();
  device.onAnswered?.(description(9100), ANSWER);
  await turn();
  while (waiting.length > 0) {
    waiting.shift()?.();
    await turn();
  }
  device.onRefreshed?.(description(9300));
  await turn();
  t.equal(configured.at(-1)?.remotePort, 9300);
  waiting.shift()?.();
  await turn();
  invite.handlers.onRefreshed?.(description(9400));
  await turn();
  t.equal(configured.at(-1)?.remotePort, 9400);
});

t.test('a call whose media are lost ends, and both sides are told why (RFC 3326)', async (t) => {
  const { call, device, loseMedia, waiting, told, rejected, closed, lines } = await setUp();
  device.onAnswered?.(description(9002), ANSWER);
  for (let step = 0; step < 4; step += 1) {
    await turn();
    waiting.shift()?.();
  }
  await turn();
  t.equal(call.summary.state, 'established');
  loseMedia();
  loseMedia();
  const reason = 'SIP;cause=503;text="Media lost"';
  t.same(told, [`device BYE ${reason}`, `caller BYE ${reason}`]);
  t.equal(call.summary.state, 'ended');
  t.equal(closed.length, 1, 'its ports go back');
  t.match(lines.join(''), /port taken/);

  const ringing = await setUp();
  ringing.loseMedia();
  t.same(ringing.rejected, [503]);
  t.same(rejected, []);
});

t.test('hanging up while the media are joined is no error', async (t) => {
  const { call, invite, device, waiting, lines } = await setUp();
  device.onAnswered?.(description(9100), ANSWER);
  await turn();
  invite.handlers.onCancel?.(undefined);
  t.equal(call.summary.state, 'ended');
  waiting.shift()?.(new Error('the media session is closed'));
  await turn();
  t.same(lines, []);
});

t.test('a device is tried by its other flows where one leads nowhere, and by no other answer', async (t) => {
  const {
    call,
    offered: asked,
    rejected,
  } = await setUp(
    flow,
    [],
    [
      binding('sip:closed', { ...flow, remotePort: 1 }),
      binding('sip:elsewhere', { ...flow, localAddress: '192.0.2.77' }),
      binding('sip:second', { ...flow, remotePort: 5080 }, { path: ['<sip:near;lr>', '<sip:edge;lr>'] }),
      binding('sip:third', { ...flow, remotePort: 5081 }),
    ],
  );
  const refuse = (status: number) => {
    const handlers = asked.at(-1)?.handlers ?? {};
    handlers.onRejected?.(status, '', undefined);
    handlers.onEnded?.('rejected');
  };
  refuse(430);
  t.match(asked.at(-1), { requestUri: 'sip:second', flow: { remotePort: 5080 } });
  t.same(
    asked.at(-1)?.headers?.filter(([name]) => name === 'Route'),
    [
      ['Route', '<sip:near;lr>'],
      ['Route', '<sip:edge;lr>'],
    ],
  );
  refuse(408);
  t.match(asked.at(-1), { requestUri: 'sip:third' });
  t.equal(call.summary.state, 'ringing');
  refuse(486);
  t.equal(call.summary.state, 'ended');
  t.same(rejected, [486]);
  t.equal(asked.length, 3);
});

/** Lets the media worker do all that it is asked. */
async function work(waiting: ((error?: Error) => void)[]): Promise<void> {
  await turn();
  while (waiting.length > 0) {
    waiting.shift()?.();
    await turn();
  }
}

t.test('a device that sends media before it answers is heard by the caller', async (t) => {
  const { call, device, provisional, accepted, configured, waiting } = await setUp();
  device.onProvisional?.(180, undefined, undefined as never);
  device.onProvisional?.(183, description(9100), undefined as never);
  await work(waiting);
  t.same(
    configured.map(({ remotePort }) => remotePort),
    [9100, 9000],
    'both legs are there before the answer',
  );
  t.match(provisional, [180, /m=audio 4000 RTP\/AVP 8/]);
  t.equal(call.summary.state, 'ringing');
  device.onAnswered?.(description(9102), ANSWER);
  await work(waiting);
  t.same(accepted, [provisional[1]], 'RFC 3264 §4: the same description in the 200');
  t.equal(configured.at(-1)?.remotePort, 9102, 'the device may have moved');
  t.equal(call.summary.state, 'established');
});

t.test('early media that are of no use ring', async (t) => {
  const { device, provisional, waiting, call } = await setUp();
  device.onProvisional?.(183, 'no description', undefined as never);
  await work(waiting);
  t.same(provisional, [180]);
  t.equal(call.summary.state, 'ringing');
});

t.test('early media that come as the device answers change nothing', async (t) => {
  const { device, provisional, waiting, accepted } = await setUp();
  device.onProvisional?.(183, description(9100), undefined as never);
  device.onAnswered?.(description(9100), ANSWER);
  await work(waiting);
  t.same(provisional, []);
  t.equal(accepted.length, 1);
});

t.test('a caller without an offer hears no early media', async (t) => {
  const { device, invite, provisional, accepted, configured, waiting } = await setUp(flow, [], [], 'none');
  device.onProvisional?.(183, description(9100), undefined as never);
  await work(waiting);
  t.same(provisional, [180]);
  device.onAnswered?.(description(9100), ANSWER);
  await work(waiting);
  t.match(accepted, [/m=audio 4000 RTP\/AVP 8 0 18/]);
  invite.handlers.onAck?.(description(9000));
  await work(waiting);
  t.equal(configured.at(-1)?.remotePort, 9000);
});

t.test('a re-INVITE without an offer gets ours, and its answer comes with the ACK', async (t) => {
  const { call, invite, device, waiting, configured } = await setUp();
  device.onAnswered?.(description(9100), ANSWER);
  await work(waiting);
  for (const [handlers, port, offered] of [
    [invite.handlers, 9200, 4000],
    [device, 9300, 4002],
  ] as const) {
    t.match(await handlers.onReinvite?.(undefined), { sdp: `m=audio ${offered} RTP/AVP 8 0 18` });
    handlers.onAck?.(description(port));
    await work(waiting);
    t.equal(configured.at(-1)?.remotePort, port);
    handlers.onAck?.(description(port + 2));
    await work(waiting);
    t.equal(configured.at(-1)?.remotePort, port, 'no offer waits for that');
    await handlers.onReinvite?.(undefined);
    handlers.onAck?.(undefined);
    await work(waiting);
    t.equal(call.summary.state, 'established', 'all stays as it was where none comes');
  }
});

t.test('RFC 3261 §20.43: a Warning says what is wrong with an offer', async (t) => {
  const video = description(9000).replace('m=audio 9000 RTP/AVP 8', 'm=video 9000 RTP/AVP 96');
  const secure = description(9000).replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF');
  const opus = description(9000).replace('RTP/AVP 8', 'RTP/AVP 96\r\na=rtpmap:96 opus/48000/2');
  for (const [offer, code] of [
    [video, 304],
    [secure, 302],
    [opus, 305],
  ] as const) {
    const { rejected, refusals } = await setUp(flow, [], [], offer);
    t.same(rejected, [488]);
    t.match(refusals, [['Warning', new RegExp(`^${code} 192\\.0\\.2\\.1 "`)]]);
  }
  const { device, invite, waiting } = await setUp();
  device.onAnswered?.(description(9100), ANSWER);
  await work(waiting);
  t.match(await invite.handlers.onReinvite?.(opus), { status: 488, headers: [['Warning', /^305 /]] });
});
