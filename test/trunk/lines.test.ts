import t, { type Test } from 'tap';
import type { OutsideLines } from '../../firmware/call/outside.ts';
import type { IncomingInvite, TransportProtocol } from '../../firmware/sip/stack.ts';
import type { Lines, OutsideCall } from '../../firmware/trunk/lines.ts';
import { Box } from './support/box.ts';
import { Carrier, grant, PASSWORD, USER } from './support/carrier.ts';

const OFFER = 'v=0\r\ns=ours\r\n';

/** A carrier and a box with line 1 to it; both are closed in the end. */
async function pair(
  t: Test,
  line: object = {},
  { protocol = 'udp', address = '127.0.0.1', prepare = () => undefined }: Partial<PairOptions> = {},
): Promise<{ carrier: Carrier; box: Box; settings: object }> {
  const carrier = await Carrier.open(protocol, address);
  prepare(carrier);
  const way = { domain: 'carrier.example', proxy: address, port: carrier.port, transport: protocol };
  const settings = { ...way, userName: USER, password: 'sealed$right', ...line };
  const box = await Box.open(protocol, address, { lines: { 1: settings } });
  t.teardown(async () => {
    await box.close();
    await carrier.close();
  });
  return { carrier, box, settings };
}

interface PairOptions {
  readonly protocol: TransportProtocol;
  readonly address: string;
  readonly prepare: (carrier: Carrier) => void;
}

const inService = (box: Box) => (): boolean => box.states[0] === '1 in-service';
const outOfService = (box: Box) => (): boolean => box.states[0] === '1 out-of-service';

function call(more: Partial<OutsideCall> = {}, attempt: Partial<OutsideCall['attempt']> = {}): OutsideCall {
  const identity = { number: '030555201', name: 'Reception', isWithheld: false };
  return {
    attempt: { line: '1', number: '0301234567', identity, ...attempt },
    user: '201',
    diversions: [],
    isEmergency: false,
    maxForwards: 69,
    drop: () => undefined,
    ...more,
  };
}

t.test('the lines are what calls want of them', async (t) => {
  const check = (lines: Lines): OutsideLines => lines;
  t.type(check, 'function');
});

for (const protocol of ['udp', 'tcp', 'tls'] as const) {
  for (const address of ['127.0.0.1', '::1']) {
    t.test(`a line registers over ${protocol} on ${address}, refreshes, and unregisters in the end`, async (t) => {
      const { carrier, box } = await pair(t, { expirySeconds: 600 }, { protocol, address });
      await box.until(inService(box), 'registered');
      const [first] = carrier.proven();
      t.match(first?.message.headers.get('Contact'), /^<sip:4930555@.*;line=[0-9a-f]{24}>;expires=600;reg-id=1;/);
      t.match(first?.message.headers.get('Authorization'), /algorithm=SHA-256/);
      t.equal(first?.message.uri, 'sip:carrier.example');
      await box.untilInTime(() => carrier.proven().length === 2, 'a refresh', 540);
      const [, second] = carrier.proven();
      t.equal(second?.message.callId, first?.message.callId);
      t.ok((second?.message.cseq.number ?? 0) > (first?.message.cseq.number ?? 0), 'RFC 3261 §10.2: CSeq rises');
      t.match(box.lines.list()[0], { lastAnswer: '200 OK', state: 'in-service' });
      await box.until(inService(box), 'registered still');
      await box.close();
      t.match(carrier.registers().at(-1)?.message.headers.get('Expires'), '0', 'good-bye is said');
      t.notMatch(JSON.stringify([box.log, box.notices]), new RegExp(`${PASSWORD}|sealed`));
    });
  }
}

t.test('a registrar that knows MD5 alone is answered with MD5', async (t) => {
  const { carrier, box } = await pair(t, {}, { prepare: (each) => Object.assign(each, { algorithms: ['MD5'] }) });
  await box.until(inService(box), 'registered');
  t.match(carrier.proven()[0]?.message.headers.get('Authorization'), /algorithm=MD5/);
});

