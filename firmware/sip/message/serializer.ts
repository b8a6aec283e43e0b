import type { SipMessage } from './message.ts';

/** Line ends in a value would begin a header of someone else's making. */
const LINE_BREAKS = /[\r\n]+|(?<!\\)\0+/g;

/** The bytes of a message; Content-Length is written from the body, whatever the headers say. */
export function serialize(message: SipMessage): Buffer {
  let head = `${clean(message.startLine)}\r\n`;
  for (const [name, value] of message.headers.fields) {
    if (name !== 'Content-Length') head += `${name}: ${clean(value)}\r\n`;
  }
  head += `Content-Length: ${message.body.length}\r\n\r\n`;
  const bytes = Buffer.from(head, 'utf8');
  return message.body.length === 0 ? bytes : Buffer.concat([bytes, message.body]);
}

function clean(text: string): string {
  return text.includes('\n') || text.includes('\r') || text.includes('\0') ? text.replace(LINE_BREAKS, ' ') : text;
}
