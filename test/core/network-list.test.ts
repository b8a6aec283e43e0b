import t from 'tap';
import { NetworkList } from '../../firmware/core/network-list.ts';

interface Case {
  readonly networks: readonly string[];
  readonly inside: readonly string[];
  readonly outside: readonly string[];
}

const CASES: readonly Case[] = [
  {
    networks: ['192.168.42.0/24', '10.0.0.7'],
    inside: ['192.168.42.1', '10.0.0.7', '::ffff:192.168.42.1'],
    outside: ['192.168.43.1', '10.0.0.8', 'fd00::1', '', 'nonsense', '192.168.42.1.evil'],
  },
  { networks: ['fd00::/64'], inside: ['fd00::1', 'fd00::7%eth0'], outside: ['fd00:0:0:1::1', '192.168.42.1'] },
  {
    networks: ['::/64'],
    inside: ['::1', '::7'],
    outside: ['192.168.42.1', '203.0.113.7', '::ffff:10.0.0.1', 'fd00::1'],
  },
  { networks: ['::/0'], inside: ['2001:db8::1'], outside: ['203.0.113.7', '::ffff:203.0.113.7'] },
  { networks: ['::ffff:10.0.0.0/104'], inside: ['10.1.1.1', '::ffff:10.1.1.1'], outside: ['11.1.1.1', 'fd00::1'] },
  { networks: ['::ffff:10.0.0.7'], inside: ['10.0.0.7'], outside: ['10.0.0.8'] },
  { networks: ['0.0.0.0/0'], inside: ['203.0.113.7'], outside: ['2001:db8::1'] },
  { networks: [], inside: [], outside: ['203.0.113.7', '::1'] },
];

for (const { networks, inside, outside } of CASES) {
  t.test(networks.join(' ') || 'nothing', async (t) => {
    const list = new NetworkList();
    for (const network of networks) list.add(network);
    for (const address of inside) t.equal(list.has(address), true, address);
    for (const address of outside) t.equal(list.has(address), false, address);
  });
}

t.test('what is no network is refused', async (t) => {
  for (const network of ['', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/ 8', '10.0.0', 'example.com']) {
    t.throws(() => new NetworkList().add(network), network);
  }
});