t.test('a wrong password is told, and the carrier is left alone', async (t) => {
  const { carrier, box } = await pair(t, { password: 'sealed$wrong' });
  await box.until(outOfService(box), 'refused');
  t.match(box.lines.list()[0]?.reason, /401/);
  t.match(box.notices, [/^LINE_REGISTRATION_REFUSED/, /^LINE_OUT_OF_SERVICE/]);
  const before = carrier.registers().length;
  for (let second = 0; second < 400; second += 1) box.clock.advance(1000);
  t.equal(carrier.registers().length, before);
  t.match(await box.lines.place(call()), { kind: 'refused', status: 503, isFinal: false });
});

t.test('423, 3xx and a Service-Route are followed', async (t) => {
  const other = await Carrier.open('udp', '127.0.0.1');
  t.teardown(() => other.close());
  other.asksPassword = false;
  other.register = (request) => {
    const asked = Number(request.message.headers.get('Expires'));
    if (asked > 0 && asked < 900) request.respond(423, { headers: [['Min-Expires', '900']] });
    else grant(request, [['Service-Route', '<sip:edge.carrier.example;lr>']]);
  };
  const redirect: Carrier['register'] = (request) =>
    request.respond(302, { headers: [['Contact', `<sip:127.0.0.1:${other.port}>`]] });
  const prepare = (carrier: Carrier): void => void Object.assign(carrier, { register: redirect });
  const { box } = await pair(t, { expirySeconds: 60 }, { prepare });
  await box.until(inService(box), 'registered elsewhere');
  const contacts = other.registers().map(({ message }) => message.headers.get('Expires'));
  t.strictSame(contacts, ['60', '900']);
  const placed = await box.lines.place(call());
  t.match(placed, { kind: 'placed', invite: { flow: { remotePort: other.port } } });
  const [route] = placed.kind === 'placed' ? (placed.invite.headers ?? []) : [];
  t.strictSame(route, ['Route', '<sip:edge.carrier.example;lr>']);
  if (placed.kind === 'placed') placed.ended();
});

t.test('lies of a registrar end as no registration, and never in a storm', async (t) => {
  const lies: readonly (readonly [string, Carrier['register']])[] = [
    ['a 200 without Contact', (request) => request.respond(200)],
    [
      'a 200 with the contact of a stranger',
      (request) => request.respond(200, { headers: [['Contact', '<sip:x@203.0.113.9>;expires=1']] }),
    ],
    [
      'a redirection to itself',
      (request) => request.respond(302, { headers: [['Contact', `<sip:127.0.0.1:${request.flow.localPort}>`]] }),
    ],
    [
      '423 without end',
      (request) =>
        request.respond(423, {
          headers: [['Min-Expires', String(1 + Number(request.message.headers.get('Expires')))]],
        }),
    ],
    ['Retry-After of a century', (request) => request.respond(500, { headers: [['Retry-After', '3153600000']] })],
    ['a status that means nothing', (request) => request.respond(699)],
  ];
  for (const [what, register] of lies) {
    const prepare = (carrier: Carrier): void => void Object.assign(carrier, { register, asksPassword: false });
    const { carrier, box } = await pair(t, {}, { prepare });
    await box.until(outOfService(box), what);
    t.ok(carrier.registers().length <= 5, `${what}: ${carrier.registers().length} REGISTERs`);
    carrier.register = 'accept';
    await box.untilInTime(inService(box), `${what}: back within the hour`, 3700);
  }
});

t.test('a grant of one second is no storm', async (t) => {
  const register: Carrier['register'] = (request) =>
    request.respond(200, {
      headers: [['Contact', (request.message.headers.get('Contact') ?? '').replace(/expires=\d+/, 'expires=1')]],
    });
  const prepare = (carrier: Carrier): void => void Object.assign(carrier, { register, asksPassword: false });
  const { carrier, box } = await pair(t, {}, { prepare });
  await box.until(inService(box), 'registered');
  await box.untilInTime(() => carrier.registers().length >= 4, 'refreshes', 60);
  t.ok(carrier.registers().length <= 5);
});

t.test('silence is told, and over once the registrar answers', async (t) => {
  const prepare = (carrier: Carrier): void => void Object.assign(carrier, { register: 'silence' });
  const { carrier, box } = await pair(t, {}, { prepare });
  await box.untilInTime(outOfService(box), 'no answer', 60);
  t.match(box.lines.list()[0], { reason: /no answer/, lastAnswer: '' });
  carrier.register = 'accept';
  await box.untilInTime(inService(box), 'registered', 120);
});

