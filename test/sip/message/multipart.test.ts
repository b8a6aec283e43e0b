import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MAX_BODY_PARTS, parseMultipart, sessionPart } from '../../../firmware/sip/message/multipart.ts';
import { parseMessage } from '../../../firmware/sip/message/parser.ts';

const lines = (...text: string[]): Buffer => Buffer.from(text.join('\r\n'));
const sdp = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n';

t.test('the parts of RFC 4475 §3.1.1.11', async (t) => {
  const result = parseMessage(readFileSync(join(import.meta.dirname, '..', 'fixtures', 'rfc4475', 'mpart01.dat')));
  if (result.kind !== 'request') throw new Error('no request');
  const parts = parseMultipart(result.request.body, '7a9cbec02ceef655');
  t.same(
    parts?.map(({ headers, body }) => [headers.get('Content-Type'), body.length]),
    [
      ['text/plain', 5],
      ['application/octet-stream', 342],
    ],
  );
  t.equal(parts?.[0]?.body.toString(), 'Hello');
  t.equal(result.request.sdp, undefined);
});

t.test('a description among other parts is found', async (t) => {
  const invite = (type: string, body: Buffer): Buffer =>
    Buffer.concat([
      lines(
        'INVITE sip:a@b SIP/2.0',
        'Via: SIP/2.0/UDP b;branch=z9hG4bKm',
        'From: <sip:a@b>;tag=1',
        'To: <sip:a@b>',
        'Call-ID: m',
        'CSeq: 1 INVITE',
        `Content-Type: ${type}`,
        '',
        '',
      ),
      body,
    ]);
  const inner = lines(
    '--in',
    'Content-Type: text/plain',
    '',
    'no',
    '--in',
    'Content-Type: application/sdp',
    '',
    `${sdp}`,
    '--in--',
  );
  const cases: readonly (readonly [what: string, type: string, body: Buffer])[] = [
    ['alone', 'Application/SDP ; x=y', Buffer.from(sdp)],
    [
      'in multipart/mixed',
      'multipart/mixed;boundary=out',
      lines(
        'preamble',
        '--out',
        '',
        'text',
        '--out  ',
        'Content-Type: application/sdp',
        '',
        sdp,
        '--out--',
        'epilogue',
      ),
    ],
    [
      'behind one that is not for the session',
      'multipart/mixed; boundary="o u;t"',
      lines(
        ...['--o u;t', 'c: application/sdp', 'Content-Disposition: early-session', '', 'v=1'],
        ...['--o u;t', 'c: application/sdp', 'Content-Disposition: session;handling=required', '', sdp, '--o u;t--'],
      ),
    ],
    [
      'in multipart/alternative within',
      'multipart/mixed;boundary=out',
      lines('--out', 'Content-Type: multipart/alternative;boundary=in', '', inner.toString(), '--out--'),
    ],
  ];
  for (const [what, type, body] of cases) {
    const result = parseMessage(invite(type, body));
    t.equal(result.kind === 'request' && result.request.sdp, sdp, what);
  }
});

t.test('what is no multipart body', async (t) => {
  const bodies = [
    '',
    '--',
    '--out',
    '--out--x',
    'x--out\r\n\r\n\r\n--out--',
    '--out\r\n\r\nx',
    '--out\r\nBad Name: x\r\n\r\nx\r\n--out--',
  ];
  const parsed = bodies.map((body) => parseMultipart(Buffer.from(body), 'out'));
  t.same(parsed, [undefined, undefined, undefined, [], [], undefined, undefined]);
  t.equal(parseMultipart(Buffer.from('----'), ''), undefined);
  t.equal(parseMultipart(Buffer.from('--'), 'x'.repeat(71)), undefined);
  t.equal(sessionPart('multipart/mixed', Buffer.from(sdp)), undefined);
  t.equal(sessionPart('nonsense', Buffer.from(sdp)), undefined);
});

t.test('limits', async (t) => {
  const many = (count: number): Buffer => lines(...Array<string>(count).fill('--out\r\n\r\nx'), '--out--');
  t.equal(parseMultipart(many(MAX_BODY_PARTS), 'out')?.length, MAX_BODY_PARTS);
  t.equal(parseMultipart(many(MAX_BODY_PARTS + 1), 'out'), undefined);
  let body = sdp;
  let type = 'application/sdp';
  for (let depth = 1; depth <= 4; depth += 1) {
    body = `--b${depth}\r\nContent-Type: ${type}\r\n\r\n${body}\r\n--b${depth}--`;
    type = `multipart/mixed;boundary=b${depth}`;
    t.equal(sessionPart(type, Buffer.from(body))?.toString(), depth <= 3 ? sdp : undefined, `${depth} deep`);
  }
});
