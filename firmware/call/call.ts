import type { Clock } from '../core/clock.ts';
import { RingdownError } from '../core/errors.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import type { LegIndex, MediaClient } from '../media/client.ts';
import type { Binding } from '../registrar/binding.ts';
import type { ReachableDevice } from '../registrar/reachable-devices.ts';
import type { Flow, HeaderField, IncomingInvite, OutgoingInvite, ReinviteAnswer, SipStack } from '../sip/stack.ts';
import { formatNameAddr, formatWarning, reasonOf, wantsPrivacy } from '../sip/stack.ts';
import {
  type CallEffect,
  type CallInput,
  type CallState,
  type Fork,
  nextCallState,
  type Warning,
} from './call-state.ts';
import { type ConnectedSide, DirectMedia } from './leg/direct-media.ts';
import { CALLEE_LEG, CALLER_LEG, JoinedMedia } from './leg/joined-media.ts';
import type { MediaSettings } from './leg/media-settings.ts';
import { MediaSide } from './leg/media-side.ts';
import { pausesBeside, type ReceivedOffer, type Refusal, readOffer } from './leg/negotiation.ts';

/** An extension as the other side shall see it. */
export interface Identity {
  readonly number: string;
  readonly name: string;
}

export interface CallOptions {
  readonly invite: IncomingInvite;
  readonly caller: Identity;
  readonly callee: Identity;
  /** The devices to ring, all at once. */
  readonly devices: readonly ReachableDevice[];
  readonly stack: SipStack;
  /** What each of the two may do. */
  readonly mediaSettings: { readonly caller: MediaSettings; readonly callee: MediaSettings };
  /** Whether media may go past the box between these two, as configured now. */
  readonly mayBeDirect: (flows: readonly [Flow, Flow]) => boolean;
  /** Resolves once the worker has started. */
  readonly media: () => Promise<MediaClient>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
  /** Called once, when nothing of the call is left. */
  readonly onEnded: () => void;
}

/** Our side towards one device: its ports, its dialog once it has one. */
interface CalleeLeg {
  /** The flow by which it is called. */
  device: Binding;
  /** Those that are left where that one leads nowhere. */
  readonly others: Binding[];
  readonly media: JoinedMedia;
  outgoing: OutgoingInvite | undefined;
  /** What the device said of it when it hung up, for a caller who does not have the answer yet (RFC 3326). */
  reason: string | undefined;
}

/** RFC 3326: the other devices must not show a missed call. */
const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"';

const MEDIA_LOST = 'SIP;cause=503;text="Media lost"';

/** RFC 5626 §11.5: Flow Failed; and what stands for no answer and no way. */
const FLOW_FAILURES: ReadonlySet<number> = new Set([408, 430, 503]);

let nextSessionId = 1;

/**
 * One call between two extensions: a back-to-back user agent with the media anchored in the box. What happens when is
 * decided by call-state.ts; this class carries it out.
 */