t.test('an edit does not wait for a registrar that is silent', async (t) => {
  const prepare = (carrier: Carrier): void => void Object.assign(carrier, { register: 'silence' });
  const { carrier, box, settings } = await pair(t, {}, { prepare });
  await box.until(() => carrier.registers().length > 0, 'a REGISTER');
  carrier.register = 'accept';
  box.edit({ lines: { 1: { ...settings, expirySeconds: 900 } } });
  t.equal(box.lines.list().length, 0, 'the one of before first');
  await box.untilInTime(inService(box), 'registered', 10);
  t.equal(carrier.proven().at(-1)?.message.headers.get('Expires'), '900');
});

t.test('a line that is edited unregisters before it registers anew, and one that is disabled stays away', async (t) => {
  const { carrier, box, settings } = await pair(t);
  await box.until(inService(box), 'registered');
  box.edit({ lines: { 1: { ...settings, expirySeconds: 900 } } });
  await box.until(() => carrier.proven().length === 3, 'unregistered and registered');
  const expires = carrier.proven().map(({ message }) => message.headers.get('Expires'));
  t.strictSame(expires, ['3600', '0', '900']);
  box.edit({ lines: { 1: { ...settings, expirySeconds: 900, description: 'x', enabled: false } } });
  await box.until(() => carrier.proven().length === 4 && box.states[0] === '1 disabled', 'disabled');
  t.equal(carrier.proven()[3]?.message.headers.get('Expires'), '0');
  const status = box.lines.list();
  box.edit({
    system: { name: 'Other' },
    lines: { 1: { ...settings, expirySeconds: 900, description: 'x', enabled: false } },
  });
  t.strictSame(box.lines.list(), status, 'an edit of something else changes nothing');
});

t.test('a line without registration is asked by OPTIONS, with hysteresis', async (t) => {
  const { carrier, box } = await pair(t, { registers: false, optionsSeconds: 60 });
  await box.until(inService(box), 'answered');
  t.equal(carrier.requests[0]?.message.method, 'OPTIONS');
  carrier.options = 'silence';
  await box.untilInTime(outOfService(box), 'out of service', 240);
  t.match(box.lines.list()[0]?.reason, /no answer/);
  t.match(box.notices, [/^LINE_OUT_OF_SERVICE line 1 /]);
  carrier.options = (request) => request.respond(404);
  await box.untilInTime(inService(box), 'in service', 240);
  carrier.options = 'silence';
  await box.untilInTime(outOfService(box), 'out of service again', 240);
  t.equal(box.notices.length, 1, 'a line that comes and goes is told of once an hour');
});

t.test('over a line goes an INVITE with its identity, and its challenge is answered', async (t) => {
  const plan = { send: 'e164', countryCode: '49', areaCode: '30' };
  const { carrier, box } = await pair(t, { numbers: plan });
  await box.until(inService(box), 'registered');
  const placed = await box.lines.place(call({ diversions: [{ from: '202', reason: 'no-answer' }] }));
  if (placed.kind !== 'placed') throw new Error(placed.why);
  t.equal(box.lines.state('1').channelsInUse, 1);
  const status = await new Promise<number>((resolve) => {
    box.stack.invite({ ...placed.invite, offer: OFFER, handlers: { onRejected: (code) => resolve(code) } });
  });
  t.equal(status, 486);
  const invite = carrier.invites.at(-1)?.message;
  t.equal(carrier.invites.length, 2, 'once more with the password');
  t.equal(invite?.uri, 'sip:+49301234567@carrier.example');
  t.match(invite?.headers.get('From'), /^Reception <sip:\+4930555201@carrier\.example>;tag=/);
  t.equal(invite?.headers.get('P-Asserted-Identity'), 'Reception <sip:+4930555201@carrier.example>');
  t.match(invite?.headers.get('Diversion'), /^<sip:4930555@carrier\.example>;reason=no-answer;counter=1$/);
  t.equal(invite?.headers.get('Max-Forwards'), '69');
  t.equal(placed.rejected(486, undefined), 'again');
  t.equal(box.lines.state('1').channelsInUse, 0);
});

