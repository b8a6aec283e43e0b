import t from 'tap';
import { MAX_MESSAGE_BYTES, readRequest } from '../../../firmware/web/control/protocol.ts';

const CALL = '0b0f6e7e-5a39-4f0c-9a1e-3d1f0c8d7a11';

const taken: readonly object[] = [
  { id: 0, verb: 'calls' },
  { id: 1, verb: 'mode', mode: 'other-phone', number: '+44 7700 900123' },
  { id: 2, verb: 'mode', mode: 'virtual-desktop', device: 'webrtc' },
  { id: 3, verb: 'make', number: '*17' },
  { id: 4, verb: 'transfer', call: CALL, number: '203' },
  { id: 5, verb: 'transfer', call: CALL, to: CALL },
  { id: 6, verb: 'dtmf', call: CALL, digits: '0123456789*#ABCD' },
  { id: 7, verb: 'conference', calls: [CALL, CALL] },
  { id: 2 ** 31 - 1, verb: 'drop', call: CALL },
];
t.test('requests as they are documented are taken as they are', async (t) => {
  for (const request of taken) {
    t.same(readRequest(JSON.stringify(request)), { kind: 'request', request });
    t.ok(JSON.stringify(request).length < MAX_MESSAGE_BYTES);
  }
});

const deep = '['.repeat(2000) + ']'.repeat(2000);
const refused: readonly (readonly [title: string, text: string, error: string, id?: number])[] = [
  ['nothing', '', 'malformed'],
  ['half of one', '{"id":1,"verb":"ma', 'malformed'],
  ['a bare value', '42', 'malformed'],
  ['null', 'null', 'malformed'],
  ['an array', '[{"id":1,"verb":"calls"}]', 'malformed'],
  ['a deep array', deep, 'malformed'],
  ['no verb', '{"id":7}', 'unknown-verb', 7],
  ['an unknown verb', '{"id":7,"verb":"reboot"}', 'unknown-verb', 7],
  ['a verb of Object', '{"id":7,"verb":"constructor"}', 'unknown-verb', 7],
  ['a verb that is no text', '{"id":7,"verb":["make"]}', 'unknown-verb', 7],
  ['no id', '{"verb":"calls"}', 'malformed'],
  ['an id below zero', '{"id":-1,"verb":"calls"}', 'malformed'],
  ['an id that is text', '{"id":"1","verb":"calls"}', 'malformed'],
  ['an id beyond its range', '{"id":4294967296,"verb":"calls"}', 'malformed', 4294967296],
  ['a field too many', '{"id":1,"verb":"calls","user":"202"}', 'malformed', 1],
  ['a prototype', '{"id":1,"verb":"calls","__proto__":{"verb":"make"}}', 'malformed', 1],
  ['no number', '{"id":1,"verb":"make"}', 'malformed', 1],
  ['a number too long', `{"id":1,"verb":"make","number":"${'1'.repeat(64)}"}`, 'malformed', 1],
  ['a number with a line end', '{"id":1,"verb":"make","number":"20\\r\\n2"}', 'malformed', 1],
  ['a number with a quote', '{"id":1,"verb":"make","number":"20\\"2"}', 'malformed', 1],
  ['a URI as number', '{"id":1,"verb":"make","number":"sip:202@evil.example"}', 'malformed', 1],
  ['keys too many', `{"id":1,"verb":"dtmf","call":"${CALL}","digits":"${'1'.repeat(33)}"}`, 'malformed', 1],
  ['keys that there are not', `{"id":1,"verb":"dtmf","call":"${CALL}","digits":"1x"}`, 'malformed', 1],
  ['a call that is none', '{"id":1,"verb":"drop","call":"1"}', 'malformed', 1],
  ['a conference of one', `{"id":1,"verb":"conference","calls":["${CALL}"]}`, 'malformed', 1],
  ['calls too many', `{"id":1,"verb":"conference","calls":[${Array(9).fill(`"${CALL}"`)}]}`, 'malformed', 1],
  ['an unknown mode', '{"id":1,"verb":"mode","mode":"listen"}', 'malformed', 1],
  [
    'a proof with a quote',
    `{"id":1,"verb":"login","extension":"201","nonce":"a\\"","cnonce":"12345678","response":"${'0'.repeat(64)}"}`,
    'malformed',
    1,
  ],
];
t.test('anything else is refused in words, and names the request where it had a number', async (t) => {
  for (const [title, text, error, id] of refused) {
    const read = readRequest(text);
    t.match(read, { kind: 'fault', error, reason: /^.{5,80}$/ }, title);
    t.equal(read.kind === 'fault' ? read.id : undefined, id, title);
  }
});
