import type { Clock } from '../core/clock.ts';
import { RingdownError } from '../core/errors.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import type { MediaClient, MediaSession } from '../media/client.ts';
import type { Binding } from '../registrar/binding.ts';
import type { ReachableDevice } from '../registrar/reachable-devices.ts';
import type { AudioCodec } from '../sdp/codec.ts';
import type { Flow, HeaderField, IncomingInvite, OutgoingInvite, ReinviteAnswer, SipStack } from '../sip/stack.ts';
import { formatNameAddr, reasonOf, wantsPrivacy } from '../sip/stack.ts';
import { type CallEffect, type CallInput, type CallState, type Fork, nextCallState } from './call-state.ts';
import { LocalDescription, legParameters, type ReceivedOffer, readOffer } from './negotiation.ts';

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
  /** Those that are enabled, in order of preference. */
  readonly codecs: readonly AudioCodec[];
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
  readonly session: MediaSession;
  readonly local: LocalDescription;
  /** Codec in use, once it answered. */
  codec: AudioCodec | undefined;
  outgoing: OutgoingInvite | undefined;
  /** What the device said of it when it hung up, for a caller who does not have the answer yet (RFC 3326). */
  reason: string | undefined;
}

const CALLER_LEG = 0;
const CALLEE_LEG = 1;
/** RFC 3326: the other devices must not show a missed call. */
const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"';

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
  #callerLocal: LocalDescription | undefined;
  #callerCodec: AudioCodec | undefined;
  /** Of the device that answered first. */
  #answerSdp: string | undefined;
  #cleanedUp = false;

  constructor(options: CallOptions) {
    this.#options = options;
    this.startedAtMs = options.clock.now();
    this.#logger = options.logger.child({
      call: options.invite.dialog.callId,
      from: options.caller.number,
      to: options.callee.number,
    });
  }

  /** For the status: the phase, and the codecs once both sides have one. */
  get summary(): { from: string; to: string; state: string; codecs: string } {
    const { caller, callee } = this.#options;
    const codecs = [this.#callerCodec, this.#answered()?.codec].filter((codec) => codec !== undefined);
    return { from: caller.number, to: callee.number, state: this.#state.phase, codecs: [...new Set(codecs)].join('-') };
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
      onAck: (sdp) => this.#takeLateAnswer(sdp),
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
      case 'reject-caller':
        invite.reject(effect.status);
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
    const { invite, devices, media, stack, codecs } = this.#options;
    if (invite.offer !== undefined) {
      const offer = readOffer(invite.offer, invite.flow.localAddress, codecs);
      if ('status' in offer) {
        this.#warn(invite.flow, offer.why, 'offer refused');
        this.#take({ kind: 'failed', status: offer.status });
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
      const address = stack.advertisedAddress(device.flow.localAddress);
      const local = new LocalDescription(nextSessionId++, address, session.ports[CALLEE_LEG], codecs);
      legs.push({ device, others, session, local, codec: undefined, outgoing: undefined, reason: undefined });
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

  #ring(leg: CalleeLeg, fork: Fork): OutgoingInvite {
    const { invite, caller, callee, stack } = this.#options;
    const { device, local } = leg;
    const host = bracketed(stack.advertisedAddress(device.flow.localAddress));
    const from = { displayName: caller.name, uri: `sip:${caller.number}@${host}` };
    const telephoneEvent = this.#offer === undefined || this.#offer.audio.telephoneEventPayloadType !== undefined;
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
      offer: local.offer(this.#offer?.audio.codecs ?? [], telephoneEvent),
      handlers: {
        onProvisional: (status) => {
          if (status >= 180) this.#take({ kind: 'ringing' });
        },
        onAnswered: (sdp) => this.#answeredBy(fork, sdp),
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

  #answeredBy(fork: Fork, sdp: string): void {
    if (this.#state.phase === 'ringing') this.#answerSdp = sdp;
    this.#take({ kind: 'answered', fork });
  }

  /** Joins the media of the device that answered with the caller's, then answers the caller. */
  async #connect(fork: Fork): Promise<void> {
    const { invite, stack, callee, codecs } = this.#options;
    const leg = this.#legs[fork];
    if (leg === undefined || this.#answerSdp === undefined) return;
    const audio = leg.local.readAnswer(this.#answerSdp, leg.device.flow.localAddress);
    const calleeParameters = 'status' in audio ? undefined : legParameters(audio, []);
    if ('status' in audio || calleeParameters === undefined) {
      const why = 'status' in audio ? audio.why : 'no codec';
      this.#warn(leg.device.flow, why, 'the answer of the device is unusable');
      this.#take({ kind: 'failed', status: 488 });
      return;
    }
    const host = stack.advertisedAddress(invite.flow.localAddress);
    const local = new LocalDescription(nextSessionId++, host, leg.session.ports[CALLER_LEG], codecs);
    let sdp: string;
    if (this.#offer === undefined) {
      // RFC 3264 §5, RFC 3261 §13.3.1.4: the INVITE had no offer, so ours goes in the 200 and the answer comes in ACK.
      sdp = local.offer([{ codec: calleeParameters.codec, payloadType: 0 }], true);
    } else {
      const callerParameters = legParameters(this.#offer.audio, [calleeParameters.codec]);
      if (callerParameters === undefined) return this.#take({ kind: 'failed', status: 488 });
      await leg.session.configure(CALLER_LEG, callerParameters);
      this.#callerCodec = callerParameters.codec;
      sdp = local.answer(this.#offer, callerParameters);
    }
    await leg.session.configure(CALLEE_LEG, calleeParameters);
    leg.codec = calleeParameters.codec;
    this.#callerLocal = local;
    if (this.#state.phase !== 'answering') return;
    const identity = assertedIdentity({ displayName: callee.name, uri: `sip:${callee.number}@${bracketed(host)}` });
    if (invite.accept({ sdp, headers: [identity] })) {
      this.#take({ kind: 'connected' }, leg.reason);
      this.#logger.info({ callerCodec: this.#callerCodec, calleeCodec: leg.codec }, 'connected');
    } else {
      this.#take({ kind: 'caller-ended' });
    }
  }

  /** The answer in the ACK, when the offer was ours. */
  #takeLateAnswer(sdp: string | undefined): void {
    const leg = this.#answered();
    if (this.#callerCodec !== undefined || leg === undefined) return;
    const audio =
      sdp === undefined ? undefined : this.#callerLocal?.readAnswer(sdp, this.#options.invite.flow.localAddress);
    const parameters = audio === undefined || 'status' in audio ? undefined : legParameters(audio, []);
    if (parameters === undefined) {
      // Without an agreed codec nobody hears anything: better the call ends than that both listen to silence.
      this.#take({ kind: 'failed', status: 488 });
      return;
    }
    this.#callerCodec = parameters.codec;
    this.#run(leg.session.configure(CALLER_LEG, parameters));
  }

  /**
   * A re-INVITE (hold, retrieve, another address or codec): the box answers by itself, since the other side's media do
   * not change by it.
   */
  async #renegotiate(side: typeof CALLER_LEG | typeof CALLEE_LEG, sdp: string | undefined): Promise<ReinviteAnswer> {
    const leg = this.#answered();
    const local = side === CALLER_LEG ? this.#callerLocal : leg?.local;
    // While the answer is still on its way to the media worker, what a hasty device asks for next would be undone by it.
    if (this.#state.phase !== 'established' || leg === undefined || local === undefined) return { status: 491 };
    const { flow } = side === CALLER_LEG ? this.#options.invite : leg.device;
    const present = side === CALLER_LEG ? this.#callerCodec : leg.codec;
    // An offer of ours would need its answer from the ACK; no phone of the field asks for it in a session.
    if (sdp === undefined) return { status: 488 };
    const offer = readOffer(sdp, flow.localAddress, this.#options.codecs);
    if ('status' in offer) return { status: offer.status };
    const parameters = legParameters(offer.audio, present === undefined ? [] : [present]);
    if (parameters === undefined) return { status: 488 };
    await leg.session.configure(side, parameters);
    if (side === CALLER_LEG) this.#callerCodec = parameters.codec;
    else leg.codec = parameters.codec;
    return { sdp: local.answer(offer, parameters) };
  }

  /** A refresh of the session by the box found the peer's media elsewhere. */
  #follow(side: typeof CALLER_LEG | typeof CALLEE_LEG, sdp: string): void {
    this.#run(this.#renegotiate(side, sdp).then(() => undefined));
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

  #closeSession(leg: CalleeLeg | undefined): void {
    if (leg !== undefined) this.#run(leg.session.close());
  }

  #cleanUp(): void {
    if (this.#cleanedUp) return;
    this.#cleanedUp = true;
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

function statusOf(error: unknown): number {
  // No port, or a worker that does not answer: it may work in a moment, and no other device would fare better.
  return error instanceof RingdownError && error.code.startsWith('MEDIA_') ? 503 : 500;
}

function assertedIdentity(party: { readonly displayName: string; readonly uri: string }): HeaderField {
  return ['P-Asserted-Identity', formatNameAddr(party)];
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
