import t from 'tap';
import { DigitRelay } from '../../../firmware/call/leg/digit-relay.ts';
import type { LegIndex, LegParameters, MediaEvent, MediaSession } from '../../../firmware/media/client.ts';
import { type HeaderField, Headers, type IncomingRequest, type SipResponse } from '../../../firmware/sip/stack.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const PCMA: LegParameters = {
  remoteAddress: '192.0.2.2',
  remotePort: 9000,
  codec: 'PCMA',
  payloadType: 8,
  ptimeMs: 20,
  direction: 'sendrecv',
};
const EVENTS: LegParameters = { ...PCMA, telephoneEventPayloadType: 101 };
const G729: LegParameters = { ...PCMA, codec: 'G729', payloadType: 18 };
const ALLOWS: HeaderField = ['Allow', 'INVITE, ACK, BYE, info'];
const ACCEPTS: HeaderField = ['Accept', 'application/sdp, application/dtmf-relay'];

/** What was done, in words; the device of leg 1 has these headers and answers INFO with that. */
function setUp(
  parameters: readonly [LegParameters, LegParameters],
  headers: readonly HeaderField[] = [],
  answer = 200,
) {
  const done: string[] = [];
  let listener: (event: MediaEvent) => void = () => undefined;
  const session = {
    onEvent: (given: typeof listener) => {
      listener = given;
    },
    configure: async (leg: LegIndex, { detectDigits, digitsBySignalling }: LegParameters) => {
      done.push(
        `leg ${leg}:${detectDigits === true ? ' detect' : ''}${digitsBySignalling === true ? ' signalling' : ''}`,
      );
    },
    sendDigits: async (leg: LegIndex, digits: string, press: { durationMs?: number } = {}) => {
      done.push(`press ${digits} for leg ${leg}, ${press.durationMs} ms`);
    },
  };
  const relay = new DigitRelay(session as unknown as MediaSession, () => done.push('needs media'));
  const send = async (body: string, contentType: string): Promise<SipResponse> => {
    done.push(`INFO ${contentType} ${JSON.stringify(body)}`);
    return { status: answer } as SipResponse;
  };
  relay.meet(0, new Headers([]), send);
  relay.meet(1, new Headers(headers), send);
  const agreed = ([0, 1] as const).map((leg) => relay.parametersOf(leg, parameters[leg]));
  const press = (leg: LegIndex, digit: string, how: 'event' | 'audio') =>
    listener({ kind: 'digit', session: 1, leg, digit, durationMs: 160, how });
  const info = (leg: LegIndex, fields: readonly HeaderField[], body = '') => {
    let response = '';
    const request = {
      message: { headers: new Headers(fields), body: Buffer.from(body) },
      respond: (status: number, options: { headers?: readonly HeaderField[] } = {}) => {
        response = [status, ...(options.headers ?? []).map((field) => field.join(': '))].join(' ');
      },
    };
    return relay.receiveInfo(leg, request as unknown as IncomingRequest) ? response : 'not taken';
  };
  return { done, agreed, press, info };
}

const RELAY: HeaderField = ['Content-Type', 'application/dtmf-relay'];

const treatments: readonly {
  readonly title: string;
  readonly parameters: LegParameters;
  readonly headers?: readonly HeaderField[];
  readonly expected: Partial<LegParameters>;
}[] = [
  { title: 'events', parameters: EVENTS, headers: [ALLOWS, ACCEPTS], expected: {} },
  {
    title: 'events under a number of its own',
    parameters: { ...PCMA, telephoneEventPayloadType: 96 },
    expected: { telephoneEventReceivedType: 101 },
  },
  {
    title: 'events, with audio under our number for them',
    parameters: { ...PCMA, payloadType: 101, telephoneEventPayloadType: 96 },
    expected: {},
  },
  { title: 'nothing', parameters: PCMA, expected: { detectDigits: true } },
  { title: 'INFO allowed alone', parameters: PCMA, headers: [ALLOWS], expected: { detectDigits: true } },
  {
    title: 'anything accepted',
    parameters: PCMA,
    headers: [ALLOWS, ['Accept', '*/*']],
    expected: { detectDigits: true },
  },
  {
    title: 'dtmf-relay accepted, INFO not allowed',
    parameters: PCMA,
    headers: [ACCEPTS],
    expected: { detectDigits: true },
  },
  {
    title: 'dtmf-relay in INFO',
    parameters: PCMA,
    headers: [ALLOWS, ACCEPTS],
    expected: { detectDigits: true, digitsBySignalling: true },
  },
  { title: 'G.729 without INFO', parameters: G729, expected: {} },
  { title: 'G.729 with INFO', parameters: G729, headers: [ALLOWS], expected: { digitsBySignalling: true } },
];

