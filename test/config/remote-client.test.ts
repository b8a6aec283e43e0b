import t from 'tap';
import { isRemoteClient } from '../../firmware/config/remote-client.ts';
import { office } from '../phones/sample-office.ts';

const CONFIGURATION = office({
  lan1: {
    ipv4: { address: '203.0.113.1', prefixLength: 28 },
    ipv6: { mode: 'static', addresses: ['2001:db8:1::1/64'] },
    registrarFqdn: 'sip.example.com',
  },
});

t.test('who is outside of the office', async (t) => {
  for (const [address, expected] of [
    ['203.0.113.14', false],
    ['203.0.113.16', true],
    ['192.168.43.7', false],
    ['10.1.2.3', false],
    ['172.31.0.1', false],
    ['172.32.0.1', true],
    ['127.0.0.1', false],
    ['169.254.3.4', false],
    ['8.8.8.8', true],
    ['2001:db8:1::77', false],
    ['2001:db8:2::77', true],
    ['fd00:42::7', false],
    ['fe80::1', false],
    ['::1', false],
    ['', false],
    ['nonsense', false],
  ] as const) {
    t.equal(isRemoteClient(address, CONFIGURATION), expected, address);
  }
});
