import t from 'tap';
import { parseSipUri } from '../../../firmware/sip/message/uri.ts';
import { sameSipUri } from '../../../firmware/sip/message/uri-comparison.ts';
import { formatUriHeaders, MAX_URI_HEADERS, parseUriHeaders } from '../../../firmware/sip/message/uri-headers.ts';

const equal: readonly (readonly [first: string, second: string])[] = [
  // RFC 3261 §19.1.4, the examples
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
  ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
  [
    'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
    'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
  ],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
  // the rules
  ['SIP:alice@atlanta.com', 'sip:alice@atlanta.com'],
  ['sip:alice@atlanta.com;maddr=239.255.255.1', 'sip:alice@atlanta.com;maddr=239.255.255.1;x'],
  ['sip:a%3bb@c', 'sip:a%3Bb@c'],
  ['sip:%2A17@c', 'sip:*17@c'],
  ['sip:a@c;n%61me=v%61lue', 'sip:a@c;name=value'],
  // RFC 5954 §4.2
  ['sip:a@[2001:db8::1]', 'sip:a@[2001:DB8:0:0:0:0:0:1]'],
  ['sip:a@[::ffff:192.0.2.1]', 'sip:a@[::ffff:c000:201]'],
  ['isbn:2983792873', 'isbn:2983792873'],
];

const different: readonly (readonly [first: string, second: string])[] = [
  // RFC 3261 §19.1.4, the examples
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
  // the one that shows that the rule is not transitive
  ['sip:carol@chicago.com;security=off', 'sip:carol@chicago.com;security=on'],
  // the rules
  ['sip:alice@atlanta.com', 'sips:alice@atlanta.com'],
  ['sip:atlanta.com', 'sip:alice@atlanta.com'],
  ['sip:alice@atlanta.com', 'sip:alice:secret@atlanta.com'],
  ['sip:alice:Secret@atlanta.com', 'sip:alice:secret@atlanta.com'],
  ['sip:a%3Bb@c', 'sip:a;b@c'],
  ['sip:a@c', 'sip:a@c;user=ip'],
  ['sip:a@c', 'sip:a@c;ttl=1'],
  ['sip:a@c', 'sip:a@c;method=INVITE'],
  ['sip:a@c', 'sip:a@c;maddr=c'],
  ['sip:a@c?Subject=x', 'sip:a@c?Subject=y'],
  ['sip:a@c?Subject=x', 'sip:a@c?Subject=x&Subject=x'],
  ['sip:a@[2001:db8::1]', 'sip:a@[2001:db8::2]'],
  ['tel:+1', 'sip:+1@c'],
  ['no uri', 'sip:a@c'],
];

t.test('URIs that MUST be taken for the same', async (t) => {
  for (const [first, second] of equal) {
    t.equal(sameSipUri(first, second), true, `${first} = ${second}`);
    t.equal(sameSipUri(second, first), true, `${second} = ${first}`);
  }
});

t.test('URIs that MUST NOT be taken for the same', async (t) => {
  for (const [first, second] of different) {
    t.equal(sameSipUri(first, second), false, `${first} ≠ ${second}`);
    t.equal(sameSipUri(second, first), false, `${second} ≠ ${first}`);
  }
});

t.test('headers of a URI', async (t) => {
  const uri = parseSipUri(
    'sip:bob@biloxi.com?Replaces=12345%40host%3Bto-tag%3D1%3Bfrom-tag%3D2&m=%3Csip:a%40b%3E&body=x',
  );
  const headers = parseUriHeaders(uri?.headers ?? '');
  t.same(headers, [
    ['Replaces', '12345@host;to-tag=1;from-tag=2'],
    ['Contact', '<sip:a@b>'],
    ['body', 'x'],
  ]);
  t.same(parseUriHeaders(formatUriHeaders(headers ?? [])), headers, 'there and back');
  t.equal(formatUriHeaders([['Subject', 'Büro & "x"=1']]), 'Subject=B%C3%BCro%20%26%20%22x%22%3D1');
  t.same(parseUriHeaders(''), []);
  t.same(parseUriHeaders('a='), [['Accept-Contact', '']]);
  for (const text of ['a', '=b', 'a=b&', 'a=%zz', 'a=%ff']) t.equal(parseUriHeaders(text), undefined, text);
  const many = (count: number): string => Array(count).fill('X=1').join('&');
  t.equal(parseUriHeaders(many(MAX_URI_HEADERS))?.length, MAX_URI_HEADERS);
  t.equal(parseUriHeaders(many(MAX_URI_HEADERS + 1)), undefined);
});
