import t from 'tap';
import { checkPassword, checkPin, type Owner } from '../../../firmware/config/secrets/rules.ts';

interface Case {
  readonly title: string;
  readonly text: string;
  readonly owner?: Owner;
  readonly code?: string;
}

const INVALID = 'CONFIG_PASSWORD_INVALID';
const WEAK = 'CONFIG_PASSWORD_WEAK';

const PASSWORDS: readonly Case[] = [
  { title: 'nine characters', text: 'correcthr' },
  { title: 'digits in no order', text: '914027365' },
  { title: '128 characters', text: 'word'.repeat(32) },
  { title: 'the number within a longer one', text: '201-correct-horse', owner: { number: '201' } },
  { title: 'eight characters', text: 'k3sf9x2p', code: INVALID },
  { title: '129 characters', text: `${'word'.repeat(32)}x`, code: INVALID },
  { title: 'endless', text: 'word'.repeat(1_000_000), code: INVALID },
  { title: 'a tab', text: 'tab\tpassword', code: INVALID },
  { title: 'beyond ASCII', text: 'pässwörter', code: INVALID },
  { title: 'a run of digits', text: '123456789', code: WEAK },
  { title: 'a run through zero', text: '1234567890', code: WEAK },
  { title: 'a run downwards', text: '9876543210', code: WEAK },
  { title: 'a run of letters', text: 'abcdefghi', code: WEAK },
  { title: 'three different characters', text: 'abcabcabcabc', code: WEAK },
  { title: 'the number three times', text: '201201201', owner: { number: '201' }, code: WEAK },
  { title: 'the name and a digit', text: 'Reception1', owner: { name: 'reception' }, code: WEAK },
];

const PINS: readonly Case[] = [
  { title: 'four digits', text: '4712' },
  { title: 'fifteen digits', text: '471204712047120' },
  { title: 'three digits', text: '471', code: 'CONFIG_PIN_INVALID' },
  { title: 'sixteen digits', text: '4712047120471204', code: 'CONFIG_PIN_INVALID' },
  { title: 'letters', text: '47a2', code: 'CONFIG_PIN_INVALID' },
  { title: 'digits of another script', text: '٤٧١٢', code: 'CONFIG_PIN_INVALID' },
  { title: 'the same digit', text: '7777', code: 'CONFIG_PIN_WEAK' },
  { title: 'a run', text: '3456', code: 'CONFIG_PIN_WEAK' },
  { title: 'a run downwards', text: '4321', code: 'CONFIG_PIN_WEAK' },
  { title: 'the own number', text: '2107', owner: { number: '2107' }, code: 'CONFIG_PIN_WEAK' },
  { title: 'the own number backwards', text: '7012', owner: { number: '2107' }, code: 'CONFIG_PIN_WEAK' },
];

t.test('weak secrets are refused by the rule, and never repeated', async (t) => {
  for (const [check, cases] of [
    [checkPassword, PASSWORDS],
    [checkPin, PINS],
  ] as const) {
    for (const { title, text, owner = {}, code } of cases) {
      if (code === undefined) t.doesNotThrow(() => check(text, owner), title);
      else {
        try {
          check(text, owner);
          t.fail(title);
        } catch (error) {
          t.match(error, { code, cure: /\w/ }, title);
          t.notOk(error instanceof Error && error.message.includes(text), `${title}: not repeated`);
        }
      }
    }
  }
});

t.test('people may use any script', async (t) => {
  t.doesNotThrow(() => checkPassword('pässwörter ♥', {}, false));
  t.throws(() => checkPassword('päss\u0000wörter', {}, false), { code: INVALID });
});
