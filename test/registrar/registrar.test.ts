import { randomBytes } from 'node:crypto';
import t from 'tap';
import type { Configuration } from '../../firmware/config/schema/configuration.ts';
import { createLogger, SourceLog } from '../../firmware/core/logger.ts';
import { Access } from '../../firmware/registrar/access.ts';
import type { Authenticator } from '../../firmware/registrar/authenticator.ts';
import type { EndedBinding } from '../../firmware/registrar/binding.ts';
import { Gruus } from '../../firmware/registrar/gruu.ts';
import { LocationService } from '../../firmware/registrar/location.ts';
import { Registrar } from '../../firmware/registrar/registrar.ts';
import { type Flow, type HeaderField, type ResponseOptions, SipRequest } from '../../firmware/sip/stack.ts';
import { office } from '../phones/sample-office.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Registration {
  readonly userAgent?: string;
  readonly address?: string;
  readonly callId?: string;
  readonly cSeq?: number;
  readonly contact?: string;
  readonly headers?: readonly HeaderField[];
  readonly localAddress?: string;
  /** The address of record, where it is not that of the extension. */
  readonly to?: string;
}

const WINDOWS = 'Avaya Communicator/3.0 (3.30; Avaya CSDK; Microsoft Windows NT 10.0)';
const IPHONE = 'Avaya Communicator/3.0 (3.30; Avaya CSDK; iOS 17.1; iPhone)';

/** A registrar whose devices have all proved who they are. */
function setUp(candidate: object) {
  const clock = new FakeClock();
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('info', { write: (line) => lines.push(JSON.parse(line)) });
  const state: { configuration: Configuration } = { configuration: office(candidate) };
  const changes: [string, readonly EndedBinding[]][] = [];
  const repository = { load: () => [], save: () => undefined };
  const location = new LocationService(repository, clock, (aor, ended) => changes.push([aor, ended]));
  const access = new Access(
    () => state.configuration,
    (address) => (address === '192.168.43.1' ? 'lan2' : 'lan1'),
  );
  const authenticator = {
    authenticate: (message: SipRequest) => ({ kind: 'ok', extension: message.from.uri.slice(4, 7) }),
  } as unknown as Authenticator;
  const registrar = new Registrar({
    location,
    authenticator,
    access,
    gruus: new Gruus(randomBytes(32)),
    configuration: () => state.configuration,
    clock,
    logger,
    sourceLog: new SourceLog(logger, clock),
  });
  const register = (extension: string, options: Registration = {}) => {
    const { address = '192.168.42.50', callId = address, cSeq = 1, headers = [], userAgent } = options;
    const flow: Flow = {
      protocol: 'udp',
      localAddress: options.localAddress ?? '192.168.42.1',
      localPort: 5060,
      remoteAddress: address,
      remotePort: 5060,
    };
    const message = new SipRequest('REGISTER', 'sip:192.168.42.1', [
      ['Via', `SIP/2.0/UDP ${address};branch=z9hG4bK1`],
      ['From', `<sip:${extension}@192.168.42.1>;tag=1`],
      ['To', `<sip:${options.to ?? extension}@192.168.42.1>`],
      ['Call-ID', callId],
      ['CSeq', `${cSeq} REGISTER`],
      ['Contact', options.contact ?? `<sip:${extension}@${address}>`],
      ...(userAgent === undefined ? [] : [['User-Agent', userAgent] as const]),
      ...headers,
    ]);
    let answer: { status: number } & ResponseOptions = { status: 0 };
    registrar.register({
      message,
      flow,
      respond: (status, more = {}) => {
        answer = { status, ...more };
      },
    });
    const all = (name: string) => (answer.headers ?? []).flatMap(([each, value]) => (each === name ? value : []));
    return { status: answer.status, all, contacts: all('Contact'), warning: all('Warning')[0] };
  };
  /** Where the devices of an extension are, the newest first. */
  const devices = (extension: string) => location.lookup(extension).map(({ flow }) => flow.remoteAddress);
  return { clock, lines, state, changes, location, registrar, register, devices };
}

const PATH: readonly HeaderField[] = [
  ['Path', '<sip:192.168.42.9;lr>'],
  ['Supported', 'path'],
];
const USER = { users: { 201: { name: 'Reception' } }, extensions: { 201: { user: '201' }, 205: { user: '201' } } };

