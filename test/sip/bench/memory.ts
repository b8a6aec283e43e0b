import { heading } from '../../support/bench-report.ts';
import { flood } from '../../support/flood.ts';
import { residentBytes } from '../../support/process-cost.ts';
import { load } from './register-load.ts';
import { startRingdown } from './ringdown.ts';
import type { Algorithm } from './server.ts';

export interface MemoryOptions {
  readonly program: string;
  readonly algorithm: Algorithm;
  readonly registrations: number;
  readonly malformed: number;
}

const WARM_UP = 100_000;
/** The same number of registrations between two looks. */
const LOOKS = 10;
const WINDOW = 64;
const MALFORMED_PER_SECOND = 10_000;

/** Wrong in different places: `########` becomes another number each time. */
const MALFORMED: readonly Buffer[] = [
  'REGISTER sip:########@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK########\r\nCSeq: x\r\n\r\n',
  'REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK########\r\nFrom: <sip:a@b>;tag=1\r\n' +
    'To: <sip:########@b>\r\nCall-ID: ########\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n',
  '########\0\xff\xfe no SIP at all\r\n\r\n',
  'SIP/2.0 ########\r\n########: ########\r\n\r\n',
  `OPTIONS sip:a@b SIP/2.0\r\n${'X-########: ########\r\n'.repeat(20)}`,
].map((text) => Buffer.from(text, 'latin1'));

/** The runtime's memory after a warm-up, during and after registrations and malformed messages. */
export async function memory({ program, algorithm, registrations, malformed }: MemoryOptions): Promise<void> {
  const server = await startRingdown();
  try {
    await load(program, server, { count: WARM_UP, algorithm, window: WINDOW });
    const looks = [residentBytes(server.pid)];
    for (let look = 0; look < LOOKS; look += 1) {
      await load(program, server, { count: Math.ceil(registrations / LOOKS), algorithm, window: WINDOW });
      looks.push(residentBytes(server.pid));
    }
    for (const message of MALFORMED) {
      await flood({
        address: '127.0.0.1',
        port: server.port,
        // On the allow list, so that every one of them is read.
        from: '127.0.0.1',
        sources: 1,
        perSecond: MALFORMED_PER_SECOND,
        count: Math.ceil(malformed / MALFORMED.length),
        message,
      });
      looks.push(residentBytes(server.pid));
    }
    const last = await load(program, server, { count: 10_000, algorithm, window: WINDOW });
    heading(
      `Memory over ${registrations} registrations and ${malformed} malformed messages, after ${WARM_UP} registrations`,
    );
    process.stdout.write(`resident: ${looks.map((bytes) => Math.round(bytes / 1e6)).join(' ')} MB\n`);
    process.stdout.write(`registrations afterwards: ${last.done} done, ${last.failed} failed\n`);
  } finally {
    await server.close();
  }
}
