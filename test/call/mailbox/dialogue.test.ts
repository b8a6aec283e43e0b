import t from 'tap';
import { beginCollecting, type CollectState, nextCollecting } from '../../../firmware/call/mailbox/collect-dialogue.ts';
import type { DialogueEffect, DialogueInput } from '../../../firmware/call/mailbox/dialogue.ts';
import {
  beginLeaving,
  type LeaveState,
  lastWords,
  nextLeaving,
} from '../../../firmware/call/mailbox/leave-dialogue.ts';
import type { VoiceMessage } from '../../../firmware/call/mailbox/message.ts';
import { received, soundsOf } from '../../../firmware/call/mailbox/spoken.ts';

const NOW = Date.UTC(2026, 10, 26, 12, 0);

/** `1 # *`: keys; `heard`, `unheard`: the end of a sound; the rest as the inputs are called. */
function inputOf(word: string): DialogueInput {
  const [kind = '', value = ''] = word.split(':');
  switch (kind) {
    case 'heard':
    case 'unheard':
      return { kind: 'played', heard: kind === 'heard' };
    case 'waited':
    case 'hung-up':
      return { kind };
    case 'ok':
    case 'refused':
      return { kind: 'done', ok: kind === 'ok' };
    case 'right':
    case 'wrong':
    case 'later':
      return { kind: 'verified', verdict: kind };
    case 'stopped':
    case 'full':
    case 'quiet':
    case 'longest':
    case 'lost':
      return { kind: 'recorded', why: kind, durationMs: value === '' ? 5000 : Number(value) };
    default:
      return { kind: 'digit', digit: word };
  }
}

/** An effect in a word, so that a case is a line. */
function wordOf(effect: DialogueEffect): string {
  switch (effect.kind) {
    case 'play':
      return effect.what
        .map((each) => {
          if (each.kind === 'prompt') return each.name.replace('mailbox-', '');
          if (each.kind === 'number') return String(each.value);
          if (each.kind === 'digits') return each.digits;
          return each.kind === 'file' ? `[${each.id}]` : 'beep';
        })
        .join(' ');
    case 'wait':
      return `wait ${effect.ms / 1000}`;
    case 'mark-old':
    case 'delete':
      return `${effect.kind} ${effect.id}`;
    case 'verify-pin':
    case 'change-pin':
      return `${effect.kind} ${effect.pin}`;
    case 'call-back':
      return `call-back ${effect.number}`;
    default:
      return effect.kind;
  }
}

/** What is done at the beginning, and after the last of the inputs; the noise of stopping left out. */
function run<State>(
  begun: { readonly state: State; readonly effects: readonly DialogueEffect[] },
  next: (state: State, input: DialogueInput) => { readonly state: State; readonly effects: readonly DialogueEffect[] },
  inputs: string,
): { readonly state: State; readonly did: string; readonly all: string } {
  let { state, effects } = begun;
  const all = [...effects];
  for (const word of inputs.split(' ').filter((each) => each !== '')) {
    ({ state, effects } = next(state, inputOf(word)));
    all.push(...effects);
  }
  const words = (list: readonly DialogueEffect[]) =>
    list
      .map(wordOf)
      .filter((word) => word !== 'stop-waiting' && word !== 'stop-playing')
      .join(', ');
  return { state, did: words(effects), all: words(all) };
}

const leave = (inputs: string, greeting?: string, hasRoom = true) =>
  run<LeaveState>(beginLeaving(greeting, hasRoom), nextLeaving, inputs);

