/** Who answers or takes a call over, as the peer of a line is told (RFC 3325 §5). */
import t from 'tap';
import { complete } from '../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../firmware/config/schema/tree.ts';
import { type ConnectedParty, connectedIdentity } from '../../firmware/trunk/connected-identity.ts';
import { lineSettings } from '../../firmware/trunk/line-settings.ts';

const BEN: ConnectedParty = { number: '202', name: 'Ben', user: '202' };

function shown(party: Partial<ConnectedParty>, line: object, role: 'calling' | 'called' = 'called'): readonly string[] {
  const whole = { domain: 'c.example', ...line };
  const { lines } = complete(nodeOf(configurationSchema), { lines: { 1: whole } }) as Configuration;
  const configured = lines['1'];
  if (configured === undefined) throw new Error('no line');
  const settings = lineSettings('1', configured, () => undefined);
  return connectedIdentity({ ...BEN, ...party }, settings, role).map((header) => header.join(': '));
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
  t.same(shown({}, trusted({ outgoing: 'from' })), [], 'From is that of the INVITE for good');
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
