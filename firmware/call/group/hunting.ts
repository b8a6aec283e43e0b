import type { Clock, Timer } from '../../core/clock.ts';
import type { Sound } from '../../media/client.ts';
import type { Leg } from '../leg/leg.ts';
import type { HuntStep, Step } from '../routing/plan.ts';
import type { RunningStep, StepContext, StepRunners } from '../step/step-runner.ts';
import { MemberRing } from './member-ring.ts';

export interface HuntingOptions {
  readonly step: HuntStep;
  readonly context: StepContext;
  readonly runners: Pick<StepRunners, 'runnerOf'>;
  readonly clock: Clock;
  /** As configured when the call came; 0: never. */
  readonly overflowSeconds: number;
  /** Whoever waits for a member hears it. */
  readonly music: () => Sound;
  /** The sounds that tell him that he waits, and which place he has, from 1 on. */
  readonly words: (place: number) => readonly string[];
  /** How often he is told; 0: when he begins to wait, and not again. */
  readonly announceSeconds: () => number;
  /** A leg that is called for the group. */
  readonly onLeg: (leg: Leg) => void;
  readonly listener: HuntingListener;
}

/** What becomes of it, for the group. */
export interface HuntingListener {
  answered(hunting: Hunting, user: string, leg: Leg): void;
  refused(hunting: Hunting, user: string): void;
  notAnswered(hunting: Hunting): void;
  /** The caller is gone, or goes elsewhere. */
  left(hunting: Hunting): void;
}

/** A caller whose telephone only rings for so long would think that nobody is there; carriers give up soon after. */
export const ANSWER_AFTER_MS = 120_000;
/** Nobody waits for a group longer than that. */
export const MAX_WAIT_MS = 30 * 60_000;
/** A group with a mailbox and no overflow time lets a caller leave a message then; so it is with the fallback of a route. */
export const MAILBOX_AFTER_MS = 45_000;
/** Nobody is told more often, whatever is configured: members who ring and do not answer begin his waiting anew each time. */
export const MIN_ANNOUNCE_MS = 10_000;

/** A call that nobody of a group has answered: who rings for it, and what its caller hears meanwhile. */
export class Hunting implements RunningStep {
  readonly step: HuntStep;
  readonly context: StepContext;
  /** In the time of `Clock.elapsed`. */
  readonly sinceMs: number;
  readonly #options: HuntingOptions;
  readonly #rings = new Map<string, MemberRing>();
  readonly #timers: Timer[] = [];
  #noAnswer: Timer | undefined;
  /** What the caller hears once he is answered: music, or the ring-back tone while somebody rings. */
  #hears: 'nothing' | 'ring-back' | 'music' = 'nothing';
  #place = 1;
  /** When he was told last. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #nextTelling: Timer | undefined;
  #answering: Promise<unknown> | undefined;
  /** Has answered, and waits for the answer to the caller. */
  #winner: Leg | undefined;
  #isOver = false;
  #elsewhere = false;
  #reason: string | undefined;