t.test('one device of each class a user, over all extensions: the newest wins', async (t) => {
  const { register, devices, changes, lines } = setUp(USER);
  register('201', { address: '192.168.42.50' });
  register('201', { address: '192.168.42.60', userAgent: WINDOWS });
  register('205', { address: '192.168.42.70', userAgent: IPHONE });
  t.same([devices('201'), devices('205')], [['192.168.42.60', '192.168.42.50'], ['192.168.42.70']]);
  changes.splice(0);
  lines.splice(0);
  t.equal(register('205', { address: '192.168.42.51' }).contacts.length, 2);
  t.same([devices('201'), devices('205')], [['192.168.42.60'], ['192.168.42.51', '192.168.42.70']]);
  t.match(changes, [
    ['205', []],
    ['201', [{ event: 'rejected', binding: { flow: { remoteAddress: '192.168.42.50' } } }]],
  ]);
  t.match(lines.at(-1), {
    msg: 'another device took its place',
    extension: '201',
    from: '192.168.42.50',
    by: { from: '192.168.42.51' },
  });
});

t.test('a refresh throws nobody out, and what one device registered is one device', async (t) => {
  const { register, devices, changes } = setUp(USER);
  const contact = '<sip:201@192.168.42.50>, <sip:201@192.168.42.50:5070;transport=tcp>';
  t.equal(register('201', { contact }).contacts.length, 2);
  register('201', { address: '192.168.42.60', userAgent: IPHONE });
  changes.splice(0);
  t.equal(register('201', { contact, cSeq: 2 }).contacts.length, 3);
  t.same(devices('201').length, 3);
  t.same(changes, [], 'nobody is told of a refresh');
});

t.test('up to five of a class where that is configured', async (t) => {
  const { register, devices } = setUp({ ...USER, system: { sip: { devicesPerClass: 2 } } });
  for (const last of [50, 51, 52]) register('201', { address: `192.168.42.${last}` });
  t.same(devices('201'), ['192.168.42.52', '192.168.42.51']);
  register('205', { address: '192.168.42.53' });
  t.equal(devices('201').length, 1);
});

t.test('a basic client is the only device of its user, both ways', async (t) => {
  const { register, devices } = setUp({
    system: { licensing: 'perpetual' },
    licences: { 'essential-edition': {}, softphone: {} },
    users: { 201: { name: 'Reception', profile: 'basic', clients: { desktop: true } } },
    extensions: { 201: { user: '201' }, 205: { user: '201' } },
  });
  register('201', { address: '192.168.42.50' });
  register('205', { address: '192.168.42.60', userAgent: WINDOWS });
  t.same([devices('201'), devices('205')], [[], ['192.168.42.60']]);
  t.equal(register('201', { address: '192.168.42.50', cSeq: 2 }).status, 403, 'a refresh alone changes nothing');
  register('201', { address: '192.168.42.50', callId: 'started anew' });
  t.same([devices('201'), devices('205')], [['192.168.42.50'], []]);
});

