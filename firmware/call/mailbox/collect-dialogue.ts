import { IllegalTransitionError } from '../../core/errors.ts';
import type { PinVerdict } from '../pin-guard.ts';
import { type DialogueEffect, type DialogueInput, play, prompt, type Spoken } from './dialogue.ts';
import type { VoiceMessage } from './message.ts';
import { received, spokenNumber } from './spoken.ts';

type Phase =
  /** Digits of the PIN come; it is being looked at. */
  | 'pin'
  | 'verifying'
  | 'menu'
  /** A message is played, with what is said before it; then what to do with it is asked. */
  | 'message'
  | 'message-menu'
  /** A greeting is about to be recorded, being recorded, and heard. */
  | 'greeting-tone'
  | 'greeting-recording'
  | 'greeting-menu'
  | 'greeting-keeping'
  /** A new PIN, the same again, and it is being changed. */
  | 'new-pin'
  | 'pin-again'
  | 'changing-pin'
  | 'parting'
  | 'over';

/** Somebody listens to his messages. */
export interface CollectState {
  readonly phase: Phase;
  readonly needsPin: boolean;
  /** May change the PIN, and be called back for: where the box lets him. */
  readonly messages: readonly VoiceMessage[];
  /** Of the message that is played. */
  readonly index: number;
  /** Of a PIN, as far as it was pressed. */
  readonly digits: string;
  readonly newPin: string;
  readonly attempts: number;
  /** Times in a row that nothing was pressed, or a key without a meaning. */
  readonly silences: number;
  /** Nobody can leave him another one. */
  readonly isFull: boolean;
  readonly nowMs: number;
  readonly timeZone: string;
}

export interface CollectStep {
  readonly state: CollectState;
  readonly effects: readonly DialogueEffect[];
}

export interface CollectOptions {
  readonly messages: readonly VoiceMessage[];
  readonly needsPin: boolean;
  /** There is no room for more of them; unless given there is. */
  readonly isFull?: boolean;
  readonly nowMs: number;
  readonly timeZone: string;
}

/** Wrong PINs in one call. */
export const MAX_ATTEMPTS = 3;
export const MAX_PIN_DIGITS = 15;
const FIRST_DIGIT_MS = 10_000;
const NEXT_DIGIT_MS = 5000;
const MENU_MS = 6000;
/** Then the box hangs up. */
const MAX_SILENCES = 3;

/** A caller names himself, and must not have who calls him back dial a short code. */
const CALLABLE = /^\+?[0-9]+$/;
const STOP_WAITING: DialogueEffect = { kind: 'stop-waiting' };
const BEEP: Spoken = { kind: 'beep' };

export function beginCollecting({ messages, needsPin, isFull = false, nowMs, timeZone }: CollectOptions): CollectStep {
  const state: CollectState = {
    ...{ phase: 'menu', needsPin, messages, index: -1, digits: '', newPin: '' },
    ...{ attempts: 0, silences: 0, isFull, nowMs, timeZone },
  };
  return needsPin ? askFor(state, 'pin', prompt('mailbox-enter-pin')) : overview(state);
}

