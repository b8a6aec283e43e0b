import t from 'tap';
import { formatNameAddr, parseNameAddr } from '../../../firmware/sip/message/name-addr.ts';
import { formatSipUri, parseSipUri, uriScheme } from '../../../firmware/sip/message/uri.ts';
import { formatVia, parseVia } from '../../../firmware/sip/message/via.ts';

t.test('SIP URIs', async (t) => {
  const cases: readonly (readonly [text: string, user: string | undefined, host: string, port: number | undefined])[] =
    [
      ['sip:201@192.168.42.1', '201', '192.168.42.1', undefined],
      ['SIPS:201@Box.Example.COM:5061', '201', 'box.example.com', 5061],
      ['sip:[fd00::1]:5070;transport=tcp', undefined, 'fd00::1', 5070],
      ['sip:+49;phone-context=x:pw@host;user=phone?Subject=a', '+49;phone-context=x', 'host', undefined],
      ['sip:%2a17@host', '*17', 'host', undefined],
      ['sip:a%40b@host', 'a@b', 'host', undefined],
    ];
  for (const [text, user, host, port] of cases) {
    const uri = parseSipUri(text);
    t.match({ user: uri?.user, host: uri?.host, port: uri?.port }, { user, host, port }, text);
    if (uri !== undefined) t.same(parseSipUri(formatSipUri(uri)), uri, `${text} there and back`);
  }
});

t.test('what is no SIP URI', async (t) => {
  const texts = ['', 'sip:', 'sip:@host', 'sip:a@', 'sip:a@b@c', 'sip:a@host:0', 'sip:a@host:70000', 'sip:a@[::1'];
  texts.push('sip:a@[1.2.3.4]', 'sip:a b@host', 'sip:a@ho<st', 'tel:+49', 'sip:%zz@host', 'sip:a@host;=x', 'sip:a@-x');
  for (const text of texts) t.equal(parseSipUri(text), undefined, text);
  t.equal(uriScheme('tel:+49'), 'tel');
  t.equal(uriScheme('nobodyKnows:x'), 'nobodyknows');
});

t.test('name-addr', async (t) => {
  const cases: readonly (readonly [text: string, name: string | undefined, uri: string, params: number])[] = [
    ['<sip:a@b>', undefined, 'sip:a@b', 0],
    ['sip:a@b;tag=1', undefined, 'sip:a@b', 1],
    ['<sip:a@b;lr>;tag=1', undefined, 'sip:a@b;lr', 1],
    ['"Weiß, \\"Ada\\"" <sip:a@b>', 'Weiß, "Ada"', 'sip:a@b', 0],
    ['Ada Weiß <sip:a@b>;tag="x;y"', 'Ada Weiß', 'sip:a@b', 1],
    ['"" <tel:+4930>', '', 'tel:+4930', 0],
  ];
  for (const [text, name, uri, params] of cases) {
    const value = parseNameAddr(text);
    t.equal(value?.displayName, name, text);
    t.equal(value?.uri, uri, text);
    t.equal(value?.params.length, params, text);
    if (value !== undefined) {
      const again = parseNameAddr(formatNameAddr(value));
      t.same({ ...again, displayName: again?.displayName ?? '' }, { ...value, displayName: value.displayName ?? '' });
    }
  }
  for (const text of [
    '',
    '<>',
    '<sip:a@b',
    '"a <sip:a@b>',
    'a, b <sip:a@b>',
    '<sip:a@b> x',
    '<sip:a@b>;=1',
    'noscheme',
  ]) {
    t.equal(parseNameAddr(text), undefined, text);
  }
});

t.test('Via', async (t) => {
  const via = parseVia('SIP / 2.0 / UDP first.example.com : 4000 ; ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8');
  t.match(via, { transport: 'UDP', host: 'first.example.com', port: 4000, branch: 'z9hG4bKa7c6a8' });
  t.equal(via && formatVia(via), 'SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8');
  t.match(parseVia('SIP/2.0/TLS [2001:db8::1]:5061;received=[2001:db8::2];rport'), { host: '2001:db8::1', port: 5061 });
  for (const text of [
    '',
    'SIP/2.0',
    'SIP/2.0/UDP',
    'SIP/x/UDP a',
    'HTTP/2.0/UDP a',
    'SIP/2.0/UDP a:b',
    'SIP/2.0/UDP a;;',
  ]) {
    t.equal(parseVia(text), undefined, text);
  }
});
