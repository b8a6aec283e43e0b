import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Answers who asked for another protocol, and cuts the connection off: HTTP has let go of it, so that nothing else would end one whose
 * peer keeps its half open.
 */
export function refuseUpgrade(stream: Duplex, status: number): void {
  stream.on('error', () => stream.destroy());
  stream.once('finish', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
