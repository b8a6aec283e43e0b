import t from 'tap';
import { complete } from '../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../firmware/config/schema/tree.ts';
import { parseDiversion, parseHistoryEntry } from '../../firmware/sip/stack.ts';
import { lineSettings } from '../../firmware/trunk/line-settings.ts';
import { type OutgoingCall, outgoingInvite, type RegisteredWay } from '../../firmware/trunk/outgoing-invite.ts';

function settingsOf(line: object) {
  const whole = { domain: 'c.example', userName: 'office', ...line };
  const { lines } = complete(nodeOf(configurationSchema), { lines: { 1: whole } }) as Configuration;
  const configured = lines['1'];
  if (configured === undefined) throw new Error('no line');
  return lineSettings('1', configured, (_path, sealed) => (sealed === 'sealed$x' ? 'a secret' : undefined));
}

const CALL: OutgoingCall = {
  number: '0301234567',
  identity: { number: '030555201', name: 'Reception', isWithheld: false },
  diversions: [],
  isEmergency: false,
  maxForwards: 70,
};
const NO_WAY: RegisteredWay = { serviceRoute: [], associated: [] };

function invite(line: object, call: Partial<OutgoingCall> = {}, way = NO_WAY) {
  const made = outgoingInvite({ ...CALL, ...call }, settingsOf(line), way);
  const values = (name: string): readonly string[] =>
    (made.headers ?? []).filter(([each]) => each === name).map(([, value]) => value);
  return { ...made, values };
}

t.test('the caller stands in From, and in the header that the line wants', async (t) => {
  const named = 'Reception <sip:030555201@c.example>';
  const cases: readonly (readonly [string, string, string])[] = [
    ['p-asserted-identity', 'P-Asserted-Identity', named],
    ['p-preferred-identity', 'P-Preferred-Identity', named],
    ['remote-party-id', 'Remote-Party-ID', `${named};party=calling;privacy=off;screen=yes`],
  ];
  for (const [outgoing, header, value] of cases) {
    const made = invite({ identity: { outgoing } });
    t.strictSame(made.values(header), [value]);
    t.equal(made.headers?.length, 1);
    t.strictSame(made.from, { displayName: 'Reception', uri: 'sip:030555201@c.example' });
  }
  t.strictSame(invite({ identity: { outgoing: 'from' } }).headers, []);
  const account = invite({ identity: { from: 'user-name' } });
  t.strictSame(account.from, { displayName: 'Reception', uri: 'sip:office@c.example' });
  t.strictSame(account.values('P-Asserted-Identity'), [named]);
});

t.test('who has no number is shown as the line', async (t) => {
  const nobody = { identity: { number: undefined, name: undefined, isWithheld: false } };
  t.equal(invite({}, nobody).from.uri, 'sip:office@c.example');
  t.equal(invite({ userName: '4930555' }, nobody).from.uri, 'sip:4930555@c.example');
  const numbers = { send: 'e164', countryCode: '49' };
  const own = { identity: { callerNumber: '+4930555' }, numbers };
  t.equal(invite(own, nobody).from.uri, 'sip:+4930555@c.example');
  const ims = { serviceRoute: [], associated: ['sip:+4930999@ims.example'] };
  t.equal(invite({}, nobody, ims).from.uri, 'sip:+4930999@ims.example');
});

t.test('who is withheld asks for privacy, and for it in Remote-Party-ID', async (t) => {
  const withheld = { identity: { ...CALL.identity, isWithheld: true } };
  t.strictSame(invite({}, withheld).privacy, ['id']);
  t.match(invite({ identity: { outgoing: 'remote-party-id' } }, withheld).values('Remote-Party-ID')[0], /privacy=full/);
  t.equal(invite({}, { ...withheld, isEmergency: true }).privacy, undefined, 'help sees who calls');
});