export class Call {
  readonly startedAtMs: number;
  readonly #options: CallOptions;
  readonly #logger: Logger;
  #state: CallState = { phase: 'starting' };
  #legs: readonly CalleeLeg[] = [];
  #offer: ReceivedOffer | undefined;
  readonly #direct: DirectMedia;
  /** Of the device that answered first. */
  #answerSdp: string | undefined;
  /** Of the device that sends media already. */
  #earlySdp: string | undefined;
  #cleanedUp = false;
  #releaseMedia: (() => void) | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
    this.startedAtMs = options.clock.now();
    this.#logger = options.logger.child({
      call: options.invite.dialog.callId,
      from: options.caller.number,
      to: options.callee.number,
    });
    this.#direct = new DirectMedia({
      clock: options.clock,
      sides: () => this.#connectedSides(),
      isAllowed: () => {
        const sides = this.#connectedSides();
        return sides !== undefined && options.mayBeDirect([sides[0].flow, sides[1].flow]);
      },
      relay: async (leg, agreement) => this.#answered()?.media.relay(leg, agreement),
      onChanged: (isDirect) => this.#logger.info({ isDirect }, 'media'),
    });
  }

  /** For the status: the phase, and the codecs once both sides have one. */
  get summary(): { from: string; to: string; state: string; codecs: string } {
    const { caller, callee } = this.#options;
    const codecs = this.#answered()?.media.codecs ?? [];
    return { from: caller.number, to: callee.number, state: this.#state.phase, codecs: codecs.join('-') };
  }

  /** Media go between the phones: nothing of them passes the box. */
  get isDirect(): boolean {
    return this.#direct.isDirect;
  }

  /** Has media go through the box until the returned function is called: for music, a recording, a tone. */
  needMedia(): () => void {
    return this.#direct.need();
  }

  /** Sets the call going. Errors end it with the status that fits; none comes out of here. */
  start(): void {
    const { invite } = this.#options;
    invite.handlers = {
      onCancel: (reason) => this.#take({ kind: 'caller-ended' }, reason),
      onBye: (request) => this.#take({ kind: 'caller-ended' }, reasonOf(request)),
      onEnded: () => this.#take({ kind: 'caller-ended' }),
      onReinvite: (offer) => this.#renegotiate(CALLER_LEG, offer),
      onRefreshed: (sdp) => this.#follow(CALLER_LEG, sdp),
      onAck: (sdp) => this.#acknowledged(CALLER_LEG, sdp),
      onInfo: (request) => this.#answered()?.media.digits.receiveInfo(CALLER_LEG, request) === true,
    };
    this.#run(this.#ringAll());
  }

  /** Whether one of its two sides is reached from one of these addresses of ours. */
  goesOver(addresses: readonly string[]): boolean {
    const sides = [this.#options.invite.flow, this.#answered()?.device.flow];
    return sides.some((flow) => flow !== undefined && addresses.includes(flow.localAddress));
  }

  /** Ends the call, whatever its phase; both sides are told. Idempotent. */
  shutDown(): void {
    this.#take({ kind: 'shut-down' });
  }

  /** `reason`: what the side that ends the call says of it, for the other one (RFC 3326). */
  #take(input: CallInput, reason?: string): void {
    const { state, effects } = nextCallState(this.#state, input);
    // A call that ends before it rang anybody is told by what refused it, within the limit of its source.
    const silent = this.#state.phase === 'starting' && state.phase === 'ended';
    if (state.phase !== this.#state.phase && !silent) this.#logger.info({ state: state.phase }, 'call');
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect, reason);
  }

  #carryOut(effect: CallEffect, reason: string | undefined): void {
    const { invite } = this.#options;
    switch (effect.kind) {
      case 'ring-caller':
        invite.provisional(180);
        break;
      case 'open-early-media':
        this.#run(this.#openEarlyMedia(effect.fork));
        break;
      case 'reject-caller':
        invite.reject(effect.status, { headers: this.#warningHeaders(invite.flow, effect.warning) });
        break;
      case 'end-caller':
        this.#run(invite.bye(reason));
        break;
      case 'end-fork': {
        const outgoing = this.#legs[effect.fork]?.outgoing;
        if (outgoing?.established === true) this.#run(outgoing.bye(reason));
        else outgoing?.cancel(effect.elsewhere ? ANSWERED_ELSEWHERE : reason);
        if (effect.elsewhere) this.#closeSession(this.#legs[effect.fork]);
        break;
      }
      case 'connect':
        this.#run(this.#connect(effect.fork));
        break;
      case 'clean-up':
        this.#cleanUp();
        break;
    }
  }

  async #ringAll(): Promise<void> {
    const { invite, devices, media } = this.#options;
    if (invite.offer !== undefined) {
      const offer = readOffer(invite.offer, invite.flow.localAddress, this.#options.mediaSettings.caller);
      if ('status' in offer) {
        this.#warn(invite.flow, offer.why, 'offer refused');
        this.#take({ kind: 'failed', ...failure(offer) });
        return;
      }
      this.#offer = offer;
    }
    const client = await media();
    const legs: CalleeLeg[] = [];
    for (const { ways } of devices) {
      const [device, ...rest] = ways;
      // The media ports of the leg are on one address of ours.
      const others = rest.filter(({ flow }) => flow.localAddress === device.flow.localAddress);
      const session = await client.openSession([invite.flow.localAddress, device.flow.localAddress]);
      const caller = this.#side('caller', invite.flow, session.ports[CALLER_LEG]);
      const callee = this.#side('callee', device.flow, session.ports[CALLEE_LEG]);
      const joined = new JoinedMedia(session, caller, callee, () => {
        // The worker presses keys: not past the box.
        this.#releaseMedia ??= this.needMedia();
      });
      joined.digits.meet(CALLER_LEG, invite.message.headers, infoIn(invite));
      joined.onLost((reason) => this.#mediaLost(joined, reason));
      legs.push({ device, others, media: joined, outgoing: undefined, reason: undefined });
      this.#legs = legs;
      if (this.#state.phase === 'ended') {
        // The caller gave up while the port was being opened.
        this.#closeSession(legs.at(-1));
        return;
      }
    }
    this.#take({ kind: 'forked', forks: legs.map((_, fork) => fork) });
    for (const [fork, leg] of legs.entries()) leg.outgoing = this.#ring(leg, fork);
  }

  #side(who: 'caller' | 'callee', { localAddress }: Flow, port: number): MediaSide {
    const address = this.#options.stack.advertisedAddress(localAddress);
    const settings = this.#options.mediaSettings[who];
    return new MediaSide({ sessionId: nextSessionId++, address, localAddress, port, settings });
  }

  #ring(leg: CalleeLeg, fork: Fork): OutgoingInvite {
    const { invite, caller, callee, stack } = this.#options;
    const { device, media } = leg;
    const offered = this.#offer?.audio;
    const host = bracketed(stack.advertisedAddress(device.flow.localAddress));
    const from = { displayName: caller.name, uri: `sip:${caller.number}@${host}` };
    const isPrivate = wantsPrivacy(invite.message.headers.get('Privacy'));
    const outgoing: OutgoingInvite = stack.invite({
      flow: device.flow,
      requestUri: device.contact,
      from,
      to: { displayName: callee.name, uri: `sip:${callee.number}@${host}` },
      maxForwards: invite.message.maxForwards - 1,
      headers: [
        // RFC 3325 §7: a phone shows the name from here, not from From; and no name where the caller wants none shown.
        ...(isPrivate ? [] : [assertedIdentity(from)]),
        ...(device.path ?? []).map((value): HeaderField => ['Route', value]),
      ],
      ...(isPrivate ? { privacy: ['id'] } : {}),
      offer: media.side(CALLEE_LEG).offer(offered?.codecs.map(({ codec }) => codec) ?? [], true, pausesBeside(offered)),
      handlers: {
        onProvisional: (status, sdp) => this.#progress(fork, status, sdp),
        onAnswered: (sdp, response) => {
          media.digits.meet(CALLEE_LEG, response.headers, infoIn(outgoing));
          this.#answeredBy(fork, sdp);
        },
        onInfo: (request) => this.#answered() === leg && media.digits.receiveInfo(CALLEE_LEG, request),
        onRejected: (status) => {
          if (!this.#ringOtherwise(leg, fork, status)) this.#take({ kind: 'rejected', fork, status });
        },
        onBye: (request) => {
          leg.reason = reasonOf(request);
          this.#take({ kind: 'callee-ended', fork }, leg.reason);
        },
        onEnded: () => {
          if (leg.outgoing !== undefined && leg.outgoing !== outgoing) return;
          this.#take({ kind: 'callee-ended', fork });
          // The call may go on with another device for hours, and its ports with it. Those of a device that has answered
          // stay until the caller, who may be about to be given them, is told of the end.
          if (this.#answered() !== leg) this.#closeSession(leg);
        },
        onReinvite: (offer) => this.#renegotiate(CALLEE_LEG, offer),
        onAck: (sdp) => this.#acknowledged(CALLEE_LEG, sdp),
        onRefreshed: (sdp) => this.#follow(CALLEE_LEG, sdp),
      },
    });
    return outgoing;
  }

  /** RFC 5626 §5.3: a flow that leads nowhere is no answer of the device, which has others. True where one is tried. */
  #ringOtherwise(leg: CalleeLeg, fork: Fork, status: number): boolean {
    const isRinging = this.#state.phase === 'starting' || this.#state.phase === 'ringing';
    if (!FLOW_FAILURES.has(status) || !isRinging) return false;
    const next = leg.others.find(({ flow }) => this.#options.stack.isOpen(flow));
    if (next === undefined) return false;
    leg.others.splice(0, leg.others.indexOf(next) + 1);
    leg.device = next;
    leg.outgoing = this.#ring(leg, fork);
    return true;
  }

  #progress(fork: Fork, status: number, sdp: string | undefined): void {
    if (sdp !== undefined && this.#state.phase === 'ringing') {
      this.#earlySdp = sdp;
      this.#take({ kind: 'early-media', fork });
    } else if (status >= 180) {
      this.#take({ kind: 'ringing' });
    }
  }

  /** The device speaks before it answers: an announcement, or a tone of its own. */
  async #openEarlyMedia(fork: Fork): Promise<void> {
    const { invite } = this.#options;
    const media = this.#legs[fork]?.media;
    if (media === undefined || this.#earlySdp === undefined) return;
    const refusal = this.#offer === undefined ? 'no offer' : await media.takeAnswer(CALLEE_LEG, this.#earlySdp);
    const answer =
      refusal === undefined && this.#offer !== undefined ? await media.answerCaller(this.#offer) : undefined;
    if (this.#state.phase !== 'ringing') return;
    if (answer === undefined || 'status' in answer) this.#take({ kind: 'ringing' });
    else invite.provisional(183, { sdp: answer.sdp, reliable: true });
  }

  #answeredBy(fork: Fork, sdp: string): void {
    if (this.#state.phase === 'ringing') this.#answerSdp = sdp;
    this.#take({ kind: 'answered', fork });
  }

  /** Joins the media of the device that answered with the caller's, then answers the caller. */
  async #connect(fork: Fork): Promise<void> {
    const { invite, stack, callee } = this.#options;
    const leg = this.#legs[fork];
    if (leg === undefined || this.#answerSdp === undefined) return;
    const refusal = await leg.media.takeAnswer(CALLEE_LEG, this.#answerSdp);
    if (refusal !== undefined) {
      this.#warn(leg.device.flow, refusal.why, 'the answer of the device is unusable');
      this.#take({ kind: 'failed', ...failure({ ...refusal, status: 488 }) });
      return;
    }
    // RFC 3264 §5, RFC 3261 §13.3.1.4: where the INVITE had no offer, ours goes in the 200 and the answer comes in ACK.
    const answer =
      this.#offer === undefined
        ? { sdp: leg.media.offerInResponse(CALLER_LEG) }
        : await leg.media.answerCaller(this.#offer);
    if ('status' in answer) return this.#take({ kind: 'failed', ...failure(answer) });
    if (this.#state.phase !== 'answering') return;
    const uri = `sip:${callee.number}@${bracketed(stack.advertisedAddress(invite.flow.localAddress))}`;
    const identity = assertedIdentity({ displayName: callee.name, uri });
    if (invite.accept({ sdp: answer.sdp, headers: [identity] })) {
      this.#take({ kind: 'connected' }, leg.reason);
      const { codecs, suites } = leg.media;
      const [callerSrtp, calleeSrtp] = suites;
      this.#logger.info({ callerCodec: codecs[0], calleeCodec: codecs.at(-1), callerSrtp, calleeSrtp }, 'connected');
    } else {
      this.#take({ kind: 'caller-ended' });
    }
  }

  /** The ACK to a 2xx of ours, with the answer where the offer was ours. */
  #acknowledged(leg: LegIndex, sdp: string | undefined): void {
    const media = this.#answered()?.media;
    if (media === undefined) return;
    if (!media.awaitsAnswer(leg)) {
      this.#direct.consider();
      return;
    }
    const taken = sdp === undefined ? Promise.resolve(NO_ANSWER) : media.takeAnswer(leg, sdp);
    this.#run(
      taken.then((refusal) => {
        if (refusal === undefined) this.#direct.consider();
        // Without an agreed codec nobody hears anything: better the call ends than that both listen to silence.
        else if (media.side(leg).agreement === undefined) this.#take({ kind: 'failed', status: 488 });
      }),
    );
  }

  /**
   * A re-INVITE (hold, retrieve, another address or codec): the box answers by itself, since the other side's media do
   * not change by it, unless they go past the box.
   */
  async #renegotiate(leg: LegIndex, sdp: string | undefined): Promise<ReinviteAnswer> {
    const answered = this.#answered();
    // While the answer is still on its way to the media worker, what a hasty device asks for next would be undone by it.
    if (this.#state.phase !== 'established' || answered === undefined) return { status: 491 };
    const { media } = answered;
    const { flow } = leg === CALLER_LEG ? this.#options.invite : answered.device;
    if (sdp === undefined) {
      this.#direct.peerChanged(leg);
      return { sdp: media.offerInResponse(leg) };
    }
    const side = media.side(leg);
    const offer = side.readOffer(sdp);
    if ('status' in offer) return this.#refuse(flow, offer);
    const other = media.side(leg === CALLER_LEG ? CALLEE_LEG : CALLER_LEG).agreement;
    if (this.#direct.isDirect && other !== undefined && side.isAsAgreed(offer)) {
      return { sdp: side.answerDirect(offer, other) };
    }
    const answer = await media.answer(leg, offer);
    if ('status' in answer) return this.#refuse(flow, answer);
    this.#direct.peerChanged(leg);
    this.#direct.consider();
    return answer;
  }

  #refuse(flow: Flow, refusal: Refusal): ReinviteAnswer {
    const { status, warning } = failure(refusal);
    return { status, headers: this.#warningHeaders(flow, warning) };
  }

  /** A refresh of the session by the box found the peer's media elsewhere. */
  #follow(leg: LegIndex, sdp: string): void {
    if (this.#direct.isDirect) void this.#direct.returnToBox();
    else this.#run(this.#renegotiate(leg, sdp).then(() => undefined));
  }

  #connectedSides(): readonly [ConnectedSide, ConnectedSide] | undefined {
    const { invite } = this.#options;
    const leg = this.#answered();
    const outgoing = leg?.outgoing;
    if (this.#state.phase !== 'established' || leg === undefined || outgoing === undefined) return undefined;
    const { media, device } = leg;
    return [
      { side: media.side(CALLER_LEG), flow: invite.flow, reinvite: (sdp) => invite.reinvite(sdp) },
      { side: media.side(CALLEE_LEG), flow: device.flow, reinvite: (sdp) => outgoing.reinvite(sdp) },
    ];
  }

  #answered(): CalleeLeg | undefined {
    const state = this.#state;
    return state.phase === 'answering' || state.phase === 'established' ? this.#legs[state.fork] : undefined;
  }

  /** What a peer sent is no good. */
  #warn(flow: Flow, why: string, message: string): void {
    const { sourceLog, caller, callee } = this.#options;
    sourceLog.warn(flow.remoteAddress, { from: caller.number, to: callee.number, why }, message);
  }

  #warningHeaders({ localAddress }: Flow, warning: Warning | undefined): readonly HeaderField[] {
    const agent = bracketed(this.#options.stack.advertisedAddress(localAddress));
    return warning === undefined ? [] : [['Warning', formatWarning({ ...warning, agent })]];
  }

  /** Nobody would hear anything, and who hears nothing waits: the call ends, unless its media go past the box. */
  #mediaLost(media: JoinedMedia, why: string): void {
    const answered = this.#answered();
    if (this.isDirect || (answered !== undefined && answered.media !== media)) return;
    this.#logger.error({ why }, 'the media of a call are lost');
    this.#take({ kind: 'failed', status: 503 }, MEDIA_LOST);
  }

  #closeSession(leg: CalleeLeg | undefined): void {
    if (leg !== undefined) this.#run(leg.media.close());
  }

  #cleanUp(): void {
    if (this.#cleanedUp) return;
    this.#cleanedUp = true;
    this.#direct.close();
    for (const leg of this.#legs) this.#closeSession(leg);
    this.#options.onEnded();
  }

  /** Whatever goes wrong on the way ends this call and no other. */
  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      // Its media were closed under the work: whoever hung up meanwhile did nothing wrong.
      if (this.#state.phase === 'ended') return;
      this.#logger.error({ err: error }, 'call failed');
      this.#take({ kind: 'failed', status: statusOf(error) });
    });
  }
}

/** RFC 3261 §13.2.2.4: the ACK to an offer must have the answer. */
const NO_ANSWER: Refusal = { status: 488, why: 'an ACK without the answer' };

/** Of a refusal, what goes to the peer. */
function failure({ status, why, warningCode }: Refusal): { readonly status: number; readonly warning?: Warning } {
  return { status, ...(warningCode === undefined ? {} : { warning: { code: warningCode, text: why } }) };
}

function statusOf(error: unknown): number {
  // No port, or a worker that does not answer: it may work in a moment, and no other device would fare better.
  return error instanceof RingdownError && error.code.startsWith('MEDIA_') ? 503 : 500;
}

function infoIn(session: IncomingInvite | OutgoingInvite) {
  return (body: string, contentType: string) => session.request('INFO', { body, contentType });
}

function assertedIdentity(party: { readonly displayName: string; readonly uri: string }): HeaderField {
  return ['P-Asserted-Identity', formatNameAddr(party)];
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
