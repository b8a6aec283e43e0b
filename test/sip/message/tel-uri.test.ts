import t from 'tap';
import { formatTelUri, parseTelUri, sameTelUri, type TelUri } from '../../../firmware/sip/message/tel-uri.ts';

const none = { phoneContext: undefined, extension: undefined, isdnSubaddress: undefined, params: [] };
const cases: readonly (readonly [text: string, uri: TelUri, again: string])[] = [
  // RFC 3966 §6, the examples
  ['tel:+1-201-555-0123', { ...none, number: '+12015550123', isGlobal: true }, 'tel:+12015550123'],
  [
    'tel:7042;phone-context=example.com',
    { ...none, number: '7042', isGlobal: false, phoneContext: 'example.com' },
    'tel:7042;phone-context=example.com',
  ],
  [
    'tel:863-1234;phone-context=+1-914-555',
    { ...none, number: '8631234', isGlobal: false, phoneContext: '+1914555' },
    'tel:8631234;phone-context=+1914555',
  ],
  [
    'TEL:+49(30)1234.5;ext=1-2',
    { ...none, number: '+493012345', isGlobal: true, extension: '12' },
    'tel:+493012345;ext=12',
  ],
  ['tel:+1;isub=a%40b', { ...none, number: '+1', isGlobal: true, isdnSubaddress: 'a@b' }, 'tel:+1;isub=a%40b'],
  [
    'tel:*17%23;phone-context=Box.Example.COM;Z;a=1',
    {
      ...none,
      number: '*17#',
      isGlobal: false,
      phoneContext: 'box.example.com',
      params: [
        ['z', undefined],
        ['a', '1'],
      ],
    },
    'tel:*17%23;phone-context=box.example.com;a=1;z',
  ],
  // what phones of an office write, although RFC 3966 §5.1.5 wants a context
  ['tel:201', { ...none, number: '201', isGlobal: false }, 'tel:201'],
];

t.test('tel URIs', async (t) => {
  for (const [text, uri, again] of cases) {
    t.same(parseTelUri(text), uri, text);
    t.equal(formatTelUri(uri), again, `${text} written`);
    t.ok(sameTelUri(text, again), `${text} is ${again}`);
  }
});

t.test('what is no tel URI', async (t) => {
  const texts = [
    '',
    'tel:',
    'sip:+1@b',
    'tel:+',
    'tel:+1a',
    'tel:+*1',
    'tel:-',
    'tel:x',
    'tel:1 2',
    'tel:1;ext=',
    'tel:1;ext=a',
  ];
  texts.push(
    'tel:1;phone-context=',
    'tel:1;phone-context',
    'tel:1;phone-context=+',
    'tel:1;phone-context=a b',
    'tel:%zz',
  );
  texts.push('tel:1;ext=1;ext=2', 'tel:1;=x', 'tel:1;', 'tel:1;isub=', 'tel:1;a="b"', `tel:${'1'.repeat(129)}`);
  for (const text of texts) t.equal(parseTelUri(text), undefined, text);
});

t.test('comparison (RFC 3966 §4)', async (t) => {
  const same: readonly (readonly [string, string])[] = [
    ['tel:+358-555-1234567;postd=pp22', 'tel:+3585551234567;POSTD=PP22'],
    ['tel:1;a=1;b=2', 'tel:1;b=2;a=1'],
    ['tel:1;phone-context=A.com', 'tel:1;phone-context=a.com'],
    ['tel:1;phone-context=+1-2', 'tel:1;phone-context=+12'],
  ];
  for (const [first, second] of same) t.ok(sameTelUri(first, second), `${first} = ${second}`);
  const different: readonly (readonly [string, string])[] = [
    ['tel:+1', 'tel:1'],
    ['tel:1', 'tel:1;phone-context=a.com'],
    ['tel:1;a=1', 'tel:1'],
    ['tel:1;ext=1', 'tel:1;ext=2'],
    ['tel:1', 'sip:1@b'],
  ];
  for (const [first, second] of different) t.notOk(sameTelUri(first, second), `${first} ≠ ${second}`);
});