t.test('a carrier that has enough gets no calls for the time that it wants', async (t) => {
  const { carrier, box } = await pair(t, { registers: false });
  await box.until(inService(box), 'in service');
  carrier.asksPassword = false;
  carrier.invite = (invite) => invite.reject(503, { headers: [['Retry-After', '120']] });
  const placed = await box.lines.place(call());
  if (placed.kind !== 'placed') throw new Error(placed.why);
  const go = await new Promise<string>((resolve) => {
    const onRejected = (code: number, _: string, response: Parameters<typeof placed.rejected>[1]): void =>
      resolve(placed.rejected(code, response));
    box.stack.invite({ ...placed.invite, offer: OFFER, handlers: { onRejected } });
  });
  t.equal(go, 'next');
  t.match(await box.lines.place(call()), { kind: 'refused', status: 503 });
  const help = await box.lines.place(call({ isEmergency: true }));
  t.equal(help.kind, 'placed', 'help is called all the same');
  box.clock.jump(-365 * 86_400_000);
  await box.untilInTime(inService(box), 'in service again', 125);
});

/** What becomes of an INVITE that the carrier sends to `uri`. */
async function incoming(
  t: Test,
  from: Carrier,
  box: Box,
  uri: string,
  flow?: { remotePort: number; localPort: number },
) {
  const before = box.invites.length;
  from.stack.invite({
    requestUri: uri,
    ...(flow === undefined
      ? {}
      : { flow: { protocol: 'udp', localAddress: '127.0.0.1', remoteAddress: '127.0.0.1', ...flow } }),
    from: { displayName: 'Anna', uri: 'sip:+49301111@carrier.example' },
    to: { uri: 'sip:030555@carrier.example' },
    offer: OFFER,
    handlers: {},
  });
  await box.until(() => box.invites.length > before, 'an INVITE');
  const invite = box.invites.at(-1) as IncomingInvite;
  const received = box.lines.receive(invite, () => undefined);
  invite.reject(480);
  t.equal(box.invites.length, before + 1);
  return received;
}

t.test('an INVITE from a line is a call of it, one from a stranger is not', async (t) => {
  const { carrier, box } = await pair(t, { channels: 2, numbers: { receive: 'national', countryCode: '49' } });
  await box.until(inService(box), 'registered');
  const contact = /<([^>]*)>/.exec(carrier.proven()[0]?.message.headers.get('Contact') ?? '')?.[1] ?? '';
  const first = await incoming(t, carrier, box, contact);
  t.match(first, { kind: 'call', line: '1', calledNumber: '030555', callerNumber: '0301111', callerName: 'Anna' });
  const stranger = await Carrier.open('udp', '127.0.0.1');
  t.teardown(() => stranger.close());
  const boxPort = Number(/:(\d+);/.exec(contact)?.[1]);
  const bare = `sip:${USER}@127.0.0.1:${boxPort}`;
  t.strictSame(await incoming(t, stranger, box, bare), { kind: 'stranger' });
  t.strictSame(await incoming(t, stranger, box, `${bare};line=abc`), { kind: 'stranger' });
  t.match(await incoming(t, carrier, box, bare), { kind: 'call', line: '1' }, 'by its way alone');
  t.match(await incoming(t, carrier, box, bare), { kind: 'refused', status: 486 }, 'all channels are busy');
  if (first.kind === 'call') first.ended();
  t.match(await incoming(t, carrier, box, bare), { kind: 'call' });
  t.ok(box.peers.length > 0, 'its peer is no stranger to the defence');
});

t.test('a storm of INVITEs from a line holds no more than its channels', async (t) => {
  const { carrier, box } = await pair(t, { registers: false, channels: 5 });
  await box.until(inService(box), 'in service');
  const contact = `sip:1@127.0.0.1:${box.stack.listening[0]?.port}`;
  for (let index = 0; index < 200; index += 1) {
    const uri = `sip:${index}@carrier.example`;
    carrier.stack.invite({ requestUri: contact, from: { uri }, to: { uri }, offer: OFFER, handlers: {} });
  }
  await box.until(() => box.invites.length === 200, 'all of them');
  const kinds = box.invites.map((invite) => {
    const received = box.lines.receive(invite, () => undefined);
    if (received.kind === 'refused') invite.reject(received.status, received.options);
    else invite.reject(480);
    return received.kind;
  });
  t.equal(kinds.filter((kind) => kind === 'call').length, 5);
  t.equal(kinds.filter((kind) => kind === 'refused').length, 195);
});