/** What happens next. Pure; throws IllegalTransitionError for what only our own mistake can bring about. */
export function nextCollecting(state: CollectState, input: DialogueInput): CollectStep {
  if (state.phase === 'over') return { state, effects: [] };
  if (input.kind === 'hung-up') return hungUp(state);
  switch (state.phase) {
    case 'pin':
    case 'new-pin':
    case 'pin-again':
      return takeDigits(state, input);
    case 'verifying':
      if (input.kind === 'verified') return verified(state, input.verdict);
      break;
    case 'menu':
      return input.kind === 'digit' ? menuChoice(state, input.digit) : idle(state, input, menuWords);
    case 'message':
      if (input.kind === 'played') return messagePlayed(state, input.heard);
      if (input.kind === 'digit') return messageChoice(state, input.digit);
      break;
    case 'message-menu':
      return input.kind === 'digit' ? messageChoice(state, input.digit) : idle(state, input, messageMenuWords);
    case 'greeting-tone':
      if (input.kind === 'played') return to(state, 'greeting-recording', { kind: 'record' });
      break;
    case 'greeting-recording':
      if (input.kind === 'digit' && input.digit === '#')
        return to(state, 'greeting-recording', { kind: 'stop-recording' });
      if (input.kind === 'recorded') return greetingRecorded(state, input);
      break;
    case 'greeting-menu':
      return input.kind === 'digit' ? greetingChoice(state, input.digit) : idle(state, input, greetingWords);
    case 'greeting-keeping':
      if (input.kind === 'done') return menu(state, prompt(input.ok ? 'mailbox-saved' : 'mailbox-full'));
      break;
    case 'changing-pin':
      if (input.kind === 'done') return menu(state, prompt(input.ok ? 'mailbox-saved' : 'mailbox-pin-refused'));
      break;
    case 'parting':
      if (input.kind === 'played') return to(state, 'over', { kind: 'hang-up' });
      break;
  }
  // A key has no meaning where nothing was asked; a sound or a time may have ended as the state changed.
  if (input.kind === 'digit' || input.kind === 'played' || input.kind === 'waited') return { state, effects: [] };
  throw new IllegalTransitionError('collecting messages', state.phase, input.kind);
}

function to(state: CollectState, phase: Phase, ...effects: readonly DialogueEffect[]): CollectStep {
  return { state: { ...state, phase }, effects };
}

function askFor(state: CollectState, phase: 'pin' | 'new-pin' | 'pin-again', ...words: readonly Spoken[]): CollectStep {
  return to({ ...state, digits: '' }, phase, STOP_WAITING, play(...words));
}

/** Digits up to `#`, or to the longest PIN, or until nothing more comes. */
function takeDigits(state: CollectState, input: DialogueInput): CollectStep {
  switch (input.kind) {
    case 'played':
      return { state, effects: state.digits === '' ? [{ kind: 'wait', ms: FIRST_DIGIT_MS }] : [] };
    case 'waited':
      return state.digits === '' ? leave(state) : pinComplete(state);
    case 'digit': {
      if (input.digit === '#') return pinComplete(state);
      // Begins anew; out of a change of PIN it leads back.
      if (input.digit === '*')
        return state.phase === 'pin' ? askFor(state, 'pin', prompt('mailbox-enter-pin')) : menu(state);
      if (!/^[0-9]$/.test(input.digit)) return { state, effects: [] };
      const digits = state.digits + input.digit;
      const next = { ...state, digits };
      if (digits.length >= MAX_PIN_DIGITS) return pinComplete(next);
      return { state: next, effects: [{ kind: 'stop-playing' }, { kind: 'wait', ms: NEXT_DIGIT_MS }] };
    }
    default:
      throw new IllegalTransitionError('collecting messages', state.phase, input.kind);
  }
}

function pinComplete(state: CollectState): CollectStep {
  const { phase, digits } = state;
  const quiet: readonly DialogueEffect[] = [STOP_WAITING, { kind: 'stop-playing' }];
  const cleared: CollectState = { ...state, digits: '' };
  if (phase === 'pin') return to(cleared, 'verifying', ...quiet, { kind: 'verify-pin', pin: digits });
  if (phase === 'new-pin') return askFor({ ...cleared, newPin: digits }, 'pin-again', prompt('mailbox-pin-again'));
  const { newPin } = state;
  const forgotten: CollectState = { ...cleared, newPin: '' };
  if (newPin !== digits) return menu(forgotten, prompt('mailbox-pin-differs'));
  return to(forgotten, 'changing-pin', ...quiet, { kind: 'change-pin', pin: digits });
}

function verified(state: CollectState, verdict: PinVerdict): CollectStep {
  if (verdict === 'right') return overview({ ...state, attempts: 0 });
  const attempts = state.attempts + 1;
  // What was not looked at may be the right one, and is not called wrong.
  if (attempts >= MAX_ATTEMPTS || verdict === 'later') return part({ ...state, attempts }, prompt('mailbox-locked'));
  return askFor({ ...state, attempts }, 'pin', prompt('mailbox-wrong-pin'), prompt('mailbox-enter-pin'));
}

