import t from 'tap';
import type { Binding } from '../../firmware/registrar/location.ts';
import { applyRegister, contactFields, MAX_CONTACTS } from '../../firmware/registrar/register.ts';
import { SipRequest } from '../../firmware/sip/message/request.ts';
import type { Flow, HeaderField } from '../../firmware/sip/stack.ts';

const NOW = 1_800_000_000_000;
const FLOW: Flow = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.50',
  remotePort: 5062,
};

function register(headers: readonly HeaderField[], cSeq = 2, callId = 'call-1'): SipRequest {
  return new SipRequest('REGISTER', 'sip:192.0.2.1', [
    ['Call-ID', callId],
    ['CSeq', `${cSeq} REGISTER`],
    ['To', '<sip:201@192.0.2.1>'],
    ...headers,
  ]);
}

function binding(contact: string, more: Partial<Binding> = {}): Binding {
  return { contact, callId: 'call-1', cSeq: 1, expiresAtMs: NOW + 60_000, flow: FLOW, ...more };
}

const PRESENT = [binding('sip:201@192.0.2.50:5062'), binding('sip:201@192.0.2.51:5062', { callId: 'other' })];

interface Case {
  readonly title: string;
  readonly headers: readonly HeaderField[];
  readonly cSeq?: number;
  readonly callId?: string;
  /** The contacts with the seconds that each has, or the status of the refusal. */
  readonly expected: number | readonly (readonly [contact: string, seconds: number])[];
}

const BOTH = PRESENT.map(({ contact }) => [contact, 60] as const);
const CASES: readonly Case[] = [
  { title: 'no Contact: a query, nothing changes', headers: [], expected: BOTH },
  {
    title: 'a new contact comes first, the Expires header counts',
    headers: [
      ['Contact', '<sip:201@192.0.2.52>'],
      ['Expires', '600'],
    ],
    expected: [['sip:201@192.0.2.52', 600], ...BOTH],
  },
  {
    title: 'the expires parameter outranks the header',
    headers: [
      ['Contact', '<sip:201@192.0.2.52>;expires=120'],
      ['Expires', '600'],
    ],
    expected: [['sip:201@192.0.2.52', 120], ...BOTH],
  },
  {
    title: 'neither: an hour; more than an hour: an hour',
    headers: [['Contact', '<sip:201@192.0.2.52>, <sip:201@192.0.2.53>;expires=999999']],
    expected: [['sip:201@192.0.2.53', 3600], ['sip:201@192.0.2.52', 3600], ...BOTH],
  },
  {
    title: 'the same contact is refreshed, not doubled; the host is compared without case',
    headers: [['Contact', '<SIP:201@192.0.2.50:5062>;expires=300']],
    expected: [
      ['SIP:201@192.0.2.50:5062', 300],
      ['sip:201@192.0.2.51:5062', 60],
    ],
  },
  {
    title: 'expires=0 removes the one',
    headers: [['Contact', '<sip:201@192.0.2.50:5062>;expires=0']],
    expected: [['sip:201@192.0.2.51:5062', 60]],
  },
  {
    title: 'Contact * with Expires 0 removes all',
    headers: [
      ['Contact', '*'],
      ['Expires', '0'],
    ],
    expected: [],
  },
  { title: 'Contact * without Expires 0', headers: [['Contact', '*']], expected: 400 },
  {
    title: 'Contact * beside another',
    headers: [
      ['Contact', '*, <sip:201@192.0.2.52>'],
      ['Expires', '0'],
    ],
    expected: 400,
  },
  {
    title: 'MUST NOT take less than a minute',
    headers: [['Contact', '<sip:201@192.0.2.52>;expires=59']],
    expected: 423,
  },
  {
    title: 'one bad contact among good ones: none takes effect',
    headers: [['Contact', '<sip:201@192.0.2.52>, <mailto:a@b.example>']],
    expected: 400,
  },
  { title: 'a Contact that cannot be read', headers: [['Contact', '<sip:201@192.0.2.52']], expected: 400 },
  {
    title: 'a Contact URI of a kilobyte',
    headers: [['Contact', `<sip:${'2'.repeat(1024)}@192.0.2.52>`]],
    expected: 400,
  },
  {
    title: 'the same Call-ID with a CSeq that is not higher',
    headers: [['Contact', '<sip:201@192.0.2.50:5062>']],
    cSeq: 1,
    expected: 500,
  },
  {
    title: 'the same contact under a new Call-ID may begin again (the phone was restarted)',
    headers: [['Contact', '<sip:201@192.0.2.50:5062>']],
    cSeq: 1,
    callId: 'call-9',
    expected: [
      ['sip:201@192.0.2.50:5062', 3600],
      ['sip:201@192.0.2.51:5062', 60],
    ],
  },
];

for (const { title, headers, cSeq, callId, expected } of CASES) {
  t.test(title, async (t) => {
    const outcome = applyRegister(register(headers, cSeq, callId), FLOW, PRESENT, NOW);
    if (typeof expected === 'number') {
      t.match(outcome, { kind: 'refused', status: expected });
      if (expected === 423) t.match(outcome, { headers: [['Min-Expires', '60']] });
      return;
    }
    t.equal(outcome.kind, 'bindings');
    const bindings = outcome.kind === 'bindings' ? outcome.bindings : [];
    t.same(
      bindings.map(({ contact, expiresAtMs }) => [contact, (expiresAtMs - NOW) / 1000]),
      expected,
    );
  });
}

t.test('a device with an instance id keeps one binding wherever it moves', async (t) => {
  const instance = '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>';
  const before = [binding('sip:201@192.0.2.50:5062', { instance })];
  const message = register([['Contact', `<sip:201@192.0.2.99:1024>;+sip.instance="${instance}"`]]);
  const outcome = applyRegister(message, FLOW, before, NOW);
  t.match(outcome, { bindings: [{ contact: 'sip:201@192.0.2.99:1024', instance }] });
  t.equal(outcome.kind === 'bindings' && outcome.bindings.length, 1);
  t.match(contactFields(outcome.kind === 'bindings' ? outcome.bindings : [], NOW + 500), [
    ['Contact', `<sip:201@192.0.2.99:1024>;expires=3600;+sip.instance="${instance}"`],
  ]);
});

t.test('more contacts than the limit push the oldest out', async (t) => {
  const contacts = Array.from({ length: 20 }, (_, i) => `<sip:201@192.0.2.${i + 60}>`).join(', ');
  const outcome = applyRegister(register([['Contact', contacts]]), FLOW, PRESENT, NOW);
  const bindings = outcome.kind === 'bindings' ? outcome.bindings : [];
  t.equal(bindings.length, MAX_CONTACTS);
  t.equal(bindings[0]?.contact, 'sip:201@192.0.2.79');
});
