import type { Logger } from '../core/logger.ts';
import { statusOf } from './call-cause.ts';
import type { Leg } from './leg/leg.ts';
import type { Caller, RingStep, ShownIdentity } from './routing/plan.ts';
import type { RingHost } from './step/ring-step.ts';
import type { RunningStep } from './step/step-runner.ts';

export interface OriginationOptions {
  /** Whose call it is to be. */
  readonly caller: Extract<Caller, { readonly kind: 'user' }>;
  /** The telephone that he is to speak at; what would follow it does not. */
  readonly step: RingStep;
  /** What that telephone shows while it rings: whom it is to be connected with. */
  readonly shown: ShownIdentity;
}

/** `answered`: the leg is up, has no owner, and is whoever's who asked. `failed`: the status that ended it; 487 where it was given up. */
export type Originated =
  | { readonly kind: 'answered'; readonly leg: Leg }
  | { readonly kind: 'failed'; readonly status: number };

/** One telephone is being rung for a call that begins in the box. */
export interface Origination {
  /** Never rejects. */
  readonly outcome: Promise<Originated>;
  /** Gives up. Idempotent; nothing happens once it was answered. */
  cancel(): void;
}

export interface OriginationsOptions {
  readonly ring: (step: RingStep, host: RingHost) => RunningStep;
  /** There is room for no more calls. */
  readonly isFull: () => boolean;
  readonly logger: Logger;
}

/**
 * The first half of calls that begin in the box (RFC 3725): the telephone of whoever calls is rung with an offer of the box's own.
 * Media end in the box, so that none of the re-INVITEs of its flows are needed: once it has answered it waits as any party does.
 */
export class Originations {
  readonly #options: OriginationsOptions;
  readonly #pending = new Set<Origination>();

  constructor(options: OriginationsOptions) {
    this.#options = options;
  }

  /** Telephones that ring for such a call. */
  get size(): number {
    return this.#pending.size;
  }

  begin({ caller, step, shown }: OriginationOptions): Origination {
    const { ring, isFull, logger } = this.#options;
    if (isFull()) return { outcome: Promise.resolve({ kind: 'failed', status: 503 }), cancel: () => undefined };
    let running: RunningStep | undefined;
    let isOver = false;
    let settle: (originated: Originated) => void = () => undefined;
    const outcome = new Promise<Originated>((resolve) => {
      settle = resolve;
    });
    const over = (originated: Originated): void => {
      if (isOver) return;
      isOver = true;
      this.#pending.delete(origination);
      settle(originated);
    };
    const answered = async (leg: Leg): Promise<void> => {
      // Its answer counts from here on: he hears what the box plays.
      const refusal = await leg.prepare();
      if (refusal === undefined && !leg.isEnded && !isOver) {
        over({ kind: 'answered', leg });
        return;
      }
      if (refusal !== undefined) logger.warn({ why: refusal.why }, 'the answer of the device is unusable');
      leg.close();
      over({ kind: 'failed', status: refusal?.status ?? 487 });
    };
    const origination: Origination = {
      outcome,
      cancel: () => {
        if (isOver) return;
        over({ kind: 'failed', status: 487 });
        running?.stop({ elsewhere: true });
      },
    };
    this.#pending.add(origination);
    logger.info({ user: caller.user, to: shown.number }, 'a call begins in the box');
    const fail = (error: unknown): void => {
      logger.error({ err: error }, 'a call that begins in the box failed');
      running?.stop({ elsewhere: false });
      over({ kind: 'failed', status: statusOf(error) });
    };
    const host: RingHost = {
      caller,
      shown,
      maxForwards: 70,
      speech: () => undefined,
      calls: () => undefined,
      released: () => undefined,
      ringing: () => undefined,
      earlyMedia: () => undefined,
      answered: (leg) => {
        answered(leg).catch((error: unknown) => {
          logger.error({ err: error }, 'a call that begins in the box failed');
          leg.close();
          over({ kind: 'failed', status: statusOf(error) });
        });
      },
      goOn: (_next, { status }) => over({ kind: 'failed', status }),
      fail,
    };
    try {
      running = ring(step, host);
    } catch (error) {
      // Its place among all calls would be taken for good.
      fail(error);
    }
    return origination;
  }

  /** Gives up all of them. */
  close(): void {
    for (const each of [...this.#pending]) each.cancel();
  }
}
