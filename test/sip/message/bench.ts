import { parseMessage } from '../../../firmware/sip/message/parser.ts';
import { createResponse } from '../../../firmware/sip/message/response.ts';
import { serialize } from '../../../firmware/sip/message/serializer.ts';

/** Microseconds of processor time for one message. */
export interface ParserFigures {
  readonly requestBytes: number;
  readonly parseUs: number;
  readonly serializeUs: number;
  /** The 200 to it, as a registrar writes it: createResponse with Contact and Date, and its bytes. */
  readonly respondUs: number;
}

/** What a desk phone sends when it renews its binding: 12 header fields, a Digest answer among them. */
export const register = Buffer.from(
  [
    'REGISTER sip:box.example.com SIP/2.0',
    'Via: SIP/2.0/UDP 192.168.42.17:5060;branch=z9hG4bK-5c2e9f1a7d30;rport',
    'Max-Forwards: 70',
    'From: "Ada" <sip:201@box.example.com>;tag=a73kszlfl',
    'To: <sip:201@box.example.com>',
    'Call-ID: 1j9FpLxk3uxtm8tn@192.168.42.17',
    'CSeq: 2 REGISTER',
    'Contact: <sip:201@192.168.42.17:5060>;expires=3600',
    'Authorization: Digest username="201", realm="box", nonce="AZ3kq0b1tF7c6B8mZ0m5Yw7jPq2T1aXk", ' +
      'uri="sip:box.example.com", response="6629fae49393a05397450978507c4ef16629fae49393a05397450978507c4ef1", ' +
      'algorithm=SHA-256, cnonce="0a4f113b", qop=auth, nc=00000001',
    'User-Agent: Desk/1.0',
    'Expires: 3600',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n'),
);

/** Each figure is the best of several rounds, since a round that something else disturbs says nothing of the code. */
export function measureParser({ rounds = 15, messages = 20_000 } = {}): ParserFigures {
  const parsed = parseMessage(register);
  if (parsed.kind !== 'request') throw new Error('the message of the measurement does not parse');
  const { request } = parsed;
  const headers = [
    ['Contact', '<sip:201@192.168.42.17:5060>;expires=3600'],
    ['Date', 'Sat, 13 Nov 2010 23:29:00 GMT'],
  ] as const;
  const best = (work: () => unknown): number => {
    let fastestUs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round += 1) {
      const start = process.cpuUsage();
      for (let count = 0; count < messages; count += 1) work();
      const { user, system } = process.cpuUsage(start);
      fastestUs = Math.min(fastestUs, (user + system) / messages);
    }
    return fastestUs;
  };
  return {
    requestBytes: register.length,
    parseUs: best(() => parseMessage(register)),
    serializeUs: best(() => serialize(request)),
    respondUs: best(() => serialize(createResponse(request, 200, '1928301774', { headers }))),
  };
}

if (import.meta.main) {
  const { requestBytes, parseUs, serializeUs, respondUs } = measureParser();
  const together = parseUs + serializeUs;
  process.stdout.write(
    `REGISTER of ${requestBytes} bytes: parse ${parseUs.toFixed(2)} µs, serialise ${serializeUs.toFixed(2)} µs, ` +
      `together ${together.toFixed(2)} µs; its 200, created and serialised: ${respondUs.toFixed(2)} µs\n`,
  );
}
