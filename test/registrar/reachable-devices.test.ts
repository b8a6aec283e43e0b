import t from 'tap';
import type { Binding } from '../../firmware/registrar/binding.ts';
import { reachableDevices } from '../../firmware/registrar/reachable-devices.ts';

const flow = { protocol: 'udp', localAddress: '', localPort: 1, remoteAddress: '', remotePort: 1 } as const;

function binding(contact: string, more: Partial<Binding> = {}): Binding {
  return { contact, callId: contact, cSeq: 1, expiresAtMs: 0, flow, ...more };
}

const CASES: readonly { title: string; bindings: readonly Binding[]; expected: readonly (readonly string[])[] }[] = [
  { title: 'nothing', bindings: [], expected: [] },
  { title: 'the newest first', bindings: [binding('a'), binding('b')], expected: [['a'], ['b']] },
  {
    title: 'by q, which is 1 where there is none',
    bindings: [binding('a', { q: 0.2 }), binding('b', { q: 0.9 }), binding('c'), binding('d', { q: 1 })],
    expected: [['c'], ['d'], ['b'], ['a']],
  },
  {
    title: 'flows of one device are one device, the preferred flow first',
    bindings: [
      binding('a', { instance: '<i>', regId: 2, q: 0.5 }),
      binding('b'),
      binding('c', { instance: '<i>', regId: 1 }),
      binding('d', { instance: '<j>', regId: 1 }),
    ],
    expected: [['b'], ['c', 'a'], ['d']],
  },
  {
    title: 'several contacts without reg-id are called all',
    bindings: [binding('a', { instance: '<i>' }), binding('b', { instance: '<i>' })],
    expected: [['a'], ['b']],
  },
];

for (const { title, bindings, expected } of CASES) {
  t.test(title, async (t) => {
    t.same(
      reachableDevices(bindings).map(({ ways }) => ways.map(({ contact }) => contact)),
      expected,
    );
  });
}
