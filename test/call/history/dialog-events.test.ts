import t from 'tap';
import type { CallCause, CallEvent } from '../../../firmware/call/history/call-event.ts';
import { DialogEvents, type LampPolicy } from '../../../firmware/call/history/dialog-events.ts';
import { UserPresences } from '../../../firmware/call/history/user-presence.ts';
import type { IncomingRequest } from '../../../firmware/sip/stack.ts';
import { SipRequest } from '../../../firmware/sip/stack.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { DIALOG, eventsOf, OUTSIDE, RECEPTION, type Sample, START_MS, WORKSHOP } from './sample-calls.ts';

const USERS: ReadonlySet<string> = new Set(['201', '202', '203']);

function box(policy: Partial<LampPolicy> = {}) {
  const clock = new FakeClock(START_MS);
  const presences = new UserPresences({
    users: () => [...USERS],
    doesNotDisturb: () => false,
    now: () => clock.now(),
    report: (error) => {
      throw error;
    },
  });
  const notified: string[] = [];
  let watcher: string | undefined = '203';
  const lamps = { watchers: 'everybody', identities: false, pickUp: false, ...policy } as const;
  const events = new DialogEvents({
    presences,
    authenticate: () => watcher,
    userOf: (number) => (USERS.has(number) ? number : undefined),
    policy: () => lamps,
    domain: () => 'box',
    notify: (resource) => notified.push(resource),
    clock,
  });
  const ask = (who: string | undefined, whom: string) => {
    watcher = who;
    let status = 0;
    const message = new SipRequest('SUBSCRIBE', `sip:${whom}@box`, []);
    const request = { message, flow: {}, respond: (code: number) => (status = code) } as unknown as IncomingRequest;
    const authorization = events.authorize(request);
    return authorization.kind === 'accepted' ? authorization.resource : status;
  };
  const take = (sample: Sample | readonly CallEvent[]) => {
    for (const event of 'steps' in sample ? eventsOf(sample) : sample) presences.take(event);
  };
  const states = (resource: string) =>
    [...events.state(resource, 0).matchAll(/<state(?: event="([^"]*)")?(?: code="(\d+)")?>(\w+)<\/state>/g)].map(
      ([, event, code, state]) => [state, event, code].filter((part) => part !== undefined).join(' '),
    );
  return { events, ask, take, states, notified, clock, presences };
}

const RINGING: Sample = { caller: OUTSIDE, steps: [{ ring: 1, party: WORKSHOP, more: { dialog: DIALOG } }] };

t.test('who may watch whom', async (t) => {
  const open = box();
  t.equal(open.ask('203', '202'), '202', 'another one, without identities and pick-up');
  t.equal(open.ask('202', '202'), '202 ip', 'one that is his own, with everything');
  t.equal(open.ask('203', '209'), 404);
  t.equal(open.ask(undefined, '202'), 0, 'who is not known has had the answer');
  t.equal(box({ identities: true }).ask('203', '202'), '202 i');
  t.equal(box({ pickUp: true }).ask('203', '202'), '202 p');
  t.equal(box({ pickUp: true, identities: true }).ask('203', '202'), '202 ip');
  const closed = box({ watchers: 'nobody' });
  t.equal(closed.ask('203', '202'), 403);
  t.equal(closed.ask('203', '209'), 403, 'nor which numbers there are');
  t.equal(closed.ask('202', '202'), '202 ip');
});

t.test('a document has who is called, and no more than the watcher may know', async (t) => {
  const { events, take } = box();
  take(RINGING);
  const plain = events.state('202', 3);
  t.match(
    plain,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="3" state="full" entity="sip:202@box">\r\n/,
  );
  t.match(
    plain,
    /<dialog id="d[0-9a-f]{16}" direction="recipient"><state>early<\/state><local><identity>sip:202@box<\/identity><\/local><\/dialog>/,
  );
  for (const secret of ['442071234567', 'Acme', DIALOG.callId, 'remote']) t.notMatch(plain, secret);
  const known = events.state('202 i', 0);
  t.match(known, '<remote><identity display="Acme">sip:+442071234567@box</identity></remote>');
  t.notMatch(known, DIALOG.callId);
  const pickUp = events.state('202 p', 0);
  t.match(pickUp, / call-id="abc@box" local-tag="phone" remote-tag="box" direction="recipient"/);
  t.match(pickUp, '<target uri="sip:202@192.0.2.2"/>');
  t.notMatch(pickUp, 'Acme');
  t.match(events.state('201', 0), /entity="sip:201@box">\r\n<\/dialog-info>/, 'nothing of who has no call');
  t.match(events.state('nonsense', 0), /<\/dialog-info>/);
});

