import type { Clock } from '../../core/clock.ts';
import type { Logger, SourceLog } from '../../core/logger.ts';
import { type MediaClient, MUSIC_ON_HOLD, type Sound, toneOf } from '../../media/client.ts';
import {
  type DialogInfo,
  type EndCause,
  type Flow,
  formatWarning,
  type HeaderField,
  type Headers,
  type IncomingRequest,
  type InviteSession,
  type LocalContact,
  type ReferOptions,
  type ReinviteAnswer,
  type RenegotiationResult,
  reasonOf,
  type SessionHandlers,
  type SipResponse,
  type SipStack,
} from '../../sip/stack.ts';
import { ConnectedLine, connectedLine } from './connected-line.ts';
import type { Conversation } from './conversation.ts';
import type { PressedDigit } from './info-digits.ts';
import { FELL_SILENT, type LegEnd, MEDIA_LOST, NOT_ACKNOWLEDGED, VANISHED } from './leg-end.ts';
import { LegMedia } from './leg-media.ts';
import type { LegOwner } from './leg-owner.ts';
import type { LegParty } from './leg-party.ts';
import type { MediaSettings } from './media-settings.ts';
import type { Agreement } from './media-side.ts';
import { MetDevice } from './met-device.ts';
import type { Refusal } from './negotiation.ts';
import { isStillThere } from './still-there.ts';
import type { RefusedParty, Waiting } from './waiting.ts';

/** What every leg of the box works with. */
export interface LegServices {
  readonly stack: SipStack;
  /** Resolves once the worker has started. */
  readonly media: () => Promise<MediaClient>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
  /** A party that should send and has not for so long is gone; 0: never. */
  readonly silenceSeconds: () => number;
  /** Whose tones a party hears, such as `en-GB`. */
  readonly locale: () => string;
}

export interface LegOptions {
  readonly services: LegServices;
  readonly party: LegParty;
  readonly settings: MediaSettings;
  /** The address of ours that the peer is reached from. */
  readonly localAddress: string;
  /** The way to the peer. */
  readonly flow: Flow;
  /** How a line tells its peer who somebody is; nothing where it does not. A device of ours is told by P-Asserted-Identity. */
  readonly identify?: (party: LegParty) => readonly HeaderField[];
  /** Who the peer is from now on, as its answer or a request of its says: for a line whose peer is believed. */
  readonly named?: (headers: Headers) => Pick<LegParty, 'number' | 'name' | 'isPrivate'> | undefined;
}

/** How long somebody who is up hears that it leads nowhere, before the box hangs up. */
const REFUSED_TONE_MS = 8000;

let lastLegId = 0;

/**
 * Our side of one dialog with its media: ONE session of the media worker, with one leg. It belongs to whoever is its `owner`, and
 * can be given to another. A leg that is up may wait for somebody as a caller does who has no answer yet (Waiting).
 */
export abstract class Leg implements Waiting {
  /** Unique while the process runs. */
  readonly id: number = ++lastLegId;
  readonly media: LegMedia;
  readonly localAddress: string;
  readonly device = new MetDevice();
  owner: LegOwner = {};
  party: LegParty;
  heldSinceMs = 0;
  /** Told of each key that the party presses, beside whom it talks to: for the step that it waits in. */
  whenPressed: ((digit: PressedDigit) => void) | undefined;
  /** Told when the party holds, or goes on, beside the owner. */
  whenHeld: (() => void) | undefined;
  /** Set by the bridge. */
  conversation: Conversation | undefined;
  protected readonly services: LegServices;
  readonly #identify: LegOptions['identify'];
  readonly #named: LegOptions['named'];
  #logger: Logger | undefined;
  protected readonly connectedLine = new ConnectedLine();
  /** The answer of the peer has not been taken yet: an offer of his has to come again. */
  protected awaitsTaking = false;
  /** What is being agreed on: what comes next waits for it. */
  #agreeing: Promise<unknown> | undefined;
  #isHolding = false;
  #awaitsAck = false;
  #wasUp = false;
  #ended: LegEnd | undefined;
  #closed = false;
  readonly #overListeners: (() => void)[] = [];

  /** Made when there is something to tell: most legs have nothing, and it costs as much as a message. */
  protected get logger(): Logger {
    this.#logger ??= this.services.logger.child({ leg: this.id, party: this.party.number });
    return this.#logger;
  }

  constructor({ services, party, settings, localAddress, identify, named }: LegOptions) {
    this.services = services;
    this.#identify = identify;
    this.#named = named;
    this.party = party;
    this.localAddress = localAddress;
    this.media = new LegMedia({
      client: services.media,
      address: services.stack.advertisedAddress(localAddress),
      localAddress,
      settings,
      silenceMs: () => this.silenceMs,
      logger: () => this.logger,
      onPressed: (digit, how) => this.type(digit, how),
      onSilent: (pauses) => void this.#fellSilent(pauses),
      onLost: (why) => {
        if (this.conversation?.isDirect === true) return;
        this.logger.error({ why }, 'the media of a call are lost');
        this.fail(MEDIA_LOST);
      },
    });
  }

