import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { MediaClient } from '../../../firmware/media/client.ts';
import { G729, PCMA } from '../conversation.ts';
import { ADDRESS, LOWEST_PORT, type Load, type PortPair, type Side } from './side.ts';

/** The media worker as the runtime starts it, with one thread for packets. */
export async function startRingdown({ work, calls, parties }: Load): Promise<Side> {
  const client = await MediaClient.start({
    ports: { low: LOWEST_PORT, high: LOWEST_PORT + calls * 4 - 1 },
    logger: createLogger('warn'),
    clock: systemClock,
  });
  const ports: PortPair[] = [];
  for (let call = 0; call < calls; call += 1) {
    const session = await client.openSession([ADDRESS, ADDRESS]);
    for (const leg of [0, 1] as const) {
      const negotiated = leg === 1 && work === 'transcode' ? G729 : PCMA;
      await session.configure(leg, {
        remoteAddress: ADDRESS,
        remotePort: parties[leg],
        direction: 'sendrecv',
        ...negotiated,
      });
    }
    const [first, second] = session.ports;
    ports.push([first, second]);
  }
  const pid = client.workerPid;
  if (pid === undefined) throw new Error('the media worker is gone');
  return { name: 'Ringdown', pid, ports, close: () => client.close() };
}
