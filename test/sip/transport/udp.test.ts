import t from 'tap';
import { UdpListener } from '../../../firmware/sip/transport/udp.ts';
import { within } from '../support/stacks.ts';

t.test('an answer to a datagram that came from port 0 fails without throwing', async (t) => {
  const listener = await UdpListener.open({ protocol: 'udp', address: '127.0.0.1', port: 0 }, () => undefined);
  const error = await within(
    new Promise<Error>((resolve) => {
      const { address, port } = listener.point;
      const flow = { protocol: 'udp', localAddress: address, localPort: port } as const;
      listener.send({ ...flow, remoteAddress: '127.0.0.1', remotePort: 0 }, Buffer.from('x'), resolve);
    }),
    'failure',
  );
  t.match(error, { code: 'SIP_FLOW_CLOSED' });
  await listener.close();
});