t.test('a forwarded call says from whom, in the form that the line wants', async (t) => {
  const diversions = [
    { number: '030555202', reason: 'user-busy' },
    { number: '030555203', reason: 'no-answer' },
  ];
  const both = invite({ identity: { forwarded: 'both' } }, { diversions });
  const read = both.values('Diversion').map(parseDiversion);
  t.match(read, [
    { uri: 'sip:030555203@c.example', reason: 'no-answer', counter: 1 },
    { uri: 'sip:030555202@c.example', reason: 'user-busy' },
  ]);
  const history = (both.values('History-Info')[0] ?? '').split(', ').map(parseHistoryEntry);
  t.match(history, [
    { uri: 'sip:030555202@c.example', index: '1', reasons: [{ cause: 486 }] },
    { uri: 'sip:030555203@c.example', index: '1.1', target: { kind: 'mp', from: '1' }, reasons: [{ cause: 408 }] },
    { uri: 'sip:0301234567@c.example', index: '1.1.1', reasons: [] },
  ]);
  t.strictSame(invite({ identity: { forwarded: 'none' } }, { diversions }).headers?.length, 1);
  t.strictSame(invite({}, { diversions }).values('History-Info'), []);
  const forwarder = invite({ identity: { forwardedCaller: 'forwarder' } }, { diversions });
  t.equal(forwarder.from.uri, 'sip:030555203@c.example');
  t.strictSame(invite({}, { diversions, isEmergency: true }).values('Diversion'), []);
});

t.test('help is called as it is, by a number that it can call back', async (t) => {
  const numbers = { send: 'e164', countryCode: '49', areaCode: '30' };
  const line = { numbers, identity: { emergencyNumber: '030555999' } };
  const help = invite(line, { number: '112', isEmergency: true, identity: { ...CALL.identity, number: undefined } });
  t.equal(help.requestUri, 'sip:112@c.example');
  t.equal(help.from.uri, 'sip:+4930555999@c.example');
  t.strictSame(help.values('Priority'), ['emergency']);
  t.equal(
    invite(line, { number: '112', isEmergency: true }).from.uri,
    'sip:+4930555201@c.example',
    'the location first',
  );
});

t.test('what would break a URI is escaped', async (t) => {
  t.equal(invite({}, { number: '*21*0301#' }).requestUri, 'sip:*21*0301%23@c.example');
  t.equal(invite({}, { number: '1@evil.example;x=y>\r\nZ: 1' }).requestUri.includes('\r'), false);
  t.match(invite({ domain: '2001:db8::7' }).requestUri, /@\[2001:db8::7\]$/);
});

t.test('settings of a line: where it goes, as whom, and what it lacks', async (t) => {
  const cases: readonly (readonly [object, object])[] = [
    [{}, { target: 'sip:c.example;transport=udp', aor: 'sip:office@c.example', lacks: undefined }],
    [
      { proxy: 'p.example', transport: 'tls', port: 5061 },
      {
        target: 'sip:p.example:5061;transport=tls',
        registrar: { uri: 'sip:c.example', target: 'sip:p.example:5061;transport=tls' },
      },
    ],
    [{ registrar: 'r.example' }, { registrar: { uri: 'sip:r.example', target: 'sip:r.example;transport=udp' } }],
    [{ domain: '::1' }, { target: 'sip:[::1];transport=udp', domain: '[::1]' }],
    [{ domain: '' }, { lacks: /neither domain nor proxy/ }],
    [{ userName: '' }, { lacks: /no user name/ }],
    [
      { userName: '', registers: false },
      { lacks: undefined, contactUser: 'line-1' },
    ],
    [{ password: 'sealed$of-another-box' }, { lacks: /set it anew/ }],
  ];
  for (const [line, settings] of cases) t.match(settingsOf(line), settings, JSON.stringify(line));
  const settings = settingsOf({ password: 'sealed$x', authenticationName: 'auth' });
  t.strictSame(settings.credentials?.('any realm'), { username: 'auth', password: 'a secret' });
  t.notMatch(JSON.stringify(settings), /a secret/, 'a log of them holds no password');
});