/** How many there are, then what can be done. */
function overview(state: CollectState): CollectStep {
  const fresh = state.messages.filter(({ isOld }) => !isOld).length;
  const old = state.messages.length - fresh;
  const words =
    state.messages.length === 0
      ? [prompt('mailbox-no-messages')]
      : [
          ...(fresh === 0 ? [] : [prompt('mailbox-new-messages'), ...spokenNumber(fresh)]),
          ...(old === 0 ? [] : [prompt('mailbox-old-messages'), ...spokenNumber(old)]),
        ];
  const full = state.isFull ? [prompt('mailbox-full')] : [];
  return menu({ ...state, index: -1 }, ...words, ...full);
}

function menu(state: CollectState, ...before: readonly Spoken[]): CollectStep {
  return to({ ...state, silences: 0 }, 'menu', STOP_WAITING, play(...before, ...menuWords()));
}

function menuWords(): readonly Spoken[] {
  return [prompt('mailbox-menu')];
}

function messageMenuWords(): readonly Spoken[] {
  return [prompt('mailbox-message-menu')];
}

function greetingWords(): readonly Spoken[] {
  return [prompt('mailbox-greeting-menu')];
}

/** Nothing was pressed: it is said again some times, then the box hangs up. */
function idle(state: CollectState, input: DialogueInput, words: () => readonly Spoken[]): CollectStep {
  if (input.kind === 'played') return { state, effects: [{ kind: 'wait', ms: MENU_MS }] };
  if (input.kind !== 'waited') throw new IllegalTransitionError('collecting messages', state.phase, input.kind);
  return again(state, words());
}

function again(state: CollectState, words: readonly Spoken[]): CollectStep {
  const silences = state.silences + 1;
  if (silences >= MAX_SILENCES) return leave({ ...state, silences });
  return { state: { ...state, silences }, effects: [STOP_WAITING, play(...words)] };
}

function wrongKey(state: CollectState, words: readonly Spoken[]): CollectStep {
  return again(state, [prompt('mailbox-wrong-key'), ...words]);
}

function menuChoice(state: CollectState, digit: string): CollectStep {
  const heard: CollectState = { ...state, silences: 0 };
  switch (digit) {
    case '1':
      return state.messages.length === 0 ? menu(heard, prompt('mailbox-no-messages')) : playMessage(heard, 0);
    case '2':
      return recordGreeting(heard);
    case '3':
      return askFor(heard, 'new-pin', prompt('mailbox-new-pin'));
    case '*':
    case '0':
      return overview(heard);
    case '#':
      return leave(heard);
    default:
      return wrongKey(state, menuWords());
  }
}

/** Says which it is, when it came and from whom, then plays it. */
function playMessage(state: CollectState, index: number): CollectStep {
  const message = state.messages[index];
  if (message === undefined) return menu({ ...state, index: -1 }, prompt('mailbox-no-more'));
  const from: readonly Spoken[] =
    message.callerNumber === ''
      ? [prompt('mailbox-unknown-caller')]
      : [prompt('mailbox-from'), { kind: 'digits', digits: message.callerNumber }];
  return to(
    { ...state, index, silences: 0 },
    'message',
    STOP_WAITING,
    play(
      prompt('mailbox-message'),
      ...spokenNumber(index + 1),
      ...received(message.receivedAtMs, state.nowMs, state.timeZone),
      ...from,
      { kind: 'file', id: message.id },
    ),
  );
}

/** Who has heard it to its end knows it; one that could not be played stays new. */
function messagePlayed(state: CollectState, heard: boolean): CollectStep {
  if (!heard) return to(state, 'message-menu', play(prompt('not-available'), ...messageMenuWords()));
  return to(marked(state), 'message-menu', ...markOld(state), play(...messageMenuWords()));
}