t.test('leaving a message', async (t) => {
  const cases: readonly (readonly [title: string, inputs: string, did: string])[] = [
    ['the greeting', '', 'greeting'],
    ['then the tone', 'heard', 'beep'],
    ['a key skips the greeting', '5', 'beep'],
    ['a greeting that cannot be played keeps nobody from it', 'unheard', 'beep'],
    ['then it is recorded', 'heard heard', 'record'],
    ['hash ends it', 'heard heard #', 'stop-recording'],
    ['no other key does', 'heard heard 5', ''],
    ['what to do with it is asked', 'heard heard # stopped', 'send-menu'],
    ['at the longest message too', 'heard heard longest', 'send-menu'],
    ['sent', 'heard heard # stopped 1', 'keep'],
    ['and said', 'heard heard # stopped 1 ok', 'saved'],
    ['then the box hangs up', 'heard heard # stopped 1 ok heard', 'hang-up'],
    ['heard', 'heard heard # stopped 2', '[]'],
    ['and asked again', 'heard heard # stopped 2 heard', 'send-menu'],
    ['recorded again', 'heard heard # stopped 3', 'drop, beep'],
    ['a key that means nothing', 'heard heard # stopped 9', 'send-menu'],
    ['who says nothing more has left it', 'heard heard # stopped heard waited heard waited', 'keep'],
    ['who fell silent too, without a question', 'heard heard quiet', 'keep'],
    ['too short is none', 'heard heard # stopped:900', 'drop, too-short'],
    ['a disk that was full at once', 'heard heard full:0', 'drop, full'],
    ['a disk that got full: what was said stays', 'heard heard full', 'send-menu'],
    ['a disk that does not take it', 'heard heard # stopped 1 refused', 'full'],
    ['a recording that is lost', 'heard heard lost:0', 'not-available'],
  ];
  for (const [title, inputs, did] of cases) t.equal(leave(inputs).did, did, title);
  t.equal(leave('', 'g1').did, '[g1]', 'the greeting of the user');
  t.equal(leave('', undefined, false).did, 'full', 'no room: the caller hears it');
  t.equal(leave('heard', undefined, false).did, 'hang-up');
});

t.test('whose mailbox is full hears that too, after the PIN', async (t) => {
  const options = { messages: TWO, nowMs: NOW, timeZone: 'UTC', isFull: true };
  const heard = (needsPin: boolean, inputs: string) =>
    run<CollectState>(beginCollecting({ ...options, needsPin }), nextCollecting, inputs).did;
  t.match(heard(false, ''), /\bfull menu$/);
  t.notMatch(heard(true, ''), /full/);
  t.match(heard(true, '4 7 1 1 # right'), /\bfull menu$/);
});

t.test('whoever hangs up while leaving a message has left what was said', async (t) => {
  t.equal(leave('hung-up').did, '');
  t.equal(leave('heard hung-up').did, '');
  t.equal(leave('heard heard hung-up').did, 'stop-recording');
  t.equal(leave('heard heard # stopped hung-up').did, 'keep');
  t.equal(leave('heard heard # stopped 2 hung-up').did, 'keep');
  t.equal(leave('heard heard # stopped 1 hung-up').did, '', 'it is being kept already');
  t.equal(wordOf(lastWords(5000)), 'keep');
  t.equal(wordOf(lastWords(500)), 'drop');
});

function message(id: string, more: Partial<VoiceMessage> = {}): VoiceMessage {
  return {
    ...{ id, user: '201', callerNumber: '202', callerName: 'Workshop', receivedAtMs: NOW - 3_600_000 },
    ...{ durationMs: 5000, sizeBytes: 80_044, isOld: false },
    ...more,
  };
}

const TWO = [message('a'), message('b', { isOld: true, callerNumber: '' })];
const collect = (inputs: string, messages: readonly VoiceMessage[] = TWO, needsPin = false) =>
  run<CollectState>(beginCollecting({ messages, needsPin, nowMs: NOW, timeZone: 'UTC' }), nextCollecting, inputs);

const FIRST = 'message 1 today 11 0 from 202 [a]';
const SECOND = 'message 2 today 11 0 unknown-caller [b]';

