import type { Call } from '../call.ts';
import type { Leg } from '../leg/leg.ts';
import type { BesideOutcome } from '../step/beside-step.ts';
import type { StepRun } from '../step/step-runner.ts';

/** One telephone, for one call. */
interface CalledAnew {
  readonly call: Call;
  readonly device: string | undefined;
  /** Its user does not want that any more. */
  isGivenUp: boolean;
}

/**
 * Telephones that are called anew for a call which they ring for already, since they cannot be told to answer: they answer by
 * themselves then. For a moment their user has no part in the call. Whichever client of his asked for it, all of his clients see the
 * call go on, and any of them may turn it away.
 */
export class PhonesCalledAnew {
  /** By user and call: one call may ring several users. */
  readonly #pending = new Map<string, CalledAnew>();
  readonly #listeners = new Set<(user: string) => void>();

  /** `listener` is told the user each time that one is over. Returns how to end that. */
  onOver(listener: (user: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  has(user: string, call: string): boolean {
    return this.#pending.has(keyOf(user, call));
  }

  /**
   * `leg` rings for the user in `call`: it is let go of, and once it is over `step` rings that telephone beside the plan of the call.
   * `given-up`: it was turned away before it rang.
   */
  async call(user: string, call: Call, leg: Leg, step: StepRun | undefined): Promise<BesideOutcome | 'given-up'> {
    const key = keyOf(user, call.id);
    const pending: CalledAnew = { call, device: leg.party.device, isGivenUp: false };
    this.#pending.set(key, pending);
    try {
      leg.turnAway('ignored');
      await new Promise<void>((resolve) => leg.whenOver(resolve));
      if (pending.isGivenUp) return 'given-up';
      return step === undefined ? 'over' : await call.runBeside(step);
    } finally {
      this.#pending.delete(key);
      for (const listener of this.#listeners) listener(user);
    }
  }

  /** Turns the call away, at the telephone that is called anew for it. False where none is that `isDirected`, or it is too late. */
  turnAway(user: string, call: string, how: 'ignored' | 'declined', isDirected: (device: string) => boolean): boolean {
    const pending = this.#pending.get(keyOf(user, call));
    if (pending?.call.isRinging !== true || pending.device === undefined || !isDirected(pending.device)) return false;
    pending.isGivenUp = true;
    // In a group the others are asked all the same.
    if (how === 'ignored' || !pending.call.decline()) pending.call.stopBeside();
    return true;
  }
}

function keyOf(user: string, call: string): string {
  return `${user} ${call}`;
}
