import t from 'tap';
import { recordOf, secondsOf } from '../../../firmware/call/history/call-record.ts';
import { nextLiveCall } from '../../../firmware/call/history/live-call.ts';
import { userCallsOf } from '../../../firmware/call/history/user-call.ts';
import { callOf, OUTSIDE, RECEPTION, type Sample, START_MS, WAREHOUSE, WORKSHOP } from './sample-calls.ts';

interface Case extends Sample {
  readonly title: string;
  /** `201 placed 202 for 2`. */
  readonly log: readonly string[];
}

const CASES: readonly Case[] = [
  {
    title: 'answered',
    steps: [{ ring: 1, party: WORKSHOP }, { answer: 1 }, { end: 'normal' }],
    log: ['201 placed 202 for 1', '202 received 201 for 1'],
  },
  {
    title: 'given up',
    steps: [{ ring: 1, party: WORKSHOP }, { end: 'cancelled' }],
    log: ['201 placed 202 for 0', '202 missed 201 for 0'],
  },
  {
    title: 'answered on another device of the same user',
    steps: [
      { ring: 1, party: WORKSHOP },
      { ring: 2, party: WORKSHOP },
      { release: 1, cause: 'answered-elsewhere' },
      { answer: 2 },
      { end: 'normal' },
    ],
    log: ['201 placed 202 for 1', '202 received 201 for 1'],
  },
  {
    title: 'answered by another member of a group: no missed call',
    caller: OUTSIDE,
    dialled: '300',
    steps: [
      { ring: 1, party: WORKSHOP },
      { ring: 2, party: WAREHOUSE },
      { answer: 2 },
      { release: 1, cause: 'answered-elsewhere' },
      { end: 'normal' },
    ],
    log: ['203 received +442071234567 for 2'],
  },
  {
    title: 'answered by another member, and nobody told what became of the rest',
    caller: OUTSIDE,
    steps: [{ ring: 1, party: WORKSHOP }, { ring: 2, party: WAREHOUSE }, { answer: 2 }, { end: 'normal' }],
    log: ['203 received +442071234567 for 1'],
  },
  {
    title: 'not answered by one, then by who it was forwarded to: the first one missed it',
    steps: [
      { ring: 1, party: WORKSHOP },
      { release: 1, cause: 'no-answer' },
      { ring: 2, party: WAREHOUSE },
      { answer: 2 },
      { end: 'normal' },
    ],
    log: ['201 placed 202 for 1', '202 missed 201 for 0', '203 received 201 for 1'],
  },
  {
    title: 'taken by the mailbox',
    steps: [
      { ring: 1, party: WORKSHOP },
      { release: 1, cause: 'no-answer' },
      { service: 'mailbox' },
      { end: 'normal' },
    ],
    log: ['201 placed 202 for 1', '202 missed 201 for 0'],
  },
  {
    title: 'declined: seen, and so not missed',
    steps: [
      { ring: 1, party: WORKSHOP },
      { release: 1, cause: 'declined' },
      { end: 'declined', by: 'box' },
    ],
    log: ['201 placed 202 for 0', '202 received 201 for 0'],
  },
  {
    title: 'from somebody who wants no identity shown',
    caller: { ...OUTSIDE, isPrivate: true },
    steps: [{ ring: 1, party: WORKSHOP }, { end: 'cancelled' }],
    log: ['202 missed  for 0'],
  },
  {
    title: 'transferred: who comes from another call has an entry of that one',
    steps: [
      { ring: 1, party: WORKSHOP },
      { answer: 1 },
      { join: 2, party: WAREHOUSE, replaces: 1, from: 'call-0' },
      { end: 'normal' },
    ],
    log: ['201 placed 202 for 2', '202 received 201 for 2'],
  },
  {
    title: 'picked up by another user',
    steps: [{ ring: 1, party: WORKSHOP }, { join: 2, party: WAREHOUSE, replaces: 1 }, { end: 'normal' }],
    log: ['201 placed 202 for 1', '203 received 201 for 1'],
  },
];

t.test('what each user has in his log', async (t) => {
  for (const { title, log, ...sample } of CASES) {
    const lines = userCallsOf(callOf(sample)).map(
      ({ user, kind, number, seconds }) => `${user} ${kind} ${number} for ${seconds}`,
    );
    t.strictSame(lines, log, title);
  }
});

t.test('the record of a call', async (t) => {
  const record = recordOf(
    callOf({
      caller: OUTSIDE,
      isEmergency: true,
      follows: 'call-0',
      steps: [
        { ring: 1, party: WORKSHOP, more: { huntGroup: '300', line: 'Carrier' } },
        { answer: 1 },
        { record: 'a.wav' },
        { join: 2, party: WAREHOUSE, replaces: 1, from: 'call-9' },
        { end: 'normal', by: 'connected' },
      ],
    }),
  );
  t.strictSame(record, {
    id: 'call-1',
    direction: 'incoming',
    startedAtMs: START_MS,
    ringingAtMs: START_MS + 1000,
    answeredAtMs: START_MS + 2000,
    endedAtMs: START_MS + 5000,
    cause: 'normal',
    endedBy: 'connected',
    caller: OUTSIDE,
    dialled: '202',
    connected: WAREHOUSE,
    huntGroup: '300',
    line: 'Carrier',
    isEmergency: true,
    callerQuality: { leg: 0, codec: 'PCMA', lossRatio: 0.0125, meanOpinionScore: 4.1 },
    follows: 'call-0',
    transfers: [{ atMs: START_MS + 4000, how: 'transfer', to: '203', replaced: '202', by: '201', from: 'call-9' }],
    recording: 'a.wav',
  });
  t.equal(secondsOf(record), 3);
});

t.test('events that fit nothing change nothing', async (t) => {
  const at = { call: 'call-1', atMs: START_MS };
  t.equal(nextLiveCall(undefined, { kind: 'answered', ...at, leg: 1 }), undefined);
  const ended = callOf({ steps: [{ end: 'failed', by: 'box' }] });
  t.equal(nextLiveCall(ended, { kind: 'answered', ...at, leg: 1 }), ended, 'after its end');
  t.equal(nextLiveCall(ended, { ...ended.started, caller: { leg: 0, party: RECEPTION } }), ended, 'begun twice');
});

t.test('a call has no more legs than it may', async (t) => {
  const steps = Array.from({ length: 1000 }, (_, index) => ({ ring: index + 1, party: WORKSHOP }));
  t.equal(callOf({ steps }).legs.length, 256);
});
