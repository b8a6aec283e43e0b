/** What comes of a REFER that asks a telephone to call, whatever it says, in whichever order. */
import t from 'tap';
import {
  nextReferredState,
  type ReferredInput,
  type ReferredState,
} from '../../../firmware/call/control/referred-call-state.ts';

const response = (status: number): ReferredInput => ({ kind: 'response', status });
const notified = (status: number): ReferredInput => ({ kind: 'notified', status });
const [begun, late, givenUp] = (['begun', 'late', 'given-up'] as const).map((kind): ReferredInput => ({ kind })) as [
  ReferredInput,
  ReferredInput,
  ReferredInput,
];

const CASES: readonly (readonly [what: string, inputs: readonly ReferredInput[], end: string])[] = [
  ['taken, and called', [response(202), notified(100), begun], 'begun'],
  ['taken with 200 (RFC 7647), and called', [response(200), begun], 'begun'],
  ['called before it answers the REFER', [begun], 'begun'],
  ['told before it answers, and called', [notified(100), response(202), notified(180), begun], 'begun'],
  ['told of success at once, and called then', [response(202), notified(200), begun], 'begun'],
  ['no answer', [late], 'refused'],
  ['an answer, and no call', [response(202), notified(100), late], 'refused'],
  ['405: it knows no REFER', [response(405)], 'refused'],
  ['603 to the REFER is no word of its user', [response(603)], 'refused'],
  ['401: nobody has a password for telephones', [response(401)], 'refused'],
  ['it could not call', [response(202), notified(503)], 'refused'],
  ['its user turns it down', [response(202), notified(100), notified(603)], 'declined 603'],
  ['its user cancels', [response(202), notified(487)], 'declined 487'],
  ['turned down before the answer', [notified(603), response(202)], 'declined 603'],
  ['it has called elsewhere', [response(202), notified(180), notified(200), late], 'elsewhere'],
  ['elsewhere, as it tells before its answer', [notified(200), response(202), late], 'elsewhere'],
  ['given up before the answer', [givenUp, response(202), begun], 'given-up'],
  ['given up later', [response(202), givenUp, notified(603), late], 'given-up'],
  ['what is over stays so', [response(500), response(202), notified(200), begun, givenUp, late], 'refused'],
];
for (const [what, inputs, expected] of CASES) {
  t.test(`REFER: ${what}`, async (t) => {
    const state = inputs.reduce<ReferredState>(nextReferredState, { phase: 'asked' });
    if (state.phase !== 'over') throw new Error(`it is ${state.phase}`);
    const { end } = state;
    t.equal('status' in end ? `${end.kind} ${end.status}` : end.kind, expected);
  });
}

t.test('a telephone that has taken it has its time to call anew, once', async (t) => {
  const taken = nextReferredState({ phase: 'asked' }, response(202));
  t.same(taken, { phase: 'taken', isDone: false });
  t.same(nextReferredState(taken, notified(180)), { phase: 'taken', isDone: false });
  t.same(nextReferredState(nextReferredState(taken, notified(200)), response(202)), { phase: 'taken', isDone: true });
});