  constructor(options: HuntingOptions) {
    const { step, context, clock, overflowSeconds } = options;
    this.step = step;
    this.context = context;
    this.#options = options;
    this.sinceMs = clock.elapsed();
    context.run(context.waiting.media.open());
    const { after } = step;
    const overflowMs = overflowSeconds > 0 ? overflowSeconds * 1000 : MAILBOX_AFTER_MS;
    if (after.noAnswer !== undefined) this.#timers.push(clock.schedule(overflowMs, () => this.#leave(after.noAnswer)));
    this.#timers.push(
      clock.schedule(MAX_WAIT_MS, () => this.#leave(after.noAnswer)),
      clock.schedule(ANSWER_AFTER_MS, () => this.#answer()),
    );
  }

  /** As in the history of calls. */
  get id(): string {
    return this.context.call;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** This member rings as his plan says; `seconds`: then all who ring have rung for long enough. */
  ring(user: string, step: Step, seconds: number | undefined): void {
    if (this.#isOver) return;
    const { listener, runners, onLeg } = this.#options;
    const ring = new MemberRing({
      context: this.context,
      runners,
      group: this.step.group,
      onLeg,
      onRinging: () => this.#ringBack(),
      onAnswered: (leg) => {
        this.#rings.delete(user);
        listener.answered(this, user, leg);
      },
      onRefused: () => {
        this.#rings.delete(user);
        listener.refused(this, user);
      },
    });
    this.#rings.set(user, ring);
    this.#noAnswer?.cancel();
    this.#noAnswer =
      seconds === undefined
        ? undefined
        : this.#options.clock.schedule(seconds * 1000, () => listener.notAnswered(this));
    ring.run(step);
  }

  /** `answered`: somebody else of the group has the call. */
  stopRinging(users: readonly string[], answered: boolean): void {
    for (const user of users) {
      const ring = this.#rings.get(user);
      this.#rings.delete(user);
      ring?.stop(answered || this.#elsewhere, this.#reason);
    }
  }

  /** Nobody rings: the caller is answered, is told that he waits at this place, and hears music. Again when his place changes. */
  wait(place: number): void {
    this.#place = place;
    if (this.#hears === 'music') return;
    this.#noAnswer?.cancel();
    this.#hears = 'music';
    if (this.context.waiting.isUp) this.#entertain();
    else this.#answer();
  }

  /** The group has no more part in it, and `leg` answered it. */
  join(leg: Leg): void {
    this.#finish();
    const { context } = this;
    if (this.#answering === undefined) {
      context.answered(leg);
      return;
    }
    // The caller is being answered at this very moment, which is not to be done twice.
    this.#winner = leg;
    this.#answering.then(
      () => {
        if (this.#winner === undefined) return;
        this.#winner = undefined;
        if (leg.isEnded) context.hangUp();
        else context.answered(leg);
      },
      // The call fails by that, and stops this.
      () => undefined,
    );
  }

  /** Nobody of the group can take it. */
  end(outcome: 'busy' | 'unreachable'): void {
    this.#finish();
    this.context.goOn(this.step.after[outcome], { status: outcome === 'busy' ? 486 : 480 });
  }

  /** For the call: its caller is gone, or somebody else has it. */
  stop({ elsewhere, reason }: { readonly elsewhere: boolean; readonly reason?: string }): void {
    this.#winner?.close(reason);
    this.#winner = undefined;
    if (this.#isOver) return;
    this.#elsewhere = elsewhere;
    this.#reason = reason;
    this.#finish();
    this.#options.listener.left(this);
  }

  #leave(next: Step | undefined): void {
    if (this.#isOver) return;
    if (this.#answering !== undefined) {
      // The next step would have a caller who is half answered, and is watched as one who talks: he goes on once he is up.
      this.#answering.then(
        () => this.#leave(next),
        // The call fails by that, and stops this.
        () => undefined,
      );
      return;
    }
    this.#finish();
    this.#options.listener.left(this);
    this.context.goOn(next, { status: 480 });
  }

  #finish(): void {
    this.#isOver = true;
    this.#noAnswer?.cancel();
    this.#nextTelling?.cancel();
    for (const timer of this.#timers) timer.cancel();
  }

  #ringBack(): void {
    if (this.#isOver) return;
    this.#hears = 'ring-back';
    this.#nextTelling?.cancel();
    this.context.ringing();
  }

  #answer(): void {
    const { context } = this;
    if (context.waiting.isUp || this.#answering !== undefined || this.#isOver) return;
    const answering = context.answer('queue').then((isUp) => {
      this.#answering = undefined;
      if (!isUp || this.#isOver) return;
      if (this.#hears === 'music') this.#entertain();
      // Also where no device has said that it rings: he is up now, and would hear nothing.
      else context.ringing();
    });
    this.#answering = answering;
    context.run(answering);
  }

  /** Words where it is time for them, and music up to the next ones. */
  #entertain(): void {
    const { clock, words, announceSeconds } = this.#options;
    const { media } = this.context.waiting;
    const sinceMs = clock.elapsed() - this.#toldMs;
    this.#nextTelling?.cancel();
    const seconds = announceSeconds();
    if (seconds === 0 && Number.isFinite(this.#toldMs)) {
      this.#playMusic(undefined);
      return;
    }
    if (sinceMs < MIN_ANNOUNCE_MS) {
      this.#playMusic(MIN_ANNOUNCE_MS - sinceMs);
      return;
    }
    const toldMs = clock.elapsed();
    this.#toldMs = toldMs;
    const told = media.announce({ kind: 'files', names: words(this.#place) }).then(() => {
      // Words that could not be played, or that somebody who rang has ended, keep nobody from music.
      if (this.#toldMs !== toldMs || this.#hears !== 'music' || this.#isOver) return;
      this.#playMusic(seconds === 0 ? undefined : Math.max(seconds * 1000, MIN_ANNOUNCE_MS));
    });
    this.context.run(told);
  }

  #playMusic(nextMs: number | undefined): void {
    this.context.waiting.hear(this.#options.music());
    if (nextMs !== undefined) this.#nextTelling = this.#options.clock.schedule(nextMs, () => this.#entertain());
  }
}