function messageChoice(state: CollectState, digit: string): CollectStep {
  const { index } = state;
  const message = state.messages[index];
  if (message === undefined) return menu(state);
  switch (digit) {
    case '1':
      return playMessage(state, index);
    case '2': {
      const next = playMessage(marked(state), index + 1);
      return { state: next.state, effects: [...markOld(state), ...next.effects] };
    }
    case '3': {
      const messages = state.messages.filter((each) => each !== message);
      const next = playMessage({ ...state, messages }, index);
      return { state: next.state, effects: [{ kind: 'delete', id: message.id }, ...next.effects] };
    }
    case '4':
      return playMessage(state, Math.max(0, index - 1));
    case '5':
      if (!CALLABLE.test(message.callerNumber)) return wrongKey(to(state, 'message-menu').state, messageMenuWords());
      return to(
        state,
        'over',
        STOP_WAITING,
        { kind: 'stop-playing' },
        { kind: 'call-back', number: message.callerNumber },
      );
    case '#':
      return playMessage(state, index + 1);
    case '*':
      return menu({ ...state, index: -1 });
    case '0':
      return to(state, 'message-menu', STOP_WAITING, play(...messageMenuWords()));
    default:
      return wrongKey(to(state, 'message-menu').state, messageMenuWords());
  }
}

function markOld({ messages, index }: CollectState): readonly DialogueEffect[] {
  const message = messages[index];
  return message === undefined || message.isOld ? [] : [{ kind: 'mark-old', id: message.id }];
}

function marked(state: CollectState): CollectState {
  return {
    ...state,
    messages: state.messages.map((each, index) => (index === state.index ? { ...each, isOld: true } : each)),
  };
}

function recordGreeting(state: CollectState): CollectStep {
  return to(state, 'greeting-tone', STOP_WAITING, play(prompt('mailbox-record-greeting'), BEEP));
}

function greetingRecorded(
  state: CollectState,
  { why, durationMs }: Extract<DialogueInput, { kind: 'recorded' }>,
): CollectStep {
  if (why === 'lost' || (why === 'full' && durationMs < 1000)) {
    const step = menu(state, prompt(why === 'full' ? 'mailbox-full' : 'not-available'));
    return { state: step.state, effects: [{ kind: 'drop' }, ...step.effects] };
  }
  if (durationMs < 1000) {
    const step = menu(state, prompt('mailbox-too-short'));
    return { state: step.state, effects: [{ kind: 'drop' }, ...step.effects] };
  }
  return to({ ...state, silences: 0 }, 'greeting-menu', play({ kind: 'file', id: '' }, ...greetingWords()));
}

function greetingChoice(state: CollectState, digit: string): CollectStep {
  switch (digit) {
    case '1':
      return to(state, 'greeting-keeping', STOP_WAITING, { kind: 'stop-playing' }, { kind: 'keep-greeting' });
    case '2': {
      const step = recordGreeting(state);
      return { state: step.state, effects: [{ kind: 'drop' }, ...step.effects] };
    }
    case '3': {
      const step = menu(state, prompt('mailbox-deleted'));
      return { state: step.state, effects: [{ kind: 'drop' }, { kind: 'remove-greeting' }, ...step.effects] };
    }
    case '*': {
      const step = menu(state);
      return { state: step.state, effects: [{ kind: 'drop' }, ...step.effects] };
    }
    default:
      return wrongKey(state, greetingWords());
  }
}

function leave(state: CollectState): CollectStep {
  const step = part(state, prompt('mailbox-goodbye'));
  const drop: readonly DialogueEffect[] = state.phase === 'greeting-menu' ? [{ kind: 'drop' }] : [];
  return { state: step.state, effects: [...drop, ...step.effects] };
}

function part(state: CollectState, words: Spoken): CollectStep {
  return to(state, 'parting', STOP_WAITING, play(words));
}

function hungUp(state: CollectState): CollectStep {
  const effects: DialogueEffect[] = [STOP_WAITING, { kind: 'stop-playing' }];
  if (state.phase === 'greeting-recording') effects.push({ kind: 'stop-recording' });
  if (state.phase === 'greeting-menu') effects.push({ kind: 'drop' });
  return to({ ...state, digits: '', newPin: '' }, 'over', ...effects);
}
