import { oneLine } from './headers.ts';
import type { SipMessage } from './message.ts';

/** The bytes of a message; Content-Length is written from the body, whatever the headers say. */
export function serialize(message: SipMessage): Buffer {
  const { body } = message;
  let head = `${oneLine(message.startLine)}\r\n`;
  for (const field of message.headers.fields) {
    if (field[0] !== 'Content-Length') head += `${field[0]}: ${field[1]}\r\n`;
  }
  head += `Content-Length: ${body.length}\r\n\r\n`;
  if (body.length === 0) return Buffer.from(head, 'utf8');
  const headBytes = Buffer.byteLength(head, 'utf8');
  const bytes = Buffer.allocUnsafe(headBytes + body.length);
  bytes.write(head, 'utf8');
  bytes.set(body, headBytes);
  return bytes;
}
