import t from 'tap';
import { maskCredentials } from '../../../firmware/sip/message/mask.ts';

const cases: readonly (readonly [title: string, text: string, masked: string])[] = [
  [
    'digest proofs, and neither name nor nonce',
    'Authorization: Digest username="201", realm="r", nonce="abc", uri="sip:x", response="0123", cnonce="45", nc=00000001\r\n',
    'Authorization: Digest username="201", realm="r", nonce="abc", uri="sip:x", response="****", cnonce="**", nc=00000001\r\n',
  ],
  [
    'without quotes, in any case, over several lines',
    'PROXY-AUTHORIZATION : digest RESPONSE=0123,\r\n  cnonce = "a\\"b", x=1\r\n\tresponse="99"\r\nTo: <sip:201@x>;response=7\r\n',
    'PROXY-AUTHORIZATION : digest RESPONSE=****,\r\n  cnonce = "****", x=1\r\n\tresponse="**"\r\nTo: <sip:201@x>;response=7\r\n',
  ],
  ['a quote that stays open', 'Authorization: Digest response="0123', 'Authorization: Digest response="****'],
  ['another scheme', 'Authorization: Basic dXNlcjpwYXNz\r\nTo: x', 'Authorization: Basic ************\r\nTo: x'],
  [
    'a token on a line of its own',
    'Authorization: Bearer\r\n eyJh.x\r\nTo: x',
    'Authorization: Bearer\r\n ******\r\nTo: x',
  ],
  ['no scheme at all', 'Authorization: dXNlcjpwYXNz \r\nTo: x', 'Authorization: *************\r\nTo: x'],
  [
    'a CR that ends no line, before and within a quote',
    'Authorization: Digest realm="r",\rresponse="01\\\r23"\r\nTo: x',
    'Authorization: Digest realm="r",\rresponse="***\r**"\r\nTo: x',
  ],
  ['a password of a web server', 'Call-Info: <https://u:secret@x/y>', 'Call-Info: <https://u:******@x/y>'],
  ['a web server without one', 'Call-Info: <https://x:8443/@y>', 'Call-Info: <https://x:8443/@y>'],
  ['what the box proves', 'Authentication-Info: rspauth="0123", nc=1', 'Authentication-Info: rspauth="****", nc=1'],
  ['a password in a URI', 'To: <sip:201:secret@x>;tag=1:2@3', 'To: <sip:201:******@x>;tag=1:2@3'],
  [
    'ports are none',
    'Via: SIP/2.0/UDP 1.2.3.4:5060\r\nTo: <sip:x:5060>',
    'Via: SIP/2.0/UDP 1.2.3.4:5060\r\nTo: <sip:x:5060>',
  ],
  [
    'keys in SDP',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY+/=|2^20|1:4;inline:TWO|1\r\na=ice-ufrag:u\r\na=ice-pwd:pass\r\nk=base64:xyz\r\na=key-mgmt:mikey AbC=\r\n',
    'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:******|2^20|1:4;inline:***|1\r\na=ice-ufrag:u\r\na=ice-pwd:****\r\nk=base64:***\r\na=key-mgmt:mikey ****\r\n',
  ],
  [
    'keys in SDP that are offered beside it',
    'a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY+/=|2^20;INLINE:TWO\r\na=acap:2 key-mgmt:mikey AbC=\r\nA=crypto:1 x inline:K\r\n',
    'a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:******|2^20;INLINE:***\r\na=acap:2 key-mgmt:mikey ****\r\nA=crypto:1 x inline:*\r\n',
  ],
  [
    'bytes that are no text',
    '\xff\x00Authorization: Digest response="\x80\xff"',
    '\xff\x00Authorization: Digest response="**"',
  ],
];

t.test('credentials are masked and nothing else, byte for byte', async (t) => {
  for (const [title, text, masked] of cases) {
    const bytes = Buffer.from(text, 'latin1');
    // A header begins a line.
    const lead = Buffer.from('REGISTER sip:x SIP/2.0\r\n');
    const result = maskCredentials(Buffer.concat([lead, bytes]));
    if (!text.startsWith('\xff')) t.equal(result.subarray(lead.length).toString('latin1'), masked, title);
    t.equal(result.length, lead.length + bytes.length);
  }
});

t.test('it takes its time with nothing that a stranger sends', async (t) => {
  const hostile = [
    'Authorization: Digest '.padEnd(65_000, 'response="'),
    `Authorization: Digest ${'response='.repeat(7000)}`,
    `Authorization:${'\r\n '.repeat(20_000)}`,
    `a=crypto:${'inline'.repeat(10_000)}`,
    'sip:'.repeat(16_000),
    `sip:${'a:'.repeat(30_000)}`,
    `${'sip:a:'.repeat(10_000)}@`,
    ';inline:'.repeat(8000),
    'k=base64:'.repeat(7000),
    'a=key-mgmt:'.repeat(6000),
  ];
  const plain = Buffer.alloc(65_000, 'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n');
  const time = (bytes: Buffer): number => {
    const start = performance.now();
    for (let run = 0; run < 5; run += 1) maskCredentials(bytes);
    return performance.now() - start;
  };
  time(plain);
  const usual = time(plain);
  for (const text of hostile) {
    const taken = time(Buffer.from(text));
    t.ok(taken < 300 * Math.max(usual, 1), `${text.slice(0, 30)}: ${taken} ms, ${usual} ms for a plain one`);
  }
});
