import type { Timer } from '../../core/clock.ts';
import type { Flow, InviteOptions, InviteSession, OutgoingInvite, SipResponse } from '../../sip/stack.ts';
import type { ShownIdentity } from '../routing/plan.ts';
import { Leg, type LegOptions } from './leg.ts';
import { NOT_ACKNOWLEDGED } from './leg-end.ts';
import type { Speech } from './leg-media.ts';
import type { LegParty } from './leg-party.ts';
import type { Refusal } from './negotiation.ts';

/** How somebody is called: all of an INVITE but what the leg itself says. */
export type OutgoingWay = Omit<InviteOptions, 'offer' | 'handlers' | 'flow'> & { readonly flow: Flow };

export interface OutgoingLegOptions extends Omit<LegOptions, 'localAddress' | 'flow'> {
  /** The ways to the same device, the one to try first in front. */
  readonly ways: readonly [OutgoingWay, ...OutgoingWay[]];
  /** Refused with 408 when no response at all has come within it. */
  readonly answerWithinMs?: number;
  /** Of whom its INVITE speaks; left out where nobody else comes to it. */
  readonly shown?: ShownIdentity;
}

/** RFC 5626 §11.5: Flow Failed; and what stands for no answer and no way. */
const FLOW_FAILURES: ReadonlySet<number> = new Set([408, 430, 503]);

/** The leg of somebody whom the box calls. */
export class OutgoingLeg extends Leg {
  #way: OutgoingWay;
  /** Those that are left where that one leads nowhere. */
  readonly #otherWays: OutgoingWay[];
  readonly #answerWithinMs: number | undefined;
  readonly #shown: ShownIdentity | undefined;
  #patience: Timer | undefined;
  #invite: OutgoingInvite | undefined;
  #speech: Speech | undefined;
  #answer: string | undefined;
  #wasShown = false;
  #response: SipResponse | undefined;

  constructor(options: OutgoingLegOptions) {
    const [way, ...others] = options.ways;
    super({ ...options, localAddress: way.flow.localAddress, flow: way.flow });
    this.#way = way;
    // The media port of the leg is on one address of ours.
    this.#otherWays = others.filter(({ flow }) => flow.localAddress === way.flow.localAddress);
    this.#answerWithinMs = options.answerWithinMs;
    this.#shown = options.shown;
  }

  protected get session(): InviteSession | undefined {
    return this.#invite;
  }

  get flow(): Flow {
    return this.#way.flow;
  }

  /** The final response that refused the call, where there was one. */
  get response(): SipResponse | undefined {
    return this.#response;
  }

  /** Opens its port and sends the INVITE, offering first what `speech` says. Rejects as MediaSession does. */
  async call(speech: Speech | undefined): Promise<void> {
    this.#speech = speech;
    await this.media.open();
    if (this.isEnded) return;
    await this.#send();
  }

  /** What it sends before its answer can be heard by whom it is joined with. */
  override takeEarlyAnswer(sdp: string): Promise<Refusal | undefined> {
    return this.agree(() => this.media.takeAnswer(sdp));
  }

  override async prepare(_other?: Leg, isJoined = false): Promise<Refusal | undefined> {
    const answer = this.#answer;
    if (answer === undefined) return undefined;
    this.#answer = undefined;
    try {
      return await this.agree(() => this.media.takeAnswer(answer, isJoined));
    } finally {
      void this.media.applied().then(() => {
        this.awaitsTaking = false;
      });
    }
  }

  override accept(other?: LegParty): boolean {
    // Its INVITE said who calls, in the words of its line, which another one for the same person would only take back.
    if (!this.#wasShown && other !== undefined && isShown(other, this.#shown)) {
      this.connectedLine.note(this.shownAs(other));
    }
    this.#wasShown = true;
    return super.accept(other);
  }

  protected override hangUp(reason: string | undefined): void {
    this.#patience?.cancel();
    if (this.#invite?.established === true) super.hangUp(reason);
    else if (this.#invite !== undefined) this.#invite.cancel(reason);
    else this.ended({ cause: 'cancelled' });
  }

  async #send(): Promise<void> {
    const { stack } = this.services;
    const offer = await this.media.offer(this.#speech);
    // Given up meanwhile.
    if (this.isEnded) return;
    this.#watchForResponse();
    const handlers = this.sessionHandlers();
    let isReplaced = false;
    const invite: OutgoingInvite = stack.invite({
      ...this.#way,
      offer,
      handlers: {
        ...handlers,
        onTrying: () => this.#patience?.cancel(),
        onProvisional: (status, sdp, response) => {
          this.#patience?.cancel();
          this.device.meet(response.headers);
          if (sdp !== undefined) this.owner.onEarlyMedia?.(this, sdp);
          else if (status >= 180) this.owner.onRinging?.(this);
        },
        onAnswered: (sdp, response) => {
          this.#patience?.cancel();
          this.device.meet(response.headers);
          this.media.digits.meet(response.headers, (body, contentType) =>
            invite.request('INFO', { body, contentType }),
          );
          this.learnName(response.headers, true);
          this.#answer = sdp;
          this.awaitsTaking = true;
          this.answeredByPeer();
          this.media.watch(true);
          this.owner.onAnswered?.(this);
        },
        onRejected: (status, _reason, response) => {
          this.#patience?.cancel();
          // RFC 3261 §9.1: what has its final response is not cancelled any more.
          this.#invite = undefined;
          isReplaced = this.#tryOtherwise(status);
          if (isReplaced) return;
          this.#response = response;
          this.owner.onRejected?.(this, status);
        },
        onEnded: (cause) => {
          if (!isReplaced) handlers.onEnded?.(cause);
        },
      },
    });
    this.#invite = invite;
  }

  /** RFC 5626 §5.3: a flow that leads nowhere is no answer of the device, which has others. True where one is tried. */
  #tryOtherwise(status: number): boolean {
    if (!FLOW_FAILURES.has(status) || this.isEnded || this.isGivenUp) return false;
    const next = this.#otherWays.find(({ flow }) => this.services.stack.isOpen(flow));
    if (next === undefined) return false;
    this.#otherWays.splice(0, this.#otherWays.indexOf(next) + 1);
    this.#way = next;
    this.run(this.#send());
    return true;
  }

  #watchForResponse(): void {
    if (this.#answerWithinMs === undefined) return;
    this.#patience = this.services.clock.schedule(this.#answerWithinMs, () => {
      if (this.isEnded || this.isGivenUp) return;
      const { owner } = this;
      this.owner = {};
      this.#invite?.cancel();
      this.ended(NOT_ACKNOWLEDGED);
      owner.onRejected?.(this, 408);
    });
  }
}

/** Whether the INVITE that spoke of `shown` spoke of that party: of a user by his number, or by that of the extension where he is. */
function isShown({ number, user, isPrivate }: LegParty, shown: ShownIdentity | undefined): boolean {
  if (shown === undefined) return true;
  const said = shown.isWithheld ? '' : (shown.number ?? '');
  if (isPrivate === true || number === '') return said === '';
  return said === number || said === user;
}