t.test('collecting messages', async (t) => {
  const cases: readonly (readonly [title: string, inputs: string, did: string])[] = [
    ['how many, then what can be done', '', 'new-messages 1 old-messages 1 menu'],
    ['again', '*', 'new-messages 1 old-messages 1 menu'],
    ['the first', '1', FIRST],
    ['heard to its end it is old', '1 heard', 'mark-old a, message-menu'],
    ['one that could not be played stays new', '1 unheard', 'not-available message-menu'],
    ['again', '1 heard 1', FIRST],
    ['skipped: the next one, and it stays new', '1 #', SECOND],
    ['saved', '1 2', `mark-old a, ${SECOND}`],
    ['deleted', '1 3', 'delete a, message 1 today 11 0 unknown-caller [b]'],
    ['the last one deleted', '1 # 3', 'delete b, no-more menu'],
    ['the one before', '1 # 4', FIRST],
    ['none before the first', '1 4', FIRST],
    ['after the last', '1 # #', 'no-more menu'],
    ['called back', '1 heard 5', 'call-back 202'],
    ['whom nobody knows cannot be', '1 # heard 5', 'wrong-key message-menu'],
    ['back', '1 *', 'menu'],
    ['help', '1 0', 'message-menu'],
    ['a wrong key', '1 9', 'wrong-key message-menu'],
    ['a wrong key in the menu', '7', 'wrong-key menu'],
    ['wrong keys are not for ever', '7 7 7', 'goodbye'],
    ['nothing pressed', 'heard', 'wait 6'],
    ['said again', 'heard waited', 'menu'],
    ['then the box hangs up', 'heard waited heard waited heard waited', 'goodbye'],
    ['really', 'heard waited heard waited heard waited heard', 'hang-up'],
    ['the end', '#', 'goodbye'],
    ['a greeting', '2', 'record-greeting beep'],
    ['no key before the tone', '2 1', ''],
    ['recorded', '2 heard', 'record'],
    ['ended', '2 heard #', 'stop-recording'],
    ['heard back', '2 heard # stopped', '[] greeting-menu'],
    ['used', '2 heard # stopped 1', 'keep-greeting'],
    ['and said', '2 heard # stopped 1 ok', 'saved menu'],
    ['not on a full disk', '2 heard # stopped 1 refused', 'full menu'],
    ['recorded again', '2 heard # stopped 2', 'drop, record-greeting beep'],
    ['the standard one', '2 heard # stopped 3', 'drop, remove-greeting, deleted menu'],
    ['dismissed', '2 heard # stopped *', 'drop, menu'],
    ['too short', '2 heard # stopped:300', 'drop, too-short menu'],
    ['no room', '2 heard full:0', 'drop, full menu'],
    ['lost', '2 heard lost:0', 'drop, not-available menu'],
    ['another PIN', '3', 'new-pin'],
    ['again', '3 7 3 9 1 #', 'pin-again'],
    ['changed', '3 7 3 9 1 # 7 3 9 1 #', 'change-pin 7391'],
    ['and said', '3 7 3 9 1 # 7 3 9 1 # ok', 'saved menu'],
    ['refused by the rules', '3 1 2 3 4 # 1 2 3 4 # refused', 'pin-refused menu'],
    ['not the same', '3 7 3 9 1 # 7 3 9 2 #', 'pin-differs menu'],
    ['dismissed', '3 7 3 *', 'menu'],
  ];
  for (const [title, inputs, did] of cases) t.equal(collect(inputs).did, did, `${title}: ${inputs}`);
  const asCode = [message('a', { callerNumber: '*21*0900123456' })];
  t.equal(collect('1 heard 5', asCode).did, 'wrong-key message-menu', 'no short code of a caller’s choice is dialled');
  t.equal(collect('', []).did, 'no-messages menu');
  t.equal(collect('1', []).did, 'no-messages menu');
  t.equal(
    collect(
      '',
      Array.from({ length: 75 }, (_, at) => message(`m${at}`)),
    ).did,
    'new-messages 75 menu',
  );
});

t.test('the PIN', async (t) => {
  const cases: readonly (readonly [title: string, inputs: string, did: string])[] = [
    ['is asked for', '', 'enter-pin'],
    ['time for it', 'heard', 'wait 10'],
    ['and between two digits', '4', 'wait 5'],
    ['ended by hash', '4 7 1 1 #', 'verify-pin 4711'],
    ['or by nothing more', '4 7 1 1 waited', 'verify-pin 4711'],
    ['or by its length', '1 2 3 4 5 6 7 8 9 0 1 2 3 4 5', 'verify-pin 123456789012345'],
    ['begun anew', '4 7 * 1 1 #', 'verify-pin 11'],
    ['right', '4 7 1 1 # right', 'new-messages 1 old-messages 1 menu'],
    ['wrong', '1 # wrong', 'wrong-pin enter-pin'],
    ['wrong three times', '1 # wrong 1 # wrong 1 # wrong', 'locked'],
    ['not looked at, and so not called wrong', '1 # later', 'locked'],
    ['which is over as well', '1 # later heard', 'hang-up'],
    ['and over', '1 # wrong 1 # wrong 1 # wrong heard', 'hang-up'],
    ['nothing', 'heard waited', 'goodbye'],
    ['keys that are none of a PIN', 'A', ''],
    ['no message while it is looked at', '4 7 1 1 # 1', ''],
    ['hung up', '4 7 hung-up', ''],
  ];
  for (const [title, inputs, did] of cases) t.equal(collect(inputs, TWO, true).did, did, `${title}: ${inputs}`);
  const { state } = collect('4 7 hung-up', TWO, true);
  t.equal(state.digits, '', 'nothing of it is left');
});

