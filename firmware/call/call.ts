import type { Logger } from '../core/logger.ts';
import type { HeaderField } from '../sip/stack.ts';
import { causeOf, statusOf } from './call-cause.ts';
import type { CallOptions } from './call-options.ts';
import { CallReport, type JoinedHow } from './call-report.ts';
import { type CallEffect, type CallInput, type CallState, nextCallState } from './call-state.ts';
import type { CallCause, CallParty, CallService } from './history/call-event.ts';
import { Bridge } from './leg/bridge.ts';
import { openEarlyMedia } from './leg/early-media.ts';
import type { Leg } from './leg/leg.ts';
import type { LegEnd } from './leg/leg-end.ts';
import type { LegOwner } from './leg/leg-owner.ts';
import type { RefusedParty } from './leg/waiting.ts';
import type { Step } from './routing/plan.ts';
import { type BesideOutcome, BesideStep } from './step/beside-step.ts';
import type { RunningStep, StepContext, StepRun } from './step/step-runner.ts';

/**
 * One call: a party that waits while the steps of its plan run, then two legs in conversation. What happens when is decided by
 * call-state.ts; this class carries it out.
 */
export class Call {
  readonly startedAtMs: number;
  readonly dialled: string;
  readonly #options: CallOptions;
  readonly #logger: Logger;
  readonly #report: CallReport;
  readonly #owner: LegOwner;
  /** Every leg that is the call's to close. */
  readonly #legs = new Set<Leg>();
  #state: CallState = { phase: 'starting' };
  #waiting: Leg;
  /** Who answered. */
  #other: Leg | undefined;
  #bridge: Bridge | undefined;
  /** The step that runs; what another one says is not heard. */
  #step: { running: RunningStep | undefined } | undefined;
  /** What the plan came to last: that step, or what it waits with meanwhile. */
  #planned: Step | StepRun | undefined;
  /** Runs beside it. */
  #beside: BesideStep | undefined;
  /** What a 180 says of whom it rings at. */
  #shown: readonly HeaderField[] = [];
  /** What there is to say of the refusal. */
  #refused: Partial<RefusedParty> = {};
  /** What whoever ended the call said of it, for the other one (RFC 3326). */
  #reason: string | undefined;
  #end: Parameters<CallReport['ended']>[0] | undefined;
  #joining: Promise<unknown> | undefined;
  #cleanedUp = false;

