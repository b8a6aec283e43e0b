import t from 'tap';
import { parse } from '../../../firmware/sdp/session-description.ts';
import { glance } from '../../../firmware/sip/message/glance.ts';
import { maskCredentials } from '../../../firmware/sip/message/mask.ts';
import { parseMessage } from '../../../firmware/sip/message/parser.ts';
import { StreamFramer } from '../../../firmware/sip/transport/stream-framer.ts';

/**
 * Sixteen times the input takes sixteen times as long, and some more where memory has to be found; a reader that goes
 * back and forth takes 256 times as long.
 */
const GROWTH = 16;
const MOST = 64;
const ATTEMPTS = 6;

const fill = (pattern: string, length: number): string =>
  pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length);

/** The least time of some runs, so that what else the machine does counts little. */
function leastNs(work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 7; round += 1) {
    const start = process.hrtime.bigint();
    for (let count = 0; count < 10; count += 1) work();
    least = Math.min(least, Number(process.hrtime.bigint() - start));
  }
  return least;
}

/** The smallest growth of several attempts: one that is not linear shows in all of them. */
function growth(small: () => unknown, large: () => unknown): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS && smallest > MOST; attempt += 1) {
    smallest = Math.min(smallest, leastNs(large) / leastNs(small));
  }
  return smallest;
}

const PATTERNS = [
  'a',
  ',',
  ';',
  '"',
  '<',
  '>',
  '\\',
  ' ',
  '\t',
  '=',
  ':',
  '@',
  '%',
  '%41',
  '[',
  '/',
  '\0',
  '\r',
  '\n',
  '\r\n ',
];
PATTERNS.push(
  ';a=b',
  ';a="b"',
  '"a",',
  '<sip:a@b>,',
  'sip:a@b,',
  'SIP/2.0/UDP b,',
  '; ',
  ' ;',
  '\\"',
  '"\\',
  'a=b,',
  '::',
  'é',
  '.',
);

const HEADERS = [
  'Via',
  'From',
  'To',
  'Contact',
  'Route',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Content-Length',
  'Content-Type',
];
HEADERS.push('X-Other', 'Via: SIP/2.0/UDP b', 'To: <sip:a@b>', 'From: "', 'Contact: <sip:a@b>;expires');

function message(header: string, value: string): Buffer {
  const own = /^[\w-]+/.exec(header)?.[0] ?? '';
  const lines = [
    'Via: SIP/2.0/UDP b;branch=z9hG4bKl',
    'From: <sip:a@b>;tag=1',
    'To: <sip:a@b>',
    'Call-ID: l',
    'CSeq: 1 OPTIONS',
  ];
  const others = lines.filter((line) => !line.startsWith(`${own}:`));
  const field = header.includes(':') ? `${header}${value}` : `${header}: ${value}`;
  return Buffer.from(['OPTIONS sip:a@b SIP/2.0', ...others, field, '', ''].join('\r\n'));
}

t.test('a header of any kind is read in linear time', async (t) => {
  for (const header of HEADERS) {
    for (const pattern of PATTERNS) {
      const [small, large] = [500, 500 * GROWTH].map((length) => message(header, fill(pattern, length)));
      if (small === undefined || large === undefined) continue;
      const grown = growth(
        () => parseMessage(small),
        () => parseMessage(large),
      );
      if (grown > MOST) t.fail(`${header} of ${JSON.stringify(pattern)} grows ${grown.toFixed(1)} times`);
    }
  }
  t.pass(`${HEADERS.length * PATTERNS.length} kinds`);
});

const FROM = Buffer.from('OPTIONS sip:a@b SIP/2.0\r\nFrom: ');

t.test('a whole message, a stream and a description are read in linear time', async (t) => {
  const lines = [
    'X: y\r\n',
    'Via: SIP/2.0/UDP b\r\n',
    '\r\n',
    '\r',
    'a',
    ' \r\n',
    'X:\r\n y\r\n',
    '\r\n\r',
    'a=b\r\n',
    'm=audio 1 x 0\r\n',
  ];
  lines.push('sip:a:', 'sip:a:b@', 'From: sip:a:\r\n', 'Authorization: Digest response="');
  lines.push('a=', 'v=0\r\n', 'a=x:\r\n', 'c=IN IP4 1.2.3.4\r\n', ' ', '\n', 'OPTIONS sip:a@b SIP/2.0\r\nl:0\r\n\r\n');
  const readers: Readonly<Record<string, (text: string, bytes: Buffer) => unknown>> = {
    parser: (_, bytes) => parseMessage(bytes),
    framer: (_, bytes) => new StreamFramer().push(bytes),
    glance: (_, bytes) => glance(Buffer.concat([FROM, bytes])),
    mask: (_, bytes) => maskCredentials(Buffer.concat([FROM, bytes])),
    description: (text) => parse(`v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n${text}`),
  };
  for (const [name, read] of Object.entries(readers)) {
    for (const line of lines) {
      const [small, large] = [4000, 4000 * GROWTH].map((length) => {
        const text = fill(line, length);
        const bytes = Buffer.from(text);
        return () => read(text, bytes);
      });
      if (small === undefined || large === undefined) continue;
      const grown = growth(small, large);
      t.ok(grown <= MOST, `${name} of ${JSON.stringify(line)}: ${grown.toFixed(1)} times`);
    }
  }
});

t.test('a message in single bytes costs as much for each byte however long it is', async (t) => {
  const head = 'OPTIONS sip:a@b SIP/2.0\r\n';
  const feed = (length: number) => () => {
    const framer = new StreamFramer();
    const bytes = Buffer.from(head + fill('X: y\r\n', length));
    for (let at = 0; at < bytes.length; at += 1) framer.push(bytes.subarray(at, at + 1));
  };
  const grown = growth(feed(1000), feed(1000 * GROWTH));
  t.ok(grown <= MOST, `${grown.toFixed(1)} times`);
});