t.test('whatever comes in whatever order, a dialogue comes to its end and never breaks', async (t) => {
  // Numbers that are the same in each run.
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const keys = [...'0123456789*#'];
  for (let round = 0; round < 3000; round += 1) {
    let step: { state: LeaveState | CollectState; effects: readonly DialogueEffect[] } =
      round % 2 === 0
        ? beginLeaving(undefined, round % 7 !== 0)
        : beginCollecting({ messages: TWO, needsPin: round % 3 === 0, nowMs: NOW, timeZone: 'UTC' });
    const next = (state: LeaveState | CollectState, input: DialogueInput) =>
      'needsPin' in state ? nextCollecting(state, input) : nextLeaving(state, input);
    let isRecording = false;
    let isAsked = false;
    let isVerifying = false;
    for (let count = 0; count < 200 && step.state.phase !== 'over'; count += 1) {
      for (const effect of step.effects) {
        if (effect.kind === 'record') isRecording = true;
        if (['keep', 'keep-greeting', 'change-pin'].includes(effect.kind)) isAsked = true;
        if (effect.kind === 'verify-pin') isVerifying = true;
      }
      const possible = ['heard', 'unheard', 'waited', keys[random(keys.length)] ?? '1'];
      if (isRecording) possible.push('stopped', 'full', 'quiet', 'longest', 'lost', 'stopped:10', 'full:0');
      if (isAsked) possible.push('ok', 'refused');
      if (isVerifying) possible.push('right', 'wrong', 'later');
      if (count > 150) possible.push('hung-up');
      const word = possible[random(possible.length)] ?? 'heard';
      const input = inputOf(word);
      if (input.kind === 'recorded') isRecording = false;
      if (input.kind === 'done') isAsked = false;
      if (input.kind === 'verified') isVerifying = false;
      step = next(step.state, input);
    }
    if (step.state.phase !== 'over') step = next(step.state, { kind: 'hung-up' });
    if (step.state.phase !== 'over') t.fail(`round ${round} does not end`);
  }
  t.pass();
});

t.test('what only our own mistake brings about is told', async (t) => {
  t.throws(() => leave('stopped'), { code: 'CORE_ILLEGAL_TRANSITION' });
  t.throws(() => collect('ok'), { code: 'CORE_ILLEGAL_TRANSITION' });
  t.throws(() => collect('ok', TWO, true), { code: 'CORE_ILLEGAL_TRANSITION' });
});

t.test('when a message came, by the calendar of the box', async (t) => {
  const say = (atMs: number, zone = 'UTC') => soundsOf(received(atMs, NOW, zone), 'en-GB', '201', undefined).join(' ');
  t.equal(say(NOW), 'en/mailbox-today en/number-12 en/number-0');
  t.equal(say(Date.UTC(2026, 10, 25, 23, 59)), 'en/mailbox-yesterday en/number-23 en/number-59');
  t.equal(say(Date.UTC(2026, 10, 25, 23, 59), 'Europe/Berlin'), 'en/mailbox-today en/number-0 en/number-59');
  t.equal(say(Date.UTC(2026, 9, 1)), 'en/mailbox-days-ago en/number-56 en/number-0 en/number-0');
  t.equal(say(Date.UTC(2026, 7, 1)), 'en/mailbox-days-ago en/number-1 en/number-1 en/number-7 en/number-0 en/number-0');
  t.equal(say(NOW + 5 * 86_400_000), 'en/mailbox-today en/number-12 en/number-0', 'a clock that was put back');
  t.equal(say(NOW, 'No/Such_Zone'), 'en/mailbox-today en/number-12 en/number-0');
});

t.test('what is said of a number, and what is played of a mailbox', async (t) => {
  const say = (digits: string) => soundsOf([{ kind: 'digits', digits }], 'de-DE', '201', 'draft');
  t.strictSame(say('+1*2#x3'), ['de/number-1', 'de/number-2', 'de/number-3']);
  t.equal(say('9'.repeat(100)).length, 15);
  t.strictSame(
    soundsOf(
      [
        { kind: 'file', id: 'm1' },
        { kind: 'file', id: '' },
      ],
      'de-DE',
      '201',
      'draft',
    ),
    ['mailbox/201/m1', 'mailbox/201/draft'],
  );
});
