import { deepStrictEqual, ok } from 'node:assert/strict';
import { serialize } from '../../../firmware/sip/message/serializer.ts';
import { type Frame, StreamFramer } from '../../../firmware/sip/transport/stream-framer.ts';
import { messages } from './corpus.ts';
import type { FuzzTarget } from './fuzz.ts';

export const framerTarget: FuzzTarget = {
  name: 'framer',
  corpus: () => {
    const all = messages();
    // Streams of several messages, too, with pings between them.
    return [
      ...all,
      ...all.map((bytes, index) => Buffer.concat([bytes, Buffer.from('\r\n\r\n'), all[index + 1] ?? bytes])),
    ];
  },
  check: (bytes, random) => {
    const whole = new StreamFramer();
    const expected = described(whole.push(Buffer.from(bytes)));
    const ways: readonly (() => number)[] = [
      () => 1,
      () => 1 + random.below(3),
      () => 1 + random.below(100),
      () => 1 + random.below(bytes.length),
    ];
    for (const way of ways) {
      // In single bytes only what is short: the other ways cover the rest.
      if (bytes.length > 1000 && way === ways[0]) continue;
      const framer = new StreamFramer();
      deepStrictEqual(framesOf(framer, bytes, way), expected, 'the same frames however the stream is split');
      ok(framer.isWithinMessage === whole.isWithinMessage, 'the same state behind them');
    }
  },
};

function framesOf(framer: StreamFramer, bytes: Buffer, size: () => number): readonly unknown[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + size());
    // The framer must have kept what it needs: the piece is overwritten behind it.
    const piece = Buffer.from(bytes.subarray(at, end));
    frames.push(...framer.push(piece));
    piece.fill(0x58);
    at = end;
  }
  return described(frames);
}

/** Keep-alives that lie together get one answer a read, so how many of them follow each other says nothing. */
function described(frames: readonly Frame[]): readonly unknown[] {
  return frames.filter(({ kind }, at) => kind !== 'ping' || frames[at - 1]?.kind !== 'ping').map(describe);
}

function describe(frame: Frame): unknown {
  switch (frame.kind) {
    case 'request':
      return serialize(frame.request).toString('latin1');
    case 'response':
      return serialize(frame.response).toString('latin1');
    case 'malformed':
      return {
        status: frame.status,
        reason: frame.reason,
        bodyBytes: frame.bodyBytes,
        fields: frame.request?.headers.fields,
      };
    case 'broken':
      return { broken: describe(frame.malformed) };
    default:
      return frame.kind;
  }
}
