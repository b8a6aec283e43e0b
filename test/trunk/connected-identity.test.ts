/** Who answers or takes a call over, as the peer of a line is told (RFC 3325 §5). */
import t from 'tap';
import { complete } from '../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../firmware/config/schema/tree.ts';
import { type HeaderField, Headers } from '../../firmware/sip/stack.ts';
import { type ConnectedParty, connectedIdentity, namedParty } from '../../firmware/trunk/connected-identity.ts';
import { type LineSettings, lineSettings } from '../../firmware/trunk/line-settings.ts';

const BEN: ConnectedParty = { number: '202', name: 'Ben', user: '202' };

function settingsOf(line: object): LineSettings {
  const whole = { domain: 'c.example', ...line };
  const { lines } = complete(nodeOf(configurationSchema), { lines: { 1: whole } }) as Configuration;
  const configured = lines['1'];
  if (configured === undefined) throw new Error('no line');
  return lineSettings('1', configured, () => undefined);
}

function shown(party: Partial<ConnectedParty>, line: object, role: 'calling' | 'called' = 'called'): readonly string[] {
  return connectedIdentity({ ...BEN, ...party }, settingsOf(line), role).map((header) => header.join(': '));
}

const trusted = (more: object = {}) => ({ identity: { trusted: true, ...more } });

t.test('a carrier MUST NOT be told, unless the line says that it is trusted', async (t) => {
  t.same(shown({}, {}), []);
  t.same(shown({ isPrivate: true }, { identity: { outgoing: 'remote-party-id' } }), []);
});

t.test('another box of the office is told in the header, the format and the domain of the line', async (t) => {
  t.same(shown({}, trusted()), ['P-Asserted-Identity: Ben <sip:202@c.example>']);
  const numbers = { send: 'e164', countryCode: '44' };
  t.same(shown({ number: '02079460202' }, { ...trusted(), numbers }), [
    'P-Asserted-Identity: Ben <sip:+442079460202@c.example>',
  ]);
  t.same(shown({}, trusted({ outgoing: 'p-preferred-identity' })), ['P-Preferred-Identity: Ben <sip:202@c.example>']);
  const remote = (role: string) => `Remote-Party-ID: Ben <sip:202@c.example>;party=${role};privacy=off;screen=yes`;
  t.same(shown({}, trusted({ outgoing: 'remote-party-id' })), [remote('called')]);
  t.same(shown({}, trusted({ outgoing: 'remote-party-id' }), 'calling'), [remote('calling')]);
  t.same(
    shown({}, trusted({ outgoing: 'from' })),
    ['P-Asserted-Identity: Ben <sip:202@c.example>'],
    'From is no place for it',
  );
});

t.test('who wants no number shown is told to nobody', async (t) => {
  const anonymous = 'Anonymous <sip:anonymous@anonymous.invalid>';
  for (const party of [{ isPrivate: true }, { number: '' }]) {
    t.same(shown(party, trusted()), [`P-Asserted-Identity: ${anonymous}`, 'Privacy: id']);
  }
});

t.test('what would break a header is escaped', async (t) => {
  const [header = ''] = shown({ number: '2>\r\nX: <', name: 'Ben" <sip:1@x>' }, trusted());
  t.equal(header, 'P-Asserted-Identity: "Ben\\" <sip:1@x>" <sip:2%3E%0D%0AX%3A%20%3C@c.example>');
});

t.test('who answers there is believed of a trusted peer alone, in the headers that the line believes', async (t) => {
  const PAI: HeaderField = ['P-Asserted-Identity', '"Ben" <sip:202@b>'];
  const remote = (params: string): HeaderField => ['Remote-Party-ID', `"Ben" <sip:202@b>;${params}`];
  const ben = { number: '202', name: 'Ben', isPrivate: false };
  const nobody = { number: '', name: '', isPrivate: true };
  const numbers = { receive: 'national', countryCode: '44' };
  const cases: readonly (readonly [string, object, readonly HeaderField[], object | undefined])[] = [
    ['a carrier', {}, [PAI], undefined],
    ['another box', trusted(), [PAI], ben],
    ['nothing said', trusted(), [['To', '"Ben" <sip:202@b>']], undefined],
    ['a number alone', trusted(), [['P-Asserted-Identity', '<sip:202@b>']], { ...ben, name: '202' }],
    [
      'as it is dialled here',
      { ...trusted(), numbers },
      [['P-Asserted-Identity', '<tel:+442079460202>']],
      { number: '02079460202' },
    ],
    ['what the line does not believe', trusted({ incoming: ['from'] }), [PAI], undefined],
    ['the called', trusted(), [remote('party=called')], ben],
    ['without a word of whom it is', trusted(), [remote('screen=yes')], ben],
    ['the caller, who it is not', trusted(), [remote('party=calling')], undefined],
    ['Privacy', trusted(), [PAI, ['Privacy', 'id']], nobody],
    ['privacy of Remote-Party-ID', trusted(), [remote('party=called;privacy=full')], nobody],
    ['anonymous', trusted(), [['P-Asserted-Identity', '<sip:anonymous@anonymous.invalid>']], nobody],
    ['no number', trusted(), [['P-Asserted-Identity', '"Ben" <sip:ben@b>']], undefined],
    ['no identity', trusted(), [['P-Asserted-Identity', '"Ben <sip:202']], undefined],
    ['two of a kind', trusted(), [PAI, PAI], undefined],
    [
      'a name that breaks a line',
      trusted(),
      [['P-Asserted-Identity', '"B\u202e\u0007en" <sip:202@b>']],
      { number: '202', name: 'B  en' },
    ],
  ];
  for (const [what, line, headers, expected] of cases) {
    const found = namedParty(new Headers(headers), settingsOf(line), 'called');
    if (expected === undefined) t.equal(found, undefined, what);
    else t.match(found, expected, what);
  }
  const long = namedParty(
    new Headers([['P-Asserted-Identity', `"${'B'.repeat(9000)}" <sip:202@b>`]]),
    settingsOf(trusted()),
    'called',
  );
  t.equal(long?.name.length, 64);
});
