import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { type PromptName, promptSound } from '../../media/client.ts';
import { PinGuard, type PinVerdict } from '../pin-guard.ts';
import type { RunningStep, StepContext } from '../step/step-runner.ts';
import type { ConferenceRoom } from './conference-room.ts';

/** Wrong PINs in one call. */
export const MAX_PIN_ATTEMPTS = 3;
const MAX_PIN_DIGITS = 15;
const FIRST_KEY_MS = 10_000;
const NEXT_KEY_MS = 5000;

/** Whose conference it is that a PIN is asked for. */
type Guarded = Pick<ConferenceRoom, 'owner' | 'pin'>;

/** The PINs of conferences: what the owner has set by keys for this one, else that of his in the configuration. */
export class ConferencePins {
  readonly #configuration: () => Configuration;
  readonly #guard: PinGuard;

  constructor(configuration: () => Configuration, clock: Clock, logger: Logger) {
    this.#configuration = configuration;
    this.#guard = new PinGuard('PIN of a conference', clock, logger);
  }

  /** Whether there is one. */
  isAsked(room: Guarded): boolean {
    return room.pin !== undefined || this.#hashOf(room.owner) !== undefined;
  }

  /** Never rejects. A wrong one takes its time, and after too many of them none is looked at for a while. */
  verify({ owner, pin: own }: Guarded, pin: string): Promise<PinVerdict> {
    const stored = own === undefined ? { hashed: this.#hashOf(owner) } : { plain: own };
    return this.#guard.verify({ owner, pin, stored });
  }

  #hashOf(owner: string): string | undefined {
    const { users } = this.#configuration();
    return Object.hasOwn(users, owner) ? users[owner]?.conferencePin : undefined;
  }
}

export interface PinQuestionOptions {
  readonly context: StepContext;
  readonly verify: (pin: string) => Promise<PinVerdict>;
  readonly locale: string;
  readonly clock: Clock;
  /** It was right: goes on with what is returned. */
  readonly onRight: () => RunningStep;
}

/** Asks who waits for a PIN: digits, and a hash or a pause after the last; three times at most. */
export class PinQuestion implements RunningStep {
  readonly #options: PinQuestionOptions;
  #digits = '';
  #attempts = 0;
  #timer: Timer | undefined;
  #phase: 'beginning' | 'asking' | 'verifying' | 'over' = 'beginning';
  #next: RunningStep | undefined;

  constructor(options: PinQuestionOptions) {
    this.#options = options;
    options.context.run(this.#begin());
  }

  stop(how: Parameters<RunningStep['stop']>[0]): void {
    this.#end();
    this.#next?.stop(how);
  }

  async #begin(): Promise<void> {
    const { context } = this.#options;
    if (!(await context.answer('conference')) || this.#phase === 'over') return;
    context.waiting.whenPressed = ({ digit }) => this.#pressed(digit);
    this.#ask('mailbox-enter-pin');
  }

  #ask(...prompts: readonly PromptName[]): void {
    const { context, locale } = this.#options;
    this.#phase = 'asking';
    this.#digits = '';
    this.#wait(FIRST_KEY_MS);
    void context.waiting.media.announce({ kind: 'files', names: prompts.map((name) => promptSound(locale, name)) });
  }

  #pressed(digit: string): void {
    if (this.#phase !== 'asking') return;
    // Whoever presses a key has heard enough.
    this.#options.context.waiting.media.stop();
    if (digit === '*') this.#digits = '';
    else if (/^[0-9]$/.test(digit)) this.#digits += digit;
    if (digit === '#' || this.#digits.length >= MAX_PIN_DIGITS) this.#complete();
    else this.#wait(NEXT_KEY_MS);
  }

  #complete(): void {
    this.#timer?.cancel();
    this.#phase = 'verifying';
    const { context, verify } = this.#options;
    // Who presses nothing tries out nothing: it closes the conference for nobody.
    if (this.#digits === '') this.#verified('wrong');
    else context.run(verify(this.#digits).then((verdict) => this.#verified(verdict)));
  }

  #verified(verdict: PinVerdict): void {
    if (this.#phase !== 'verifying') return;
    const { context, locale, onRight } = this.#options;
    if (verdict === 'right') {
      this.#end();
      this.#next = onRight();
      return;
    }
    this.#attempts += 1;
    // What was not looked at may be the right one, and is not called wrong.
    if (this.#attempts < MAX_PIN_ATTEMPTS && verdict === 'wrong') {
      this.#ask('mailbox-wrong-pin', 'mailbox-enter-pin');
      return;
    }
    this.#end();
    const names = [promptSound(locale, 'mailbox-locked')];
    // A sound that does not end keeps nobody on the line.
    this.#timer = this.#options.clock.schedule(FIRST_KEY_MS, () => context.hangUp());
    void context.waiting.media.announce({ kind: 'files', names }).then(() => context.hangUp());
  }

  #wait(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(ms, () => this.#complete());
  }

  #end(): void {
    this.#phase = 'over';
    this.#timer?.cancel();
    this.#options.context.waiting.whenPressed = undefined;
  }
}