  constructor(options: CallOptions) {
    const { waiting, clock, caller, dialled } = options;
    this.#options = options;
    this.#waiting = waiting;
    this.startedAtMs = clock.now();
    this.dialled = dialled;
    this.#logger = options.logger.child({
      call: waiting.dialog?.callId,
      from: waiting.party.number || caller.kind,
      to: dialled,
    });
    this.#report = new CallReport(clock, options.emit);
    this.#owner = {
      onEnded: (leg, end) => this.#legEnded(leg, end),
      onHeld: (leg, isHolding) => this.#report.held(leg, isHolding),
    };
  }

  /** As in its events. */
  get id(): string {
    return this.#report.call;
  }

  get phase(): CallState['phase'] {
    return this.#state.phase;
  }

  /** The plan runs: nobody has the call yet. */
  get isRinging(): boolean {
    return this.#state.phase === 'starting' || this.#state.phase === 'ringing';
  }

  /** Who waits, or waited; the caller, unless somebody took that place. */
  get waiting(): Leg {
    return this.#waiting;
  }

  /** Who is in conversation with that one, or about to be. */
  get other(): Leg | undefined {
    return this.#other;
  }

  /** Everybody who is in the call or rings for it. */
  get legs(): ReadonlySet<Leg> {
    return this.#legs;
  }

  /** The other one of a conversation. */
  peerOf(leg: Leg): Leg | undefined {
    if (this.#state.phase !== 'established') return undefined;
    return leg === this.#waiting ? this.#other : leg === this.#other ? this.#waiting : undefined;
  }

  /** Settles once those who have answered are in conversation; absent before anybody has. */
  get joining(): Promise<unknown> | undefined {
    return this.#joining;
  }

  /** Media go between the phones: nothing of them passes the box. */
  get isDirect(): boolean {
    return this.#bridge?.isDirect === true;
  }

  /** Has media go through the box until the returned function is called: for music, a recording, a tone. */
  needMedia(): () => void {
    return this.#bridge?.need() ?? (() => undefined);
  }

  /** Holds in the name of one of the two, whose phone does not do it itself, or ends that. False where it is in no conversation. */
  hold(leg: Leg, isOn: boolean): boolean {
    const bridge = this.#bridge;
    if (bridge === undefined || this.peerOf(leg) === undefined) return false;
    if (bridge.hold(leg, isOn)) this.#report.held(leg, isOn);
    return true;
  }

  /** Whether the box holds in the name of that one. */
  isHeldFor(leg: Leg): boolean {
    return this.#bridge?.isHeldFor(leg) === true;
  }

  /** A recording of this call is kept under that name; for its history. */
  recorded(recording: string): void {
    this.#report.recorded(recording);
  }

  /** Sets the call going. Errors end it with the status that fits; none comes out of here. */
  start(first: Step | StepRun): void {
    const { direction, dialled, isEmergency, follows } = this.#options;
    this.#own(this.#waiting);
    this.#report.started(this.#waiting, {
      direction,
      dialled,
      ...(isEmergency === true ? { isEmergency } : {}),
      ...(follows === undefined ? {} : { follows }),
    });
    if (this.#waiting.isEnded) this.#take({ kind: 'waiting-ended' });
    else this.#runStep(first);
  }

  /** While the plan runs: a step beside it, for who waits; the plan goes no further meanwhile. One at a time. Never rejects. */
  runBeside(step: StepRun): Promise<BesideOutcome> {
    if (this.#step === undefined || this.#beside !== undefined) return Promise.resolve('over');
    const beside = new BesideStep(this.#logger, () => {
      this.#beside = undefined;
    });
    this.#beside = beside;
    beside.start(
      step,
      this.#contextOf(beside, () => !beside.isOver),
      {
        answered: (leg) => this.#answeredBy(leg),
        declined: () => this.decline(),
      },
    );
    return beside.outcome;
  }

  /** Something runs beside the plan. */
  get hasBeside(): boolean {
    return this.#beside !== undefined;
  }

  /** What runs beside the plan rings no more, and the plan goes on. Idempotent. */
  stopBeside(): void {
    this.#beside?.giveUp();
  }

  /** Whom the plan rings does not want the call, whatever of his rings for it. False where it rings nobody, as for a group. */
  decline(): boolean {
    const step = this.#planned;
    if (!this.isRinging || typeof step !== 'object' || step.kind !== 'ring') return false;
    this.#stopStep(false);
    const next = step.after.declined;
    if (next === undefined) this.#refuse({ status: step.declineStatus });
    else this.#runStep(next);
    return true;
  }

  /**
   * While nobody has answered: `leg`, which waits itself (its INVITE may be unanswered) and is in no call any more, gets the party
   * that waits here. False where it is too late, and the leg is the caller's to end.
   */
  pickUp(leg: Leg): boolean {
    if (!this.isRinging) return false;
    this.#answeredBy(leg);
    return true;
  }

  /**
   * In conversation: `leg`, which is in no call any more and is up or waits for its answer, takes the place of `old`, who gets BYE with
   * `reason`. Resolves to false, with all as it was, where that cannot be: nothing was agreed on with `leg`, which the caller then
   * has to end.
   */
  async replaceLeg(
    old: Leg,
    leg: Leg,
    about: { readonly how: JoinedHow; readonly by?: CallParty; readonly from?: string; readonly reason?: string },
  ): Promise<boolean> {
    const kept = this.peerOf(old);
    const bridge = this.#bridge;
    if (kept === undefined || bridge === undefined) return false;
    const { reason, ...told } = about;
    // Whatever is wrong with the newcomer is no reason to end a conversation.
    const refused = await leg.prepare(kept).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'nobody came in the place of another');
      return 'failed' as const;
    });
    if (refused !== undefined) return false;
    if (this.#bridge !== bridge || this.peerOf(old) !== kept || leg.isEnded) return false;
    // From here on he may hang up at any moment, and nobody shall lose his call by that.
    this.#disown(old);
    this.#own(leg);
    if (old === this.#waiting) this.#waiting = leg;
    else this.#other = leg;
    this.#report.joined(leg, old, told);
    const isHeld = bridge.isHeldFor(kept);
    try {
      const parted = bridge.part([kept]);
      old.close(reason);
      await parted;
      if (this.#state.phase !== 'established') return true;
      const next = this.#newBridge();
      await next.join();
      if (this.#state.phase !== 'established') return true;
      if (leg.accept(kept.party)) {
        next.start();
        next.hold(kept, isHeld);
        kept.accept(leg.party);
      } else this.#legEnded(leg, { cause: 'normal' });
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /**
   * Takes legs out, which go on elsewhere: each is in the state that it was, hears nothing, and has no owner until it is given one,
   * which has to be at once. Everybody else of the call is ended with `reason`, and the call with `cause`.
   */
  async take(legs: readonly Leg[], cause: CallCause = 'transferred', reason?: string): Promise<void> {
    const bridge = this.#bridge;
    for (const leg of legs) this.#disown(leg);
    this.#end ??= { cause, by: 'box' };
    const parted = bridge?.part(legs);
    this.#take({ kind: 'dissolved' }, reason);
    await parted?.catch(() => undefined);
    for (const leg of legs) leg.media.stop();
  }

  /** Ends the call, as if `by` had hung up. */
  hangUp(by?: Leg, reason?: string): void {
    if (by === undefined || !this.#legs.has(by)) this.#take({ kind: 'failed', status: 480 }, reason);
    else {
      by.close();
      this.#legEnded(by, { cause: 'normal', ...(reason === undefined ? {} : { reason }) });
    }
  }

  /** Whether one of its two sides is reached from one of these addresses of ours. */
  goesOver(addresses: readonly string[]): boolean {
    return [this.#waiting, this.#other].some((leg) => leg !== undefined && addresses.includes(leg.localAddress));
  }

  /** Ends the call, whatever its phase; both sides are told. Idempotent. */
  shutDown(): void {
    this.#end ??= { cause: 'shut-down', by: 'box' };
    this.#take({ kind: 'shut-down' });
  }

  #take(input: CallInput, reason?: string): void {
    const { state, effects } = nextCallState(this.#state, input);
    // A call that ends before it rang anybody is told by what refused it, within the limit of its source.
    const silent = this.#state.phase === 'starting' && state.phase === 'ended';
    const isNews = state.phase === 'ringing' || state.phase === 'ended';
    // That it is answered is told with what was agreed on.
    if (isNews && state.phase !== this.#state.phase && !silent) this.#logger.info({ state: state.phase }, 'call');
    this.#state = state;
    this.#reason = reason;
    for (const effect of effects) this.#carryOut(effect, reason);
  }

  #carryOut(effect: CallEffect, reason: string | undefined): void {
    switch (effect.kind) {
      case 'ring-waiting':
        this.#waiting.ring(this.#shown);
        break;
      case 'stop-step':
        this.#stopStep(effect.elsewhere);
        break;
      case 'connect':
        this.#joining = this.#connect();
        this.#run(this.#joining);
        break;
      case 'reject-waiting': {
        this.#end ??= { cause: causeOf(effect.status), by: 'box', status: effect.status };
        const said = reason === undefined ? {} : { reason };
        const refused: RefusedParty = { ...this.#refused, ...said, status: effect.status };
        void this.#waiting.reject(refused).then(() => this.#take({ kind: 'over' }));
        break;
      }
      case 'end-waiting':
        this.#waiting.close(reason);
        break;
      case 'end-other':
        this.#other?.close(reason);
        break;
      case 'clean-up':
        this.#cleanUp(reason);
        break;
    }
  }

  #runStep(step: Step | StepRun): void {
    const token: { running: RunningStep | undefined } = { running: undefined };
    this.#step = token;
    this.#planned = step;
    const context = this.#contextOf(token);
    if (typeof step !== 'function' && step.kind === 'refuse') {
      this.#logger.info({ reason: step.reason, why: step.why }, 'call refused');
      // Whose forwards go round can be mended by people here, and is no business of others.
      const isRound = step.status === 482 && this.#options.caller.kind !== 'line';
      context.goOn(undefined, { status: step.status, ...(isRound ? { warning: step.why } : {}) });
      return;
    }
    const run = typeof step === 'function' ? step : this.#options.runners.runnerOf(step);
    if (run === undefined) {
      const what = typeof step === 'object' && ('feature' in step ? step.feature : step.kind);
      this.#logger.warn({ step: what }, 'nothing in this version does that');
      context.goOn(undefined, { status: 501 });
      return;
    }
    try {
      token.running = run(context);
    } catch (error) {
      // Often begun by a timer, where nobody above would catch it.
      this.#fail(error);
    }
  }

  #stopStep(elsewhere: boolean): void {
    const step = this.#step;
    this.#step = undefined;
    this.#waiting.whenPressed = undefined;
    const reason = elsewhere ? undefined : this.#reason;
    const how = { elsewhere, ...(reason === undefined ? {} : { reason }) };
    step?.running?.stop(how);
    this.#beside?.stop(how);
  }

  #contextOf(token: object, isCurrent = (): boolean => this.#step === token): StepContext {
    const { caller, shown, dialled, maxForwards } = this.#options;
    const finish = (): boolean => {
      if (!isCurrent()) return false;
      this.#step = undefined;
      this.#waiting.whenPressed = undefined;
      return true;
    };
    return {
      call: this.id,
      waiting: this.#waiting,
      caller,
      shown,
      dialled,
      maxForwards,
      calls: (leg) => {
        this.#legs.add(leg);
        this.#report.ringing(leg);
      },
      released: (leg, why) => {
        // The end of the call is that of each leg.
        if (this.#state.phase === 'ended') return;
        this.#legs.delete(leg);
        const end = leg.endedWith?.cause ?? 'normal';
        this.#report.released(leg, why === undefined ? end : typeof why === 'number' ? causeOf(why) : why);
      },
      ringing: (shown = []) => {
        if (!isCurrent()) return;
        // With what came by now others can pick it up.
        for (const leg of this.#legs) this.#report.dialog(leg);
        this.#shown = shown;
        this.#take({ kind: 'ringing' });
      },
      earlyMedia: (leg, sdp) => {
        if (!isCurrent()) return;
        const opened = openEarlyMedia(this.#waiting, leg, sdp, isCurrent);
        this.#run(opened.then((isHeard) => isHeard === false && this.#take({ kind: 'ringing' })));
      },
      answered: (leg) => {
        if (finish()) this.#answeredBy(leg);
        else leg.close();
      },
      answer: (service) => (isCurrent() ? this.#answerByBox(service, isCurrent) : Promise.resolve(false)),
      goOn: (next, otherwise) => {
        if (!finish()) return;
        const goOn = (): void => (next === undefined ? this.#refuse(otherwise) : this.#runStep(next));
        if (this.#beside === undefined) goOn();
        else this.#beside.defer(goOn);
      },
      hangUp: (reason) => {
        if (!finish()) return;
        this.#end ??= { cause: 'normal', by: 'box' };
        if (this.#waiting.isUp) this.#waiting.close(reason);
        if (this.#waiting.isEnded) this.#take({ kind: 'waiting-ended' }, reason);
        else this.#refuse({ status: 480, ...(reason === undefined ? {} : { reason }) });
      },
      fail: (error) => {
        if (isCurrent()) this.#fail(error);
      },
      run: (work) => this.#run(work),
    };
  }

  #refuse(refused: RefusedParty): void {
    const { status, reason } = refused;
    this.#refused = refused;
    this.#end ??= { cause: causeOf(status), by: 'box', status };
    this.#take({ kind: 'refused', status, isUp: this.#waiting.isUp }, reason);
  }

  #answeredBy(leg: Leg): void {
    this.#other = leg;
    this.#own(leg);
    this.#report.answered(leg);
    this.#take({ kind: 'answered' });
  }

  async #answerByBox(service: CallService, isCurrent: () => boolean): Promise<boolean> {
    const waiting = this.#waiting;
    const refusal = await waiting.prepare();
    // Somebody may have picked it up.
    if (!isCurrent()) return false;
    if (refusal !== undefined) {
      this.#refuse({ status: refusal.status, refusal });
      return false;
    }
    if (!waiting.accept()) return false;
    this.#report.answered(service);
    return true;
  }

  /** Joins the media of who answered with those of who waits, then answers that one. */
  async #connect(): Promise<void> {
    const waiting = this.#waiting;
    const other = this.#other;
    if (other === undefined) return;
    const unusable = await other.prepare(waiting, true);
    if (unusable !== undefined) {
      this.#logger.warn({ why: unusable.why }, 'the answer of the device is unusable');
      this.#take({ kind: 'failed', status: 488 });
      return;
    }
    const refusal = await waiting.prepare(other, true);
    if (refusal !== undefined) {
      this.#refused = { refusal };
      this.#take({ kind: 'failed', status: refusal.status });
      return;
    }
    const bridge = this.#newBridge();
    await bridge.join();
    if (this.#state.phase !== 'answering') return;
    if (!waiting.accept(other.party)) {
      this.#take({ kind: 'waiting-ended' });
      return;
    }
    other.accept(waiting.party);
    this.#take({ kind: 'connected' }, other.endedWith?.reason);
    if (this.phase !== 'established') return;
    bridge.start();
    const [callerSrtp, calleeSrtp] = [waiting.media.suite, other.media.suite];
    this.#logger.info(
      { callerCodec: waiting.media.codec, calleeCodec: other.media.codec, callerSrtp, calleeSrtp },
      'connected',
    );
  }

  #newBridge(): Bridge {
    const { clock, mayBeDirect } = this.#options;
    this.#bridge = new Bridge(this.#waiting, this.#other as Leg, { clock, mayBeDirect, logger: this.#logger });
    return this.#bridge;
  }

  #legEnded(leg: Leg, { cause, reason }: LegEnd): void {
    const isWaiting = leg === this.#waiting;
    if (this.#state.phase === 'established') {
      this.#end ??= { cause, by: isWaiting ? 'caller' : 'connected' };
    } else if (isWaiting) {
      this.#end ??= { cause: leg.wasUp ? cause : 'cancelled', by: 'caller' };
    }
    if (isWaiting) this.#take({ kind: 'waiting-ended' }, reason);
    else if (leg === this.#other) this.#take({ kind: 'other-ended' }, reason);
  }

  #own(leg: Leg): void {
    this.#legs.add(leg);
    leg.owner = this.#owner;
  }

  #disown(leg: Leg): void {
    this.#legs.delete(leg);
    if (leg.owner === this.#owner) leg.owner = {};
  }

  #cleanUp(reason: string | undefined): void {
    if (this.#cleanedUp) return;
    this.#cleanedUp = true;
    this.#bridge?.close();
    const told = [this.#waiting, ...(this.#other === undefined ? [] : [this.#other])];
    this.#report.ended(this.#end ?? { cause: 'normal', by: 'box' }, told);
    // Whoever goes on in another call is measured there.
    const closed = told.filter((leg) => this.#legs.has(leg));
    for (const leg of [...this.#legs]) leg.close(reason);
    this.#legs.clear();
    this.#run(this.#report.measured(closed));
    this.#options.onEnded();
  }

  /** Whatever goes wrong on the way ends this call and no other. */
  #run(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    // Its media were closed under the work: whoever hung up meanwhile did nothing wrong.
    if (this.#state.phase === 'ended') return;
    this.#logger.error({ err: error }, 'call failed');
    this.#end ??= { cause: 'failed', by: 'box' };
    this.#take({ kind: 'failed', status: statusOf(error) });
  }
}
