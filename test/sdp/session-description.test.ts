import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { SdpError } from '../../firmware/sdp/sdp-error.ts';
import {
  MAX_FORMATS,
  MAX_LINES,
  MAX_MEDIA,
  MAX_TEXT_LENGTH,
  parse,
  type SessionDescription,
  serialize,
} from '../../firmware/sdp/session-description.ts';
import { fixture, parsed } from './fixtures.ts';

const HEAD = 'v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n';

t.test('a description is read', async (t) => {
  t.same(parsed('ipv6-media-level'), {
    origin: {
      username: '-',
      sessionId: '1',
      version: '1',
      connection: { addressType: 'IP6', address: '2001:db8::1' },
    },
    name: '-',
    timing: { start: '0', stop: '0' },
    attributes: [],
    media: [
      {
        media: 'audio',
        port: 4000,
        protocol: 'RTP/AVP',
        formats: ['18'],
        connection: { addressType: 'IP6', address: '2001:db8::7' },
        attributes: [
          { name: 'rtpmap', value: '18 G729/8000' },
          { name: 'fmtp', value: '18 annexb=no' },
          { name: 'rtcp', value: '4100 IN IP6 2001:db8::7' },
          { name: 'maxptime', value: '40' },
          { name: 'ptime', value: '60' },
        ],
      },
    ],
  });
});

t.test('LF alone, trailing blanks and 64-bit numbers are tolerated', async (t) => {
  const description = parsed('static-types-lf-only');
  t.equal(description.origin.sessionId, '18446744073709551615');
  t.equal(description.connection?.address, '192.0.2.10');
  t.same(description.media[0]?.formats, ['18', '9', '0', '8', '3']);
});

t.test('every line type of RFC 8866 is understood', async (t) => {
  const description = parsed('all-lines');
  t.equal(description.name, 'Call to John Smith');
  t.same(description.timing, { start: '3724394400', stop: '3724398000' });
});

t.test('a missing s= and t= get their neutral values', async (t) => {
  const description = parsed('missing-name-and-time');
  t.equal(description.name, '-');
  t.same(description.timing, { start: '0', stop: '0' });
});

const hostile = readdirSync(new URL('./fixtures/', import.meta.url)).filter((name) => name.startsWith('bad-'));
t.ok(hostile.length >= 20, 'the hostile fixtures are there');
for (const name of hostile) {
  t.test(`${name} is an error`, async (t) => {
    const error = parse(fixture(name.replace(/\.sdp$/, '')));
    if (!(error instanceof SdpError)) throw new Error(`was accepted as ${JSON.stringify(error)}`);
    t.equal(error.code, 'SDP_SYNTAX');
    t.equal(error.kind, 'malformed');
    t.ok(error.cure.length > 0);
  });
}

const tooLarge: readonly (readonly [string, string])[] = [
  ['text', `${HEAD}a=x:${'y'.repeat(MAX_TEXT_LENGTH)}\r\n`],
  ['lines', HEAD + 'a=x\r\n'.repeat(MAX_LINES)],
  ['m-lines', HEAD + 'm=audio 4000 RTP/AVP 8\r\n'.repeat(MAX_MEDIA + 1)],
  ['formats', `${HEAD}m=audio 4000 RTP/AVP${' 8'.repeat(MAX_FORMATS + 1)}\r\n`],
];
for (const [what, text] of tooLarge) {
  t.test(`too many ${what} are refused`, async (t) => {
    t.match(parse(text), { code: 'SDP_TOO_LARGE', kind: 'malformed' });
  });
}

t.test('the limits themselves are allowed', async (t) => {
  t.notOk(parse(HEAD + 'm=audio 4000 RTP/AVP 8\r\n'.repeat(MAX_MEDIA)) instanceof SdpError);
  t.notOk(parse(HEAD + 'a=x\r\n'.repeat(MAX_LINES - 5)) instanceof SdpError);
});

t.test('each prefix and each damaged byte of a description is read or refused, never thrown', async (t) => {
  const text = fixture('video-srtp-audio');
  let refused = 0;
  for (let end = 0; end < text.length; end += 1) {
    if (parse(text.slice(0, end)) instanceof SdpError) refused += 1;
    for (const damage of ['\0', '=', ' ', '\n', '\u{1f4de}', '9']) {
      if (parse(text.slice(0, end) + damage + text.slice(end + 1)) instanceof SdpError) refused += 1;
    }
  }
  t.ok(refused > text.length, 'most damage is noticed');
});

t.test('an error names the line', async (t) => {
  t.match(parse(`${HEAD}m=audio 65536 RTP/AVP 8\r\n`), { line: 6, message: /^line 6: m=/ });
});

for (const name of ['pcma', 'ipv6-media-level', 'video-srtp-audio', 'all-lines', 'odd-attributes']) {
  t.test(`${name} comes back as it was written`, async (t) => {
    const description = parsed(name);
    const text = serialize(description);
    t.same(parse(text), description);
    t.notMatch(text, /[^\r]\n/, 'each line ends in CRLF');
  });
}

t.test('the writer refuses what would inject a line', async (t) => {
  const description: SessionDescription = { ...parsed('pcma'), name: 'x\r\na=evil' };
  t.throws(() => serialize(description), { code: 'SDP_SYNTAX' });
  t.throws(() => serialize({ ...parsed('pcma'), attributes: [{ name: 'a b' }] }), { code: 'SDP_SYNTAX' });
});

t.test('the fixtures hold what their names say', async (t) => {
  t.match(readFileSync(new URL('./fixtures/bad-nul.sdp', import.meta.url)).includes(0), true);
});
