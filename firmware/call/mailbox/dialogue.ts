import type { PromptName } from '../../media/client.ts';
import type { PinVerdict } from '../pin-guard.ts';

/*
 * What both dialogues of a mailbox have in common: what they are told, and what they have done. Each is a pure function of its state
 * and an input; mailbox-run.ts carries the effects out.
 */

export type Spoken =
  | { readonly kind: 'prompt'; readonly name: PromptName }
  /** 0 to 59; a greater one is said digit by digit. */
  | { readonly kind: 'number'; readonly value: number }
  /** One by one; what is no digit is left out. */
  | { readonly kind: 'digits'; readonly digits: string }
  /** A file of the mailbox. */
  | { readonly kind: 'file'; readonly id: string }
  | { readonly kind: 'beep' };

export type DialogueInput =
  | { readonly kind: 'digit'; readonly digit: string }
  /** What was to be played is over; `false` where it could not be. */
  | { readonly kind: 'played'; readonly heard: boolean }
  /** The time that `wait` asked for is over. */
  | { readonly kind: 'waited' }
  /** The recording ended, by itself or because it was stopped. */
  | { readonly kind: 'recorded'; readonly why: RecordingWhy; readonly durationMs: number }
  /** What `keep`, `keep-greeting` and so on asked for is done, or was refused. */
  | { readonly kind: 'done'; readonly ok: boolean }
  /** What `verify-pin` asked for. */
  | { readonly kind: 'verified'; readonly verdict: PinVerdict }
  | { readonly kind: 'hung-up' };

/** `full`: no room, before or by then; `quiet`: nothing was said for a while; `lost`: nothing is left of it. */
export type RecordingWhy = 'stopped' | 'full' | 'quiet' | 'longest' | 'lost';

export type DialogueEffect =
  /** In place of what is being played. */
  | { readonly kind: 'play'; readonly what: readonly Spoken[] }
  | { readonly kind: 'stop-playing' }
  /** In place of what is being waited for. */
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'stop-waiting' }
  /** `recorded` follows. */
  | { readonly kind: 'record' }
  | { readonly kind: 'stop-recording' }
  /** What was recorded last becomes a message; `done` follows. */
  | { readonly kind: 'keep' }
  /** Or the greeting; `done` follows. */
  | { readonly kind: 'keep-greeting' }
  | { readonly kind: 'remove-greeting' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'mark-old'; readonly id: string }
  | { readonly kind: 'delete'; readonly id: string }
  /** `verified` follows. */
  | { readonly kind: 'verify-pin'; readonly pin: string }
  /** `done` follows: whether it was taken. */
  | { readonly kind: 'change-pin'; readonly pin: string }
  | { readonly kind: 'call-back'; readonly number: string }
  | { readonly kind: 'hang-up' };

export const prompt = (name: PromptName): Spoken => ({ kind: 'prompt', name });

export const play = (...what: readonly Spoken[]): DialogueEffect => ({ kind: 'play', what });
