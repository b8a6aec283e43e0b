import t from 'tap';
import { type KeyStep, nextKey } from '../../../firmware/call/feature/conference-keys.ts';

const CASES: readonly { readonly keys: string; readonly last: KeyStep }[] = [
  { keys: '1', last: { pressed: '' } },
  { keys: '#', last: { pressed: '' } },
  { keys: '*', last: { pressed: '*' } },
  { keys: '*1', last: { pressed: '', command: { kind: 'mute-self' } } },
  { keys: '5*2', last: { pressed: '', command: { kind: 'mute-others' } } },
  { keys: '**4', last: { pressed: '', command: { kind: 'drop-last' } } },
  { keys: '*8', last: { pressed: '', command: { kind: 'end-with-owner' } } },
  { keys: '*9', last: { pressed: '', command: { kind: 'end' } } },
  { keys: '*3', last: { pressed: '*3' } },
  { keys: '*3203#', last: { pressed: '', command: { kind: 'mute', number: '203' } } },
  { keys: '*5203#', last: { pressed: '', command: { kind: 'drop', number: '203' } } },
  { keys: '*5*4', last: { pressed: '', command: { kind: 'drop-last' } } },
  { keys: '*64711#', last: { pressed: '', command: { kind: 'set-pin', pin: '4711' } } },
  { keys: '*6#', last: { pressed: '', command: { kind: 'set-pin', pin: '' } } },
  { keys: '*7', last: { pressed: '', command: 'unknown' } },
  { keys: '*#', last: { pressed: '', command: 'unknown' } },
  { keys: '*3A', last: { pressed: '', command: 'unknown' } },
  { keys: `*3${'1'.repeat(15)}`, last: { pressed: `*3${'1'.repeat(15)}` } },
  { keys: `*3${'1'.repeat(16)}`, last: { pressed: '', command: 'unknown' } },
  { keys: `*3${'1'.repeat(900)}`, last: { pressed: '' } },
];

for (const { keys, last } of CASES) {
  t.test(`the keys ${keys.slice(0, 30)}`, async (t) => {
    let step: KeyStep = { pressed: '' };
    for (const key of keys) step = nextKey(step.pressed, key);
    t.same(step, last);
  });
}