t.test('a caller who wants no identity shown has none shown to anybody', async (t) => {
  const { events, take } = box();
  take({ ...RINGING, caller: { ...OUTSIDE, isPrivate: true } });
  t.notMatch(events.state('202 ip', 0), /Acme|442071234567/);
});

t.test('what a peer chose is escaped', async (t) => {
  const { events, take } = box();
  const caller = { number: '"><x/>\ud800', name: '<script>&\u0000"' };
  take({ caller, steps: [{ ring: 1, party: WORKSHOP, more: { dialog: { callId: '"\r\n<a>' } } }] });
  const text = events.state('202 ip', 0);
  t.notMatch(text, /<x|<script|<a>/);
  t.match(text, 'display="&lt;script&gt;&amp;&quot;"');
  t.match(text, 'call-id="&quot;  &lt;a&gt;"');
});

t.test('each state of a call on both sides, and every change of it is told', async (t) => {
  const { take, states, notified, presences } = box();
  const events = eventsOf({
    steps: [
      { ring: 1, party: WORKSHOP },
      { answer: 1 },
      { hold: 1 },
      { retrieve: 1 },
      { end: 'normal', by: 'connected' },
    ],
  });
  const seen: string[] = [];
  for (const event of events) {
    notified.length = 0;
    take([event]);
    const { state } = presences.of('202');
    seen.push(`${states('201').join()} | ${states('202').join()} | ${state} | ${notified.includes('202')}`);
  }
  t.strictSame(seen, [
    'trying |  | idle | false',
    'early | early | ringing | true',
    'confirmed | confirmed | talking | true',
    'confirmed | confirmed | holding | true',
    'confirmed | confirmed | talking | true',
    'terminated remote-bye | terminated local-bye | idle | true',
  ]);
});

t.test('why a dialog ended', async (t) => {
  const cases: readonly (readonly [CallCause, string])[] = [
    ['cancelled', 'cancelled'],
    ['answered-elsewhere', 'cancelled'],
    ['busy', 'rejected 486'],
    ['declined', 'rejected 603'],
    ['no-answer', 'timeout'],
    ['transferred', 'replaced'],
    ['device-lost', 'error'],
    ['unreachable', 'error'],
  ];
  for (const [cause, expected] of cases) {
    const { take, states } = box();
    take({
      steps: [
        { ring: 1, party: WORKSHOP },
        { release: 1, cause },
      ],
    });
    t.strictSame(states('202'), [`terminated ${expected}`], cause);
    t.strictSame(states('201'), ['early'], 'the caller waits on');
  }
});

t.test('dialogs that ended are told for a while, and not too many of them', async (t) => {
  const { take, states, clock } = box();
  for (let count = 0; count < 9; count += 1)
    take({ id: `call-${count}`, ...RINGING, steps: [...RINGING.steps, { end: 'cancelled' }] });
  t.equal(states('202').length, 4);
  take({ id: 'call-10', ...RINGING });
  t.strictSame(states('202'), ['early', ...Array.from({ length: 4 }, () => 'terminated cancelled')]);
  clock.advance(30_000);
  t.strictSame(states('202'), ['early']);
});

t.test('a dialog keeps its id, and no two have the same one', async (t) => {
  const { take, events } = box();
  const ids = () => [...events.state('202', 0).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  take(RINGING);
  const [first] = ids();
  take({
    id: 'call-2',
    caller: RECEPTION,
    steps: [
      { ring: 1, party: WORKSHOP },
      { ring: 2, party: WORKSHOP },
    ],
  });
  t.equal(ids()[0], first);
  t.equal(new Set(ids()).size, 3);
});