t.test('a device whose place was taken does not fight for it, and comes back when there is room', async (t) => {
  const { register, devices, lines, clock, registrar } = setUp(USER);
  register('201', { address: '192.168.42.50' });
  register('205', { address: '192.168.42.51' });
  lines.splice(0);
  for (let cSeq = 2; cSeq < 10; cSeq += 1) {
    clock.advance(60_000);
    const { status, warning } = register('201', { address: '192.168.42.50', cSeq });
    t.equal(status, 403);
    t.match(warning, /"another device of this user has taken its place: /);
    t.equal(register('205', { address: '192.168.42.51', cSeq }).status, 200);
  }
  t.same([devices('201'), devices('205')], [[], ['192.168.42.51']]);
  t.match(lines, Array(8).fill({ msg: 'REGISTER refused', extension: '201', why: /taken its place/ }));
  registrar.forget('205', 'deactivated');
  t.equal(register('201', { address: '192.168.42.50', cSeq: 10 }).status, 200, 'the other one is gone');
  register('205', { address: '192.168.42.51', callId: 'started anew' });
  t.equal(register('201', { address: '192.168.42.50', cSeq: 11 }).status, 403);
  const end = { address: '192.168.42.50', contact: '<sip:201@192.168.42.50>;expires=0', cSeq: 12 };
  t.equal(register('201', end).status, 200);
  t.equal(register('201', { address: '192.168.42.50', cSeq: 13 }).status, 200, 'it was logged out and in by hand');
  t.same([devices('201'), devices('205')], [['192.168.42.50'], []]);
});

t.test('two lines of one phone stand beside each other', async (t) => {
  const { register, devices } = setUp(USER);
  register('201', { callId: 'line 1' });
  register('205', { callId: 'line 2' });
  t.same([devices('201'), devices('205')], [['192.168.42.50'], ['192.168.42.50']]);
  register('205', { callId: 'a proxy', address: '192.168.42.50', headers: PATH });
  t.same([devices('201'), devices('205')], [[], ['192.168.42.50']], 'behind a proxy it may be another');
});

t.test('what a phone left behind before it started anew gives way before another phone', async (t) => {
  const { register, location, clock } = setUp({ ...USER, system: { sip: { devicesPerClass: 2 } } });
  register('201', { address: '192.168.42.60', callId: 'other' });
  clock.advance(1000);
  register('201', { callId: 'first', contact: '<sip:201@192.168.42.50:40000>' });
  clock.advance(1000);
  register('201', { callId: 'second', contact: '<sip:201@192.168.42.50:40001>' });
  t.same(
    location.lookup('201').map(({ callId }) => callId),
    ['second', 'other'],
  );
});

t.test('who may not register is told why, in the answer and in the log', async (t) => {
  const { register, devices, lines } = setUp(USER);
  const { status, warning } = register('201', { address: '203.0.113.7' });
  t.equal(status, 403);
  t.equal(warning, '399 ringdown "remote worker is not enabled for user 201"');
  t.same(devices('201'), []);
  t.match(lines, [
    { msg: 'REGISTER refused', why: 'remote worker is not enabled for user 201', source: '203.0.113.7' },
  ]);
  t.equal(register('201', { address: '203.0.113.7', contact: '<sip:a@b>;expires=0' }).status, 200, 'but it may end');
});

t.test('a phone whose user name is not its login name is told so', async (t) => {
  const { register, lines } = setUp(USER);
  const { status, warning } = register('201', { to: '202' });
  t.equal(status, 403);
  t.match(warning, /"the user name and the login name must be the same extension"$/);
  t.match(lines, [{ msg: 'REGISTER refused', user: '201', as: '202', why: /the same extension/ }]);
});

t.test('an edit ends the bindings that it no longer allows', async (t) => {
  const { register, devices, state, registrar, changes } = setUp({
    ...USER,
    users: { 201: { name: 'Reception', clients: { remoteWorker: true } } },
  });
  register('201', { address: '203.0.113.7' });
  register('205', { address: '192.168.43.7', localAddress: '192.168.43.1', userAgent: IPHONE });
  registrar.recheck();
  t.same([devices('201'), devices('205')], [['203.0.113.7'], ['192.168.43.7']]);
  changes.splice(0);
  state.configuration = office({ ...USER, lan2: { sipRegistrar: false } });
  registrar.recheck();
  t.same([devices('201'), devices('205')], [[], []]);
  t.match(changes, [
    ['201', [{ event: 'rejected' }]],
    ['205', [{ event: 'rejected' }]],
  ]);
});

t.test('the times that are configured', async (t) => {
  const { register } = setUp({ ...USER, system: { sip: { minExpirySeconds: 120, maxExpirySeconds: 300 } } });
  const brief = register('201', { contact: '<sip:201@192.168.42.50>;expires=119' });
  t.equal(brief.status, 423);
  t.same(brief.all('Min-Expires'), ['120']);
  t.match(register('201').contacts, [/expires=300$/]);
});

t.test('GRUUs are made for who knows of them, and shown to nobody else', async (t) => {
  const { register } = setUp(USER);
  const contact = '<sip:201@192.168.42.50>;+sip.instance="<urn:uuid:1>"';
  const told = register('201', { contact, headers: [['Supported', 'gruu']] });
  t.match(told.contacts, [
    /;pub-gruu="sip:201@192\.168\.42\.1;gr=urn:uuid:1";temp-gruu="sip:tgruu\.[\w-]+@192\.168\.42\.1;gr"$/,
  ]);
  t.notMatch(register('201', { contact, cSeq: 2 }).contacts, [/gruu/]);
});

t.test('a query tells the bindings and changes none', async (t) => {
  const { register, changes } = setUp(USER);
  register('201');
  changes.splice(0);
  const { status, contacts } = register('201', { contact: '' });
  t.equal(status, 200);
  t.match(contacts, [/^<sip:201@192\.168\.42\.50>;expires=3600$/]);
  t.same(changes, []);
});

t.test('a device that ends its registration is gone, and the extension is told', async (t) => {
  const { register, devices, changes } = setUp(USER);
  register('201');
  changes.splice(0);
  register('201', { contact: '*', headers: [['Expires', '0']], cSeq: 2 });
  t.same(devices('201'), []);
  t.match(changes, [['201', [{ event: 'unregistered' }]]]);
});
