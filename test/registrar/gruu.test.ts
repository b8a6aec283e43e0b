import { randomBytes } from 'node:crypto';
import t from 'tap';
import type { Binding } from '../../firmware/registrar/binding.ts';
import { Gruus, publicGruu } from '../../firmware/registrar/gruu.ts';
import { parseSipUri, type SipUri } from '../../firmware/sip/stack.ts';

const INSTANCE = '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>';
const AOR = uri('sip:201:secret@box.example:5070;transport=tcp');

function uri(text: string): SipUri {
  const parsed = parseSipUri(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function binding(more: Partial<Binding> = {}): Binding {
  const flow = { protocol: 'udp', localAddress: '', localPort: 1, remoteAddress: '', remotePort: 1 } as const;
  return { contact: 'sip:a@b', callId: 'call-1', cSeq: 1, expiresAtMs: 0, flow, instance: INSTANCE, ...more };
}

t.test('the public GRUU is the address of record with the instance', async (t) => {
  const gruu = publicGruu(AOR, INSTANCE);
  t.equal(gruu, 'sip:201@box.example;gr=urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF');
  const found = new Gruus(randomBytes(32)).find(uri(gruu));
  t.equal(found?.aor, '201');
  t.equal(found?.isMeant(binding()), true);
  t.equal(found?.isMeant(binding({ instance: '<urn:uuid:2>' })), false);
});

t.test('an instance of any characters comes back as it was', async (t) => {
  for (const instance of ['<a;b=c?d@e,f%g>', "<ä€'>", '<urn:x:%41>']) {
    const gruu = publicGruu(AOR, instance);
    const found = new Gruus(randomBytes(32)).find(uri(gruu));
    t.equal(found?.aor, '201', gruu);
    t.equal(found?.isMeant(binding({ instance })), true, gruu);
  }
});

t.test(
  'temporary GRUUs tell nothing, differ each time, and lead to the instance until its Call-ID changes',
  async (t) => {
    const gruus = new Gruus(randomBytes(32));
    const [first, second] = [gruus.temporary(AOR, binding()), gruus.temporary(AOR, binding())];
    t.not(first, second);
    for (const gruu of [first, second]) {
      t.match(gruu, /^sip:tgruu\.[\w-]+@box\.example;gr$/);
      const found = gruus.find(uri(gruu));
      t.equal(found?.aor, '201');
      t.equal(found?.isMeant(binding()), true);
      t.equal(found?.isMeant(binding({ instance: '<urn:uuid:2>' })), false);
      t.equal(found?.isMeant(binding({ callId: 'call-2' })), false);
    }
    t.equal(new Gruus(randomBytes(32)).find(uri(first)), undefined, 'of another box');
  },
);

t.test('what is no GRUU of ours leads nowhere', async (t) => {
  const gruus = new Gruus(randomBytes(32));
  const token = /tgruu\.([^@]+)/.exec(gruus.temporary(AOR, binding()))?.[1] ?? '';
  for (const text of [
    'sip:201@box',
    'sip:box;gr',
    'sip:201@box;gr',
    'sip:tgruu.@box;gr',
    'sip:tgruu.AAAA@box;gr',
    `sip:tgruu.${token.slice(0, -4)}AAAA@box;gr`,
    `sip:tgruu.${'A'.repeat(100)}@box;gr`,
    `sip:tgruu.${'A'.repeat(60_000)}@box;gr`,
  ]) {
    t.equal(gruus.find(uri(text)), undefined, text.slice(0, 60));
  }
});
