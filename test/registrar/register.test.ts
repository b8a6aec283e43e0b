import t from 'tap';
import type { Binding } from '../../firmware/registrar/binding.ts';
import { contactFields } from '../../firmware/registrar/contact-fields.ts';
import { applyRegister, MAX_CONTACTS } from '../../firmware/registrar/register.ts';
import { SipRequest } from '../../firmware/sip/message/request.ts';
import type { Flow, HeaderField } from '../../firmware/sip/stack.ts';

const LIMITS = { minExpirySeconds: 60, maxExpirySeconds: 3600 };
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
    ['Via', 'SIP/2.0/UDP 192.0.2.50:5062;branch=z9hG4bK1'],
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
  readonly limits?: Partial<typeof LIMITS>;
  readonly flow?: Flow;
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
  {
    title: 'an Expires that is no number counts as none',
    headers: [
      ['Contact', '<sip:201@192.0.2.52>'],
      ['Expires', 'soon'],
    ],
    expected: [['sip:201@192.0.2.52', 3600], ...BOTH],
  },
  {
    title: 'no Expires where the longest time is less than an hour',
    headers: [['Contact', '<sip:201@192.0.2.52>']],
    limits: { maxExpirySeconds: 600 },
    expected: [['sip:201@192.0.2.52', 600], ...BOTH],
  },
  {
    title: 'Expires beyond 32 bits is the longest time',
    headers: [['Contact', '<sip:201@192.0.2.52>;expires=4294967295']],
    expected: [['sip:201@192.0.2.52', 3600], ...BOTH],
  },
  {
    title: 'one contact comes and another goes in one request',
    headers: [['Contact', '<sip:201@192.0.2.52>, <sip:201@192.0.2.50:5062>;expires=0']],
    expected: [
      ['sip:201@192.0.2.52', 3600],
      ['sip:201@192.0.2.51:5062', 60],
    ],
  },
  {
    title: 'the same contact twice in one request is one binding: the last counts',
    headers: [['Contact', '<sip:201@192.0.2.52>;expires=60, <sip:201@192.0.2.52>;expires=120']],
    expected: [['sip:201@192.0.2.52', 120], ...BOTH],
  },
  {
    title: 'a SIPS Contact over UDP leads nowhere',
    headers: [['Contact', '<sips:201@192.0.2.52>']],
    expected: 400,
  },
  {
    title: 'a SIPS Contact over TLS',
    headers: [['Contact', '<sips:201@192.0.2.52>']],
    flow: { ...FLOW, protocol: 'tls', connection: 1 },
    expected: [['sips:201@192.0.2.52', 3600], ...BOTH],
  },
  {
    title: 'MUST refuse a Contact that is a GRUU of the extension itself',
    headers: [['Contact', '<sip:201@192.0.2.1;gr=urn:uuid:1>']],
    expected: 403,
  },
  {
    title: 'more contacts in one request than an extension may have',
    headers: [['Contact', Array.from({ length: 2000 }, (_, i) => `<sip:${i}@192.0.2.52>`).join(',')]],
    expected: 400,
  },
  { title: 'a Contact that cannot be read', headers: [['Contact', '<sip:201@192.0.2.52']], expected: 400 },
  {
    title: 'a Contact URI of a kilobyte',
    headers: [['Contact', `<sip:${'2'.repeat(1024)}@192.0.2.52>`]],
    expected: 400,
  },
  {
    title: 'Contact * with a CSeq that is not higher',
    headers: [
      ['Contact', '*'],
      ['Expires', '0'],
    ],
    cSeq: 1,
    expected: 500,
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

for (const { title, headers, cSeq, callId, limits, flow = FLOW, expected } of CASES) {
  t.test(title, async (t) => {
    const message = register(headers, cSeq, callId);
    const outcome = applyRegister(message, flow, PRESENT, NOW, { ...LIMITS, ...limits });
    if (typeof expected === 'number') {
      t.match(outcome, { kind: 'refused', status: expected });
      if (expected === 423) t.match(outcome, { headers: [['Min-Expires', '60']] });
      return;
    }
    if (outcome.kind === 'refused') t.fail(`${outcome.status}`);
    const bindings = outcome.kind === 'bindings' ? outcome.bindings : PRESENT;
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
  const outcome = applyRegister(message, FLOW, before, NOW, LIMITS);
  t.match(outcome, { bindings: [{ contact: 'sip:201@192.0.2.99:1024', instance }] });
  t.equal(outcome.kind === 'bindings' && outcome.bindings.length, 1);
  t.match(contactFields(outcome.kind === 'bindings' ? outcome.bindings : [], NOW + 500), [
    ['Contact', `<sip:201@192.0.2.99:1024>;expires=3600;+sip.instance="${instance}"`],
  ]);
});

t.test('more contacts than the limit push the oldest out', async (t) => {
  let bindings: readonly Binding[] = PRESENT;
  for (let i = 0; i < 30; i++) {
    const message = register([['Contact', `<sip:201@192.0.2.${i + 60}>`]], 1, `call-${i + 10}`);
    const outcome = applyRegister(message, FLOW, bindings, NOW, LIMITS);
    if (outcome.kind !== 'bindings') throw new Error(outcome.kind);
    bindings = outcome.bindings;
    if (bindings.length < MAX_CONTACTS) t.same(outcome.ended, []);
    else if (i > 18) t.match(outcome.ended, [{ event: 'rejected' }]);
  }
  t.equal(bindings.length, MAX_CONTACTS);
  t.equal(bindings[0]?.contact, 'sip:201@192.0.2.89');
});

t.test('what the device says of a contact is kept and answered', async (t) => {
  const contact =
    '<sip:201@192.0.2.52;pn-provider=acme;pn-prid="x%22y";pn-param=p>;q=0.5;audio;mobility="mobile";+vendor.x="a";foo=bar';
  const outcome = applyRegister(register([['Contact', contact.replace('"x%22y"', 'xy')]]), FLOW, [], NOW, LIMITS);
  if (outcome.kind !== 'bindings') throw new Error(outcome.kind);
  t.match(outcome.bindings[0], {
    contact: 'sip:201@192.0.2.52;pn-provider=acme;pn-prid=xy;pn-param=p',
    q: 0.5,
    capabilities: ';audio;mobility="mobile";+vendor.x="a"',
  });
  t.same(contactFields(outcome.bindings, NOW), [
    [
      'Contact',
      '<sip:201@192.0.2.52;pn-provider=acme;pn-prid=xy;pn-param=p>;expires=3600;q=0.5;audio;mobility="mobile";+vendor.x="a"',
    ],
  ]);
});

const METHODS: readonly (readonly [says: string, headers: readonly HeaderField[], contact: string, takes: boolean])[] =
  [
    ['nothing', [], '', false],
    ['Allow without REFER', [['Allow', 'INVITE, ACK, XREFER, REFERENCE']], '', false],
    ['Allow with REFER', [['Allow', 'INVITE,REFER,ACK']], '', true],
    ['the second of two Allow', [['Allow', 'INVITE'] as const, ['Allow', 'REFER'] as const], '', true],
    ['methods of the contact (RFC 3840)', [], ';methods="INVITE, REFER"', true],
    ['other methods of the contact', [], ';methods="INVITE,BYE"', false],
  ];
for (const [says, headers, tag, takes] of METHODS) {
  t.test(`whether a device takes REFER, where it says ${says}`, async (t) => {
    const message = register([['Contact', `<sip:201@192.0.2.52>${tag}`], ...headers]);
    const outcome = applyRegister(message, FLOW, [], NOW, LIMITS);
    t.equal(outcome.kind === 'bindings' && outcome.bindings[0]?.takesRefer === true, takes);
  });
}

t.test('feature tags are kept up to a limit', async (t) => {
  const tags = Array.from({ length: 1000 }, (_, i) => `;+tag${i}="${'x'.repeat(20)}"`).join('');
  const outcome = applyRegister(register([['Contact', `<sip:201@192.0.2.52>${tags}`]]), FLOW, [], NOW, LIMITS);
  const kept = outcome.kind === 'bindings' ? (outcome.bindings[0]?.capabilities ?? '') : '';
  t.ok(kept.length > 400 && kept.length <= 512, `${kept.length}`);
});

const INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';

/** The contacts with their flows, or the status of the refusal. */
function flows(
  headers: readonly HeaderField[],
  present: readonly Binding[] = [],
  callId = 'call-1',
  cSeq = 2,
): number | readonly (string | number | undefined)[][] {
  const outcome = applyRegister(register(headers, cSeq, callId), FLOW, present, NOW, LIMITS);
  if (outcome.kind === 'refused') return outcome.status;
  return outcome.kind === 'query' ? [] : outcome.bindings.map(({ contact, regId }) => [contact, regId]);
}

t.test('outbound: several flows of one device stand side by side, a newer one replaces its own', async (t) => {
  const outbound: HeaderField = ['Supported', 'path, outbound'];
  const first = applyRegister(
    register([['Contact', `<sip:201@192.0.2.50>;reg-id=1;${INSTANCE}`], outbound]),
    FLOW,
    [],
    NOW,
    LIMITS,
  );
  if (first.kind !== 'bindings') throw new Error(first.kind);
  t.same(first.headers, [
    ['Require', 'outbound'],
    ['Flow-Timer', '29'],
  ]);
  const second: readonly HeaderField[] = [['Contact', `<sip:201@192.0.2.50>;reg-id=2;${INSTANCE}`], outbound];
  t.same(flows(second, first.bindings, 'call-2'), [
    ['sip:201@192.0.2.50', 2],
    ['sip:201@192.0.2.50', 1],
  ]);
  const again: readonly HeaderField[] = [['Contact', `<sip:201@192.0.2.77>;reg-id=1;${INSTANCE}`], outbound];
  t.same(flows(again, first.bindings, 'call-3'), [['sip:201@192.0.2.77', 1]]);
  t.same(
    flows([['Contact', `<sip:201@192.0.2.50>;reg-id=1;${INSTANCE};expires=0`], outbound], first.bindings, 'call-1', 3),
    [],
    'its end',
  );
  t.same(
    flows([['Contact', `<sip:201@192.0.2.77>;${INSTANCE}`]], first.bindings, 'call-4'),
    [['sip:201@192.0.2.77', undefined]],
    'a device that does without from now on has one binding',
  );
  const third = applyRegister(register([...again], 3), { ...FLOW, protocol: 'tcp', connection: 7 }, [], NOW, LIMITS);
  t.match(third, {
    headers: [
      ['Require', 'outbound'],
      ['Flow-Timer', '120'],
    ],
  });
});

t.test('outbound: flows of two devices that have the same address behind their NATs are two bindings', async (t) => {
  const of = (instance: string): readonly HeaderField[] => [
    ['Contact', `<sip:201@192.168.1.5:5060>;reg-id=1;+sip.instance="<urn:uuid:${instance}>"`],
    ['Supported', 'outbound'],
  ];
  const first = applyRegister(register(of('a')), FLOW, [], NOW, LIMITS);
  if (first.kind !== 'bindings') throw new Error(first.kind);
  const second = applyRegister(register(of('b'), 1, 'call-2'), FLOW, first.bindings, NOW, LIMITS);
  t.match(second, { bindings: [{ instance: '<urn:uuid:b>' }, { instance: '<urn:uuid:a>' }], ended: [] });
});

const OUTBOUND_CASES: readonly { title: string; headers: readonly HeaderField[]; expected: number | undefined }[] = [
  { title: 'without Supported: outbound', headers: [], expected: undefined },
  { title: 'with it', headers: [['Supported', 'outbound']], expected: 1 },
  { title: 'required', headers: [['Require', 'outbound']], expected: 1 },
  {
    title: 'through a proxy that keeps no flows apart',
    headers: [
      ['Supported', 'outbound, path'],
      ['Via', 'SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK2'],
    ],
    expected: 439,
  },
  {
    title: 'through a proxy that does',
    headers: [
      ['Supported', 'outbound, path'],
      ['Via', 'SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK2'],
      ['Path', '<sip:near.example;lr>, <sip:token@edge.example;lr;ob>'],
    ],
    expected: 1,
  },
];

for (const { title, headers, expected } of OUTBOUND_CASES) {
  t.test(`reg-id ${title}`, async (t) => {
    const contact: HeaderField = ['Contact', `<sip:201@192.0.2.50>;reg-id=1;${INSTANCE}`];
    const result = flows([contact, ...headers]);
    t.equal(typeof result === 'number' ? result : result[0]?.[1], expected);
  });
}

t.test('a reg-id without instance, out of range or unreadable means nothing', async (t) => {
  for (const params of ['reg-id=1', `reg-id=0;${INSTANCE}`, `reg-id=x;${INSTANCE}`, `reg-id=2147483648;${INSTANCE}`]) {
    const result = flows([
      ['Contact', `<sip:201@192.0.2.50>;${params}`],
      ['Supported', 'outbound'],
    ]);
    t.same(result, [['sip:201@192.0.2.50', undefined]], params);
  }
});

t.test('several flows in one request are refused, and of one device only so many are kept', async (t) => {
  const supported: HeaderField = ['Supported', 'outbound'];
  const contact = (regId: number) => `<sip:201@192.0.2.50>;reg-id=${regId};${INSTANCE}`;
  t.equal(flows([['Contact', `${contact(1)}, ${contact(2)}`], supported]), 400);
  let bindings: readonly Binding[] = [];
  for (let regId = 1; regId <= 6; regId += 1) {
    const message = register([['Contact', contact(regId)], supported], regId);
    const outcome = applyRegister(message, FLOW, bindings, NOW, LIMITS);
    if (outcome.kind !== 'bindings') throw new Error(outcome.kind);
    bindings = outcome.bindings;
  }
  t.same(
    bindings.map(({ regId }) => regId),
    [6, 5, 4, 3],
  );
});

const PATH = ['<sip:near.example;lr>', '<sip:token@edge.example;lr>'];
const PATH_CASES: readonly { title: string; headers: readonly HeaderField[]; expected: number | readonly string[] }[] =
  [
    {
      title: 'is kept in its order',
      headers: [
        ['Supported', 'path'],
        ['Path', PATH.join(', ')],
      ],
      expected: PATH,
    },
    {
      title: 'in several fields',
      headers: [['Require', 'path'], ...PATH.map((value) => ['Path', value] as const)],
      expected: PATH,
    },
    { title: 'of which the device knows nothing: 421', headers: [['Path', PATH.join(', ')]], expected: 421 },
    {
      title: 'that cannot be read',
      headers: [
        ['Supported', 'path'],
        ['Path', '<sip:near.example'],
      ],
      expected: 400,
    },
    {
      title: 'with a strict router',
      headers: [
        ['Supported', 'path'],
        ['Path', '<sip:near.example>'],
      ],
      expected: 400,
    },
    {
      title: 'of nine proxies',
      headers: [
        ['Supported', 'path'],
        ['Path', Array(9).fill(PATH[0]).join(',')],
      ],
      expected: 400,
    },
  ];

for (const { title, headers, expected } of PATH_CASES) {
  t.test(`Path ${title}`, async (t) => {
    const message = register([['Contact', '<sip:201@192.0.2.52>'], ...headers]);
    const outcome = applyRegister(message, FLOW, [], NOW, LIMITS);
    if (outcome.kind === 'refused') {
      t.equal(outcome.status, expected);
      if (expected === 421) t.same(outcome.headers, [['Require', 'path']]);
    } else if (outcome.kind === 'bindings') {
      t.same(outcome.bindings[0]?.path, expected);
      t.same(
        outcome.headers,
        PATH.map((value) => ['Path', value]),
      );
    } else t.fail('a query');
  });
}

t.test('who is behind a NAT needs to be kept reachable, over UDP and without means of its own', async (t) => {
  const needs = (headers: readonly HeaderField[], flow = FLOW) => {
    const outcome = applyRegister(register(headers), flow, [], NOW, LIMITS);
    return outcome.kind === 'bindings' && outcome.bindings[0]?.needsKeepAlive === true;
  };
  const behind = { ...FLOW, remoteAddress: '198.51.100.7' };
  t.equal(needs([['Contact', '<sip:201@192.0.2.50:5062>']]), false);
  t.equal(needs([['Contact', '<sip:201@192.0.2.50:5062>']], behind), true);
  t.equal(needs([['Contact', '<sip:201@10.0.0.7>']]), true, 'the Contact alone tells');
  t.equal(needs([['Contact', '<sip:201@phone.example>']]), false, 'a name tells nothing');
  t.equal(needs([['Contact', '<sip:201@10.0.0.7>']], { ...behind, protocol: 'tcp', connection: 1 }), false);
  t.equal(
    needs(
      [
        ['Contact', `<sip:201@10.0.0.7>;reg-id=1;${INSTANCE}`],
        ['Supported', 'outbound'],
      ],
      behind,
    ),
    false,
  );
  t.equal(
    needs(
      [
        ['Contact', '<sip:201@10.0.0.7>'],
        ['Supported', 'path'],
        ['Path', PATH[0] ?? ''],
      ],
      behind,
    ),
    false,
  );
});
