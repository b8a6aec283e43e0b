import { IllegalTransitionError } from '../../core/errors.ts';
import { type DialogueEffect, type DialogueInput, play, prompt, type Spoken } from './dialogue.ts';

/** Somebody leaves a message. */
export interface LeaveState {
  readonly phase: 'greeting' | 'beep' | 'recording' | 'options' | 'listening' | 'keeping' | 'parting' | 'over';
  /** The greeting of the user; absent: the box's own words. */
  readonly greeting: string | undefined;
  /** Times in a row that nothing was pressed where something should have been. */
  readonly silences: number;
}

export interface LeaveStep {
  readonly state: LeaveState;
  readonly effects: readonly DialogueEffect[];
}

/** Less is no message: somebody who thought better of it. */
export const MIN_MESSAGE_MS = 1000;
/** How long the caller may think about what to do with the message. */
const OPTIONS_MS = 8000;
const MAX_SILENCES = 1;

const BEEP: Spoken = { kind: 'beep' };
const OPTIONS: readonly DialogueEffect[] = [play(prompt('mailbox-send-menu'))];

/** The caller hears the greeting; where there is no room, that. */
export function beginLeaving(greeting: string | undefined, hasRoom: boolean): LeaveStep {
  const state: LeaveState = { phase: 'greeting', greeting, silences: 0 };
  if (!hasRoom) return part(state, prompt('mailbox-full'));
  const words: Spoken = greeting === undefined ? prompt('mailbox-greeting') : { kind: 'file', id: greeting };
  return { state, effects: [play(words)] };
}

/**
 * What happens next. Pure; throws IllegalTransitionError for what only our own mistake can bring about. Whoever hangs up has left
 * what was recorded until then.
 */
export function nextLeaving(state: LeaveState, input: DialogueInput): LeaveStep {
  if (state.phase === 'over') return { state, effects: [] };
  if (input.kind === 'hung-up') return hungUp(state);
  switch (state.phase) {
    case 'greeting':
      // A key skips it, and words that cannot be played keep nobody from leaving his own.
      if (input.kind === 'digit' || input.kind === 'played') return beep(state);
      break;
    case 'beep':
      if (input.kind === 'played') return { state: { ...state, phase: 'recording' }, effects: [{ kind: 'record' }] };
      if (input.kind === 'digit') return { state, effects: [] };
      break;
    case 'recording':
      if (input.kind === 'digit') {
        return { state, effects: input.digit === '#' ? [{ kind: 'stop-recording' }] : [] };
      }
      if (input.kind === 'recorded') return recorded(state, input);
      break;
    case 'options':
      if (input.kind === 'digit') return chosen(state, input.digit);
      if (input.kind === 'played') return { state, effects: [{ kind: 'wait', ms: OPTIONS_MS }] };
      if (input.kind === 'waited') {
        if (state.silences >= MAX_SILENCES) return keep(state);
        return { state: { ...state, silences: state.silences + 1 }, effects: OPTIONS };
      }
      break;
    case 'listening':
      if (input.kind === 'played') return { state: { ...state, phase: 'options' }, effects: OPTIONS };
      if (input.kind === 'digit') return chosen(state, input.digit);
      break;
    case 'keeping':
      if (input.kind === 'done') return part(state, prompt(input.ok ? 'mailbox-saved' : 'mailbox-full'));
      if (input.kind === 'digit') return { state, effects: [] };
      break;
    case 'parting':
      if (input.kind === 'played') return { state: { ...state, phase: 'over' }, effects: [{ kind: 'hang-up' }] };
      if (input.kind === 'digit') return { state, effects: [] };
      break;
  }
  // What was under way when the state changed: a sound that ended as a key was pressed, a time that was over.
  if (input.kind === 'played' || input.kind === 'waited') return { state, effects: [] };
  throw new IllegalTransitionError('leaving a message', state.phase, input.kind);
}

function beep(state: LeaveState): LeaveStep {
  return { state: { ...state, phase: 'beep', silences: 0 }, effects: [play(BEEP)] };
}

function recorded(state: LeaveState, { why, durationMs }: Extract<DialogueInput, { kind: 'recorded' }>): LeaveStep {
  if (why === 'lost') return part(state, prompt('not-available'));
  if (durationMs < MIN_MESSAGE_MS) {
    if (why === 'full') return part(state, prompt('mailbox-full'), [{ kind: 'drop' }]);
    return part(state, prompt('mailbox-too-short'), [{ kind: 'drop' }]);
  }
  // Who said nothing any more may not be there any more: no questions.
  if (why === 'quiet') return keep(state);
  return { state: { ...state, phase: 'options', silences: 0 }, effects: OPTIONS };
}

function chosen(state: LeaveState, digit: string): LeaveStep {
  switch (digit) {
    case '1':
    case '#':
      return keep(state);
    case '2':
      return {
        state: { ...state, phase: 'listening', silences: 0 },
        effects: [{ kind: 'stop-waiting' }, play({ kind: 'file', id: '' })],
      };
    case '3':
      return {
        state: { ...state, phase: 'beep', silences: 0 },
        effects: [{ kind: 'stop-waiting' }, { kind: 'drop' }, play(BEEP)],
      };
    default:
      return { state: { ...state, phase: 'options' }, effects: [{ kind: 'stop-waiting' }, ...OPTIONS] };
  }
}

function keep(state: LeaveState): LeaveStep {
  const effects: readonly DialogueEffect[] = [{ kind: 'stop-waiting' }, { kind: 'stop-playing' }, { kind: 'keep' }];
  return { state: { ...state, phase: 'keeping' }, effects };
}

function part(state: LeaveState, words: Spoken, before: readonly DialogueEffect[] = []): LeaveStep {
  return { state: { ...state, phase: 'parting' }, effects: [...before, play(words)] };
}

/** What was said is a message, wherever he hung up. */
function hungUp(state: LeaveState): LeaveStep {
  const over: LeaveState = { ...state, phase: 'over' };
  switch (state.phase) {
    case 'recording':
      // The end of the recording tells how long it is: `lastWords` says what becomes of it.
      return { state: over, effects: [{ kind: 'stop-recording' }] };
    case 'options':
    case 'listening':
      return { state: over, effects: [{ kind: 'stop-waiting' }, { kind: 'stop-playing' }, { kind: 'keep' }] };
    default:
      return { state: over, effects: [{ kind: 'stop-playing' }] };
  }
}

/** What becomes of a recording that ended after the caller had hung up. */
export function lastWords(durationMs: number): DialogueEffect {
  return durationMs < MIN_MESSAGE_MS ? { kind: 'drop' } : { kind: 'keep' };
}