for (const { title, parameters, headers, expected } of treatments) {
  t.test(`a device with ${title}`, async (t) => {
    t.same(setUp([EVENTS, parameters], headers).agreed[1], { ...parameters, ...expected });
  });
}

t.test('a digit of the media goes by INFO to a device that wants it so, one at a time', async (t) => {
  const { done, press } = setUp([EVENTS, PCMA], [ALLOWS, ACCEPTS]);
  press(0, '5', 'event');
  press(0, '#', 'event');
  await turn();
  t.same(done, [
    'INFO application/dtmf-relay "Signal=5\\r\\nDuration=160\\r\\n"',
    'INFO application/dtmf-relay "Signal=#\\r\\nDuration=160\\r\\n"',
  ]);
  press(1, '7', 'audio');
  await turn();
  t.equal(done.length, 2, 'the worker has made it an event');
});

t.test('a device that refuses INFO gets tones from then on', async (t) => {
  const { done, press } = setUp([EVENTS, PCMA], [ALLOWS, ACCEPTS], 415);
  press(0, '5', 'event');
  press(0, '6', 'event');
  await turn();
  t.same(done.slice(1), ['leg 1: detect', 'press 5 for leg 1, 160 ms', 'press 6 for leg 1, 160 ms']);
  press(0, '7', 'event');
  await turn();
  t.equal(done.length, 4, 'the worker does it by itself');
});

t.test('INFO that names no digit is answered as the RFCs say', async (t) => {
  const { done, info } = setUp([EVENTS, PCMA]);
  t.equal(info(1, [['Info-Package', 'dtmf'], RELAY], 'Signal=5'), 'not taken');
  t.equal(info(1, []), '200');
  t.equal(
    info(1, [['Content-Type', 'application/media_control+xml']], '<x/>'),
    '415 Accept: application/dtmf-relay, application/dtmf',
  );
  t.equal(info(1, [], 'Signal=5'), '415 Accept: application/dtmf-relay, application/dtmf');
  t.equal(info(1, [['Content-Type', ';;;']], 'Signal=5'), '415 Accept: application/dtmf-relay, application/dtmf');
  t.equal(info(1, [RELAY], 'Signal=flash'), '400');
  t.equal(info(1, [RELAY], '\0'.repeat(60_000)), '400');
  await turn();
  t.same(done, []);
});

t.test('a digit in INFO is pressed for the other leg, and its device is answered in kind', async (t) => {
  const { done, info, press } = setUp([EVENTS, PCMA], [ALLOWS]);
  t.equal(info(1, [['Content-Type', 'Application/DTMF-Relay ; charset=utf-8']], 'Signal=5\r\nDuration=250\r\n'), '200');
  await turn();
  t.same(done.splice(0), ['leg 1: detect signalling', 'needs media', 'press 5 for leg 0, 250 ms']);
  t.equal(info(1, [['Content-Type', 'application/dtmf']], '*'), '200');
  t.equal(info(1, [RELAY], 'Signal=1\r\nDuration=5\r\n'), '200');
  t.same(done.splice(0), ['needs media', 'press * for leg 0, 100 ms', 'needs media', 'press 1 for leg 0, 40 ms']);
  press(0, '9', 'event');
  await turn();
  t.same(done, ['INFO application/dtmf-relay "Signal=9\\r\\nDuration=160\\r\\n"']);
});

t.test('a phone that sends each key by event and by INFO presses it once', async (t) => {
  const { done, info, press } = setUp([EVENTS, EVENTS], [ALLOWS]);
  press(1, '5', 'event');
  t.equal(info(1, [RELAY], 'Signal=5\r\nDuration=160\r\n'), '200');
  await turn();
  t.same(done, []);
});

t.test('INFO from one to INFO of the other', async (t) => {
  const { done, info } = setUp([PCMA, PCMA], [ALLOWS, ACCEPTS]);
  t.equal(info(0, [RELAY], 'Signal=5\r\nDuration=160\r\n'), '200');
  await turn();
  t.same(done, ['needs media', 'INFO application/dtmf-relay "Signal=5\\r\\nDuration=160\\r\\n"']);
});
