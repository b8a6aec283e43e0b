import t from 'tap';
import { Digits, type DigitsOptions } from '../../../firmware/call/leg/digits.ts';
import type { LegParameters } from '../../../firmware/media/client.ts';
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

/** What was done for the device of a leg, in words; it has these headers and answers INFO with that. */
function setUp(
  parameters: LegParameters,
  headers: readonly HeaderField[] = [],
  answer = 200,
  more: Partial<DigitsOptions> = {},
) {
  const done: string[] = [];
  const digits: Digits = new Digits({
    ...more,
    press: async (digit, { durationMs }) => void done.push(`press ${digit}, ${durationMs} ms`),
    configure: async () => {
      const { detectDigits, digitsBySignalling } = digits.parametersOf(parameters);
      done.push(
        `configure:${detectDigits === true ? ' detect' : ''}${digitsBySignalling === true ? ' signalling' : ''}`,
      );
    },
    onPressed: ({ digit, durationMs }, how) => done.push(`pressed ${digit} ${durationMs ?? '?'} by ${how}`),
  });
  digits.meet(new Headers(headers), async (body, contentType) => {
    done.push(`INFO ${contentType} ${JSON.stringify(body)}`);
    return { status: answer } as SipResponse;
  });
  const agreed = digits.parametersOf(parameters);
  const press = (digit: string, how: 'event' | 'audio') =>
    digits.take({ kind: 'digit', session: 1, leg: 0, digit, durationMs: 160, how });
  const info = (fields: readonly HeaderField[], body = '') => {
    let response = '';
    const request = {
      message: { headers: new Headers(fields), body: Buffer.from(body) },
      respond: (status: number, options: { headers?: readonly HeaderField[] } = {}) => {
        response = [status, ...(options.headers ?? []).map((field) => field.join(': '))].join(' ');
      },
    };
    return digits.receiveInfo(request as unknown as IncomingRequest) ? response : 'not taken';
  };
  return { digits, done, agreed, press, info };
}

t.test('what is configured for a line goes before what its peer says', async (t) => {
  const byInfo = setUp(PCMA, [], 200, { dtmf: 'info' });
  t.match(byInfo.agreed, { digitsBySignalling: true });
  byInfo.digits.send({ digit: '5', durationMs: 160 });
  await turn();
  t.match(byInfo.done, [/^INFO application\/dtmf-relay /]);
  for (const dtmf of ['in-band', 'telephone-event'] as const) {
    const { digits, done, agreed } = setUp(PCMA, [ALLOWS, ACCEPTS], 200, { dtmf });
    t.match(agreed, { detectDigits: true, digitsBySignalling: undefined });
    digits.send({ digit: '5', durationMs: 160 });
    await turn();
    t.same(done, ['press 5, 160 ms'], dtmf);
  }
});

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
  { title: 'G.729 without INFO', parameters: G729, expected: { detectDigits: true } },
  {
    title: 'G.729 with INFO',
    parameters: G729,
    headers: [ALLOWS],
    expected: { detectDigits: true, digitsBySignalling: true },
  },
];

for (const { title, parameters, headers, expected } of treatments) {
  t.test(`a device with ${title}`, async (t) => {
    t.same(setUp(parameters, headers).agreed, { ...parameters, ...expected });
  });
}

t.test('a digit that the worker has relayed goes by INFO to a device that wants it so, one at a time', async (t) => {
  const { digits, done } = setUp(PCMA, [ALLOWS, ACCEPTS]);
  digits.send({ digit: '5', durationMs: 160 }, true);
  digits.send({ digit: '#', durationMs: 160 }, true);
  await turn();
  t.same(done, [
    'INFO application/dtmf-relay "Signal=5\\r\\nDuration=160\\r\\n"',
    'INFO application/dtmf-relay "Signal=#\\r\\nDuration=160\\r\\n"',
  ]);
  const other = setUp(EVENTS);
  other.digits.send({ digit: '7', durationMs: 160 }, true);
  await turn();
  t.same(other.done, [], 'the worker has made it an event');
  other.digits.send({ digit: '7', durationMs: 160 });
  t.same(other.done, ['press 7, 160 ms']);
});

t.test('a device that refuses INFO gets tones from then on', async (t) => {
  const { digits, done } = setUp(PCMA, [ALLOWS, ACCEPTS], 415);
  digits.send({ digit: '5', durationMs: 160 }, true);
  digits.send({ digit: '6', durationMs: 160 }, true);
  await turn();
  t.same(done.slice(1), ['configure: detect', 'press 5, 160 ms', 'press 6, 160 ms']);
  digits.send({ digit: '7', durationMs: 160 }, true);
  await turn();
  t.equal(done.length, 4, 'the worker does it by itself');
});

t.test('what is pressed is told', async (t) => {
  const { done, press } = setUp(EVENTS);
  press('5', 'event');
  press('6', 'audio');
  t.same(done, ['pressed 5 160 by media', 'pressed 6 160 by media']);
});

t.test('INFO that names no digit is answered as the RFCs say', async (t) => {
  const { done, info } = setUp(PCMA);
  t.equal(info([['Info-Package', 'dtmf'], RELAY], 'Signal=5'), 'not taken');
  t.equal(info([]), '200');
  t.equal(
    info([['Content-Type', 'application/media_control+xml']], '<x/>'),
    '415 Accept: application/dtmf-relay, application/dtmf',
  );
  t.equal(info([], 'Signal=5'), '415 Accept: application/dtmf-relay, application/dtmf');
  t.equal(info([['Content-Type', ';;;']], 'Signal=5'), '415 Accept: application/dtmf-relay, application/dtmf');
  t.equal(info([RELAY], 'Signal=flash'), '400');
  t.equal(info([RELAY], '\0'.repeat(60_000)), '400');
  await turn();
  t.same(done, []);
});

t.test('a device that sends a digit in INFO is answered in kind', async (t) => {
  const { digits, done, info } = setUp(PCMA, [ALLOWS]);
  t.equal(info([['Content-Type', 'Application/DTMF-Relay ; charset=utf-8']], 'Signal=5\r\nDuration=250\r\n'), '200');
  await turn();
  t.same(done.splice(0), ['configure: detect signalling', 'pressed 5 250 by info']);
  t.equal(info([['Content-Type', 'application/dtmf']], '*'), '200');
  t.same(done.splice(0), ['pressed * ? by info']);
  digits.send({ digit: '9', durationMs: 160 }, true);
  await turn();
  t.same(done, ['INFO application/dtmf-relay "Signal=9\\r\\nDuration=160\\r\\n"']);
});

t.test('how long a key is pressed', async (t) => {
  const { digits, done } = setUp(EVENTS);
  for (const durationMs of [undefined, 5, 250, 65_535]) digits.send({ digit: '1', durationMs });
  t.same(done, ['press 1, 100 ms', 'press 1, 40 ms', 'press 1, 250 ms', 'press 1, 20000 ms']);
});

t.test('a phone that sends each key by event and by INFO presses it once', async (t) => {
  const { done, info, press } = setUp(EVENTS, [ALLOWS]);
  press('5', 'event');
  t.equal(info([RELAY], 'Signal=5\r\nDuration=160\r\n'), '200');
  await turn();
  t.same(done, ['pressed 5 160 by media']);
});
