import t from 'tap';
import { type HeaderField, SipRequest } from '../../firmware/sip/stack.ts';
import {
  type CallerHeader,
  calledNumber,
  diversionsOf,
  incomingCaller,
} from '../../firmware/trunk/incoming-identity.ts';

interface Message {
  readonly uri?: string;
  readonly from?: string;
  readonly to?: string;
  readonly headers?: readonly HeaderField[];
}

function invite({ uri = 'sip:4930555@box', from = '<sip:0301@c>', to = '<sip:4930555@box>', headers = [] }: Message) {
  return new SipRequest('INVITE', uri, [
    ['From', `${from};tag=a`],
    ['To', to],
    ['Call-ID', 'x'],
    ['CSeq', '1 INVITE'],
    ...headers,
  ]);
}

const USUAL: readonly CallerHeader[] = ['p-asserted-identity', 'remote-party-id', 'from'];
const PAI = (value: string): HeaderField => ['P-Asserted-Identity', value];
const RPID = (value: string): HeaderField => ['Remote-Party-ID', value];

t.test('who calls is read from the first header that says so', async (t) => {
  const cases: readonly (readonly [string, Message, readonly CallerHeader[], object])[] = [
    ['From alone', { from: '"Anna" <sip:+49301@c>' }, USUAL, { number: '+49301', name: 'Anna' }],
    ['asserted outranks From', { headers: [PAI('"B" <sip:0302@c>')] }, USUAL, { number: '0302', name: 'B' }],
    [
      'a tel URI beside a SIP URI',
      { headers: [PAI('"B" <sip:x@c>'), PAI('<tel:+49-30-2>')] },
      USUAL,
      { number: '+49302', name: 'B' },
    ],
    [
      'Remote-Party-ID',
      { headers: [RPID('<sip:0303@c>;party=calling;privacy=off;screen=yes')] },
      USUAL,
      { number: '0303' },
    ],
    ['that of the called', { headers: [RPID('<sip:0303@c>;party=called')] }, USUAL, { number: '0301' }],
    ['what the line does not believe', { headers: [PAI('<sip:0302@c>')] }, ['from'], { number: '0301' }],
    [
      'preferred',
      { headers: [['P-Preferred-Identity', '<sip:0304@c>']] },
      ['p-preferred-identity'],
      { number: '0304' },
    ],
    ['a name and no number', { from: '"Alice" <sip:alice@c>' }, USUAL, { number: undefined, name: 'Alice' }],
    ['parameters in the user part', { from: '<sip:0301;phone-context=+49@c>' }, USUAL, { number: '0301' }],
  ];
  for (const [what, message, order, caller] of cases) {
    t.match(incomingCaller(invite(message), order), { isWithheld: false, ...caller }, what);
  }
});

t.test('who is withheld is shown in nothing', async (t) => {
  const asserted = PAI('"B" <sip:0302@c>');
  const cases: readonly (readonly [string, Message])[] = [
    ['Privacy id', { headers: [asserted, ['Privacy', 'id']] }],
    ['Privacy user', { headers: [['Privacy', 'user;critical']] }],
    ['a Privacy that cannot be read', { headers: [asserted, ['Privacy', '@@@']] }],
    ['From anonymous', { from: '"Anonymous" <sip:anonymous@anonymous.invalid>' }],
    ['From anonymous beside an assertion', { from: '<sip:anonymous@anonymous.invalid>', headers: [asserted] }],
    ['Remote-Party-ID with privacy', { headers: [RPID('<sip:0303@c>;privacy=full')] }],
  ];
  for (const [what, message] of cases) {
    t.strictSame(
      incomingCaller(invite(message), USUAL),
      { number: undefined, name: undefined, isWithheld: true },
      what,
    );
  }
  t.match(incomingCaller(invite({ headers: [['Privacy', 'none']] }), USUAL), { number: '0301', isWithheld: false });
});

t.test('hostile identities end as nothing, and nothing of them reaches a terminal', async (t) => {
  for (const value of ['<<>>', '"', '<sip:@>', '<http://x>', 'x'.repeat(4000), '<tel:+>', '\u202e<sip:0302@c>']) {
    t.match(incomingCaller(invite({ headers: [PAI(value)] }), USUAL).number, /^0301$|^0302$/);
  }
  const name = incomingCaller(invite({ from: '"\u001b[31m\u202eAnna" <sip:1@c>' }), USUAL).name ?? '';
  t.notOk(name.includes('\u001b') || name.includes('\u202e'));
  const long = incomingCaller(invite({ from: `"${'n'.repeat(500)}" <sip:1@c>` }), USUAL).name ?? '';
  t.ok(long.length <= 64);
});

t.test('the number that was called', async (t) => {
  const cases: readonly (readonly [string, Message, string])[] = [
    ['Request-URI', { uri: 'sip:0305551@box', to: '<sip:9@box>' }, '0305551'],
    ['tel', { uri: 'tel:+49-30-5551' }, '+49305551'],
    ['the account in the Request-URI, the number in To', { uri: 'sip:office@box', to: '<sip:0305551@box>' }, '0305551'],
    ['an account of digits', { uri: 'sip:4930555@box', to: '<sip:49305551@box>' }, '49305551'],
    ['both the account', { uri: 'sip:4930555@box', to: '<sip:4930555@box>' }, '4930555'],
    ['P-Called-Party-ID', { uri: 'sip:office@box', headers: [['P-Called-Party-ID', '<sip:0307@c>']] }, '0307'],
    ['nothing but a name', { uri: 'sip:office@box', to: '<sip:office@box>' }, 'office'],
    ['nothing', { uri: 'sip:box', to: '<sip:box>' }, ''],
  ];
  const account = (message: Message): string => (message.uri === 'sip:4930555@box' ? '4930555' : 'office');
  for (const [what, message, number] of cases) t.equal(calledNumber(invite(message), account(message)), number, what);
  const odd = calledNumber(invite({ uri: `sip:${'%1b%5b31m'.repeat(30)}x@box`, to: '<sip:y@box>' }), 'office');
  t.match(odd, /^[\x21-\x7e]{0,64}$/);
});

t.test('who passed the call on, and how often', async (t) => {
  const passed = (name: string, ...values: readonly string[]) =>
    diversionsOf(invite({ headers: values.map((value) => [name, value] as const) }));
  t.strictSame(passed('Diversion', '<sip:0302@c>;reason=user-busy', '<sip:0301@c>;reason=no-answer;counter=3'), {
    list: [
      { number: '0302', reason: 'user-busy' },
      { number: '0301', reason: 'no-answer' },
    ],
    count: 4,
  });
  t.match(passed('History-Info', '<sip:0301@c?Reason=SIP%3Bcause%3D302>;index=1, <sip:0302@c>;index=1.1;mp=1'), {
    list: [{ number: '0301', reason: 'unconditional' }],
    count: 1,
  });
  t.strictSame(passed('Diversion', '<<>>', 'x'), { list: [], count: 0 });
  t.equal(passed('Diversion', `${'<sip:1@c>, '.repeat(300)}<sip:1@c>`).list.length, 20, 'bounded');
  t.equal(passed('Diversion', '<sip:1@c>;counter=99').count, 99);
});