t.test('help takes a channel from a full line, and calls like those of a thief are refused', async (t) => {
  const lines = { registers: false, channels: 1 };
  const { box, settings } = await pair(t, lines);
  await box.until(inService(box), 'in service');
  const dropped: string[] = [];
  t.equal((await box.lines.place(call({ drop: () => void dropped.push('first') }))).kind, 'placed');
  t.match(await box.lines.place(call({ drop: () => undefined })), { kind: 'refused', status: 503 });
  const help = await box.lines.place(call({ isEmergency: true }, { number: '112' }));
  t.strictSame(dropped, ['first']);
  if (help.kind !== 'placed') throw new Error(help.why);
  t.equal(help.invite.requestUri, 'sip:112@carrier.example');
  t.ok(help.invite.headers?.some(([name, value]) => name === 'Priority' && value === 'emergency'));
  help.ended();

  box.edit({
    system: { tollFraud: { action: 'block', internationalPerHour: 2 } },
    lines: { 1: { ...settings, ...lines } },
  });
  for (const expected of ['placed', 'placed', 'refused']) {
    const placed = await box.lines.place(call({ drop: () => undefined }, { number: '0033163296000' }));
    t.equal(placed.kind, expected);
    if (placed.kind === 'placed') placed.ended();
    else t.match(placed, { status: 403, isFinal: true });
  }
  t.match(box.notices, [/^TOLL_FRAUD calls of user 201 .*international/]);
});

t.test('a box that says nothing of its country knows by its locale what is abroad', async (t) => {
  const { box, settings } = await pair(t, { registers: false });
  box.edit({
    system: { locale: 'en-US', tollFraud: { action: 'block', internationalPerHour: 2, suspectPrefixes: ['+1876'] } },
    lines: { 1: { ...settings, registers: false } },
  });
  await box.until(inService(box), 'in service');
  const place = (user: string, number: string) => box.lines.place(call({ user, drop: () => undefined }, { number }));
  for (const number of ['2125550100', '12125550101', '12125550102'])
    t.match(await place('201', number), { kind: 'placed' });
  t.match(await place('201', '011442079460000'), { kind: 'placed' });
  t.match(await place('201', '#31#011442079460001'), { kind: 'placed' });
  t.match(await place('201', '01182079460000'), { kind: 'refused', status: 403 });
  t.match(await place('202', '18765550123'), { kind: 'refused', status: 403 }, 'in the Caribbean, and suspect');
});

t.test('calls keep their channels while their line is edited', async (t) => {
  const lines = { registers: false, channels: 1 };
  const { box, settings } = await pair(t, lines);
  await box.until(inService(box), 'in service');
  const dropped: string[] = [];
  const first = await box.lines.place(call({ drop: () => void dropped.push('first') }));
  box.edit({ lines: { 1: { ...settings, ...lines, description: 'edited' } } });
  await box.until(inService(box), 'in service again');
  t.match(box.lines.state('1'), { channelsInUse: 1, hasCallToDrop: true });
  t.match(await box.lines.place(call({ drop: () => undefined })), { kind: 'refused', status: 503 });
  const help = await box.lines.place(call({ isEmergency: true }, { number: '112' }));
  t.strictSame(dropped, ['first']);
  for (const placed of [first, help]) if (placed.kind === 'placed') placed.ended();
  t.equal(box.lines.state('1').channelsInUse, 0);
});

t.test('a certificate for another name is no way to a line', async (t) => {
  const carrier = await Carrier.open('tls', '127.0.0.1');
  t.teardown(() => carrier.close());
  const line = { proxy: 'localhost.localdomain', domain: 'carrier.example', port: carrier.port, transport: 'tls' };
  const box = await Box.open('tls', '127.0.0.1', { lines: { 1: { ...line, userName: USER } } });
  t.teardown(() => box.close());
  await box.untilInTime(outOfService(box), 'no way', 20);
  t.equal(carrier.registers().length, 0);
});
