import t from 'tap';
import { type HeaderField, SipResponse } from '../../firmware/sip/stack.ts';
import { registrationOutcome, retryAfterOf } from '../../firmware/trunk/registration-answer.ts';

const OWN = { token: 'abc123', user: '4930555' };
const OURS = '<sip:4930555@192.0.2.1:5060;line=abc123>';

function response(status: number, headers: readonly HeaderField[] = [], reason = 'Reason'): SipResponse {
  return new SipResponse(status, reason, [['CSeq', '1 REGISTER'], ['Call-ID', 'x'], ...headers]);
}
const outcome = (status: number, headers: readonly HeaderField[] = []) =>
  registrationOutcome(response(status, headers), OWN);

t.test('what is granted is that of our contact', async (t) => {
  t.match(outcome(200, [['Contact', `${OURS};expires=1800`]]), { kind: 'registered', expiresSeconds: 1800 });
  t.match(
    outcome(200, [
      ['Contact', '<sip:stranger@203.0.113.9>;expires=5'],
      ['Contact', `${OURS};expires=600`],
      ['Expires', '7'],
    ]),
    { kind: 'registered', expiresSeconds: 600 },
    'contacts of strangers and Expires do not count',
  );
  t.match(
    outcome(200, [
      ['Contact', OURS],
      ['Expires', '900'],
    ]),
    { expiresSeconds: 900 },
  );
  t.match(
    outcome(200, [['Contact', '<sip:4930555@10.0.0.1:40000>;expires=60']]),
    { kind: 'registered', expiresSeconds: 60 },
    'a proxy that rewrites it',
  );
});

t.test('a 200 that lies is no registration', async (t) => {
  const cases: readonly (readonly [string, readonly HeaderField[]])[] = [
    ['no Contact, and no time', []],
    ['only the contact of a stranger', [['Contact', '<sip:stranger@203.0.113.9>;expires=600']]],
    [
      'only the contact of a stranger, and a time',
      [
        ['Contact', '<sip:stranger@203.0.113.9>'],
        ['Expires', '600'],
      ],
    ],
    ['another line of ours', [['Contact', '<sip:4930555@192.0.2.1;line=other>;expires=600']]],
    ['two that might be ours', [['Contact', '<sip:4930555@a.example>;expires=6, <sip:4930555@b.example>;expires=6']]],
    ['for no time', [['Contact', `${OURS};expires=0`]]],
    ['a wildcard', [['Contact', '*']]],
    ['what cannot be read', [['Contact', '<<>>;;']]],
    [
      'a time that is none',
      [
        ['Contact', OURS],
        ['Expires', '-1'],
      ],
    ],
    ['a time beyond numbers', [['Expires', '99999999999999999999']]],
  ];
  for (const [what, headers] of cases) t.equal(outcome(200, headers).kind, 'failed', what);
  t.match(outcome(200, [['Contact', `${OURS};expires=4000000000`]]), { expiresSeconds: 86_400 }, 'a day at the most');
});

t.test('Service-Route, P-Associated-URI and the keep-alives of outbound are read, within bounds', async (t) => {
  const granted = outcome(200, [
    ['Contact', `${OURS};expires=600`],
    ['Service-Route', '<sip:edge.example;lr>, <sip:core.example;lr>'],
    ['P-Associated-URI', '<sip:+4930555@ims.example>, <tel:+4930556>'],
    ['Require', 'outbound'],
    ['Flow-Timer', '25'],
  ]);
  t.match(granted, {
    serviceRoute: ['<sip:edge.example;lr>', '<sip:core.example;lr>'],
    associated: ['sip:+4930555@ims.example', 'tel:+4930556'],
    keepsFlow: true,
    flowTimerSeconds: 25,
  });
  const many = Array.from({ length: 40 }, (_, index) => `<sip:p${index}.example;lr>`).join(', ');
  t.match(
    outcome(200, [
      ['Contact', `${OURS};expires=600`],
      ['Service-Route', many],
    ]),
    { serviceRoute: [] },
  );
  t.match(
    outcome(200, [
      ['Contact', `${OURS};expires=600`],
      ['Service-Route', 'x y z'],
    ]),
    { serviceRoute: [] },
  );
});

t.test('refusals are told apart', async (t) => {
  for (const status of [401, 403, 404, 407]) t.equal(outcome(status).kind, 'credentials', String(status));
  for (const status of [400, 408, 480, 486, 500, 503, 600, 699])
    t.equal(outcome(status).kind, 'failed', String(status));
  t.match(outcome(423, [['Min-Expires', '7200']]), { kind: 'too-brief', minExpirySeconds: 7200 });
  t.match(outcome(423, [['Min-Expires', 'soon']]), { kind: 'failed' });
  t.match(outcome(302, [['Contact', '<sip:b.example>;q=0.5, <sip:a.example>']]), {
    kind: 'redirected',
    targets: ['sip:a.example', 'sip:b.example'],
  });
  t.match(outcome(302, [['Contact', '<tel:+1>, <http://x.example>']]), { kind: 'failed' });
});

t.test('Retry-After is believed up to an hour', async (t) => {
  const seconds = (value: string) => retryAfterOf(response(503, [['Retry-After', value]]));
  t.equal(seconds('120'), 120);
  t.equal(seconds('18000;duration=3600'), 3600);
  t.equal(seconds('120 (maintenance)'), 120);
  t.equal(seconds('0'), 1);
  t.equal(seconds('4294967295'), 3600);
  t.equal(seconds('99999999999999999999999'), undefined);
  t.equal(seconds('never'), undefined);
  t.equal(retryAfterOf(response(503)), undefined);
});