  protected abstract get session(): InviteSession | undefined;
  /** The way to the peer. */
  abstract get flow(): Flow;

  /** Answered, by the peer or by us, and not over. */
  get isUp(): boolean {
    return this.#ended === undefined && this.session?.established === true;
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Its way is there: of a connection that is closed nothing may come any more. */
  get hasWay(): boolean {
    return this.services.stack.isOpen(this.flow);
  }

  get endedWith(): LegEnd | undefined {
    return this.#ended;
  }

  /** The party does not want to hear. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** It was answered, whatever became of it. */
  get wasUp(): boolean {
    return this.#wasUp || this.isUp;
  }

  /** Calls `listener` once it is over for good, beside the owner; at once where it is. */
  whenOver(listener: () => void): void {
    if (this.#ended === undefined) this.#overListeners.push(listener);
    else listener();
  }

  /** `close` was called. */
  protected get isGivenUp(): boolean {
    return this.#closed;
  }

  /** The 200 of ours has no ACK yet. */
  get awaitsAck(): boolean {
    return this.#awaitsAck;
  }

  get dialog(): DialogInfo | undefined {
    return this.session?.dialog;
  }

  /** Whether this is the leg of that session of the SIP stack, such as `IncomingInvite.replaces`. */
  isOf(session: object): boolean {
    return this.session === session;
  }

  /** Whether the dialog is this one (RFC 3891 §3: the tags as the box sees them). */
  isInDialog({ callId, localTag, remoteTag }: DialogInfo): boolean {
    const own = this.session?.dialog;
    return own?.callId === callId && own.localTag === localTag && own.remoteTag === remoteTag;
  }

  /** What our Contact says from the next message on that has one; undefined: as before. */
  set contact(contact: LocalContact | undefined) {
    if (this.session !== undefined) this.session.contact = contact;
  }

  /** Tells a peer that is up what our Contact says now, where it takes UPDATE (RFC 3311): whatever it says to that. */
  tellContact(): void {
    if (this.isUp) void this.session?.update().catch(() => undefined);
  }

  /** Ends it with BYE, CANCEL or a final response, whatever fits, and closes its media. Idempotent. */
  close(reason?: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.conversation = undefined;
    if (this.#ended === undefined) this.hangUp(reason);
    void this.media.close();
  }

  /** Offers another description. */
  reinvite(sdp: string): Promise<RenegotiationResult> {
    return this.session?.reinvite(sdp) ?? Promise.resolve({ status: 481, sdp: undefined });
  }

  /** Sends another request in the dialog, such as NOTIFY or MESSAGE; undefined where there is no dialog. */
  async request(
    method: string,
    content?: { readonly headers?: readonly HeaderField[]; readonly body?: string; readonly contentType?: string },
  ): Promise<SipResponse | undefined> {
    return this.session?.request(method, content);
  }

  async refer(options: ReferOptions): Promise<SipResponse | undefined> {
    return this.session?.refer(options);
  }

  /** Presses a key for the party. */
  press(digit: PressedDigit): void {
    this.media.digits.send(digit);
  }

  /** The party has pressed that key, or whoever directs its telephone. */
  type(digit: PressedDigit, how: 'media' | 'info' = 'info'): void {
    this.conversation?.pressed(this, digit, how);
    this.whenPressed?.(digit);
  }

  /** Its user does not want it to ring here. Without effect on one that is up. */
  turnAway(how: 'ignored' | 'declined'): void {
    if (!this.wasUp) this.owner.onUnwanted?.(this, how);
  }

  // ---- Waiting, for a party that is up; a caller without an answer does otherwise.

  ring(_headers?: readonly HeaderField[]): void {
    this.media.hear(this.tone('ringBack'));
  }

  hear(sound: Sound): void {
    this.media.hear(sound);
  }

  hearMusic(): void {
    this.media.hear({ kind: 'files', names: [MUSIC_ON_HOLD], repeated: true });
  }

  async progress(_from: Leg): Promise<boolean> {
    this.media.stop();
    return true;
  }

  async prepare(_other?: Leg, _isJoined = false): Promise<Refusal | undefined> {
    return undefined;
  }

  accept(other?: LegParty): boolean {
    const { isUp, session } = this;
    if (isUp && other !== undefined) {
      this.connectedLine.tell(
        this.shownAs(other),
        session === undefined ? undefined : (sdp, headers) => session.update(sdp, headers),
      );
    }
    return isUp;
  }

  /** RFC 3325 §5: who talks here, and at which extension, is no business of a carrier, unless its line says so. */
  protected shownAs(other: LegParty): readonly HeaderField[] {
    if (this.#identify !== undefined) return this.#identify(other);
    return this.party.line === undefined ? [connectedLine(other, this.host)] : [];
  }

  /** True where the peer said who it is, and is believed. `isAnswer`: who called it knows a number of it. */
  protected learnName(headers: Headers, isAnswer = false): boolean {
    const named = this.#named?.(headers);
    if (named === undefined || (isAnswer && named.isPrivate === true)) return false;
    this.party = { ...this.party, ...named };
    return true;
  }

  reject({ status, reason }: RefusedParty): Promise<void> {
    if (!this.isUp) {
      this.close(reason);
      return Promise.resolve();
    }
    const isBusy = status === 486 || status === 600;
    this.media.hear(this.tone(isBusy ? 'busy' : 'congestion'));
    return new Promise((resolve) => {
      const over = (): void => {
        timer.cancel();
        this.owner = {};
        this.close(reason ?? `SIP;cause=${status}`);
        resolve();
      };
      const timer = this.services.clock.schedule(REFUSED_TONE_MS, over);
      this.owner = { onEnded: over };
    });
  }

  protected tone(name: 'ringBack' | 'busy' | 'congestion'): Sound {
    return { kind: 'tone', tone: toneOf(this.services.locale(), name) };
  }

  /** How long a party that should be heard may say nothing, in milliseconds; 0: for ever. */
  get silenceMs(): number {
    return this.services.silenceSeconds() * 1000;
  }

  /** Nothing is heard of the party where something should be: it is taken for gone, and the leg ends. */
  vanish(): void {
    if (this.isEnded) return;
    this.logger.warn({}, 'nothing is heard of a party any more');
    this.fail(FELL_SILENT);
  }

  // ---- What comes from the session.

  /** Never rejects. */
  async #fellSilent(pauses: boolean): Promise<void> {
    const isElsewhere = (): boolean => this.conversation?.isDirect === true;
    if (isElsewhere()) return;
    // Of a telephone that pauses and is muted nothing may come for as long as its user listens.
    if (pauses && (await isStillThere(this))) return this.media.excuse();
    if (!isElsewhere()) this.vanish();
  }

  /** The handlers of an established session, the same in both directions. */
  protected sessionHandlers(): SessionHandlers {
    return {
      onBye: (request) => {
        const reason = reasonOf(request);
        this.ended({ cause: 'normal', ...(reason === undefined ? {} : { reason }) });
      },
      onEnded: (cause) => this.sessionEnded(cause),
      onReinvite: (offer) => this.#renegotiate(offer),
      onRefreshed: (sdp) => this.#follow(sdp),
      onChanged: ({ headers }) => {
        // Somebody else speaks there now (RFC 4916): who talks with him is told.
        if (this.learnName(headers)) this.conversation?.other(this).accept(this.party);
      },
      onAck: (sdp) => this.#acknowledged(sdp),
      onInfo: (request) => this.#receiveInfo(request),
    };
  }

  protected sessionEnded(cause: EndCause): void {
    const end: LegEnd =
      cause === 'vanished'
        ? VANISHED
        : cause === 'no-ack'
          ? NOT_ACKNOWLEDGED
          : { cause: cause === 'cancelled' ? 'cancelled' : cause === 'closed' ? 'shut-down' : 'normal' };
    this.ended(end);
  }

  protected ended(end: LegEnd): void {
    if (this.#ended !== undefined) return;
    this.#setEnded(end);
    if (!this.#closed) this.owner.onEnded?.(this, end);
  }

  /** Ends the leg for a reason of the box, and tells its owner as if the peer had hung up. */
  fail(end: LegEnd): void {
    if (this.#ended !== undefined || this.#closed) return;
    const { owner } = this;
    // What comes of it is told here.
    this.owner = {};
    this.hangUp(end.reason, end.status);
    this.#setEnded(end);
    owner.onEnded?.(this, end);
  }

  #setEnded(end: LegEnd): void {
    this.#ended = end;
    this.device.settle();
    for (const listener of this.#overListeners.splice(0)) listener();
  }

  /** Before the answer: what the peer sends can be heard by whom the leg is joined with. */
  async takeEarlyAnswer(_sdp: string): Promise<Refusal | undefined> {
    return { status: 488, why: 'no answer of this leg is awaited' };
  }

  /** The peer has answered. */
  protected answeredByPeer(): void {
    this.#wasUp = true;
  }

  /** Tells the peer that it is over. `status`: for one who has no answer yet. */
  protected hangUp(reason: string | undefined, _status?: number): void {
    void this.session?.bye(reason).catch(() => undefined);
  }

  protected acceptedByUs(): void {
    this.#wasUp = true;
    this.#awaitsAck = true;
  }

  /** Has the media worker do as agreed. What goes wrong ends the leg; never rejects. */
  relay(agreement: Agreement): Promise<void> {
    return this.#settle(this.media.relay(agreement));
  }

  /** Runs work on the media; what goes wrong with them ends the leg. */
  protected run(work: Promise<unknown>): void {
    void this.#settle(work);
  }

  async #settle(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.#closed || this.#ended !== undefined) return;
      this.logger.error({ err: error }, 'leg failed');
      this.fail(MEDIA_LOST);
    }
  }

  /** Agrees on media, after whatever is being agreed on. */
  protected async agree<Outcome>(work: () => Promise<Outcome>): Promise<Outcome> {
    const before = this.#agreeing;
    const own = before === undefined ? work() : before.then(work);
    const settled = own.catch(() => undefined);
    this.#agreeing = settled;
    try {
      return await own;
    } finally {
      if (this.#agreeing === settled) this.#agreeing = undefined;
      this.#noteHold();
    }
  }

  /**
   * A re-INVITE (hold, retrieve, another address or codec): the box answers by itself, since the other party's media do not change
   * by it, unless they go past the box.
   */
  async #renegotiate(sdp: string | undefined): Promise<ReinviteAnswer> {
    // While an answer is still on its way to the media worker, what a hasty device asks for next would be undone by it.
    if (!this.isUp || this.awaitsTaking) return { status: 491 };
    if (this.#agreeing !== undefined) await this.#agreeing;
    const { conversation } = this;
    const other = conversation?.other(this);
    if (sdp === undefined) {
      conversation?.brokeOut(this);
      return { sdp: await this.media.offerInResponse(other?.media.speech) };
    }
    const offer = this.media.readOffer(sdp);
    if ('status' in offer) return this.#refuse(offer);
    const others = other?.media.agreement;
    const side = this.media.side;
    if (conversation?.isDirect === true && others !== undefined && side?.isAsAgreed(offer) === true) {
      return { sdp: side.answerDirect(offer, others) };
    }
    try {
      const answer = await this.agree(() => this.media.answer(offer, other?.media.speech));
      if ('status' in answer) return this.#refuse(answer);
      conversation?.brokeOut(this);
      this.conversation?.changed(this);
      return answer;
    } catch (error) {
      if (this.#ended === undefined) this.logger.error({ err: error }, 'an offer could not be answered');
      return { status: 500 };
    }
  }

  #refuse(refusal: Refusal): ReinviteAnswer {
    this.warn(refusal.why, 'offer refused');
    return { status: refusal.status, headers: this.warningHeaders(refusal) };
  }

  /** A refresh of the session by the box found the peer's media elsewhere. */
  #follow(sdp: string): void {
    if (this.conversation?.isDirect === true) this.conversation.returnToBox();
    else this.run(this.#renegotiate(sdp));
  }

  /** The ACK to a 2xx of ours, with the answer where the offer was ours. */
  #acknowledged(sdp: string | undefined): void {
    this.#awaitsAck = false;
    this.run(
      this.agree(() => this.media.acknowledged(sdp)).then((outcome) => {
        if (outcome === undefined || outcome === 'not-awaited') {
          if (outcome === undefined) this.conversation?.changed(this);
          this.conversation?.consider();
          return;
        }
        this.warn(outcome.why, 'answer refused');
        // Without an agreed codec nobody hears anything: better the call ends than that both listen to silence.
        if (this.media.agreement === undefined) this.fail({ cause: 'failed', reason: 'SIP;cause=488' });
      }),
    );
  }

  #receiveInfo(request: IncomingRequest): boolean {
    return this.isUp && this.media.digits.receiveInfo(request);
  }

  #noteHold(): void {
    const isHolding = this.media.isHolding;
    if (isHolding === this.#isHolding) return;
    this.#isHolding = isHolding;
    this.heldSinceMs = this.services.clock.elapsed();
    if (this.#ended !== undefined) return;
    this.owner.onHeld?.(this, isHolding);
    this.whenHeld?.();
  }

  /** What the peer sent is no good. */
  protected warn(why: string, message: string): void {
    this.services.sourceLog.warn(this.flow.remoteAddress, { party: this.party.number, why }, message);
  }

  /** RFC 3261 §20.43: what is wrong with a description. */
  warningHeaders({ warningCode, why }: Pick<Refusal, 'warningCode' | 'why'>): readonly HeaderField[] {
    if (warningCode === undefined) return [];
    return [['Warning', formatWarning({ code: warningCode, text: why, agent: this.host })]];
  }

  /** How the box is written in URIs for this peer. */
  get host(): string {
    const address = this.services.stack.advertisedAddress(this.localAddress);
    return address.includes(':') ? `[${address}]` : address;
  }
}
