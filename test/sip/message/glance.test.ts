import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { glance } from '../../../firmware/sip/message/glance.ts';
import { maskCredentials } from '../../../firmware/sip/message/mask.ts';

const lines = (...texts: string[]): Buffer => Buffer.from(`${texts.join('\r\n')}\r\n\r\nbody <sip:999@x>`);

t.test('it sees by what a message is searched', async (t) => {
  t.same(
    glance(
      lines(
        'INVITE sip:%32%30%32@192.0.2.1;user=phone SIP/2.0',
        'v: SIP/2.0/UDP x',
        'f: "A, B" <sip:201:pw@x>;tag=1',
        'T: <tel:+49123>',
        'i: abc@x',
        'm: <sips:dev-1@[::1]:5061>',
        'Authorization: Digest username="201a", realm="x"',
        'CSeq: 1 INVITE',
      ),
    ),
    { method: 'INVITE', status: undefined, callId: 'abc@x', users: ['202', '201', '+49123', 'dev-1', '201a'] },
  );
  t.same(glance(lines('SIP/2.0 401 Unauthorized', 'CSEQ: 7 REGISTER', 'Call-ID: q', 'To: sip:201@x')), {
    method: 'REGISTER',
    status: 401,
    callId: 'q',
    users: ['201'],
  });
});

t.test('malformed messages are seen as far as they go', async (t) => {
  t.same(glance(Buffer.from('')), { method: '', status: undefined, callId: '', users: [] });
  t.match(glance(Buffer.from('OPTIONS sip:100@x SIP/2.0\nFrom: <sip:%zz@x>')), {
    method: 'OPTIONS',
    users: ['100', '%zz'],
  });
  const fixtures = join(import.meta.dirname, '../fixtures');
  let count = 0;
  for (const entry of readdirSync(fixtures, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    t.type(glance(bytes).method, 'string');
    t.equal(maskCredentials(bytes).length, bytes.length);
    count += 1;
  }
  t.ok(count > 20);
});
