import t from 'tap';
import { readInfoDigit, writeInfoDigit } from '../../../firmware/call/leg/info-digits.ts';

const RELAY = 'application/dtmf-relay';

interface Case {
  readonly type?: string;
  readonly body: string;
  readonly read: ReturnType<typeof readInfoDigit>;
}

const cases: readonly Case[] = [
  { body: 'Signal=5\r\nDuration=160\r\n', read: { digit: '5', durationMs: 160 } },
  { body: 'Signal= 5\nDuration= 160', read: { digit: '5', durationMs: 160 } },
  { body: '\r\nDURATION=250\r\nSIGNAL=#', read: { digit: '#', durationMs: 250 } },
  { body: 'Signal=*', read: { digit: '*', durationMs: undefined } },
  { body: 'Signal=10\r\n', read: { digit: '*', durationMs: undefined } },
  { body: 'Signal=11\r\n', read: { digit: '#', durationMs: undefined } },
  { body: 'Signal=d\r\n', read: { digit: 'D', durationMs: undefined } },
  { type: 'application/dtmf', body: '7', read: { digit: '7', durationMs: undefined } },
  { type: 'application/dtmf', body: '*\r\n', read: { digit: '*', durationMs: undefined } },
  { type: 'application/dtmf', body: 'Signal=3\r\nDuration=100', read: { digit: '3', durationMs: 100 } },
  { body: '5', read: 'malformed' },
  { body: '', read: 'malformed' },
  { body: 'Signal=', read: 'malformed' },
  { body: 'Signal=16\r\nDuration=160', read: 'malformed' },
  { body: 'Signal=flash', read: 'malformed' },
  { body: 'Signal=55', read: 'malformed' },
  { body: 'Signal=5\r\nDuration=-1', read: 'malformed' },
  { body: 'Signal=5\r\nDuration=0', read: 'malformed' },
  { body: 'Signal=5\r\nDuration=1e3', read: 'malformed' },
  { body: 'Signal=5\r\nDuration=99999', read: 'malformed' },
  { body: 'Signal=5\r\nDuration=', read: 'malformed' },
  { body: `Signal=5\r\n${'x'.repeat(4000)}`, read: 'malformed' },
  { body: `${'='.repeat(200)}`, read: 'malformed' },
  { body: 'Signal=\u0000', read: 'malformed' },
  { type: 'application/dtmf', body: '', read: 'malformed' },
  { type: 'application/sdp', body: 'v=0', read: 'unsupported' },
  { type: '', body: 'Signal=5', read: 'unsupported' },
];

for (const { type = RELAY, body, read } of cases) {
  t.test(`${type} ${JSON.stringify(body.slice(0, 40))}`, async (t) => {
    t.same(readInfoDigit(type, body), read);
  });
}

t.test('what is written is read', async (t) => {
  for (const digit of '0123456789*#ABCD') {
    for (const durationMs of [1, 160, 65_535, undefined]) {
      t.same(readInfoDigit(RELAY, writeInfoDigit({ digit, durationMs })), { digit, durationMs });
    }
  }
  t.equal(writeInfoDigit({ digit: '5', durationMs: 160 }), 'Signal=5\r\nDuration=160\r\n');
  t.same(readInfoDigit(RELAY, writeInfoDigit({ digit: '5', durationMs: 1_000_000 })), {
    digit: '5',
    durationMs: 65_535,
  });
});
